"""What every test may rely on: Hypothesis that repeats itself, and a first line that says which data packs are there."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples on every run, as fast or slow as the machine is, and no database beside the checkout.
settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")

# Started in the background, as continuous integration may be, Ctrl-C is ignored, and so by all children: tests send it to them.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """The collected tests stay to the end: the garbage collector need not look through them again and again."""
    gc.collect()
    gc.freeze()


def pytest_report_header() -> str:
    """Say which data packs the slow tests will find."""
    folder = os.environ.get("TINYCONV_DATA")
    if not folder:
        return "data packs: absent (TINYCONV_DATA is not set)"
    packs = sorted(path.name for path in Path(folder).iterdir() if path.is_dir()) if Path(folder).is_dir() else []
    return f"data packs: {', '.join(packs) or 'absent'} (TINYCONV_DATA={folder})"


@pytest.fixture
def pack() -> Callable[[str], Path]:
    """`pack("style/wave.jpg")` is that file in TINYCONV_DATA; where it is absent the test is skipped and names it."""

    def find(name: str) -> Path:
        folder = os.environ.get("TINYCONV_DATA")
        if not folder or not Path(folder, name).exists():
            pytest.skip(f"data pack {name} is absent: TINYCONV_DATA={folder}")
        return Path(folder, name)

    return find
