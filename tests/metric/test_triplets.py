"""The triplet loss, and the miners that choose its triplets."""

import itertools

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.metric.losses import triplet_loss
from tinyconv.metric.miners import all_triplets, batch_hard_triplets, semi_hard_triplets, violating_triplets

LABELS = np.array([4, 1, 4, 4, 1, 9, 2, 2])


def embeddings(seed=0, dim=3):
    return np.random.default_rng(seed).standard_normal((len(LABELS), dim))


def squared_distances(e):
    return ((e[:, None] - e[None]) ** 2).sum(axis=2)


def triplets_by_definition():
    return {(a, p, n) for a, p, n in itertools.product(range(len(LABELS)), repeat=3)
            if a != p and LABELS[a] == LABELS[p] != LABELS[n]}


def test_all_triplets_are_those_of_the_definition():
    found = all_triplets(LABELS)
    assert {tuple(row) for row in found.tolist()} == triplets_by_definition()
    assert len(found) == len(triplets_by_definition())


@pytest.mark.parametrize("margin", [0.1, 1.0, 5.0])
def test_semi_hard_negatives_lie_between_the_positive_and_the_margin(margin):
    d = squared_distances(embeddings())
    expected = {(a, p, n) for a, p, n in triplets_by_definition() if 0 < d[a, n] - d[a, p] < margin}
    found = semi_hard_triplets(d, LABELS, margin)
    assert {tuple(row) for row in found.tolist()} == expected
    assert len(found) == len(expected)


@pytest.mark.parametrize("margin", [0.1, 5.0])
def test_violating_triplets_are_those_that_cost_something(margin):
    e = embeddings()
    d = squared_distances(e)
    expected = {t for t in triplets_by_definition() if triplet_loss(tc.tensor(e), [t], margin).item() > 0}
    found = violating_triplets(d, LABELS, margin)
    assert {tuple(row) for row in found.tolist()} == expected
    assert len(found) == len(expected)


def test_batch_hard_takes_the_farthest_positive_and_the_nearest_negative():
    d = squared_distances(embeddings())
    found = batch_hard_triplets(d, LABELS)
    anchors = [a for a in range(len(LABELS)) if (LABELS[a] == LABELS).sum() > 1]
    assert found[:, 0].tolist() == anchors
    for a, p, n in found.tolist():
        mine = [t for t in triplets_by_definition() if t[0] == a]
        assert d[a, p] == max(d[a, t[1]] for t in mine)
        assert d[a, n] == min(d[a, t[2]] for t in mine)


@pytest.mark.parametrize("labels", [[], [1], [1, 2, 3], [5, 5, 5]])
def test_a_batch_without_a_positive_or_a_negative_has_no_triplets(labels):
    labels = np.array(labels, int)
    d = np.ones((len(labels),) * 2)
    for found in (all_triplets(labels), semi_hard_triplets(d, labels, 1.0), violating_triplets(d, labels, 1.0),
                  batch_hard_triplets(d, labels)):
        assert found.shape == (0, 3)
        assert found.dtype.kind == "i"


def test_distances_of_another_batch_and_labels_that_are_no_integers_are_refused():
    with pytest.raises(tc.ShapeError, match=r"distances \(3, 3\) for 2 labels"):
        batch_hard_triplets(np.ones((3, 3)), np.array([1, 2]))
    with pytest.raises(tc.ShapeError, match="float64"):
        all_triplets([0.5, 1.5])


def test_triplet_loss_is_the_formula_of_the_course():
    e = embeddings()
    rows = all_triplets(LABELS)
    alpha = 0.7
    expected = np.mean([max(0.0, sum((e[a] - e[p]) ** 2) - sum((e[a] - e[n]) ** 2) + alpha) for a, p, n in rows])
    assert triplet_loss(tc.tensor(e), rows, alpha).item() == pytest.approx(expected, rel=1e-12)


def test_gradients_of_the_triplet_loss_of_both_orders():
    rows = all_triplets(LABELS)
    for order in (1, 2):
        report = tc.gradcheck.gradcheck(lambda e: triplet_loss(e, rows, 0.5), embeddings(), order=order,
                                        rng=np.random.default_rng(1))
        assert report.ok, str(report)


def test_one_point_for_everybody_costs_the_margin():
    assert triplet_loss(tc.tensor(np.ones((8, 3))), all_triplets(LABELS), 0.3).item() == pytest.approx(0.3)


def test_no_triplet_is_a_zero_that_still_backpropagates():
    e = tc.tensor(embeddings(), requires_grad=True)
    loss = triplet_loss(e, np.empty((0, 3), int))
    loss.backward()
    assert loss.item() == 0
    assert not e.grad.any()


@pytest.mark.parametrize(("rows", "margin", "said"), [
    ([[0, 1, 8]], 0.2, "positions from 0 to 7"), ([[0, 1, -1]], 0.2, "-1 to 1"), ([[0, 1]], 0.2, r"\(T, 3\)"),
    ([[0.0, 1.0, 2.0]], 0.2, "integers"), ([[0, 2, 1]], 0.0, "margin is 0.0"), ([[0, 2, 1]], float("nan"), "margin is nan"),
])
def test_triplets_that_do_not_fit_are_refused(rows, margin, said):
    with pytest.raises(tc.ShapeError, match=said):
        triplet_loss(tc.tensor(embeddings()), np.array(rows), margin)
