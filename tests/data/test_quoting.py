"""What a foreign file says fits on one printable line."""

import pytest

from tinyconv.data.quoting import cause_of, one_line, suggestion


@pytest.mark.parametrize(("text", "expected"), [
    ("plain é 漢", "plain é 漢"), ("two\nlines\r\t", r"two\nlines\r\t"), ("\x1b[31m\x00", r"\x1b[31m\x00"), ("\udcff", r"\udcff"),
    ("\u2028", r"\u2028"), (ValueError("bad"), "bad"), (7, "7"), ("", ""),
])
def test_what_cannot_be_printed_is_escaped(text, expected):
    assert one_line(text) == expected


def test_a_long_text_is_cut():
    assert one_line("a" * 120) == "a" * 120
    assert one_line("a" * 121) == "a" * 120 + "..."
    assert one_line("\n" * 10**6, 5) == r"\n\n" + "\\" + "..."


def test_the_cause_of_an_error_is_one_line_and_never_empty():
    assert cause_of(FileNotFoundError(2, "No such file or directory", "/a/path")) == "No such file or directory"
    assert cause_of(ValueError("two\nlines")) == r"two\nlines"
    assert cause_of(EOFError()) == "EOFError"


def test_names_that_are_spelled_alike_are_suggested_or_else_all():
    assert suggestion("Orll", ["orl", "lfw", "oral"]) == "did you mean orl or oral?"
    assert suggestion("xyz", ["orl", "lfw"]) == "expected one of orl, lfw."
