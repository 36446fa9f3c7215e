"""The experiments on faces: their protocol, tried on points whose answer is known. No training."""

import json

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.cli.main import main
from tinyconv.data import packs
from tinyconv.experiments import lfw, orl, procedural_faces
from tinyconv.experiments.registry import EXPERIMENTS, WITH_WEIGHTS, reproduce
from tinyconv.experiments.triplets import embed
from tinyconv.faces.protocol import Protocol
from tinyconv.models.face_encoder import face_encoder


def far_apart(people, images, seed=0):
    """Points (people * images, 1, 1, 2) in tight clusters, one per person."""
    rng = np.random.default_rng(seed)
    centres = 100 * np.stack(np.divmod(np.arange(people), 10), axis=1)
    return (centres[:, None] + rng.random((people, images, 2))).reshape(-1, 1, 1, 2)


def people_of_a_draw(seed=0):
    """Points (5, 10, 2), five people told apart without doubt."""
    return far_apart(orl.TEST_PEOPLE, 10, seed).reshape(orl.TEST_PEOPLE, 10, 2)


def test_people_told_apart_have_no_errors():
    distances = orl.pair_distances(people_of_a_draw())
    assert orl.percent(orl.equal_error_rate, [distances]) == 0
    assert orl.interval([distances, distances], np.random.default_rng(0)) == (0, 0)


def test_people_not_told_apart_are_half_wrong():
    distances = orl.pair_distances(np.zeros((orl.TEST_PEOPLE, 10, 2)))
    assert orl.percent(orl.equal_error_rate, [distances]) == pytest.approx(50)


def test_interval_holds_the_pooled_rate_and_is_wider_for_fewer_draws():
    rng = np.random.default_rng(0)
    draws = [orl.pair_distances(people_of_a_draw(seed) / 60 + rng.standard_normal((orl.TEST_PEOPLE, 10, 2))) for seed in range(5)]
    pooled = orl.equal_error_rate(np.concatenate(draws), np.tile(orl.same_person(), 5))
    low, high = orl.interval(draws, rng)
    assert low < pooled < high
    one = orl.interval(draws[:1], rng)
    assert one[1] - one[0] > high - low


def test_layer_leaves_points_of_length_one_and_learns_from_every_person(monkeypatch):
    monkeypatch.setattr(orl, "STEPS", 9)
    points = orl.direction(np.random.default_rng(0).standard_normal((12, 4, 3, 6)).astype(np.float32))
    seen = []

    def loss(embeddings, labels):
        seen.append(labels)
        return (embeddings * embeddings).sum()

    net = orl.layer(points, loss, 0)
    assert len(seen) == orl.STEPS
    assert all(sorted(labels) == sorted(list(range(12)) * 4) for labels in seen)
    np.testing.assert_allclose(np.linalg.norm(orl.after(net, points[:, :, 0]), axis=2), 1, rtol=1e-5)


def test_the_contrastive_loss_sees_every_pair_once():
    embeddings = tc.tensor([[0.0, 0.0], [0.0, 0.0], [0.6, 0.8]])
    assert orl.contrastive(embeddings, np.array([0, 0, 1])).item() == 0  # equal, and a margin apart


def test_recognition_of_clusters_is_perfect_and_of_noise_is_chance():
    people, images = procedural_faces.TEST_PEOPLE, procedural_faces.TEST_IMAGES
    assert procedural_faces.recognition(far_apart(people, images), np.random.default_rng(1)) == 1
    noise = np.random.default_rng(2).random((people * images, 3))
    assert abs(procedural_faces.recognition(noise, np.random.default_rng(1)) - 1 / 20) < 0.03


def test_raw_pixels_as_points_do_not_see_brightness():
    faces = np.random.default_rng(0).random((2, 3, 4, 5, 1))
    np.testing.assert_allclose(orl.flat(faces), orl.flat(0.5 * faces + 0.2))
    np.testing.assert_allclose(np.linalg.norm(orl.flat(faces), axis=2), 1)


def test_halves_are_means_of_four_pixels_and_three_colours():
    faces = np.random.default_rng(0).random((2, 3, 112, 96, 3), np.float32)
    halves = orl.halves(faces)
    assert halves.shape == (2, 3, 56, 48, 1)
    assert halves[1, 2, 5, 7, 0] == pytest.approx(faces[1, 2, 10:12, 14:16].mean(), rel=1e-5)


def test_json_of_five_draws_is_one_object_and_nothing_else(tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    points = orl.direction(rng.standard_normal((40, 1, 1, 8)) + 0.1 * rng.standard_normal((40, 10, 3, 8))).astype(np.float32)
    monkeypatch.setattr(orl, "load_encoder", lambda name: None)
    monkeypatch.setattr(orl, "load", lambda name: {"faces": None})
    monkeypatch.setattr(orl, "aligned_faces", lambda pictures, encoder: rng.random((40, 10, 4, 4, 3), np.float32))
    monkeypatch.setattr(orl, "views", lambda encoder, faces, rng: points)
    monkeypatch.setattr(orl, "from_scratch", lambda faces, others, seed, checkpoint: (None, 1.0))
    monkeypatch.setattr(orl, "embed", lambda net, images: images.reshape(len(images), -1))
    monkeypatch.setattr(orl, "interval", lambda distances, rng: (0.0, 0.01))
    monkeypatch.setattr(orl, "STEPS", 2)
    for module in ("tinyconv.cli.reproduce", "tinyconv.experiments.results"):
        monkeypatch.setattr(f"{module}.FOLDER", tmp_path)
    assert main(["reproduce", "orl", "--json", "--checkpoint", str(tmp_path / "c.npz")]) == 0
    printed = capsys.readouterr()
    record = json.loads(printed.out)
    assert record["seeds"] == [0, 1, 2, 3, 4]
    assert record["also"]["to"] == 1
    assert record["also"]["equal error rate, MobileFaceNet alone"] == 0
    assert record["also"]["equal error rate, aligned pixels"] > 30
    assert printed.err.count("draw ") == 5


def test_centring_takes_away_what_all_encodings_share():
    rng = np.random.default_rng(0)
    people, folds = 40, np.repeat(np.arange(4), 20)
    centres = rng.standard_normal((people, 6))
    points = np.repeat(centres, 2, axis=0) + 0.2 * rng.standard_normal((2 * people, 6)) + [9, 0, 0, 0, 0, 0]
    shown, same = 2 * np.repeat(rng.permutation(people), 2), np.tile([True, False], people)
    pairs = np.stack([shown, np.where(same, shown + 1, np.roll(shown, 2))], axis=1)
    protocol = Protocol(tuple(("x", n) for n in range(2 * people)), pairs, same, folds)
    assert lfw.centred_accuracies(points, protocol).shape == (4,)
    shifted = lfw.centred_accuracies(points + 30 * np.eye(6)[0], protocol)
    np.testing.assert_allclose(shifted, lfw.centred_accuracies(points, protocol))


def test_without_the_packs_orl_says_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYCONV_DATA", str(tmp_path))
    monkeypatch.setattr(packs, "cache_folder", lambda: tmp_path)
    with pytest.raises(tc.DataError, match="tinyconv weights fetch mobilefacenet"):
        reproduce("orl", 0, tmp_path / "c.npz", save_weights=False)


@pytest.mark.parametrize("name", sorted(EXPERIMENTS.keys() - WITH_WEIGHTS))
def test_experiments_without_weights_refuse_to_save_them(name, tmp_path):
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


@pytest.mark.slow
def test_faces_of_orl_are_found_aligned_and_told_apart_without_training(pack):
    pack("weights/mtcnn_facenet.npz"), pack("weights/mobilefacenet_casia_112x96.npz")
    with np.load(pack("faces_orl/orl_faces.npz")) as archive:
        pictures = archive["faces"][: orl.TEST_PEOPLE]
    encoder = orl.load_encoder("mobilefacenet")
    faces = orl.aligned_faces(pictures, encoder)
    assert faces.shape == (orl.TEST_PEOPLE, 10, 112, 96, 3)
    points = encoder.encode(faces.reshape(-1, 112, 96, 3)).reshape(orl.TEST_PEOPLE, 10, -1)
    assert orl.percent(orl.equal_error_rate, [orl.pair_distances(points)]) < 5


@pytest.mark.slow
def test_views_of_a_face_are_nearer_to_it_than_other_people_are(pack):
    pack("weights/mobilefacenet_casia_112x96.npz")
    with np.load(pack("faces_lfw/lfw_mini_pairs_rgb112x96.npz")) as archive:
        faces = archive["images"][archive["pairs"][archive["same"] == 0][:4, 1]] / np.float32(255)
    points = orl.views(orl.load_encoder("mobilefacenet"), faces[:, None], np.random.default_rng(0))[:, 0]
    assert points.shape == (4, 2 + orl.VIEWS, 128)
    own = ((points - points[:, :1]) ** 2).sum(axis=2).max()
    others = ((points[:, None, 0] - points[None, :, 0]) ** 2).sum(axis=2)[~np.eye(4, dtype=bool)].min()
    assert own < others
