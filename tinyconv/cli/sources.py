"""What `tinyconv data` and `tinyconv weights` share: list, fetch and path of what the registry knows."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys

from tqdm import tqdm

from tinyconv.data import packs
from tinyconv.data.fetch import fetch
from tinyconv.data.registry import KINDS, entries, lookup
from tinyconv.data.sources.entry import Entry


def add_actions(parser: argparse.ArgumentParser, kind: str) -> None:
    """The actions of one kind, "data" or "weights"."""
    parser.epilog = (f"A pack is looked for in the folder that the environment variable {packs.VARIABLE} names, then in "
                     f"the user's cache folder ({packs.cache_folder()}); fetch writes to the first of them that can be written.")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help=f"every {KINDS[kind]}: what it is, its size, whether it is there")
    listing.add_argument("--licences", action="store_true", help="licence and citation of each")
    listing.add_argument("--json", action="store_true", help="all that is known of each, as one JSON list")
    fetching = actions.add_parser("fetch", help="download the official files and prepare the pack, unless it is there")
    fetching.add_argument("names", nargs="+", metavar="NAME")
    path = actions.add_parser("path", help="print where a pack lies")
    path.add_argument("name", metavar="NAME")


def run_action(arguments: argparse.Namespace, kind: str) -> int:
    """Do what was asked for; paths and lists go to standard output, all else to standard error."""
    if arguments.action == "list":
        print(_json(kind) if arguments.json else "\n".join(_licences(kind) if arguments.licences else _table(kind)))
    elif arguments.action == "path":
        print(packs.find(lookup(arguments.name, kind).name))
    else:
        for entry in [lookup(name, kind) for name in arguments.names]:
            print(_fetch(entry))
    return 0


def _fetch(entry: Entry) -> str:
    # disable=None: a bar on a terminal only
    with tqdm(total=entry.fetched_size, desc=entry.name, unit="B", unit_scale=True, disable=None, leave=False) as bar:
        return str(fetch(entry, lambda line: bar.write(line, file=sys.stderr), bar.update))


def _table(kind: str) -> list[str]:
    rows = []
    for entry in entries(kind):
        path = packs.locate(entry)
        rows.append((entry.name, _size(entry), _trust(entry), "present" if path else "absent", entry.title, str(path or "")))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return ["  ".join([*(word.ljust(width) for word, width in zip(row[:4], widths, strict=True)), row[4]])
            + (f"\n{'':{widths[0]}}  {row[5]}" if row[5] else "") for row in rows]


def _licences(kind: str) -> list[str]:
    return [f"{entry.name}: {entry.title}\n    licence: {entry.licence}\n    cite: {entry.citation}\n    from: {entry.home}"
            for entry in entries(kind)]


def _json(kind: str) -> str:
    facts = []
    for entry in entries(kind):
        path = packs.locate(entry)
        facts.append({**dataclasses.asdict(entry), "trust": _trust(entry), "present": str(path) if path else None})
    return json.dumps(facts, indent=2, ensure_ascii=False)


def _trust(entry: Entry) -> str:
    return "by hand" if entry.by_hand else "verified" if entry.verified else "unverified"


def _size(entry: Entry) -> str:
    return f"{entry.size / 1e6:8.2f} MB" if entry.size else "unknown"
