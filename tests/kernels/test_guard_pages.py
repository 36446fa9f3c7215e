"""Compiled code reads and writes its arrays and nothing else: each kernel runs between pages that nobody may touch."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
from pathlib import Path

import pytest
from numba import config

from tests.kernels import guard

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.skipif(not hasattr(mmap, "MAP_PRIVATE"), reason="this system has no mprotect"),
    pytest.mark.skipif(bool(config.DISABLE_JIT), reason="Numba's compiler is switched off"),
]

STRAY = """
import ctypes, sys
import numpy as np
from tests.kernels.guard import fenced

array, at, write = fenced(7, np.float32, sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "write"
assert np.isnan(array).all()
number = ctypes.c_float.from_address(array.ctypes.data + 4 * at)
if write:
    number.value = 1
print(number.value)
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_NUM_THREADS": "1", "NUMBA_BOUNDSCHECK": "0"}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=600, check=False, env=environment)


@pytest.mark.parametrize("action", ["read", "write"])
@pytest.mark.parametrize(("side", "at", "survives"), [
    ("start", 0, True), ("end", 6, True), ("start", -1, False), ("end", 7, False),
])
def test_one_number_beside_an_array_ends_the_process(side, at, survives, action):
    done = run("-c", STRAY, side, str(at), action)
    assert (done.returncode == 0) == survives
    if survives:
        assert done.stdout == ("1.0\n" if action == "write" else "nan\n")


QUICK = ("direct", "matmul")  # the others take several seconds each


@pytest.mark.parametrize("kernel", [*QUICK, *(pytest.param(name, marks=pytest.mark.slow)
                                              for name in guard.KERNELS if name not in QUICK)])
def test_kernel_stays_inside_its_arrays(kernel):
    done = run("-m", "tests.kernels.guard", kernel)
    last = (done.stdout.splitlines() or ["nothing"])[-1]
    assert (done.returncode, last) == (0, "OK"), f"ended with {done.returncode} in: {last}\n{done.stderr[-2000:]}"
