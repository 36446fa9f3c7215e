"""Weights that a verb needs: shown with licence, size and source where they are absent, fetched if a person says yes."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Sequence

from tinyconv.cli.sources import run_action
from tinyconv.data.packs import locate
from tinyconv.data.registry import lookup
from tinyconv.data.sources.entry import Entry
from tinyconv.errors import DataError


def need(names: Sequence[str]) -> None:
    """Return when all packs are there; on a terminal the absent ones are fetched if the answer is yes.

    Raises
    ------
    DataError
        One is absent, and nobody can be asked or the answer is no: with the command that fetches it.
    """
    absent = [entry for entry in map(lookup, names) if locate(entry) is None]
    if not absent:
        return
    print("\n".join(map(_facts, absent)), file=sys.stderr)
    absent_names = [entry.name for entry in absent]
    if not (_can_ask() and _agreed()):
        raise DataError(f"the weights {' and '.join(absent_names)} are absent; fetch them with `tinyconv weights fetch "
                        f"{' '.join(absent_names)}`, or use the encoder that comes with tinyconv: --encoder own.")
    with contextlib.redirect_stdout(sys.stderr):  # the paths: standard output is for results
        run_action(argparse.Namespace(action="fetch", names=absent_names), "weights")


def _facts(entry: Entry) -> str:
    size = f"{entry.size / 1e6:.1f} MB" if entry.size else "size unknown"
    return f"{entry.name}: {entry.title}\n    licence: {entry.licence}\n    size: {size}\n    source: {entry.home}"


def _can_ask() -> bool:
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def _agreed() -> bool:
    print("Fetch now? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
