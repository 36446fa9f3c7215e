"""Phantoms: the head has the published densities and areas; organs and lesions are where their labels and masks say."""

import math

import numpy as np
import pytest

from tinyconv.data.makers.phantoms import HEAD, ORGANS, lesions, organs, shepp_logan
from tinyconv.errors import DataError


def test_head_has_skull_brain_ventricles_and_air():
    head = shepp_logan(256)
    assert head.shape == (256, 256, 1)
    assert head.dtype == np.float32
    levels, counts = np.unique(head.round(4), return_counts=True)
    np.testing.assert_allclose(levels[:5], [0, 0.1, 0.2, 0.3, 0.4], atol=1e-5)
    assert levels[-1] == 1
    assert levels[counts[1:].argmax() + 1] == pytest.approx(0.2)  # most of what is not air is brain


def test_integral_of_the_head_is_the_sum_of_its_ellipses():
    head = shepp_logan(400)
    expected = sum(density * math.pi * a * b for density, a, b in HEAD[:, :3])
    assert head.sum() * (2 / 400) ** 2 == pytest.approx(expected, rel=2e-3)


def test_integral_of_the_solid_head_is_the_sum_of_its_ellipsoids():
    head = shepp_logan(96, 3)
    assert head.shape == (96, 96, 96, 1)
    expected = sum(density * 4 / 3 * math.pi * a * b * c for density, a, b, c in HEAD[:, :4])
    assert head.sum() * (2 / 96) ** 3 == pytest.approx(expected, rel=2e-2)


def test_centre_slice_of_the_solid_is_nearly_the_section():
    section, solid = shepp_logan(65), shepp_logan(65, 3)
    assert (np.abs(section - solid[32]) > 0.05).mean() < 0.02


def test_first_row_is_the_forehead():
    head = shepp_logan(128)[..., 0]
    assert head[int(0.325 * 128), 64] == pytest.approx(0.3)  # the large bright ellipse lies above the middle, at y = 0.35
    assert head[int(0.675 * 128), 64] == pytest.approx(0.2)


def test_original_densities_have_little_contrast():
    head = shepp_logan(128, modified=False)
    assert head.max() == 2
    assert head[64, 64, 0] == pytest.approx(1.02, abs=0.011)


@pytest.mark.parametrize(("size", "dimensions"), [(7, 2), (32, 1), (32, 4), (32.0, 2), (32, True), (32, "2"), (32, 3.0)])
def test_head_refuses_other_sizes_and_dimensions(size, dimensions):
    with pytest.raises(DataError, match=r"^shepp_logan: (size|dimensions) is "):
        shepp_logan(size, dimensions)


def test_organs_are_even_labelled_volumes_and_repeat():
    volumes, labels = organs(12, 20, np.random.default_rng(0))
    again, _ = organs(12, 20, np.random.default_rng(0))
    np.testing.assert_array_equal(volumes, again)
    assert volumes.shape == (12, 20, 20, 20, 1)
    assert volumes.dtype == np.float32
    assert volumes.min() >= 0
    assert volumes.max() <= 1
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(np.bincount(labels, minlength=6), 2)


def test_lung_is_dark_bone_is_bright_fat_is_around():
    volumes, labels = organs(36, 24, np.random.default_rng(1), noise=5.0)
    by_organ = {name: volumes[labels == i] for i, name in enumerate(ORGANS)}
    middle = {name: v[:, 10:14, 10:14, 10:14].mean() for name, v in by_organ.items()}
    assert middle["lung"] < 0.2
    assert middle["liver"] > 0.5
    assert by_organ["bone"].max(axis=(1, 2, 3, 4)).min() > 0.8
    corner = volumes[:, :3, :3, :3].mean()
    assert corner == pytest.approx(0.3, abs=0.05)  # -50 Hounsfield units


def test_noise_is_as_large_as_asked():
    quiet, _ = organs(3, 24, np.random.default_rng(2), noise=0.0)
    loud, _ = organs(3, 24, np.random.default_rng(2), noise=20.0)
    corners = (slice(None), slice(0, 5), slice(0, 5), slice(0, 5))
    assert quiet[corners].std() < 0.04
    assert (loud[0] - quiet[0])[corners[1:]].std() == pytest.approx(20 / 500, rel=0.25)


def test_lesions_are_darker_than_the_organ_around_them():
    volumes, labels, masks = lesions(10, 28, np.random.default_rng(3), noise=5.0)
    assert volumes.shape == masks.shape == (10, 28, 28, 28, 1)
    np.testing.assert_array_equal(np.bincount(labels), [5, 5])
    np.testing.assert_array_equal(masks.any(axis=(1, 2, 3, 4)), labels == 1)
    assert set(np.unique(masks)) == {0.0, 1.0}
    for volume, mask in zip(volumes[labels == 1], masks[labels == 1], strict=True):
        inside = mask > 0
        around = np.zeros_like(inside)
        for axis in range(3):
            for step in (-4, 4):
                around |= np.roll(inside, step, axis)
        around &= ~inside & (volume > 0.45)
        assert volume[inside].mean() < volume[around].mean() - 0.05


@pytest.mark.parametrize("organ", ORGANS)
def test_every_organ_can_carry_a_lesion(organ):
    _, labels, masks = lesions(4, 8, np.random.default_rng(4), organ=organ)
    np.testing.assert_array_equal(masks.any(axis=(1, 2, 3, 4)), labels == 1)


@pytest.mark.parametrize("change", [{"n": 0}, {"size": 7}, {"noise": -1.0}, {"rng": 1}, {"noise": math.nan}, {"n": None}])
@pytest.mark.parametrize("maker", [organs, lesions])
def test_bad_arguments_are_refused(maker, change):
    arguments = {"n": 2, "size": 16, "rng": np.random.default_rng(0)} | change
    with pytest.raises(DataError, match=rf"^{maker.__name__}: \w+ is "):
        maker(**arguments)


def test_unknown_organ_lists_the_known_ones():
    with pytest.raises(DataError, match="organ is 'brain', expected one of liver, kidney"):
        lesions(2, 16, np.random.default_rng(0), organ="brain")


def test_lesion_of_the_lung_is_brighter():
    volumes, _, masks = lesions(4, 24, np.random.default_rng(5), organ="lung", noise=5.0)
    assert volumes[masks > 0].mean() > 0.2
    assert volumes[:, 11:13, 11:13, 11:13].min() < 0.1
