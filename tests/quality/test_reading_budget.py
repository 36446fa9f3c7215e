"""The reader's promise: the engine, the convolution op and its first kernel are read in one sitting."""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "tinyconv"
ONE_SITTING = ("engine.py", "ops/conv.py", "kernels/im2col.py")
LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def code_lines(source: str) -> int:
    """Lines that hold code: not blank, not only a comment, not part of a docstring."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    lines = {line for token in tokens if token.type not in LAYOUT for line in range(token.start[0], token.end[0] + 1)}
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, documented) and ast.get_docstring(node) is not None:
            lines -= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return len(lines)


def test_the_counter_counts_code_only():
    source = ('"""A docstring\nof two lines."""\n\n# a comment\nx = [\n    1,  # beside code\n]\n\n'
              'def f():\n    """Doc."""\n    return """a\nb"""\n')
    assert code_lines(source) == 6
    assert code_lines("") == 0


def test_engine_conv_and_im2col_are_under_600_code_lines():
    counts = {name: code_lines((PACKAGE / name).read_text()) for name in ONE_SITTING}
    assert sum(counts.values()) < 600, counts
    assert all(count > 20 for count in counts.values()), counts


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_every_file_begins_with_a_sentence(path):
    sentence = (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n\n")[0].replace("\n", " ")
    assert sentence.endswith((".", "?")), sentence
