"""`tinyconv weights list | fetch | path`: the pre-trained weights that tinyconv knows."""

from __future__ import annotations

import argparse

from tinyconv.cli.sources import add_actions, run_action


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_actions(parser, "weights")


def run(arguments: argparse.Namespace) -> int:
    """List weights, fetch some, or print where one lies."""
    return run_action(arguments, "weights")
