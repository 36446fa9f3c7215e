"""Waiting until the processors rest: threads of BLAS and OpenMP spin on after their work, and would slow whoever comes next."""

from __future__ import annotations

import time
from pathlib import Path

from tinyconv.experiments.machine import cores

STATISTICS = Path("/proc/stat")  # Linux; its first line counts ticks of 10 ms: user, nice, system, idle, waiting, ...
LOOK = 0.1  # seconds; OpenBLAS's threads spin for 0.12
BUSY = 0.3  # of a processor: less is the noise of a machine at rest


def wait_until_idle(most: float = 2.0) -> bool:
    """Wait until nearly nothing runs, `most` seconds at most; True if it came to rest.

    Where the system does not tell what runs, wait for as long as such threads spin, and believe it.
    """
    until = time.monotonic() + most
    while (busy := _busy_processors()) is not None:
        if busy < max(BUSY, 0.05 * cores()):
            return True
        if time.monotonic() > until:
            return False
    time.sleep(2 * LOOK)
    return True


def _busy_processors() -> float | None:
    """How many processors were at work during a short look; None if the system does not say."""
    before = _ticks()
    began = time.monotonic()
    time.sleep(LOOK)
    after = _ticks()
    if before is None or after is None:
        return None
    return (after - before) / 100 / (time.monotonic() - began)


def _ticks() -> int | None:
    """Ticks of 10 ms that all processors together have worked."""
    try:
        counts = [int(count) for count in STATISTICS.read_text(encoding="ascii").split("\n", 1)[0].split()[1:]]
    except (OSError, ValueError):
        return None
    return sum(counts[:3]) + sum(counts[5:8]) if len(counts) >= 8 else None
