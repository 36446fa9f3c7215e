"""SGD, momentum and Adam against their formulas, computed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.optim import LBFGS, SGD, Adam

GRADIENTS = [np.array([1.0, -2.0]), np.array([0.5, 4.0]), np.array([-3.0, 0.0])]


def run(optimizer, parameter, gradients=GRADIENTS):
    path = []
    for gradient in gradients:
        optimizer.zero_grad()
        (parameter * gradient).sum().backward()
        optimizer.step()
        path.append(parameter.data.copy())
    return np.array(path)


def start():
    return tc.Parameter(np.array([10.0, 20.0]))


def test_sgd_walks_down_the_gradient():
    p = start()
    expected = np.array([10.0, 20.0]) - 0.1 * np.cumsum(GRADIENTS, axis=0)
    np.testing.assert_allclose(run(SGD([p], lr=0.1), p), expected, rtol=1e-14)
    assert p.version == 3


def test_momentum_remembers_the_velocity():
    p = start()
    path = run(SGD([p], lr=0.1, momentum=0.9), p)
    x, v = np.array([10.0, 20.0]), np.zeros(2)
    for step, g in enumerate(GRADIENTS):
        v = 0.9 * v + g
        x = x - 0.1 * v
        np.testing.assert_allclose(path[step], x, rtol=1e-14)


def test_momentum_of_a_constant_gradient_speeds_up_tenfold():
    p = tc.Parameter(np.zeros(1))
    path = run(SGD([p], lr=1.0, momentum=0.9), p, [np.ones(1)] * 200)
    assert (path[-2] - path[-1]).item() == pytest.approx(10, rel=1e-6)


def test_weight_decay_pulls_towards_zero():
    p = start()
    path = run(SGD([p], lr=0.1, weight_decay=0.5), p, [np.zeros(2)] * 2)
    np.testing.assert_allclose(path, [[9.5, 19], [9.025, 18.05]])


def test_adam_is_kingma_and_bas_algorithm():
    p = start()
    path = run(Adam([p], lr=0.2, betas=(0.8, 0.95), eps=1e-3), p)
    x, m, v = np.array([10.0, 20.0]), np.zeros(2), np.zeros(2)
    for step, g in enumerate(GRADIENTS):
        m = 0.8 * m + 0.2 * g
        v = 0.95 * v + 0.05 * g**2
        x = x - 0.2 * (m / (1 - 0.8 ** (step + 1))) / (np.sqrt(v / (1 - 0.95 ** (step + 1))) + 1e-3)
        np.testing.assert_allclose(path[step], x, rtol=1e-12)


def test_first_step_of_adam_has_the_size_of_its_rate():
    p = tc.Parameter(np.array([1.0, 1.0, 1.0]))
    path = run(Adam([p], lr=0.01), p, [np.array([1e-4, -5.0, 300.0])])
    np.testing.assert_allclose(path[0], [0.99, 1.01, 0.99], rtol=1e-5)


@pytest.mark.parametrize("make", [lambda p: SGD(p, lr=0.1, momentum=0.9), lambda p: Adam(p, lr=0.1)])
def test_parameters_keep_their_dtype(make):
    for dtype in (np.float32, np.float64):
        p = tc.Parameter(np.ones(2, dtype))
        run(make([p]), p, [np.ones(2, dtype)] * 2)
        assert p.dtype == dtype


@pytest.mark.parametrize("make", [lambda p: SGD(p, lr=0.1), lambda p: Adam(p), lambda p: LBFGS(p)])
def test_an_optimizer_without_parameters_or_with_a_bad_rate_is_refused(make):
    with pytest.raises(tc.GradientError, match="got no parameter that needs a gradient"):
        make([tc.Parameter([1.0], requires_grad=False)])
    with pytest.raises(tc.GradientError, match="got no parameter"):
        make([])
    assert len(make(p for p in [tc.Parameter([1.0])]).parameters) == 1


@pytest.mark.parametrize("lr", [0, -1, math.nan])
def test_a_rate_that_is_not_positive_is_refused(lr):
    for make in (SGD, Adam, LBFGS):
        with pytest.raises(tc.GradientError, match=f"{make.__name__}: lr is .*, expected a positive number"):
            make([tc.Parameter([1.0])], lr=lr)


def test_a_step_without_a_gradient_is_refused_and_moves_nothing():
    p, forgotten = tc.Parameter([1.0]), tc.Parameter([1.0, 2.0])
    for make in (SGD, Adam):
        optimizer = make([p, forgotten], lr=0.1)
        optimizer.zero_grad()
        (p * 2).sum().backward()
        with pytest.raises(tc.GradientError, match=rf"{make.__name__}\.step: a parameter of shape \(2,\) has no gradient"):
            optimizer.step()
    assert p.data.tolist() == [1]


def test_a_parameter_given_twice_moves_once():
    p = tc.Parameter(np.array([1.0]))
    optimizer = SGD([p, p], lr=0.5)
    (p * 1).sum().backward()
    optimizer.step()
    assert p.data.tolist() == [0.5]


def test_a_graph_from_before_the_step_is_refused():
    p = tc.Parameter([1.0])
    old = (p * p).sum()
    run(SGD([p], lr=0.1), p, [np.ones(1, np.float32)])
    with pytest.raises(tc.GradientError, match="has changed since"):
        old.backward()
