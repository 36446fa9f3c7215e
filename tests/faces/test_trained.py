"""Encoders of one's own in a file: what comes back encodes to the bit as what was saved."""

from dataclasses import replace

import numpy as np
import pytest

from tests.refusal import assert_refused
from tinyconv.faces.trained import Training, load_trained, save_trained
from tinyconv.models.face_encoder import face_encoder

TRAINING = Training(name="mine.npz", size=32, detects=False, people=6, pictures=12, held_out=2, equal_error_rate=0.25,
                    threshold=0.5)


def net(seed=0):
    return face_encoder((32, 32), 3, np.random.default_rng(seed)).freeze().eval()


@pytest.mark.parametrize("detects", [False, True])
def test_what_was_saved_comes_back(tmp_path, detects):
    save_trained(tmp_path / "mine.npz", net(), replace(TRAINING, detects=detects))
    encoder = load_trained(tmp_path / "mine.npz")
    assert (encoder.name, encoder.size, encoder.detects, encoder.threshold) == ("mine.npz", (32, 32), detects, 0.5)
    assert "the 6 people that it was trained on (12 pictures); its equal error rate on 2 others was 25 %" in encoder.good_for
    faces = np.random.default_rng(1).random((2, 32, 32, 3), dtype=np.float32)
    np.testing.assert_array_equal(encoder.net(faces).data, net()(faces).data)


def test_fingerprint_tells_weights_and_preparation_apart(tmp_path):
    saved = {"a": (net(), False), "again": (net(), False), "other": (net(1), False), "detecting": (net(), True)}
    for name, (made, detects) in saved.items():
        save_trained(tmp_path / name, made, replace(TRAINING, detects=detects))
    marks = {name: load_trained(tmp_path / name).fingerprint for name in saved}
    assert marks["a"] == marks["again"]
    assert len(set(marks.values())) == 3


def test_a_net_of_another_size_is_refused(tmp_path):
    save_trained(tmp_path / "mine.npz", net(), replace(TRAINING, size=64))
    with assert_refused("mine.npz does not hold a face encoder of tinyconv"):
        load_trained(tmp_path / "mine.npz")
