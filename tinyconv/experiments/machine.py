"""What a measured figure depends on: this machine and its versions, in words."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def machine() -> str:
    """Processor, cores this process may use, system, Python, NumPy and Numba."""
    versions = ", ".join(f"{name} {package_version(name)}" for name in ("numpy", "numba"))
    return (f"{_processor()}, {cores()} {'core' if cores() == 1 else 'cores'}, {platform.system()} {platform.machine()}, "
            f"Python {platform.python_version()}, {versions}")


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def package_version(name: str) -> str:
    """The installed version of a package, or "absent"."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def _processor() -> str:
    """What Linux calls the processor; elsewhere what Python calls it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
