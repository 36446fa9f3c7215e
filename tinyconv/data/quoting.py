"""Words for messages: what a foreign file or the system says, as one short printable line, and what may have been meant."""

from __future__ import annotations

import difflib
from collections.abc import Collection

LONGEST_PATH = 4096  # a file's own name is never shortened


def one_line(text: object, most: int = 120) -> str:
    r"""`str(text)`, which may hold line breaks, control codes and megabytes, on one line of at most `most` printable characters.

    >>> one_line("s1/\n1.pgm")
    's1/\\n1.pgm'
    """
    text = str(text)
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text[:most])
    return shown if len(text) <= most and len(shown) <= most else f"{shown[:most]}..."


def cause_of(error: BaseException) -> str:
    """What went wrong on one line: in the system's words if it has some, which do not repeat the path, or in the error's own."""
    return one_line(getattr(error, "strerror", None) or str(error) or type(error).__name__)


def suggestion(name: str, known: Collection[str]) -> str:
    """What may have been meant by `name`: up to three of the `known` names that are spelled alike, else all of them."""
    close = difflib.get_close_matches(name.lower(), known, 3, 0.5)
    return f"did you mean {' or '.join(close)}?" if close else f"expected one of {', '.join(known)}."
