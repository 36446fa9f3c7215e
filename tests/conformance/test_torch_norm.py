"""Normalization and its gradients of both orders against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import tinyconv as tc
from tests.conformance.oracle import DTYPES, TOLERANCE, check_same, last
from tinyconv.kernels import dispatch
from tinyconv.kernels.geometry import pool_windows
from tinyconv.ops.norm import batch_norm_with_statistics

torch = pytest.importorskip("torch", reason="PyTorch is the oracle: pip install torch")
functional = torch.nn.functional
pytestmark = [pytest.mark.oracle, pytest.mark.parametrize("dtype", DTYPES)]

SHAPES = [(5, 4), (3, 4, 7), (2, 6, 3, 5), (2, 2, 3, 2, 4), (1, 6, 3, 1)]  # channels first


def same(a):
    return a


def arrays(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape) * 2 + 1 for shape in shapes]


@pytest.mark.parametrize("eps", [1e-5, 0.3])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_batch_norm_by_the_batch(shape, eps, dtype):
    channels = shape[1:2]
    check_same(lambda x, w, b: tc.batch_norm(x, w, b, eps=eps),
               lambda x, w, b: functional.batch_norm(x, None, None, w, b, training=True, eps=eps),
               arrays(1, shape, channels, channels), dtype, border=[last, same, same], out=last)


@pytest.mark.parametrize("shape", [*SHAPES, (1, 3, 1), (0, 3, 2)], ids=str)
def test_batch_norm_by_given_statistics(shape, dtype):
    rng = np.random.default_rng(2)
    mean, var = rng.standard_normal(shape[1]).astype(dtype), rng.uniform(0.2, 3, shape[1]).astype(dtype)
    check_same(lambda x, w, b: tc.batch_norm(x, w, b, mean=mean, var=var),
               lambda x, w, b: functional.batch_norm(x, torch.tensor(mean), torch.tensor(var), w, b),
               arrays(2, shape, shape[1:2], shape[1:2]), dtype, border=[last, same, same], out=last)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_running_statistics_move_to_those_of_the_batch(shape, dtype):
    (x,) = arrays(3, shape)
    x = x.astype(dtype)
    mean, var = torch.zeros(shape[1], dtype=torch.tensor(x).dtype), torch.ones(shape[1], dtype=torch.tensor(x).dtype)
    functional.batch_norm(torch.tensor(x), mean, var, training=True, momentum=1.0)
    _, ours, biased = batch_norm_with_statistics(last(x))
    n = x.size // shape[1]
    assert (ours.dtype, biased.dtype) == (dtype, dtype)
    np.testing.assert_allclose(ours, mean.numpy(), atol=10 * TOLERANCE[dtype])
    np.testing.assert_allclose(biased * (n / (n - 1)), var.numpy(), rtol=10 * TOLERANCE[dtype])


@pytest.mark.parametrize("shape", SHAPES[1:], ids=str)
def test_instance_norm(shape, dtype):
    check_same(lambda x, w, b: tc.instance_norm(x, w, b, eps=0.01),
               lambda x, w, b: functional.instance_norm(x, weight=w, bias=b, eps=0.01),
               arrays(4, shape, shape[1:2], shape[1:2]), dtype, border=[last, same, same], out=last)


@pytest.mark.parametrize("trailing", [1, 2, 3])
@pytest.mark.parametrize("shape", [(4, 3, 5), (2, 3, 4, 5), (3, 1, 2, 5), (0, 2, 3, 4)], ids=str)
def test_layer_norm_over_the_last_axes(shape, trailing, dtype):
    axes, of = tuple(range(-trailing, 0)), shape[-trailing:]
    check_same(lambda x, w, b: tc.layer_norm(x, w, b, axes=axes, eps=1e-3),
               lambda x, w, b: functional.layer_norm(x, of, w, b, eps=1e-3), arrays(5, shape, of, of), dtype)


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
@pytest.mark.parametrize("shape", [(3, 6, 5), (2, 6, 3, 4), (1, 6, 2, 3, 2)], ids=str)
def test_group_norm(shape, groups, dtype):
    check_same(lambda x, w, b: tc.group_norm(x, groups, w, b, eps=1e-3),
               lambda x, w, b: functional.group_norm(x, groups, w, b, eps=1e-3),
               arrays(6, shape, shape[1:2], shape[1:2]), dtype, border=[last, same, same], out=last)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 9])
@pytest.mark.parametrize("shape", [(2, 7, 4), (2, 5, 3, 2), (1, 4, 2, 3, 2)], ids=str)
def test_local_response_norm(shape, size, dtype):
    check_same(lambda x: tc.local_response_norm(x, size, alpha=0.8, beta=0.6, k=1.3),
               lambda x: functional.local_response_norm(x, size, alpha=0.8, beta=0.6, k=1.3),
               arrays(7, shape), dtype, border=[last], out=last)


def test_local_response_norm_has_the_same_defaults(dtype):
    check_same(lambda x: tc.local_response_norm(x, 5), lambda x: functional.local_response_norm(x, 5),
               [30 * a for a in arrays(8, (2, 7, 4))], dtype, border=[last], out=last)


# --- Fused with what follows ------------------------------------------------------------------------------


@pytest.fixture(params=["numpy", "compiled"])
def both(request, monkeypatch):
    """A test runs with NumPy, and with compiled loops, however small its arrays."""
    monkeypatch.setattr(dispatch, "SMALL_ARRAY", 1 if request.param == "compiled" else 1 << 60)


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize("shape", [(5, 4), (3, 4, 7), (2, 17, 3, 5), (2, 2, 3, 2, 4)], ids=str)
def test_batch_norm_with_an_activation(shape, dtype):
    channels = shape[1:2]
    norm = lambda x, w, b: functional.batch_norm(x, None, None, w, b, training=True)  # noqa: E731
    check_same(lambda x, w, b: tc.batch_norm(x, w, b, activation="relu"), lambda x, w, b: torch.relu(norm(x, w, b)),
               arrays(9, shape, channels, channels), dtype, border=[last, same, same], out=last)
    check_same(lambda x, w, b, s: tc.batch_norm(x, w, b, activation=s), lambda x, w, b, s: functional.prelu(norm(x, w, b), s),
               arrays(10, shape, channels, channels, channels), dtype, border=[last, same, same, same], out=last)


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize(("shape", "kernel", "pool"), [
    ((3, 4, 9), 2, "max_pool1d"), ((2, 6, 5, 7), 2, "max_pool2d"), ((2, 3, 6, 9), (2, 3), "max_pool2d"),
    ((2, 3, 4, 5, 4), (1, 2, 2), "max_pool3d"),
], ids=str)
def test_batch_norm_with_relu_and_max_pooling(shape, kernel, pool, dtype):
    windows = pool_windows((shape[0], *shape[2:], shape[1]), kernel, rank=len(shape) - 2)
    theirs = getattr(functional, pool)
    check_same(lambda x, w, b: batch_norm_with_statistics(x, w, b, activation="relu", windows=windows)[0],
               lambda x, w, b: theirs(torch.relu(functional.batch_norm(x, None, None, w, b, training=True)), kernel),
               arrays(11, shape, shape[1:2], shape[1:2]), dtype, border=[last, same, same], out=last,
               second_order=dtype is np.float64)  # the second derivative for a weight is small beside its float32 terms
