"""`tinyconv faces` with the encoder that comes with tinyconv, on people drawn by code: nothing is fetched."""

from __future__ import annotations

import json

import numpy as np

from tinyconv.cli.main import main
from tinyconv.data.images import write_image
from tinyconv.data.makers.faces import procedural_faces

PEOPLE, PICTURES = 3, 3


def test_drawn_people_are_enrolled_and_recognised_without_any_download(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TINYCONV_DATA", raising=False)
    faces, labels = procedural_faces(PEOPLE, PICTURES, 48, np.random.default_rng(77), strength=0.5)
    for number, (face, person) in enumerate(zip(faces, labels, strict=True)):
        place = tmp_path / (f"asked/{person}" if number % PICTURES == 0 else f"known/{person}")
        place.mkdir(parents=True, exist_ok=True)
        write_image(place / f"{number}.png", face)
    assert main(["faces", "enrol", "known", "--encoder", "own"]) == 0
    assert "encoder own: good for drawn faces" in capsys.readouterr().err
    assert main(["faces", "identify", "asked/*/*", "--json"]) == 0
    out, err = capsys.readouterr()
    found = [photograph["faces"][0]["candidates"][0]["identity"] for photograph in json.loads(out)["photographs"]]
    assert found == ["0", "1", "2"]
    assert "not for photographs" in err  # whenever it is used
