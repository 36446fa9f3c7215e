"""A folder is tried before the work; a file is written whole or not at all."""

import contextlib
import os
import stat
import subprocess
import sys

import pytest

import tinyconv as tc
from tinyconv.cli.main import main
from tinyconv.data import files


def test_a_folder_that_can_be_written_stays_empty(tmp_path):
    files.check_writable(tmp_path)
    assert os.listdir(tmp_path) == []


def test_an_absent_or_protected_folder_is_named(tmp_path, monkeypatch):
    with pytest.raises(tc.DataError, match="nowhere does not exist"):
        files.check_writable(tmp_path / "nowhere")

    def protected(dir):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(files.tempfile, "TemporaryFile", protected)
    with pytest.raises(tc.DataError, match=r"cannot be written into \(Permission denied\)"):
        files.check_writable(tmp_path)


def test_an_experiment_that_could_not_record_its_result_does_not_start(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("tinyconv.cli.reproduce.FOLDER", tmp_path / "nowhere")
    assert main(["reproduce", "cifar10", "--checkpoint", str(tmp_path / "c.npz")]) == 2
    assert "nowhere does not exist" in capsys.readouterr().err


def test_a_file_takes_its_name_only_when_it_is_whole(tmp_path):
    path = tmp_path / "figures.txt"
    with files.whole_file(path) as partial:
        partial.write_text("new")
        assert not path.exists()
        assert partial.suffix == ".txt"
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["figures.txt"]


def test_an_error_while_writing_leaves_what_was_there(tmp_path):
    path = tmp_path / "figures.txt"
    path.write_text("old")
    with contextlib.suppress(KeyboardInterrupt), files.whole_file(path) as partial:
        partial.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["figures.txt"]


def test_a_full_disk_is_a_fault_of_the_file(tmp_path):
    with pytest.raises(tc.DataError, match=r"figures.txt cannot be written \(No space left on device\)"), \
            files.whole_file(tmp_path / "figures.txt"):
        raise OSError(28, "No space left on device")
    missing = files.whole_file(tmp_path / "nowhere" / "figures.txt")
    with pytest.raises(tc.DataError, match=r"figures.txt cannot be written \(No such file"), missing:
        pass


@pytest.mark.skipif(os.name != "posix", reason="only POSIX can sync a folder")
def test_content_is_on_disk_before_the_move_and_the_name_after_it(tmp_path, monkeypatch):
    path, synced = tmp_path / "figures.txt", []

    def fsync(file):
        handle = file if isinstance(file, int) else file.fileno()
        synced.append((stat.S_ISDIR(os.fstat(handle).st_mode), path.exists()))
        if synced[-1][0]:
            raise OSError(22, "Invalid argument")  # from a file system that cannot; the file is written all the same

    monkeypatch.setattr(files.os, "fsync", fsync)
    with files.whole_file(path) as partial:
        partial.write_text("new")
    assert synced == [(False, False), (True, True)]
    assert path.read_text() == "new"


@pytest.mark.skipif(os.name != "posix", reason="only POSIX tells whether a process runs")
def test_what_a_killed_process_left_is_removed(tmp_path):
    code = ("import os, sys; from tinyconv.data.files import whole_file\n"
            "with whole_file(sys.argv[1]) as partial: partial.write_text('half'); os.kill(os.getpid(), 9)")
    path = tmp_path / "figures.txt"
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == -9
    left = os.listdir(tmp_path)
    assert len(left) == 1
    assert left != ["figures.txt"]
    with files.whole_file(path) as partial:
        partial.write_text("whole")
    assert os.listdir(tmp_path) == ["figures.txt"]


def test_an_attempt_that_still_runs_is_left_alone(tmp_path):
    path = tmp_path / "figures.txt"
    with files.whole_file(path) as outer:
        with files.whole_file(path) as inner:
            inner.write_text("inner")
        outer.write_text("outer")
    assert path.read_text() == "outer"
