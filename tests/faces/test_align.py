"""Alignment: landmarks land on the template, whatever moved the face, and small copies of large faces are clean."""

import numpy as np
import pytest

from tests.refusal import assert_refused
from tinyconv.data.warps import affine_matrix, similarity_transform, warp
from tinyconv.faces.align import SIZE, TEMPLATE, align

ARCFACE = [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]


def moved(points, matrix):
    return np.asarray(points) @ matrix[:2, :2].T + matrix[:2, 2]


def dotted(points, size=(400, 500), radius=6.0):
    """A picture that is bright at `points`, smoothly."""
    y, x = np.mgrid[: size[0], : size[1]]
    bumps = [np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * radius**2)) for px, py in points]
    return np.repeat(np.max(bumps, axis=0)[..., None], 3, axis=2)


def brightest(picture, near):
    """The centre of light within 8 pixels of a point."""
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
    light = picture[..., 0] * ((x - near[0]) ** 2 + (y - near[1]) ** 2 < 8**2)
    return np.array([(x * light).sum(), (y * light).sum()]) / light.sum()


@pytest.mark.parametrize(("angle", "scale"), [(0, 1.0), (25, 1.4), (-40, 0.8), (170, 2.2), (12, 3.0)])
def test_landmarks_land_on_the_template_whatever_moved_the_face(angle, scale):
    matrix = affine_matrix(angle, scale, centre=(48, 60), shift=(210, 140))
    landmarks = moved(TEMPLATE, matrix)
    face = align(dotted(landmarks, radius=2.5 * scale), landmarks)
    assert face.shape == (*SIZE, 3)
    for point in TEMPLATE:
        np.testing.assert_allclose(brightest(face, point), point, atol=0.25)


def test_a_face_that_is_aligned_already_is_cut_out_unchanged():
    picture = np.random.default_rng(0).random((150, 140, 3), np.float32)
    got = align(picture, np.add(TEMPLATE, (20, 30)))
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, picture[30:142, 20:116], atol=1e-5)


def test_a_square_face_has_arcfaces_template_and_a_larger_one_a_larger_template():
    picture = np.random.default_rng(0).random((260, 240, 3))
    square = align(picture, np.add(ARCFACE, (20, 30)), (112, 112))
    np.testing.assert_allclose(square, picture[30:142, 20:132], atol=1e-9)
    np.testing.assert_allclose(align(picture, (TEMPLATE + 0.5) * 2 - 0.5, (224, 192)), picture[:224, :192], atol=1e-9)


@pytest.mark.parametrize("shrink", [2, 5, 8])
def test_a_large_face_does_not_alias(shrink):
    y, x = np.mgrid[: 130 * shrink, : 120 * shrink]
    picture = np.repeat(((x + y) % 2)[..., None].astype(np.float32), 3, axis=2)  # a chessboard of single pixels: grey from afar
    landmarks = moved(TEMPLATE, affine_matrix(7, shrink, shift=(8 * shrink, 10 * shrink)))
    inner = align(picture, landmarks)[10:-10, 10:-10]
    bare = warp(picture, similarity_transform(landmarks, TEMPLATE), SIZE)[10:-10, 10:-10]
    assert np.abs(inner - 0.5).max() < 0.15
    assert np.abs(bare - 0.5).max() > 0.3


def test_a_large_face_stands_where_it_would_stand_without_shrinking_it_first():
    matrix = affine_matrix(-15, 6.0, centre=(48, 60), shift=(300, 350))
    landmarks = moved(TEMPLATE, matrix)
    picture = dotted(landmarks, size=(900, 800), radius=20)
    bare = warp(picture, similarity_transform(landmarks, TEMPLATE), SIZE)
    np.testing.assert_allclose(align(picture, landmarks), bare, atol=0.02)


@pytest.mark.parametrize("scale", [1.0, 4.0])
def test_beyond_the_border_is_black(scale):
    picture = np.ones((round(150 * scale), round(150 * scale), 3))
    got = align(picture, TEMPLATE * scale - [40 * scale, 0])
    assert (got[:, :38] == 0).all()
    np.testing.assert_allclose(got[2:, 42:], 1)


def test_a_face_out_of_sight_is_black_and_a_picture_of_one_pixel_is_a_picture():
    assert (align(np.ones((90, 90, 3)), TEMPLATE * 3 + 5000) == 0).all()
    assert align(np.ones((1, 1, 3)), TEMPLATE * 3).shape == (112, 96, 3)


PICTURE = np.zeros((50, 60, 3))


@pytest.mark.parametrize(("picture", "landmarks", "size", "match"), [
    (np.zeros((50, 60)), TEMPLATE, SIZE, "expected a float picture"),
    (PICTURE, TEMPLATE[:4], SIZE, "expected numbers \\(5, 2\\)"),
    (PICTURE, TEMPLATE.T, SIZE, "expected numbers"), (PICTURE, "abc", SIZE, "expected numbers"),
    (PICTURE, np.full((5, 2), np.nan), SIZE, "NaN"), (PICTURE, np.ones((5, 2)), SIZE, "all the same"),
    (PICTURE, TEMPLATE, (0, 96), "height is 0"), (PICTURE, TEMPLATE, 112, "size is 112"),
])
def test_wrong_input_is_refused_in_one_line(picture, landmarks, size, match):
    with assert_refused(match):
        align(picture, landmarks, size)
