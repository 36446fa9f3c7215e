"""`tinyconv bench` as a user meets it: a table, a file, a picture; 1 if somebody computes something else, 2 for a wrong wish."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from tinyconv.bench import race, rivals
from tinyconv.bench.catalogue import WORKLOADS
from tinyconv.bench.race import Entry, Race
from tinyconv.cli.main import main


@pytest.fixture
def alone(monkeypatch):
    """No rival is known."""
    monkeypatch.setattr(rivals, "RIVALS", {})


def fake_race(monkeypatch, theirs):
    def run(workload, *_):
        return Race(workload, [Entry("tinyconv", [1.0], [1.0], [[2.0]]), Entry("torch", [2.0], [1.0], [[theirs]])])

    monkeypatch.setattr(race, "run", run)
    monkeypatch.setattr(rivals, "chosen", lambda names: (list(rivals.RIVALS["torch"]), ["mygrad is left out: ask for it."]))


def test_workload_runs_alone_and_is_written_as_json(alone, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(race, "wait_until_idle", lambda: True)  # no figure is looked at
    assert main(["bench", "mlp", "--threads", "1", "--json", str(tmp_path / "out.json")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[:3]] == ["machine", "versions", "threads"]
    assert any(line.startswith("mlp: training step") for line in lines)
    (workload,) = json.loads((tmp_path / "out.json").read_text())["workloads"]
    (ours,) = workload["rivals"]
    assert len(ours["seconds"]) == 7
    assert ours["losses"][2] < ours["losses"][0]


def test_same_losses_end_with_code_0(monkeypatch, capsys):
    fake_race(monkeypatch, 2.0)
    assert main(["bench", "mlp", "volume", "--against", "torch"]) == 0
    out, errors = capsys.readouterr()
    assert out.count("tinyconv / torch: 0.50") == 2
    assert "mygrad is left out: ask for it." in out.splitlines()
    assert errors == ""


def test_other_losses_end_with_code_1_and_one_line(monkeypatch, capsys):
    fake_race(monkeypatch, 2.1)
    assert main(["bench", "mlp"]) == 1
    out, errors = capsys.readouterr()
    assert "DIFFERENT BY 5e-02" in out
    assert errors.splitlines() == ["tinyconv bench: mlp: the losses of tinyconv and torch differ by 4.8e-02, allowed are 1e-05."]


def test_list_names_every_workload_and_says_what_it_is(capsys):
    assert main(["bench", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(WORKLOADS)
    assert all(WORKLOADS[line.split()[0]].sentence in line for line in lines)


@pytest.mark.slow
def test_cold_start_shows_the_first_and_the_second_process(capsys):
    assert main(["bench", "--cold", "mlp", "--threads", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["first", "process,", "empty", "cache", "second", "process"]
    assert [float(figure) >= 0 for figure in lines[2].split()[1:]] == [True] * 8


def test_plot_is_a_picture_of_the_convolutions(alone, tmp_path, capsys, monkeypatch):
    fake_race(monkeypatch, 2.0)
    points = [{"contraction": "forward", "intensity": 3.0, "rate": 20.0}]
    monkeypatch.setattr("tinyconv.bench.roofline.measure", lambda *_: {"peak": 100.0, "bandwidth": 10.0, "points": points})
    monkeypatch.setattr(rivals, "chosen", lambda names: ([], []))
    path = tmp_path / "roof.png"
    assert main(["bench", "mlp", "--plot", str(path)]) == 0
    with Image.open(path) as picture:
        assert picture.format == "PNG"
    assert "roof.png: The convolutions of mlp" in capsys.readouterr().out


@pytest.mark.parametrize(("arguments", "message"), [
    (["fft"], "workload 'fft' is unknown"),
    (["mlp", "conv"], "workload 'conv' is unknown"),
    (["mlp", "--repeat", "6"], "--repeat is 6, expected at least 7"),
    (["mlp", "--threads", "0"], "--threads 0"),
    (["mlp", "--threads", "9999"], "--threads 9999"),
    (["mlp", "--against", "jax"], "rival 'jax' is unknown"),
    (["mlp", "--layer", "1x1"], "--layer belongs to 'conv'"),
    (["mlp", "--json", "no/where.json"], "the folder no does not exist"),
    (["mlp", "--json", "."], ". is a folder"),
    (["mlp", "--plot", "roof.txt"], "has the ending '.txt'"),
])
def test_wrong_wish_ends_with_one_line_and_code_2(arguments, message, capsys):
    assert main(["bench", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
