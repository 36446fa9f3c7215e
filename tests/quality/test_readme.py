"""README keeps its word: its two commands are those that CI runs, and every link leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ["pip install -e . && python -m lessons tour", 'pip install -e ".[test]" && pytest']


def links(text: str) -> list[str]:
    """Files that a markdown text links to or shows, in markdown or HTML; no web addresses, no anchors."""
    found = re.findall(r"\]\(\s*<?([^)\s>]+)", text) + re.findall(r"""(?:src|href)=["']([^"']+)""", text)
    return [link.partition("#")[0] for link in found if not re.match(r"[a-z]+:|#", link)]


@pytest.mark.parametrize("command", COMMANDS)
def test_command_of_readme_is_what_ci_runs(command):
    lines = [line.strip().removeprefix("$ ") for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()]
    assert command in lines
    assert command in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", ["README.md", "CHANGELOG.md", "tinyconv/DESIGN.md"])
def test_links_lead_to_files(path):
    page = ROOT / path
    lost = [link for link in links(page.read_text(encoding="utf-8")) if not (page.parent / link).exists()]
    assert lost == []


def test_readme_shows_a_picture():
    shown = links((ROOT / "README.md").read_text(encoding="utf-8"))
    assert any(link.endswith((".png", ".jpg", ".gif", ".svg")) for link in shown)


def test_links_of_markdown_and_html_are_found():
    text = "[a](b/c.md) ![d](e.png 'title') <img src=\"f.gif\"> [w](https://x.org/y) [h](#here) [i](j.md#k) <a href='l'>"
    assert links(text) == ["b/c.md", "e.png", "j.md", "f.gif", "l"]
