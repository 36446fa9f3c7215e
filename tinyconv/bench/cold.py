"""The first step anybody takes: seconds with an empty cache of compiled kernels, and in the next process."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from typing import NamedTuple

from tinyconv.bench.process import Process
from tinyconv.bench.race import OWN_LIMIT
from tinyconv.bench.rivals import OURS
from tinyconv.bench.workload import Workload


class Start(NamedTuple):
    """Seconds of one process: until tinyconv and Numba are imported, until the workload is built, of its first and third step."""

    imports: float
    build: float
    first: float
    third: float


def starts(workload: Workload, threads: int) -> tuple[Start, Start]:
    """Two processes, one after the other, that share a cache folder which is empty at first."""
    with tempfile.TemporaryDirectory(prefix="tinyconv-cold-") as folder:
        return _start(workload, threads, folder), _start(workload, threads, folder)


def table(found: Iterable[tuple[Workload, tuple[Start, Start]]]) -> str:
    """A line for each workload; what compiling costs is the first step less the third."""
    lines = [f"{'':21}{'first process, empty cache':^40}{'second process':^40}",
             f"{'':21}" + 2 * f"{'imports s':>10}{'build s':>9}{'step 1 s':>10}{'step 3 s':>10} "]
    lines += [f"{workload.name:21}" + "".join(f"{s.imports:10.2f}{s.build:9.2f}{s.first:10.2f}{s.third:10.3f} " for s in both)
              for workload, both in found]
    return "\n".join(lines)


def _start(workload: Workload, threads: int, folder: str) -> Start:
    order = {"rival": OURS.name, "workload": workload.name, "threads": threads}
    with Process("worker", order, threads, {"NUMBA_CACHE_DIR": folder}) as process:
        ready = process.answer(OWN_LIMIT)
        first, _, third = (process.ask("step", OWN_LIMIT)["seconds"] for _ in range(3))
    return Start(ready["import_seconds"], ready["build_seconds"], first, third)
