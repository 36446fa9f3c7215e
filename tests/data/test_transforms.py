"""Every transform draws what it says for each image, keeps dtype and range, and never writes into its input."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.refusal import assert_refused
from tinyconv.data.transforms import affine, center_crop, colour, compose, elastic, flip, noise, random_crop, turn
from tinyconv.data.warps import affine_matrix, sample, warp

BATCH = np.random.default_rng(0).random((6, 9, 12, 3), dtype=np.float32)


def fresh(seed=3):
    return np.random.default_rng(seed)


RANDOM = {
    "affine": partial(affine, rotation=20, scale=(0.7, 1.4), shear=10, shift=0.2, fill="edge"),
    "elastic": partial(elastic, alpha=8, sigma=2, fill="edge"),
    "turn": partial(turn, sd=0.1),
    "random_crop": partial(random_crop, size=(9, 12), padding=3, mode="reflect"),
    "flip": flip,
    "noise": partial(noise, sd=0.2),
    "colour": partial(colour, brightness=0.5, contrast=0.5, saturation=0.5),
}
each = pytest.mark.parametrize("transform", RANDOM.values(), ids=RANDOM)


@each
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_shape_range_and_input_are_kept(transform, dtype):
    images = np.clip(BATCH * 3 - 1, 0, 1).astype(dtype)  # many values at both ends of the range
    before = images.copy()
    images.flags.writeable = False
    got = transform(images, fresh())
    assert got.dtype == dtype
    assert got.shape == images.shape
    assert 0 <= got.min() < got.max() <= 1
    assert not np.array_equal(got, before)
    np.testing.assert_array_equal(images, before)
    assert not np.shares_memory(got, images)


@each
def test_the_same_state_gives_the_same_and_goes_on_to_something_else(transform):
    rng = fresh()
    first = transform(BATCH, rng)
    np.testing.assert_array_equal(transform(BATCH, fresh()), first)
    assert not np.array_equal(transform(BATCH, rng), first)


@each
def test_each_image_of_a_batch_draws_its_own(transform):
    got = transform(np.repeat(BATCH[:1], 40, axis=0), fresh())
    different = {image.tobytes() for image in got}
    assert len(different) == 2 if transform is flip else len(different) > 20  # 49 windows are possible, more of the others


@each
def test_one_picture_is_a_batch_of_one(transform):
    got = transform(BATCH[0], fresh(5))
    assert got.shape == BATCH[0].shape
    np.testing.assert_array_equal(got, transform(BATCH[:1], fresh(5))[0])


@each
def test_an_empty_batch_and_a_strided_one_are_fine(transform):
    assert transform(BATCH[:0], fresh()).shape == (0, 9, 12, 3)
    strided = np.repeat(BATCH, 2, axis=2)[:, :, ::2]
    assert not strided.flags.c_contiguous
    np.testing.assert_array_equal(transform(strided, fresh()), transform(BATCH, fresh()))


@each
def test_a_single_pixel_is_fine(transform):
    pixel = np.full((2, 1, 1, 3), 0.5, np.float32)
    if transform is RANDOM["random_crop"]:
        transform = partial(random_crop, size=1, padding=3, mode="edge")
    assert transform(pixel, fresh()).shape == (2, 1, 1, 3)


def test_settings_that_change_nothing_change_no_bit():
    for identity in (affine, partial(elastic, alpha=0, sigma=3), partial(random_crop, size=(9, 12)), partial(flip, probability=0),
                     partial(noise, sd=0), colour, partial(affine, scale=(1, 1), fill="edge")):
        got = identity(BATCH, fresh())
        np.testing.assert_array_equal(got, BATCH)
        assert not np.shares_memory(got, BATCH)


def test_affine_is_the_warp_of_what_it_drew():
    got = affine(BATCH, fresh(), rotation=20, scale=(0.7, 1.4), shear=10, shift=0.25, fill=0.5)
    rng = fresh()
    angles, factors, slants = rng.normal(0, 20, 6), rng.uniform(0.7, 1.4, 6), rng.normal(0, 10, 6)
    shifts = rng.uniform(-0.25, 0.25, (6, 2)) * [12, 9]
    for number in range(6):
        matrix = affine_matrix(angles[number], factors[number], slants[number], shifts[number], centre=(5.5, 4))
        np.testing.assert_allclose(got[number], warp(BATCH[number], matrix, fill=0.5), atol=1e-6)


def test_affine_turns_shrinks_and_shifts_by_as_much_as_it_says():
    ramp = np.zeros((400, 21, 21, 2))
    ramp[..., 0], ramp[..., 1] = np.arange(21) - 10, (np.arange(21) - 10)[:, None]  # each pixel says where it came from: x, y
    x, y = affine(ramp, fresh(), rotation=5, fill="edge")[:, 10, 15].T
    angle = np.rad2deg(np.arctan2(y, x))
    assert angle.std() == pytest.approx(5, rel=0.15)
    assert abs(angle.mean()) < 1
    x = affine(ramp, fresh(), scale=(1.25, 2.0))[:, 10, 15, 0]
    assert 5 / 2 <= x.min() < 5 / 1.95
    assert 5 / 1.3 < x.max() <= 5 / 1.25
    x, y = affine(ramp, fresh(), shift=0.2, fill="edge")[:, 10, 10].T
    assert 4 < np.abs(x).max() <= 0.2 * 21
    assert 4 < np.abs(y).max() <= 0.2 * 21
    assert abs(np.corrcoef(x, y)[0, 1]) < 0.2
    x = affine(ramp, fresh(), shear=10, fill="edge")[:, 15, 10, 0]
    assert np.rad2deg(np.arctan(x / -5)).std() == pytest.approx(10, rel=0.15)


def test_elastic_displaces_smoothly_and_by_as_much_as_it_says():
    ramp = np.zeros((20, 61, 61, 2))
    ramp[..., 0], ramp[..., 1] = np.arange(61), np.arange(61)[:, None]
    moved = (elastic(ramp, fresh(), alpha=20, sigma=4, fill="edge") - ramp)[:, 15:-15, 15:-15]
    assert moved.std() == pytest.approx(0.163 * 20 / 4, rel=0.1)  # 1 / sqrt(3) / (2 sqrt(pi) sigma) times alpha
    assert abs(np.corrcoef(moved[..., 0].ravel(), moved[..., 1].ravel())[0, 1]) < 0.1
    step = np.diff(moved, axis=2).std() / moved.std()  # of a Gaussian field: sqrt(2 - 2 exp(-1 / 4 sigma^2))
    assert step == pytest.approx(np.sqrt(2 - 2 * np.exp(-1 / 64)), rel=0.1)


def test_elastic_looks_up_where_the_smoothed_fields_say():
    fields = fresh().random((2, 6, 9, 12), np.float32) * 2 - 1
    offsets = np.arange(-12, 13)
    kernel = np.exp(-(offsets**2) / (2 * 1.5**2))
    for axis in (2, 3):
        fields = np.apply_along_axis(lambda line: np.convolve(line, kernel / kernel.sum())[12:-12], axis, fields)
    y, x = np.mgrid[:9, :12]
    expected = sample(BATCH, x + 7 * fields[0], y + 7 * fields[1], fill=0.5)
    np.testing.assert_allclose(elastic(BATCH, fresh(), alpha=7, sigma=1.5, fill=0.5), expected, atol=1e-4)


def test_elastic_bends_all_channels_alike():
    grey = np.repeat(BATCH[..., :1], 3, axis=3)
    got = elastic(grey, fresh(), alpha=20, sigma=3)
    np.testing.assert_array_equal(got[..., 0], got[..., 2])


def test_a_crop_is_a_window_of_the_padded_image():
    for mode in ("constant", "edge", "reflect"):
        options = {"constant_values": 0.25} if mode == "constant" else {}
        padded = np.pad(BATCH, ((0, 0), (2, 2), (3, 3), (0, 0)), mode, **options)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 7), axis=(1, 2)).transpose(0, 1, 2, 4, 5, 3)
        got = random_crop(BATCH, fresh(), (5, 7), padding=(2, 3), mode=mode, fill=0.25)
        for crop, places in zip(got, windows, strict=True):
            assert (places == crop).all(axis=(2, 3, 4)).sum() >= 1


def test_every_position_of_the_window_is_drawn():
    image = np.arange(20.0).reshape(1, 4, 5, 1)
    corners = random_crop(np.repeat(image, 3000, axis=0), fresh(), (2, 3))[:, 0, 0, 0]
    counts = np.unique(corners, return_counts=True)[1]
    assert len(counts) == 9
    assert counts.min() > 333 - 80
    assert counts.max() < 333 + 80


def test_a_crop_may_be_as_large_as_the_padded_image():
    got = random_crop(BATCH, fresh(), (13, 16), padding=2)
    np.testing.assert_array_equal(got[:, 2:-2, 2:-2], BATCH)
    assert random_crop(BATCH, fresh(), 4).shape == (6, 4, 4, 3)
    assert random_crop(BATCH, fresh(), np.array([4, 5]), padding=np.array([1, 0])).shape == (6, 4, 5, 3)


def test_center_crop_is_the_middle():
    np.testing.assert_array_equal(center_crop(BATCH, (5, 7)), BATCH[:, 2:7, 2:9])
    np.testing.assert_array_equal(center_crop(BATCH[0], 4), BATCH[0, 2:6, 4:8])
    np.testing.assert_array_equal(center_crop(BATCH, (9, 12)), BATCH)
    assert not np.shares_memory(center_crop(BATCH, 4), BATCH)


def test_flip_mirrors_left_and_right_as_often_as_asked():
    np.testing.assert_array_equal(flip(BATCH, fresh(), 1.0), BATCH[:, :, ::-1])
    many = np.repeat(BATCH[:1], 2000, axis=0)
    flipped = (flip(many, fresh(), 0.3) == BATCH[0, :, ::-1]).all(axis=(1, 2, 3))
    assert flipped.mean() == pytest.approx(0.3, abs=0.04)


def test_noise_has_the_deviation_asked_for_and_is_clipped():
    grey = np.full((4, 50, 50, 3), 0.5)
    added = noise(grey, fresh(), 0.05) - grey
    assert added.std() == pytest.approx(0.05, rel=0.03)
    assert abs(added.mean()) < 0.002
    assert noise(grey, fresh(), 5.0).min() == 0


def test_colour_follows_its_formulas():
    images = 0.3 + 0.4 * BATCH.astype(np.float64)  # far from the ends: nothing is clipped
    luma = np.array([0.299, 0.587, 0.114])
    factors = fresh().uniform(0.9, 1.1, (6, 1, 1, 1))
    np.testing.assert_allclose(colour(images, fresh(), brightness=0.1), factors * images)
    rng = fresh()
    rng.random(6)  # the brightness, which was not asked for
    factors = rng.uniform(0.8, 1.2, (6, 1, 1, 1))
    mean = (images @ luma).mean(axis=(1, 2))[:, None, None, None]
    np.testing.assert_allclose(colour(images, fresh(), contrast=0.2), mean + factors * (images - mean))
    rng = fresh()
    rng.random(12)
    factors = rng.uniform(0.7, 1.3, (6, 1, 1, 1))
    grey = (images @ luma)[..., None]
    np.testing.assert_allclose(colour(images, fresh(), saturation=0.3), grey + factors * (images - grey))


def test_colour_clips_between_its_steps():
    white = np.ones((50, 3, 3, 1))
    white[:, 0, 0] = 0
    rng = fresh()
    brighter, steeper = rng.uniform(0, 2, (50, 1, 1, 1)), rng.uniform(0, 2, (50, 1, 1, 1))
    lit = np.clip(brighter * white, 0, 1)
    mean = lit.mean(axis=(1, 2, 3), keepdims=True)
    expected = np.clip(mean + steeper * (lit - mean), 0, 1)
    np.testing.assert_allclose(colour(white, fresh(), brightness=1, contrast=1), expected, atol=1e-12)


@given(seed=st.integers(0, 10_000))
def test_no_geometric_transform_leaves_the_range_by_rounding(seed):
    images = np.random.default_rng(seed).integers(0, 2, (3, 5, 6, 1)).astype(np.float32)
    for transform in (partial(affine, rotation=90, scale=(0.3, 3), shear=20, shift=0.5, fill=1.0),
                      partial(elastic, alpha=9, sigma=1, fill="edge")):
        got = transform(images, np.random.default_rng(seed))
        assert got.min() >= 0
        assert got.max() <= 1


def test_geometric_transforms_take_any_range():
    images = BATCH * 510 - 255
    for transform in (RANDOM["affine"], RANDOM["elastic"], RANDOM["random_crop"], flip):
        assert transform(images, fresh()).min() < -100


def test_compose_applies_its_steps_in_order_with_one_generator():
    steps = [RANDOM["random_crop"], flip, RANDOM["noise"]]
    rng = fresh()
    expected = BATCH
    for step in steps:
        expected = step(expected, rng)
    np.testing.assert_array_equal(compose(*steps)(BATCH, fresh()), expected)
    nested = compose(compose(*steps[:2]), steps[2])
    np.testing.assert_array_equal(nested(BATCH, fresh()), expected)
    middle = compose(lambda images, rng: center_crop(images, 4), flip)
    assert middle(BATCH, fresh()).shape == (6, 4, 4, 3)


def test_a_turned_head_moves_its_middle_and_keeps_its_outline():
    picture = np.zeros((41, 41, 1))
    picture[:, 20] = 1  # a nose
    picture[:, [0, 40]] = 0.2  # two ears
    turned = turn(np.repeat(picture[None], 50, axis=0), fresh(), sd=0.2)
    noses = turned[:, 20, :, 0].argmax(axis=1)
    assert noses.min() < 17
    assert noses.max() > 23
    np.testing.assert_allclose(turned[:, 0, :, 0].argmax(axis=1) - 20, (noses - 20) / 2, atol=1)  # by half as far at the top
    np.testing.assert_array_equal(turned[:, [0, 0, 40, 40], [0, 40, 0, 40]], 0.2)  # the corners do not move
    np.testing.assert_array_equal(turn(BATCH, fresh(), sd=0), BATCH)


FAULTS = {
    "integers": (lambda: flip(np.zeros((2, 4, 4, 3), np.uint8), fresh()), r"flip: got uint8 \(2, 4, 4, 3\), expected float"),
    "no channel axis": (lambda: noise(np.zeros((4, 4)), fresh(), 0.1), r"noise: got float64 \(4, 4\)"),
    "ragged": (lambda: flip([[1, 2], [3]], fresh()), r"flip: got a list that is no array"),
    "huge scale": (lambda: affine(BATCH, fresh(), scale=(1, 1e9)), r"a number in \[0.001, 1000\]"),
    "huge alpha": (lambda: elastic(BATCH, fresh(), alpha=1e99, sigma=1), r"alpha is 1e\+99, expected a number in \[0, 1e\+06\]"),
    "turned too far": (lambda: turn(BATCH, fresh(), sd=0.6), r"turn: sd is 0.6, expected a number in \[0, 0.5\]"),
    "huge noise": (lambda: noise(BATCH, fresh(), 101), r"noise: sd is 101, expected a number in \[0, 100\]"),
    "no pixels": (lambda: affine(np.zeros((2, 0, 4, 3)), fresh()), r"affine: got float64 \(2, 0, 4, 3\)"),
    "a seed": (lambda: affine(BATCH, 3), r"affine: rng is 3, expected a numpy.random.Generator, such as"),
    "no generator": (lambda: compose(flip)(BATCH, None), r"compose: rng is None"),
    "scale backwards": (lambda: affine(BATCH, fresh(), scale=(2, 1)), r"scale is \(2, 1\), expected \(low, high\)"),
    "scale of nothing": (lambda: affine(BATCH, fresh(), scale=(0, 1)), r"scale is \(0, 1\), .* \[0.001, 1000\]"),
    "one scale": (lambda: affine(BATCH, fresh(), scale=1.2), r"scale is 1.2, expected \(low, high\)"),
    "negative rotation": (lambda: affine(BATCH, fresh(), rotation=-3), r"rotation is -3, expected a finite number of at least 0"),
    "NaN shear": (lambda: affine(BATCH, fresh(), shear=float("nan")), r"shear is nan, expected a finite number"),
    "shift in pixels": (lambda: affine(BATCH, fresh(), shift=4), r"shift is 4, expected a number in \[0, 1\]"),
    "fill": (lambda: affine(BATCH, fresh(), fill="reflect"), r"fill is 'reflect', expected a number"),
    "huge sigma": (lambda: elastic(BATCH, fresh(), alpha=1, sigma=1e9), r"sigma is 1000000000\.0, .* \[0\.01, 10000\]"),
    "negative alpha": (lambda: elastic(BATCH, fresh(), alpha=-1, sigma=2), r"elastic: alpha is -1"),
    "no blur": (lambda: elastic(BATCH, fresh(), alpha=1, sigma=0), r"elastic: sigma is 0, expected a number in \[0\.01, 10000\]"),
    "large crop": (lambda: random_crop(BATCH, fresh(), (10, 10)), r"a window of 10 x 10 was asked of images of 9 x 12; make"),
    "large middle": (lambda: center_crop(BATCH, (4, 13)), r"center_crop: a window of 4 x 13 was asked of images of 9 x 12"),
    "no window": (lambda: center_crop(BATCH, 0), r"center_crop: height is 0"),
    "three sizes": (lambda: random_crop(BATCH, fresh(), (1, 2, 3)), r"size is \(1, 2, 3\), expected \(height, width\)"),
    "negative padding": (lambda: random_crop(BATCH, fresh(), 4, padding=-1), r"padding is -1, .* at least 0"),
    "three paddings": (lambda: random_crop(BATCH, fresh(), 4, padding=(1, 1, 1)), r"one number or \(vertical, horizontal\)"),
    "mode": (lambda: random_crop(BATCH, fresh(), 4, mode="wrap"), r"mode is 'wrap', expected"),
    "probability": (lambda: flip(BATCH, fresh(), 1.5), r"flip: probability is 1.5, expected a number in \[0, 1\]"),
    "text": (lambda: flip(BATCH, fresh(), "half"), r"probability is 'half'"),
    "negative noise": (lambda: noise(BATCH, fresh(), -0.1), r"noise: sd is -0.1"),
    "normalized first": (lambda: noise(BATCH - 0.5, fresh(), 0.1), r"values run from -0\.\d+ to 0\.\d+, expected \[0, 1\]"),
    "NaN": (lambda: colour(BATCH * np.nan, fresh()), r"colour: values run from nan"),
    "amount": (lambda: colour(BATCH, fresh(), contrast=1.2), r"contrast is 1.2, expected a number in \[0, 1\]"),
    "saturation of grey": (lambda: colour(BATCH[..., :1], fresh(), saturation=0.1), r"saturation of images with 1 channels"),
    "nothing composed": (lambda: compose(), r"compose: no step"),
    "called too early": (lambda: compose(flip, BATCH), r"step 1 is ndarray, expected a function of \(images, rng\)"),
}


@pytest.mark.parametrize(("call", "message"), FAULTS.values(), ids=FAULTS)
def test_a_wrong_argument_is_one_line(call, message):
    with assert_refused(message):
        call()
