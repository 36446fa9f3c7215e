"""What an experiment found, as one JSON file each, and README's table made from those files."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from tinyconv.data.files import whole_file

FOLDER = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Result:
    """One measured figure beside the published one.

    Attributes
    ----------
    measured, published : in the unit that `metric` names
    spread : standard deviation over `seeds`; None for a single seed
    source : where the published figure stands; `recalled` if it was written from memory and not checked
    """

    name: str
    metric: str
    measured: float
    spread: float | None
    published: float
    source: str
    recalled: bool
    seeds: tuple[int, ...]
    seconds: float
    machine: str
    data: str
    command: str

    def save(self) -> None:
        """Write `results/NAME.json`, whole or not at all."""
        path = FOLDER / f"{self.name}.json"
        with whole_file(path) as partial:
            partial.write_text(self.json() + "\n", encoding="utf-8")

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
        spread = "" if r.spread is None else f" ± {r.spread:g}"
        recalled = " (recalled, not checked)" if r.recalled else ""
        lines.append(f"| {r.name} | {r.metric} | {r.measured:g}{spread} | {r.published:g}{recalled}, {r.source} "
                     f"| {r.seconds:.0f} | `{r.command}` |")
    return "\n".join(lines)
