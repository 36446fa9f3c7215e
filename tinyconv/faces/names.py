"""Names of people and of their pictures, as a gallery takes them, and close ones for who mistypes."""

from __future__ import annotations

import difflib
import os
import unicodedata
from collections.abc import Collection
from typing import Any

from tinyconv.data.quoting import LONGEST_PATH, one_line
from tinyconv.errors import DataError

LONGEST_NAME = 200  # characters
JOINERS = "\u200c\u200d"  # within words of Persian, Hindi and other languages; no other invisible sign is needed in a name


def check_name(name: Any, what: str) -> str:
    """`name` without blanks around it, in Unicode's composed form: how one file system or another writes "é" makes no difference.

    Raises
    ------
    DataError
        No text, nothing visible in it, longer than 200 characters, or with line breaks, control or invisible signs.
    """
    if not isinstance(name, str):
        raise DataError(f"{what}: the identity is a {type(name).__name__}, expected a name.")
    clean = unicodedata.normalize("NFC", name).strip()
    if not clean.strip(JOINERS):
        raise DataError(f"{what}: the identity {one_line(repr(name))} is empty, expected a name.")
    if len(clean) > LONGEST_NAME:
        raise DataError(f"{what}: the identity {one_line(clean, 40)} has {len(clean):,} characters, expected at most "
                        f"{LONGEST_NAME}.")
    hidden = [sign for sign in clean if unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp") and sign not in JOINERS]
    if hidden:
        raise DataError(f"{what}: the identity {one_line(clean)} has a control or invisible sign, U+{ord(hidden[0]):04X}; "
                        "take it out.")
    return clean


def check_source(source: Any, what: str) -> str | None:
    r"""Where an encoding comes from, a path or any text; a byte of a file's name that is no UTF-8 is kept as \udcNN.

    Raises
    ------
    DataError
        No text and no path, or too long.
    """
    if source is None:
        return None
    if not isinstance(source, str | os.PathLike):
        raise DataError(f"{what}: a source is a {type(source).__name__}, expected a path or None.")
    text = os.fspath(source)
    if not isinstance(text, str) or len(text) > LONGEST_PATH:
        raise DataError(f"{what}: the source {one_line(text, 40)} is no text of at most {LONGEST_PATH:,} characters.")
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def close_names(name: str, known: Collection[str]) -> str:
    """" (did you mean A or B?)" for names that are spelled alike, whatever their case, or nothing."""
    folded = {other.casefold(): other for other in known}
    close = [folded[other] for other in difflib.get_close_matches(name.casefold(), folded, 3, 0.6)]
    return f"; did you mean {' or '.join(map(one_line, close))}?" if close else "."
