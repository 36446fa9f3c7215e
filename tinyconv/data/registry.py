"""The registry: every data set and all weights that tinyconv knows, by name."""

from __future__ import annotations

from tinyconv.data.quoting import one_line, suggestion
from tinyconv.data.sources import characters, faces, pictures, signals, volumes, weights
from tinyconv.data.sources.entry import Entry
from tinyconv.errors import DataError

KINDS = {"data": "data set", "weights": "set of weights"}

ENTRIES: dict[str, Entry] = {
    entry.name: entry
    for source in (characters, faces, pictures, signals, volumes, weights)
    for entry in source.ENTRIES
}


def entries(kind: str) -> list[Entry]:
    """Every entry of one kind, "data" or "weights", in the registry's order."""
    return [entry for entry in ENTRIES.values() if entry.kind == kind]


def lookup(name: str, kind: str | None = None) -> Entry:
    """The entry called `name`.

    Parameters
    ----------
    kind : "data" or "weights" where only one of them will do

    Raises
    ------
    DataError
        Nothing is called so, or it is of the other kind; close names are suggested.
    """
    entry = ENTRIES.get(name)
    if entry is not None and kind in (None, entry.kind):
        return entry
    if entry is not None:
        raise DataError(f"{name} is a {KINDS[entry.kind]}, expected a {KINDS[str(kind)]}; say `tinyconv {entry.kind}`.")
    known = [e.name for e in ENTRIES.values() if kind in (None, e.kind)]
    raise DataError(f"{KINDS[kind] if kind else 'pack'} '{one_line(name)}' is unknown; {suggestion(name, known)}")
