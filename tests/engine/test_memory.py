"""Memory returns when the loss is dropped, with the garbage collector switched off: there are no reference cycles."""

from __future__ import annotations

import contextlib
import gc
import weakref
from collections.abc import Iterator

import numpy as np
import pytest

import tinyconv as tc


@pytest.fixture(autouse=True)
def collector_off() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def network():
    """A loss through most kinds of operation, and weak references to values inside its graph."""
    rng = np.random.default_rng(0)
    x = tc.tensor(rng.standard_normal((2, 6, 6, 3)), requires_grad=True)
    w = tc.Parameter(rng.standard_normal((3, 3, 3, 4)))
    features = tc.relu(tc.conv2d(x, w, padding=1))
    pooled = tc.max_pool2d(features, 2)
    vector = tc.concatenate([pooled.mean(axis=(1, 2)), tc.max(pooled, axis=(1, 2))], axis=1)
    loss = tc.cross_entropy(tc.exp(vector[:, ::2] / 10) * vector[:, 1::2], [0, 3])
    inside = [features._node, features.data, pooled._node, vector._node, vector.data, loss._node]
    return x, w, loss, [weakref.ref(thing) for thing in inside]


def alive(references):
    return sum(reference() is not None for reference in references)


def test_dropping_the_loss_releases_the_graph():
    x, w, loss, inside = network()
    assert alive(inside) > 0
    del loss
    assert alive(inside) == 0
    assert x.grad is None
    assert w.grad is None


def test_backward_releases_saved_values_while_the_loss_lives():
    x, w, loss, inside = network()
    values = [reference for reference in inside if isinstance(reference(), np.ndarray)]
    assert alive(values) > 0
    loss.backward()
    assert alive(values) == 0
    assert loss.item() > 0
    assert x.grad.shape == x.shape
    assert w.grad.shape == w.shape


def test_backward_releases_values_and_gradients_as_it_passes():
    seen = []

    @tc.primitive
    def first(x):
        return x * 1

    def rule(g):
        seen.append(alive(inside))
        return g

    first.vjp(rule)
    x = tc.tensor(np.ones((8, 8)), requires_grad=True)
    early = first(x)
    features = tc.exp(early)
    late = tc.exp(features)
    inside = [weakref.ref(features.data), weakref.ref(late.data)]
    loss = (late * late).sum()
    del early, features, late
    loss.backward()
    assert seen == [0]
    assert x.grad.shape == (8, 8)


def test_backward_forgets_every_saved_value_and_parameter():
    x = tc.Parameter([1.0, 2.0])
    h = x * 3
    loss = (h * h).sum()
    reference = weakref.ref(x)
    loss.backward()
    assert loss._node.saved is None
    del x, h
    assert reference() is None


def test_dropping_a_gradient_with_graph_releases_it():
    x = tc.tensor(np.array([1.0, 2.0]), requires_grad=True)
    g = tc.grad((x**4).sum(), x, create_graph=True)
    inside = [weakref.ref(g._node), weakref.ref(g.data)]
    del g
    assert alive(inside) == 0


@pytest.mark.parametrize("use", ["forward", "backward", "grad", "second order", "debug", "failure"])
def test_nothing_is_left_for_the_garbage_collector(use):
    def run():
        x, w, loss, _ = network()
        if use == "backward":
            loss.backward()
        elif use == "grad":
            tc.grad(loss, [x, w])
        elif use == "second order":
            (tc.grad(loss, w, create_graph=True) ** 2).sum().backward()
        elif use == "debug":
            with tc.debug():
                network()[2].backward()
        elif use == "failure":
            w.assign(w.data)
            with contextlib.suppress(tc.GradientError):
                loss.backward()

    run()
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        run()
        gc.collect()
        left = [thing for thing in gc.garbage if isinstance(thing, tc.Tensor | tc.engine.Node | np.ndarray)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
    assert left == []


def test_a_node_does_not_know_its_tensor():
    x = tc.tensor([1.0], requires_grad=True)
    y = tc.exp(x)
    node, reference = y._node, weakref.ref(y)
    del y
    assert node.op is tc.exp
    assert reference() is None
