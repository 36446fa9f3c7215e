"""Warps agree with exact cases, with Pillow, and with the transformation they were made from."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.refusal import assert_refused
from tinyconv.data.warps import affine_matrix, sample, similarity_transform, warp

PICTURE = np.random.default_rng(0).random((5, 7, 3), dtype=np.float32)
SQUARE = np.random.default_rng(1).random((6, 6, 2), dtype=np.float32)
SHIFT = np.array([[1, 0, 2], [0, 1, -1], [0, 0, 1.0]])


def smooth(height, width):
    """A picture whose values hardly change between pixels, so that rounding of coordinates shows little."""
    y, x = np.mgrid[:height, :width]
    return (0.5 + 0.3 * np.sin(0.4 * x + 0.2 * y) + 0.2 * np.cos(0.3 * y)).astype(np.float32)[..., None]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("fill", [0.0, "edge", (0.1, 0.2, 0.3)])
def test_identity_changes_no_bit_and_copies(dtype, fill):
    picture = PICTURE.astype(dtype)
    got = warp(picture, np.eye(3), fill=fill)
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, picture)
    assert not np.shares_memory(got, picture)


def test_whole_shift_moves_pixels_right_and_up_and_fills():
    got = warp(PICTURE, SHIFT, fill=0.25)
    np.testing.assert_array_equal(got[:4, 2:], PICTURE[1:, :5])
    assert (got[4] == 0.25).all()
    assert (got[:, :2] == 0.25).all()


def test_fill_may_be_one_value_per_channel_or_the_edge():
    np.testing.assert_array_equal(warp(PICTURE, SHIFT, fill=(0.1, 0.2, 0.3))[4], np.full((7, 3), np.float32([0.1, 0.2, 0.3])))
    edge = warp(PICTURE, SHIFT, fill="edge")
    np.testing.assert_array_equal(edge[:4, 0], PICTURE[1:, 0])
    np.testing.assert_array_equal(edge[4, 2:], PICTURE[4, :5])


@pytest.mark.parametrize("turns", [-1, 0, 1, 2, 3, 5])
def test_quarter_turns_are_exactly_those_of_numpy(turns):
    got = warp(SQUARE, affine_matrix(90 * turns, centre=(2.5, 2.5)))
    np.testing.assert_array_equal(got, np.rot90(SQUARE, turns))


def test_a_quarter_turn_of_an_oblong_into_its_turned_size():
    matrix = affine_matrix(90, shift=(0, 6))  # the top right corner goes to the top left
    np.testing.assert_array_equal(warp(PICTURE, matrix, (7, 5)), np.rot90(PICTURE))


def test_a_mirror_is_a_negative_scale():
    np.testing.assert_array_equal(warp(PICTURE, affine_matrix(scale=(-1, 1), centre=(3, 0))), PICTURE[:, ::-1])


def test_half_a_pixel_is_the_mean_of_two_neighbours():
    got = warp(PICTURE, affine_matrix(shift=(-0.5, 0)), fill="edge")
    np.testing.assert_allclose(got[:, :-1], (PICTURE[:, :-1] + PICTURE[:, 1:]) / 2, atol=1e-6)
    np.testing.assert_array_equal(got[:, -1], PICTURE[:, -1])
    np.testing.assert_allclose(warp(PICTURE, affine_matrix(shift=(-0.5, 0)))[:, -1], PICTURE[:, -1] / 2, atol=1e-6)


def test_enlarging_keeps_the_pixels_it_hits_and_a_plane_stays_a_plane():
    y, x = np.mgrid[:4, :5]
    plane = (0.1 * x + 0.05 * y)[..., None]
    got = warp(plane, affine_matrix(scale=2), (7, 9))
    y, x = np.mgrid[:7, :9]
    np.testing.assert_allclose(got[..., 0], 0.05 * x + 0.025 * y, atol=1e-12)


def pillow(picture, matrix, size, kind):
    """Pillow's transform: from the result to the original, pixel centres at (0.5, 0.5)."""
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    back = half @ np.linalg.inv(matrix) @ np.linalg.inv(half)
    back /= back[2, 2]
    numbers = back.ravel()[: 6 if kind == Image.Transform.AFFINE else 8]
    image = Image.fromarray(picture[..., 0])
    return np.asarray(image.transform(size[::-1], kind, tuple(numbers), Image.Resampling.BILINEAR))


@pytest.mark.parametrize(("rotation", "scale", "shear", "shift"), [
    (20, 1.0, 0, (0, 0)), (-75, (0.8, 1.3), 10, (3.3, -1.2)), (133, 1.7, -25, (0.4, 5)), (0, (-1, 1), 0, (0, 0.25))])
def test_affine_warps_agree_with_pillow(rotation, scale, shear, shift):
    picture = smooth(23, 31)
    matrix = affine_matrix(rotation, scale, shear, shift, centre=(15, 11))
    expected = pillow(picture, matrix, (19, 27), Image.Transform.AFFINE)
    inside = warp(np.ones((23, 31, 1)), matrix, (19, 27))[..., 0] == 1  # Pillow blends nothing at the border
    assert inside.mean() > 0.3
    np.testing.assert_allclose(warp(picture, matrix, (19, 27))[..., 0][inside], expected[inside], atol=2e-4)


def test_projective_warps_agree_with_pillow():
    picture = smooth(23, 31)
    matrix = affine_matrix(15, 1.1, centre=(15, 11))
    matrix[2] = [0.004, -0.006, 1.05]
    expected = pillow(picture, matrix, (19, 27), Image.Transform.PERSPECTIVE)
    inside = warp(np.ones((23, 31, 1)), matrix, (19, 27))[..., 0] == 1
    assert inside.mean() > 0.3
    np.testing.assert_allclose(warp(picture, matrix, (19, 27))[..., 0][inside], expected[inside], atol=2e-4)
    np.testing.assert_allclose(warp(picture, -3 * matrix, (19, 27)), warp(picture, matrix, (19, 27)), atol=1e-5)


@pytest.mark.oracle
@pytest.mark.parametrize(("fill", "padding"), [(0.0, "zeros"), ("edge", "border")])
@pytest.mark.parametrize("last_row", [(0, 0, 1), (0.01, -0.02, 1.1)])
def test_warps_agree_with_pytorch_up_to_the_border(fill, padding, last_row):
    torch = pytest.importorskip("torch")
    batch = np.random.default_rng(6).random((5, 11, 14, 3))
    matrices = affine_matrix([0, 31, -77, 140, 5], [1, 0.6, 1.4, 1, 2], [0, 10, 0, -30, 5], (1.3, -2.1), (6, 5))
    matrices[:, 2] = last_row
    y, x = np.mgrid[:9, :16]
    back = np.einsum("nij,jhw->nihw", np.linalg.inv(matrices), np.stack([x, y, np.ones_like(x)]).astype(float))
    grid = np.stack([2 * back[:, 0] / back[:, 2] / 13 - 1, 2 * back[:, 1] / back[:, 2] / 10 - 1], axis=-1)
    channels_first = torch.tensor(batch.transpose(0, 3, 1, 2))
    expected = torch.nn.functional.grid_sample(channels_first, torch.tensor(grid), padding_mode=padding, align_corners=True)
    np.testing.assert_allclose(warp(batch, matrices, (9, 16), fill), expected.numpy().transpose(0, 2, 3, 1), atol=1e-10)


def test_the_horizon_shows_the_fill_value():
    matrix = np.linalg.inv([[1, 0, 0], [0, 1, 0], [0.5, 0, -1.0]])  # the result's column 2 lies on the horizon
    got = warp(PICTURE, matrix, fill=0.5)
    assert (got[:, 2] == 0.5).all()
    assert np.isfinite(got).all()


def test_each_picture_of_a_batch_has_its_own_matrix():
    batch = np.random.default_rng(2).random((90, 21, 18, 2), dtype=np.float32)  # more than one block of samples
    matrices = affine_matrix(np.arange(90.0), centre=(8.5, 10))
    got = warp(batch, matrices)
    for number in (0, 1, 43, 89):
        np.testing.assert_array_equal(got[number], warp(batch[number], matrices[number]))
    np.testing.assert_array_equal(warp(batch[:3], matrices[1])[2], warp(batch[2], matrices[1]))
    assert warp(batch[:0], np.eye(3), (4, 5)).shape == (0, 4, 5, 2)


@given(angle=st.floats(-180, 180), scale=st.floats(0.2, 5), shear=st.floats(-60, 60), dx=st.floats(-9, 9), seed=st.integers(0, 9))
def test_values_never_leave_the_range(angle, scale, shear, dx, seed):
    picture = np.random.default_rng(seed).integers(0, 2, (6, 9, 1)) * np.float32(1 - 2**-24 * (seed % 3))
    picture = picture.astype(np.float32)
    got = warp(picture, affine_matrix(angle, scale, shear, (dx, 0), (4, 2)), fill=1.0)
    assert got.min() >= 0
    assert got.max() <= 1


def test_a_single_pixel_and_views_are_fine():
    assert warp(np.full((1, 1, 1), 0.5), affine_matrix(30), (2, 2), "edge") == pytest.approx(0.5)
    strided = np.repeat(PICTURE, 2, axis=1)[:, ::2][::-1]
    np.testing.assert_array_equal(warp(strided, SHIFT), warp(np.ascontiguousarray(strided), SHIFT))


def test_sample_looks_up_between_pixels_and_nan_is_outside():
    image = np.arange(6.0).reshape(1, 2, 3, 1)
    x, y = np.array([[[0, 1.5, np.nan, 1e300, -0.5]]]), np.array([[[0, 0.5, 0, 0, 1]]])
    np.testing.assert_array_equal(sample(image, x, y, fill=7)[0, 0, :, 0], [0, 3, 7, 7, 5])


def test_affine_matrix_does_what_each_argument_says():
    def moved(point, **arguments):
        return (affine_matrix(**arguments) @ [*point, 1])[:2]

    np.testing.assert_allclose(moved((1, 0), rotation=90), [0, -1])  # right goes up, as seen
    np.testing.assert_allclose(moved((2, 3), scale=2), [4, 6])
    np.testing.assert_allclose(moved((2, 3), scale=(2, 0.5)), [4, 1.5])
    np.testing.assert_allclose(moved((0, 2), shear=45), [2, 2])
    np.testing.assert_allclose(moved((0, 2), shift=(3, -1)), [3, 1])
    np.testing.assert_allclose(moved((4, 5), rotation=33, scale=3, shear=20, centre=(4, 5)), [4, 5])
    parts = affine_matrix(50) @ affine_matrix(shear=20) @ affine_matrix(scale=(2, 3))
    np.testing.assert_allclose(affine_matrix(50, (2, 3), 20), parts)


def test_affine_matrix_makes_one_for_each_of_many():
    many = affine_matrix(np.arange(4.0), (1.5, 2), shift=np.arange(8.0).reshape(4, 2))
    assert many.shape == (4, 3, 3)
    np.testing.assert_array_equal(many[2], affine_matrix(2.0, (1.5, 2), shift=(4, 5)))
    assert affine_matrix(np.zeros(0)).shape == (0, 3, 3)


@given(angle=st.floats(-180, 180), scale=st.floats(0.05, 20), dx=st.floats(-50, 50), dy=st.floats(-50, 50), n=st.integers(2, 8))
def test_similarity_transform_finds_what_was_done(angle, scale, dx, dy, n):
    points = np.random.default_rng(n).normal(0, 10, (n, 2))
    made = affine_matrix(angle, scale, shift=(dx, dy), centre=(3, 4))
    template = points @ made[:2, :2].T + made[:2, 2]
    np.testing.assert_allclose(similarity_transform(points, template), made, atol=1e-7 * scale)


def test_similarity_transform_is_the_least_squares_solution():
    rng = np.random.default_rng(5)
    p, q = rng.normal(0, 3, (5, 2)), rng.normal([4, -2], 3, (5, 2))
    q += 1.5 * p  # near a similarity, but not one
    x, y = p.T  # q = (a x + b y + c, -b x + a y + d): linear in a, b, c, d
    zero, one = np.zeros(5), np.ones(5)
    rows = np.concatenate([np.stack([x, y, one, zero], 1), np.stack([y, -x, zero, one], 1)])
    a, b, c, d = np.linalg.lstsq(rows, np.concatenate(q.T), rcond=None)[0]
    np.testing.assert_allclose(similarity_transform(p, q), [[a, b, c], [-b, a, d], [0, 0, 1]], atol=1e-12)


def test_a_mirrored_template_is_matched_without_a_reflection():
    points = np.array([[0, 0], [4, 0], [4, 1], [0, 1.0]])
    matrix = similarity_transform(points, points * [-1, 1])
    assert np.linalg.det(matrix[:2, :2]) > 0


def test_landmarks_land_on_the_template():
    eyes = np.array([[8.0, 12], [20, 16]])
    template = np.array([[3.0, 4], [9, 4]])
    picture = np.zeros((30, 30, 1))
    picture[12, 8], picture[16, 20] = 1, 1
    aligned = warp(picture, similarity_transform(eyes, template), (9, 13))
    assert aligned[4, 3] == pytest.approx(1)
    assert aligned[4, 9] == pytest.approx(1)


FAULTS = {
    "integers": (lambda: warp(np.zeros((4, 4, 3), np.uint8), np.eye(3)), r"warp: got uint8 \(4, 4, 3\), expected float"),
    "no channels": (lambda: warp(np.zeros((4, 4)), np.eye(3)), r"got float64 \(4, 4\), expected float \(H, W, C\)"),
    "no pixels": (lambda: warp(np.zeros((0, 4, 3)), np.eye(3)), r"\(0, 4, 3\)"),
    "two rows": (lambda: warp(PICTURE, np.eye(3)[:2]), r"the matrix is \(2, 3\), expected \(3, 3\)"),
    "flat": (lambda: warp(PICTURE, np.diag([1, 0, 1])), r"no inverse"),
    "not finite": (lambda: warp(PICTURE, np.full((3, 3), np.nan)), r"not finite"),
    "words": (lambda: warp(PICTURE, "turn"), r"expected real numbers"),
    "more matrices": (lambda: warp(np.zeros((2, 4, 4, 1)), np.stack([np.eye(3)] * 3)), r"matrices \(3, 3, 3\), expected one"),
    "matrices for one": (lambda: warp(PICTURE, np.eye(3)[None]), r"expected one \(3, 3\) or one for each"),
    "size": (lambda: warp(PICTURE, np.eye(3), (0, 4)), r"height is 0, expected a whole number of at least 1"),
    "one size": (lambda: warp(PICTURE, np.eye(3), 4), r"size is 4, expected \(height, width\)"),
    "fill's name": (lambda: warp(PICTURE, np.eye(3), fill="wrap"), r"fill is 'wrap', expected a number"),
    "fill's channels": (lambda: warp(PICTURE, np.eye(3), fill=(0, 1)), r"fill is \(0, 1\), .* 3 channels"),
    "sample shapes": (lambda: sample(PICTURE[None], np.zeros((1, 2, 3)), np.zeros((1, 3, 2))), r"expected .* twice \(N, h, w\)"),
    "shift": (lambda: affine_matrix(shift=3), r"shift is \(\) .* expected \(2,\) or \(N, 2\)"),
    "misfit": (lambda: affine_matrix(np.zeros(3), shear=np.zeros(4)), r"do not fit together"),
    "ragged": (lambda: warp([[1, 2], [3]], np.eye(3)), r"warp: got a list that is no array"),
    "scale of 0": (lambda: affine_matrix(scale=(1, 0)), r"a scale of 0 or a shear of 90 degrees or more flattens"),
    "upright slant": (lambda: affine_matrix(shear=-90), r"a scale of 0 or a shear of 90"),
    "infinite": (lambda: affine_matrix(np.inf), r"NaN or infinite"),
    "one point": (lambda: similarity_transform([[1, 2]], [[1, 2]]), r"points \(1, 2\) .* n >= 2"),
    "other count": (lambda: similarity_transform(np.eye(2), np.zeros((3, 2))), r"template \(3, 2\)"),
    "one place": (lambda: similarity_transform(np.ones((3, 2)), np.arange(6).reshape(3, 2)), r"are all the same"),
    "NaN point": (lambda: similarity_transform([[1, np.nan], [2, 3]], np.eye(2)), r"NaN or infinite"),
}


@pytest.mark.parametrize(("call", "message"), FAULTS.values(), ids=FAULTS)
def test_a_wrong_argument_is_one_line(call, message):
    with assert_refused(message):
        call()
