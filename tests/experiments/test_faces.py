"""The experiments on faces: their protocol, tried on points whose answer is known. No training."""

import json

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.cli.main import main
from tinyconv.data import packs
from tinyconv.experiments import orl, procedural_faces
from tinyconv.experiments.registry import EXPERIMENTS, reproduce
from tinyconv.experiments.triplets import embed
from tinyconv.models.face_encoder import face_encoder


def far_apart(people, images, seed=0):
    """Points (people * images, 1, 1, 2) in tight clusters, one per person."""
    rng = np.random.default_rng(seed)
    centres = 100 * np.stack(np.divmod(np.arange(people), 10), axis=1)
    return (centres[:, None] + rng.random((people, images, 2))).reshape(-1, 1, 1, 2)


def test_people_told_apart_have_no_errors():
    faces = far_apart(5, 4).reshape(5, 4, 1, 1, 2)
    assert orl.verification(lambda x: x.reshape(len(x), -1), faces) == (0, 0)


def test_people_not_told_apart_are_half_wrong():
    equal, rejects = orl.verification(lambda x: np.zeros((len(x), 2)), far_apart(5, 4).reshape(5, 4, 1, 1, 2))
    assert equal == pytest.approx(0.5)
    assert rejects == 1  # whoever accepts anybody accepts all


def test_recognition_of_clusters_is_perfect_and_of_noise_is_chance():
    people, images = procedural_faces.TEST_PEOPLE, procedural_faces.TEST_IMAGES
    assert procedural_faces.recognition(far_apart(people, images), np.random.default_rng(1)) == 1
    noise = np.random.default_rng(2).random((people * images, 3))
    assert abs(procedural_faces.recognition(noise, np.random.default_rng(1)) - 1 / 20) < 0.03


def test_raw_pixels_as_points_do_not_see_brightness():
    faces = np.random.default_rng(0).random((3, 4, 5, 1))
    np.testing.assert_allclose(orl.flat(faces), orl.flat(0.5 * faces + 0.2))
    np.testing.assert_allclose(np.linalg.norm(orl.flat(faces), axis=1), 1)


def test_orl_faces_are_halved_by_the_mean_of_four_pixels(tmp_path, monkeypatch):
    faces = np.random.default_rng(0).integers(0, 256, (40, 10, 112, 92), np.uint8)
    (tmp_path / "faces_orl").mkdir()
    np.savez(tmp_path / "faces_orl" / "orl_faces.npz", faces=faces)
    monkeypatch.setenv("TINYCONV_DATA", str(tmp_path))
    halves = orl.load_faces()
    assert halves.shape == (40, 10, 56, 46, 1)
    assert halves.dtype == np.float32
    assert halves[3, 2, 5, 7, 0] == pytest.approx(faces[3, 2, 10:12, 14:16].mean() / 255)


def test_json_of_five_draws_is_one_object_and_nothing_else(tmp_path, monkeypatch, capsys):
    faces = np.random.default_rng(0).random((40, 10, 4, 4, 1))
    monkeypatch.setattr(orl, "load_faces", lambda: faces)
    monkeypatch.setattr(orl, "train", lambda faces, seed, checkpoint: (None, 1.0))
    monkeypatch.setattr(orl, "embed", lambda net, images: orl.flat(images))
    for module in ("tinyconv.cli.reproduce", "tinyconv.experiments.results"):
        monkeypatch.setattr(f"{module}.FOLDER", tmp_path)
    assert main(["reproduce", "orl", "--json", "--checkpoint", str(tmp_path / "c.npz")]) == 0
    printed = capsys.readouterr()
    record = json.loads(printed.out)
    assert record["seeds"] == [0, 1, 2, 3, 4]
    assert record["also"]["equal error rate"] == record["also"]["equal error rate of raw pixels"]
    assert printed.err.count("draw ") == 5


def test_without_the_pack_orl_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYCONV_DATA", str(tmp_path))
    monkeypatch.setattr(packs, "cache_folder", lambda: tmp_path)
    with pytest.raises(tc.DataError, match="tinyconv data fetch orl"):
        reproduce("orl", 0, tmp_path / "c.npz", save_weights=False)


@pytest.mark.parametrize("name", ["orl", "procedural-faces"])
def test_experiments_without_weights_refuse_to_save_them(name, tmp_path):
    assert name in EXPERIMENTS
    with pytest.raises(tc.DataError, match="--save-weights"):
        reproduce(name, 0, tmp_path / "c.npz", save_weights=True)


def test_embeddings_are_of_length_one_and_blind_to_mirrors():
    net = face_encoder((16, 16), 3, np.random.default_rng(0), embedding=8, widths=(4, 6))
    faces = np.random.default_rng(1).random((7, 16, 16, 3), np.float32)
    points = embed(net, faces)
    assert points.shape == (7, 8)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(embed(net, faces[:, :, ::-1]), points, atol=1e-5)
    assert net.training  # as it was
