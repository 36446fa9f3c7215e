"""What the tests of the catalogue share: every primitive there is, found by reflection, and every node of a graph."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable

import pytest

import tinyconv.ops
from tinyconv import engine
from tinyconv.engine import Node, Primitive, Tensor


def find_primitives() -> list[Primitive]:
    """Every primitive of the engine and of the ops, once."""
    names = [m.name for m in pkgutil.walk_packages(tinyconv.ops.__path__, "tinyconv.ops.")]
    modules = [engine, *map(importlib.import_module, names)]
    return list(dict.fromkeys(v for module in modules for v in vars(module).values() if isinstance(v, Primitive)))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `rule` runs for each gradient rule of each primitive: (primitive, position); `fast_rule` likewise."""
    primitives = find_primitives()
    places = {"rule": [(p, i) for p in primitives for i in range(len(p.rules))],
              "fast_rule": [(p, i) for p in primitives for i in range(len(p.inputs)) if p.fast_rule]}
    for name in places.keys() & set(metafunc.fixturenames):
        metafunc.parametrize(name, places[name], ids=[f"{p.name}-{p.inputs[i]}" for p, i in places[name]])


@pytest.fixture
def primitives() -> list[Primitive]:
    return find_primitives()


@pytest.fixture(scope="session")
def nodes_of() -> Callable[[Tensor], list[Node]]:
    """`nodes_of(y)` is every node that y was made by; leaves are not among them."""

    def nodes(y: Tensor) -> list[Node]:
        found, stack = set(), [y._node]
        while stack:
            node = stack.pop()
            if node is not None and node.op is not None and node not in found:
                found.add(node)
                stack.extend(node.parents)
        return list(found)

    return nodes
