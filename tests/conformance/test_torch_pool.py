"""Global and adaptive pooling, the places of the largest values and unpooling against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import tinyconv as tc
from tests.conformance.oracle import DTYPES, check_same, last

torch = pytest.importorskip("torch", reason="PyTorch is the oracle: pip install torch")
functional = torch.nn.functional
pytestmark = pytest.mark.oracle

AVERAGE = {1: (tc.adaptive_avg_pool1d, functional.adaptive_avg_pool1d),
           2: (tc.adaptive_avg_pool2d, functional.adaptive_avg_pool2d),
           3: (tc.adaptive_avg_pool3d, functional.adaptive_avg_pool3d)}
LARGEST = {1: (tc.adaptive_max_pool1d, functional.adaptive_max_pool1d),
           2: (tc.adaptive_max_pool2d, functional.adaptive_max_pool2d),
           3: (tc.adaptive_max_pool3d, functional.adaptive_max_pool3d)}
MAX = {1: (tc.max_pool1d, tc.max_pool_indices1d, functional.max_pool1d),
       2: (tc.max_pool2d, tc.max_pool_indices2d, functional.max_pool2d),
       3: (tc.max_pool3d, tc.max_pool_indices3d, functional.max_pool3d)}
UNPOOL = {1: (tc.max_unpool1d, functional.max_unpool1d), 2: (tc.max_unpool2d, functional.max_unpool2d),
          3: (tc.max_unpool3d, functional.max_unpool3d)}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_global_pooling(rank, dtype):
    x = np.random.default_rng(rank).standard_normal((3, 4, 5, 2, 3)[: rank + 2])
    axes = tuple(range(2, rank + 2))
    check_same(lambda x: tc.global_avg_pool(x * x), lambda x: (x * x).mean(axes), [x], dtype, border=[last])
    check_same(lambda x: tc.global_max_pool(x * x), lambda x: (x * x).amax(axes), [x], dtype, border=[last])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("family", [AVERAGE, LARGEST], ids=["avg", "max"])
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("seed", range(12))
def test_adaptive_pooling(seed, rank, family, dtype):
    rng = np.random.default_rng([seed, rank])
    size, out = (tuple(int(n) for n in rng.integers(1, 9, rank)) for _ in range(2))
    ours, theirs = family[rank]
    check_same(lambda x: ours(x * x, out), lambda x: theirs(x * x, out), [rng.standard_normal((2, 3, *size))], dtype,
               border=[last], out=last)


def test_adaptive_pooling_by_one_number_and_none():
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 7))
    for ours, theirs in (AVERAGE[2], LARGEST[2]):
        for out in (3, (None, 2), (4, None)):
            check_same(lambda x: ours(x * x, out), lambda x: theirs(x * x, out), [x], np.float64,  # noqa: B023
                    border=[last], out=last)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("seed", range(20))
def test_places_of_the_largest_values(seed, rank):
    rng = np.random.default_rng([seed, rank])
    kernel = tuple(int(n) for n in rng.integers(1, 4, rank))
    stride, dilation = (tuple(int(n) for n in rng.integers(1, 4, rank)) for _ in range(2))
    padding = tuple(int(rng.integers(0, k // 2 + 1)) for k in kernel)
    size = tuple((k - 1) * d + 1 + int(rng.integers(0, 5)) for k, d in zip(kernel, dilation, strict=True))
    x = rng.integers(0, 6, (2, 3, *size)).astype(np.float64)  # many ties: both take the first
    options = {"stride": stride, "padding": padding, "dilation": dilation, "ceil_mode": bool(seed % 2)}
    pool, places, theirs = MAX[rank]
    values, expected = theirs(torch.tensor(x), kernel, return_indices=True, **options)
    got = places(last(x), kernel, **options)
    assert got.dtype == np.int64
    np.testing.assert_array_equal(got, last(expected.numpy()))
    np.testing.assert_array_equal(pool(last(x), kernel, **options).data, last(values.numpy()))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_unpooling_and_its_gradients(rank, dtype):
    rng = np.random.default_rng(rank)
    kernel, size = (3, 2, 2)[:rank], (7, 4, 5)[:rank]
    image = rng.standard_normal((2, 3, *size)).astype(dtype)
    values, places = MAX[rank][2](torch.tensor(image), kernel, return_indices=True)
    ours, theirs = UNPOOL[rank]
    chosen = last(places.numpy())
    check_same(lambda x: ours(x * x, chosen, size), lambda x: theirs(x * x, places, kernel, output_size=size),
               [values.numpy()], dtype, border=[last], out=last)
