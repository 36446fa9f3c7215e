"""`tinyconv reproduce list | table | NAME`: run a published experiment and record what it gives here."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

from tinyconv.data.files import check_writable
from tinyconv.errors import DataError
from tinyconv.experiments.registry import EXPERIMENTS, reproduce
from tinyconv.experiments.results import FOLDER, load_results, table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="the experiment; 'list' names them all, 'table' shows what is recorded")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object; 'list' and 'table' as JSON too")
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    parser.add_argument("--checkpoint", type=Path, help="where an interrupted run is kept and continued "
                        "(default: NAME.checkpoint.npz in this folder)")
    parser.add_argument("--save-weights", action="store_true", help="replace the weights that come with tinyconv")


def run(arguments: argparse.Namespace) -> int:
    """Run the experiment, record its result and print it."""
    if arguments.name == "list":
        print(json.dumps(EXPERIMENTS, indent=2) if arguments.json
              else "\n".join(f"{name:17} {text}" for name, text in EXPERIMENTS.items()))
        return 0
    if arguments.name == "table":
        print(json.dumps([dataclasses.asdict(result) for result in load_results()], indent=2) if arguments.json else table())
        return 0
    if arguments.seed < 0:
        raise DataError(f"--seed is {arguments.seed}, expected 0 or more.")
    checkpoint = arguments.checkpoint or Path(f"{arguments.name}.checkpoint.npz")
    check_writable(FOLDER)
    result = reproduce(arguments.name, arguments.seed, checkpoint, arguments.save_weights)
    result.save()
    if arguments.json:
        print(result.json())
    else:
        print(f"{result.name}: {result.metric}: {result.found()}; to compare: {result.reference()}; "
              f"seed {arguments.seed}, {result.seconds:.0f} s on {result.machine}")
    return 0
