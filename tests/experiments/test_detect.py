"""The experiment on faces found and aligned: its figures, tried where they are known. No photographs."""

import json

import numpy as np
import pytest

from tests.refusal import assert_refused
from tinyconv.cli.main import main
from tinyconv.data import packs
from tinyconv.data.warps import affine_matrix
from tinyconv.experiments import detect as experiment
from tinyconv.experiments.registry import reproduce
from tinyconv.faces.align import TEMPLATE
from tinyconv.faces.detect import Detection

SQUARE = np.add(TEMPLATE, (8, 0))


def face(landmarks):
    return Detection((0.0, 0.0, 1.0, 1.0), 1.0, np.asarray(landmarks))


def test_landmarks_on_the_template_have_no_error_and_shifted_ones_are_moved_back():
    np.testing.assert_allclose(experiment.template_errors(SQUARE, SQUARE), 0, atol=1e-9)
    moved, raw, least = experiment.template_errors(np.add(SQUARE, (3, 4)), SQUARE)
    np.testing.assert_allclose([moved, raw], 5)
    np.testing.assert_allclose(least, 0, atol=1e-9)


def test_a_turned_head_is_off_the_template_however_it_is_aligned():
    turned = SQUARE.copy()
    turned[2] += [9, 0]  # the nose
    moved, raw, least = experiment.template_errors(turned, SQUARE)
    assert raw.max() == pytest.approx(9)
    assert least.max() > 5
    assert moved.mean() < 2.5


def test_of_several_faces_the_one_in_the_middle_counts():
    found = [face(np.add(SQUARE, (40, 0))), face(np.add(SQUARE, (1, 1))), face(SQUARE - [0, 30])]
    assert experiment.nearest(found, SQUARE) is found[1]


def test_shares_count_every_photograph_and_a_face_that_is_not_found_is_wrong(monkeypatch):
    turn = affine_matrix(10, centre=(56, 72))
    turned = SQUARE @ turn[:2, :2].T + turn[:2, 2]
    answers = iter([[face(SQUARE)], [], [face(np.add(SQUARE, (0, 5)))], [face(turned), face(SQUARE + 50)]])
    monkeypatch.setattr(experiment, "detect", lambda picture, mtcnn: next(answers))
    shares = experiment.lfw_shares(np.zeros((4, 112, 112, 3), np.uint8), None)
    assert shares == {"aligned": 0.25, "a face is found": 0.75, "largest of five": 0.25, "landmarks themselves": 0.25,
                      "after the best alignment": 0.75}


def test_json_is_one_record_in_percent(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(experiment, "find", lambda name: name)
    monkeypatch.setattr(experiment, "load_mtcnn", lambda path: None)
    monkeypatch.setattr(experiment, "report_two_photographs", lambda mtcnn: None)
    monkeypatch.setattr(experiment, "read_lfw", lambda path: {"images": np.zeros((3, 112, 112, 3), np.uint8)})
    monkeypatch.setattr(experiment, "detect", lambda picture, mtcnn: [face(SQUARE)])
    for module in ("tinyconv.cli.reproduce", "tinyconv.experiments.results"):
        monkeypatch.setattr(f"{module}.FOLDER", tmp_path)
    assert main(["reproduce", "detect", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["measured"] == 100
    assert record["also"]["a face is found"] == 100
    assert record["data"].startswith("the 3 photographs")


def test_without_the_pack_it_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYCONV_DATA", str(tmp_path))
    monkeypatch.setattr(packs, "cache_folder", lambda: tmp_path)
    with assert_refused("tinyconv weights fetch mtcnn"):
        reproduce("detect", 0, tmp_path / "c.npz", save_weights=False)
