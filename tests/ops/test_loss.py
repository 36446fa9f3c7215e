"""Losses against their definitions, and the targets they refuse."""

from __future__ import annotations

import numpy as np
import pytest

import tinyconv as tc


def test_mse_is_the_mean_square_and_reaches_both_sides():
    a, b = tc.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True), tc.tensor([[1.0, 0.0], [0.0, 4.0]], requires_grad=True)
    loss = tc.mse(a, b)
    assert loss.item() == (4 + 9) / 4
    ga, gb = tc.grad(loss, [a, b])
    assert ga.data.tolist() == [[0, 1], [1.5, 0]]
    assert gb.data.tolist() == [[0, -1], [-1.5, 0]]
    assert tc.mse(a, [[1, 2], [3, 4]]).item() == 0


def test_mse_does_not_broadcast():
    with pytest.raises(tc.ShapeError, match=r"mse: prediction \(3, 1\) and target \(3,\) must have one shape"):
        tc.mse(np.ones((3, 1)), np.ones(3))


def test_cross_entropy_is_minus_the_mean_log_probability():
    logits, labels = np.random.default_rng(0).standard_normal((5, 4)), np.array([2, 0, 3, 2, 1])
    x = tc.tensor(logits, requires_grad=True)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    loss = tc.cross_entropy(x, labels)
    assert loss.item() == pytest.approx(-np.log(probabilities[np.arange(5), labels]).mean())
    np.testing.assert_allclose(tc.grad(loss, x).data, (probabilities - np.eye(4)[labels]) / 5, rtol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_cross_entropy_is_what_it_is_made_of_in_every_order(order):
    rng = np.random.default_rng(0)
    logits, labels, g = rng.standard_normal((5, 4)), np.array([2, 0, 3, 2, 1]), rng.standard_normal((5, 4))

    def composite(x):
        return -tc.log_softmax(x)[np.arange(5), labels].mean()

    found = []
    for loss in (lambda x: tc.cross_entropy(x, labels), composite):
        x = tc.tensor(logits, requires_grad=True)
        y = loss(x) * 3
        for _ in range(order - 1):
            y = (tc.grad(y, x, create_graph=True) * g).sum()
        found.append((y.item(), tc.grad(y, x).data))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-13)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-12, atol=1e-15)


def test_labels_may_change_after_the_loss():
    x, labels = tc.tensor(np.zeros((1, 2)), requires_grad=True), np.array([1])
    loss = tc.cross_entropy(x, labels)
    labels[:] = 0
    for create_graph in (False, True):
        assert tc.grad(loss, x, create_graph=create_graph).data.tolist() == [[0.5, -0.5]]


def test_cross_entropy_of_an_excluded_class_is_that_of_the_others():
    x = tc.tensor(np.array([[-np.inf, 0.0, 0.0]]), requires_grad=True)
    loss = tc.cross_entropy(x, [1])
    assert loss.item() == pytest.approx(np.log(2))
    assert tc.grad(loss, x).data.tolist() == [[0, -0.5, 0.5]]


def test_cross_entropy_of_certain_logits_is_finite():
    assert tc.cross_entropy(np.array([[1e5, 0.0], [0.0, 1e5]]), [0, 1]).item() == 0
    assert tc.cross_entropy(np.array([[1e5, 0.0]]), [1]).item() == 1e5


def test_labels_of_any_integer_dtype():
    logits = np.zeros((2, 3))
    for labels in ([0, 2], np.array([0, 2], np.uint8), np.array([0, 2], np.int64)):
        assert tc.cross_entropy(logits, labels).item() == pytest.approx(np.log(3))


@pytest.mark.parametrize("labels", [[0, 3], [-1, 0], [0.0, 1.0], [True, False]])
def test_labels_that_are_no_class_numbers_are_refused(labels):
    with pytest.raises(tc.ShapeError, match="labels must be integers from 0 to 2"):
        tc.cross_entropy(np.zeros((2, 3)), labels)


@pytest.mark.parametrize(("logits", "labels"), [((2, 3), [0]), ((2, 3), [[0], [1]]), ((3,), [0, 1, 2]), ((2, 3, 1), [0, 1])])
def test_shapes_that_do_not_fit_are_named(logits, labels):
    with pytest.raises(tc.ShapeError, match=r"cross_entropy: got logits .* and labels .*, expected \(N, classes\) and \(N,\)"):
        tc.cross_entropy(np.zeros(logits), labels)


def test_an_empty_batch_has_no_mean():
    with pytest.raises(tc.ShapeError, match="expected at least one value"):
        tc.cross_entropy(np.zeros((0, 3)), np.zeros(0, int))


def test_labels_that_are_a_tensor_are_refused():
    with pytest.raises(tc.GradientError, match="cross_entropy: labels are a tensor, expected an integer array"):
        tc.cross_entropy(np.zeros((2, 3)), tc.tensor([0.0, 1.0]))


def test_one_label_twice_in_a_batch_keeps_both_gradients():
    x = tc.tensor(np.zeros((2, 2)), requires_grad=True)
    assert tc.grad(tc.cross_entropy(x, [1, 1]), x).data.tolist() == [[0.25, -0.25]] * 2


# --- Huber


def test_huber_is_half_the_square_near_zero_and_grows_like_a_line_far_away():
    p = tc.tensor(np.array([0.0, 0.5, 2.0, 3.0, -7.0]), requires_grad=True)
    for i, value in enumerate([0, 0.125, 2, 2 * (3 - 1), 2 * (7 - 1)]):
        assert tc.huber(p[i], 0.0, delta=2).item() == value
    assert tc.grad(tc.huber(p, np.zeros(5), delta=2), p).data.tolist() == pytest.approx([0, 0.1, 0.4, 0.4, -0.4])


def test_huber_reaches_both_sides_and_is_half_of_mse_for_a_large_delta():
    a, b = (tc.tensor(np.random.default_rng(i).standard_normal((3, 4)), requires_grad=True) for i in (0, 1))
    assert tc.huber(a, b, delta=1e3).item() == pytest.approx(tc.mse(a, b).item() / 2)
    ga, gb = tc.grad(tc.huber(a, b, delta=0.5), [a, b])
    np.testing.assert_allclose(ga.data, np.clip(a.data - b.data, -0.5, 0.5) / 12)
    np.testing.assert_array_equal(ga.data, -gb.data)


@pytest.mark.parametrize("delta", [0, -1, np.nan])
def test_huber_needs_a_positive_delta(delta):
    with pytest.raises(tc.DataError, match=r"huber: delta is .*, expected a positive number"):
        tc.huber([1.0], [0.0], delta=delta)


# --- Binary cross entropy


def test_bce_is_the_mean_of_minus_log_probability():
    x, t = np.random.default_rng(0).standard_normal((3, 4)), np.random.default_rng(1).uniform(0, 1, (3, 4))
    p = 1 / (1 + np.exp(-x))
    expected = -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean()
    leaf = tc.tensor(x, requires_grad=True)
    loss = tc.bce_with_logits(leaf, t)
    assert loss.item() == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose(tc.grad(loss, leaf).data, (p - t) / 12, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bce_of_certain_logits_is_exact_with_finite_gradients_of_both_orders(dtype):
    x = tc.tensor(np.array([1000, -1000, 1000, -1000], dtype), requires_grad=True)
    t = tc.tensor(np.array([1, 0, 0, 1], dtype), requires_grad=True)
    loss = tc.bce_with_logits(x, t)
    assert loss.item() == 500
    gx, gt = tc.grad(loss, [x, t], create_graph=True)
    assert gx.data.tolist() == [0, 0, 0.25, -0.25]
    assert gt.data.tolist() == [-250, 250, -250, 250]
    assert all(np.isfinite(g.data).all() for g in tc.grad(gx.sum() + gt.sum(), [x, t]))


def test_bce_of_a_likely_answer_keeps_its_digits():
    for sign, target in ((1, 1), (-1, 0)):
        loss = tc.bce_with_logits(np.float32([20 * sign]), [target])
        assert loss.item() == pytest.approx(np.exp(-20), rel=1e-6)


def test_targets_may_be_booleans_integers_or_lists():
    for targets in ([True, False], np.array([True, False]), np.array([1, 0]), [1, 0]):
        assert tc.bce_with_logits(np.zeros(2), targets).item() == pytest.approx(np.log(2))


@pytest.mark.parametrize("target", [-0.001, 1.001, np.nan, np.inf, -1, 2])
def test_targets_that_are_no_probabilities_are_refused(target):
    with pytest.raises(tc.DataError, match=r"bce_with_logits: targets must lie in \[0, 1\]; got"):
        tc.bce_with_logits([0.0, 0.0], [0.5, target])
    with pytest.raises(tc.DataError, match=r"kl_divergence: p must lie in \[0, 1\]; got"):
        tc.kl_divergence([[0.0, 0.0]], [[0.5, target]])


# --- Kullback-Leibler


def test_kl_is_the_mean_over_the_batch_of_a_sum():
    rng = np.random.default_rng(0)
    p, q = rng.dirichlet(np.ones(4), 3), rng.dirichlet(np.ones(4), 3)
    expected = (p * np.log(p / q)).sum() / 3
    assert tc.kl_divergence(np.log(q), p).item() == pytest.approx(expected, rel=1e-12)
    assert expected > 0
    assert tc.kl_divergence(np.log(p), p).item() == pytest.approx(0, abs=1e-15)
    wide = [a.reshape(3, 2, 2) for a in (np.log(q), p)]
    assert tc.kl_divergence(*wide).item() == pytest.approx(expected, rel=1e-12)


def test_kl_of_an_impossible_event_is_zero_whatever_q_says():
    log_q = tc.tensor(np.array([[-np.inf, 0.0]]), requires_grad=True)
    p = tc.tensor(np.array([[0.0, 1.0]]), requires_grad=True)
    loss = tc.kl_divergence(log_q, p)
    assert loss.item() == 0
    gq, gp = tc.grad(loss, [log_q, p])
    assert gq.data.tolist() == [[0, -1]]
    assert gp.data.tolist() == [[0, 1]]


def test_kl_of_an_event_that_q_excludes_is_infinite():
    assert tc.kl_divergence(np.array([[-np.inf, 0.0]]), np.array([[0.5, 0.5]])).item() == np.inf


def test_kl_needs_a_batch():
    with pytest.raises(tc.ShapeError, match=r"kl_divergence: got shape \(3,\), expected \(N, classes\)"):
        tc.kl_divergence(np.zeros(3), np.ones(3) / 3)


# --- All of them


@pytest.mark.parametrize("loss", [tc.mse, tc.huber, tc.bce_with_logits, tc.kl_divergence])
def test_a_loss_does_not_broadcast_mix_dtypes_or_take_the_mean_of_nothing(loss):
    with pytest.raises(tc.ShapeError, match=rf"{loss.__name__}: .* \(3, 1\) and .* \(3, 4\) must have one shape"):
        loss(np.ones((3, 1)), np.ones((3, 4)))
    with pytest.raises(tc.DtypeError, match=f"{loss.__name__}: got float32 and float64"):
        loss(np.ones((3, 1)), np.ones((3, 1), np.float32))
    with pytest.raises(tc.ShapeError, match="expected at least one value"):
        loss(np.ones((0, 3)), np.ones((0, 3)))
