"""The prototypical loss against its definition, one query at a time."""

from __future__ import annotations

import numpy as np
import pytest

import tinyconv as tc
from tests.refusal import assert_refused
from tinyconv.gradcheck import gradcheck
from tinyconv.metric.prototypical import prototypes, prototypical_logits, prototypical_loss
from tinyconv.metric.reduction import REDUCTIONS

LABELS = np.array([2, 0, 1, 2, 2])


def episode(seed=0, ways=3, shots=2, queries=5, dim=4):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((ways, shots, dim)), rng.standard_normal((queries, dim))


def costs(support, queries, labels, scale):
    """-log p(its class) of each query, by the definition."""
    found = []
    for q, label in zip(queries, labels, strict=True):
        p = np.exp([-scale * ((q - c.mean(axis=0)) ** 2).sum() for c in support])
        found.append(-np.log(p[label] / p.sum()))
    return np.array(found)


@pytest.mark.parametrize("scale", [1.0, 0.5, 2])
def test_loss_is_the_softmax_over_negative_squared_distances_to_the_means(scale):
    support, queries = episode()
    expected = costs(support, queries, LABELS, scale)
    got = {how: prototypical_loss(support, queries, LABELS, scale=scale, reduction=how).data for how in REDUCTIONS}
    np.testing.assert_allclose(got["none"], expected, rtol=1e-12)
    np.testing.assert_allclose([got["mean"], got["mean_active"], got["sum"]],
                               [expected.mean(), expected.mean(), expected.sum()], rtol=1e-12)


def test_logits_are_largest_for_the_nearest_prototype():
    support, queries = episode()
    centres = prototypes(support).data
    np.testing.assert_allclose(centres, support.mean(axis=1))
    nearest = ((queries[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    np.testing.assert_array_equal(prototypical_logits(support, queries).data.argmax(axis=1), nearest)


@pytest.mark.parametrize("order", [1, 2])
def test_gradients_for_support_and_queries(order):
    report = gradcheck(lambda s, q: prototypical_loss(s, q, LABELS, scale=0.5), *episode(), order=order,
                       rng=np.random.default_rng(1))
    assert report.ok, str(report)


def test_one_point_for_everything_costs_the_logarithm_of_the_number_of_classes():
    support, queries = (tc.tensor(np.ones_like(a), requires_grad=True) for a in episode())
    loss = prototypical_loss(support, queries, LABELS)
    assert loss.item() == pytest.approx(np.log(3))
    for slope in tc.grad(loss, [support, queries]):
        np.testing.assert_allclose(slope.data, 0, atol=1e-15)


def test_certain_queries_right_or_wrong_are_exact():
    support = np.array([[[0.0]], [[100.0]]])
    loss = prototypical_loss(support, [[0.0], [100.0], [0.0]], [0, 1, 1], reduction="none")
    np.testing.assert_allclose(loss.data, [0, 0, 10000], atol=1e-12)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_no_query_is_a_zero_that_still_backpropagates(reduction):
    support, queries = (tc.tensor(a, requires_grad=True) for a in episode(queries=0))
    loss = prototypical_loss(support, queries, np.empty(0, int), reduction=reduction).sum()
    loss.backward()
    assert loss.item() == 0
    assert not support.grad.any()
    assert queries.grad.shape == (0, 4)


def test_float32_stays_float32():
    support, queries = (a.astype(np.float32) for a in episode())
    assert prototypical_loss(support, queries, LABELS, scale=4**-0.5).dtype == np.float32


@pytest.mark.parametrize(("change", "said"), [
    ({"support": np.ones((3, 4))}, r"got support \(3, 4\), expected \(N-way, K-shot, D\)"),
    ({"support": np.ones((3, 0, 4))}, "at least one shot"),
    ({"queries": np.ones((5, 3))}, r"support \(3, 2, 4\) and queries \(5, 3\)"),
    ({"queries": np.ones(4)}, r"queries \(4,\)"),
    ({"labels": [0, 1]}, r"labels \(2,\) for 5 queries"),
    ({"labels": [0, 1, 2, 3, 0]}, "labels must be integers from 0 to 2; got 0 to 3"),
])
def test_episodes_that_do_not_fit_are_refused(change, said):
    support, queries = episode()
    with assert_refused(said, tc.ShapeError):
        prototypical_loss(**{"support": support, "queries": queries, "labels": LABELS, **change})


@pytest.mark.parametrize("scale", [0, -1, float("inf"), None])
def test_a_scale_that_is_not_positive_is_refused(scale):
    with assert_refused("scale is .*above 0"):
        prototypical_loss(*episode(), LABELS, scale=scale)


def test_unknown_reductions_are_named():
    with assert_refused("prototypical_loss: reduction is 'best'"):
        prototypical_loss(*episode(), LABELS, reduction="best")
