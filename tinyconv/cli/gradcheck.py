"""`tinyconv gradcheck [OP]`: check every gradient rule on this machine, one line a case."""

from __future__ import annotations

import argparse
import time

from tinyconv.gradcheck.case import check_case
from tinyconv.gradcheck.catalogue import cases_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("op", nargs="?", metavar="OP", help="check this operation only, for example conv2d; default: all")
    parser.add_argument("--seed", type=_seed, default=0, metavar="N", help="draws inputs, directions and cotangents (default: 0)")
    parser.add_argument("--full", action="store_true", help="check each element of each input, not one random direction: slow")


def run(arguments: argparse.Namespace) -> int:
    """Check the cases of the chosen op; returns 1 if a check fails."""
    began = time.perf_counter()
    failed = 0
    cases = cases_of(arguments.op)
    for case in cases:
        reports = list(check_case(case, arguments.seed, arguments.full))
        wrong = [report for report in reports if not report.ok]
        failed += bool(wrong)
        error = max(report.error for report in reports)
        adjoint = ", adjoint" if case.linear else ""
        print(f"{'WRONG' if wrong else 'right'}  {case!s:<60} orders 1, 2{adjoint:<9}  worst relative error {error:.1e}")
        for report in wrong:
            print(report)
    seconds = time.perf_counter() - began
    print(f"{len(cases) - failed} of {len(cases)} cases right; seed {arguments.seed}, {seconds:.1f} s")
    return 1 if failed else 0


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 0")
    return int(text)
