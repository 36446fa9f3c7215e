"""Draws against their exact distribution: Pearson's chi-square test, which must also reject the wrong one."""

from __future__ import annotations

import numpy as np
import pytest

import tinyconv as tc
from tests.refusal import assert_refused
from tinyconv.metric.miners import all_triplets
from tinyconv.metric.random_miners import distance_weighted_triplets, random_triplets

LABELS = np.array([3, 8, 3, 5, 8, 3, 8, 8, 7])  # classes of 3, 4, 1 and 1
DIM = 6
CUTOFF, FARTHEST = 0.5, 1.4
CHI_SQUARE_999 = {95: 143.344, 13: 34.528}  # {degrees of freedom: what chance exceeds once in a thousand times}


def chi_square(counts, expected):
    return ((counts - expected) ** 2 / expected).sum()


def on_the_sphere(seed=0):
    """Euclidean distances between points of length 1, mostly on one side; two negatives of anchor 0 nearer than the cutoff."""
    e = np.random.default_rng(seed).standard_normal((len(LABELS), DIM)) + 0.7 * np.eye(DIM)[0]
    e[1], e[3] = e[0] + 0.03, e[0] - 0.1
    e /= np.linalg.norm(e, axis=1, keepdims=True)
    return np.sqrt(((e[:, None] - e[None]) ** 2).sum(axis=2))


def probabilities(d, dim=DIM):
    """{anchor: the probability of each negative, (N,)} by the formula of the paper."""
    d = np.maximum(d, CUTOFF)
    q = d ** (dim - 2) * np.maximum(1 - d**2 / 4, 0) ** ((dim - 3) / 2)
    near_negative = ~np.equal.outer(LABELS, LABELS) & (d < FARTHEST)
    weights = np.where(near_negative, 1 / np.maximum(q, 1e-300), 0)
    return {a: w / w.sum() for a, w in enumerate(weights) if w.any() and np.sum(LABELS[a] == LABELS) > 1}


def test_random_triplets_are_drawn_from_all_with_equal_probability():
    every = {tuple(t): i for i, t in enumerate(all_triplets(LABELS).tolist())}
    count = 200 * len(every)
    drawn = random_triplets(LABELS, count, np.random.default_rng(0))
    counts = np.bincount([every[tuple(t)] for t in drawn.tolist()], minlength=len(every))  # KeyError: not a triplet
    expected = np.full(len(every), count / len(every))
    assert chi_square(counts, expected) < CHI_SQUARE_999[len(every) - 1]
    by_anchor = np.array([1 / (6 * sum(t[0] == a for t in every)) for a, _, _ in every]) * count  # each anchor equally often
    assert chi_square(counts, by_anchor) > 5 * CHI_SQUARE_999[len(every) - 1]


def count_weighted(d, rounds):
    """How often each anchor (row) met each negative (column) in many rounds from one generator."""
    rng = np.random.default_rng(1)
    counts = np.zeros((len(LABELS),) * 2)
    for _ in range(rounds):
        drawn = distance_weighted_triplets(d, LABELS, DIM, rng, cutoff=CUTOFF, farthest=FARTHEST)
        np.add.at(counts, (drawn[:, 0], drawn[:, 2]), 1)
    return counts


def weighted_chi_square(counts, expected):
    """(statistic, degrees of freedom) over all anchors; a negative of probability 0 must not have been drawn."""
    assert all(counts[a, p == 0].sum() == 0 for a, p in expected.items())
    possible = {a: p > 0 for a, p in expected.items()}
    statistic = sum(chi_square(counts[a, possible[a]], p[possible[a]] * counts[a].sum()) for a, p in expected.items())
    return statistic, sum(mask.sum() - 1 for mask in possible.values())


def test_negatives_are_drawn_in_proportion_to_one_over_the_density_of_their_distance():
    d = on_the_sphere()
    counts, exact = count_weighted(d, 1500), probabilities(d)
    assert set(np.flatnonzero(counts.any(axis=1))) == set(exact)
    statistic, freedom = weighted_chi_square(counts, exact)
    assert statistic < CHI_SQUARE_999[freedom]
    uniform = {a: (p > 0) / (p > 0).sum() for a, p in exact.items()}
    for wrong in (uniform, probabilities(d, DIM + 1), probabilities(np.maximum(d, 0.6))):  # draws of these would not pass
        assert weighted_chi_square(counts, wrong)[0] > 5 * CHI_SQUARE_999[freedom]


def test_there_is_one_negative_for_each_pair_of_an_anchor_with_a_positive():
    drawn = distance_weighted_triplets(on_the_sphere(), LABELS, DIM, np.random.default_rng(2))
    pairs = [(a, p) for a in range(len(LABELS)) for p in range(len(LABELS)) if a != p and LABELS[a] == LABELS[p]]
    assert drawn[:, :2].tolist() == [list(pair) for pair in pairs if pair[0] in probabilities(on_the_sphere())]
    assert (LABELS[drawn[:, 0]] != LABELS[drawn[:, 2]]).all()


def test_an_anchor_whose_negatives_are_all_as_far_as_the_limit_has_no_triplet():
    d = np.array([[0, 1, 1.4], [1, 0, 1.3], [1.4, 1.3, 0]])
    for seed in range(5):
        assert distance_weighted_triplets(d, [1, 1, 2], 64, np.random.default_rng(seed)).tolist() == [[1, 0, 2]]


def test_density_of_many_dimensions_does_not_overflow_and_the_nearest_negative_wins():
    d = np.full((5, 5), 1.3, np.float32)
    d[:, 3] = 0.9
    np.fill_diagonal(d, 0)
    drawn = distance_weighted_triplets(d, [1, 1, 2, 3, 4], 2048, np.random.default_rng(0))
    assert drawn.tolist() == [[0, 1, 3], [1, 0, 3]]


@pytest.mark.parametrize("dim", [2, 3])
def test_antipodes_are_no_trouble_in_few_dimensions(dim):
    d = np.array([[0, 1, 2], [1, 0, 2.0005], [2, 2.0005, 0]])
    drawn = distance_weighted_triplets(d, [1, 1, 2], dim, np.random.default_rng(0), farthest=1.99)
    assert drawn.shape == (0, 3)


@pytest.mark.parametrize("labels", [[], [1], [1, 2, 3], [5, 5, 5]])
def test_a_batch_without_a_positive_or_a_negative_has_no_triplets(labels):
    labels = np.array(labels, int)
    rng = np.random.default_rng(0)
    for found in (random_triplets(labels, 7, rng), distance_weighted_triplets(np.ones((len(labels),) * 2), labels, 4, rng)):
        assert found.shape == (0, 3)
        assert found.dtype == np.intp


def test_the_same_generator_draws_the_same_triplets_and_none_is_drawn_when_none_is_asked():
    first, second, other = (random_triplets(LABELS, 20, np.random.default_rng(seed)).tolist() for seed in (4, 4, 5))
    assert first == second != other
    assert random_triplets(LABELS, 0, np.random.default_rng(4)).shape == (0, 3)


@pytest.mark.parametrize(("options", "said"), [
    ({"dim": 1}, "dim is 1, expected a whole number of at least 2"), ({"rng": 7}, "rng is 7"),
    ({"cutoff": 0}, "cutoff 0 and farthest 1.4"), ({"cutoff": 1.5}, "0 < cutoff < farthest < 2"), ({"farthest": 2}, "farthest 2"),
    ({"farthest": "1"}, "limit is '1'"), ({"distances": on_the_sphere() ** 2}, "0 to 2: Euclidean"),
    ({"distances": -on_the_sphere()}, "from -"),
])
def test_what_distance_weighting_cannot_use_is_refused(options, said):
    given = {"distances": on_the_sphere(), "labels": LABELS, "dim": DIM, "rng": np.random.default_rng(0), **options}
    with assert_refused(said):
        distance_weighted_triplets(**given)


def test_what_random_triplets_cannot_use_is_refused():
    with assert_refused("count is -1"):
        random_triplets(LABELS, -1, np.random.default_rng(0))
    with assert_refused("rng is 0, expected a numpy.random.Generator"):
        random_triplets(LABELS, 1, 0)
    with assert_refused("labels of float64", tc.ShapeError):
        random_triplets([0.5], 1, np.random.default_rng(0))
