"""The report: each figure stands in its column, ratios are tinyconv / rival, and the JSON has every time."""

from __future__ import annotations

import json

import pytest

from tinyconv.bench import report
from tinyconv.bench.catalogue import WORKLOADS
from tinyconv.bench.race import Entry, Race

MEGABYTE = 2**20


@pytest.fixture
def race():
    entries = [
        Entry("tinyconv", [0.003, 0.001, 0.002], [4.0, 1.0, 1.0], [[2.5], [2.25], [2.0]], 90 * MEGABYTE, 30 * MEGABYTE),
        Entry("torch", [0.005, 0.004, 0.006], [1.5, 1.0, 1.0], [[2.5], [2.25], [2.0]], 400 * MEGABYTE, 60 * MEGABYTE),
        Entry("torch, channels last", [0.008, 0.004, 0.004], [0.5, 1.0, 1.0], [[2.5], [2.25], [2.1]], None, None),
        Entry("mygrad", problem="it took more than 60 s"),
    ]
    return Race(WORKLOADS["mlp"], entries, busy=2)


def test_table_shows_times_memory_ratios_and_agreement(race):
    lines = report.table(race).splitlines()
    assert lines[0].startswith("mlp: training step of two linear layers")
    assert lines[2].split() == ["tinyconv", "2.00", "1.00", "90", "30", "4.00", "2.5,", "2.25,", "2"]
    assert lines[3].split() == ["torch", "5.00", "4.00", "0.40", "400", "60", "0.50", "1.50", "equal", "to", "0e+00"]
    assert lines[4].split()[3:] == ["4.00", "4.00", "0.50", "-", "-", "-", "0.50", "DIFFERENT", "BY", "5e-02"]
    assert lines[5].split(maxsplit=1) == ["mygrad", "no figures: it took more than 60 s."]


def test_verdict_is_against_the_faster_layout(race):
    lines = report.table(race).splitlines()
    assert lines[6] == "  tinyconv / torch: 0.50 by the medians, 0.25 by the least times"
    assert lines[7].startswith("  2 turns began though the machine was not at rest")
    assert len(lines) == 8


def test_table_without_figures_of_tinyconv_shows_the_others(race):
    race.entries[0] = Entry("tinyconv", problem="it ended with code 1: no")
    lines = report.table(race).splitlines()
    assert "no figures: it ended with code 1" in lines[2]
    assert lines[3].split()[:3] == ["torch", "5.00", "4.00"]


def test_json_has_every_time_and_the_conditions(race, tmp_path):
    facts = report.conditions([], threads=2, repeat=3)
    report.write_json(tmp_path / "out.json", facts, [race])
    found = json.loads((tmp_path / "out.json").read_text())
    assert {"machine", "versions", "threads", "turns", "seed", "date"} <= set(found)
    (workload,) = found["workloads"]
    ours, torch, _, mygrad = workload["rivals"]
    assert (ours["seconds"], ours["losses"], ours["first_seconds"][0]) == ([0.003, 0.001, 0.002], [2.5, 2.25, 2.0], 4.0)
    assert (torch["median"], torch["difference"], torch["added_bytes"]) == (0.005, 0.0, 60 * MEGABYTE)
    assert mygrad["problem"] == "it took more than 60 s"
    assert workload["ratios"] == {"torch": {"medians": 0.5, "least": 0.25}}


def test_heading_names_machine_versions_threads_seed_and_date():
    facts = {"machine": "a machine", "versions": {"tinyconv": "1", "torch": "2"}, "threads": 2, "turns": 7, "seed": 0,
             "date": "today"}
    lines = report.heading(facts).splitlines()
    assert lines[:3] == ["machine: a machine", "versions: tinyconv 1, torch 2",
                         "threads: 2 for each rival; turns: 7; seed: 0; date: today"]
