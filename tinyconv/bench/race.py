"""A race: every rival in a process of its own takes steps in turns, on a machine at rest, from the same weights and inputs."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from tinyconv.bench.idle import wait_until_idle
from tinyconv.bench.process import Gone, Process
from tinyconv.bench.rivals import OURS, Rival
from tinyconv.bench.workload import Workload

FIRST = 3  # steps whose losses are compared
SAME_LOSS, SAME_OUTPUT = 1e-5, 1e-4  # largest relative difference from tinyconv
LIMIT, OWN_LIMIT = 60.0, 600.0  # seconds for one answer of a rival, and of tinyconv, which may compile


@dataclass
class Entry:
    """What one rival did.

    Attributes
    ----------
    seconds : of a step, one figure for each turn
    first_seconds : of the first steps, one each; what is compiled, is compiled then
    values : of the first steps: [loss] each, or all numbers of the output
    peak_bytes, added_bytes : the most memory while steps ran: of the process, and without what it had before the workload was
        built; None if the system does not say
    problem : why there are no figures; empty if there are
    """

    rival: str
    seconds: list[float] = field(default_factory=list)
    first_seconds: list[float] = field(default_factory=list)
    values: list[list[float]] = field(default_factory=list)
    peak_bytes: int | None = None
    added_bytes: int | None = None
    problem: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


@dataclass
class Race:
    """One workload, all rivals, tinyconv first; `busy` counts the turns that began though the machine was not at rest."""

    workload: Workload
    entries: list[Entry]
    busy: int = 0

    @property
    def ours(self) -> Entry:
        return self.entries[0]

    @property
    def finished(self) -> list[Entry]:
        """The entries with figures."""
        return [entry for entry in self.entries if not entry.problem]

    def difference(self, entry: Entry) -> float:
        """How far the entry's first values are from tinyconv's: relative, for outputs relative to the largest number."""
        if not all(np.isfinite(values).all() for values in (*self.ours.values, *entry.values)):
            return float("inf")
        pairs = zip(self.ours.values, entry.values, strict=True)
        return max(float(np.max(np.abs(np.subtract(a, b))) / max(np.max(np.abs(b)), 1e-30)) for a, b in pairs)

    @property
    def allowed(self) -> float:
        """The largest `difference` that counts as the same."""
        return SAME_OUTPUT if self.workload.learning is None else SAME_LOSS

    def disagreements(self) -> list[str]:
        """A line about each rival whose values are not tinyconv's, and about a tinyconv without figures."""
        if self.ours.problem:
            return [f"{self.workload.name}: tinyconv has no figures: {self.ours.problem}."]
        what = "outputs" if self.workload.learning is None else "losses"
        return [f"{self.workload.name}: the {what} of tinyconv and {entry.rival} differ by {self.difference(entry):.1e}, "
                f"allowed are {self.allowed:.0e}." for entry in self.finished if not self.difference(entry) <= self.allowed]


def run(workload: Workload, rivals: Iterable[Rival], threads: int, repeat: int,
        told: Callable[[str], None] = lambda text: None) -> Race:
    """Run the race: all rivals build and take their first steps one after the other, then `repeat` turns A B C A B C.

    Parameters
    ----------
    threads : for each rival
    repeat : turns of each
    told : is told what happens now, for a progress bar
    """
    contenders = [OURS, *(rival for rival in rivals if rival.takes_part(workload))]
    race = Race(workload, [Entry(rival.name) for rival in contenders])
    with contextlib.ExitStack() as stack:
        runners: list[tuple[Entry, Process]] = []
        for rival, entry in zip(contenders, race.entries, strict=True):
            told(f"{workload.name}: {rival.name} begins")
            wait_until_idle()
            order = {"rival": rival.name, "workload": workload.name, "threads": threads}
            runners.append((entry, stack.enter_context(Process("worker", order, threads))))
            _attempt(*runners[-1], _begin)
        for turn in range(repeat):
            for entry, process in runners:
                if not entry.problem:
                    told(f"{workload.name}: {entry.rival}, turn {turn + 1} of {repeat}")
                    race.busy += not wait_until_idle()
                    _attempt(entry, process, _turn)
        for entry, process in runners:
            _attempt(entry, process, _end)
    return race


def _attempt(entry: Entry, process: Process, part: Callable[[Entry, Process, float], None]) -> None:
    """Let the rival do a part of the race, unless it has given up; if it cannot, write down why."""
    if entry.problem:
        return
    try:
        part(entry, process, OWN_LIMIT if entry.rival == OURS.name else LIMIT)
    except Gone as gone:
        entry.problem = str(gone).rstrip(".")


def _begin(entry: Entry, process: Process, limit: float) -> None:
    process.answer(limit)
    for _ in range(FIRST):
        answer = process.ask("step", limit)
        entry.first_seconds.append(answer["seconds"])
        entry.values.append(answer["value"])
    process.ask("forget", limit)


def _turn(entry: Entry, process: Process, limit: float) -> None:
    entry.seconds.append(process.ask("turn", limit)["seconds"])


def _end(entry: Entry, process: Process, limit: float) -> None:
    memory = process.ask("memory", limit)
    peak, before = memory["peak_bytes"], memory["before_bytes"]
    entry.peak_bytes = peak
    entry.added_bytes = None if peak is None or before is None else peak - before
