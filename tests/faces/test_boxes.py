"""Suppression is what its definition says, and boxes move and become square as told."""

import numpy as np
import pytest

from tests.refusal import assert_refused
from tinyconv.faces.boxes import moved, squares, suppress


def shared_part(a, b, of):
    """The part of an area that two boxes share."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return shared / (sum(areas) - shared if of == "union" else min(areas))


def suppressed(boxes, scores, most, of):
    """Non-maximum suppression in plain words: take the best that is left, drop what overlaps it, and again."""
    kept = []
    for number in sorted(range(len(boxes)), key=lambda i: -scores[i]):
        if all(shared_part(boxes[number], boxes[better], of) <= most for better in kept):
            kept.append(number)
    return kept


@pytest.mark.parametrize("of", ["union", "smaller"])
@pytest.mark.parametrize("most", [0.0, 0.3, 0.7, 1.0])
def test_suppression_is_its_definition(of, most):
    rng = np.random.default_rng(0)
    for count in (1, 2, 40):
        corners = rng.random((count, 2)) * 20
        boxes = np.concatenate([corners, corners + 1 + 10 * rng.random((count, 2))], axis=1)
        scores = rng.integers(0, 10, count) / 10  # with equal ones
        assert suppress(boxes, scores, most, of).tolist() == suppressed(boxes, scores, most, of)


def test_a_box_within_another_is_one_face_by_the_smaller_area_only():
    boxes, scores = [[0, 0, 10, 10], [4, 4, 6, 6]], [0.5, 0.9]
    assert suppress(boxes, scores, 0.7).tolist() == [1, 0]
    assert suppress(boxes, scores, 0.7, of="smaller").tolist() == [1]


def test_no_boxes_and_boxes_without_area_are_no_trouble():
    assert suppress(np.empty((0, 4)), [], 0.5).tolist() == []
    assert suppress([[3, 3, 3, 3], [5, 5, 2, 2]], [0.1, 0.2], 0.5).tolist() == [1, 0]


@pytest.mark.parametrize(("boxes", "scores", "options", "match"), [
    (np.zeros((2, 4)), [1.0], {}, "boxes"), (np.zeros((2, 3)), [1.0, 2.0], {}, "boxes"), (np.zeros(4), 1.0, {}, "boxes"),
    (np.zeros((1, 4)), [1.0], {"of": "both"}, "of is 'both'"), (np.zeros((1, 4)), [1.0], {"most": 2}, "most is 2"),
])
def test_what_is_not_boxes_and_scores_is_refused(boxes, scores, options, match):
    with assert_refused(match):
        suppress(boxes, scores, **{"most": 0.5, **options})


def test_squares_keep_the_centre_and_take_the_longer_side_and_never_vanish():
    np.testing.assert_array_equal(squares(np.array([[0.0, 10.0, 4.0, 20.0], [5.0, 5.0, 5.0, 5.0], [9.0, 9.0, 1.0, 1.0]])),
                                  [[-3, 10, 7, 20], [4.5, 4.5, 5.5, 5.5], [4.5, 4.5, 5.5, 5.5]])


def test_edges_move_by_parts_of_width_and_height():
    np.testing.assert_allclose(moved(np.array([[0.0, 10.0, 4.0, 20.0]]), np.array([[-0.5, 0.1, 0.25, -0.2]])), [[-2, 11, 5, 18]])
