"""Faces drawn on a photograph: at its own resolution, and nothing else of it changes."""

import io

import numpy as np
import pytest
from PIL import Image

from tinyconv.viz.faces import draw_faces

PICTURE = np.random.default_rng(0).integers(0, 256, (203, 307, 3)) / 255


def pixels(figure):
    return np.asarray(Image.open(io.BytesIO(figure.png())).convert("RGB"))


@pytest.mark.parametrize("size", [(37, 53), (101, 203), (7, 499)])
def test_a_photograph_without_faces_keeps_its_size_and_every_pixel(size):
    picture = np.random.default_rng(1).integers(0, 256, (*size, 3))
    np.testing.assert_array_equal(pixels(draw_faces(picture / 255, [])), picture)


def test_box_label_and_points_are_drawn_where_they_belong_and_nowhere_else():
    points = np.array([[120, 90], [140, 90]])
    drawn = pixels(draw_faces(PICTURE, [(100, 60, 160, 140)], ["Ada"], [points]))
    changed = (drawn != (255 * PICTURE).round()).any(axis=2)
    assert changed[61:139, 100].all()
    assert changed[60, 101:159].all()
    assert changed[points[:, 1], points[:, 0]].all()
    assert changed[45:58, 101:115].any()  # the name
    assert not changed[:25].any()
    assert not changed[145:].any()
    assert not changed[70:80, 110:150].any()  # between the box and the points


def test_names_are_plain_text_and_end_within_the_photograph():
    for box in ((5, 2, 40, 60), (270, 100, 330, 160)):
        drawn = pixels(draw_faces(PICTURE, [box], ["$x^2$ of a rather long name_with{signs, that has to shrink 0.41"]))
        assert drawn.shape == (203, 307, 3)
        edge = 306 if box[0] < 100 else 0
        assert (drawn[:, edge] == (255 * PICTURE[:, edge]).round()).all()


def test_a_name_without_room_above_stands_below_and_covers_no_face():
    drawn = pixels(draw_faces(PICTURE, [(100, 3, 160, 103)], ["Ada"]))
    changed = (drawn != (255 * PICTURE).round()).any(axis=2)
    assert not changed[10:98, 106:154].any()
    assert changed[108:116, 101:110].any()


def test_every_face_has_a_name_or_none_has():
    with pytest.raises(ValueError, match="zip"):
        draw_faces(PICTURE, [(0, 0, 9, 9), (20, 20, 40, 40)], ["Ada"])
