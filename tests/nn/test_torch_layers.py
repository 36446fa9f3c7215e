"""Layers with a state against PyTorch's: the same steps give the same outputs, gradients and running statistics."""

from __future__ import annotations

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import nn

torch = pytest.importorskip("torch", reason="PyTorch is the oracle: pip install torch")
pytestmark = pytest.mark.oracle


def normal(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def to_torch(x):
    """Channels first."""
    return torch.tensor(np.moveaxis(x, -1, 1).copy())


def from_torch(y):
    return np.moveaxis(y.detach().numpy(), 1, -1)


def channels_last(layer):
    """The state of a PyTorch layer whose weight begins with two axes of channels, as ours ends with them."""
    return {"weight": np.moveaxis(layer.weight.detach().numpy(), (0, 1), (-1, -2)), "bias": layer.bias.detach().numpy()}


def same(ours, theirs, tolerance=1e-5):
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("size", "theirs"), [((), torch.nn.BatchNorm1d), ((5,), torch.nn.BatchNorm1d),
                                              ((5, 3), torch.nn.BatchNorm2d), ((2, 5, 3), torch.nn.BatchNorm3d)])
@pytest.mark.parametrize("momentum", [0.1, 0.7])
def test_batch_norm_over_training_steps_and_then_in_evaluation(size, theirs, momentum):
    ours, other = nn.BatchNorm(4, momentum=momentum, eps=1e-3), theirs(4, momentum=momentum, eps=1e-3)
    optimizer, their_optimizer = tc.optim.SGD(ours.parameters(), lr=0.05), torch.optim.SGD(other.parameters(), lr=0.05)
    for step in range(5):
        x = normal(step, 3, *size, 4) * 3 + step
        y, z = ours(x), other(to_torch(x))
        same(y.data, from_torch(z))
        optimizer.zero_grad()
        their_optimizer.zero_grad()
        (y * y * y).mean().backward()
        (z**3).mean().backward()
        same(ours.weight.grad, other.weight.grad.numpy(), 1e-4)
        optimizer.step()
        their_optimizer.step()
        same(ours.running_mean.data, other.running_mean.numpy())
        same(ours.running_var.data, other.running_var.numpy())
    ours.eval()
    other.eval()
    x = normal(9, 1, *size, 4)
    same(ours(x).data, from_torch(other(to_torch(x))))


@pytest.mark.parametrize(("ours", "theirs", "size"), [
    (nn.ConvTranspose1d, torch.nn.ConvTranspose1d, (7,)), (nn.ConvTranspose2d, torch.nn.ConvTranspose2d, (4, 6)),
    (nn.ConvTranspose3d, torch.nn.ConvTranspose3d, (2, 4, 3)),
])
@pytest.mark.parametrize("groups", [1, 2])
def test_transposed_convolution_with_output_padding(ours, theirs, size, groups):
    options = {"stride": 3, "padding": 1, "output_padding": 2, "groups": groups}
    layer, other = ours(4, 6, 3, **options, rng=np.random.default_rng(0)), theirs(4, 6, 3, **options)
    layer.load_state(channels_last(other))
    x = normal(1, 2, *size, 4)
    same(layer(x).data, from_torch(other(to_torch(x))))


@pytest.mark.parametrize(("ours", "theirs", "size"), [
    (nn.Conv1d, torch.nn.Conv1d, (9,)), (nn.Conv2d, torch.nn.Conv2d, (8, 6)), (nn.Conv3d, torch.nn.Conv3d, (5, 6, 5)),
])
def test_depthwise_convolution_with_two_outputs_per_channel(ours, theirs, size):
    options = {"stride": 2, "padding": 1, "groups": 4}
    layer, other = ours(4, 8, 3, **options, rng=np.random.default_rng(0)), theirs(4, 8, 3, **options)
    layer.load_state(channels_last(other))
    x = normal(1, 2, *size, 4)
    same(layer(x).data, from_torch(other(to_torch(x))))


@pytest.mark.parametrize(("ours", "theirs"), [
    (nn.InstanceNorm(6), torch.nn.InstanceNorm2d(6, affine=True)), (nn.GroupNorm(3, 6), torch.nn.GroupNorm(3, 6)),
    (nn.LocalResponseNorm(3, alpha=0.3, k=2.0), torch.nn.LocalResponseNorm(3, alpha=0.3, k=2.0)),
    (nn.PReLU(6, 0.1), torch.nn.PReLU(6, 0.1)), (nn.LeakyReLU(0.2), torch.nn.LeakyReLU(0.2)),
    (nn.Softplus(), torch.nn.Softplus()),
    (nn.GELU(), torch.nn.GELU()), (nn.GELU("tanh"), torch.nn.GELU(approximate="tanh")), (nn.Sigmoid(), torch.nn.Sigmoid()),
    (nn.AdaptiveAvgPool2d((3, 2)), torch.nn.AdaptiveAvgPool2d((3, 2))),
    (nn.MaxPool2d(3, 2, 1, 1, True), torch.nn.MaxPool2d(3, 2, 1, 1, ceil_mode=True)),
    (nn.AvgPool2d(3, 2, 1, count_include_pad=False), torch.nn.AvgPool2d(3, 2, 1, count_include_pad=False)),
], ids=lambda layer: type(layer).__name__)
def test_layers_on_images(ours, theirs):
    x = normal(2, 2, 7, 5, 6)
    same(ours(x).data, from_torch(theirs(to_torch(x))))


@pytest.mark.parametrize("shape", [6, (5, 6), (7, 5, 6)])
def test_layer_norm_over_the_last_axes(shape):
    x = normal(3, 2, 7, 5, 6)
    same(nn.LayerNorm(shape)(x).data, torch.nn.LayerNorm(shape)(torch.tensor(x)).detach().numpy())


def test_linear_with_pytorchs_weights():
    other, layer = torch.nn.Linear(5, 3), nn.Linear(5, 3, rng=np.random.default_rng(0))
    layer.load_state({"weight": other.weight.detach().numpy().T, "bias": other.bias.detach().numpy()})
    x = normal(4, 2, 7, 5)
    same(layer(x).data, other(torch.tensor(x)).detach().numpy())
