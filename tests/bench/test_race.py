"""The race: turns are taken one after the other, who cannot go on drops out, and who computes something else is named."""

from __future__ import annotations

import numpy as np
import pytest

from tinyconv.bench import race
from tinyconv.bench.catalogue import WORKLOADS
from tinyconv.bench.process import Gone
from tinyconv.bench.race import Entry, Race
from tinyconv.bench.rivals import RIVALS, Rival


class FakeProcess:
    """Stands for a worker: the steps and turns of all are written into one list."""

    calls: list[tuple[str, str]] = []  # noqa: RUF012  emptied by the fixture

    def __init__(self, module, order, threads, environment=None):
        self.rival = order["rival"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def answer(self, limit):
        if self.rival == "refuses":
            raise Gone("it has no such layer.")
        return {}

    def ask(self, what, limit):
        self.calls.append((self.rival, what))
        if self.rival == "ends" and what == "turn":
            raise Gone("it took more than 60 s")
        return {"step": {"seconds": 0.5, "value": [2.0]}, "turn": {"seconds": 0.25}, "forget": {},
                "memory": {"peak_bytes": 300, "before_bytes": 100}}[what]


@pytest.fixture(autouse=True)
def fakes(monkeypatch):
    FakeProcess.calls = []
    monkeypatch.setattr(race, "Process", FakeProcess)
    monkeypatch.setattr(race, "wait_until_idle", lambda: False)


def others(*names):
    return [Rival(name, "", ()) for name in names]


def test_rivals_take_turns():
    run = race.run(WORKLOADS["mlp"], others("a", "b"), threads=1, repeat=3)
    turns = [rival for rival, what in FakeProcess.calls if what == "turn"]
    assert turns == ["tinyconv", "a", "b"] * 3
    assert [entry.seconds for entry in run.entries] == [[0.25] * 3] * 3
    assert [len(entry.values) for entry in run.entries] == [race.FIRST] * 3
    assert run.busy == 9
    assert (run.ours.peak_bytes, run.ours.added_bytes) == (300, 200)


def test_memory_of_the_first_steps_is_forgotten_before_the_turns():
    race.run(WORKLOADS["mlp"], others("a"), threads=1, repeat=1)
    assert [what for rival, what in FakeProcess.calls if rival == "a"] == ["step"] * race.FIRST + ["forget", "turn", "memory"]


def test_who_refuses_or_takes_too_long_drops_out_and_the_others_go_on():
    run = race.run(WORKLOADS["mlp"], others("refuses", "ends", "b"), threads=1, repeat=2)
    assert [entry.problem for entry in run.entries] == ["", "it has no such layer", "it took more than 60 s", ""]
    assert [rival for rival, what in FakeProcess.calls if what == "turn"] == ["tinyconv", "ends", "b", "tinyconv", "b"]
    assert [entry.rival for entry in run.finished] == ["tinyconv", "b"]
    assert run.disagreements() == []


def test_second_layout_runs_only_where_there_is_one():
    told = []
    race.run(WORKLOADS["signal-5"], RIVALS["torch"], threads=1, repeat=1, told=told.append)
    race.run(WORKLOADS["volume"], RIVALS["torch"], threads=1, repeat=1, told=told.append)
    assert [line for line in told if "channels last" in line and "begins" in line] == ["volume: torch, channels last begins"]


def made(name, ours, theirs):
    entries = [Entry(rival, [1.0], [1.0], values) for rival, values in (("tinyconv", ours), ("torch", theirs))]
    return Race(WORKLOADS[name], entries)


@pytest.mark.parametrize(("theirs", "same"), [
    ([[2.0], [1.0]], True), ([[2.0], [1.000009]], True), ([[2.0], [1.00002]], False), ([[2.0], [float("nan")]], False),
])
def test_losses_must_agree_to_1e_5(theirs, same):
    found = made("mlp", [[2.0], [1.0]], theirs).disagreements()
    assert found == [] if same else found[0].startswith("mlp: the losses of tinyconv and torch differ by")


@pytest.mark.parametrize(("error", "same"), [(0.0, True), (9e-4, True), (2e-3, False)])
def test_outputs_must_agree_to_1e_4_of_the_largest_number(error, same):
    values = np.array([10.0, 0.0, -3.0])
    found = made("mobilefacenet-1", [values.tolist()], [(values + np.array([0, error, 0])).tolist()]).disagreements()
    assert found == [] if same else "outputs" in found[0]


def test_loss_that_is_not_finite_is_no_agreement():
    assert "differ by inf" in made("mlp", [[float("nan")]], [[float("nan")]]).disagreements()[0]


def test_tinyconv_without_figures_is_a_disagreement():
    run = Race(WORKLOADS["mlp"], [Entry("tinyconv", problem="it ended with code 1: no"), Entry("torch", [1.0], [1.0], [[2.0]])])
    assert run.disagreements() == ["mlp: tinyconv has no figures: it ended with code 1: no."]
