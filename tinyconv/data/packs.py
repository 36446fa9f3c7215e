"""Packs, the files that tinyconv reads: where they are looked for, and their arrays.

A pack lies at its path of the registry in the folder that the environment variable TINYCONV_DATA names, or else in the user's
cache folder.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import platformdirs
from numpy.typing import NDArray

from tinyconv.data.arrays import read_npz
from tinyconv.data.quoting import cause_of
from tinyconv.data.registry import lookup
from tinyconv.data.sources.entry import Entry
from tinyconv.errors import DataError

VARIABLE = "TINYCONV_DATA"


def cache_folder() -> Path:
    """The user's cache folder of tinyconv, as the operating system has it; it need not exist."""
    return platformdirs.user_cache_path("tinyconv")


def folders() -> list[Path]:
    """Where packs are looked for, in this order."""
    named = os.environ.get(VARIABLE)
    return [*([Path(named)] if named else []), cache_folder()]


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, unless they are there.

    Raises
    ------
    DataError
        It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"the folder {folder} cannot be made ({cause_of(error)}).") from error


def locate(entry: Entry) -> Path | None:
    """The pack of `entry` in the first folder that holds all of it, or None."""
    for folder in folders():
        if all(os.path.isfile(folder / part) for part in entry.parts):
            return folder / entry.path
    return None


def find(name: str) -> Path:
    """The path of a pack.

    Raises
    ------
    DataError
        The name is unknown, or the pack is absent: how to get it.
    """
    entry = lookup(name)
    path = locate(entry)
    if path is None:
        named, *rest = [str(folder / entry.path) for folder in folders()]
        missing = f"{named} does not exist" + (f", and neither does {rest[0]}" if rest else f" and {VARIABLE} is not set")
        raise DataError(f"{name}: {missing}; {how_to_get(entry)}")
    return path


def how_to_get(entry: Entry) -> str:
    """What to do about an absent pack, in words."""
    if entry.by_hand:
        return f"no program makes it, put it there by hand: {entry.contents}, made from {entry.home} ({entry.recipe})."
    return f"get it with `tinyconv {entry.kind} fetch {entry.name}`."


def load(name: str) -> dict[str, NDArray[Any]]:
    """The arrays of an `.npz` pack by name; `tinyconv data list --json` says what each holds.

    Raises
    ------
    DataError
        The name is unknown, the pack is absent, damaged, or no `.npz` file.
    """
    path = find(name)
    if path.suffix != ".npz":
        raise DataError(f"{name}: {path} is no .npz pack, expected arrays; open the file itself: {lookup(name).contents}.")
    return read_npz(path)
