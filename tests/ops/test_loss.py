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
