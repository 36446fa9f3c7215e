"""L-BFGS on functions whose minimum is known, and what it does when a function or its caller misbehaves."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.engine import primitive
from tinyconv.optim import LBFGS
from tinyconv.optim.lbfgs import ROW, _dot


class Counted:
    """A closure that counts its calls and keeps the gradient's size of the last one."""

    def __init__(self, function):
        self.function, self.calls = function, 0

    def __call__(self):
        self.calls += 1
        return self.function()


def minimise(parameters, function, steps=100, tolerance=1e-8, **options):
    optimizer, closure = LBFGS(parameters, **options), Counted(function)
    for _ in range(steps):
        optimizer.step(closure)
        if max(np.abs(g.data).max() for g in tc.grad(function(), parameters)) < tolerance:
            break
    return closure.calls


def rosenbrock(p):
    return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2


def test_rosenbrock_is_minimised_within_60_evaluations():
    p = tc.Parameter(np.array([-1.2, 1.0]))
    calls = minimise([p], lambda: rosenbrock(p))
    assert np.abs(tc.grad(rosenbrock(p), p).data).max() < 1e-8
    np.testing.assert_allclose(p.data, [1, 1], atol=1e-8)
    assert calls <= 60


def test_a_quadratic_in_several_parameters_is_solved():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((6, 6))
    matrix, right = a @ a.T + np.eye(6), rng.standard_normal(6)
    first, second = tc.Parameter(np.zeros((2, 2))), tc.Parameter(np.zeros(2))

    def quadratic():
        x = tc.concatenate([first.reshape(4), second])
        return (x @ (matrix @ x)) / 2 - right @ x

    calls = minimise([first, second], quadratic, tolerance=1e-10)
    np.testing.assert_allclose(np.concatenate([first.data.ravel(), second.data]), np.linalg.solve(matrix, right), rtol=1e-8)
    assert calls <= 40


def test_float32_parameters_reach_their_precision():
    p = tc.Parameter(np.array([-1.2, 1.0], np.float32))
    minimise([p], lambda: rosenbrock(p), tolerance=1e-4)
    np.testing.assert_allclose(p.data, [1, 1], atol=1e-3)
    assert p.dtype == np.float32


def test_the_loss_never_rises():
    p = tc.Parameter(np.array([-1.2, 1.0]))
    optimizer = LBFGS([p])
    losses = [optimizer.step(lambda: rosenbrock(p)) for _ in range(30)]
    assert all(later <= earlier for earlier, later in itertools.pairwise(losses))
    assert losses[-1] < 1e-3 * losses[0]


def test_a_step_returns_the_loss_of_the_position_it_leaves():
    p = tc.Parameter(np.array([-1.2, 1.0]))
    optimizer = LBFGS([p])
    for _ in range(10):
        assert optimizer.step(lambda: rosenbrock(p)) == rosenbrock(p).item()


def test_a_loss_that_is_nan_beyond_a_wall_is_survived():
    p = tc.Parameter(np.array([3.0]))

    def barrier():  # -log(x) + x, NaN for x <= 0, smallest at 1
        with np.errstate(invalid="ignore", divide="ignore"):
            return (p - tc.log(p)).sum() * 50

    minimise([p], barrier, lr=100.0)
    np.testing.assert_allclose(p.data, [1], atol=1e-6)


def test_a_gradient_that_is_nan_is_survived():
    p = tc.Parameter(np.array([2.0]))

    def cliff():  # finite everywhere, but below 0.5 the slope of the root at 0 makes 0 * inf
        edge = tc.sqrt(p * 0) * 0 if p.data[0] < 0.5 else 0
        return ((p - 1) ** 2 + edge).sum()

    with np.errstate(invalid="ignore", divide="ignore"):
        p.assign([0.2])
        (cliff() * 1).backward()
        assert np.isnan(p.grad).all()
        p.assign([2.0])
        minimise([p], cliff, steps=200, lr=1.9)
    np.testing.assert_allclose(p.data, [1], atol=1e-6)


def test_a_loss_that_starts_as_nan_moves_nothing():
    p = tc.Parameter(np.array([-1.0]))
    optimizer = LBFGS([p])
    with np.errstate(invalid="ignore"):
        loss = optimizer.step(lambda: tc.log(p).sum())
    assert np.isnan(loss)
    assert p.data.tolist() == [-1]


def test_a_step_that_finds_no_decrease_changes_nothing_and_forgets_the_curvature():
    p = tc.Parameter(np.array([2.0, 1.0]))
    optimizer = LBFGS([p], max_evaluations=5)
    for _ in range(3):
        optimizer.step(lambda: rosenbrock(p))
    assert optimizer.pairs
    before = p.data.copy()
    height = iter(range(100))
    p.assign(p.data)  # a new start: the loss below rises with every call
    optimizer.step(lambda: rosenbrock(p) + 1e6 * next(height))
    np.testing.assert_array_equal(p.data, before)
    assert not optimizer.pairs


def test_the_end_of_a_step_is_not_evaluated_again():
    p = tc.Parameter(np.array([1.0, 2.0]))
    optimizer, closure = LBFGS([p]), Counted(lambda: (p * p).sum())
    optimizer.step(closure)
    calls = closure.calls
    assert calls == 2
    optimizer.step(closure)
    assert closure.calls == calls + 1


def test_parameters_changed_between_steps_are_evaluated_again():
    p = tc.Parameter(np.array([4.0, 2.0]))
    optimizer = LBFGS([p])
    optimizer.step(lambda: ((p - 1) ** 2).sum())
    p.assign([10, -7])
    seen = []

    def loss():
        seen.append(p.data.copy())
        return ((p - 1) ** 2).sum()

    end = optimizer.step(loss)
    assert seen[0].tolist() == [10, -7]
    assert end < ((np.array([10, -7]) - 1) ** 2).sum()
    assert end == ((p.data - 1) ** 2).sum()


def test_at_a_minimum_nothing_moves():
    p = tc.Parameter(np.array([1.0, 1.0]))
    optimizer = LBFGS([p])
    assert optimizer.step(lambda: ((p - 1) ** 2).sum()) == 0
    assert p.data.tolist() == [1, 1]
    assert optimizer.step(lambda: ((p - 1) ** 2).sum()) == 0


def test_a_closure_that_returns_many_numbers_is_refused():
    p = tc.Parameter(np.array([1.0, 2.0]))
    with pytest.raises(tc.GradientError, match=r"the closure gave shape \(2,\), expected one number, the loss"):
        LBFGS([p]).step(lambda: p * p)
    with pytest.raises(tc.GradientError, match=r"the closure gave float, expected one number, the loss, as a tensor"):
        LBFGS([p]).step(lambda: 3.0)


def test_the_history_is_limited():
    p = tc.Parameter(np.random.default_rng(0).standard_normal(20))
    scales = np.logspace(-2, 2, 20)
    optimizer = LBFGS([p], history=3)
    for _ in range(10):
        optimizer.step(lambda: (p * p * scales).sum())
    assert len(optimizer.pairs) == 3


def test_a_closure_may_call_backward_itself():
    ours, theirs = (tc.Parameter(np.array([-1.2, 1.0])) for _ in range(2))
    plain, eager = LBFGS([ours]), LBFGS([theirs])

    def with_backward():
        loss = rosenbrock(theirs)
        loss.backward()
        return loss

    for _ in range(5):
        plain.step(lambda: rosenbrock(ours))
        eager.step(with_backward)
    np.testing.assert_array_equal(ours.data, theirs.data)
    assert not np.array_equal(ours.data, [-1.2, 1.0])


def quartic(p):
    return (p**4).sum() + ((p - 2) ** 2).sum() / 10


def ill_conditioned(p):
    return (p * p * np.logspace(-3, 3, 5)).sum() + p.sum()


@pytest.mark.parametrize(("function", "start", "steps"), [
    (rosenbrock, [-1.2, 1.0], 30), (rosenbrock, [30.0, -20.0], 40),
    (quartic, [5.0, -9.0, 0.3], 8), (ill_conditioned, [1.0, 2.0, -3.0, 4.0, 5.0], 10),
])
@pytest.mark.parametrize("lr", [1e-3, 1.0, 50.0])
def test_every_step_ends_where_both_strong_wolfe_conditions_hold(function, start, steps, lr):
    p = tc.Parameter(np.array(start))
    optimizer = LBFGS([p], lr=lr, max_evaluations=40)
    checked = 0
    for _ in range(steps):
        before, loss, gradient = p.data, function(p).item(), tc.grad(function(p), p).data
        if np.abs(gradient).max() < 1e-5:  # from here on losses differ by their rounding
            break
        optimizer.step(lambda: function(p))
        move, end = p.data - before, tc.grad(function(p), p).data
        assert function(p).item() <= loss + 1e-4 * (gradient @ move)
        assert abs(end @ move) <= 0.9 * abs(gradient @ move)
        checked += 1
    assert checked >= 5


def test_a_search_without_enough_evaluations_ends_at_the_best_decrease():
    p = tc.Parameter(np.array([1e4]))
    optimizer, seen = LBFGS([p], lr=1e-3, max_evaluations=3), []

    def parabola():
        seen.append(p.data.item())
        return (p * p).sum()

    loss = optimizer.step(parabola)
    assert len(seen) == 4  # the start, and three that are all still too near
    assert p.data.item() == min(seen)
    assert loss == min(seen) ** 2


def test_near_a_minimum_above_zero_the_slope_decides():
    p = tc.Parameter(np.array([3.0, -2.0]))
    optimizer, closure = LBFGS([p]), Counted(lambda: ((p - 1) ** 2 * np.array([1.0, 7.0])).sum() + ((p - 1) ** 4).sum() + 1000)
    for _ in range(20):
        optimizer.step(closure)
    np.testing.assert_allclose(p.data, [1, 1], atol=1e-10)  # losses alone would stop 1e-7 before
    assert closure.calls < 60


def test_a_function_without_a_minimum_is_followed_down():
    p = tc.Parameter(np.array([0.0]))
    optimizer = LBFGS([p], max_evaluations=6)
    losses = [optimizer.step(lambda: (p * -1.0).sum()) for _ in range(3)]
    assert losses[0] > losses[1] > losses[2]
    assert np.isfinite(p.data).all()


def test_a_step_without_a_closure_is_refused():
    with pytest.raises(tc.GradientError, match=r"LBFGS.step: got no closure"):
        LBFGS([tc.Parameter([1.0])]).step()


def test_a_loaded_state_continues_to_the_bit():
    ours, theirs = tc.Parameter(np.array([-1.2, 1.0])), tc.Parameter(np.zeros(2))
    first, second = LBFGS([ours], history=4), LBFGS([theirs], lr=0.5, history=4)
    for _ in range(7):
        first.step(lambda: rosenbrock(ours))
    theirs.assign(ours.data)
    second.load_state(first.state())
    for _ in range(7):
        assert first.step(lambda: rosenbrock(ours)) == second.step(lambda: rosenbrock(theirs))
        np.testing.assert_array_equal(ours.data, theirs.data)
    for name, array in first.state().items():
        np.testing.assert_array_equal(second.state()[name], array)


def test_a_state_with_more_pairs_than_rows_is_refused():
    optimizer = LBFGS([tc.Parameter([1.0, 2.0])], history=3)
    with pytest.raises(tc.ShapeError, match="pairs is 4, expected 0 to 3"):
        optimizer.load_state(optimizer.state() | {"pairs": np.array(4)})


@primitive
def sine(x):
    """sin(x)."""
    return np.sin(x)


sine.vjp(lambda g, x: g * sine(x + np.pi / 2))


def test_first_steps_on_a_wavy_function_end_where_both_strong_wolfe_conditions_hold():
    p = tc.Parameter(np.zeros(1))

    def wavy():
        return (p * p / 10 + sine(p * 7.0) * 2 + sine(p * 23.0)).sum()

    for start, lr in itertools.product(np.linspace(-6, 6, 41), [0.01, 0.3, 2.0, 17.0]):
        p.assign([start])
        optimizer, closure = LBFGS([p], lr=lr, max_evaluations=60), Counted(wavy)
        loss, slope = wavy().item(), tc.grad(wavy(), p).data
        optimizer.step(closure)
        move = p.data - start
        assert abs(move.item()) > 0
        assert wavy().item() <= loss + 1e-4 * (slope * move).item()
        assert abs(tc.grad(wavy(), p).data) <= 0.9 * abs(slope)
        assert closure.calls <= 25


def test_a_search_that_ends_early_takes_the_lowest_point_not_the_last():
    p = tc.Parameter(np.array([0.0]))
    planned = iter([(0.0, -1.0), (-1.0, -0.95), (-0.5, -0.95)])  # loss and slope of each evaluation; the last is too far

    def loss():
        height, slope = next(planned)
        return (p * slope).sum() + (height - slope * p.data.item())

    assert LBFGS([p], max_evaluations=2).step(loss) == -1
    assert p.data.tolist() == [1]


@pytest.mark.parametrize("n", [0, 1, 7, ROW - 1, ROW, ROW + 1, 3 * ROW + 5])
def test_dot_of_vectors_of_any_length_is_exact_to_the_last_digits(n):
    a, b = np.random.default_rng(0).standard_normal((2, n))
    assert _dot(a, b) == pytest.approx(math.fsum(a * b), abs=1e-13 * (1 + np.abs(a * b).sum()))
