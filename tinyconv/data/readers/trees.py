"""Dictionaries and lists inside each other, as a file may hold them: their leaves by dotted name, within limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tinyconv.data.quoting import one_line
from tinyconv.errors import DataError

DEEPEST = 32  # dictionaries and lists inside each other
MOST_ENTRIES = 200_000  # met on the way through them
LONGEST_NAME = 1000


def leaves(tree: Any, what: str) -> Iterator[tuple[str, Any]]:
    """(dotted name, value) of whatever is no dictionary, list or tuple in them; lists count from 0.

    Raises
    ------
    DataError
        More than `MOST_ENTRIES` values, or deeper than `DEEPEST`, as when something contains itself.
    """
    waiting = [("", tree, 0)]
    met = 0
    while waiting:
        name, value, depth = waiting.pop()
        met += 1
        if not isinstance(value, (dict, list, tuple)):
            yield name, value
            continue
        if depth >= DEEPEST:
            raise DataError(f"{what} holds dictionaries or lists more than {DEEPEST} deep.")
        if met + len(waiting) + len(value) > MOST_ENTRIES:
            raise DataError(f"{what} holds more than {MOST_ENTRIES:,} values.")
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        waiting += [(_joined(name, key, what), item, depth + 1) for key, item in reversed(list(inner))]


def _joined(name: str, key: Any, what: str) -> str:
    if not (len(key) <= LONGEST_NAME if isinstance(key, str) else isinstance(key, int) and abs(key) < 1 << 63):
        raise DataError(f"{what} holds a key that is neither a text of at most {LONGEST_NAME} characters nor a number.")
    joined = f"{name}.{key}" if name else str(key)
    if len(joined) > LONGEST_NAME:
        raise DataError(f"{what} holds the name {one_line(joined)}, longer than {LONGEST_NAME} characters.")
    return joined


def collect(tree: Any, what: str, keep: Callable[[str, Any], Any]) -> dict[str, Any]:
    """{dotted name: keep(name, value)} of the leaves for which that is not None.

    Raises
    ------
    DataError
        Two leaves of one name, or what `leaves` and `keep` refuse.
    """
    kept: dict[str, Any] = {}
    for name, value in leaves(tree, what):
        found = keep(one_line(name), value)
        if found is not None:
            if name in kept:
                raise DataError(f"{what} holds two arrays named {one_line(name)}.")
            kept[name] = found
    return kept
