"""`tinyconv data list | fetch | path`: the data sets that tinyconv knows."""

from __future__ import annotations

import argparse

from tinyconv.cli.sources import add_actions, run_action


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_actions(parser, "data")


def run(arguments: argparse.Namespace) -> int:
    """List data sets, fetch some, or print where one lies."""
    return run_action(arguments, "data")
