"""Style transfer end to end on a picture of a few pixels, with the net that comes with tinyconv."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.data.images import sample_photograph
from tinyconv.data.makers.whirls import painted_style
from tinyconv.style.features import own_features
from tinyconv.style.transfer import OPTIMIZERS, stylize

CONTENT, STYLE = sample_photograph(40), painted_style(32, np.random.default_rng(0))


@pytest.fixture(scope="module")
def features():
    return own_features()


def paint(features, **options):
    options = {"steps": 4, "rng": np.random.default_rng(0)} | options
    return list(stylize(CONTENT, STYLE, features, **options))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_loss_falls_and_the_style_cost_with_it(features, optimizer):
    records = paint(features, optimizer=optimizer)
    assert [record.step for record in records] == [0, 1, 2, 3, 4]
    assert records[-1].loss < 0.9 * records[0].loss
    assert records[-1].style < records[0].style


def test_a_record_holds_the_parts_of_its_loss_and_the_picture_they_belong_to(features):
    for record in paint(features):
        assert record.loss == pytest.approx(record.content + record.style + record.variation, rel=1e-5)
        assert record.picture.shape == CONTENT.shape
        assert 0 <= record.picture.min() <= record.picture.max() <= 1
    again = next(stylize(record.picture, STYLE, features, steps=0, noise=0.0, rng=np.random.default_rng(0)))
    assert again.style == pytest.approx(record.style, rel=1e-4)


def test_same_seed_same_picture_other_seed_other_picture(features):
    first, second = paint(features)[-1].picture, paint(features)[-1].picture
    other = paint(features, rng=np.random.default_rng(1))[-1].picture
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - other).max() > 0.01


def test_without_noise_or_steps_the_picture_is_the_photograph(features):
    (record,) = paint(features, steps=0, noise=0.0)
    np.testing.assert_array_equal(record.picture, CONTENT)
    assert record.content == 0


def test_weights_of_the_net_stay_as_they_are(features):
    before = {name: array.copy() for name, array in features.net.state().items()}
    paint(features, steps=1)
    for name, array in features.net.state().items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize(("picture", "message"), [
    (np.full((40, 40, 3), np.nan, np.float32), "NaN"),
    (np.zeros((40, 40, 4), np.float32), r"\(40, 40, 4\)"),
    (np.zeros((40, 40), np.float32), r"expected a float picture"),
    (np.zeros((40, 40, 3), np.uint8), "uint8"),
])
def test_bad_pictures_are_refused_by_name(features, picture, message):
    with pytest.raises(tc.DataError, match=message):
        next(stylize(picture, STYLE, features, rng=np.random.default_rng(0)))
    with pytest.raises(tc.DataError, match=message):
        next(stylize(CONTENT, picture, features, rng=np.random.default_rng(0)))


@pytest.mark.parametrize("options", [
    {"optimizer": "sgd"}, {"steps": -1}, {"noise": 2.0}, {"style_weight": np.nan}, {"content_weight": -1.0},
])
def test_bad_options_are_refused(features, options):
    with pytest.raises(tc.DataError, match="expected"):
        paint(features, **options)


def test_a_loss_that_is_not_finite_ends_the_painting(features):
    with pytest.raises(tc.DataError, match="loss is inf at step"), np.errstate(over="ignore", invalid="ignore"):
        paint(features, style_weight=1e38)
