"""Python code as HTML, its words coloured by what Python's own tokenizer says they are."""

from __future__ import annotations

import builtins
import io
import keyword
import token
import tokenize
from html import escape

STRINGS = {token.STRING, getattr(token, "FSTRING_START", -1), getattr(token, "FSTRING_MIDDLE", -1),
           getattr(token, "FSTRING_END", -1)}  # an f-string is one token until Python 3.11, several since


def highlight(code: str) -> str:
    """`code` as escaped HTML with a `<span class=...>` around each keyword, string, number, comment and definition."""
    lines = code.splitlines(keepends=True)
    html, row, column, before = [], 1, 0, ""
    for kind, text, start, end, _ in tokenize.generate_tokens(io.StringIO(code).readline):
        html.append(escape(_between(lines, (row, column), start), quote=False))
        source = _between(lines, start, end)
        style = _style(kind, text, before)
        html.append(f'<span class="{style}">{escape(source, quote=False)}</span>' if style else escape(source, quote=False))
        (row, column), before = end, text
    return "".join(html).rstrip("\n")


def _style(kind: int, text: str, before: str) -> str:
    if kind in STRINGS:
        return "string"
    if kind == token.NUMBER:
        return "number"
    if kind == token.COMMENT:
        return "comment"
    if kind == token.NAME:
        if keyword.iskeyword(text):
            return "keyword"
        if before in ("def", "class"):
            return "defined"
        if hasattr(builtins, text) and before != ".":
            return "builtin"
    return ""


def _between(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    """The text from `start` to `end`, both (row from 1, column)."""
    if start[0] == end[0]:
        return lines[start[0] - 1][start[1] : end[1]] if start[0] <= len(lines) else ""
    first, *middle = lines[start[0] - 1 : end[0] - 1]
    last = lines[end[0] - 1][: end[1]] if end[0] <= len(lines) else ""
    return first[start[1] :] + "".join(middle) + last
