"""Losses of pairs and triplets against their formulas, at their kinks, at collapse, and without anything to learn from."""

from __future__ import annotations

import numpy as np
import pytest

import tinyconv as tc
from tests.refusal import assert_refused
from tinyconv.gradcheck import gradcheck
from tinyconv.metric.losses import contrastive_loss, soft_margin_triplet_loss, triplet_loss
from tinyconv.metric.miners import all_triplets
from tinyconv.metric.reduction import REDUCTIONS
from tinyconv.ops.distance import METRICS

LABELS = np.array([4, 1, 4, 4, 1, 9, 2, 2])
EVERY = all_triplets(LABELS)
FEW = EVERY[[3, 11, 3]]  # few enough to be compared row by row; one of them twice
SAME = np.array([True, False, False, True, False])

TRIPLET_LOSSES = {
    "triplet": (lambda e, t, **options: triplet_loss(e, t, 0.7, **options), lambda ap, an: max(0.0, ap - an + 0.7)),
    "soft margin": (soft_margin_triplet_loss, lambda ap, an: np.log(1 + np.exp(ap - an))),
}


def embeddings(seed=0, dim=3):
    return np.random.default_rng(seed).standard_normal((len(LABELS), dim))


def pairs(seed=1, dim=4, scale=0.6):
    x, y = np.random.default_rng(seed).standard_normal((2, len(SAME), dim)) * scale
    return x, y


def distance(a, b, metric):
    if metric == "cosine":
        return 1 - a @ b / np.sqrt((a @ a) * (b @ b))
    squared = ((a - b) ** 2).sum()
    return squared if metric == "squared_euclidean" else np.sqrt(squared)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("triplets", [FEW, EVERY], ids=["by rows", "by pairs"])
@pytest.mark.parametrize(("loss", "formula"), TRIPLET_LOSSES.values(), ids=TRIPLET_LOSSES)
def test_losses_of_triplets_are_their_formulas_in_every_distance(loss, formula, triplets, metric):
    e = embeddings()
    expected = [formula(distance(e[a], e[p], metric), distance(e[a], e[n], metric)) for a, p, n in triplets]
    got = {how: loss(tc.tensor(e), triplets, distance=metric, reduction=how).data for how in REDUCTIONS}
    np.testing.assert_allclose(got["none"], expected, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(got["mean"], np.mean(expected), rtol=1e-12)
    np.testing.assert_allclose(got["sum"], np.sum(expected), rtol=1e-12)
    np.testing.assert_allclose(got["mean_active"], np.sum(expected) / np.count_nonzero(expected), rtol=1e-12)


def test_distance_of_the_triplet_loss_is_the_squared_one_of_the_course_unless_another_is_asked():
    e = tc.tensor(embeddings())
    assert triplet_loss(e, EVERY).item() == triplet_loss(e, EVERY, 0.2, distance="squared_euclidean", reduction="mean").item()


def test_nothing_is_normalized_in_secret():
    e = embeddings()
    for loss, _ in TRIPLET_LOSSES.values():
        assert loss(tc.tensor(3 * e), EVERY).item() > 1.5 * loss(tc.tensor(e), EVERY).item()
    x, y = pairs()
    assert contrastive_loss(x * 3, y * 3, [True] * 5).item() == pytest.approx(9 * contrastive_loss(x, y, [True] * 5).item())


def test_contrastive_loss_is_the_formula_of_the_paper():
    x, y = pairs()
    d = np.sqrt(((x - y) ** 2).sum(axis=1))
    big_y = (~SAME).astype(float)  # the paper's Y: 0 for a similar pair
    expected = (1 - big_y) * 0.5 * d**2 + big_y * 0.5 * np.maximum(0, 1.5 - d) ** 2
    assert 0 < (expected == 0).sum() < (~SAME).sum()  # some have their margin, some have not
    got = {how: contrastive_loss(x, y, SAME, 1.5, reduction=how).data for how in REDUCTIONS}
    np.testing.assert_allclose(got["none"], expected, rtol=1e-12)
    np.testing.assert_allclose(got["mean"], expected.mean(), rtol=1e-12)
    np.testing.assert_allclose(got["sum"], expected.sum(), rtol=1e-12)
    np.testing.assert_allclose(got["mean_active"], expected[expected > 0].mean(), rtol=1e-12)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("reduction", ["mean", "none", "mean_active"])
def test_gradients_of_both_orders(order, reduction):
    losses = [lambda e, t=t, loss=loss, metric=metric: loss(e, t, distance=metric, reduction=reduction)
              for loss, _ in TRIPLET_LOSSES.values() for t in (FEW, EVERY) for metric in METRICS]
    reports = [gradcheck(loss, embeddings(), order=order, rng=np.random.default_rng(1)) for loss in losses]
    reports.append(gradcheck(lambda x, y: contrastive_loss(x, y, SAME, 1.5, reduction=reduction), *pairs(), order=order,
                             rng=np.random.default_rng(1)))
    assert all(report.ok for report in reports), "\n".join(map(str, reports))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("triplets", [FEW, EVERY], ids=["by rows", "by pairs"])
def test_one_point_for_everybody_costs_the_margin_or_log_2_and_has_a_finite_gradient(triplets, metric):
    e = tc.tensor(np.ones((8, 3)), requires_grad=True)
    hinge = triplet_loss(e, triplets, 0.3, distance=metric)
    soft = soft_margin_triplet_loss(e, triplets, distance=metric)
    assert hinge.item() == pytest.approx(0.3, abs=1e-15)
    assert soft.item() == pytest.approx(np.log(2), abs=1e-15)
    for loss in (hinge, soft):
        np.testing.assert_allclose(tc.grad(loss, e).data, 0, atol=1e-15)


def test_equal_embeddings_are_pulled_nowhere_and_pushed_nowhere_by_the_contrastive_loss():
    x, y = (tc.tensor(np.ones((2, 3)), requires_grad=True) for _ in range(2))
    loss = contrastive_loss(x, y, [True, False], margin=2.0, reduction="none")
    assert loss.data.tolist() == [0, 2]
    for slope in tc.grad(loss.sum(), [x, y]):
        assert not slope.data.any()


def test_a_different_pair_at_exactly_the_margin_is_at_rest():
    x, y = tc.tensor([[0.0, 0.0]], requires_grad=True), [[3.0, 4.0]]
    loss = contrastive_loss(x, y, [False], margin=5)
    assert loss.item() == 0
    assert not tc.grad(loss, x).data.any()


def test_a_triplet_at_exactly_the_margin_costs_nothing_and_pulls_nothing():
    e = tc.tensor([[0.0], [1.0], [2.0]], requires_grad=True)
    loss = triplet_loss(e, [[0, 1, 2]], 3.0)
    assert loss.item() == 0
    assert not tc.grad(loss, e).data.any()


def test_soft_margin_does_not_overflow():
    e = tc.tensor([[0.0], [100.0], [1.0]], requires_grad=True)
    loss = soft_margin_triplet_loss(e, [[0, 1, 2], [0, 2, 1]], reduction="none")
    np.testing.assert_allclose(loss.data, [9999, 0])
    assert np.isfinite(tc.grad(loss.sum(), e).data).all()


def test_mean_over_active_triplets_is_not_diluted_by_those_that_have_their_margin():
    e = tc.tensor([[0.0], [1.0], [9.0]])
    rows = [[0, 1, 2]] * 9 + [[0, 2, 1]]
    assert triplet_loss(e, rows, 1.0).item() == pytest.approx(8.1)
    assert triplet_loss(e, rows, 1.0, reduction="mean_active").item() == pytest.approx(81)
    assert triplet_loss(e, rows[:9], 1.0, reduction="mean_active").item() == 0


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("people", [0, 8])
@pytest.mark.parametrize("metric", METRICS)
def test_nothing_to_learn_from_is_a_zero_that_still_backpropagates(metric, people, reduction):
    none = np.empty((0, 3), int)
    for loss, _ in TRIPLET_LOSSES.values():
        e = tc.tensor(embeddings()[:people], requires_grad=True)
        y = loss(e, none, distance=metric, reduction=reduction).sum()
        y.backward()
        assert y.item() == 0
        assert e.grad.shape == e.shape
        assert not e.grad.any()


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_no_pair_is_a_zero_that_still_backpropagates(reduction):
    e = tc.tensor(embeddings(), requires_grad=True)
    y = contrastive_loss(e[:0], e[:0], np.zeros(0, bool), reduction=reduction).sum()
    y.backward()
    assert y.item() == 0
    assert not e.grad.any()


def test_float32_stays_float32():
    e = embeddings().astype(np.float32)
    assert triplet_loss(e, EVERY).dtype == soft_margin_triplet_loss(e, FEW).dtype == np.float32
    assert contrastive_loss(*(a.astype(np.float32) for a in pairs()), SAME).dtype == np.float32


@pytest.mark.parametrize("loss", [triplet_loss, soft_margin_triplet_loss])
@pytest.mark.parametrize(("rows", "said"), [
    ([[0, 1, 8]], r"positions.* from 0 to 7; got 0 to 8"), ([[0, 1, -1]], "got -1 to 1"),
    ([[0, 1]], r"triplets \(1, 2\), expected \(T, 3\)"), ([0, 1, 2], r"triplets \(3,\), expected \(T, 3\)"),
    ([[0.0, 1.0, 2.0]], "integers.*float64"), ([[0, 1, 2], [0, 1]], "one array of integers"),
])
def test_triplets_that_do_not_fit_are_refused(loss, rows, said):
    with assert_refused(f"{loss.__name__}: .*{said}", tc.ShapeError):
        loss(tc.tensor(embeddings()), rows)
    with assert_refused(r"got embeddings \(8,\)", tc.ShapeError):
        loss(np.ones(8), [[0, 1, 2]])


@pytest.mark.parametrize("margin", [0.0, -1, float("nan"), "0.2"])
def test_a_margin_that_is_not_positive_is_refused(margin):
    with assert_refused("triplet_loss: margin is .*above 0"):
        triplet_loss(tc.tensor(embeddings()), FEW, margin)
    with assert_refused("contrastive_loss: margin is .*above 0"):
        contrastive_loss(*pairs(), SAME, margin)


def test_unknown_distances_and_reductions_are_named():
    for loss in (triplet_loss, soft_margin_triplet_loss):
        with assert_refused("got metric 'manhattan'"):
            loss(embeddings(), FEW, distance="manhattan")
        with assert_refused(f"{loss.__name__}: reduction is 'average', expected one of mean, mean_active, sum, none"):
            loss(embeddings(), FEW, reduction="average")
    with assert_refused("contrastive_loss: reduction is None"):
        contrastive_loss(*pairs(), SAME, reduction=None)


def test_pairs_that_do_not_fit_are_refused():
    x, y = pairs()
    with assert_refused(r"contrastive_loss: got x \(5, 4\) and y \(4, 4\)", tc.ShapeError):
        contrastive_loss(x, y[:4], SAME)
    with assert_refused(r"got same of bool \(4,\) for 5 pairs", tc.ShapeError):
        contrastive_loss(x, y, SAME[:4])
    with assert_refused("got same of int64 .* expected booleans", tc.ShapeError):  # the paper's Y, which means the opposite
        contrastive_loss(x, y, SAME.astype(int))
