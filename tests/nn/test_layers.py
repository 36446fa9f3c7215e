"""Layers are functions with parameters: each equals the function it wraps; He initialisation keeps the variance."""

from __future__ import annotations

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.nn import AvgPool2d, Conv1d, Conv2d, Conv3d, Flatten, GlobalAvgPool, Linear, MaxPool2d, ReLU
from tinyconv.nn.init import he_normal


def normal(*shape):
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize(("layer", "function", "kernel", "size"), [
    (Conv1d, tc.conv1d, (3,), (9,)), (Conv2d, tc.conv2d, (3, 2), (7, 6)), (Conv3d, tc.conv3d, (2, 1, 3), (4, 3, 5)),
])
def test_convolution_layers_are_the_functions_with_their_parameters(layer, function, kernel, size):
    options = {"stride": 2, "padding": 1, "groups": 2}
    net = layer(4, 6, kernel, **options, rng=np.random.default_rng(0))
    net.bias.assign(normal(6))
    x = normal(2, *size, 4)
    assert net.weight.shape == (*kernel, 2, 6)
    np.testing.assert_array_equal(net(x).data, function(x, net.weight, net.bias, **options).data)
    assert net(x).requires_grad
    plain = layer(4, 6, np.int64(3), bias=False, rng=np.random.default_rng(0))
    assert plain.bias is None
    assert plain.weight.shape == (3,) * len(size) + (4, 6)
    assert [name for name, _ in plain.named_parameters()] == ["weight"]


def test_linear_is_an_affine_map_of_the_last_axis():
    net = Linear(3, 2, rng=np.random.default_rng(0))
    net.bias.assign([1, 2])
    for shape in ((5, 3), (2, 5, 3), (3,), (0, 3)):
        x = normal(*shape)
        np.testing.assert_allclose(net(x).data, x @ net.weight.data + np.array([1, 2]), rtol=1e-5, atol=1e-6)
    assert Linear(3, 2, bias=False, rng=np.random.default_rng(0)).bias is None


def test_layers_without_parameters_are_their_functions():
    x = normal(2, 6, 4, 3)
    for layer, expected in [(ReLU(), tc.relu(x)), (MaxPool2d(2), tc.max_pool2d(x, 2)),
                            (AvgPool2d(3, 2, 1), tc.avg_pool2d(x, 3, 2, 1)),
                            (MaxPool2d((3, 2), ceil_mode=True), tc.max_pool2d(x, (3, 2), ceil_mode=True))]:
        np.testing.assert_array_equal(layer(x).data, expected.data)
        assert layer.parameters() == []


def test_flatten_and_global_mean_take_any_rank_and_an_empty_batch():
    for size in ((6,), (6, 4), (2, 6, 4)):
        for batch in (2, 0):
            x = normal(batch, *size, 3)
            assert Flatten()(x).shape == (batch, np.prod(size) * 3)
            pooled = GlobalAvgPool()(x)
            assert isinstance(pooled, tc.Tensor)
            np.testing.assert_allclose(pooled.data, x.mean(axis=tuple(range(1, len(size) + 1))), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(3, 3, 64, 128), (500, 400), (7, 32, 64)])
def test_he_initialisation_has_variance_two_over_fan_in(shape):
    weights = he_normal(shape, np.random.default_rng(0))
    fan_in = np.prod(shape[:-1])
    assert weights.dtype == np.float32
    assert weights.shape == shape
    assert weights.var() == pytest.approx(2 / fan_in, rel=5 / np.sqrt(weights.size / 2))
    assert abs(weights.mean()) < 5 * np.sqrt(2 / fan_in / weights.size)


def test_he_initialisation_keeps_the_mean_square_through_relu_layers():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((400, 256)).astype(np.float32)
    first = before = Linear(256, 256, rng=rng)(x).data
    for _ in range(8):
        before = Linear(256, 256, rng=rng)(tc.relu(before)).data
    assert 0.7 < (before**2).mean() / (first**2).mean() < 1.4


def test_one_seed_one_initialisation():
    first, second = (Conv2d(3, 4, 3, rng=np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first.weight.data, second.weight.data)
    assert not first.bias.data.any()
