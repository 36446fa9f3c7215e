"""Threads and forks: two Python threads may convolve at once, and a forked child still computes, whatever Numba's threads are."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest

import tinyconv as tc
from tests.kernels.cases import CONTRACTIONS, arguments, geometry
from tinyconv.kernels import direct, dispatch

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ["default", "workqueue", "omp"]

START = """
    import os, sys, threading, warnings
    import numpy as np
    import tinyconv as tc
    from tinyconv.kernels import direct
    from tinyconv.kernels.geometry import conv_geometry
    import numba
    try:
        numba.njit(parallel=True)(lambda n: np.ones(n).sum())(4)
    except ValueError as error:
        print("no such layer:", error)
        sys.exit(7)
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((2, 6, 7, 5)), rng.standard_normal((3, 2, 5, 4))
    made = conv_geometry(x.shape, w.shape, padding=1)
    g = rng.standard_normal(made.y_shape)

    def everything():
        results = direct.conv(x, w, made), direct.input_adjoint(g, w, made), direct.weight_adjoint(x, g, made)
        return [array.tobytes() for array in results]

    expected = everything()
"""
THREADS = START + """
    wrong = []
    def work():
        for _ in range(30):
            if everything() != expected:
                wrong.append(1)
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    print("wrong:", len(wrong))
"""
FORK = START + """
    warnings.simplefilter("ignore")  # Python warns of forking a process that has threads
    child = os.fork()
    if child == 0:
        with tc.use_kernel("direct"):
            same = everything() == expected
            t = tc.tensor(x, requires_grad=True)
            tc.conv2d(t, w, padding=1).sum().backward()
        os._exit(0 if same and np.isfinite(t.grad).all() else 3)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print("child:", status, "parent:", everything() == expected)
"""


def run(program: str, layer: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_NUM_THREADS": "2", "NUMBA_THREADING_LAYER": layer}
    return subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=300,
                          env=environment, check=False)


@pytest.mark.parametrize("layer", LAYERS)
def test_four_python_threads_convolve_at_once(layer):
    done = run(THREADS, layer)
    if done.returncode == 7:
        pytest.skip(f"Numba has no threading layer {layer} here: {done.stdout}")
    assert (done.returncode, done.stdout) == (0, "wrong: 0\n"), done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.parametrize("layer", LAYERS)
def test_forked_child_computes_the_same_bits(layer):
    done = run(FORK, layer)
    if done.returncode == 7:
        pytest.skip(f"Numba has no threading layer {layer} here: {done.stdout}")
    assert (done.returncode, done.stdout) == (0, "child: 0 parent: True\n"), done.stderr


@pytest.mark.parametrize("case", ["1d, everything", "2d, groups and steps", "2d, depthwise", "3d, unequal"])
def test_one_thread_gives_the_same_bits_as_all(case, monkeypatch):
    made = geometry(case)
    for contraction in CONTRACTIONS:
        given = arguments(contraction, made, np.float64)
        on_all = getattr(direct, contraction)(*given, made)
        monkeypatch.setattr(direct, "_forked", True)
        on_one = getattr(direct, contraction)(*given, made)
        monkeypatch.setattr(direct, "_forked", False)
        assert on_one.tobytes() == on_all.tobytes()


def test_choice_of_kernel_belongs_to_the_thread_that_made_it():
    made, seen = geometry("2d"), []
    with tc.use_kernel("reference"):
        other = threading.Thread(target=lambda: seen.append(dispatch.plan(made, None).kernel))
        other.start()
        other.join()
        seen.append(dispatch.plan(made, None).kernel)
    assert seen == [None, "reference"]
