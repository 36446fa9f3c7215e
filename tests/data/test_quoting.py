"""What a foreign file says fits on one printable line."""

import pytest

from tinyconv.data.quoting import one_line


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
