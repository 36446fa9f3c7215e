"""One rival in a process of its own: it builds a workload, then takes steps whenever a line on its standard input says so.

Every line, either way, is one JSON object. The first answer comes unasked, once the workload is built.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from tinyconv.bench.catalogue import WORKLOADS
from tinyconv.bench.memory import forget_peak, peak_bytes, resident_bytes
from tinyconv.bench.rivals import EVERYBODY
from tinyconv.errors import TinyconvError

TURN = 0.1  # seconds of steps that are timed together, at least one step
LONG = 1.0  # seconds after which a step needs no other before it to wake the processors


def main() -> None:
    """Serve one parent: the workload, the rival and the threads are given as JSON on the command line."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints goes to the errors

    def answer(**fields: Any) -> None:
        answers.write(json.dumps(fields) + "\n")
        answers.flush()

    order = json.loads(sys.argv[1])
    rival = EVERYBODY[order["rival"]]
    began = time.perf_counter()
    module = importlib.import_module(f"tinyconv.bench.rivals.{rival.module}")
    imported, before = time.perf_counter(), resident_bytes()
    try:
        step = module.build(WORKLOADS[order["workload"]], order["threads"], **rival.options)
    except TinyconvError as error:
        answer(cannot=str(error))
        return
    answer(import_seconds=imported - began, build_seconds=time.perf_counter() - imported)
    commands: dict[str, Callable[[], dict[str, Any]]] = {
        "step": lambda: _one(step), "turn": lambda: _turn(step), "forget": _forget, "memory": lambda: _memory(before),
    }
    for line in sys.stdin:
        answer(**commands[json.loads(line)["do"]]())


def _one(step: Callable[[], Any]) -> dict[str, Any]:
    """One step, its seconds and its value: a loss, or the numbers of an output."""
    began = time.perf_counter()
    value = step()
    return {"seconds": time.perf_counter() - began, "value": np.ravel(value).astype(float).tolist()}


def _turn(step: Callable[[], Any]) -> dict[str, Any]:
    """Seconds of a step: one that wakes the processors, then as many as fit into `TURN`; a long step is its own measure."""
    began = time.perf_counter()
    step()
    steps, spent = 1, time.perf_counter() - began
    if spent < LONG:
        steps, began = 0, time.perf_counter()
        while steps == 0 or spent < TURN:
            step()
            steps, spent = steps + 1, time.perf_counter() - began
    return {"seconds": spent / steps, "steps": steps}


def _forget() -> dict[str, Any]:
    """From here on the peak of memory is that of steps, not that of building and compiling."""
    forget_peak()
    return {}


def _memory(before: int | None) -> dict[str, Any]:
    """The most memory that steps held, and how much of it the process had before it built the workload."""
    return {"peak_bytes": peak_bytes(), "before_bytes": before}
