"""What every test may rely on: Hypothesis that repeats itself, and data packs that say when they are absent."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples on every run, as fast or slow as the machine is, and no database beside the checkout.
settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")

DATA = os.environ.get("TINYCONV_DATA", "")


def pytest_report_header() -> str:
    """Say which data packs the slow tests will find."""
    if not DATA:
        return "data packs: absent (TINYCONV_DATA is not set)"
    packs = sorted(path.name for path in Path(DATA).iterdir() if path.is_dir()) if Path(DATA).is_dir() else []
    return f"data packs: {', '.join(packs) or 'absent'} (TINYCONV_DATA={DATA})"


@pytest.fixture
def pack() -> Callable[[str], Path]:
    """`pack("style")` is that folder or file of TINYCONV_DATA; where it is absent the test is skipped and names it."""

    def find(name: str) -> Path:
        path = Path(DATA, name)
        if not DATA or not path.exists():
            pytest.skip(f"data pack {name!r} is absent from TINYCONV_DATA={DATA!r}")
        return path

    return find
