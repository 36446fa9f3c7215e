"""Neighbours in a Sequential work as one where that changes nothing but rounding, and not where somebody looks between them."""

from __future__ import annotations

import copy
import gc
import itertools
import weakref

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import nn
from tinyconv.nn import fusion


def rng():
    return np.random.default_rng(0)


def normal(*shape):
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


def awake(net):
    """Give every parameter and buffer a value that shows."""
    draw = np.random.default_rng(2)
    for value in [*net.parameters(), *net.buffers()]:
        value.assign(draw.uniform(0.3, 1.5, value.shape))
    return net


def one_by_one(net, x):
    for layer in net.layers.values():
        x = layer(x)
    return x


def counts(net, stops=()):
    """How many layers each step joins."""
    ends = [-1, *(number for number, _ in fusion.steps([*net.layers.values()], stops))]
    return [b - a for a, b in itertools.pairwise(ends)]


CASES = {  # net, input, layers joined in training, layers joined by a frozen net in evaluation
    "conv relu": (lambda: nn.Sequential(a=nn.Conv2d(3, 4, 3, rng=rng()), b=nn.ReLU()), (2, 6, 5, 3), [2], [2]),
    "conv, the function relu": (lambda: nn.Sequential(a=nn.Conv2d(3, 4, 3, rng=rng()), b=tc.relu), (2, 6, 5, 3), [2], [2]),
    "conv prelu": (lambda: nn.Sequential(a=nn.Conv1d(3, 4, 3, rng=rng()), b=nn.PReLU(4)), (2, 9, 3), [2], [2]),
    "norm relu": (lambda: nn.Sequential(a=nn.BatchNorm(3), b=nn.ReLU()), (4, 5, 3), [2], [2]),
    "norm prelu": (lambda: nn.Sequential(a=nn.BatchNorm(3), b=nn.PReLU()), (4, 3), [2], [2]),
    "norm relu pool": (lambda: nn.Sequential(a=nn.BatchNorm(3), b=nn.ReLU(), c=nn.MaxPool2d(2)), (2, 5, 6, 3), [3], [2, 1]),
    "norm relu pool, overlapping": (lambda: nn.Sequential(a=nn.BatchNorm(3), b=nn.ReLU(), c=nn.MaxPool1d(3, 2, 1)),
                                    (2, 9, 3), [3], [2, 1]),
    "a block, 3-D": (lambda: nn.Sequential(conv=nn.Conv3d(2, 4, 3, padding=1, rng=rng()), norm=nn.BatchNorm(4), relu=nn.ReLU(),
                                           pool=nn.MaxPool3d(2)), (2, 4, 5, 4, 2), [1, 3], [3, 1]),
    "conv norm": (lambda: nn.Sequential(a=nn.Conv2d(3, 4, 3, bias=False, rng=rng()), b=nn.BatchNorm(4)),
                  (2, 5, 5, 3), [1, 1], [2]),
    "depthwise conv norm prelu conv": (
        lambda: nn.Sequential(a=nn.Conv2d(4, 4, 3, groups=4, stride=2, rng=rng()), b=nn.BatchNorm(4), c=nn.PReLU(4),
                              d=nn.Conv2d(4, 2, 1, rng=rng())), (2, 7, 7, 4), [1, 2, 1], [3, 1]),
    "nothing to join": (lambda: nn.Sequential(a=nn.ReLU(), b=nn.Conv1d(3, 3, 1, rng=rng()), c=nn.Tanh(), d=nn.MaxPool1d(2)),
                        (2, 8, 3), [1, 1, 1, 1], [1, 1, 1, 1]),
}


@pytest.mark.parametrize("case", CASES)
def test_joined_layers_do_in_training_what_each_would_do(case):
    build, shape, joined, _ = CASES[case]
    net = awake(build())
    twin, x = copy.deepcopy(net), normal(*shape)
    assert counts(net) == joined
    y, expected = net(tc.tensor(x, requires_grad=True)), one_by_one(twin, tc.tensor(x, requires_grad=True))
    np.testing.assert_allclose(y.data, expected.data, rtol=1e-4, atol=1e-5)
    g = np.random.default_rng(3).standard_normal(y.shape).astype(np.float32)
    for net_, y_ in ((net, y), (twin, expected)):
        y_.backward(g)
        assert all(p.grad is not None for p in net_.parameters())
    for a, b in zip(net.parameters(), twin.parameters(), strict=True):
        np.testing.assert_allclose(a.grad, b.grad, rtol=1e-3, atol=1e-4)
    for a, b in zip(net.buffers(), twin.buffers(), strict=True):
        np.testing.assert_allclose(a.data, b.data, rtol=1e-6)


@pytest.mark.parametrize("how", ["no_grad", "frozen"])
@pytest.mark.parametrize("case", CASES)
def test_joined_layers_do_in_evaluation_what_each_would_do(case, how):
    build, shape, _, joined = CASES[case]
    net, x = awake(build()).eval(), tc.tensor(normal(*shape), requires_grad=how == "frozen")
    expected = one_by_one(net, x)
    if how == "frozen":
        net.freeze()
        assert counts(net) == joined
        y = net(x)
        np.testing.assert_allclose(tc.grad(y.sum(), x).data, tc.grad(expected.sum(), x).data, rtol=1e-4, atol=1e-4)
    else:
        with tc.no_grad():
            assert counts(net) == joined
            y = net(x)
        assert not y.requires_grad
    np.testing.assert_allclose(y.data, expected.data, rtol=1e-4, atol=1e-4)


def block():
    return awake(nn.Sequential(conv=nn.Conv2d(3, 4, 3, rng=rng()), norm=nn.BatchNorm(4), relu=nn.ReLU(), pool=nn.MaxPool2d(2)))


def test_a_net_that_still_learns_keeps_its_batch_norm_apart():
    net = block().eval()
    assert counts(net) == [1, 2, 1]
    net(normal(1, 6, 6, 3)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    assert counts(net.freeze()) == [3, 1]
    net["norm"].weight.requires_grad = True
    assert counts(net) == [1, 2, 1]
    assert counts(net.train()) == [1, 3]


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize("names", [["conv"], ["norm"], ["relu"], ["conv", "relu"], ["norm", "pool"], ["pool"], []], ids=str)
def test_what_is_asked_for_is_never_joined_over(names, mode):
    net = getattr(block().freeze(), mode)()
    x, expected = normal(2, 6, 6, 3), {}
    y, twin = x, copy.deepcopy(net)
    for name, layer in twin.layers.items():
        y = expected[name] = layer(y)
    found = net.collect(x, names)
    assert list(found) == names
    for name in names:
        np.testing.assert_allclose(found[name].data, expected[name].data, rtol=1e-4, atol=1e-5)


def test_a_pattern_never_reaches_beyond_the_last_layer():
    layers = [nn.Conv1d(1, 1, 1, rng=rng()), nn.ReLU()]
    assert [number for number, _ in fusion.steps(layers)] == [1]
    assert list(fusion.steps([])) == []


def test_whoever_looks_at_layers_sees_each_of_them():
    net = block()
    assert [row.name for row in nn.summary(net, (1, 6, 6, 3)).rows] == ["conv", "norm", "relu", "pool"]
    with tc.debug():
        assert counts(net) == [1, 1, 1, 1]
        assert net(normal(2, 6, 6, 3)).shape == (2, 2, 2, 4)
    assert counts(net) == [1, 3]


class Doubled(nn.ReLU):
    """No ReLU any more."""

    def forward(self, x):
        return tc.relu(x) * 2


def test_a_layer_with_a_forward_of_its_own_is_left_alone():
    net = nn.Sequential(conv=nn.Conv1d(1, 2, 1, rng=rng()), doubled=Doubled())
    x = normal(2, 5, 1)
    assert counts(net) == [1, 1]
    np.testing.assert_array_equal(net(x).data, one_by_one(net, x).data)
    patched = nn.Sequential(conv=nn.Conv1d(1, 2, 1, rng=rng()), relu=nn.ReLU())
    patched["relu"].forward = lambda x: x * 3
    assert counts(patched) == [1, 1]
    np.testing.assert_array_equal(patched(x).data, 3 * patched["conv"](x).data)


CHANGES = {
    "weight": lambda net: net["conv"].weight.assign(net["conv"].weight.data * 2),
    "norm's bias": lambda net: net["norm"].bias.assign(np.ones(4)),
    "running variance": lambda net: net["norm"].running_var.assign(np.full(4, 3.0)),
    "eps": lambda net: setattr(net["norm"], "eps", 0.5),
    "no bias any more": lambda net: setattr(net["conv"], "bias", None),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_fold_is_made_once_for_each_value(change):
    net, x = block().freeze().eval(), normal(1, 6, 6, 3)
    net(x)
    first = fusion._folds[net["conv"]]
    net(x)
    assert fusion._folds[net["conv"]] is first
    CHANGES[change](net)
    np.testing.assert_allclose(net(x).data, one_by_one(net, x).data, rtol=1e-4, atol=1e-5)
    assert fusion._folds[net["conv"]] is not first


def test_a_fold_goes_with_its_layer():
    net = block().freeze().eval()
    net(normal(1, 6, 6, 3))
    memory, conv = weakref.ref(fusion._folds[net["conv"]].weight.data), weakref.ref(net["conv"])
    del net
    gc.collect()
    assert conv() is None
    assert memory() is None


def test_layers_that_do_not_fit_say_so_themselves():
    net = nn.Sequential(conv=nn.Conv1d(1, 2, 1, rng=rng()), norm=nn.BatchNorm(3)).freeze().eval()
    with pytest.raises(tc.ShapeError, match=r"batch_norm: mean has shape \(3,\), expected \(2,\)"):
        net(normal(2, 5, 1))
    net = nn.Sequential(conv=nn.Conv1d(1, 2, 1, rng=rng()), norm=nn.BatchNorm(2)).freeze().eval()
    net["norm"].running_var.assign([-1, 1])
    with pytest.raises(tc.DataError, match="negative value"):
        net(normal(2, 5, 1))
    net = nn.Sequential(norm=nn.BatchNorm(2), relu=nn.ReLU(), pool=nn.MaxPool1d(9))
    with pytest.raises(tc.ShapeError, match="max_pool1d: a window of 9 does not fit"):
        net(normal(2, 5, 2))
