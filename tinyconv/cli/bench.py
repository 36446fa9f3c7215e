"""`tinyconv bench WORKLOAD`: times the kernels on this machine and prints a table."""

from __future__ import annotations

import argparse

from tinyconv.bench import conv


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which workload, how often, which layers."""
    parser.add_argument("workload", choices=["conv"], help="conv: the convolution kernels on layers of real networks")
    parser.add_argument("--repeat", type=_positive, default=7, metavar="N", help="calls of each kernel; the median counts (7)")
    parser.add_argument("--layer", choices=sorted(conv.LAYERS), metavar="NAME", action="append",
                        help="this layer only; may be given several times: " + "; ".join(conv.LAYERS))


def run(arguments: argparse.Namespace) -> int:
    """Print the machine, then the table."""
    print(conv.conditions(), flush=True)
    print(conv.table(conv.measure(arguments.repeat, arguments.layer or conv.LAYERS)))
    print("Ratios are to im2col: below 1 is faster. Compare on a machine at rest and, as the table of dispatch.py did, with\n"
          "OPENBLAS_NUM_THREADS=1 NUMBA_NUM_THREADS=1 OMP_NUM_THREADS=1 in the environment.")
    return 0


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"got {text}, expected a positive int")
    return number
