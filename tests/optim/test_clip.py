"""Gradient clipping: what is returned, what is changed, and what is left alone."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.optim import clip_grad_norm, clip_grad_value


def parameters(*gradients, dtype=np.float64):
    made = [tc.Parameter(np.zeros(np.shape(g), dtype)) for g in gradients]
    for p, g in zip(made, gradients, strict=True):
        p.grad = np.array(g, dtype)
    return made


def test_long_gradients_are_shortened_together_and_keep_their_direction():
    a, b = parameters([3.0, 0.0], [[4.0], [12.0]])
    assert clip_grad_norm([a, b], 6.5) == 13
    np.testing.assert_allclose(a.grad, [1.5, 0], rtol=1e-15)
    np.testing.assert_allclose(b.grad, [[2], [6]], rtol=1e-15)


def test_short_gradients_stay_as_they_are():
    a, b = parameters([3.0], [4.0])
    before = a.grad
    assert clip_grad_norm([a, b], 5.0) == 5
    assert a.grad is before
    assert clip_grad_norm(iter([a, b]), math.inf) == 5


def test_parameters_without_gradient_do_not_count_and_one_given_twice_counts_once():
    (a,) = parameters([3.0, 4.0])
    frozen = tc.Parameter([1.0], requires_grad=False)
    assert clip_grad_norm([a, tc.Parameter([1.0]), frozen, a], 1.0) == 5
    np.testing.assert_allclose(a.grad, [0.6, 0.8], rtol=1e-15)
    assert clip_grad_norm([], 1.0) == 0


def test_float32_gradients_stay_float32_and_their_squares_do_not_overflow():
    (a,) = parameters([3e30, 4e30], dtype=np.float32)
    assert clip_grad_norm([a], 1.0) == pytest.approx(5e30, rel=1e-6)
    assert a.grad.dtype == np.float32
    np.testing.assert_allclose(a.grad, [0.6, 0.8], rtol=1e-6)


@pytest.mark.parametrize("wild", [math.nan, math.inf, -math.inf])
def test_a_norm_that_is_not_finite_is_returned_and_clips_nothing(wild):
    a, b = parameters([1.0, wild], [50.0])
    assert not math.isfinite(clip_grad_norm([a, b], 1.0))
    np.testing.assert_array_equal(a.grad, [1, wild])
    assert b.grad.tolist() == [50]


def test_limits_may_be_numpy_numbers():
    (a,) = parameters([3.0, 4.0], dtype=np.float32)
    clip_grad_norm([a], np.float64(2.5))
    assert a.grad.tolist() == [1.5, 2]
    clip_grad_value([a], np.float64(1.75))
    assert a.grad.tolist() == [1.5, 1.75]
    assert a.grad.dtype == np.float32


def test_values_are_cut_on_both_sides():
    a, b = parameters([-3.0, 0.5, math.nan], [math.inf])
    clip_grad_value([a, b], 2.0)
    np.testing.assert_array_equal(a.grad, [-2, 0.5, math.nan])
    assert b.grad.tolist() == [2]


@pytest.mark.parametrize("limit", [0, -1.0, math.nan])
def test_a_limit_that_is_not_positive_is_refused(limit):
    with pytest.raises(tc.GradientError, match=r"clip_grad_norm: max_norm is .*, expected a positive number"):
        clip_grad_norm([], limit)
    with pytest.raises(tc.GradientError, match=r"clip_grad_value: max_value is .*, expected a positive number"):
        clip_grad_value([], limit)
