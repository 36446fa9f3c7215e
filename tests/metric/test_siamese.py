"""Siamese classification: what it sees of two embeddings, its logits and its loss against the formulas of the course."""

from __future__ import annotations

import numpy as np
import pytest

import tinyconv as tc
from tests.refusal import assert_refused
from tinyconv import nn
from tinyconv.gradcheck import gradcheck
from tinyconv.metric.reduction import REDUCTIONS
from tinyconv.metric.siamese import SiameseHead, absolute_difference, chi_square, siamese_loss

SAME = np.array([True, False, True])


def encoded(seed=0, dim=4):
    """Embeddings as a ReLU leaves them, (2 T, dim), none 0."""
    return np.random.default_rng(seed).uniform(0.2, 2, (2 * len(SAME), dim))


def halves(x):
    return x[: len(x) // 2], x[len(x) // 2 :]


def head(comparison, dim=4, seed=3):
    """A head in the middle of its training."""
    rng = np.random.default_rng(seed)
    made = SiameseHead(dim, comparison)
    made.load_state({"weight": rng.standard_normal((dim, 1)), "bias": rng.standard_normal(1)})
    return made


def test_comparisons_are_their_formulas():
    x, y = halves(encoded())
    np.testing.assert_allclose(absolute_difference(x, y).data, abs(x - y))
    np.testing.assert_allclose(chi_square(x, y).data, (x - y) ** 2 / (x + y), rtol=1e-12)
    np.testing.assert_array_equal(chi_square(x, y).data, chi_square(y, x).data)


@pytest.mark.parametrize("comparison", [absolute_difference, chi_square])
@pytest.mark.parametrize("order", [1, 2])
def test_gradients_of_comparisons(comparison, order):
    report = gradcheck(comparison, *halves(encoded()), order=order, rng=np.random.default_rng(1))
    assert report.ok, str(report)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_chi_square_is_0_without_gradient_where_both_are_0_and_does_not_overflow(dtype):
    tiny, huge = np.finfo(dtype).tiny, np.finfo(dtype).max / 4
    x = tc.tensor(np.array([[0, 0, tiny, huge, 3]], dtype), requires_grad=True)
    y = tc.tensor(np.array([[0, 2, 0, 0, 3]], dtype), requires_grad=True)
    out = chi_square(x, y)
    assert out.dtype == dtype
    np.testing.assert_array_equal(out.data, np.array([[0, 2, tiny, huge, 0]], dtype))
    gx, gy = tc.grad(out.sum(), [x, y])
    np.testing.assert_allclose(gx.data, [[0, -3, 1, 1, 0]])
    np.testing.assert_allclose(gy.data, [[0, 1, -3, -3, 0]])


def test_chi_square_of_values_below_0_is_refused_with_the_fix():
    x, y = halves(encoded())
    with assert_refused("y has values down to -2.749.*ReLU.*absolute_difference"):
        chi_square(x, y - 3)
    with assert_refused("x has values down to"):
        SiameseHead(4, "chi_square")(encoded().astype(np.float32) - 3)


@pytest.mark.parametrize("comparison", ["absolute_difference", "chi_square"])
def test_head_is_logistic_regression_on_how_the_halves_of_the_batch_differ(comparison):
    x, made = encoded().astype(np.float32), head(comparison)
    first, second = halves(x)
    seen = abs(first - second) if comparison == "absolute_difference" else (first - second) ** 2 / (first + second)
    logits = made(x)
    np.testing.assert_allclose(logits.data, seen @ made.weight.data[:, 0] + made.bias.data[0], rtol=1e-5)
    p = 1 / (1 + np.exp(-logits.data.astype(float)))  # the course's y hat
    expected = -np.where(SAME, np.log(p), np.log(1 - p))
    np.testing.assert_allclose(siamese_loss(logits, SAME, reduction="none").data, expected, rtol=1e-5)


def test_a_new_head_finds_equal_embeddings_undecided_and_all_others_less_the_same():
    x = encoded().astype(np.float32)
    x[3] = x[0]
    for comparison in ("absolute_difference", "chi_square"):
        logits = SiameseHead(4, comparison)(x).data
        assert logits[0] == 0
        assert (logits[1:] < 0).all()


def test_order_of_the_two_pictures_does_not_matter():
    x = encoded().astype(np.float32)
    for comparison in ("absolute_difference", "chi_square"):
        np.testing.assert_array_equal(head(comparison)(x).data, head(comparison)(np.roll(x, 3, axis=0)).data)


def test_one_tower_runs_once_and_its_gradient_is_that_of_two_towers_with_one_weight():
    x = np.random.default_rng(5).standard_normal((6, 3)).astype(np.float32)
    tower, made = nn.Linear(3, 4, rng=np.random.default_rng(6)), head("absolute_difference")
    siamese_loss(nn.Sequential(tower=tower, head=made)(x), SAME).backward()
    together = tower.weight.grad.copy()
    first, second = (tc.tensor(tower.weight.data, requires_grad=True) for _ in range(2))
    compared = absolute_difference(tc.matmul(x[:3], first), tc.matmul(x[3:], second))
    logits = (tc.matmul(compared, made.weight) + made.bias).reshape(3)
    shares = tc.grad(siamese_loss(logits, SAME), [first, second])
    np.testing.assert_allclose(together, shares[0].data + shares[1].data, rtol=1e-5, atol=1e-6)


def test_siamese_loss_is_binary_cross_entropy_with_logits():
    logits = tc.tensor(np.array([0.3, -2.0, 1000.0, -1000.0]), requires_grad=True)
    same = np.array([True, False, False, True])
    ours, theirs = siamese_loss(logits, same), tc.bce_with_logits(logits, same)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-15)
    np.testing.assert_allclose(tc.grad(ours, logits).data, tc.grad(theirs, logits).data, rtol=1e-14)
    assert siamese_loss(logits, same, reduction="sum").item() == pytest.approx(4 * theirs.item(), rel=1e-15)


@pytest.mark.parametrize("order", [1, 2])
def test_gradients_of_the_loss(order):
    report = gradcheck(lambda z: siamese_loss(z, SAME, reduction="none"), np.array([0.4, -1.3, 2.0]), order=order,
                       rng=np.random.default_rng(1))
    assert report.ok, str(report)


@pytest.mark.parametrize("comparison", ["absolute_difference", "chi_square"])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_no_pair_is_a_zero_that_still_backpropagates(comparison, reduction):
    x, made = tc.tensor(np.empty((0, 4), np.float32), requires_grad=True), head(comparison)
    loss = siamese_loss(made(x), np.zeros(0, bool), reduction=reduction).sum()
    loss.backward()
    assert loss.item() == 0
    assert not made.weight.grad.any()
    assert not made.bias.grad.any()
    assert x.grad.shape == (0, 4)


def test_what_does_not_fit_is_refused():
    with assert_refused(r"SiameseHead: got \(5, 4\), expected \(2 T, 4\)", tc.ShapeError):
        SiameseHead(4)(np.ones((5, 4), np.float32))
    with assert_refused(r"SiameseHead: got \(4, 3\)", tc.ShapeError):
        SiameseHead(4)(np.ones((4, 3), np.float32))
    with assert_refused("comparison is 'cosine', expected one of absolute_difference, chi_square"):
        SiameseHead(4, "cosine")
    with assert_refused("dim is 0"):
        SiameseHead(0)
    for comparison in (absolute_difference, chi_square):
        with assert_refused(rf"{comparison.__name__}: got x \(2, 3\) and y \(3, 3\)", tc.ShapeError):
            comparison(np.ones((2, 3)), np.ones((3, 3)))
    with assert_refused(r"siamese_loss: got logits \(3, 1\)", tc.ShapeError):
        siamese_loss(np.ones((3, 1)), SAME)
    with assert_refused(r"siamese_loss: got same of int64 \(3,\)", tc.ShapeError):
        siamese_loss(np.ones(3), [1, 0, 1])
    with assert_refused("siamese_loss: reduction is 'max'"):
        siamese_loss(np.ones(3), SAME, reduction="max")
