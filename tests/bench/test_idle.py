"""Waiting for a machine at rest: it ends when nothing runs, gives up on a busy machine, and works where nobody tells."""

from __future__ import annotations

import itertools

import pytest

from tinyconv.bench import idle


@pytest.fixture(autouse=True)
def short_looks(monkeypatch):
    monkeypatch.setattr(idle, "LOOK", 0.02)


def told(monkeypatch, ticks):
    """Let the system say that so many ticks were worked, one figure at each question."""
    monkeypatch.setattr(idle, "_ticks", lambda: next(ticks))


def test_machine_at_rest_is_not_waited_for(monkeypatch):
    told(monkeypatch, iter([70, 70]))
    assert idle.wait_until_idle()


def test_spinning_threads_are_waited_for(monkeypatch):
    ticks = iter([0, 100, 100, 200, 200, 200])  # busy, busy, at rest
    told(monkeypatch, ticks)
    assert idle.wait_until_idle()
    assert list(ticks) == []


def test_busy_machine_is_given_up(monkeypatch):
    told(monkeypatch, itertools.count(0, 1000))
    assert not idle.wait_until_idle(most=0.05)


def test_system_that_does_not_tell_is_believed(monkeypatch, tmp_path):
    monkeypatch.setattr(idle, "STATISTICS", tmp_path / "absent")
    assert idle.wait_until_idle()


@pytest.mark.parametrize(("line", "ticks"), [
    ("cpu  5 1 2 900 80 3 4 0 0 0\ncpu0 1", 15), ("cpu 5 1", None), ("intr 4 x", None), ("", None),
])
def test_ticks_are_those_of_work(monkeypatch, tmp_path, line, ticks):
    (tmp_path / "stat").write_text(line)
    monkeypatch.setattr(idle, "STATISTICS", tmp_path / "stat")
    assert idle._ticks() == ticks
