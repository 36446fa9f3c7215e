"""Names and sizes: files say what they hold, functions what they do, and no text knows the machine it was written on."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.quality.test_reading_budget import code_lines

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("tinyconv", "lessons", "tests", "notebooks", ".ci", ".github")
TEXT = {".py", ".md", ".toml", ".in", ".yml", ".yaml", ".json", ".ipynb", ".html", ".css", ".svg", ".txt", ""}
LEFT_BY_TOOLS = {"__pycache__", ".ipynb_checkpoints"}

NOTHING_NAMES = {"utils", "util", "misc", "helpers", "helper", "common"}

SELF_DESCRIBED = {"overload", "setter", "deleter", "property", "cached_property"}

MOST_LINES = 320
LONGER = {  # path: why it may be longer
    "tinyconv/engine.py": "the tensor, the walk and the core operators are one idea, read in one sitting",
}

# Built so that the patterns do not find themselves.
MACHINE = [
    re.compile(r"(?<![\w.:~-])/(?:root|home|tmp|work|opt|mnt|private|Users)/(?=[\w.])"),
    re.compile(r"\b[A-Z]:\\{1,2}Users\\"),
    re.compile(r"\b(?:pypi|pythonhosted|registry\.npmjs|deb\.debian)\.org\b"),
]


def files_of_the_project() -> Iterator[Path]:
    """Every text file that belongs to the project, whether git knows it yet or not."""
    inside = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*"))
    for path in sorted([*ROOT.iterdir(), *inside]):
        if path.is_file() and path.suffix in TEXT and path.name != ".git" and not LEFT_BY_TOOLS & set(path.parts):
            yield path


def python_files(*folders: str) -> list[Path]:
    return [path for path in files_of_the_project() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in folders]


def machine_names(text: str) -> list[tuple[int, str]]:
    """(line, what was found) for each path or host of one machine."""
    lines = enumerate(text.splitlines(), 1)
    return [(number, found[0]) for number, line in lines for pattern in MACHINE for found in pattern.finditer(line)]


def undocumented(source: str) -> list[tuple[int, str]]:
    """(line, name) of the public functions, classes and methods without a docstring.

    Overloads and setters need none; properties and a layer's `forward` are described by their class, and a verb's
    `add_arguments` by `--help`.
    """
    missing = []
    waiting: list[tuple[ast.stmt, str]] = [(node, "") for node in ast.parse(source).body]
    while waiting:
        node, prefix = waiting.pop(0)
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) or node.name.startswith("_"):
            continue
        marks = {ast.unparse(mark).rpartition(".")[2] for mark in node.decorator_list}
        described = node.name in ("forward", "add_arguments") or marks & SELF_DESCRIBED
        if not (ast.get_docstring(node) or "").strip() and not described:
            missing.append((node.lineno, prefix + node.name))
        if isinstance(node, ast.ClassDef):
            waiting += [(inner, f"{prefix}{node.name}.") for inner in node.body]
    return missing


def first_sentence(source: str) -> str:
    """The first line of the docstring or, in a lesson, of the markdown cell on top."""
    docstring = ast.get_docstring(ast.parse(source))
    if docstring is not None:
        return docstring.partition("\n")[0]
    cell = re.match(r"(?:# ---\n(?:#.*\n)*# ---\n\s*)?# %% \[markdown\]\n# +(.+)", source)
    return cell[1] if cell else ""


def test_no_file_has_a_name_that_says_nothing():
    parts = {path: {*path.relative_to(ROOT).parts, path.stem} for path in files_of_the_project()}
    assert [str(path) for path in parts if NOTHING_NAMES & parts[path]] == []


def test_every_python_file_begins_with_a_sentence():
    files = python_files("tinyconv", "lessons", "tests")
    silent = [str(path.relative_to(ROOT)) for path in files if len(first_sentence(path.read_text(encoding="utf-8")).split()) < 2]
    assert files
    assert silent == []


def test_every_public_function_class_and_method_has_a_docstring():
    missing = [f"{path.relative_to(ROOT)}:{line}: {name}" for path in python_files("tinyconv")
               for line, name in undocumented(path.read_text(encoding="utf-8"))]
    assert not missing, "\n".join(missing)


def test_no_file_names_a_machine_or_a_registry():
    found = [f"{path.relative_to(ROOT)}:{line}: {name}" for path in files_of_the_project()
             for line, name in machine_names(path.read_text(encoding="utf-8"))]
    assert not found, "\n".join(found)


def test_no_file_is_longer_than_one_idea():
    sizes = {path.relative_to(ROOT).as_posix(): code_lines(path.read_text(encoding="utf-8"))
             for path in python_files("tinyconv", "lessons", "tests")}
    long = {path: size for path, size in sizes.items() if size > MOST_LINES}
    assert set(long) == set(LONGER), f"over {MOST_LINES} code lines: {long}; named exceptions: {set(LONGER)}"


@pytest.mark.parametrize(("before", "name", "after"), [  # in parts, or this file would be found too
    ("cache = '", "/root" + "/", ".cache'"), ("see (", "/home" + "/", "ada/x)"), ("x=", "/tmp" + "/", "a"),
    ('"', "/Users" + "/", 'ada/"'), ("", "D:\\" + "Users\\", "ada"), ("https://", "pypi" + ".org", "/simple"),
    ("files.", "pythonhosted" + ".org", ""),
])
def test_machine_name_is_found(before, name, after):
    assert machine_names(f"fine\n{before}{name}{after}") == [(2, name)]


@pytest.mark.parametrize("text", [
    "https://example.org/home/page", "../shared/data", "docs/tmp/a", "a/root/b", "#!/usr/bin/env bash", "2 /work", "~/home/x",
])
def test_path_of_every_machine_is_no_machine_name(text):
    assert machine_names(text) == []


def test_missing_docstrings_are_found_in_classes_too_and_private_or_overloaded_names_are_spared():
    source = '''
class Net:
    """A net."""
    def __call__(self, x): return x
    def _hidden(self): ...
    def open(self): ...
    def forward(self, x): ...
    @property
    def size(self): ...
    @size.setter
    def size(self, value): ...
class Bare:
    def inner(self):
        ""
@typing.overload
def f(x): ...
def f(x):
    def nested(): ...
def _g(): ...
'''
    assert undocumented(source) == [(12, "Bare"), (17, "f"), (6, "Net.open"), (13, "Bare.inner")]


def test_first_sentence_is_the_docstring_or_the_markdown_cell_on_top():
    assert first_sentence('"""Draw it.\n\nMore."""\n') == "Draw it."
    assert first_sentence("# ---\n# jupyter:\n#   x: y\n# ---\n\n# %% [markdown]\n# # Tensors\n# Why?\n") == "# Tensors"
    assert first_sentence("# a comment\nx = 1\n") == ""
