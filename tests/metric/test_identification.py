"""Identification against a search by hand: galleries tried one by one, and queries looked up one by one."""

from itertools import combinations

import numpy as np
import pytest

import tinyconv as tc
from tests.refusal import assert_refused
from tinyconv.metric.identification import (
    detection_and_identification_rate,
    nearest_neighbour_accuracy,
    nearest_of_each_person,
    open_set_false_accepts,
)


def test_nearest_neighbour_has_the_smallest_distance():
    rng = np.random.default_rng(3)
    gallery, queries = rng.random((5, 2, 3)), rng.random((40, 2, 3))
    nearest = [np.argmin([np.linalg.norm(q - g) for g in gallery]) for q in queries]
    labels = np.array([7, 1, 4, 9, 2])
    asked = labels[nearest]
    asked[:10] = 99
    assert nearest_neighbour_accuracy(gallery, labels, queries, asked) == 0.75
    assert nearest_neighbour_accuracy(gallery, labels, queries.reshape(40, 6), asked) == 0.75  # pictures beside rows


@pytest.mark.parametrize(("change", "reason"), [
    ({"gallery": np.ones((3, 4))}, r"gallery \(3, 4\) and queries \(2, 5\)"),
    ({"gallery": np.ones((0, 5)), "gallery_labels": []}, "not empty"),
    ({"queries": 1.0}, "expected"),
    ({"gallery_labels": [1, 2]}, "gallery_labels of int64"),
    ({"query_labels": [[1, 2]]}, "query_labels of int64"),
    ({"queries": np.full((2, 5), np.nan)}, "NaN or infinite"),
])
def test_neighbours_that_cannot_be_compared_are_refused(change, reason):
    arguments = {"gallery": np.ones((3, 5)), "gallery_labels": [1, 2, 3], "queries": np.ones((2, 5)), "query_labels": [1, 2]}
    with assert_refused(f"^nearest_neighbour_accuracy: .*{reason}", tc.ShapeError):
        nearest_neighbour_accuracy(**arguments | change)


def test_of_each_person_the_nearest_picture_counts():
    rng = np.random.default_rng(0)
    distances, labels = rng.random((6, 9)), np.array(["b", "a", "d", "b", "c", "a", "a", "d", "b"])
    people, nearest = nearest_of_each_person(distances, labels)
    assert people.tolist() == ["a", "b", "c", "d"]
    for column, person in enumerate(people):
        assert nearest[:, column].tolist() == distances[:, labels == person].min(axis=1).tolist()


def test_measured_rate_is_the_mean_over_all_galleries():
    rng = np.random.default_rng(1)
    distances = rng.random((8, 6)) * rng.random((8, 1))
    sizes = [3, 1, 6, 2, 2]
    found = open_set_false_accepts(distances, 0.2, sizes)
    for size, measured in zip(sizes, found.measured, strict=True):
        galleries = [list(gallery) for gallery in combinations(range(6), size)]
        assert measured == pytest.approx(np.mean([(distances[:, gallery] <= 0.2).any(axis=1).mean() for gallery in galleries]))
    assert found.sizes.tolist() == sizes


def test_one_person_enrolled_gives_the_false_accept_rate():
    distances = np.random.default_rng(2).random((30, 20))
    found = open_set_false_accepts(distances, 0.1, [1])
    assert found.false_accept_rate == np.mean(distances <= 0.1)
    assert found.measured[0] == pytest.approx(found.false_accept_rate)
    assert found.predicted[0] == pytest.approx(found.false_accept_rate)


def test_prediction_holds_for_independent_errors():
    distances = np.random.default_rng(3).random((2000, 500))
    found = open_set_false_accepts(distances, 0.01, [1, 10, 50, 200])
    np.testing.assert_allclose(found.predicted, 1 - 0.99 ** np.array([1, 10, 50, 200]), rtol=0.02)
    np.testing.assert_allclose(found.measured, found.predicted, rtol=0.02)


def test_errors_that_gather_at_few_queries_grow_more_slowly_than_predicted():
    distances = np.ones((100, 50))
    distances[:5] = 0  # five queries resemble everybody
    found = open_set_false_accepts(distances, 0.5, [1, 5, 50])
    assert found.measured == pytest.approx([0.05] * 3)
    assert found.predicted == pytest.approx([0.05, 1 - 0.95**5, 1 - 0.95**50])


def test_distance_that_equals_the_threshold_is_accepted():
    assert open_set_false_accepts([[0.5, 0.6]], 0.5, [2]).measured == [1]
    assert detection_and_identification_rate([[0.5, 0.6]], [1, 2], [1], 0.5) == 1


def test_rates_rise_with_the_gallery():
    found = open_set_false_accepts(np.random.default_rng(4).random((40, 30)), 0.05, np.arange(1, 31))
    assert (np.diff(found.measured) > 0).all()
    assert found.measured[-1] <= 1


@pytest.mark.parametrize(("distances", "threshold", "sizes", "error", "reason"), [
    ([1.0, 2.0], 0.5, [1], tc.ShapeError, "expected numbers, queries by gallery"),
    (np.ones((0, 3)), 0.5, [1], tc.ShapeError, "at least one of each"),
    ([[1.0, np.nan]], 0.5, [1], tc.ShapeError, "1 distances are NaN"),
    ([["a", "b"]], 0.5, [1], tc.ShapeError, "expected numbers"),
    (np.ones((2, 3)), np.inf, [1], tc.DataError, "threshold is inf"),
    (np.ones((2, 3)), 0.5, [4], tc.ShapeError, "from 1 to 3"),
    (np.ones((2, 3)), 0.5, [0, 1], tc.ShapeError, "from 1 to 3"),
    (np.ones((2, 3)), 0.5, [1.0], tc.ShapeError, "sizes of float64"),
    (np.ones((2, 3)), 0.5, [], tc.ShapeError, "expected integers"),
    (np.ones((2, 3)), 0.5, 2, tc.ShapeError, "expected integers"),
])
def test_wrong_questions_about_the_open_set_are_refused(distances, threshold, sizes, error, reason):
    with assert_refused(f"^open_set_false_accepts: .*{reason}", error):
        open_set_false_accepts(distances, threshold, sizes)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("ties", [False, True])
def test_enrolled_people_are_recognised_if_near_enough_and_nearer_than_the_others(rank, ties):
    rng = np.random.default_rng(5)
    distances, gallery, asked = rng.random((60, 10)), rng.permutation(np.arange(10) % 4), rng.integers(0, 4, 60)
    distances[gallery == asked[:, None]] *= 0.7
    distances = np.round(distances, 1) if ties else distances
    found = 0
    for row, person in zip(distances, asked, strict=True):
        own = row[gallery == person].min()
        before = sum(row[gallery == other].min() <= own for other in range(4) if other != person)
        found += own <= 0.3 and before < rank
    assert 0 < found < 60
    assert detection_and_identification_rate(distances, gallery, asked, 0.3, rank=rank) == found / 60


def test_rank_of_all_people_leaves_the_threshold_alone():
    rng = np.random.default_rng(6)
    distances, asked = rng.random((50, 5)), rng.integers(0, 5, 50)
    verified = np.mean(distances[np.arange(50), asked] <= 0.4)
    assert detection_and_identification_rate(distances, np.arange(5), asked, 0.4, rank=5) == verified


@pytest.mark.parametrize(("change", "error", "reason"), [
    ({"query_labels": [1, 9]}, tc.ShapeError, "1 of 2 queries are of nobody"),
    ({"query_labels": [1]}, tc.ShapeError, "query_labels of int64"),
    ({"query_labels": ["1", "2"]}, tc.ShapeError, "2 of 2 queries are of nobody"),
    ({"gallery_labels": [1, 2]}, tc.ShapeError, "gallery_labels of int64"),
    ({"gallery_labels": [1.0, 2.0, 3.0]}, tc.ShapeError, "gallery_labels of float64"),
    ({"distances": [[1.0, 2.0, np.inf]] * 2}, tc.ShapeError, "2 distances are NaN or infinite"),
    ({"threshold": np.nan}, tc.DataError, "threshold is"),
    ({"rank": 0}, tc.DataError, "rank is 0"),
])
def test_wrong_questions_about_enrolled_people_are_refused(change, error, reason):
    arguments = {"distances": np.ones((2, 3)), "gallery_labels": [1, 2, 3], "query_labels": [1, 2], "threshold": 0.5} | change
    with assert_refused(reason, error):
        detection_and_identification_rate(**arguments)
