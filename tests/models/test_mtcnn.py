"""MTCNN's nets: their shapes, and published weights, made for pictures that lie on their side, turned upright."""

import numpy as np
import pytest

import tinyconv as tc
from tests.refusal import assert_refused
from tinyconv.models.mobilefacenet import normalise
from tinyconv.models.mtcnn import MTCNN, load_mtcnn

# The published layers as they run: kernel, or None for a dense layer, channels in and out, PReLU, pool (kernel, ceil_mode).
PUBLISHED = {
    "pnet": (("conv1", 3, 3, 10, "PReLU1", (2, True)), ("conv2", 3, 10, 16, "PReLU2", None),
             ("conv3", 3, 16, 32, "PReLU3", None)),
    "rnet": (("conv1", 3, 3, 28, "prelu1", (3, True)), ("conv2", 3, 28, 48, "prelu2", (3, False)),
             ("conv3", 2, 48, 64, "prelu3", None), ("conv4", None, 576, 128, "prelu4", None)),
    "onet": (("conv1", 3, 3, 32, "prelu1", (3, True)), ("conv2", 3, 32, 64, "prelu2", (3, False)),
             ("conv3", 3, 64, 64, "prelu3", (2, True)), ("conv4", 2, 64, 128, "prelu4", None),
             ("conv5", None, 1152, 256, "prelu5", None)),
}
HEADS = {"pnet": (("conv4-1", 1, 32, 2), ("conv4-2", 1, 32, 4)), "rnet": (("conv5-1", None, 128, 2), ("conv5-2", None, 128, 4)),
         "onet": (("conv6-1", None, 256, 2), ("conv6-2", None, 256, 4), ("conv6-3", None, 256, 10))}


def published_state(rng):
    """Random arrays with the names and shapes of the published files."""
    state = {}
    for net, layers in PUBLISHED.items():
        for layer, kernel, inputs, outputs, *rest in (*layers, *HEADS[net]):
            shape = (inputs, outputs) if kernel is None else (kernel, kernel, inputs, outputs)
            weight = rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[:-1]))
            state[f"{net}.{layer}.weights"] = weight.astype(np.float32)
            state[f"{net}.{layer}.biases"] = rng.standard_normal(outputs).astype(np.float32)
            if rest:
                state[f"{net}.{rest[0]}.alpha"] = rng.random(outputs, np.float32)
    return state


def run_published(state, net, x):
    """What a net of the published files says of pictures (N, width, height, 3): the definition, layer by layer."""
    def layer(x, name, kernel):
        weight, bias = state[f"{net}.{name}.weights"], state[f"{net}.{name}.biases"]
        if kernel is not None:
            return tc.conv2d(x, weight, bias, kernel="im2col")
        return tc.reshape(x, (len(x), -1)) @ weight + bias

    x = normalise(tc.tensor(x))
    for name, kernel, _, _, prelu, pool in PUBLISHED[net]:
        x = tc.prelu(layer(x, name, kernel), state[f"{net}.{prelu}.alpha"])
        x = x if pool is None else tc.max_pool2d(x, pool[0], 2, ceil_mode=pool[1])
    return np.concatenate([layer(x, name, kernel).data for name, kernel, _, _ in HEADS[net]], axis=-1)


@pytest.fixture
def saved(tmp_path):
    state = published_state(np.random.default_rng(0))
    np.savez(tmp_path / "mtcnn.npz", **state)
    return state, tmp_path / "mtcnn.npz"


@pytest.mark.parametrize(("net", "size"), [("pnet", (15, 20)), ("rnet", (24, 24)), ("onet", (48, 48))])
def test_upright_nets_say_of_a_picture_what_the_published_ones_say_of_it_on_its_side(saved, net, size):
    state, path = saved
    picture = np.random.default_rng(1).random((1, *size, 3), np.float32)
    with tc.no_grad():
        got = getattr(load_mtcnn(path), net)(picture).data
        expected = run_published(state, net, picture.swapaxes(1, 2).copy())
        upright = run_published(state, net, picture)
    expected = expected.swapaxes(1, 2) if net == "pnet" else expected
    np.testing.assert_allclose(got, expected, atol=2e-4)
    assert net == "pnet" or np.abs(upright - expected).max() > 0.1  # to swap the axes matters


@pytest.mark.parametrize(("size", "cells"), [((12, 12), (1, 1)), ((13, 14), (2, 2)), ((30, 21), (10, 6))])
def test_pnet_has_a_cell_for_each_window_of_12_pixels_2_apart(size, cells):
    heads = MTCNN(np.random.default_rng(0)).pnet(np.zeros((1, *size, 3), np.float32))
    assert heads.shape == (1, *cells, 6)


def test_rnet_and_onet_give_two_logits_four_edges_and_onet_ten_coordinates():
    nets = MTCNN(np.random.default_rng(0))
    assert nets.rnet(np.zeros((3, 24, 24, 3), np.float32)).shape == (3, 6)
    assert nets.onet(np.zeros((3, 48, 48, 3), np.float32)).shape == (3, 16)


def test_loaded_nets_are_frozen_and_do_not_train(saved):
    nets = load_mtcnn(saved[1])
    assert len(nets.parameters()) == len(saved[0])
    assert not any(parameter.requires_grad for parameter in nets.parameters())
    assert not nets.onet.training


def test_weights_that_are_not_mtcnns_are_refused_and_named(tmp_path):
    state = published_state(np.random.default_rng(0))
    state["rnet.conv4.weights"] = state["rnet.conv4.weights"][:-1]
    state["onet.conv7.biases"] = np.zeros(3, np.float32)
    del state["pnet.PReLU2.alpha"]
    np.savez(tmp_path / "mtcnn.npz", **state)
    with assert_refused("does not hold the weights of MTCNN") as caught:
        load_mtcnn(tmp_path / "mtcnn.npz")
    for fault in ("onet.conv7.bias is not expected", "pnet.prelu2.weight is missing", "rnet.dense4.weight has shape (575, 128)"):
        assert fault in str(caught.value)
    with assert_refused("does not exist"):
        load_mtcnn(tmp_path / "absent.npz")
