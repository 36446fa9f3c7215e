"""What a foreign file says, as one short printable line: it may hold line breaks, control codes and megabytes."""

from __future__ import annotations

LONGEST_PATH = 4096  # a file's own name is never shortened


def one_line(text: object, most: int = 120) -> str:
    r"""`str(text)` on one line of at most `most` characters, with whatever cannot be printed escaped.

    >>> one_line("s1/\n1.pgm")
    's1/\\n1.pgm'
    """
    text = str(text)
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text[:most])
    return shown if len(text) <= most and len(shown) <= most else f"{shown[:most]}..."
