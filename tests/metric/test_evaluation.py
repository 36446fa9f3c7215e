"""Error rates of verification against their definitions, counted threshold by threshold."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.metric.evaluation import (
    equal_error_rate,
    error_rates,
    every_pair,
    false_reject_rate,
    nearest_neighbour_accuracy,
)


def scores(seed, n=60, ties=False):
    rng = np.random.default_rng(seed)
    same = rng.random(n) < 0.4
    distances = rng.normal(np.where(same, 1.0, 2.0), 0.7)
    return (np.round(distances, 0) if ties else distances), same


def test_every_pair_comes_once():
    first, second, same = every_pair([3, 8, 3, 3])
    assert list(zip(first.tolist(), second.tolist(), same.tolist(), strict=True)) == [
        (0, 1, False), (0, 2, True), (0, 3, True), (1, 2, False), (1, 3, False), (2, 3, True)]


@pytest.mark.parametrize("ties", [False, True])
def test_error_rates_count_wrong_decisions(ties):
    distances, same = scores(1, ties=ties)
    accepts, rejects = error_rates(distances, same)
    assert (accepts[0], rejects[0]) == (0, 1)
    for i, threshold in enumerate(sorted(set(distances.tolist())), 1):
        assert accepts[i] == pytest.approx(np.mean(distances[~same] <= threshold))
        assert rejects[i] == pytest.approx(np.mean(distances[same] > threshold))
    assert (accepts[-1], rejects[-1]) == (1, 0)


@pytest.mark.parametrize(("distances", "same", "rate"), [
    ([1, 2, 3, 4], [True, True, False, False], 0.0),  # told apart
    ([3, 4, 1, 2], [True, True, False, False], 1.0),  # the wrong way round
    ([1, 3, 2, 4], [True, True, False, False], 0.5),
    ([5, 5], [True, False], 0.5),  # not told apart at all: halfway from nobody to everybody
    ([1, 2, 3, 10, 2.5, 11, 12, 13, 14], [True] * 4 + [False] * 5, 0.2),  # one of five, while one of four is refused
])
def test_equal_error_rate_of_cases_counted_by_hand(distances, same, rate):
    assert equal_error_rate(np.array(distances, float), np.array(same)) == pytest.approx(rate)


@pytest.mark.parametrize("seed", range(5))
def test_equal_error_rate_lies_between_the_neighbouring_thresholds(seed):
    distances, same = scores(seed)
    accepts, rejects = error_rates(distances, same)
    rate = equal_error_rate(distances, same)
    assert np.maximum(accepts, rejects).min() + 1e-12 >= rate >= np.minimum(accepts, rejects).max() - 1e-12


def test_false_reject_rate_never_accepts_more_than_asked():
    distances, same = scores(2)
    for asked in (0, 0.05, 0.1, 0.5, 1):
        threshold = max(t for t in [-1, *distances] if np.mean(distances[~same] <= t) <= asked)
        assert false_reject_rate(distances, same, asked) == pytest.approx(np.mean(distances[same] > threshold))


@pytest.mark.parametrize(("distances", "same"), [
    ([1.0, 2.0], [True, True]), ([1.0, 2.0], [False, False]), ([1.0, np.nan], [True, False]), ([1.0], [True, False]),
    ([1.0, 2.0], [1, 0]), ([], []),
])
def test_what_cannot_be_rated_is_refused(distances, same):
    with pytest.raises(tc.ShapeError, match="error_rates"):
        error_rates(np.array(distances), np.array(same))


def test_nearest_neighbour_has_the_smallest_distance():
    rng = np.random.default_rng(3)
    gallery, queries = rng.random((5, 2, 3)), rng.random((40, 2, 3))
    nearest = [np.argmin([np.linalg.norm(q - g) for g in gallery]) for q in queries]
    labels = np.array([7, 1, 4, 9, 2])
    asked = labels[nearest]
    asked[:10] = 99
    assert nearest_neighbour_accuracy(gallery, labels, queries, asked) == 0.75
