"""Textures: a grating has one frequency in one direction, as Fourier sees it; the other kinds are what they are called."""

import math

import numpy as np
import pytest

from tinyconv.data.makers.noise import cloud
from tinyconv.data.makers.textures import TEXTURES, grating, gratings, textures
from tinyconv.errors import DataError


@pytest.mark.parametrize(("right", "down"), [(5, 0), (0, 7), (3, 4), (-6, 2), (8, -8)])
def test_grating_is_one_peak_in_the_fourier_plane(right, down):
    picture = grating(48, math.atan2(down, right), math.hypot(right, down))[..., 0]
    power = np.abs(np.fft.fft2(picture - 0.5)) ** 2
    assert power[down % 48, right % 48] + power[-down % 48, -right % 48] > 0.999 * power.sum()


def test_grating_phase_is_at_the_centre():
    picture = grating(33, 0.7, 3.0, phase=math.pi / 2)
    assert picture[16, 16, 0] == pytest.approx(1)


def test_gratings_say_their_angle_and_frequency():
    images, angles, frequencies = gratings(6, 64, np.random.default_rng(0))
    assert images.shape == (6, 64, 64, 1)
    for image, angle, frequency in zip(images[..., 0], angles, frequencies, strict=True):
        power = np.abs(np.fft.fft2((image - image.mean()) * np.outer(np.hanning(64), np.hanning(64)), (256, 256)))
        down, right = np.unravel_index(power[:, :128].argmax(), (256, 128))
        down = (down + 128) % 256 - 128
        assert math.hypot(right, down) / 4 == pytest.approx(frequency, abs=0.5)
        assert abs(math.remainder(math.atan2(down, right) - angle, math.pi)) < 0.2


def test_textures_are_labelled_evenly_and_repeat():
    images, labels = textures(13, 24, np.random.default_rng(1))
    again, _ = textures(13, 24, np.random.default_rng(1))
    np.testing.assert_array_equal(images, again)
    assert images.shape == (13, 24, 24, 1)
    assert images.dtype == np.float32
    assert labels.dtype == np.int64
    assert images.min() >= 0
    assert images.max() <= 1
    assert sorted(np.bincount(labels, minlength=len(TEXTURES))) == [2, 2, 2, 2, 2, 3]


def test_kinds_differ_as_they_are_called():
    images, labels = textures(120, 48, np.random.default_rng(2), noise=0)
    slope = np.abs(np.gradient(images[..., 0], axis=(1, 2))).sum(axis=0)
    kinds = {name: slope[labels == i] for i, name in enumerate(TEXTURES)}
    share = {name: (s > 0.02).mean() for name, s in kinds.items()}
    assert share["edge"] < 0.12  # one line
    assert share["corner"] < 0.12
    assert share["grating"] > 0.7  # everywhere
    assert share["checkerboard"] > share["edge"]
    assert share["dots"] > share["edge"]


def test_clouds_are_smoother_with_a_larger_power():
    rough, smooth = (np.abs(np.diff(cloud(64, np.random.default_rng(3), power), axis=0)).mean() for power in (1.0, 2.5))
    assert smooth < 0.5 * rough
    field = cloud(64, np.random.default_rng(3))
    assert field.dtype == np.float32
    assert abs(field.mean()) < 1e-5
    assert field.std() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("arguments", [(1, 0.0, 1.0), (16, 0.0, 8.5), (16, 0.0, 0.0), (16, math.nan, 2.0), (16, 0.0, math.inf),
                                       (16.0, 0.0, 2.0), (16, 0.0, -1.0)])
def test_grating_refuses_what_pixels_cannot_hold(arguments):
    with pytest.raises(DataError, match=r"^grating: \w+ is "):
        grating(*arguments)


@pytest.mark.parametrize("maker", [textures, gratings])
def test_bad_counts_are_refused(maker):
    for n, size in ((0, 32), (1, 15), (2.0, 32)):
        with pytest.raises(DataError, match=rf"^{maker.__name__}: \w+ is "):
            maker(n, size, np.random.default_rng(0))
    with pytest.raises(DataError, match=r"a numpy\.random\.Generator"):
        maker(1, 32, None)
