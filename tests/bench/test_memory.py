"""Memory of this process: the peak remembers what was held, and forgets it when told to."""

from __future__ import annotations

import numpy as np
import pytest

from tinyconv.bench import memory

BLOCK = 64 * 2**20


def hold():
    return int(np.ones(BLOCK, np.uint8).sum())


def test_peak_remembers_what_was_held():
    before = memory.resident_bytes()
    assert hold() == BLOCK
    assert memory.peak_bytes() >= before + BLOCK // 2


@pytest.mark.skipif(not memory.FORGET.exists(), reason="only Linux forgets a peak")
def test_peak_is_forgotten_when_told():
    hold()
    held = memory.peak_bytes()
    memory.forget_peak()
    assert memory.peak_bytes() < held - BLOCK // 2


def test_system_without_a_status_file_still_knows_its_maximum(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "STATUS", tmp_path / "absent")
    monkeypatch.setattr(memory, "FORGET", tmp_path / "absent" / "too")
    memory.forget_peak()
    known = memory.peak_bytes()
    assert known is None if memory.resource is None else known > 2**20
