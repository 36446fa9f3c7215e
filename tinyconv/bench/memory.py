"""How much memory this process holds, and has held at most."""

from __future__ import annotations

import sys
from pathlib import Path

try:
    import resource
except ImportError:  # Windows has none
    resource = None  # type: ignore[assignment]

STATUS, FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")  # Linux


def resident_bytes() -> int | None:
    """What is in memory now; where the system does not say, the most there was."""
    return _status("VmRSS") or _maximum()


def peak_bytes() -> int | None:
    """The most there was in memory since `forget_peak`, or since the start where that cannot be forgotten."""
    return _status("VmHWM") or _maximum()


def forget_peak() -> None:
    """Let the peak begin anew from what is in memory now, where the system can."""
    try:
        FORGET.write_text("5", encoding="ascii")
    except OSError:
        return


def _status(name: str) -> int | None:
    try:
        lines = STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), None)


def _maximum() -> int | None:
    """In bytes on macOS, in kilobytes elsewhere."""
    if resource is None:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
