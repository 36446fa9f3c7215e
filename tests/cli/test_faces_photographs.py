"""`tinyconv faces` with the published weights on real photographs."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from tinyconv.cli.main import main
from tinyconv.data.areas import Areas
from tinyconv.data.images import read_image, sample_photograph, write_image

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(pack, tmp_path, monkeypatch):
    """Two photographs, the published weights, and a third photograph that shows one of the two people twice."""
    pack("weights/mtcnn_facenet.npz"), pack("weights/mobilefacenet_casia_112x96.npz")
    monkeypatch.chdir(tmp_path)
    shutil.copy(pack("style/astronaut.png"), "eileen.png")
    write_image("grace.jpg", sample_photograph(600))
    eileen, grace = read_image("eileen.png"), sample_photograph(512)
    write_image("montage.jpg", np.concatenate([eileen, grace, Areas(eileen[:, ::-1]).resized((512, 480))], axis=1))
    return tmp_path


def test_two_people_are_enrolled_verified_and_found_in_a_montage(folder, capsys):
    assert main(["faces", "enrol", "grace", "grace.jpg"]) == 0
    assert main(["faces", "enrol", "eileen", "eileen.png"]) == 0
    assert main(["faces", "verify", "eileen.png", "eileen"]) == 0
    assert main(["faces", "verify", "eileen.png", "grace"]) == 1
    capsys.readouterr()
    assert main(["faces", "identify", "montage.jpg", "--json", "--draw", "drawn.png"]) == 0
    faces = json.loads(capsys.readouterr().out)["photographs"][0]["faces"]
    assert [face["identity"] for face in faces] == ["eileen", "grace", "eileen"]
    with Image.open("drawn.png") as drawn, Image.open("montage.jpg") as photograph:
        assert drawn.size == photograph.size


def test_who_is_removed_is_not_recognized_any_more(folder, capsys):
    for name, photograph in (("grace", "grace.jpg"), ("eileen", "eileen.png")):
        assert main(["faces", "enrol", name, photograph]) == 0
    assert main(["faces", "remove", "grace"]) == 0
    capsys.readouterr()
    assert main(["faces", "identify", "montage.jpg", "--json"]) == 0
    faces = json.loads(capsys.readouterr().out)["photographs"][0]["faces"]
    assert [face["identity"] for face in faces] == ["eileen", None, "eileen"]
