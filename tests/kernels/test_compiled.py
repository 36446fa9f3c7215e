"""The cache of compiled kernels: right after an edit, in the folder the user wants, never a reason to fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import pytest

from tinyconv.kernels import compiled

ROOT = Path(__file__).resolve().parents[2]

SHOW = """
import numpy as np
from tinyconv.kernels import compiled, direct
print(compiled.FOLDER, direct._segment_length(np.zeros((1, 1, 1, 1, 1, 4))))
"""


def show(base: Path | None, root: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "PYTHONPATH": str(root), "NUMBA_CACHE_DIR": str(base or ""), **environment}
    return subprocess.run([sys.executable, "-c", SHOW], capture_output=True, text=True, timeout=300, env=variables, check=False,
                          cwd=root)


@pytest.fixture
def copy(tmp_path):
    """A copy of the package that a test may edit."""
    shutil.copytree(ROOT / "tinyconv", tmp_path / "tinyconv", ignore=shutil.ignore_patterns("__pycache__", "*.npz", "weights"))
    return tmp_path


def test_cache_lies_in_the_users_numba_folder_under_the_digest(tmp_path):
    done = show(tmp_path)
    assert done.stdout.split() == [str(tmp_path / "tinyconv-numba" / compiled.digest()), "512"], done.stderr
    assert [path.name for path in (tmp_path / "tinyconv-numba").iterdir()] == [compiled.digest()]


def test_without_a_wish_the_cache_lies_in_the_users_own_cache(tmp_path):
    done = show(None, XDG_CACHE_HOME=str(tmp_path))
    assert done.stdout.split()[0] == str(tmp_path / "tinyconv-numba" / compiled.digest()), done.stderr


def test_cache_folder_that_cannot_be_written_means_no_cache(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("no folder")
    done = show(blocker)
    assert done.stdout.split() == ["None", "512"], done.stderr
    assert blocker.read_text() == "no folder"


def test_edit_of_any_kernel_changes_the_digest(copy, tmp_path):
    before = show(tmp_path / "cache", copy).stdout
    assert show(tmp_path / "cache", copy).stdout == before
    with (copy / "tinyconv" / "kernels" / "reference.py").open("a") as file:
        file.write("# edited\n")
    after = show(tmp_path / "cache", copy).stdout
    assert before.split()[1:] == after.split()[1:] == ["512"]
    assert before.split()[0] != after.split()[0]


def test_switch_that_changes_the_code_changes_the_digest(monkeypatch):
    before = compiled.digest()
    monkeypatch.setattr(numba.config, "BOUNDSCHECK", 1 - (numba.config.BOUNDSCHECK or 0))
    assert compiled.digest() != before


def test_old_versions_are_forgotten_and_the_newest_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    base = tmp_path / "tinyconv-numba"
    for age in range(10):
        folder = base / f"old{age}"
        folder.mkdir(parents=True)
        (folder / "index").write_text("x")
        os.utime(folder, (1e9 - age, 1e9 - age))
    made = compiled.cache_folder()
    assert made == base / compiled.digest()
    kept = {path.name for path in base.iterdir()}
    assert kept == {compiled.digest(), *(f"old{age}" for age in range(compiled.KEPT - 1))}


def test_numba_functions_of_the_user_are_cached_where_they_were():
    before = numba.config.CACHE_DIR
    compiled.jit()(lambda x: x)
    assert before == numba.config.CACHE_DIR


def test_second_process_loads_what_the_first_compiled(tmp_path):
    program = ("import numpy as np\nfrom tinyconv.kernels import direct\n"
               "direct._segment_length(np.zeros((1,) * 6))\n"
               "stats = direct._segment_length.stats\nprint(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))")
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_DISABLE_JIT": "0"}
    answers = [subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300, env=variables,
                              check=True).stdout.split() for _ in range(2)]
    first, second = answers  # (loaded, compiled)
    assert first == ["0", "1"]
    assert second == ["1", "0"]
