"""README's table is what the recorded results say, and every record is complete."""

from dataclasses import replace
from pathlib import Path

from tinyconv.experiments import results
from tinyconv.experiments.registry import EXPERIMENTS
from tinyconv.experiments.results import Result, load_results, table

README = Path(__file__).resolve().parents[2] / "README.md"


def test_readme_table_is_made_from_the_recorded_results():
    text = README.read_text(encoding="utf-8")
    shown = text.partition("<!-- results -->\n")[2].partition("\n<!-- /results -->")[0]
    assert shown == table()


def test_every_experiment_has_a_recorded_result_that_its_command_would_write_again():
    recorded = {result.name: result for result in load_results()}
    assert recorded.keys() == EXPERIMENTS.keys()
    for name, result in recorded.items():
        assert result.command.startswith(f"tinyconv reproduce {name} ")
        assert result.seconds > 0
        assert result.seeds
        assert result.machine


RECORDED = Result(
    name="made_up", metric="accuracy, %", measured=81.25, spread=None, published=90.0, source="A. Nobody, 1999", recalled=False,
    seeds=(7,), seconds=61.7, machine="an abacus", data="beads", command="tinyconv x",
)


def test_table_has_a_row_for_each_saved_result(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    assert len(table().splitlines()) == 2
    RECORDED.save()
    replace(RECORDED, name="twice", measured=82.5, spread=0.5, recalled=True).save()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made_up.json", "twice.json"]
    once, twice = table().splitlines()[2:]
    shown = ("made_up", "accuracy, %", "81.25", "90", "A. Nobody, 1999", "62", "`tinyconv x`")
    assert [text for text in shown if text not in once] == []
    assert "±" not in once
    assert "recalled" not in once
    assert "82.5 ± 0.5" in twice
    assert "recalled" in twice
