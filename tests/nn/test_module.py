"""Parameters are found by reflection, each once; a Sequential runs what is asked for, no more; loading is all or nothing."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.nn import Conv2d, Linear, Module, ReLU, Sequential


def rng():
    return np.random.default_rng(0)


class Branches(Module):
    """Parameters in every place a module may hold them."""

    def __init__(self):
        self.scale = tc.Parameter([1.0])
        self.first = Linear(2, 3, rng=rng())
        self.many = [Linear(3, 3, bias=False, rng=rng()), (tc.Parameter([2.0]), "text", None)]
        self.named = {"left": Linear(3, 1, bias=False, rng=rng()), "size": 3}
        self.again = self.first
        self.also_scale = self.scale
        self.constant = tc.tensor([1.0])


def test_parameters_are_named_in_the_order_they_were_set_each_once():
    net = Branches()
    assert [name for name, _ in net.named_parameters()] == ["scale", "first.weight", "first.bias", "many.0.weight", "many.1.0",
                                                            "named.left.weight"]
    assert net.parameters()[0] is net.scale
    assert len({id(p) for p in net.parameters()}) == 6


def test_siamese_towers_share_one_set_of_parameters():
    tower = Sequential(conv=Conv2d(1, 2, 3, rng=rng()), relu=ReLU())
    pair = Sequential(left=tower, right=tower)
    assert [name for name, _ in pair.named_parameters()] == ["left.conv.weight", "left.conv.bias"]


def test_gradient_of_shared_tower_is_the_sum_of_both_uses():
    tower = Linear(2, 1, bias=False, rng=rng())
    (tower(np.array([[1.0, 2.0]], np.float32)) + 3 * tower(np.array([[10.0, 20.0]], np.float32))).sum().backward()
    assert tower.weight.grad.tolist() == [[31], [62]]


def test_freeze_switches_every_parameter_off():
    net = Branches()
    assert net.freeze() is net
    assert not any(p.requires_grad for p in net.parameters())
    assert not net.first(np.ones((1, 2), np.float32)).requires_grad


def test_a_module_without_forward_says_so():
    with pytest.raises(NotImplementedError, match=r"Branches defines no forward\(x\)"):
        Branches()(1)


def test_state_and_load_state_are_inverse():
    first, second = Branches(), Branches()
    for p in first.parameters():
        p.assign(p.data + 1)
    state = first.state()
    assert second.load_state(state) is second
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        np.testing.assert_array_equal(a.data, b.data)
        assert b.version == 1
    assert not any(array.flags.writeable for array in state.values())


def test_load_state_lists_every_mismatch_and_loads_nothing():
    net = Branches()
    before = {name: array.copy() for name, array in net.state().items()}
    state = {name: array + 1 for name, array in before.items()}
    del state["scale"]
    state["first.bias"] = np.ones(5)
    state["many.1.0"] = np.array([np.nan])
    state["named.left.weight"] = np.array([["a"], ["b"], ["c"]])
    state["extra"] = np.ones(1)
    with pytest.raises(tc.ShapeError) as caught:
        net.load_state(state)
    message = str(caught.value)
    assert message.startswith("Branches.load_state: ")
    for fault in ("scale is missing", "extra is not expected", "first.bias has shape (5,), expected (3,)",
                  "many.1.0 has values that are not finite", "named.left.weight has values that are not finite"):
        assert fault in message
    assert all(p.version == 0 for p in net.parameters())
    assert all(np.array_equal(array, before[name]) for name, array in net.state().items())


def test_loaded_values_take_the_parameters_dtype():
    net = Linear(2, 3, rng=rng())
    net.load_state({name: array.astype(np.float16) for name, array in net.state().items()})
    assert all(p.dtype == np.float32 for p in net.parameters())


def test_a_deep_copy_of_a_module_trains_by_itself():
    net = Linear(2, 1, rng=rng())
    twin = copy.deepcopy(net)
    x = np.ones((3, 2), np.float32)
    (net(x) * twin(x)).sum().backward()
    assert net.weight.grad is not None
    assert twin.weight.grad is not None
    twin.weight.assign(twin.weight.data * 0)
    assert net.weight.data.any()


def broken(x):
    raise AssertionError("this layer must not run")


def test_collect_returns_named_outputs_in_order_and_stops_after_the_last():
    net = Sequential(double=lambda x: x * 2, plus=lambda x: x + 1, relu=tc.relu, broken=broken)
    found = net.collect(tc.tensor([-1.0, 2.0]), ["relu", "double"])
    assert list(found) == ["double", "relu"]
    assert found["double"].data.tolist() == [-2, 4]
    assert found["relu"].data.tolist() == [0, 5]
    assert Sequential(broken=broken).collect(tc.tensor([1.0]), []) == {}


def test_collect_names_unknown_children():
    with pytest.raises(tc.ShapeError, match="collect: relu7, relu9 unknown, expected some of double, relu"):
        Sequential(double=lambda x: x * 2, relu=tc.relu).collect(tc.tensor([1.0]), ["relu9", "relu", "relu7"])


def test_sequential_finds_its_children_by_name_and_runs_them_in_order():
    double = Linear(1, 1, rng=rng())
    net = Sequential(double=double, plus=lambda x: x + 1)
    assert net["double"] is double
    assert [name for name, _ in net.children()] == ["double", "plus"]
    np.testing.assert_allclose(net(np.ones((1, 1), np.float32)).data, double.weight.data + 1)
