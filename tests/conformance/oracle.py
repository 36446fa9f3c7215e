"""How the tests against PyTorch compare: values, gradients, and gradients of gradients, in both float dtypes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import tinyconv as tc

torch = pytest.importorskip("torch", reason="PyTorch is the oracle: pip install torch")

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-10}
DTYPES = [np.float32, np.float64]


def last(x: Any) -> Any:
    """An array or gradient of PyTorch with channels last."""
    return np.moveaxis(x, 1, -1)


def assert_close(got: Any, expected: Any, dtype: Any, what: str = "value") -> None:
    """Same shape and dtype; no element further off than the tolerance times the largest."""
    expected = np.asarray(expected)
    assert (got.shape, got.dtype) == (expected.shape, np.dtype(dtype)), what
    largest = float(np.abs(expected).max(initial=0))
    np.testing.assert_allclose(got, expected, rtol=0, atol=TOLERANCE[dtype] * max(largest, 1e-2), err_msg=what)


def check_same(ours: Callable[..., Any], theirs: Callable[..., Any], arrays: Sequence[Any], dtype: Any, *,
            border: Sequence[Callable[[Any], Any]] | None = None, out: Callable[[Any], Any] = lambda y: y,
            second_order: bool = True, seed: int = 0) -> None:
    """Value, all gradients of <y, g>, and all gradients of their sum after each met a random array, ours and theirs.

    `arrays` are in PyTorch's layout; `border` converts each to ours, `out` converts PyTorch's result.
    """
    border = border or [lambda a: a] * len(arrays)
    rng = np.random.default_rng(seed)
    arrays = [np.asarray(a, dtype) for a in arrays]
    t = [torch.tensor(a, requires_grad=True) for a in arrays]
    x = [tc.tensor(np.array(move(a), order="C"), requires_grad=True) for move, a in zip(border, arrays, strict=True)]
    y_t, y = theirs(*t), ours(*x)
    assert_close(y.data, out(y_t.detach().numpy()), dtype)
    g = np.asarray(rng.standard_normal(y_t.shape), dtype)
    first_t = torch.autograd.grad(y_t, t, torch.tensor(g), create_graph=second_order)
    first = tc.grad(y, x, create_graph=second_order, seed=np.asarray(out(g)))
    for i, (a, b) in enumerate(zip(first, first_t, strict=True)):
        assert_close(a.data, border[i](b.detach().numpy()), dtype, f"gradient {i}")
    if not second_order:
        return
    # each first gradient times a random array: linear in it, so that no rounding is squared
    marks = [np.asarray(rng.standard_normal(a.shape), dtype) for a in arrays]
    total_t = sum((b * torch.tensor(m)).sum() for b, m in zip(first_t, marks, strict=True))
    moved = [np.array(move(m), order="C") for move, m in zip(border, marks, strict=True)]
    total = sum(((a * m).sum() for a, m in zip(first, moved, strict=True)), tc.tensor(0.0, dtype))
    if not total_t.requires_grad:
        return
    second_t = torch.autograd.grad(total_t, t, allow_unused=True)
    second = tc.grad(total, x)
    for i, (a, b) in enumerate(zip(second, second_t, strict=True)):
        expected = np.zeros(arrays[i].shape, dtype) if b is None else b.numpy()
        assert_close(a.data, border[i](expected), dtype, f"second-order gradient {i}")
