"""Each miner against its definition over all triplets, ties at both ends of the margin, and batches that have none."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import tinyconv as tc
from tests.refusal import assert_refused
from tinyconv.metric import miners
from tinyconv.metric.losses import triplet_loss
from tinyconv.metric.miners import (
    all_triplets,
    batch_hard_triplets,
    easy_positive_triplets,
    easy_triplets,
    hard_triplets,
    semi_hard_triplets,
    violating_triplets,
)

LABELS = np.array([4, 1, 4, 4, 1, 9, 2, 2])
BY_GAP = {  # miner: which gaps d(A, N) - d(A, P) it takes
    easy_triplets: lambda gap, margin: gap > margin,
    semi_hard_triplets: lambda gap, margin: 0 < gap <= margin,
    violating_triplets: lambda gap, margin: gap <= margin,
    lambda d, labels, margin: hard_triplets(d, labels): lambda gap, margin: gap <= 0,
}
BY_ANCHOR = [batch_hard_triplets, easy_positive_triplets, lambda d, labels: easy_positive_triplets(d, labels, "hard")]


def embeddings(seed=0, dim=3):
    return np.random.default_rng(seed).standard_normal((len(LABELS), dim))


def squared_distances(e):
    return ((e[:, None] - e[None]) ** 2).sum(axis=2)


def whole_distances(seed=0):
    """Not symmetric, from 0 to 4, so that many are equal."""
    return np.random.default_rng(seed).integers(0, 5, (len(LABELS),) * 2)


def triplets_by_definition(labels=LABELS):
    return [(a, p, n) for a, p, n in itertools.product(range(len(labels)), repeat=3)
            if a != p and labels[a] == labels[p] != labels[n]]


def rows(triplets):
    return [tuple(row) for row in triplets.tolist()]


def test_all_triplets_are_those_of_the_definition_in_rising_order():
    assert rows(all_triplets(LABELS)) == triplets_by_definition()


@pytest.mark.parametrize(("miner", "wanted"), BY_GAP.items(), ids=["easy", "semi-hard", "violating", "hard"])
@pytest.mark.parametrize("margin", [0.1, 1.0, 5.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gap_decides_which_triplets_are_taken(miner, wanted, margin, dtype):
    d = squared_distances(embeddings()).astype(dtype)
    expected = [(a, p, n) for a, p, n in triplets_by_definition() if wanted(d[a, n] - d[a, p], margin)]
    assert rows(miner(d, LABELS, margin)) == expected


@pytest.mark.parametrize(("miner", "wanted"), BY_GAP.items(), ids=["easy", "semi-hard", "violating", "hard"])
def test_where_distances_are_equal_the_sides_of_the_margin_are_those_of_the_docstring(miner, wanted):
    d = whole_distances()
    gaps = [d[a, n] - d[a, p] for a, p, n in triplets_by_definition()]
    assert {0, 2} <= set(gaps)  # both boundaries are met
    expected = [t for t, gap in zip(triplets_by_definition(), gaps, strict=True) if wanted(gap, 2)]
    assert rows(miner(d, LABELS, 2)) == expected
    assert 0 < len(expected) < len(gaps)


@pytest.mark.parametrize("seed", range(3))
def test_every_triplet_is_easy_or_semi_hard_or_hard_and_the_last_two_are_the_violating_ones(seed):
    d = whole_distances(seed)
    easy, semi_hard = rows(easy_triplets(d, LABELS, 1)), rows(semi_hard_triplets(d, LABELS, 1))
    hard = rows(hard_triplets(d, LABELS))
    assert sorted(easy + semi_hard + hard) == rows(all_triplets(LABELS))
    assert sorted(semi_hard + hard) == rows(violating_triplets(d, LABELS, 1))


@pytest.mark.parametrize("margin", [0.1, 5.0])
def test_violating_triplets_are_those_that_cost_something(margin):
    e = embeddings()
    costly = [t for t in triplets_by_definition() if triplet_loss(tc.tensor(e), [t], margin).item() > 0]
    assert rows(violating_triplets(squared_distances(e), LABELS, margin)) == costly


@pytest.mark.parametrize("chunk", [1, 9, 40])
def test_a_batch_that_is_searched_in_parts_gives_the_same_triplets(chunk, monkeypatch):
    d = whole_distances()
    expected = semi_hard_triplets(d, LABELS, 2)
    monkeypatch.setattr(miners, "CHUNK", chunk)
    np.testing.assert_array_equal(semi_hard_triplets(d, LABELS, 2), expected)


def by_anchor(d, positives, negatives):
    """A triplet for each anchor: the positive whose key `positives` is smallest, and the nearest negative that is allowed."""
    found = []
    for a in range(len(LABELS)):
        mine = [t for t in triplets_by_definition() if t[0] == a]
        if not mine:
            continue
        p = min((t[1] for t in mine), key=lambda p: (positives(d[a, p]), p))
        allowed = [t[2] for t in mine if negatives(d[a, t[2]], d[a, p])]
        if allowed:
            found.append((a, p, min(allowed, key=lambda n: (d[a, n], n))))
    return found


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("distances", [lambda seed: squared_distances(embeddings(seed)), whole_distances], ids=["real", "ties"])
def test_miners_of_one_triplet_an_anchor_take_the_first_of_equal_distances(distances, seed):
    d = distances(seed)
    assert rows(batch_hard_triplets(d, LABELS)) == by_anchor(d, lambda x: -x, lambda n, p: True)
    assert rows(easy_positive_triplets(d, LABELS, "hard")) == by_anchor(d, lambda x: x, lambda n, p: True)
    assert rows(easy_positive_triplets(d, LABELS)) == by_anchor(d, lambda x: x, lambda n, p: n > p)


def test_unsigned_distances_are_not_taken_from_each_other_in_a_circle():
    d = whole_distances()
    for miner in [lambda d, labels: semi_hard_triplets(d, labels, 2), *BY_ANCHOR]:
        np.testing.assert_array_equal(miner(d.astype(np.uint8), LABELS), miner(d, LABELS))


@pytest.mark.parametrize("labels", [[], [1], [1, 2, 3], [5, 5, 5]])
def test_a_batch_without_a_positive_or_a_negative_has_no_triplets(labels):
    labels = np.array(labels, int)
    d = np.ones((len(labels),) * 2)
    found = [all_triplets(labels), *(miner(d, labels, 1.0) for miner in BY_GAP), *(miner(d, labels) for miner in BY_ANCHOR)]
    for triplets in found:
        assert triplets.shape == (0, 3)
        assert triplets.dtype == np.intp


def test_an_anchor_whose_negatives_are_all_nearer_has_no_easy_positive_triplet_but_a_hard_one():
    d = np.array([[0.0, 2, 1], [2, 0, 3], [1, 3, 0]])
    assert rows(easy_positive_triplets(d, [7, 7, 8])) == [(1, 0, 2)]
    assert rows(easy_positive_triplets(d, [7, 7, 8], "hard")) == [(0, 1, 2), (1, 0, 2)]


def test_what_is_no_batch_is_refused():
    with assert_refused(r"distances of float64 \(3, 3\) for 2 labels", tc.ShapeError):
        batch_hard_triplets(np.ones((3, 3)), np.array([1, 2]))
    with assert_refused("distances of <U1", tc.ShapeError):
        hard_triplets(np.array([["a", "b"], ["c", "d"]]), np.array([1, 2]))
    with assert_refused("labels of float64", tc.ShapeError):
        all_triplets([0.5, 1.5])
    with assert_refused(r"labels of int64 \(2, 1\)", tc.ShapeError):
        all_triplets(np.array([[1], [2]]))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_distances_of_a_network_that_has_diverged_are_refused_not_skipped(bad):
    d = np.ones((8, 8))
    d[2, 3] = bad
    for miner in [lambda d, labels: violating_triplets(d, labels, 1.0), *BY_ANCHOR]:
        with assert_refused("1 of 64 distances are NaN or infinite.*lower learning rate"):
            miner(d, LABELS)


@pytest.mark.parametrize("margin", [-0.1, np.nan, np.inf, "0.2", None])
def test_a_margin_that_is_none_is_refused(margin):
    d = np.ones((8, 8))
    for miner in (easy_triplets, semi_hard_triplets, violating_triplets):
        with assert_refused(f"{miner.__name__}: margin is .*at least 0"):
            miner(d, LABELS, margin)


def test_an_unknown_kind_of_negative_is_refused():
    with assert_refused("negative is 'easy', expected one of semi_hard, hard"):
        easy_positive_triplets(np.ones((8, 8)), LABELS, "easy")
