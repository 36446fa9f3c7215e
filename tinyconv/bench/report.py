"""The races as text, and as JSON with every time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from tinyconv.bench import rivals as known
from tinyconv.bench.race import Entry, Race
from tinyconv.bench.rivals import OURS, Rival
from tinyconv.bench.workload import SEED
from tinyconv.data.files import whole_file
from tinyconv.experiments.machine import machine, package_version

MEGABYTE = 2**20
COLUMNS = f"{'':23}{'median ms':>11}{'least ms':>11}{'ratio':>8}{'peak MB':>10}{'added MB':>10}{'ratio':>8}{'first step s':>14}  "
LEGEND = """\
Times are of one step. Memory is the most that a process held while it took steps, and what of it was added since the workload
was built. Ratios are tinyconv / rival, of medians and of added memory: below 1 tinyconv is faster, or smaller."""


def conditions(rivals: Iterable[Rival], threads: int, repeat: int) -> dict[str, Any]:
    """What the figures depend on."""
    packages = dict.fromkeys(package for rival in rivals for package in rival.packages)
    return {
        "machine": machine(), "versions": {name: package_version(name) for name in (OURS.name, *packages)},
        "threads": threads, "turns": repeat, "seed": SEED,
        "date": datetime.now(timezone.utc).astimezone().isoformat(timespec="minutes"),
    }


def heading(facts: Mapping[str, Any]) -> str:
    """The conditions, and how to read what follows."""
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return "\n".join([
        f"machine: {facts['machine']}", f"versions: {versions}",
        f"threads: {facts['threads']} for each rival; turns: {facts['turns']}; seed: {facts['seed']}; date: {facts['date']}",
        LEGEND,
    ])


def table(race: Race) -> str:
    """One workload: for each rival a line with its times, its memory, and whether it computes the same; then the verdicts."""
    compared = "output" if race.workload.learning is None else "losses of the first steps"
    lines = [f"{race.workload.name}: {race.workload.sentence}", f"{COLUMNS}{compared}"]
    lines += [_line(race, entry) for entry in race.entries]
    lines += [f"  tinyconv / {name}: {median:.2f} by the medians, {least:.2f} by the least times"
              for name, (median, least) in _ratios(race).items()]
    if race.busy:
        lines.append(f"  {race.busy} turns began though the machine was not at rest: the figures are less certain.")
    return "\n".join(lines)


def write_json(path: str | Path, facts: Mapping[str, Any], races: Sequence[Race],
               roofline: Mapping[str, Any] | None = None) -> None:
    """Everything that was measured, all raw times in seconds and memory in bytes; `roofline` is None if there is no picture."""
    content = {**facts, "workloads": [_record(race) for race in races], "roofline": roofline}
    with whole_file(path) as partial:
        partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _line(race: Race, entry: Entry) -> str:
    start = f"  {entry.rival:21}"
    if entry.problem:
        return f"{start}no figures: {entry.problem}."
    alone = entry is race.ours or bool(race.ours.problem)
    times = f"{1000 * entry.median:11.2f}{1000 * min(entry.seconds):11.2f}"
    time_ratio = "" if alone else f"{race.ours.median / entry.median:.2f}"
    memory = f"{_megabytes(entry.peak_bytes):>10}{_megabytes(entry.added_bytes):>10}"
    memory_ratio = "" if alone else _memory_ratio(race.ours.added_bytes, entry.added_bytes)
    figures = f"{times}{time_ratio:>8}{memory}{memory_ratio:>8}{entry.first_seconds[0]:14.2f}"
    return f"{start}{figures}  {_compared(race, entry, alone)}"


def _compared(race: Race, entry: Entry, alone: bool) -> str:
    """What tinyconv computed, and how near the others came."""
    if alone:
        is_output = race.workload.learning is None
        return f"{len(entry.values[0])} numbers" if is_output else ", ".join(f"{loss:.6g}" for (loss,) in entry.values)
    difference = race.difference(entry)
    return f"{'equal to' if difference <= race.allowed else 'DIFFERENT BY'} {difference:.0e}"


def _ratios(race: Race) -> dict[str, tuple[float, float]]:
    """{name on the command line: tinyconv's time / that of its faster layout, by medians and by least times}."""
    found: dict[str, tuple[float, float]] = {}
    for name, several in known.RIVALS.items():
        names = {rival.name for rival in several}
        entries = [entry for entry in race.finished if entry.rival in names]
        if entries and not race.ours.problem:
            found[name] = (race.ours.median / min(entry.median for entry in entries),
                           min(race.ours.seconds) / min(min(entry.seconds) for entry in entries))
    return found


def _memory_ratio(ours: int | None, theirs: int | None) -> str:
    return f"{ours / theirs:.2f}" if ours and theirs and theirs > 0 else "-"


def _megabytes(count: int | None) -> str:
    return "-" if count is None else f"{count / MEGABYTE:.0f}"


def _record(race: Race) -> dict[str, Any]:
    return {
        "name": race.workload.name, "sentence": race.workload.sentence,
        "busy_turns": race.busy, "allowed_difference": race.allowed,
        "rivals": [_entry_record(race, entry) for entry in race.entries],
        "ratios": {name: {"medians": median, "least": least} for name, (median, least) in _ratios(race).items()},
    }


def _entry_record(race: Race, entry: Entry) -> dict[str, Any]:
    """An output's numbers are left out, losses are not."""
    losses = [] if race.workload.learning is None else [loss for values in entry.values for loss in values]
    record = {"rival": entry.rival, "problem": entry.problem, "seconds": entry.seconds, "first_seconds": entry.first_seconds,
              "losses": losses, "peak_bytes": entry.peak_bytes, "added_bytes": entry.added_bytes}
    if entry.problem or race.ours.problem:
        return record
    return record | {"median": entry.median, "least": min(entry.seconds), "difference": race.difference(entry)}
