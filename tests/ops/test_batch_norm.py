"""Batch norm fused with an activation and with pooling is one after the other, in orders 1 and 2, small and compiled."""

from __future__ import annotations

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.gradcheck.case import check_case
from tinyconv.gradcheck.catalogue import CASES
from tinyconv.kernels import dispatch
from tinyconv.kernels.geometry import pool_windows
from tinyconv.ops.norm import batch_norm_with_statistics

FUSED = {"batch_norm", "normalize", "normalize_and_pool", "broken_line", "prelu", "relu", "largest_in_windows", "gather_windows",
         "scatter_windows", "sum_windows", "spread_windows", "max_pool1d", "max_pool2d", "max_pool3d", "avg_pool2d", "add"}


@pytest.fixture(params=["numpy", "compiled"], autouse=True)
def both(request, monkeypatch):
    """Each test runs with NumPy, and with compiled loops, however small its arrays."""
    monkeypatch.setattr(dispatch, "SMALL_ARRAY", 1 if request.param == "compiled" else 1 << 60)


def arrays(*shapes, dtype=np.float64):
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def derivatives(function, inputs, order):
    """Gradients of <y, v>, or of <these gradients, u>, with v and u drawn once."""
    leaves = [tc.tensor(a, requires_grad=True) for a in inputs]
    y = function(*leaves)
    rng = np.random.default_rng(1)
    found = tc.grad(y, leaves, create_graph=order > 1, seed=rng.standard_normal(y.shape))
    if order > 1:
        total = sum(((g * rng.standard_normal(g.shape)).sum() for g in found), tc.tensor(0.0, np.float64))
        found = tc.grad(total, leaves)
    return [y.data, *(g.data for g in found)]


APART = {  # fused, and one after the other
    "relu": (lambda x, w, b: tc.batch_norm(x, w, b, activation="relu"), lambda x, w, b: tc.relu(tc.batch_norm(x, w, b))),
    "prelu": (lambda x, w, b, s: tc.batch_norm(x, w, b, activation=s), lambda x, w, b, s: tc.prelu(tc.batch_norm(x, w, b), s)),
    "one slope": (lambda x, w, b, s: tc.batch_norm(x, w, b, activation=s[:1]),
                  lambda x, w, b, s: tc.prelu(tc.batch_norm(x, w, b), s[:1])),
    "given statistics, relu": (lambda x, w, b, m, v: tc.batch_norm(x, w, b, mean=m, var=v * v, activation="relu"),
                               lambda x, w, b, m, v: tc.relu((x - m) / tc.sqrt(v * v + 1e-5) * w + b)),
    "given statistics, prelu": (lambda x, s, m, v: tc.batch_norm(x, mean=m, var=v * v, activation=s),
                                lambda x, s, m, v: tc.prelu((x - m) / tc.sqrt(v * v + 1e-5), s)),
}


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("name", APART)
def test_an_activation_inside_is_the_activation_after(name, order):
    fused, apart = APART[name]
    inputs = arrays((2, 5, 3, 4), *[(4,)] * (fused.__code__.co_argcount - 1))
    for got, expected in zip(derivatives(fused, inputs, order), derivatives(apart, inputs, order), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9)


POOLED = {
    "1-D": ((3, 8, 4), 2, {}),
    "2-D, odd sizes": ((2, 5, 7, 3), 2, {}),
    "2-D, not square": ((2, 6, 4, 3), (3, 2), {}),
    "2-D, overlapping and padded": ((2, 5, 6, 3), 3, {"stride": 2, "padding": 1}),
    "2-D, a last window hangs over": ((2, 5, 5, 3), 2, {"ceil_mode": True}),
    "3-D": ((2, 4, 3, 5, 2), (2, 1, 2), {}),
}
POOL = {1: tc.max_pool1d, 2: tc.max_pool2d, 3: tc.max_pool3d}


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("case", POOLED)
def test_pooling_inside_is_pooling_after(case, order):
    shape, kernel, options = POOLED[case]
    rank = len(shape) - 2
    windows = pool_windows(shape, kernel, rank=rank, **options)
    inputs = arrays(shape, shape[-1:], shape[-1:])
    found = derivatives(lambda x, w, b: batch_norm_with_statistics(x, w, b, activation="relu", windows=windows)[0], inputs, order)
    expected = derivatives(lambda x, w, b: POOL[rank](tc.relu(tc.batch_norm(x, w, b)), kernel, **options), inputs, order)
    for got, same in zip(found, expected, strict=True):
        np.testing.assert_allclose(got, same, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("live", [(True, False, False), (False, True, True), (False, False, True)], ids=str)
def test_only_what_is_asked_for_gets_a_gradient(live):
    inputs = arrays((3, 4, 5, 6), (6,), (6,))
    whole = [tc.tensor(a, requires_grad=True) for a in inputs]
    some = [tc.tensor(a, requires_grad=wanted) for a, wanted in zip(inputs, live, strict=True)]
    for leaves in (whole, some):
        tc.batch_norm(*leaves, activation="relu").backward(np.ones((3, 4, 5, 6)))
    for one, other, wanted in zip(whole, some, live, strict=True):
        assert (other.grad is not None) == wanted
        if wanted:
            np.testing.assert_allclose(other.grad, one.grad, rtol=1e-9, atol=1e-12)


def test_what_is_normalized_is_not_stored():
    x = tc.tensor(arrays((4, 6, 6, 8), dtype=np.float32)[0], requires_grad=True)
    windows = pool_windows(x.shape, 2)
    y, _, _ = batch_norm_with_statistics(x, activation="relu", windows=windows)
    kept = [v.data if isinstance(v, tc.Tensor) else v for v in y._node.saved.values()]
    assert sorted(a.shape for a in kept if isinstance(a, np.ndarray) and a.size > 8) == sorted([x.shape, y.shape])
    assert y._node.saved["chosen"].dtype == np.uint8


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_large_mean_costs_the_gradients_no_accuracy(dtype):
    x, g = arrays((8, 16, 16, 3), (8, 16, 16, 3), dtype=np.float32)
    shifted = (x + np.float32(4096)).astype(dtype)  # each value has exactly the digits that remain
    base, moved = shifted - dtype(4096), shifted
    found = [tc.grad(tc.batch_norm(leaf, activation="relu"), leaf, seed=g.astype(dtype)).data
             for leaf in (tc.tensor(base, requires_grad=True), tc.tensor(moved, requires_grad=True))]
    np.testing.assert_allclose(found[1], found[0], atol=2e-6 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize(("activation", "error", "message"), [
    ("tanh", tc.DataError, r"batch_norm: activation is 'tanh', expected None, 'relu', or PReLU's slopes"),
    (np.ones(3), tc.ShapeError, r"activation has shape \(3,\), expected slopes \(1,\) or \(4,\)"),
    (np.ones(4, np.float32), tc.DtypeError, "float32 and float64"),
])
def test_an_activation_that_is_none_is_refused(activation, error, message):
    for given in ({}, {"mean": np.zeros(4), "var": np.ones(4)}):
        with pytest.raises(error, match=message):
            tc.batch_norm(np.ones((2, 4)), activation=activation, **given)


@pytest.mark.parametrize("case", [case for case in CASES if case.op in FUSED], ids=str)
def test_every_case_of_what_has_compiled_loops_is_right(case):
    reports = list(check_case(case))
    assert reports
    assert all(report.ok for report in reports), "\n".join(str(report) for report in reports if not report.ok)
