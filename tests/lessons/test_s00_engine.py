"""The lesson's small engine beside tinyconv's: the same graphs, the same gradients."""

from __future__ import annotations

import ast
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinyconv as tc
from lessons.course import find
from lessons.machinery.cells import read_cells

PIECES = {"births", "Value", "as_value", "add", "multiply", "unbroadcast", "backward", "exp", "relu", "matmul", "total"}
SHAPES = [(), (1,), (3,), (2, 1), (2, 3), (1, 3), (4, 1, 3)]  # all broadcast together


def _pieces():
    """The source of the engine's parts, cut out of the lesson, and the imports they need."""
    pieces = {}
    for cell in read_cells(find("s00").path):
        for node in ast.parse(cell.text).body if cell.is_code else []:
            names = {node.targets[0].id} if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) else set()
            names |= {node.name} if isinstance(node, ast.ClassDef | ast.FunctionDef) else set()
            if names & PIECES:
                pieces[names.pop()] = ast.get_source_segment(cell.text, node)
    return pieces


@pytest.fixture(scope="module")
def engine():
    """The engine's parts alone, run in an empty room: nothing else of the lesson can help them."""
    pieces = _pieces()
    assert set(pieces) == PIECES
    namespace = {}
    exec("import heapq, itertools\nimport numpy as np\n" + "\n\n".join(pieces.values()), namespace)
    return namespace


def test_engine_has_at_most_sixty_lines_and_the_lesson_counts_them_right(quick_run):
    lines = sum(bool(line.strip()) for source in _pieces().values() for line in source.splitlines())
    assert lines <= 60
    text = "".join(outcome.text for outcome in quick_run("s00").outcomes)
    assert re.search(r"The engine has (\d+) lines", text)[1] == str(lines)


def _ours(engine, arrays, program):
    return _grow(program, [engine["Value"](a) for a in arrays], engine["exp"], engine["relu"])


def _theirs(arrays, program):
    return _grow(program, [tc.tensor(a, requires_grad=True) for a in arrays], tc.exp, tc.relu)


def _grow(program, leaves, exp, relu):
    """Leaves, and the last value of a program: steps (operation, i, j) on values made before, by position."""
    operations = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "exp": lambda a, _: exp(a * 0.1),
                  "relu": lambda a, _: relu(a), "number": lambda a, _: 0.5 * a + 1.5}
    values = list(leaves)
    for operation, i, j in program:
        values.append(operations[operation](values[i % len(values)], values[j % len(values)]))
    return leaves, values[-1]


def _compare(engine, arrays, program):
    leaves, y = _ours(engine, arrays, program)
    engine["backward"](engine["total"](y))
    tensors, z = _theirs(arrays, program)
    grads = tc.grad(z.sum(), tensors) if z.requires_grad else []
    np.testing.assert_array_equal(y.data, z.data)
    for leaf, grad in zip(leaves, grads, strict=True):
        mine = np.zeros(leaf.data.shape) if leaf.grad is None else leaf.grad
        assert mine.shape == grad.shape
        np.testing.assert_allclose(mine, grad.data, rtol=1e-10, atol=1e-10)


steps = st.tuples(st.sampled_from(["+", "-", "*", "exp", "relu", "number"]), st.integers(0, 9), st.integers(0, 9))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3), st.lists(steps, min_size=1, max_size=9), st.integers(0, 99))
def test_random_graphs_with_sharing_and_broadcasting_have_equal_gradients(engine, shapes, program, seed):
    rng = np.random.default_rng(seed)
    _compare(engine, [rng.uniform(-1.5, 1.5, shape) for shape in shapes], program)


def test_comparison_rejects_a_wrong_rule(engine):
    def wrong(a, b):
        a, b = engine["as_value"](a), engine["as_value"](b)
        return engine["Value"](a.data * b.data, (a, b), (lambda g: g * b.data, lambda g: -g * a.data))

    right = engine["multiply"]
    engine["multiply"] = wrong
    try:
        with pytest.raises(AssertionError):
            _compare(engine, [np.array([0.5, 2.0]), np.array(3.0)], [("*", 0, 1)])
    finally:
        engine["multiply"] = right


def test_layer_with_matmul_has_equal_gradients(engine):
    rng = np.random.default_rng(3)
    arrays = [rng.normal(size=shape) for shape in [(4, 3), (3, 2), (2,)]]
    ours = [engine["Value"](a) for a in arrays]
    engine["backward"](engine["total"](engine["relu"](engine["matmul"](ours[0], ours[1]) + ours[2])))
    theirs = [tc.tensor(a, requires_grad=True) for a in arrays]
    tc.relu(theirs[0] @ theirs[1] + theirs[2]).sum().backward()
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(our.grad, their.grad, rtol=1e-12)


def test_chain_of_twenty_thousand_steps_needs_no_stack(engine):
    arrays = [np.array([0.25, -1.0])]
    _compare(engine, arrays, [("number", i, 0) for i in range(3)])
    leaf = engine["Value"](arrays[0])
    y = leaf
    for _ in range(20_000):
        y = y + 1.0
    engine["backward"](y)
    np.testing.assert_array_equal(leaf.grad, [1.0, 1.0])


def test_forty_doublings_add_every_path_once(engine):
    x = engine["Value"](1.0)
    y = x
    for _ in range(40):
        y = y + y
    engine["backward"](y)
    assert x.grad == 2.0**40


def test_array_on_the_left_reaches_the_engine(engine):
    x = engine["Value"]([1.0, 2.0])
    y = np.array([3.0, 4.0]) * x
    engine["backward"](y)
    np.testing.assert_array_equal(x.grad, [3.0, 4.0])
