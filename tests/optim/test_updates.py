"""Steps in one pass, compiled: the same numbers as the formulas in NumPy, and the same promises."""

from __future__ import annotations

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.kernels import dispatch, threads
from tinyconv.optim import SGD, Adam, AdamW

updates = pytest.importorskip("tinyconv.kernels.updates", reason="numba is not installed")

OPTIMIZERS = {
    "sgd": lambda p: SGD(p, lr=0.1),
    "sgd with decay": lambda p: SGD(p, lr=0.1, weight_decay=0.01),
    "momentum": lambda p: SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01),
    "nesterov": lambda p: SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda p: Adam(p, lr=0.01),
    "adam with decay": lambda p: Adam(p, lr=0.01, betas=(0.8, 0.99), eps=1e-3, weight_decay=0.1),
    "adamw": lambda p: AdamW(p, lr=0.01, weight_decay=0.1),
}
SHAPE = (7, 41, 3)  # no multiple of a vector's width


@pytest.fixture
def compile_all(monkeypatch):
    """A function that lets the kernels do even the smallest parameters, or none."""
    def switch(on):
        monkeypatch.setattr(dispatch, "SMALL_ARRAY", 0 if on else 1 << 60)
    return switch


def walk(make, dtype, steps=5, order="C"):
    rng = np.random.default_rng(0)
    p = tc.Parameter(np.asarray(rng.standard_normal(SHAPE), dtype, order=order))
    optimizer = make([p])
    for _ in range(steps):
        p.grad = np.asarray(rng.standard_normal(SHAPE), dtype, order=order)
        optimizer.step()
    return p, optimizer


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_compiled_steps_and_numpys_differ_by_rounding_only(make, dtype, compile_all):
    compile_all(False)
    expected, other = walk(make, dtype)
    compile_all(True)
    p, optimizer = walk(make, dtype)
    tolerance = 50 * np.finfo(dtype).eps
    np.testing.assert_allclose(p.data, expected.data, rtol=tolerance, atol=tolerance)
    assert p.dtype == dtype
    assert p.version == expected.version == 5
    for name, array in optimizer.state().items():
        np.testing.assert_allclose(array, other.state()[name], rtol=tolerance, atol=tolerance, err_msg=name)
        assert array.dtype == other.state()[name].dtype


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_bits_depend_neither_on_the_number_of_threads_nor_on_the_layout_of_the_arrays(make, compile_all, monkeypatch):
    compile_all(True)
    expected = walk(make, np.float32)[0].data
    assert np.array_equal(walk(make, np.float32, order="F")[0].data, expected)
    monkeypatch.setattr(threads, "count", lambda: 1)
    assert np.array_equal(walk(make, np.float32)[0].data, expected)


def test_a_step_leaves_the_old_value_and_the_gradient_as_they_are(compile_all):
    compile_all(True)
    for make in OPTIMIZERS.values():
        p, optimizer = walk(make, np.float32, steps=1)
        before, g = p.data, p.grad
        copies = before.copy(), g.copy()
        optimizer.step()
        assert p.data is not before
        assert not p.data.flags.writeable
        assert np.array_equal(before, copies[0])
        assert np.array_equal(g, copies[1])


def test_a_graph_from_before_a_compiled_step_is_refused(compile_all):
    compile_all(True)
    p, optimizer = walk(OPTIMIZERS["adam"], np.float32, steps=1)
    loss = (p * p).sum()
    optimizer.step()
    with pytest.raises(tc.GradientError, match="has changed since"):
        loss.backward()


def test_a_gradient_that_is_not_finite_makes_its_own_number_not_finite(compile_all):
    compile_all(True)
    for make in OPTIMIZERS.values():
        p, optimizer = walk(make, np.float32, steps=1)
        g = np.ones(SHAPE, np.float32)
        g[3, 4, 1], g[5, 6, 2] = np.inf, np.nan
        p.grad = g
        optimizer.step()
        assert np.argwhere(~np.isfinite(p.data)).tolist() == [[3, 4, 1], [5, 6, 2]]


def test_other_dtypes_and_small_parameters_are_numpys(compile_all, monkeypatch):
    compile_all(True)
    called = []
    monkeypatch.setattr(updates, "sgd", lambda *arguments: called.append(arguments))
    assert walk(OPTIMIZERS["sgd"], np.float16)[0].dtype == np.float16
    compile_all(False)
    walk(OPTIMIZERS["sgd"], np.float32)
    assert called == []


def test_without_momentum_the_velocity_stays_zero(compile_all):
    for on in (True, False):
        compile_all(on)
        _, optimizer = walk(OPTIMIZERS["sgd"], np.float32)
        assert not optimizer.state()["velocity.0"].any()
