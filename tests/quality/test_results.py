"""README's table is what the recorded results say, and every record is complete."""

from pathlib import Path

from tinyconv.experiments.registry import EXPERIMENTS
from tinyconv.experiments.results import load_results, table

README = Path(__file__).resolve().parents[2] / "README.md"


def test_readme_table_is_made_from_the_recorded_results():
    text = README.read_text(encoding="utf-8")
    shown = text.partition("<!-- results -->\n")[2].partition("\n<!-- /results -->")[0]
    assert shown == table()


def test_every_experiment_has_a_recorded_result_that_its_command_would_write_again():
    results = {result.name: result for result in load_results()}
    assert results.keys() == EXPERIMENTS.keys()
    for name, result in results.items():
        assert result.command.startswith(f"tinyconv reproduce {name} ")
        assert result.seconds > 0
        assert result.seeds
        assert result.machine
