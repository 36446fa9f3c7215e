"""The experiment with the collapse doctor, without training: its treatments, its table, its net."""

import json
from dataclasses import replace

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.cli.main import main
from tinyconv.experiments import collapse
from tinyconv.experiments.collapse import FAULTS, HEALTHY, Run, Ward
from tinyconv.metric.doctor import Diagnosis

WELL, ILL = Run(Diagnosis("healthy", ""), 200, 0.2), 0.4
CHANGES = {"learning rate too high": {"lr_factor": 0.1}, "margin is 0": {"margin": 0.1}, "margin too large": {"margin": 0.5},
           "labels are shuffled": {"labels": "read again"}}


def fault_of(settings):
    return next(name for name, faulty in FAULTS.items() if faulty == settings)


@pytest.fixture
def wards(monkeypatch):
    """Wards without people, whose doctor is always right and whose trainings take no time; the list of what was trained."""
    trained = []

    def train(self, settings, to_the_end):
        trained.append(settings)
        self.seconds += 1
        if settings in FAULTS.values():
            return Run(Diagnosis(fault_of(settings), "seen", "do", CHANGES[fault_of(settings)]), 50, ILL)
        return replace(WELL, error=0.21) if settings != HEALTHY else WELL

    def ward(self, seed):
        self.seed, self.seconds, self.doctors_seconds = seed, 0.0, 0.01

    monkeypatch.setattr(Ward, "__init__", ward)
    monkeypatch.setattr(Ward, "train", train)
    return trained


def test_every_fault_is_a_change_of_the_healthy_settings_that_its_treatment_undoes():
    for name, change in CHANGES.items():
        treated = FAULTS[name].treated(change)
        assert FAULTS[name] != HEALTHY
        assert treated not in FAULTS.values()
    assert FAULTS["labels are shuffled"].treated(CHANGES["labels are shuffled"]) == HEALTHY
    rate = CHANGES["learning rate too high"]
    assert FAULTS["learning rate too high"].treated(rate).treated(rate) == HEALTHY  # exactly, in floating point too


def test_a_record_counts_right_names_and_recoveries(wards, tmp_path, monkeypatch, capsys):
    for module in ("tinyconv.cli.reproduce", "tinyconv.experiments.results"):
        monkeypatch.setattr(f"{module}.FOLDER", tmp_path)
    assert main(["reproduce", "collapse", "--json", "--seed", "2"]) == 0
    printed = capsys.readouterr()
    record = json.loads(printed.out)
    assert record["measured"] == 100
    assert record["spread"] == 0
    assert record["seeds"] == list(range(20, 30))
    assert record["also"] == {"healthy runs alarmed": 0, "recovered by the advice": 100, "as good untreated": 0,
                              "equal error rate healthy": 20, "equal error rate untreated": 40,
                              "equal error rate treated": pytest.approx(20.8, abs=0.05),
                              "the doctor's share of a step's time": pytest.approx(0.3, abs=0.2)}
    for name in FAULTS:
        assert f"{name}: step 50: {name}: seen. do." in printed.err
    assert len(wards) == 10 + 5 * (4 + 3)  # with the labels read again it is the healthy run, which is not run again


def test_wrong_names_and_false_alarms_are_counted_too(wards, tmp_path, monkeypatch):
    def train(self, settings, to_the_end):
        wards.append(settings)
        self.seconds += 1
        return Run(Diagnosis("margin is 0", "", "", {"margin": 0.1}), 50, ILL)

    monkeypatch.setattr(Ward, "train", train)
    found = collapse.run(0, tmp_path / "c.npz")
    assert found.measured == 25
    assert found.also["healthy runs alarmed"] == 100
    assert found.also["recovered by the advice"] == 100  # all are as bad as the healthy ones
    assert len(wards) == 10 + 5 * 4 * (1 + collapse.TREATMENTS)  # the doctor is never content


def test_the_confusion_table_has_a_row_for_each_fault():
    lines = collapse.confusion({"healthy": ["healthy", "healthy"], "margin is 0": ["margin is 0", "collapsed"]}).splitlines()
    cells = [[cell.strip() for cell in line.split("|")] for line in lines]
    assert cells == [["fault", "healthy", "margin is 0", "collapsed"], ["healthy", "2", "0", "0"], ["margin is 0", "0", "1", "1"]]
    assert len({len(line) for line in lines}) == 1


def test_the_encoder_of_the_experiment_gives_points_of_length_one():
    pictures = np.random.default_rng(1).random((5, 24, 24, 3), np.float32)
    with tc.use_kernel("im2col"):  # nothing to compile
        points = collapse.tanh_encoder(np.random.default_rng(0))(tc.tensor(pictures))
    assert points.shape == (5, 32)
    np.testing.assert_allclose(np.linalg.norm(points.data, axis=1), 1, rtol=1e-5)


def test_a_fault_stays_in_its_settings_and_not_in_the_people(monkeypatch):
    for name, size in (("TRAIN_PEOPLE", 3), ("TEST_PEOPLE", 3), ("TRAIN_IMAGES", 2), ("TEST_IMAGES", 2)):
        monkeypatch.setattr(collapse, name, size)
    ward = Ward(7)
    assert ward.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert ward.faces.shape == (6, 24, 24, 3)
    assert not np.array_equal(ward.faces, ward.unseen)
    perfect = tc.nn.Sequential(who=lambda x: tc.tensor(np.repeat(np.eye(3), 2, axis=0)))
    assert ward.equal_error_rate(perfect) == 0
