"""`tinyconv faces` as a user meets it: enrol, verify, identify, list and remove; or one line, exit code 2 and nothing changed."""

from __future__ import annotations

import json
import os

import pytest
from PIL import Image

from tests.cli import crowd
from tinyconv.cli.faces import recogniser
from tinyconv.cli.main import main
from tinyconv.faces import photographs
from tinyconv.faces.gallery import Gallery

ANN, BO, CY = 1, 2, 3
OWN = ["--encoder", "own"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to stand in, the encoder of the crowd, and a detector that finds its faces in photographs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(recogniser, "load_encoder", lambda name: crowd.encoder(name, detects=name == "mobilefacenet"))
    monkeypatch.setattr(recogniser, "need", lambda names: None)
    monkeypatch.setattr(recogniser, "find", lambda name: name)
    monkeypatch.setattr(recogniser, "load_mtcnn", lambda path: path)
    monkeypatch.setattr(photographs, "detect", crowd.found)
    monkeypatch.setattr(photographs, "align", crowd.cut)
    return tmp_path


@pytest.fixture
def gallery(folder, capsys):
    """Ann with two pictures and Bo with one, in faces.gallery."""
    pictures = (("ann1", ANN, 0), ("ann2", ANN, 1), ("ann3", ANN, 2), ("bo1", BO, 0), ("bo2", BO, 1), ("cy1", CY, 0))
    for name, person, number in pictures:
        crowd.write_face(folder / f"{name}.png", person, number)
    assert main(["faces", "enrol", "ann", "ann1.png", "ann2.png", *OWN]) == 0
    assert main(["faces", "enrol", "bo", "bo1.png"]) == 0
    capsys.readouterr()
    return folder / "faces.gallery"


def people_of(path):
    with Gallery.open(path) as gallery:
        return {person.identity: person.images for person in gallery.list()}


def result(capsys):
    """The JSON object that stands alone on standard output."""
    return json.loads(capsys.readouterr().out)


# enrol


def test_enrol_takes_a_name_and_pictures_and_says_where_they_are(folder, capsys):
    for number in range(3):
        crowd.write_face(folder / f"ann{number}.png", ANN, number)
    assert main(["faces", "enrol", "ann", "ann*.png", "ann0.png", *OWN]) == 0  # a glob that no shell has expanded
    out, err = capsys.readouterr()
    assert out == "ann: 3 of 3 pictures enrolled in faces.gallery\n"
    assert err == "encoder own: good for tests only.\n"
    assert people_of("faces.gallery") == {"ann": 3}


def test_enrol_takes_a_folder_of_one_person_and_one_with_a_folder_for_each(folder, capsys):
    for name, person in (("ann", ANN), ("bo", BO)):
        for number in range(2):
            crowd.write_face(folder / "people" / name / f"{number}.png", person, number)
    (folder / "people" / "readme.txt").touch()
    assert main(["faces", "enrol", "cy", "people/bo", "--gallery", "one.gallery", *OWN]) == 0
    assert people_of("one.gallery") == {"cy": 2}
    capsys.readouterr()
    assert main(["faces", "enrol", "people", *OWN]) == 0
    assert capsys.readouterr().out.splitlines() == ["ann: 2 of 2 pictures enrolled in faces.gallery",
                                                    "bo: 2 of 2 pictures enrolled in faces.gallery"]
    assert people_of("faces.gallery") == {"ann": 2, "bo": 2}


def test_enrol_the_same_picture_twice_stores_it_once(gallery, capsys):
    assert main(["faces", "enrol", "ann", "ann1.png", "ann3.png"]) == 0
    assert capsys.readouterr().out == "ann: 1 of 2 pictures enrolled in faces.gallery, 1 known already\n"
    assert people_of(gallery) == {"ann": 3, "bo": 1}


def test_enrol_names_bad_pictures_keeps_the_good_ones_and_exits_with_2(gallery, capsys):
    gallery.with_name("bad.png").write_text("no picture")
    assert main(["faces", "enrol", "cy", "absent.png", "cy1.png", "bad.png"]) == 2
    out, err = capsys.readouterr()
    assert out == "cy: 1 of 3 pictures enrolled in faces.gallery\n"
    lines = err.splitlines()
    assert lines[1].startswith("tinyconv faces: absent.png does not exist")
    assert lines[2].startswith("tinyconv faces: bad.png is not a picture")
    assert len(lines) == 3
    assert people_of(gallery) == {"ann": 2, "bo": 1, "cy": 1}


def test_enrol_json_is_one_object(gallery, capsys):
    assert main(["faces", "enrol", "cy", "absent.png", "cy1.png", "--json"]) == 2
    facts = result(capsys)
    assert facts["enrolled"] == [{"identity": "cy", "pictures": 2, "enrolled": 1, "known": 0}]
    assert (facts["gallery"], facts["encoder"], len(facts["problems"])) == ("faces.gallery", "own", 1)


def test_enrol_wants_one_face_in_a_photograph_or_takes_the_largest(folder, capsys):
    crowd.write_group(folder / "two.png", [ANN, BO])
    crowd.write_group(folder / "none.png", [])
    crowd.write_group(folder / "one.png", [ANN])
    assert main(["faces", "enrol", "ann", "two.png", "none.png", "one.png"]) == 2
    out, err = capsys.readouterr()
    assert out == "ann: 1 of 3 pictures enrolled in faces.gallery\n"
    assert "two.png: 2 faces found, expected one" in err
    assert "none.png: no face found" in err
    assert main(["faces", "enrol", "ann", "two.png", "--largest"]) == 0


def test_without_a_usable_picture_no_gallery_is_made(folder, capsys):
    assert main(["faces", "enrol", "ann", "absent.png", *OWN]) == 2
    assert os.listdir(folder) == []
    assert capsys.readouterr().err.count("tinyconv faces: ") == 1


def test_ctrl_c_while_enrolling_keeps_what_was_reported(folder, capsys, monkeypatch):
    for name in ("ann", "bo"):
        crowd.write_face(folder / "people" / name / "1.png", ANN)
    whole = recogniser.Recogniser.one_face

    def interrupted(self, source, largest):
        if "bo" in source.name:
            raise KeyboardInterrupt
        return whole(self, source, largest)

    monkeypatch.setattr(recogniser.Recogniser, "one_face", interrupted)
    assert main(["faces", "enrol", "people", *OWN]) == 130
    assert capsys.readouterr().out == "ann: 1 of 1 picture enrolled in faces.gallery\n"
    assert people_of("faces.gallery") == {"ann": 1}


# verify


def test_verify_exits_with_0_for_the_same_person_and_1_for_another_and_shows_distance_and_threshold(gallery, capsys):
    assert main(["faces", "verify", "ann3.png", "ann"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("ann3.png shows ann: distance 0.0")
    assert "threshold 0.500 (the encoder's own)" in out
    assert main(["faces", "verify", "bo2.png", "ann"]) == 1
    assert capsys.readouterr().out.startswith("bo2.png does not show ann: distance ")


def test_verify_json_agrees_with_the_gallery(gallery, capsys):
    assert main(["faces", "verify", "bo2.png", "ann", "--json"]) == 1
    facts = result(capsys)
    assert facts["same"] is False
    assert facts["distance"] > facts["threshold"] == 0.5
    assert facts["box"] == [0, 0, crowd.EDGE, crowd.EDGE]


# identify


def test_identify_names_every_face_or_says_not_recognized_and_shows_distances(folder, capsys):
    for name, person in (("ann", ANN), ("bo", BO)):
        crowd.write_group(folder / f"{name}.png", [person])
        assert main(["faces", "enrol", name, f"{name}.png"]) == 0
    crowd.write_group(folder / "party.png", [BO, CY, ANN])
    crowd.write_group(folder / "empty.png", [])
    capsys.readouterr()
    assert main(["faces", "identify", "party.png", "empty.png", "--top", "2", "--json"]) == 0
    party, empty = result(capsys)["photographs"]
    assert [face["identity"] for face in party["faces"]] == ["bo", None, "ann"]  # from left to right
    assert [len(face["candidates"]) for face in party["faces"]] == [2, 2, 2]
    assert party["faces"][1]["distance"] > 0.5 > party["faces"][0]["distance"]
    assert empty["faces"] == []
    assert main(["faces", "identify", "party.png", "empty.png"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "party.png: 3 faces, threshold 0.500"
    assert lines[1].startswith("  bo              distance 0.000  at (0, 24) to (24, 48)")
    assert lines[2].startswith("  not recognized  distance ")
    assert lines[4] == "empty.png: 0 faces, threshold 0.500"


def test_identify_draws_the_photograph_with_its_own_size(gallery, capsys):
    assert main(["faces", "identify", "ann3.png", "--draw", "out.png"]) == 0
    with Image.open("out.png") as drawn, Image.open("ann3.png") as photograph:
        assert drawn.size == photograph.size


def test_identify_goes_on_after_a_bad_photograph(gallery, capsys):
    assert main(["faces", "identify", "absent.png", "ann3.png"]) == 2
    out, err = capsys.readouterr()
    assert out.startswith("ann3.png: 1 face")
    assert "absent.png does not exist" in err


# list and remove


def test_list_shows_people_encoder_and_threshold_and_needs_no_encoder(gallery, capsys, monkeypatch):
    monkeypatch.delattr(recogniser, "load_encoder")
    assert main(["faces", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("faces.gallery: 2 people, 3 encodings; encoder own (")
    assert [line.split()[:2] for line in lines[1:]] == [["ann", "2"], ["bo", "1"]]
    assert main(["faces", "list", "--json"]) == 0
    facts = result(capsys)
    assert [(person["identity"], person["images"]) for person in facts["people"]] == [("ann", 2), ("bo", 1)]
    assert facts["encoder"]["name"] == "own"


def test_list_exports_encodings_with_their_sources(gallery, capsys):
    assert main(["faces", "list", "--export", "all.json"]) == 0
    assert "all.json: written" in capsys.readouterr().out
    saved = json.loads((gallery.parent / "all.json").read_text())
    assert [row["source"] for row in saved["encodings"]] == ["ann1.png", "ann2.png", "bo1.png"]


def test_remove_says_what_is_deleted_and_what_is_not(gallery, capsys):
    assert main(["faces", "remove", "ann"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("ann: 2 encodings deleted from faces.gallery")
    assert "photographs, exports and copies of the gallery are not touched" in out
    assert people_of(gallery) == {"bo": 1}


def test_remove_of_several_removes_nobody_if_one_is_unknown(gallery, capsys):
    assert main(["faces", "remove", "ann", "boo"]) == 2
    assert capsys.readouterr().err == "tinyconv faces: nobody in faces.gallery is called boo; did you mean bo?\n"
    assert people_of(gallery) == {"ann": 2, "bo": 1}


# what is wrong


@pytest.mark.parametrize(("arguments", "message"), [
    (["enrol", "ann"], "got ann alone, expected a name and pictures"),
    (["enrol", "ann1.png"], "got ann1.png alone"),
    (["enrol", "."], ". holds pictures itself, expected a folder for each person; if all show one, say who"),
    (["enrol", "ann1.png", "ann2.png"], "ann1.png is a path, expected first the name"),
    (["enrol", "ann", "*.gif"], "*.gif matches no pictures"),
    (["enrol", "a\nb", "ann1.png"], "has a control or invisible sign"),
    (["enrol", "ann", "ann1.png", "--encoder", "mobilefacenet"], "faces.gallery belongs to the encoder own"),
    (["enrol", "ann", "ann1.png", "--encoder", "owm"], "encoder 'owm' is unknown; did you mean own?"),
    (["enrol", "ann", "ann1.png", "--encoder", "absent.npz"], "absent.npz does not exist"),
    (["enrol", "ann", "ann1.png", "--gallery", "no/where"], "the folder no does not exist"),
    (["enrol", "ann", "ann1.png", "--gallery", "."], ". is a folder"),
    (["enrol", "ann", "ann1.png", "--gallery", "ann1.png"], "ann1.png is no gallery"),
    (["verify", "ann1.png", "anne"], "nobody in faces.gallery is called anne; did you mean ann?"),
    (["verify", "absent.png", "ann"], "absent.png does not exist"),
    (["verify", "*.png", "ann"], "photographs, from ann1.png to cy1.png, expected one"),
    (["verify", "ann1.png", "ann", "--gallery", "absent"], "absent does not exist, expected a gallery; enrol somebody first"),
    (["verify", "ann1.png", "ann", "--draw", "out.jpg"], "has the ending '.jpg', expected .png"),
    (["verify", "ann1.png", "ann", "--aligned", "no"], "the encoder own takes whole pictures"),
    (["identify", "ann1.png", "--gallery", "absent"], "absent does not exist, expected a gallery"),
    (["identify", "ann1.png", "ann2.png", "--draw", "out.png"], "got 2 photographs"),
    (["identify", "ann1.png", "--draw", "no/out.png"], "the folder no does not exist"),
    (["identify", "ann1.png", "--top", "0"], "--top is 0"),
    (["list", "--gallery", "absent"], "absent does not exist"),
    (["list", "--export", "no/all.json"], "the folder no does not exist"),
    (["remove", "nobody"], "nobody in faces.gallery is called nobody"),
])
def test_what_is_wrong_is_one_line_exit_code_2_and_changes_nothing(gallery, capsys, arguments, message):
    before, people = sorted(os.listdir()), people_of(gallery)
    assert main(["faces", *arguments]) == 2
    out, err = capsys.readouterr()
    problems = [line for line in err.splitlines() if not line.startswith("encoder ")]
    assert out == ""
    assert len(problems) == 1
    assert problems[0].startswith("tinyconv faces: ")
    assert message in problems[0]
    assert (sorted(os.listdir()), people_of(gallery)) == (before, people)


def test_an_emptied_gallery_says_how_to_begin(gallery, capsys):
    assert main(["faces", "remove", "ann", "bo"]) == 0
    assert main(["faces", "identify", "ann1.png"]) == 2
    assert "nobody is enrolled in faces.gallery; begin with `tinyconv faces enrol NAME PICTURE...`" in capsys.readouterr().err
