"""The architectures of published nets: sizes on the way, names, numbers of weights, and weights from outside."""

from __future__ import annotations

import numpy as np
import pytest

import tinyconv as tc
from tests.refusal import assert_refused
from tinyconv.models.convnet import conv4, signal_net, volume_net
from tinyconv.models.koch import difference, koch_net
from tinyconv.models.mobilefacenet import PARTS, load_mobilefacenet, mobilefacenet
from tinyconv.models.siamese import siamese_net
from tinyconv.models.vgg import vgg19_features, vgg_cifar10
from tinyconv.nn import BatchNorm, Residual


def zeros(*shape):
    return np.zeros(shape, np.float32)


def rng():
    return np.random.default_rng(0)


def weights(net):
    return sum(parameter.size for parameter in net.parameters())


def test_conv4_turns_28_pixels_into_64_numbers():
    net = conv4(1, rng())
    assert list(net.layers)[:5] == ["conv1", "norm1", "relu1", "pool1", "conv2"]
    assert net(zeros(2, 28, 28, 1)).shape == (2, 64)
    assert weights(net) == 576 + 3 * 64 * 64 * 9 + 4 * 128  # batch norm makes a bias superfluous


def test_signal_net_keeps_the_length_and_volume_net_halves_it_twice():
    signals = signal_net(5, 3, rng())
    assert signals.collect(zeros(2, 21, 1), ["relu3"])["relu3"].shape == (2, 21, 128)
    assert signals(zeros(2, 21, 1)).shape == (2, 3)
    volumes = volume_net(2, rng())
    assert volumes.collect(zeros(1, 8, 12, 8, 1), ["relu3"])["relu3"].shape == (1, 2, 3, 2, 64)
    assert "pool3" not in volumes.layers


def test_koch_net_has_the_sizes_of_the_paper():
    net = koch_net(rng())
    seen = net.collect(zeros(2, 105, 105, 1), ["relu1", "pool1", "pool2", "pool3", "relu4", "sigmoid", "score"])
    sizes = [(96, 96, 64), (48, 48, 64), (21, 21, 128), (9, 9, 128), (6, 6, 256), (4096,), (1,)]
    assert [y.shape[1:] for y in seen.values()] == sizes
    assert seen["score"].shape == (1, 1)


def test_siamese_net_is_one_tower_for_all_pictures():
    net = siamese_net((20, 17), 3, rng())
    faces = rng().random((4, 20, 17, 3), np.float32)
    together = net(faces).data
    assert together.shape == (4, 128)
    np.testing.assert_allclose(net(faces[1:3]).data, together[1:3], rtol=1e-4, atol=1e-6)
    with assert_refused(r"siamese_net: size is \(20, 7\), expected a height and a width of at least 8", tc.ShapeError):
        siamese_net((20, 7), 3, rng())


def test_difference_pairs_the_first_half_with_the_second():
    points = np.array([[1, 2], [3, 4], [5, 0], [3, 1]], np.float32)
    np.testing.assert_array_equal(difference(tc.tensor(points)).data, [[4, 2], [0, 3]])
    with assert_refused(r"got points of shape \(3, 2\), expected \(2 N, features\)", tc.ShapeError):
        difference(tc.tensor(points[:3]))


def test_vgg19_ends_at_relu5_1_and_names_its_layers_as_the_style_papers_do():
    net = vgg19_features(rng())
    assert list(net.layers)[:5] == ["normalise", "conv1_1", "relu1_1", "conv1_2", "relu1_2"]
    convolutions = [name for name in net.layers if name.startswith("conv")]
    assert len(convolutions) == 13
    assert convolutions[-1] == "conv5_1"
    assert net(zeros(1, 32, 48, 3)).shape == (1, 2, 3, 512)


@pytest.mark.parametrize(("configuration", "convolutions"), [("A", 8), ("B", 10), ("D", 13), ("E", 16)])
def test_vgg_of_cifar10_has_the_paper_s_number_of_convolutions(configuration, convolutions):
    net = vgg_cifar10(rng(), configuration, classes=7)
    assert sum(name.startswith("conv") for name in net.layers) == convolutions
    assert sum(isinstance(layer, BatchNorm) for layer in net.layers.values()) == convolutions
    assert net.eval()(zeros(1, 32, 32, 3)).shape == (1, 7)


@pytest.fixture(scope="module")
def face_net():
    return mobilefacenet(rng()).eval()


def test_mobilefacenet_has_the_sizes_of_the_paper(face_net):
    names = ["conv1", "block0", "block5", "block12", "conv2_prelu", "linear7", "flatten"]
    seen = face_net.collect(zeros(1, 112, 96, 3), names)
    sizes = [(56, 48, 64), (28, 24, 64), (14, 12, 128), (7, 6, 128), (7, 6, 512), (1, 1, 512), (128,)]
    assert [y.shape[1:] for y in seen.values()] == sizes
    assert [name for name, layer in face_net.layers.items() if isinstance(layer, Residual)] == [
        f"block{n}" for n in range(15) if n not in (0, 5, 12)]


def test_mobilefacenet_has_a_million_numbers(face_net):
    assert sum(array.size for array in face_net.state().values()) == 1_019_136


def test_mobilefacenet_takes_other_sizes_that_16_divides():
    assert mobilefacenet(rng(), (32, 48)).eval()(zeros(1, 32, 48, 3)).shape == (1, 128)
    with assert_refused(r"size is \(112, 100\)", tc.ShapeError):
        mobilefacenet(rng(), (112, 100))


def published_state(net):
    """The net's arrays under the published names and in PyTorch's layout, as loading must undo them."""
    state = {}
    for name, array in net.state().items():
        layer, _, kind = name.rpartition(".")
        if layer.startswith("block"):
            block, part = layer.replace(".body", "").split(".")
            layer = f"blocks.{block.removeprefix('block')}.conv.{PARTS.index(part)}"
        else:
            head, _, tail = layer.partition("_")
            head = head.replace("depthwise1", "dw_conv1")
            layer = f"{head}.{ {'norm': 'bn', 'prelu': 'prelu', '': 'conv'}[tail]}"
        state[f"{layer}.{kind}"] = array.transpose(3, 2, 0, 1) if array.ndim == 4 else array
    return state


def test_published_names_and_layout_are_converted_at_the_border(face_net, tmp_path):
    np.savez(tmp_path / "faces.npz", **published_state(face_net))
    loaded = load_mobilefacenet(tmp_path / "faces.npz")
    for name, array in loaded.state().items():
        np.testing.assert_array_equal(array, face_net.state()[name])
    assert not any(p.requires_grad for p in loaded.parameters())
    assert not loaded.training


def test_weights_of_another_net_are_refused(face_net, tmp_path):
    state = published_state(face_net)
    state["linear7.conv.weight"] = state["linear7.conv.weight"][:, :, :, :5]
    np.savez(tmp_path / "faces.npz", **state)
    with assert_refused(r"MobileFaceNet for 112 x 96: .*linear7\.weight has shape \(7, 5, 1, 512\)"):
        load_mobilefacenet(tmp_path / "faces.npz")


@pytest.mark.slow
def test_published_weights_separate_known_people(pack):
    net = load_mobilefacenet(pack("weights/mobilefacenet_casia_112x96.npz"))
    with np.load(pack("faces_lfw/lfw_mini_pairs_rgb112x96.npz")) as faces:
        images, pairs, same = faces["images"], faces["pairs"], faces["same"].astype(bool)
    with tc.no_grad():
        points = np.concatenate([net(images[i : i + 32] / np.float32(255)).data for i in range(0, len(images), 32)])
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    cosines = np.sum(points[pairs[:, 0]] * points[pairs[:, 1]], axis=1)
    # found by an independent runtime: 0.39 and 0.24
    assert (cosines[same].min(), cosines[~same].max()) == pytest.approx((0.392, 0.241), abs=0.002)
