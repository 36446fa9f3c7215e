"""Train and evaluation mode, buffers and generators; copies and pickles of modules; what a state may be called."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import tinyconv as tc
from tests.refusal import assert_refused
from tinyconv import nn

DUPLICATES = [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))]


def rng():
    return np.random.default_rng(0)


def normal(*shape):
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


def mixed():
    shared, tower = rng(), nn.Conv1d(3, 3, 1, rng=rng())
    return nn.Sequential(norm=nn.BatchNorm(3), left=tower, first=nn.Dropout(0.5, rng=shared),
                         inner=nn.Sequential(second=nn.Dropout(0.2, rng=shared), own=nn.Dropout(0.3, rng=rng())),
                         relu=tc.relu, right=tower)


def test_train_and_eval_reach_every_module_and_return_the_net():
    net = mixed()
    assert all(module.training for _, module in net.named_modules())
    assert net.eval() is net
    assert not any(module.training for _, module in net.named_modules())
    assert net.train() is net
    assert all(module.training for _, module in net.named_modules())
    assert [name for name, _ in net.named_modules()] == ["", "norm", "left", "first", "inner", "inner.second", "inner.own"]
    assert [name for name, _ in net["norm"].eval().children()] == [
        "weight", "bias", "eps", "momentum", "running_mean", "running_var"]


def test_buffers_are_in_the_state_and_not_among_the_parameters():
    net = mixed()
    assert list(net.state()) == ["norm.weight", "norm.bias", "norm.running_mean", "norm.running_var", "left.weight", "left.bias"]
    assert len(net.parameters()) == 4
    assert [name for name, _ in net.named_buffers()] == ["norm.running_mean", "norm.running_var"]
    assert net.buffers()[0] is net["norm"].running_mean
    assert not any(array.flags.writeable for array in net.state().values())


def test_generators_are_named_once_each():
    net = mixed()
    assert list(net.generators()) == ["first.rng", "inner.own.rng"]
    assert net.generators()["first.rng"] is net["inner"]["second"].rng


def test_batch_norm_follows_the_batches_while_it_trains_and_records():
    net = nn.BatchNorm(2, momentum=0.25)
    x = np.array([[1, 10], [3, 20], [5, 60]], np.float32)
    np.testing.assert_allclose(net(x).data.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(net.running_mean.data, 0.25 * np.array([3, 30]), rtol=1e-6)
    np.testing.assert_allclose(net.running_var.data, 0.75 + 0.25 * np.array([4, 700]), rtol=1e-6)
    net(x)
    np.testing.assert_allclose(net.running_mean.data, (0.75 * 0.25 + 0.25) * np.array([3, 30]), rtol=1e-6)
    before = net.state()
    with tc.no_grad():
        net(x)
    net.eval()
    y = net(x)
    for name, array in net.state().items():
        assert array is before[name]
    np.testing.assert_allclose(y.data, (x - net.running_mean.data) / np.sqrt(net.running_var.data + 1e-5), rtol=1e-5)
    assert net(x[:1]).shape == (1, 2)
    assert net(x[:0]).shape == (0, 2)


def test_freeze_stops_gradients_and_eval_stops_statistics():
    net = nn.BatchNorm(3).freeze()
    assert not net(normal(5, 3)).requires_grad
    assert net.running_mean.data.any()
    still = nn.BatchNorm(3).eval()
    assert still(normal(5, 3)).requires_grad
    assert not still.running_mean.data.any()


def test_batch_norm_in_double_precision_takes_its_statistics_along():
    net = nn.BatchNorm(3)
    net.weight, net.bias = tc.Parameter(np.ones(3)), tc.Parameter(np.zeros(3))
    x = normal(4, 5, 3).astype(np.float64)
    assert net(x).dtype == net.eval()(x).dtype == np.float64


def test_dropout_draws_in_train_mode_only():
    net = nn.Dropout(0.5, rng=rng())
    x = np.ones((4, 50), np.float32)
    np.testing.assert_array_equal(net(x).data, tc.dropout(x, 0.5, rng()).data)
    state = net.rng.bit_generator.state
    np.testing.assert_array_equal(net.eval()(x).data, x)
    assert net.rng.bit_generator.state == state


@pytest.mark.parametrize("wrong", [{"rate": 1.0, "rng": rng()}, {"rate": -0.1, "rng": rng()}, {"rate": 0.5, "rng": 3}])
def test_dropout_refuses_a_wrong_rate_or_generator_when_it_is_built(wrong):
    with pytest.raises(tc.DataError, match="dropout: r"):
        nn.Dropout(**wrong)


def test_load_state_checks_buffers_and_loads_nothing_if_one_is_wrong():
    net = mixed()
    state = {name: array + 1 for name, array in net.state().items()}
    assert net.load_state(state) is net
    np.testing.assert_array_equal(net["norm"].running_var.data, [2, 2, 2])
    bad = {**state, "norm.running_mean": np.full(3, np.nan), "norm.running_var": np.ones(4), "left.bias": np.full(3, 1e300),
           "norm.bias": [[1], [2, 3]]}
    del bad["norm.weight"]
    with assert_refused(error=tc.ShapeError) as caught:
        net.load_state(bad)
    for fault in ("norm.weight is missing", "norm.running_mean has values that are not finite",
                  "norm.running_var has shape (4,), expected (3,)", "left.bias has values that are not finite",
                  "norm.bias has shape (), expected (3,)"):
        assert fault in str(caught.value)
    for name, array in net.state().items():
        np.testing.assert_array_equal(array, state[name])


def test_names_that_clash_by_their_dots_are_refused():
    net = nn.Sequential(**{"a": nn.Sequential(b=nn.PReLU()), "a.b": nn.PReLU()})
    for ask in (net.state, net.parameters, net.train):
        with pytest.raises(tc.ShapeError, match=r"two things are called a\.b"):
            ask()
    assert list(nn.Sequential(**{"a.b": nn.PReLU()}).state()) == ["a.b.weight"]


def test_a_module_that_knows_its_parent_is_walked_once():
    net = nn.Sequential(inner=nn.PReLU())
    net["inner"].parent = net
    assert list(net.state()) == ["inner.weight"]
    net.eval()
    assert not net["inner"].training


@pytest.mark.parametrize("duplicate", DUPLICATES)
def test_copies_of_a_module_are_equal_and_independent(duplicate):
    net = mixed()
    net["left"].weight.assign(net["left"].weight.data + 1)
    net["left"].bias.requires_grad = False
    x = normal(4, 6, 3)
    net(x).sum().backward()
    twin = duplicate(net)
    assert list(twin.state()) == list(net.state())
    for name, array in twin.state().items():
        np.testing.assert_array_equal(array, net.state()[name])
        assert not array.flags.writeable
    assert twin["left"] is twin["right"]
    assert twin["left"].weight.version == 1
    assert not twin["left"].bias.requires_grad
    assert twin["first"].rng is twin["inner"]["second"].rng is not net["first"].rng
    np.testing.assert_array_equal(twin(x).data, net(x).data)
    twin["left"].weight.assign(twin["left"].weight.data * 0)
    twin(x)
    assert net["left"].weight.data.any()
    assert net["norm"].running_mean.data.tolist() != twin["norm"].running_mean.data.tolist()
    assert not duplicate(net.eval()).training


def test_a_buffer_takes_values_of_its_shape_only():
    buffer = nn.Buffer(np.zeros(2, np.float32))
    buffer.assign([1, 2])
    assert buffer.data.tolist() == [1, 2]
    assert buffer.dtype == np.float32
    with pytest.raises(tc.ShapeError, match=r"Buffer\.assign: got shape \(3,\), expected \(2,\)"):
        buffer.assign([1, 2, 3])
    with pytest.raises(ValueError, match="read-only"):
        buffer.data[0] = 5
