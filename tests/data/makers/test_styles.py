"""Paintings by code: each style is its own, and a picture is the generator's."""

import numpy as np
import pytest

from tinyconv.data.makers.styles import STYLES, style
from tinyconv.data.makers.whirls import painted_style
from tinyconv.errors import DataError


@pytest.mark.parametrize("name", STYLES[1:])  # the first, whirls, has its own file of tests
def test_style_is_a_picture_and_repeats(name):
    first, again = (style(name, 40, np.random.default_rng(1)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first.shape == (40, 40, 3)
    assert first.dtype == np.float32
    assert first.min() >= 0
    assert first.max() <= 1
    assert first.std() > 0.05
    assert np.abs(first - style(name, 40, np.random.default_rng(2))).mean() > 0.02


def test_styles_of_one_generator_state_differ():
    pictures = [style(name, 32, np.random.default_rng(3)) for name in STYLES]
    for i, picture in enumerate(pictures):
        assert all(np.abs(picture - other).mean() > 0.03 for other in pictures[:i])


def test_whirls_are_the_painting_of_the_first_notebooks():
    np.testing.assert_array_equal(style("whirls", 32, np.random.default_rng(0)), painted_style(32, np.random.default_rng(0)))


def test_woodcut_is_ink_or_paper():
    gray = style("woodcut", 128, np.random.default_rng(4)).mean(axis=-1)
    middle = (gray > 0.3) & (gray < 0.5)
    assert middle.mean() < 0.35
    assert (gray < 0.25).mean() > 0.05
    assert (gray > 0.6).mean() > 0.2


def test_mosaic_has_flat_glass_between_dark_lead():
    picture = style("mosaic", 96, np.random.default_rng(5))
    assert 0.05 < (picture.max(axis=-1) < 0.3).mean() < 0.6


def test_styles_have_finer_grain_than_watercolour():
    """A style is a statistic of neighbouring pixels: woodcut lines change faster than washes."""
    def grain(name):
        picture = style(name, 96, np.random.default_rng(6))
        return np.abs(np.diff(picture, axis=0)).mean()

    assert min(grain("woodcut"), grain("dots"), grain("mosaic")) > 2 * grain("watercolour")


def test_unknown_style_lists_the_known_ones():
    with pytest.raises(DataError, match="style: name is 'oil', expected one of whirls, dots"):
        style("oil", 32, np.random.default_rng(0))


@pytest.mark.parametrize("size", [15, 0, -4, 32.0, None, True])
def test_bad_size_is_refused(size):
    with pytest.raises(DataError, match=r"^style: size is "):
        style("dots", size, np.random.default_rng(0))


def test_a_seed_is_no_generator():
    with pytest.raises(DataError, match=r"^style: rng is .* a numpy\.random\.Generator"):
        style("dots", 32, 0)
