"""`tinyconv VERB ...`: finds the verb, runs it, and turns every expected error into one line and exit code 2."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from tinyconv.errors import TinyconvError

# verb: what it does, in one line. Module tinyconv.cli.<verb> has add_arguments(parser) and run(arguments) -> exit code.
VERBS = {
    "stylize": "paint a photograph in the style of a painting",
    "faces": "recognise people: enrol, verify, identify, list, remove; calibrate, evaluate, train",
    "gradcheck": "check the gradient of every operation, or of one",
    "reproduce": "run an experiment and record its result",
    "data": "list and fetch data sets",
    "weights": "list and fetch pre-trained weights",
    "warmup": "compile the kernels now, so that nobody waits for them later",
    "bench": "race whole training steps and inference against other libraries on this machine",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 1 a check failed, 2 bad input, 130 interrupted,
    141 nobody reads on."""
    argv = sys.argv[1:] if argv is None else list(argv)
    parser = argparse.ArgumentParser(prog="tinyconv", description="ConvNets by hand in NumPy and Numba.")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb, text in VERBS.items():
        subparser = verbs.add_parser(verb, help=text, description=text[0].upper() + text[1:] + ".")
        if verb in argv[:1]:  # only the verb that runs is imported
            module = importlib.import_module(f"tinyconv.cli.{verb}")
            module.add_arguments(subparser)
    arguments = parser.parse_args(argv)
    try:
        code = int(module.run(arguments))
        sys.stdout.flush()
        return code
    except TinyconvError as error:
        text = " ".join(str(error).splitlines())  # a path may hold line breaks
        print(f"tinyconv {arguments.verb}: {text}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"tinyconv {arguments.verb}: interrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read the output has gone, as in `tinyconv data list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python still flushes at its end
        return 141
