"""What every verb of `tinyconv faces` says: results as text or as one JSON object, and problems, one line each."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from tinyconv.data.quoting import one_line


def show(arguments: argparse.Namespace, facts: dict[str, Any], text: str) -> None:
    """Print the result: `facts` as JSON if --json is given, else `text`."""
    print(json.dumps(facts, indent=2, ensure_ascii=False) if arguments.json else text, flush=True)


def complain(problem: object) -> str:
    """Print a problem that does not end the work on standard error, on one line, which is returned."""
    line = one_line(problem, 10_000)
    print(f"tinyconv faces: {line}", file=sys.stderr, flush=True)
    return line


def counted(count: int, one: str, many: str | None = None) -> str:
    """"1 face", "2 faces", "1,000 people"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def threshold_in_words(calibration: Any) -> str:
    """Where a gallery's threshold comes from; `calibration` is that of `Gallery.calibration`."""
    if calibration is None:
        return "the encoder's own"
    return (f"accepted {100 * calibration.false_match_rate:.3g} % of {calibration.pairs:,} pairs of different people, "
            f"{calibration.calibrated[:10]}")
