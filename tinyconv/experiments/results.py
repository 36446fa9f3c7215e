"""What an experiment found, as one JSON file each, and README's table made from those files."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tinyconv.data.files import whole_file

FOLDER = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Result:
    """One measured figure beside the published one, if there is one.

    Attributes
    ----------
    measured, published : in the unit that `metric` names
    spread : standard deviation over `seeds`; None for a single seed
    published : None if the task is our own
    source : where the published figure stands; `recalled` if it was written from memory and not checked
    also : {name: figure} of what was measured besides, in the same unit
    """

    name: str
    metric: str
    measured: float
    spread: float | None
    published: float | None
    source: str
    recalled: bool
    seeds: tuple[int, ...]
    seconds: float
    machine: str
    data: str
    command: str
    also: dict[str, float] = field(default_factory=dict)

    def save(self) -> None:
        """Write `results/NAME.json`, whole or not at all."""
        path = FOLDER / f"{self.name}.json"
        with whole_file(path) as partial:
            partial.write_text(self.json() + "\n", encoding="utf-8")

    def found(self) -> str:
        """What was measured, in words."""
        spread = "" if self.spread is None else f" ± {self.spread:g}"
        also = f" ({', '.join(f'{name} {figure:g}' for name, figure in self.also.items())})" if self.also else ""
        return f"{self.measured:g}{spread}{also}"

    def reference(self) -> str:
        """What to compare with, in words."""
        recalled = " (recalled, not checked)" if self.recalled else ""
        return self.source if self.published is None else f"{self.published:g}{recalled}, {self.source}"

    def json(self) -> str:
        """The record as one JSON object."""
        return json.dumps(asdict(self), indent=2)


def load_results() -> list[Result]:
    """Every recorded result, by name."""
    return [Result(**json.loads(path.read_text(encoding="utf-8"))) for path in sorted(FOLDER.glob("*.json"))]


def table() -> str:
    """The recorded results as README's Markdown table."""
    lines = ["| experiment | metric | measured | published | seconds | command |", "|---|---|---|---|---|---|"]
    for r in load_results():
        lines.append(f"| {r.name} | {r.metric} | {r.found()} | {r.reference()} | {r.seconds:.0f} | `{r.command}` |")
    return "\n".join(lines)
