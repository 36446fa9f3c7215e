"""Values, gradients and second-order gradients against PyTorch, which shares no code with us."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinyconv as tc
from tests.conformance.oracle import DTYPES, check_same, last

torch = pytest.importorskip("torch", reason="PyTorch is the oracle: pip install torch")
functional = torch.nn.functional
pytestmark = pytest.mark.oracle

KERNELS = ["im2col", "direct"]


def from_torch_weight(weight: Any) -> Any:
    """(C_out, C_in / groups, *kernel) as (*kernel, C_in / groups, C_out); for transposed convolutions the same words swapped."""
    return np.moveaxis(weight, (0, 1), (-1, -2))


# --- Convolution -------------------------------------------------------------------------------------------


def random_convolution(rng: np.random.Generator, rank: int) -> tuple[Any, Any, dict[str, Any], Any]:
    """(shape of x, shape of the weight, options without padding, padding pairs) in PyTorch's layout; often tiny or empty."""
    groups = int(rng.choice([1, 1, 2, 3]))
    per_group_in, per_group_out = (int(n) for n in rng.integers(1, 4, 2))
    if rng.random() < 0.2:
        groups, per_group_in = 4, 1  # depthwise
    kernel = tuple(int(n) for n in rng.integers(1, 5 if rank < 3 else 4, rank))
    stride, dilation = (tuple(int(n) for n in rng.integers(1, 4, rank)) for _ in range(2))
    pairs = tuple((int(a), int(b)) for a, b in rng.integers(0, 4, (rank, 2)))
    size = []
    for k, d, pair in zip(kernel, dilation, pairs, strict=True):
        least = max((k - 1) * d + 1 - sum(pair), 1)
        size.append(1 if least == 1 and rng.random() < 0.3 else least + int(rng.integers(0, 6)))
    batch = int(rng.choice([0, 1, 2, 3]))
    x_shape = (batch, groups * per_group_in, *size)
    weight_shape = (groups * per_group_out, per_group_in, *kernel)
    return x_shape, weight_shape, {"stride": stride, "dilation": dilation, "groups": groups}, pairs


CONV = {1: (tc.conv1d, functional.conv1d), 2: (tc.conv2d, functional.conv2d), 3: (tc.conv3d, functional.conv3d)}
TRANSPOSED = {1: (tc.conv_transpose1d, functional.conv_transpose1d), 2: (tc.conv_transpose2d, functional.conv_transpose2d),
              3: (tc.conv_transpose3d, functional.conv_transpose3d)}


def padded(x: Any, pairs: Any) -> Any:
    """PyTorch pads from the last axis to the first, and asymmetric padding is an operation of its own."""
    return functional.pad(x, [n for pair in reversed(pairs) for n in pair])


def cropped(y: Any, pairs: Any) -> Any:
    """What asymmetric padding leaves of a transposed convolution."""
    return y[(slice(None), slice(None), *(slice(a, n - b) for (a, b), n in zip(pairs, y.shape[2:], strict=True)))]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("seed", range(40))
def test_convolution_and_its_gradients_of_both_orders(seed, rank, kernel, dtype):
    rng = np.random.default_rng([seed, rank])
    x_shape, weight_shape, options, pairs = random_convolution(rng, rank)
    ours, theirs = CONV[rank]
    arrays = [rng.standard_normal(shape) for shape in (x_shape, weight_shape, weight_shape[:1])]
    check_same(lambda x, w, b: ours(x, w, b, padding=pairs, kernel=kernel, **options),
               lambda x, w, b: theirs(padded(x, pairs), w, b, **options),
               arrays, dtype, border=[last, from_torch_weight, lambda b: b], out=last, seed=seed)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("seed", range(40))
def test_transposed_convolution_and_its_gradients_of_both_orders(seed, rank, kernel, dtype):
    rng = np.random.default_rng([seed, rank, 1])
    x_shape, weight_shape, options, pairs = random_convolution(rng, rank)
    size = [int(n) for n in rng.integers(1, 5, rank)]
    spans = [(n - 1) * s + (k - 1) * d + 1
             for n, s, k, d in zip(size, options["stride"], weight_shape[2:], options["dilation"], strict=True)]
    pairs = tuple((min(a, (span - 1) // 2), min(b, (span - 1) // 2)) for (a, b), span in zip(pairs, spans, strict=True))
    ours, theirs = TRANSPOSED[rank]
    groups = options["groups"]
    out_channels = weight_shape[1] * groups
    arrays = [rng.standard_normal(shape) for shape in ((x_shape[0], weight_shape[0], *size), weight_shape, (out_channels,))]
    check_same(lambda x, w, b: ours(x, w, b, padding=pairs, kernel=kernel, **options),
               lambda x, w, b: cropped(theirs(x, w, b, **options), pairs),
               arrays, dtype, border=[last, from_torch_weight, lambda b: b], out=last, seed=seed)


def test_sweep_meets_every_difficulty():
    met = set()
    for rank in (1, 2, 3):
        for seed in range(40):
            x_shape, weight_shape, options, pairs = random_convolution(np.random.default_rng([seed, rank]), rank)
            met |= {"empty batch"} if x_shape[0] == 0 else set()
            met |= {"length one"} if 1 in x_shape[2:] else set()
            met |= {"asymmetric"} if any(a != b for a, b in pairs) else set()
            met |= {"groups"} if 1 < options["groups"] < x_shape[1] else set()
            met |= {"depthwise"} if options["groups"] == x_shape[1] > 1 else set()
            met |= {"unequal kernel"} if len(set(weight_shape[2:])) > 1 else set()
            met |= {"stride and dilation"} if max(options["stride"]) > 1 < max(options["dilation"]) else set()
    assert met == {"empty batch", "length one", "asymmetric", "groups", "depthwise", "unequal kernel", "stride and dilation"}


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(("x_shape", "weight_shape", "options"), [
    ((8, 32, 28, 28), (64, 32, 3, 3), {"padding": 1}),
    ((4, 3, 57, 43), (16, 3, 7, 5), {"stride": (2, 3), "padding": (3, 2)}),
    ((3, 48, 17, 19), (48, 1, 3, 3), {"padding": 1, "groups": 48}),
    ((2, 64, 14, 14), (32, 64, 1, 1), {}),
])
def test_layer_of_real_size_in_float32(x_shape, weight_shape, options, kernel):
    rng = np.random.default_rng(5)
    arrays = [rng.standard_normal(x_shape), rng.standard_normal(weight_shape) * 0.1]
    check_same(lambda x, w: tc.conv2d(x, w, kernel=kernel, **options), lambda x, w: functional.conv2d(x, w, **options),
               arrays, np.float32, border=[last, from_torch_weight], out=last)


@pytest.mark.parametrize("seed", range(20))
def test_same_padding_is_that_of_torch_where_torch_has_it(seed):
    rng = np.random.default_rng(seed)
    kernel, dilation = (tuple(int(n) for n in rng.integers(1, high, 2)) for high in (6, 4))
    x_shape, weight_shape = (2, 3, *(int(n) for n in rng.integers(1, 12, 2))), (4, 3, *kernel)
    check_same(lambda x, w: tc.conv2d(x, w, padding="same", dilation=dilation),
               lambda x, w: functional.conv2d(padded(x, [((k - 1) * d // 2, (k - 1) * d - (k - 1) * d // 2)
                                                         for k, d in zip(kernel, dilation, strict=True)]), w, dilation=dilation),
               [rng.standard_normal(x_shape), rng.standard_normal(weight_shape)], np.float64,
               border=[last, from_torch_weight], out=last)


# --- Pooling and upsampling ----------------------------------------------------------------------------------


def random_pooling(rng: np.random.Generator, rank: int) -> tuple[tuple[int, ...], dict[str, Any]]:
    """(shape in PyTorch's layout, options); padding is at most half the window, as PyTorch wants it."""
    kernel, stride = (tuple(int(n) for n in rng.integers(1, 4, rank)) for _ in range(2))
    padding = tuple(int(rng.integers(0, k // 2 + 1)) for k in kernel)
    size = tuple(int(rng.integers(k, k + 6)) for k in kernel)
    shape = (int(rng.integers(1, 3)), 3, *size)
    return shape, {"kernel_size": kernel, "stride": stride, "padding": padding, "ceil_mode": bool(rng.integers(0, 2))}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("seed", range(25))
def test_max_pooling_and_its_gradients(seed, rank, dtype):
    rng = np.random.default_rng([seed, rank])
    shape, options = random_pooling(rng, rank)
    dilation = tuple(int(rng.integers(1, 3)) if options["padding"][a] == 0 else 1 for a in range(rank))
    shape = (*shape[:2], *(n + (k - 1) * (d - 1) for n, k, d in zip(shape[2:], options["kernel_size"], dilation, strict=True)))
    theirs = [functional.max_pool1d, functional.max_pool2d, functional.max_pool3d][rank - 1]
    ours = [tc.max_pool1d, tc.max_pool2d, tc.max_pool3d][rank - 1]
    values = rng.integers(-4, 4, shape)  # with ties: the first of equals gets the gradient there, too
    check_same(lambda x: ours(x, dilation=dilation, **options), lambda x: theirs(x, dilation=dilation, **options),
               [values], dtype, border=[last], out=last, second_order=False)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("include", [True, False])
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("seed", range(25))
def test_average_pooling_and_its_gradients(seed, rank, include, dtype):
    rng = np.random.default_rng([seed, rank, 2])
    shape, options = random_pooling(rng, rank)
    theirs = [functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d][rank - 1]
    ours = [tc.avg_pool1d, tc.avg_pool2d, tc.avg_pool3d][rank - 1]
    check_same(lambda x: ours(x, count_include_pad=include, **options), lambda x: theirs(x, count_include_pad=include, **options),
               [rng.standard_normal(shape)], dtype, border=[last], out=last, second_order=False)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_nearest_upsampling_and_its_gradient(rank):
    scales = (2, 3, 1)[:rank]
    x = np.random.default_rng(rank).standard_normal((2, 3, 4, 2, 3)[: rank + 2])
    check_same(lambda x: tc.upsample_nearest(x, scales),
               lambda x: functional.interpolate(x, scale_factor=[float(s) for s in scales], mode="nearest"),
               [x], np.float64, border=[last], out=last, second_order=False)


# --- The other operations -------------------------------------------------------------------------------------

LABELS = np.array([2, 0, 4, 1])
CASES: dict[str, tuple[Callable[..., Any], Callable[..., Any], list[tuple[int, ...]]]] = {
    "add, broadcast": (lambda a, b: a + b, lambda a, b: a + b, [(3, 1, 4), (2, 1)]),
    "multiply, broadcast": (lambda a, b: a * b, lambda a, b: a * b, [(3, 4), (2, 3, 1)]),
    "divide, broadcast": (lambda a, b: a / (b * b + 1), lambda a, b: a / (b * b + 1), [(3, 4), (4,)]),
    "power": (lambda a: (a * a + 1) ** 1.5, lambda a: (a * a + 1) ** 1.5, [(3, 4)]),
    "relu": (lambda x: tc.relu(x) * x, lambda x: torch.relu(x) * x, [(3, 5)]),
    "exp": (tc.exp, lambda x: torch.exp(x), [(3, 5)]),
    "log": (lambda x: tc.log(x * x + 1), lambda x: torch.log(x * x + 1), [(3, 5)]),
    "sqrt": (lambda x: tc.sqrt(x * x + 1), lambda x: torch.sqrt(x * x + 1), [(3, 5)]),
    "abs": (lambda x: tc.abs(x) * x, lambda x: torch.abs(x) * x, [(3, 5)]),
    "clip": (lambda x: tc.clip(x, -0.5, 0.7) * x, lambda x: torch.clamp(x, -0.5, 0.7) * x, [(3, 5)]),
    "maximum": (lambda a, b: tc.maximum(a, b) * a, lambda a, b: torch.maximum(a, b) * a, [(3, 5), (5,)]),
    "minimum": (lambda a, b: tc.minimum(a, b) * a, lambda a, b: torch.minimum(a, b) * a, [(3, 5), (5,)]),
    "sum": (lambda x: tc.sum(x * x, axis=(0, 2)), lambda x: (x * x).sum((0, 2)), [(3, 5, 2)]),
    "mean": (lambda x: tc.mean(x * x, axis=1, keepdims=True), lambda x: (x * x).mean(1, keepdim=True), [(3, 5, 2)]),
    "var": (lambda x: tc.var(x, axis=(0, 1)), lambda x: torch.var(x, (0, 1), correction=0), [(3, 5, 2)]),
    "var, unbiased": (lambda x: tc.var(x, axis=1, ddof=1, keepdims=True),
                      lambda x: torch.var(x, 1, correction=1, keepdim=True), [(3, 5, 2)]),
    "max": (lambda x: tc.max(x * x, axis=1), lambda x: (x * x).max(1).values, [(3, 5, 2)]),
    "max of all": (lambda x: tc.max(x * x), lambda x: (x * x).max(), [(3, 5)]),
    "logsumexp": (lambda x: tc.logsumexp(x, axis=1), lambda x: torch.logsumexp(x, 1), [(3, 5, 2)]),
    "logsumexp over two axes": (lambda x: tc.logsumexp(x, axis=(0, 2), keepdims=True),
                                lambda x: torch.logsumexp(x, (0, 2), keepdim=True), [(3, 5, 2)]),
    "softmax": (lambda x: tc.softmax(x, axis=0), lambda x: torch.softmax(x, 0), [(3, 5, 2)]),
    "log_softmax": (lambda x: tc.log_softmax(x, axis=1), lambda x: torch.log_softmax(x, 1), [(3, 5, 2)]),
    "cross entropy": (lambda x: tc.cross_entropy(x, LABELS),
                      lambda x: functional.cross_entropy(x, torch.tensor(LABELS)), [(4, 5)]),
    "mse": (tc.mse, lambda a, b: functional.mse_loss(a, b), [(4, 5), (4, 5)]),
    "matmul": (tc.matmul, lambda a, b: torch.matmul(a, b), [(3, 4), (4, 2)]),
    "matmul, broadcast": (tc.matmul, lambda a, b: torch.matmul(a, b), [(2, 1, 3, 4), (5, 4, 2)]),
    "matmul, row and stack": (tc.matmul, lambda a, b: torch.matmul(a, b), [(4,), (3, 4, 2)]),
    "matmul, stack and column": (tc.matmul, lambda a, b: torch.matmul(a, b), [(3, 2, 4), (4,)]),
    "matmul, two vectors": (tc.matmul, lambda a, b: torch.matmul(a, b), [(4,), (4,)]),
    "transpose": (lambda x: tc.transpose(x * x, (2, 0, 1)), lambda x: (x * x).permute(2, 0, 1), [(3, 5, 2)]),
    "indexing": (lambda x: (x * x)[np.array([0, 2, 0]), 1:], lambda x: (x * x)[torch.tensor([0, 2, 0]), 1:], [(3, 5, 2)]),
    "concatenate": (lambda a, b: tc.concatenate([a * a, b * a[:, :1], a], axis=1),
                    lambda a, b: torch.cat([a * a, b * a[:, :1], a], 1), [(3, 5), (3, 2)]),
    "where": (lambda a, b: tc.where(np.arange(5) > 2, a * b, b * b), lambda a, b: torch.where(torch.arange(5) > 2, a * b, b * b),
              [(3, 5), (3, 5)]),
    "pad with zeros": (lambda x: tc.pad(x * x, ((0, 0), (0, 0), (2, 1), (0, 3))),
                       lambda x: functional.pad(x * x, (0, 3, 2, 1)), [(2, 1, 4, 5)]),
    "pad by reflection": (lambda x: tc.pad(x * x, ((0, 0), (0, 0), (2, 1), (4, 3)), mode="reflect"),
                          lambda x: functional.pad(x * x, (4, 3, 2, 1), mode="reflect"), [(2, 1, 4, 5)]),
    "pad by the edge": (lambda x: tc.pad(x * x, ((0, 0), (0, 0), (2, 1), (6, 3)), mode="edge"),
                        lambda x: functional.pad(x * x, (6, 3, 2, 1), mode="replicate"), [(2, 1, 4, 5)]),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CASES)
def test_operation_and_its_gradients_of_both_orders(name, dtype):
    ours, theirs, shapes = CASES[name]
    rng = np.random.default_rng(7)
    check_same(ours, theirs, [rng.standard_normal(shape) for shape in shapes], dtype)
