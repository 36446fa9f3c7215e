"""Activations, their values and gradients of both orders, against PyTorch: also far from 0, and at the kinks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinyconv as tc
from tests.conformance.oracle import DTYPES, assert_close, check_same

torch = pytest.importorskip("torch", reason="PyTorch is the oracle: pip install torch")
functional = torch.nn.functional
pytestmark = pytest.mark.oracle

ACTIVATIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "leaky_relu": (tc.leaky_relu, lambda x: functional.leaky_relu(x)),
    "leaky_relu, slope 0.3": (lambda x: tc.leaky_relu(x, 0.3), lambda x: functional.leaky_relu(x, 0.3)),
    "leaky_relu, slope -2": (lambda x: tc.leaky_relu(x, slope=-2), lambda x: functional.leaky_relu(x, -2)),
    "sigmoid": (tc.sigmoid, lambda x: torch.sigmoid(x)),
    "tanh": (tc.tanh, lambda x: torch.tanh(x)),
    "softplus": (tc.softplus, lambda x: torch.logaddexp(x, torch.zeros_like(x))),
    "gelu": (tc.gelu, lambda x: functional.gelu(x)),
    "gelu, tanh": (lambda x: tc.gelu(x, approximate="tanh"), lambda x: functional.gelu(x, approximate="tanh")),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (1,), (3, 5), (2, 3, 4, 5), (0, 3)], ids=str)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_and_its_gradients_of_both_orders(name, shape, dtype):
    ours, theirs = ACTIVATIONS[name]
    x = np.random.default_rng(1).standard_normal(shape) * 3
    check_same(lambda x: ours(x) * x, lambda x: theirs(x) * x, [x], dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_far_from_zero_and_at_zero(name, dtype):
    ours, theirs = ACTIVATIONS[name]
    x = np.array([-1000, -88.5, -30, -12, -5, -0.0, 0, 5, 12, 30, 88.5, 1000])
    for value in x:  # one by one: a tolerance relative to the largest would forgive the small ones
        check_same(ours, theirs, [np.array([value])], dtype, second_order=False)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shape", "weight"), [((4, 5), 5), ((4, 5), 1), ((2, 3, 4, 6), 6), ((2, 3, 1), 1), ((7,), 7),
                                               ((0, 3), 3)], ids=str)
def test_prelu_and_both_gradients_of_both_orders(shape, weight, dtype):
    rng = np.random.default_rng(2)
    x, slopes = rng.standard_normal(shape), rng.standard_normal(weight)

    def theirs(x, w):  # PyTorch's channels stand in axis 1; a vector is one sample
        y = x[None] if x.ndim == 1 else x
        moved = functional.prelu(y.movedim(-1, 1), w).movedim(1, -1)
        return moved[0] if x.ndim == 1 else moved

    check_same(lambda x, w: tc.prelu(x, w) * x, lambda x, w: theirs(x, w) * x, [x, slopes], dtype)


def test_prelu_at_zero_is_theirs():
    x, w = np.array([[0.0, -0.0, 2.0]]), np.array([0.5, 2.0, 3.0])
    check_same(tc.prelu, lambda x, w: functional.prelu(x, w), [x, w], np.float64, second_order=False)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("exponent", [0, 1, 2, 3, -1, -2, 0.5, 1.5])
def test_power_with_a_constant_exponent(exponent, dtype):
    x = np.random.default_rng(3).uniform(0.5, 2, (3, 4))
    if exponent == int(exponent):
        x *= np.random.default_rng(4).choice([-1, 1], x.shape)
    check_same(lambda a: tc.power(a, exponent), lambda a: torch.pow(a, exponent), [x], dtype, second_order=False)
    if exponent not in (0, 1):
        check_same(lambda a: tc.power(a, exponent), lambda a: torch.pow(a, exponent), [x], dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_power_of_two_tensors(dtype):
    rng = np.random.default_rng(5)
    check_same(tc.power, lambda a, b: torch.pow(a, b), [rng.uniform(0.5, 2, (3, 1)), rng.standard_normal((2, 1, 4))], dtype)


def test_power_of_zero_is_theirs_in_both_gradients():
    a, b = np.array([0.0, 0.0, 0.0, 2.0]), np.array([0.0, 1.0, 2.0, 0.0])
    check_same(tc.power, lambda a, b: torch.pow(a, b), [a, b], np.float64, second_order=False)


@pytest.mark.parametrize("dtype", DTYPES)
def test_normal_cdf_keeps_its_digits_on_the_far_left(dtype):
    x = np.linspace(-8, 8, 161).astype(dtype)
    ours = tc.gelu(tc.tensor(x)).data[x != 0] / x[x != 0]
    theirs = (torch.special.erfc(-torch.tensor(x, dtype=torch.float64) / 2**0.5) / 2).numpy()[x != 0]
    np.testing.assert_allclose(ours, theirs, rtol=2e-5 if dtype == np.float32 else 5e-14)
    assert_close(ours, theirs.astype(dtype), dtype)
