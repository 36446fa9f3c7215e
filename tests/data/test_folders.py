"""A folder is tried before the work, and left as it was."""

import os

import pytest

import tinyconv as tc
from tinyconv.cli.main import main
from tinyconv.data import folders


def test_a_folder_that_can_be_written_stays_empty(tmp_path):
    folders.check_writable(tmp_path)
    assert os.listdir(tmp_path) == []


def test_an_absent_or_protected_folder_is_named(tmp_path, monkeypatch):
    with pytest.raises(tc.DataError, match="nowhere does not exist"):
        folders.check_writable(tmp_path / "nowhere")

    def protected(dir):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(folders.tempfile, "TemporaryFile", protected)
    with pytest.raises(tc.DataError, match=r"cannot be written into \(Permission denied\)"):
        folders.check_writable(tmp_path)


def test_an_experiment_that_could_not_record_its_result_does_not_start(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("tinyconv.cli.reproduce.FOLDER", tmp_path / "nowhere")
    assert main(["reproduce", "cifar10", "--checkpoint", str(tmp_path / "c.npz")]) == 2
    assert "nowhere does not exist" in capsys.readouterr().err
