"""The state of an optimizer: enough to continue to the bit, and checked as a whole before anything is loaded."""

from __future__ import annotations

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.optim import SGD, AdaGrad, Adam, AdamW, RMSProp

MAKERS = {
    "sgd": lambda p: SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "adagrad": lambda p: AdaGrad(p, lr=0.1),
    "rmsprop": lambda p: RMSProp(p, lr=0.1, momentum=0.9, centered=True),
    "adam": lambda p: Adam(p, lr=0.1),
    "adamw": lambda p: AdamW(p, lr=0.1),
}
STARTS = (np.array([[1.0, -2.0, 3.0]], np.float32), np.array([0.5, 0.25], np.float32))


def walk(optimizer, parameters, steps, seed):
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        for p in parameters:
            p.grad = rng.standard_normal(p.shape).astype(np.float32)
        optimizer.step()


def fresh(make):
    parameters = [tc.Parameter(a) for a in STARTS]
    return make(parameters), parameters


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_loaded_state_continues_to_the_bit(make):
    (first, ours), (second, theirs) = fresh(make), fresh(make)
    walk(first, ours, 5, seed=0)
    first.lr = 0.03
    state = first.state()
    for p, q in zip(ours, theirs, strict=True):
        q.assign(p.data)
    walk(first, ours, 5, seed=1)  # does not move the state that was taken
    second.load_state(state)
    assert (second.lr, second.steps) == (0.03, 5)
    walk(second, theirs, 5, seed=1)
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(p.data, q.data)
    assert first.state().keys() == second.state().keys()
    for name, array in first.state().items():
        np.testing.assert_array_equal(array, second.state()[name])
        assert array.dtype == second.state()[name].dtype


def test_a_state_is_flat_and_holds_the_rate_the_steps_and_the_moments():
    optimizer, parameters = fresh(MAKERS["adam"])
    walk(optimizer, parameters, 3, seed=0)
    state = optimizer.state()
    assert set(state) == {"lr", "steps", "mean.0", "mean.1", "square.0", "square.1"}
    assert state["lr"] == 0.1
    assert state["steps"] == 3
    assert state["mean.0"].shape == (1, 3)
    assert (state["square.1"] > 0).all()


def test_every_mismatch_is_listed_and_nothing_is_loaded():
    optimizer, parameters = fresh(MAKERS["adam"])
    walk(optimizer, parameters, 3, seed=0)
    before = optimizer.state()
    state = optimizer.state() | {"lr": np.array(9.0), "mean.0": np.zeros((3, 1), np.float32), "mean.1": np.zeros(2),
                                 "velocity.0": np.zeros(2), "square.1": np.array([1, np.nan], np.float32)}
    del state["square.0"]
    with pytest.raises(tc.ShapeError) as caught:
        optimizer.load_state(state)
    assert str(caught.value) == (
        r"Adam.load_state: mean.0 has shape (3, 1), expected (1, 3); mean.1 is float64, expected float32; square.0 is missing; "
        "square.1 has values that are not finite; velocity.0 is not expected.")
    for name, array in optimizer.state().items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize("name", ["lr", "steps"])
def test_a_negative_rate_or_count_is_refused(name):
    optimizer, _ = fresh(MAKERS["sgd"])
    state = optimizer.state()
    with pytest.raises(tc.ShapeError, match=f"SGD.load_state: {name} is -1.*, expected 0 or more"):
        optimizer.load_state(state | {name: state[name] * 0 - 1})


def test_a_rate_from_numpy_makes_the_same_steps():
    paths = []
    for lr in (0.1, np.float64(0.1)):
        parameters = [tc.Parameter(a) for a in STARTS]
        walk(SGD(parameters, lr=lr, momentum=0.9), parameters, 5, seed=0)
        paths.append([p.data for p in parameters])
    for a, b in zip(*paths, strict=True):
        np.testing.assert_array_equal(a, b)


def test_weight_decay_of_adamw_is_not_divided_by_the_gradient():
    decoupled, coupled = tc.Parameter(np.array([2.0])), tc.Parameter(np.array([2.0]))
    for p, make in ((decoupled, AdamW), (coupled, Adam)):
        optimizer = make([p], lr=0.1, weight_decay=0.5)
        p.grad = np.array([1000.0])
        optimizer.step()
    assert decoupled.data.item() == pytest.approx(2 - 0.1 * 0.5 * 2 - 0.1, rel=1e-9)
    assert coupled.data.item() == pytest.approx(2 - 0.1, rel=1e-9)


@pytest.mark.parametrize(("make", "message"), [
    (lambda p: SGD(p, lr=0.1, momentum=-0.1), "SGD: momentum is -0.1, expected a finite number, 0 or more"),
    (lambda p: SGD(p, lr=0.1, nesterov=True), "SGD: nesterov without momentum changes nothing"),
    (lambda p: RMSProp(p, alpha=1.5), "RMSProp: alpha is 1.5, expected a share from 0 to 1"),
    (lambda p: Adam(p, betas=(0.9, 1.0)), r"Adam: betas are \(0.9, 1.0\), expected numbers from 0 to less than 1"),
    (lambda p: AdamW(p, weight_decay=float("nan")), "AdamW: weight_decay is nan"),
    (lambda p: AdaGrad(p, eps=-1), "AdaGrad: eps is -1"),
])
def test_impossible_settings_are_refused(make, message):
    with pytest.raises(tc.GradientError, match=message):
        make([tc.Parameter([1.0])])


@pytest.mark.parametrize("parameters", [np.ones(2), [np.ones(2)], [tc.tensor([1.0], requires_grad=True)], {"a": 1}],
                         ids=["array", "arrays", "tensors", "names"])
def test_an_optimizer_takes_parameters_only(parameters):
    with pytest.raises(tc.GradientError, match=r"SGD: got .*, expected parameters"):
        tc.optim.SGD(parameters, 0.1)


def test_settings_that_are_no_numbers_are_named():
    p = [tc.Parameter([1.0])]
    for wrong in (lambda: tc.optim.SGD(p, "a"), lambda: tc.optim.SGD(p, np.inf), lambda: tc.optim.SGD(p, 0.1, momentum="a"),
                  lambda: tc.optim.Adam(p, betas=(0.9,)), lambda: tc.optim.LBFGS(p, history=1.5),
                  lambda: tc.optim.LBFGS(p, max_evaluations=0), lambda: tc.optim.clip_grad_norm(p, "a")):
        with pytest.raises(tc.GradientError, match="expected"):
            wrong()
