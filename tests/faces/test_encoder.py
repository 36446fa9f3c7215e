"""An encoder gives each face a direction, the same as its mirror image, and says which weights it has."""

import numpy as np
import pytest

import tinyconv as tc
from tests.faces.invented import DIMENSION, SIZE, encoder
from tests.refusal import assert_refused
from tinyconv.faces.encoder import fingerprint, load_encoder


def faces(count, seed=0):
    return np.random.default_rng(seed).random((count, *SIZE, 3), np.float32)


def test_a_point_is_the_direction_between_those_of_a_face_and_its_mirror_image():
    made, x = encoder(), faces(5)
    found = made.encode(x)
    with tc.no_grad():
        sides = made.net(x).data + made.net(x[:, :, ::-1]).data
    np.testing.assert_allclose(found, sides / np.linalg.norm(sides, axis=1, keepdims=True), atol=1e-6)
    assert found.dtype == np.float32
    assert made.dimension == DIMENSION


def test_a_face_and_its_mirror_image_are_one_point():
    x = faces(3)
    np.testing.assert_allclose(encoder().encode(x), encoder().encode(np.ascontiguousarray(x[:, :, ::-1])), atol=1e-6)


def test_lengths_of_the_nets_points_make_no_difference():
    made, x = encoder(), faces(4)
    longer = encoder(net=lambda pixels: made.net(pixels) * 7)
    np.testing.assert_allclose(longer.encode(x), made.encode(x), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(longer.encode(x), axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_batches_of_any_size_give_the_same_points(batch_size):
    np.testing.assert_allclose(encoder().encode(faces(7), batch_size), encoder().encode(faces(7)), atol=1e-6)


def test_no_faces_give_no_points():
    assert encoder().encode(faces(0)).shape == (0, DIMENSION)


@pytest.mark.parametrize(("wrong", "message"), [
    (faces(2).astype(np.float64), "got faces float64"),
    ((255 * faces(2)).astype(np.uint8), "got faces uint8"),
    (faces(2)[0], r"got faces float32 \(20, 16, 3\), expected float32 \(N, 20, 16, 3\)"),
    (faces(2)[..., :1], "expected float32"),
    (faces(2)[:, :, :-1], "expected float32"),
    (255 * faces(2), r"got pixels from .* to 25.*, expected RGB in \[0, 1\]"),
    (np.full((1, *SIZE, 3), np.nan, np.float32), "got pixels from nan"),
    ([[1, 2], [3]], "is no array"),
])
def test_what_is_no_face_is_refused(wrong, message):
    with assert_refused(message, tc.TinyconvError):
        encoder().encode(wrong)


def test_a_net_that_gives_no_direction_is_an_error():
    nothing = encoder(net=lambda pixels: tc.tensor(np.zeros((len(pixels), DIMENSION), np.float32)))
    with assert_refused("a point without a direction"):
        nothing.encode(faces(2))


def test_fingerprint_tells_weights_size_and_preprocessing_apart():
    net = encoder().net
    own = fingerprint(net, SIZE, "aligned")
    assert own == fingerprint(encoder().net, SIZE, "aligned")
    assert len(own) == 16
    others = {fingerprint(encoder(seed=1).net, SIZE, "aligned"), fingerprint(net, (16, 20), "aligned"),
              fingerprint(net, SIZE, "whole")}
    state = {name: array.copy() for name, array in net.state().items()}
    state["norm1.running_mean"][0] += np.float32(1e-6)
    others.add(fingerprint(net.load_state(state), SIZE, "aligned"))
    assert len(others | {own}) == 5


def test_unknown_encoder_is_refused_and_an_absent_pack_names_its_command(monkeypatch, tmp_path):
    with assert_refused("name is 'facenet', expected one of mobilefacenet, own"):
        load_encoder("facenet")
    monkeypatch.setattr("tinyconv.data.packs.folders", lambda: [tmp_path])
    with assert_refused("tinyconv weights fetch mobilefacenet"):
        load_encoder("mobilefacenet")


@pytest.mark.slow
def test_mobilefacenet_tells_the_sample_pairs_apart_at_its_threshold(pack):
    pack("weights/mobilefacenet_casia_112x96.npz")
    with np.load(pack("faces_lfw/lfw_mini_pairs_rgb112x96.npz")) as sample:
        images, (first, second), same = sample["images"], sample["pairs"].T, sample["same"].astype(bool)
    made = load_encoder("mobilefacenet")
    found = made.encode(images.astype(np.float32) / np.float32(255))
    distances = np.square(found[first] - found[second]).sum(axis=1)
    assert made.dimension == 128
    assert made.detects
    assert (distances[~same] > made.threshold).all()
    assert (distances[same] <= made.threshold).mean() > 0.9
