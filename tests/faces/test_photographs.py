"""Faces of photographs in the size that an encoder wants: cut out and aligned, or the picture as a whole."""

from __future__ import annotations

import numpy as np
import pytest

from tests.faces.invented import encoder
from tests.refusal import assert_refused
from tinyconv.data.images import read_image, sample_photograph
from tinyconv.faces.align import TEMPLATE
from tinyconv.faces.detect import Detection
from tinyconv.faces.encoder import load_encoder
from tinyconv.faces.photographs import faces_in, is_aligned, middle_half, whole_face
from tinyconv.models.mtcnn import load_mtcnn


def random_picture(height, width, seed=0):
    return np.random.default_rng(seed).random((height, width, 3), dtype=np.float32)


def test_of_112_by_112_pixels_columns_8_to_103_are_the_aligned_face():
    picture = random_picture(112, 112)
    np.testing.assert_array_equal(whole_face(picture, (112, 96)), picture[:, 8:104])


def test_a_picture_of_the_right_size_is_taken_as_it_is():
    picture = random_picture(112, 96)
    np.testing.assert_array_equal(whole_face(picture, (112, 96)), picture)


@pytest.mark.parametrize(("shape", "rows", "columns"), [
    ((40, 80), slice(0, 40), slice(24, 56)), ((80, 32), slice(20, 60), slice(0, 32)), ((60, 48), slice(0, 60), slice(0, 48)),
])
def test_the_middle_in_the_right_shape_is_shrunk_by_means(shape, rows, columns):
    picture = random_picture(*shape)
    part = picture[rows, columns]
    got = whole_face(picture, (20, 16))
    scale = part.shape[0] // 20
    np.testing.assert_allclose(got, part.reshape(20, scale, 16, scale, 3).mean(axis=(1, 3)), atol=1e-6)
    assert (got.dtype, got.min() >= 0, got.max() <= 1) == (np.float32, True, True)


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (200, 3), (7, 5)])
def test_odd_shapes_become_a_face_too(shape):
    got = whole_face(random_picture(*shape), (20, 16))
    assert got.shape == (20, 16, 3)
    assert np.isfinite(got).all()


def test_without_a_detector_the_whole_picture_is_one_face():
    picture = random_picture(30, 40)
    face, = faces_in(picture, encoder())
    assert (face.box, face.landmarks, face.score, face.area) == ((0, 0, 40, 30), None, 1, 1200)
    np.testing.assert_array_equal(face.crop, whole_face(picture, (20, 16)))


def test_detected_faces_come_aligned_and_from_left_to_right(monkeypatch):
    picture = random_picture(200, 300)
    left, right = (Detection((x, 40.0, x + 96, 152.0), score, TEMPLATE + np.array([x, 40]))
                   for x, score in ((10.0, 0.8), (150.0, 0.9)))
    monkeypatch.setattr("tinyconv.faces.photographs.detect", lambda seen, mtcnn: [right, left])
    made = encoder(size=(112, 96))
    first, second = faces_in(picture, made, "any")
    assert (first.box, second.box) == (left.box, right.box)
    assert (first.score, second.score) == (0.8, 0.9)
    np.testing.assert_allclose(first.crop, picture[40:152, 10:106], atol=1e-4)  # the landmarks are at their places already


@pytest.mark.parametrize(("shape", "expected"), [((112, 112), True), ((112, 96), True), ((112, 113), False), ((96, 112), False)])
def test_an_aligned_face_is_known_by_its_size(shape, expected):
    assert is_aligned(np.zeros((*shape, 3)), (112, 96)) is expected


def test_middle_half():
    picture = random_picture(8, 12)
    np.testing.assert_array_equal(middle_half(picture), picture[2:6, 3:9])
    with assert_refused("3 x 9 pixels"):
        middle_half(random_picture(3, 9))


def test_what_is_no_picture_is_refused():
    with assert_refused("faces_in: got float32"):
        faces_in(np.zeros((3, 3), np.float32), encoder())


@pytest.mark.slow
def test_two_photographs_of_two_people_are_told_apart(pack):
    mtcnn = load_mtcnn(pack("weights/mtcnn_facenet.npz"))
    pack("weights/mobilefacenet_casia_112x96.npz")
    astronaut, hopper = read_image(pack("style/astronaut.png")), sample_photograph(600)
    mobilefacenet = load_encoder("mobilefacenet")
    crops = [face.crop for picture in (astronaut, astronaut[:, ::-1], hopper) for face in faces_in(picture, mobilefacenet, mtcnn)]
    points = mobilefacenet.encode(np.stack(crops))
    assert len(points) == 3
    assert np.square(points[0] - points[1]).sum() < 0.1  # her mirror image
    assert np.square(points[0] - points[2]).sum() > mobilefacenet.threshold
