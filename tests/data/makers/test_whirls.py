"""The painting by code is the same for the same generator, and is a painting: strokes in colours of night and light."""

import numpy as np
import pytest

from tinyconv.data.makers.whirls import painted_style
from tinyconv.errors import DataError


def test_same_generator_same_painting():
    first, again = (painted_style(48, np.random.default_rng(3)) for _ in range(2))
    other = painted_style(48, np.random.default_rng(4))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).mean() > 0.05


def test_painting_has_blue_nights_and_yellow_lights():
    picture = painted_style(96, np.random.default_rng(0))
    assert picture.shape == (96, 96, 3)
    blue = picture[..., 2] > picture[..., 0] + 0.1
    yellow = picture[..., 0] > picture[..., 2] + 0.3
    assert blue.mean() > 0.5
    assert 0.01 < yellow.mean() < 0.3


@pytest.mark.parametrize(("size", "rng"), [(0, np.random.default_rng(0)), (7.5, np.random.default_rng(0)), (48, 0)])
def test_painting_refuses_what_is_no_size_or_no_generator(size, rng):
    with pytest.raises(DataError, match=r"^painted_style: (size|rng) is "):
        painted_style(size, rng)
