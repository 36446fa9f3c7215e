"""The cache of compiled kernels: right after an edit, in the folder the user wants, never a reason to fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numba
import pytest

from tinyconv.kernels import compiled

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="Numba's compiler is switched off")

SHOW = """
import numpy as np
from tinyconv.kernels import compiled
from tinyconv.kernels.padding import padded
print(compiled.FOLDER, int(padded(np.ones((1, 2, 3)), ((1, 1),)).sum()))
"""
PASSES = """
from numba.core import event
with event.install_recorder("numba:run_pass") as passes:
    exec(PROGRAM)
print(sum(found.is_start for _, found in passes.buffer))
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
    assert done.stdout.split() == [str(tmp_path / "tinyconv-numba" / compiled.digest()), "6"], done.stderr
    assert [path.name for path in (tmp_path / "tinyconv-numba").iterdir()] == [compiled.digest()]


def test_without_a_wish_the_cache_lies_in_the_users_own_cache(tmp_path):
    done = show(None, XDG_CACHE_HOME=str(tmp_path))
    assert done.stdout.split()[0] == str(tmp_path / "tinyconv-numba" / compiled.digest()), done.stderr


def test_cache_folder_that_cannot_be_written_means_no_cache(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("no folder")
    done = show(blocker)
    assert done.stdout.split() == ["None", "6"], done.stderr
    assert blocker.read_text() == "no folder"


def test_edit_of_any_kernel_changes_the_digest(copy, tmp_path):
    before = show(tmp_path / "cache", copy).stdout
    assert show(tmp_path / "cache", copy).stdout == before
    with (copy / "tinyconv" / "kernels" / "reference.py").open("a") as file:
        file.write("# edited\n")
    after = show(tmp_path / "cache", copy).stdout
    assert before.split()[1:] == after.split()[1:] == ["6"]
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
    compiled.jit(lambda x: x)
    assert before == numba.config.CACHE_DIR


def test_folder_of_the_user_stays_when_two_threads_compile_at_once():
    before, inside = numba.config.CACHE_DIR, threading.Event()

    def compile_slowly():
        with compiled.own_folder():
            inside.set()
            time.sleep(0.1)

    other = threading.Thread(target=compile_slowly)
    other.start()
    assert inside.wait(10)
    with compiled.own_folder():
        pass
    other.join()
    assert before == numba.config.CACHE_DIR


def test_second_process_loads_what_the_first_compiled(tmp_path):
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(tmp_path)}
    program = f"PROGRAM = {SHOW!r}\n{PASSES}"
    answers = [subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300, env=variables,
                              check=True).stdout.split() for _ in range(2)]
    first, second = (int(answer[-1]) for answer in answers)
    assert first > 0
    assert second == 0


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="this system has no permissions of files")
@pytest.mark.skipif(getattr(os, "geteuid", int)() == 0 and not shutil.which("setpriv"),
                    reason="root may write anywhere, and there is no setpriv to take that away")
def test_installation_that_cannot_be_written_works(copy, tmp_path):
    cache = tmp_path / "cache"
    cache.mkdir()
    locked = [cache, *(path for path in (copy / "tinyconv").rglob("*") if path.is_dir()), copy / "tinyconv"]
    for folder in locked:
        folder.chmod(0o555)
    try:
        command = [sys.executable, "-c", SHOW]
        if os.geteuid() == 0:  # who may write anywhere, unless that right is taken away
            command = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *command]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=tmp_path,
                              env={**os.environ, "PYTHONPATH": str(copy), "NUMBA_CACHE_DIR": str(cache)})
    finally:
        for folder in locked:
            folder.chmod(0o755)
    assert done.stdout.split() == ["None", "6"], done.stderr
    assert not list(cache.iterdir())
    assert not list((copy / "tinyconv").rglob("__pycache__"))
