"""Every example in a docstring of tinyconv, and in README.md, does what it shows."""

from __future__ import annotations

import ast
import doctest
import importlib
import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RIVALS = {"torch", "onnx", "onnxruntime", "mygrad"}  # the bench races against those that are installed
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def module_names() -> list[str]:
    """All modules of tinyconv but `__main__`, which would run the command line."""
    paths = [path.relative_to(ROOT).with_suffix("") for path in sorted((ROOT / "tinyconv").rglob("*.py"))]
    return [".".join(path.parts).removesuffix(".__init__") for path in paths if path.name != "__main__"]


def markdown_example(text: str) -> doctest.DocTest:
    """The `>>>` lines of a markdown file as one example; a fence ends the output above it."""
    return doctest.DocTestParser().get_doctest(re.sub(r"(?m)^ *(```|~~~).*$", "", text), {}, "README.md", "README.md", 0)


@pytest.mark.parametrize("name", module_names())
def test_examples_in_docstrings_run(name, tmp_path, monkeypatch):
    source = importlib.util.find_spec(name).origin
    used = {alias.name for node in ast.parse(Path(source).read_text(encoding="utf-8")).body
            if isinstance(node, ast.Import) for alias in node.names}
    if missing := [rival for rival in used & RIVALS if importlib.util.find_spec(rival) is None]:
        pytest.skip(f"{', '.join(missing)} is not installed")
    monkeypatch.chdir(tmp_path)  # an example may write a file
    assert doctest.testmod(importlib.import_module(name), optionflags=FLAGS).failed == 0


def test_examples_in_readme_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    example = markdown_example((ROOT / "README.md").read_text(encoding="utf-8"))
    assert doctest.DocTestRunner(optionflags=FLAGS).run(example).failed == 0
    assert len(example.examples) >= 4, "README shows how tinyconv is used, in lines that begin with >>>"


@pytest.mark.parametrize(("text", "failures"), [
    ("```python\n>>> 1 + 1\n2\n```\nText.\n", 0),
    ("```python\n>>> 1 + 1\n3\n```\n", 1),
    ("~~~\n>>> x = 1\n~~~\ntext\n```\n>>> x\n1\n```\n", 0),
])
def test_fence_is_no_output(text, failures):
    shown = []
    assert doctest.DocTestRunner().run(markdown_example(text), out=shown.append).failed == failures
