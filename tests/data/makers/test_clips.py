"""Moving clips: neighbouring frames tell the motion, and a frame alone has the same distribution for all motions."""

import numpy as np
import pytest

from tinyconv.data.makers.clips import MOTIONS, _clip, clips
from tinyconv.errors import DataError

STEPS = {"left": (0, -1), "right": (0, 1), "up": (-1, 0), "down": (1, 0)}


def test_clips_are_labelled_evenly_and_repeat():
    film, labels = clips(11, 4, 16, np.random.default_rng(0))
    again, _ = clips(11, 4, 16, np.random.default_rng(0))
    np.testing.assert_array_equal(film, again)
    assert film.shape == (11, 4, 16, 16, 3)
    assert film.dtype == np.float32
    assert film.min() >= 0
    assert film.max() <= 1
    assert labels.dtype == np.int64
    assert sorted(np.bincount(labels, minlength=8)) == [1, 1, 1, 1, 1, 2, 2, 2]


@pytest.fixture(scope="module")
def film():
    return clips(160, 6, 24, np.random.default_rng(1), noise=0.0)


def test_translations_are_seen_by_shifting_one_frame_onto_the_next(film):
    pictures, labels = film
    right = []
    for clip, label in zip(pictures, labels, strict=True):
        if MOTIONS[label] not in STEPS:
            continue
        change = np.diff(clip, axis=0)
        slopes = np.gradient(clip, axis=(1, 2))
        # brightness constancy: change + velocity . slope = 0, least squares over all pixels where it changes
        a = np.stack([s[:-1].ravel() for s in slopes], 1)
        busy = np.abs(change.ravel()) > 0.02
        velocity = np.linalg.lstsq(a[busy], -change.ravel()[busy], rcond=None)[0]
        step = np.array(STEPS[MOTIONS[label]])
        right.append(velocity @ step > np.abs(velocity @ (1 - np.abs(step))))
    assert len(right) == 80
    assert np.mean(right) > 0.9


def test_turning_and_zooming_stay_in_place(film):
    pictures, labels = film
    for clip, label in zip(pictures, labels, strict=True):
        touched = (np.ptp(clip, axis=0).max(axis=-1) > 0.02).mean()
        assert 0.03 < touched < (0.75 if MOTIONS[label] in STEPS else 0.5)


def test_first_frame_does_not_depend_on_the_motion():
    first = [_clip(motion, 3, 24, 1.0, np.random.default_rng(2)) for motion in MOTIONS]
    for clip in first[1:]:
        np.testing.assert_array_equal(clip[0], first[0][0])
        assert np.abs(clip[1] - first[0][1]).mean() > 1e-3


@pytest.mark.parametrize("t", [0, 5])
def test_the_first_and_last_frames_look_alike_in_all_classes(film, t):
    pictures, labels = film
    frame = pictures[:, t].reshape(len(pictures), -1)
    features = np.stack([frame.mean(1), frame.std(1), np.abs(np.diff(pictures[:, t], axis=1)).mean((1, 2, 3)),
                         np.abs(np.diff(pictures[:, t], axis=2)).mean((1, 2, 3))], 1)
    features = (features - features.mean(0)) / features.std(0)
    means = np.stack([features[labels == k].mean(0) for k in range(8)])
    assert np.abs(means).max() < 4 / np.sqrt(20)  # within four standard errors of 20 clips


def test_frames_differ_within_every_clip(film):
    pictures, _ = film
    assert np.abs(np.diff(pictures, axis=1)).mean(axis=(2, 3, 4)).min() > 1e-3


def test_noise_is_as_large_as_asked():
    quiet, _ = clips(2, 3, 24, np.random.default_rng(3), noise=0.0)
    loud, _ = clips(2, 3, 24, np.random.default_rng(3), noise=0.03)
    assert (loud - quiet).std() == pytest.approx(0.03, rel=0.15)


@pytest.mark.parametrize("change", [{"n": 0}, {"frames": 1}, {"size": 7}, {"speed": 0.0}, {"speed": -1.0}, {"noise": -0.1},
                                    {"rng": 5}, {"frames": 4.0}, {"speed": float("nan")}])
def test_bad_arguments_are_refused(change):
    arguments = {"n": 2, "frames": 3, "size": 16, "rng": np.random.default_rng(0)} | change
    with pytest.raises(DataError, match=r"^clips: \w+ is "):
        clips(**arguments)
