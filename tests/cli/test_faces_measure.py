"""`tinyconv faces calibrate`, `evaluate` and `train`: figures on counted pairs, and encoders that are whole or not there."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from tests.cli import crowd
from tests.data.readers.builders import picture, zip_of
from tinyconv.cli.faces import recogniser, train
from tinyconv.cli.main import main
from tinyconv.faces.gallery import Gallery
from tinyconv.faces.trained import load_trained

OWN = ["--encoder", "own"]
NAMES = ("Ann_Lee", "Bo", "Cy", "Di")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Four people with three pictures each in `people`, and two folds of pairs of them in pairs.txt."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(recogniser, "load_encoder", crowd.encoder)
    for person, name in enumerate(NAMES):
        for number in range(3):
            crowd.write_face(tmp_path / "people" / name / f"{name}_{number + 1:04}.png", person, number)
    folds = ["Ann_Lee\t1\t2", "Bo\t1\t3", "Ann_Lee\t1\tBo\t1", "Bo\t2\tAnn_Lee\t3",
             "Cy\t1\t2", "Di\t1\t3", "Cy\t1\tDi\t1", "Di\t2\tCy\t3"]
    (tmp_path / "pairs.txt").write_text("\n".join(["2\t2", *folds]) + "\n")
    return tmp_path


def result(capsys):
    return json.loads(capsys.readouterr().out)


# calibrate


def test_calibrate_sets_the_threshold_from_all_pairs_and_says_on_how_many_it_rests(folder, capsys):
    assert main(["faces", "calibrate", "--images", "people", "--false-match-rate", "0.1", *OWN]) == 0
    out = capsys.readouterr().out
    assert "It rests on 54 pairs of different people in 12 pictures" in out
    assert "of 12 pairs of one person it accepts 100.0 %" in out
    with Gallery.open("faces.gallery") as gallery:
        calibration, threshold = gallery.calibration, gallery.threshold
    assert (calibration.pairs, calibration.false_match_rate <= 0.1) == (54, True)
    assert f"threshold {threshold:.3f}, before 0.500" in out
    assert main(["faces", "list"]) == 0
    assert "of 54 pairs of different people" in capsys.readouterr().out


def test_calibrate_takes_the_pairs_of_a_list(folder, capsys):
    pairs = ["--images", "people", "--pairs", "pairs.txt"]
    assert main(["faces", "calibrate", *pairs, "--false-match-rate", "0.3", *OWN, "--json"]) == 0
    facts = result(capsys)
    assert (facts["different"], facts["same"], facts["pictures"]) == (4, 4, 12)
    assert facts["false_match_rate"] == 0.25


def test_calibrate_leaves_out_what_is_no_picture_and_says_so(folder, capsys):
    (folder / "people" / "Bo" / "bad.png").write_text("x")
    assert main(["faces", "calibrate", "--images", "people", "--false-match-rate", "0.1", *OWN]) == 0
    assert "left out: people/Bo/bad.png is not a picture" in capsys.readouterr().err


# evaluate


@pytest.mark.parametrize("packed", [False, True])
def test_evaluate_runs_the_protocol_on_a_folder_or_a_zip(folder, capsys, packed):
    if packed:
        files = {f"lfw/{name}/{name}_{n + 1:04}.jpg": picture(crowd.face(person, n), "JPEG")
                 for person, name in enumerate(NAMES) for n in range(3)}
        (folder / "lfw.zip").write_bytes(zip_of(files))
    assert main(["faces", "evaluate", "--images", "lfw.zip" if packed else "people", "--pairs", "pairs.txt", *OWN, "--json"]) == 0
    facts = result(capsys)
    assert (facts["pairs"], facts["photographs"], len(facts["accuracies"])) == (8, 12, 2)
    assert (facts["accuracy"], facts["standard_error"], facts["area"], facts["equal_error_rate"]) == (1, 0, 1, 0)
    assert 0 < facts["threshold"] < 2


def test_evaluate_prints_accuracy_with_its_standard_error(folder, capsys):
    assert main(["faces", "evaluate", "--images", "people", "--pairs", "pairs.txt", *OWN]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("8 pairs of 12 photographs, encoder own (")
    assert lines[1] == "accuracy            100.00 ± 0.00 % (mean of 2 folds, and its standard error)"


# train


@pytest.fixture
def album(folder):
    """Eight people to train on, two pictures each."""
    for person in range(8):
        for number in range(2):
            crowd.write_face(folder / "album" / f"p{person}" / f"{number}.png", person, number)
    return folder


SMALL = ["train", "album", "--size", "32", "--epochs", "1", "--steps", "1"]


def test_train_writes_an_encoder_that_the_other_verbs_take(album, capsys, monkeypatch):
    seen = {}

    def trained(net, images, labels, recipe, rng, augment, checkpoint, extra):
        seen.update(pictures=images.shape, people=len(np.unique(labels)), batch=(recipe.people, recipe.images))
        assert augment(images[:2], rng).shape == (2, 32, 32, 3)
        checkpoint.touch()
        return 1.5

    monkeypatch.setattr(train, "train_encoder", trained)
    assert main(["faces", *SMALL, "-o", "mine.npz", "--json"]) == 0
    facts = result(capsys)
    assert (facts["people"], facts["pictures"], facts["held_out"], facts["held_out_pictures"]) == (6, 12, 2, 4)
    assert seen == {"pictures": (12, 32, 32, 3), "people": 6, "batch": (6, 2)}
    assert 0 <= facts["equal_error_rate"] <= 1
    assert sorted(os.listdir()) == ["album", "mine.npz", "pairs.txt", "people"]  # no checkpoint is left
    assert main(["faces", "enrol", "album", "--encoder", "mine.npz"]) == 0
    assert "encoder mine.npz: good for faces like those of the 6 people" in capsys.readouterr().err
    assert main(["faces", "verify", "album/p1/0.png", "p1", "--encoder", "mine.npz"]) == 0
    capsys.readouterr()
    assert main(["faces", "identify", "album/p1/0.png"]) == 2
    assert "belongs to the encoder mine.npz" in capsys.readouterr().err
    os.rename("mine.npz", "other.npz")  # the name is kept inside
    assert load_trained("other.npz").name == "mine.npz"


def test_ctrl_c_while_training_leaves_no_encoder_and_keeps_the_one_before(album, capsys, monkeypatch):
    (album / "mine.npz").write_bytes(b"before")

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "train_encoder", interrupted)
    assert main(["faces", *SMALL, "-o", "mine.npz"]) == 130
    assert (album / "mine.npz").read_bytes() == b"before"


# what is wrong


@pytest.mark.parametrize(("arguments", "message"), [
    (["calibrate", "--images", "people", *OWN], "rate is 0.001, but 54 pairs of two people show no rate below"),
    (["calibrate", "--images", "people", "--false-match-rate", "1", *OWN], "--false-match-rate is 1"),
    (["calibrate", "--images", "absent", *OWN], "absent does not exist"),
    (["calibrate", "--images", "single", *OWN], "got 2 faces of 2 people, expected at least two people, and two pictures of one"),
    (["evaluate", "--images", "people", "--pairs", "absent.txt", *OWN], "absent.txt does not exist"),
    (["evaluate", "--images", "absent", "--pairs", "pairs.txt", *OWN], "absent does not exist"),
    (["evaluate", "--images", "people", "--pairs", "one.txt", *OWN], "one.txt has one fold, expected at least two"),
    (["evaluate", "--images", "people", "--pairs", "more.txt", *OWN],
     "people: 1 of the 6 photographs that the pairs name are absent: Ed/Ed_0009.jpg."),
    (["evaluate", "--images", "twice", "--pairs", "pairs.txt", *OWN], "are the same photograph"),
    (["train", "people"], "people has two pictures or more of 4 people, expected of at least 6"),
    (["train", "absent"], "absent does not exist"),
    (["train", "people", "--size", "16"], "--size is 16, expected 32 to 128 pixels"),
    (["train", "people", "--epochs", "0"], "--epochs is 0"),
    (["train", "people", "-o", "mine.png"], "--output is mine.png, expected a file FILE.npz"),
    (["train", "people", "-o", "no/mine.npz"], "the folder no does not exist"),
])
def test_what_is_wrong_is_one_line_exit_code_2_and_leaves_nothing(folder, capsys, arguments, message):
    for name in NAMES[:2]:
        crowd.write_face(folder / "single" / name / f"{name}_0001.png", NAMES.index(name))
    for ending in ("png", "jpg"):
        crowd.write_face(folder / "twice" / "Ann_Lee" / f"Ann_Lee_0001.{ending}", 0)
    (folder / "one.txt").write_text("1\nBo\t1\t2\nBo\t1\tCy\t1\n")
    (folder / "more.txt").write_text("2\t1\nBo\t1\t2\nBo\t1\tCy\t1\nBo\t1\t3\nCy\t2\tEd\t9\n")
    before = sorted(os.listdir())
    assert main(["faces", *arguments]) == 2
    out, err = capsys.readouterr()
    problems = [line for line in err.splitlines() if not line.startswith("encoder ")]
    assert (out, len(problems)) == ("", 1)
    assert message in problems[0]
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize(("content", "message"), [
    ({"weight": np.zeros(3)}, "is no face encoder that `tinyconv faces train` has written"),
    ({"json": np.frombuffer(b'{"format": 1, "name": "x"}', np.uint8)}, "is not a whole face encoder"),
    ({"json": np.frombuffer(b'{"format": 1, "name": "x", "size": 32, "detects": false, "people": 1, "pictures": 1, '
                            b'"held_out": 1, "equal_error_rate": 0.5, "threshold": 1.0}', np.uint8)},
     "does not hold a face encoder of tinyconv"),
])
def test_a_file_that_is_no_encoder_is_refused(folder, capsys, content, message):
    np.savez(folder / "odd.npz", **content)
    assert main(["faces", "enrol", "people", "--encoder", "odd.npz"]) == 2
    assert message in capsys.readouterr().err
