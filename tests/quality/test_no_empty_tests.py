"""Every test can fail: it asserts something, about two different things, and is not skipped without a reason."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

RAISING = ("raises", "warns", "deprecated_call")  # pytest's
COMPARING = ("assert_", "array_equal", "allclose", "array_equiv", "isclose")  # NumPy's: the first two arguments are compared

Function = (ast.FunctionDef, ast.AsyncFunctionDef)


def empty_tests(source: str) -> list[tuple[int, str]]:
    """(line, what is wrong) for every test of a file that cannot fail, or never runs."""
    tree = ast.parse(source)
    asserting = _asserting_functions(tree)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, Function) and node.name.startswith("test"):
            if not _asserts(node, asserting):
                found.append((node.lineno, f"{node.name} asserts nothing"))
            if any(_calls(statement, "skip") for statement in node.body):
                found.append((node.lineno, f"{node.name} is always skipped"))
        found += [(node.lineno, problem) for problem in _compares_with_itself(node) + _skips_without_reason(node)]
    found += [(node.lineno, "the whole file is always skipped") for node in tree.body if _calls(node, "skip")]
    return sorted(found)


def _asserting_functions(tree: ast.Module) -> set[str]:
    """Functions of this file that assert, directly or through each other."""
    functions = [node for node in ast.walk(tree) if isinstance(node, Function)]
    known: set[str] = set()
    while True:
        more = {node.name for node in functions if _asserts(node, known)}
        if more == known:
            return known
        known = more


def _asserts(function: ast.AST, asserting: set[str]) -> bool:
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            name = _name(node)
            if name in RAISING or name in asserting or name.lstrip("_").startswith(("assert", "check")):
                return True
    return False


def _name(call: ast.Call) -> str:
    """`skip` of `pytest.skip(...)`, of `pytest.mark.skip(...)` and of `skip(...)`."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id if isinstance(call.func, ast.Name) else ""


def _calls(node: ast.stmt, name: str) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _name(node.value) == name


def _compares_with_itself(node: ast.AST) -> list[str]:
    """The same expression on both sides proves nothing, unless a call in it could give another answer the second time."""
    if isinstance(node, ast.Assert):
        if isinstance(node.test, (ast.Constant, ast.Tuple)):
            return [f"`{ast.unparse(node)}` is always true"]
        tests = [test for test in ast.walk(node.test) if isinstance(test, ast.Compare)]
        pairs = [pair for test in tests for pair in zip([test.left, *test.comparators], test.comparators, strict=False)]
    elif isinstance(node, ast.Call) and _name(node).startswith(COMPARING) and len(node.args) > 1:
        pairs = [(node.args[0], node.args[1])]
    else:
        return []
    return [f"`{ast.unparse(a)}` is compared with itself" for a, b in pairs
            if ast.dump(a) == ast.dump(b) and not any(isinstance(part, ast.Call) for part in ast.walk(a))]


def _skips_without_reason(node: ast.AST) -> list[str]:
    problems = []
    if isinstance(node, ast.Call) and _name(node) in ("skip", "skipif", "xfail"):
        given = {keyword.arg for keyword in node.keywords}
        on_top = isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value).endswith("mark")
        has_text = "reason" in given or (not on_top and bool(node.args)) or (_name(node) == "skip" and bool(node.args))
        if not has_text:
            problems.append(f"{_name(node)} gives no reason")
    for mark in getattr(node, "decorator_list", []):
        name = ast.unparse(mark.func if isinstance(mark, ast.Call) else mark)
        if name.endswith("mark.skip"):
            problems.append(f"{node.name} is always skipped")
        elif name.endswith(("mark.skipif", "mark.xfail")) and not isinstance(mark, ast.Call):
            problems.append(f"{name} gives no reason")
    return problems


def test_every_test_of_the_project_can_fail():
    files = sorted((ROOT / "tests").rglob("*.py"))
    assert Path(__file__) in files
    found = [f"{path.relative_to(ROOT)}:{line}: {problem}" for path in files
             for line, problem in empty_tests(path.read_text(encoding="utf-8"))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("source", "problem"), [
    ("def test_a():\n    f(1)", "test_a asserts nothing"),
    ("class TestA:\n    def test_a(self):\n        print('fine')", "test_a asserts nothing"),
    ("def show(x):\n    print(x)\ndef test_a():\n    show(1)", "test_a asserts nothing"),
    ("def test_a():\n    assert True", "`assert True` is always true"),
    ("def test_a():\n    assert (x == 1, 'message')", "is always true"),
    ("def test_a():\n    assert x == x", "`x` is compared with itself"),
    ("def test_a():\n    assert a.b[0] <= a.b[0]", "`a.b[0]` is compared with itself"),
    ("def test_a():\n    assert ok and (1 < y == y)", "`y` is compared with itself"),
    ("def test_a():\n    np.testing.assert_allclose(y, y, atol=0)", "`y` is compared with itself"),
    ("def test_a():\n    assert np.array_equal(y.data, y.data)", "`y.data` is compared with itself"),
    ("@pytest.mark.skip(reason='later')\ndef test_a():\n    assert x", "test_a is always skipped"),
    ("@pytest.mark.skip\ndef test_a():\n    assert x", "test_a is always skipped"),
    ("def test_a():\n    pytest.skip('later')\n    assert x", "test_a is always skipped"),
    ("pytest.skip('later', allow_module_level=True)", "the whole file is always skipped"),
    ("@pytest.mark.skipif(y)\ndef test_a():\n    assert x", "skipif gives no reason"),
    ("@pytest.mark.xfail\ndef test_a():\n    assert x", "pytest.mark.xfail gives no reason"),
    ("def test_a():\n    if y:\n        pytest.skip()\n    assert x", "skip gives no reason"),
])
def test_test_that_cannot_fail_is_found(source, problem):
    found = empty_tests(source)
    assert any(problem in text for _, text in found), found


@pytest.mark.parametrize("source", [
    "def test_a():\n    assert f(0) == f(0)",
    "def test_a():\n    with pytest.raises(ShapeError, match='axis'):\n        f(1)",
    "def test_a():\n    np.testing.assert_allclose(f(x), y)",
    "def test_a():\n    check_gradient(f)",
    "def inner(x):\n    assert x\ndef outer(x):\n    inner(x)\ndef test_a():\n    outer(1)",
    "@pytest.mark.skipif(y, reason='no fork here')\ndef test_a():\n    assert x",
    "def test_a():\n    if y:\n        pytest.skip('pack absent')\n    assert x",
    "torch = pytest.importorskip('torch')\ndef test_a():\n    assert x",
])
def test_test_that_can_fail_passes(source):
    assert empty_tests(source) == []
