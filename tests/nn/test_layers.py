"""Layers are functions with parameters: each equals the function it wraps; He initialisation keeps the variance."""

from __future__ import annotations

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import nn
from tinyconv.nn import (
    AvgPool2d,
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
    Flatten,
    GlobalAvgPool,
    Linear,
    MaxPool2d,
    ReLU,
)
from tinyconv.nn.init import he_normal, xavier_uniform


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


@pytest.mark.parametrize(("layer", "function", "kernel", "size"), [
    (ConvTranspose1d, tc.conv_transpose1d, (3,), (4,)), (ConvTranspose2d, tc.conv_transpose2d, (3, 2), (3, 5)),
    (ConvTranspose3d, tc.conv_transpose3d, (2, 1, 3), (2, 4, 3)),
])
def test_transposed_layers_are_the_functions_with_their_parameters(layer, function, kernel, size):
    options = {"stride": 2, "padding": 0, "output_padding": 1, "groups": 2}
    net = layer(4, 6, kernel, **options, rng=np.random.default_rng(0))
    x = normal(2, *size, 4)
    assert net.weight.shape == (*kernel, 3, 4)
    np.testing.assert_array_equal(net(x).data, function(x, net.weight, net.bias, **options).data)
    assert net(x).shape == (2, *(2 * (n - 1) + k + 1 for n, k in zip(size, kernel, strict=True)), 6)


def test_transposed_initialisation_keeps_the_variance_that_a_convolution_keeps():
    net = ConvTranspose2d(64, 32, 4, stride=2, bias=False, rng=np.random.default_rng(0))
    y = net(normal(4, 12, 12, 64)).data[:, 4:-4, 4:-4]
    assert y.var() == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize("layer", [Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d])
@pytest.mark.parametrize("wrong", [(3, 4, 2, {"groups": 2}), (4, 3, 2, {"groups": 2}), (0, 4, 2, {}), (4, 4.0, 2, {}),
                                   (4, 4, 0, {}), (4, 4, (2, 2, 2, 2), {}),
                                   (4, 4, "ab", {}), (4, 4, 2, {"groups": 0}), (4, 4, True, {})])
def test_impossible_channels_groups_and_kernels_are_refused_when_built(layer, wrong):
    *numbers, options = wrong
    with pytest.raises(tc.ShapeError, match=f"^{layer.__name__}: .*expected"):
        layer(*numbers, **options, rng=np.random.default_rng(0))


@pytest.mark.parametrize("build", [lambda: nn.Linear(0, 3, rng=np.random.default_rng(0)), lambda: nn.BatchNorm(0),
                                   lambda: nn.PReLU(0), lambda: nn.GroupNorm(4, 6), lambda: nn.GroupNorm(0, 6),
                                   lambda: nn.LayerNorm(()), lambda: nn.InstanceNorm(2.5), lambda: nn.Concat()])
def test_impossible_sizes_are_refused_when_built(build):
    with pytest.raises(tc.ShapeError, match="expected"):
        build()


def test_impossible_options_are_refused_when_built():
    for stride in (0, "ab", None, (1, 0)):
        with pytest.raises(tc.ShapeError, match="ConvTranspose2d: stride is"):
            ConvTranspose2d(2, 2, 3, stride=stride, rng=np.random.default_rng(0))
    with pytest.raises(tc.DataError, match="momentum is 2"):
        nn.BatchNorm(3, momentum=2)
    with pytest.raises(tc.DataError, match="approximate is 'erf'"):
        nn.GELU("erf")


@pytest.mark.parametrize(("layer", "function"), [
    (nn.LeakyReLU(0.3), lambda x: tc.leaky_relu(x, slope=0.3)), (nn.PReLU(3, 0.5), lambda x: tc.prelu(x, [0.5, 0.5, 0.5])),
    (nn.Sigmoid(), tc.sigmoid), (nn.Tanh(), tc.tanh), (nn.Softplus(), tc.softplus),
    (nn.GELU("tanh"), lambda x: tc.gelu(x, "tanh")),
    (nn.GlobalMaxPool(), tc.global_max_pool), (nn.AdaptiveAvgPool2d((2, None)), lambda x: tc.adaptive_avg_pool2d(x, (2, None))),
    (nn.L2Normalize(), tc.l2_normalize), (nn.LocalResponseNorm(2), lambda x: tc.local_response_norm(x, 2)),
    (nn.LayerNorm((4, 3), eps=0.1), lambda x: tc.layer_norm(x, axes=(2, 3), eps=0.1)),
    (nn.GroupNorm(3, 3), lambda x: tc.group_norm(x, 3)), (nn.InstanceNorm(3), tc.instance_norm),
], ids=lambda value: type(value).__name__)
def test_the_other_layers_are_their_functions(layer, function):
    x = normal(2, 6, 4, 3)
    np.testing.assert_array_equal(layer(x).data, function(x).data)


def test_pools_of_every_rank():
    for rank, (largest, means) in {1: (nn.MaxPool1d, nn.AvgPool1d), 3: (nn.MaxPool3d, nn.AvgPool3d)}.items():
        x = normal(2, *(4,) * rank, 3)
        assert largest(2)(x).data[0, ..., 1].flat[0] == x[(0, *(slice(2),) * rank, 1)].max()
        np.testing.assert_allclose(means(2)(x).data[0, ..., 1].flat[0], x[(0, *(slice(2),) * rank, 1)].mean(), rtol=1e-5)
    assert nn.AdaptiveAvgPool1d(2)(normal(2, 5, 3)).shape == (2, 2, 3)
    assert nn.AdaptiveAvgPool3d(2)(normal(2, 5, 4, 3, 3)).shape == (2, 2, 2, 2, 3)


def test_residual_adds_the_shortcut_and_names_both_shapes_if_they_differ():
    x = normal(2, 5, 3)
    np.testing.assert_array_equal(nn.Residual(ReLU())(x).data, x + np.maximum(x, 0))
    np.testing.assert_array_equal(nn.Residual(ReLU(), lambda x: x * 2)(x).data, 2 * x + np.maximum(x, 0))
    narrow = nn.Residual(Conv1d(3, 1, 1, rng=np.random.default_rng(0)))
    with pytest.raises(tc.ShapeError, match=r"Residual: body gave \(2, 5, 1\), the shortcut \(2, 5, 3\)"):
        narrow(x)
    assert list(narrow.state()) == ["body.weight", "body.bias"]


def test_concat_puts_channels_side_by_side_and_names_the_shapes_that_do_not_fit():
    x = normal(2, 5, 3)
    net = nn.Concat(right=Conv1d(3, 2, 1, rng=np.random.default_rng(0)), left=ReLU())
    np.testing.assert_array_equal(net(x).data, np.concatenate([net["right"](x).data, np.maximum(x, 0)], axis=-1))
    assert list(net.state()) == ["right.weight", "right.bias"]
    with pytest.raises(tc.ShapeError, match=r"Concat: got a \(2, 5, 3\), b \(2, 2, 3\), expected"):
        nn.Concat(a=ReLU(), b=nn.MaxPool1d(2))(x)


def test_xavier_initialisation_has_variance_two_over_both_fans():
    weights = xavier_uniform((3, 3, 40, 60), np.random.default_rng(0))
    assert weights.dtype == np.float32
    assert weights.var() == pytest.approx(2 / (9 * 100), rel=0.03)
    assert np.abs(weights).max() <= np.sqrt(6 / 900) * (1 + 1e-6)


@pytest.mark.parametrize("rng", [None, 0, np.random.RandomState(0)], ids=["none", "seed", "legacy"])
def test_weights_are_drawn_by_a_generator(rng):
    for layer in (lambda: nn.Linear(2, 3, rng=rng), lambda: nn.Conv2d(1, 2, 3, rng=rng)):
        with pytest.raises(tc.DataError, match=r"rng is .*, expected a numpy\.random\.Generator"):
            layer()


def test_an_eps_or_momentum_that_is_no_number_is_refused():
    for layer in (lambda: nn.BatchNorm(2, eps="a"), lambda: nn.LayerNorm(2, eps=-1), lambda: nn.BatchNorm(2, momentum="a")):
        with pytest.raises(tc.DataError, match=r"(eps|momentum) is"):
            layer()


def test_flatten_wants_a_batch():
    with pytest.raises(tc.ShapeError, match="Flatten"):
        nn.Flatten()(tc.tensor(1.0))
