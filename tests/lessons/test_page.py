"""From a lesson's text to a page: cells, Markdown, formulas, colours, and one file that needs no other."""

from __future__ import annotations

import base64
import re
from html import unescape
from html.parser import HTMLParser

import pytest

from lessons.course import Lesson
from lessons.machinery.cells import Cell, read_cells
from lessons.machinery.formula import formula
from lessons.machinery.highlight import highlight
from lessons.machinery.markdown import headings, markdown
from lessons.machinery.run import run
from lessons.machinery.tour import lesson_page
from tinyconv.errors import DataError

VOID = {"meta", "link", "img", "br", "hr", "mspace"}


class Reader(HTMLParser):
    """Checks that tags nest, and collects ids, links and what a browser would fetch."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.targets, self.fetched, self.images, self.words = [], [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.ids += [attributes["id"]] if "id" in attributes else []
        if tag == "a":
            self.targets.append(attributes["href"])
        else:
            self.fetched += [attributes[name] for name in ("src", "href", "srcset", "data") if name in attributes]
        if tag == "img":
            self.images.append(attributes)
        assert tag != "script"
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def read(html):
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


def lesson(tmp_path, text):
    path = tmp_path / "s00_small.py"
    path.write_text(text, encoding="utf-8")
    return Lesson(path)


# --- Cells and their run ---------------------------------------------------------------------------------


def test_cells_are_prose_and_code_with_their_lines(tmp_path):
    text = "# %% [markdown]\n# # Title\n#\n# words\n\n# %%\n\nx = 1\n"
    assert read_cells(lesson(tmp_path, text).path) == [Cell(False, "# Title\n\nwords", 2), Cell(True, "x = 1", 8)]


@pytest.mark.parametrize(("text", "words"), [
    ("import os\n# %%\n", "begins with a cell"),
    ("# %% [markdown]\nprose without a sign\n", "line 2"),
    ("# %% [raw]\n", "line 1"),
    ("x = 1\n", "begins with a cell"),
])
def test_damaged_lesson_is_named_with_its_line(tmp_path, text, words):
    with pytest.raises(DataError, match=words):
        read_cells(lesson(tmp_path, text).path)


def test_outcome_is_what_was_printed_and_the_last_value(tmp_path):
    cells = ["x = 2\nprint('hello')\nx + 1", "x", "None", "x = 5", "x\ny = 7", "def f():\n    return x\n\n\nf() * 2"]
    text = "\n".join(f"# %%\n{cell}\n" for cell in cells)
    assert [o.text for o in run(lesson(tmp_path, text), quick=True)] == ["hello\n3\n", "2\n", "", "", "", "10\n"]


def test_quick_is_told_to_the_lesson_and_only_to_it(tmp_path):
    text = "# %%\nimport os\nos.environ['TINYCONV_QUICK']\n"
    assert [next(run(lesson(tmp_path, text), quick)).text for quick in (True, False)] == ["'1'\n", "'0'\n"]


def test_failing_cell_is_traced_to_its_own_line(tmp_path):
    broken = lesson(tmp_path, "# %% [markdown]\n# # T\n\n# %%\nx = 1\n\n1 / 0\n")
    with pytest.raises(ZeroDivisionError) as caught:
        list(run(broken, quick=True))
    last = caught.traceback[-1]
    assert (str(last.path), last.lineno + 1) == (str(broken.path), 7)


def test_functions_of_a_lesson_show_their_source(tmp_path):
    text = "# %%\nimport inspect\n\n# %%\ndef f():\n    return 1\n\n\nprint(inspect.getsource(f), end='')\n"
    assert list(run(lesson(tmp_path, text), quick=True))[-1].text == "def f():\n    return 1\n"


# --- Markdown, formulas, colours ---------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "html"), [
    ("# A *b*", '<h1 id="a-b">A <em>b</em></h1>'),
    ("one\ntwo", "<p>one two</p>"),
    ("a < b & c", "<p>a &lt; b &amp; c</p>"),
    ("`a < b`", "<p><code>a &lt; b</code></p>"),
    ("`*not em* $x$`", "<p><code>*not em* $x$</code></p>"),
    ("2 * 3 * 4", "<p>2 * 3 * 4</p>"),
    ("**bold** and *soft*", "<p><strong>bold</strong> and <em>soft</em></p>"),
    ("[a `b`](https://x.org/?a=1&b=2)", '<p><a href="https://x.org/?a=1&amp;b=2">a <code>b</code></a></p>'),
    ("- one\n  more\n- two", "<ul><li>one more</li><li>two</li></ul>"),
    ("1. one\n2. two", "<ol><li>one</li><li>two</li></ol>"),
    ("> said\n> so", "<blockquote><p>said so</p></blockquote>"),
    ("```\na < 1\n\n# no heading\n```", "<pre><code>a &lt; 1\n\n# no heading</code></pre>"),
    ("words\n- one", "<p>words - one</p>"),
])
def test_markdown_of_the_lessons(text, html):
    assert markdown(text) == html


def test_headings_are_found_outside_code_only():
    assert headings("# A\nwords\n\n## B c\n\n```\n# comment\n```") == [(1, "A"), (2, "B c")]


@pytest.mark.parametrize(("tex", "html"), [
    ("a", "<mi>a</mi>"),
    ("12.5", "<mn>12.5</mn>"),
    ("a - b", "<mi>a</mi><mo>−</mo><mi>b</mi>"),
    ("x_i", "<msub><mi>x</mi><mi>i</mi></msub>"),
    ("x_i^2", "<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>"),
    ("x^2_i", "<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>"),
    (r"\sum_i", "<munder><mo>∑</mo><mi>i</mi></munder>"),
    (r"\frac{1}{n}", "<mfrac><mrow><mn>1</mn></mrow><mrow><mi>n</mi></mrow></mfrac>"),
    (r"\text{if } a < b", "<mtext>if </mtext><mi>a</mi><mo>&lt;</mo><mi>b</mi>"),
    (r"\sqrt x", "<msqrt><mi>x</mi></msqrt>"),
    ("f(x)", '<mi>f</mi><mo stretchy="false">(</mo><mi>x</mi><mo stretchy="false">)</mo>'),
])
def test_formula_is_mathml(tex, html):
    assert formula(tex) == f"<math><mrow>{html}</mrow></math>"


@pytest.mark.parametrize("tex", [r"\oops", "{a", "a}", "x^", r"\frac{a}", r"\frac"])
def test_formula_that_cannot_be_drawn_is_refused(tex):
    with pytest.raises(DataError, match="formula"):
        formula(tex)


@pytest.mark.parametrize("code", [
    "x = 1", "", "def f(a, *, b=None):\n    return a < b  # a & b\n", 's = f"{x!r:>{n}} {{}} <b>" + \'"\'',
    '"""many\n    lines"""\nif x and \\\n   y:\n\tpass', "@wraps\nclass A:\n    ...\n\n\n\nx = [\n    1,\n]", "λ = 'é' * 2",
])
def test_highlighting_changes_no_character(code):
    assert unescape(re.sub(r"</?span[^>]*>", "", highlight(code))) == code.rstrip("\n")


def test_highlighting_names_what_it_sees():
    html = highlight("def f(n): return len('a') + 1  # why")
    for style, text in [("keyword", "def"), ("defined", "f"), ("keyword", "return"), ("builtin", "len"), ("string", "'a'"),
                        ("number", "1"), ("comment", "# why")]:
        assert f'<span class="{style}">{text}</span>' in html


# --- The page ------------------------------------------------------------------------------------------------


def test_lesson_page_is_one_file_that_shows_everything(ran):
    html = lesson_page(ran.lesson, ran.outcomes)
    reader = read(html)
    assert all(address.startswith("data:") for address in reader.fetched)
    assert not re.search(r"@import|url\(", html)
    pictures = [outcome.picture for outcome in ran.outcomes if outcome.picture is not None]
    assert [image["alt"] for image in reader.images] == [picture.caption for picture in pictures]
    for image in reader.images:
        assert base64.b64decode(image["src"].removeprefix("data:image/png;base64,")).startswith(b"\x89PNG")
    words = "".join(reader.words)
    for outcome in ran.outcomes:
        assert outcome.text.strip() in words
        if outcome.cell.is_code:
            assert re.sub(r"\n{3,}", "\n\n", outcome.cell.text) in words


def test_table_of_contents_leads_to_every_section_once(ran):
    reader = read(lesson_page(ran.lesson, ran.outcomes))
    assert len(reader.ids) == len(set(reader.ids))
    inner = [target.removeprefix("#") for target in reader.targets if target.startswith("#")]
    assert len(inner) > 5
    assert set(inner) <= set(reader.ids)
    assert all(target.startswith(("#", "https://")) for target in reader.targets)
