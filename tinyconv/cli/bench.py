"""`tinyconv bench [WORKLOAD ...]`: times whole steps of tinyconv and its rivals on this machine, in turns."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from tinyconv.bench import catalogue, cold, race, recognition, report, rivals, roofline
from tinyconv.bench.workload import Workload
from tinyconv.data.files import check_writable, whole_file
from tinyconv.data.images import check_output
from tinyconv.errors import DataError
from tinyconv.experiments.machine import cores

LEAST_TURNS = 7


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("workload", nargs="*", metavar="WORKLOAD",
                        help="which, by the names that 'list' shows (default: all of them); 'conv' times single convolutions, "
                        "'recognition' triplet miners and the gallery")
    parser.add_argument("--against", metavar="NAMES",
                        help=f"rivals, out of {','.join(rivals.RIVALS)} (default: whoever is installed)")
    parser.add_argument("--threads", type=int, default=cores(), metavar="N",
                        help="for each rival (default: %(default)s); 'conv' follows the environment")
    parser.add_argument("--repeat", type=int, default=LEAST_TURNS, metavar="N",
                        help="turns of each, of which the median counts (default: %(default)s)")
    parser.add_argument("--json", metavar="FILE", help="write every time here, too")
    parser.add_argument("--plot", metavar="OUT.png", help="draw the roofline of the workloads' convolutions")
    parser.add_argument("--cold", action="store_true",
                        help="no race, but the first step with an empty cache of compiled kernels, and that of the next process")
    parser.add_argument("--layer", metavar="NAME", action="append",
                        help="with 'conv': this layer only; may be given several times")


def run(arguments: argparse.Namespace) -> int:
    """Race and print; returns 1 if somebody computes something else than tinyconv."""
    if arguments.workload == ["list"]:
        print("\n".join(f"{name:20} {workload.sentence}" for name, workload in catalogue.WORKLOADS.items()))
        return 0
    if arguments.repeat < 1 or not 1 <= arguments.threads <= cores():
        raise DataError(f"--repeat is {arguments.repeat} and --threads {arguments.threads}, expected at least 1, and 1 to "
                        f"{cores()}, the processors of this process.")
    if arguments.workload == ["conv"]:
        return _single_layers(arguments)
    if arguments.workload == ["recognition"]:
        _check(arguments)
        print(recognition.conditions(), flush=True)
        print(recognition.table(recognition.measure(arguments.repeat)))
        return 0
    workloads = catalogue.chosen(arguments.workload)
    _check(arguments)
    if arguments.cold:
        print(cold.table((each, cold.starts(each, arguments.threads)) for each in _shown(workloads)))
        return 0
    return _races(workloads, arguments)


def _check(arguments: argparse.Namespace) -> None:
    """Refuse now what would fail after the work."""
    if arguments.layer:
        raise DataError("--layer belongs to 'conv', the single convolutions.")
    if arguments.repeat < LEAST_TURNS:
        raise DataError(f"--repeat is {arguments.repeat}, expected at least {LEAST_TURNS}: the median of fewer says little.")
    if arguments.json:
        if Path(arguments.json).is_dir():
            raise DataError(f"--json {arguments.json} is a folder, expected the name of a file to write.")
        check_writable(Path(arguments.json).parent)
    if arguments.plot:
        check_output(arguments.plot, (".png",))


def _races(workloads: list[Workload], arguments: argparse.Namespace) -> int:
    contenders, absent = rivals.chosen(None if arguments.against is None else arguments.against.split(","))
    facts = report.conditions(contenders, arguments.threads, arguments.repeat)
    print("\n".join([report.heading(facts), *absent]), flush=True)
    races = []
    for workload in workloads:
        with _told() as tell:
            races.append(race.run(workload, contenders, arguments.threads, arguments.repeat, tell))
        print(f"\n{report.table(races[-1])}", flush=True)
    found = _draw(workloads, arguments) if arguments.plot else None
    if arguments.json:
        report.write_json(arguments.json, facts, races, found)
    problems = [line for each in races for line in each.disagreements()]
    for line in problems:
        print(f"tinyconv bench: {line}", file=sys.stderr)
    return 1 if problems else 0


def _draw(workloads: list[Workload], arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure and write the roofline picture; returns what was measured."""
    from tinyconv.viz.roofline import roofline as drawing

    found = roofline.measure(workloads, arguments.threads)
    names = ", ".join(workload.name for workload in workloads)
    caption = (f"The convolutions of {names} in tinyconv on {arguments.threads} threads. FLOP are those of the definition: "
               "Winograd's kernels do fewer, and may stand above the roof; so may small layers, which caches hold.")
    with whole_file(arguments.plot) as partial:
        partial.write_bytes(drawing(roofline.series(found), found["peak"], found["bandwidth"], caption).png())
    print(f"\n{arguments.plot}: {caption} The roof: {found['peak']:.0f} GFLOP/s and {found['bandwidth']:.0f} GB/s.")
    return found


def _single_layers(arguments: argparse.Namespace) -> int:
    from tinyconv.bench import conv

    print(conv.conditions(), flush=True)
    print(conv.table(conv.measure(arguments.repeat, conv.chosen(arguments.layer))))
    print("Milliseconds, medians; the ratio is that of the table's kernel to PyTorch, channels first. All run in this process:\n"
          "compare on a machine at rest, and give all the same number of threads by the variables above and OMP_NUM_THREADS.")
    return 0


def _shown(workloads: list[Workload]) -> Iterator[Workload]:
    with tqdm(workloads, unit="workload", leave=False, disable=None) as bar:
        yield from bar


@contextlib.contextmanager
def _told() -> Iterator[Any]:
    """A line that says what happens now, and vanishes."""
    with tqdm(bar_format="{desc} {elapsed}", leave=False, disable=None) as bar:
        yield bar.set_description_str
