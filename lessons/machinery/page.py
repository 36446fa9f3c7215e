"""Lessons that have run, as one HTML page that needs no other file: style inside, pictures inlined, no script."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from lessons.machinery.highlight import highlight
from lessons.machinery.markdown import anchor, headings, inline, markdown
from lessons.machinery.run import Outcome
from tinyconv.experiments.machine import machine
from tinyconv.viz.picture import Picture

STYLE = Path(__file__).with_name("page.css")
WIDE = 7.5  # inches: a picture wider than this may stand out into the margins


@dataclass(frozen=True)
class Chapter:
    """A part of the page: a lesson, or what the tour adds. Its first cell is prose that begins with its title."""

    part: str
    title: str
    outcomes: Sequence[Outcome]
    note: str = ""  # a line at the end, in Markdown

    @property
    def seconds(self) -> float:
        return sum(outcome.seconds for outcome in self.outcomes)


def page(title: str, lead: str, chapters: Sequence[Chapter], cover: Picture | None = None) -> str:
    """The whole page, as HTML."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<style>
{STYLE.read_text(encoding="utf-8")}</style>
</head>
<body>
<header>
<p class="kicker">tinyconv</p>
<h1>{escape(title)}</h1>
<p class="lead">{inline(lead)}</p>
{_figure(cover) if cover else ""}
{_contents(chapters)}
</header>
<main>
{"".join(_article(chapter) for chapter in chapters)}</main>
{_footer(chapters)}
</body>
</html>
"""


def _contents(chapters: Sequence[Chapter]) -> str:
    items = []
    for chapter in chapters:
        sections = [words for outcome in chapter.outcomes if not outcome.cell.is_code
                    for level, words in headings(outcome.cell.text) if level == 2]
        links = "".join(f'<li><a href="#{_id(chapter, words)}">{inline(words)}</a></li>' for words in sections)
        title = f'<a href="#{anchor(chapter.title)}">{inline(chapter.title)}</a> <span class="part">{escape(chapter.part)}</span>'
        items.append(f"<li>{title}{f'<ol>{links}</ol>' if links else ''}</li>")
    return f"<nav><h2>Contents</h2><ol>{''.join(items)}</ol></nav>"


def _article(chapter: Chapter) -> str:
    body = "\n".join(_cell(chapter, outcome) for outcome in chapter.outcomes)
    took = f"Computed in {chapter.seconds:.1f} seconds. " if chapter.seconds >= 0.05 else ""
    return (f'<article id="{anchor(chapter.title)}">\n<p class="part">{escape(chapter.part)}</p>\n{body}\n'
            f'<p class="time">{took}{inline(chapter.note)}</p>\n</article>\n')


def _cell(chapter: Chapter, outcome: Outcome) -> str:
    if not outcome.cell.is_code:
        html = markdown(outcome.cell.text)
        for level, words in headings(outcome.cell.text):  # the same heading may come in every chapter
            unique = f' id="{_id(chapter, words)}"' if level > 1 else ""
            html = html.replace(f'<h{level} id="{anchor(words)}">', f"<h{level}{unique}>")
        return html
    code = re.sub(r"\n{3,}", "\n\n", outcome.cell.text)
    parts = [f"<pre><code>{highlight(code)}</code></pre>"]
    if outcome.text.strip():
        parts.append(f'<pre class="output">{escape(outcome.text.rstrip(), quote=False)}</pre>')
    if outcome.picture is not None:
        parts.append(_figure(outcome.picture))
    return "\n".join(parts)


def _figure(picture: Picture) -> str:
    data = base64.b64encode(picture.png()).decode("ascii")
    wide = ' class="wide"' if picture.get_figwidth() > WIDE else ""
    width = round(picture.get_figwidth() * 96)
    return (f'<figure{wide}><img width="{width}" alt="{escape(picture.caption)}" src="data:image/png;base64,{data}">'
            f"<figcaption>{inline(picture.caption)}</figcaption></figure>")


def _id(chapter: Chapter, words: str) -> str:
    return f"{anchor(chapter.title)}--{anchor(words)}"


def _footer(chapters: Sequence[Chapter]) -> str:
    rows = "".join(f"<tr><td>{inline(c.title)}</td><td>{c.seconds:.1f} s</td></tr>" for c in chapters)
    total = sum(chapter.seconds for chapter in chapters)
    return (f"<footer>\n<table>{rows}<tr><td>All</td><td>{total:.1f} s</td></tr></table>\n"
            f"<p>Computed on {escape(machine())}. The numbers and pictures are what the code beside them gave "
            "there; run it again, change it, and see them move.</p>\n</footer>")
