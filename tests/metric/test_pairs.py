"""Counting pairs, and thresholds between two distances."""

import numpy as np
import pytest

from tests.metric.scores import scores
from tinyconv.metric.pairs import accepted_pairs, between, every_pair


def test_every_pair_comes_once():
    first, second, same = every_pair([3, 8, 3, 3])
    assert list(zip(first.tolist(), second.tolist(), same.tolist(), strict=True)) == [
        (0, 1, False), (0, 2, True), (0, 3, True), (1, 2, False), (1, 3, False), (2, 3, True)]


@pytest.mark.parametrize("ties", [False, True])
def test_each_threshold_accepts_the_pairs_at_most_so_far_apart(ties):
    distances, same = scores(1, ties=ties)
    accepted = accepted_pairs(distances, same, "test")
    assert accepted.thresholds.tolist() == [-np.inf, *sorted(set(distances.tolist()))]
    for threshold, of_one, of_two in zip(accepted.thresholds, accepted.same, accepted.different, strict=True):
        assert of_one == np.sum(distances[same] <= threshold)
        assert of_two == np.sum(distances[~same] <= threshold)


@pytest.mark.parametrize(("low", "high", "threshold"), [
    (1.0, 2.0, 1.5), (-np.inf, 3.0, -np.inf), (3.0, np.inf, 3.0), (1e308, 1.5e308, 1.25e308), (0.0, 5e-324, 0.0),
    (1.0, 1.0 + 2**-52, 1.0), (1.0 + 2**-52, 1.0 + 2**-51, 1.0 + 2**-52),
])
def test_threshold_between_two_distances_accepts_the_nearer_only(low, high, threshold):
    assert between(low, high) == threshold
    assert low <= between(low, high) < high
