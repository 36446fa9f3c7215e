"""The lessons' prose as HTML: headings, paragraphs, lists, code blocks, quotes, emphasis, code, links, formulas."""

from __future__ import annotations

import re
from html import escape

from lessons.machinery.formula import formula
from lessons.machinery.highlight import highlight

INLINE = re.compile(
    r"`(?P<code>[^`]+)`"
    r"|\$(?P<math>[^$]+)\$"
    r"|\[(?P<words>[^\]]+)\]\((?P<target>[^)\s]+)\)"
    r"|\*\*(?P<strong>[^*]+)\*\*"
    r"|\*(?P<em>[^*\s](?:[^*]*[^*\s])?)\*"
)
BULLET = re.compile(r"(?:[-*]|(?P<number>\d+)\.) +")


def markdown(text: str) -> str:
    """`text` as HTML. A heading gets an id made of its words."""
    return "\n".join(_block(lines) for lines in _blocks(text))


def headings(text: str) -> list[tuple[int, str]]:
    """(level, words) of every heading."""
    return [_heading(lines[0]) for lines in _blocks(text) if lines[0].startswith("#")]


def anchor(words: str) -> str:
    """The id of the heading with these words."""
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")


def inline(text: str) -> str:
    """A line of prose as HTML."""
    html, end = [], 0
    for found in INLINE.finditer(text):
        html += [escape(text[end : found.start()], quote=False), _span(found)]
        end = found.end()
    return "".join([*html, escape(text[end:], quote=False)])


def _span(found: re.Match[str]) -> str:
    if found["code"]:
        return f"<code>{escape(found['code'], quote=False)}</code>"
    if found["math"]:
        return formula(found["math"])
    if found["words"]:
        return f'<a href="{escape(found["target"])}">{inline(found["words"])}</a>'
    if found["strong"]:
        return f"<strong>{inline(found['strong'])}</strong>"
    return f"<em>{inline(found['em'])}</em>"


def _blocks(text: str) -> list[list[str]]:
    """The lines, grouped: blank lines separate, except inside a fenced code block; a heading stands alone."""
    blocks: list[list[str]] = [[]]
    fenced = False
    for line in text.splitlines():
        if line.startswith("```"):
            if not fenced:
                blocks.append([])
            blocks[-1].append(line)
            if fenced:
                blocks.append([])
            fenced = not fenced
        elif fenced:
            blocks[-1].append(line)
        elif not line.strip():
            blocks.append([])
        elif line.startswith("#"):
            blocks += [[line], []]
        else:
            blocks[-1].append(line)
    return [block for block in blocks if block]


def _block(lines: list[str]) -> str:
    first = lines[0]
    if first.startswith("```"):
        code = "\n".join(lines[1:-1])
        return f"<pre><code>{highlight(code) if first == '```python' else escape(code, quote=False)}</code></pre>"
    if first.startswith("#"):
        level, words = _heading(first)
        return f'<h{level} id="{anchor(words)}">{inline(words)}</h{level}>'
    joined = " ".join(line.strip() for line in lines)
    if joined.startswith("$$") and joined.endswith("$$"):
        return formula(joined[2:-2], display=True)
    if BULLET.match(first):
        return _list(lines)
    if first.startswith(">"):
        return f"<blockquote><p>{inline(' '.join(line.lstrip('> ') for line in lines))}</p></blockquote>"
    return f"<p>{inline(joined)}</p>"


def _heading(line: str) -> tuple[int, str]:
    signs, words = line.split(" ", 1)
    return len(signs), words.strip()


def _list(lines: list[str]) -> str:
    """A flat list; a line that begins no new item continues the last."""
    items: list[str] = []
    for line in lines:
        if BULLET.match(line):
            items.append(BULLET.sub("", line, count=1))
        else:
            items[-1] += " " + line.strip()
    found = BULLET.match(lines[0])
    tag = "ol" if found and found["number"] else "ul"
    return f"<{tag}>{''.join(f'<li>{inline(item)}</li>' for item in items)}</{tag}>"
