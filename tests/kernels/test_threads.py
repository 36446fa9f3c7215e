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
from numba import config

import tinyconv as tc
from tests.kernels.cases import CONTRACTIONS, TOLERANCE, arguments, assert_close, geometry
from tinyconv.errors import KernelError
from tinyconv.kernels import compiled, direct, dispatch, threads

pytestmark = pytest.mark.skipif(bool(config.DISABLE_JIT), reason="Numba's compiler is switched off")

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ["default", *(pytest.param(layer, marks=pytest.mark.slow) for layer in ("workqueue", "omp"))]

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
    deep = rng.standard_normal((3, 3, 1, 5))
    dense, depthwise = conv_geometry(x.shape, w.shape, padding=1), conv_geometry(x.shape, deep.shape, padding=1, groups=5)
    g, deep_g = rng.standard_normal(dense.y_shape), rng.standard_normal(depthwise.y_shape)

    def everything():
        results = direct.conv(x, w, dense), direct.input_adjoint(g, w, dense), direct.weight_adjoint(x, g, dense)
        results += (direct.conv(x, deep, depthwise), direct.input_adjoint(deep_g, deep, depthwise),
                    direct.weight_adjoint(x, deep_g, depthwise))
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


CASES = ["1d, everything", "2d, groups and steps", "2d, depthwise", "2d, channels over a block", "3d, unequal"]


@pytest.fixture
def as_before(monkeypatch):
    """What a test tells `set_threads` is forgotten after it."""
    monkeypatch.setattr(threads, "_wanted", [])
    monkeypatch.setattr(threads, "available", lambda: 4)  # workers; they take turns where there are fewer threads


@pytest.mark.parametrize("case", CASES)
def test_forked_child_without_threads_gives_the_same_bits(case, monkeypatch):
    made = geometry(case)
    for contraction in CONTRACTIONS:
        given = arguments(contraction, made, np.float64)
        on_all = getattr(direct, contraction)(*given, made)
        monkeypatch.setattr(compiled, "_forked", True)
        on_one = getattr(direct, contraction)(*given, made)
        monkeypatch.setattr(compiled, "_forked", False)
        assert on_one.tobytes() == on_all.tobytes()


@pytest.mark.parametrize("case", CASES)
def test_same_number_of_threads_gives_the_same_bits_and_another_the_same_to_rounding(case, as_before):
    made = geometry(case)
    for dtype in (np.float32, np.float64):
        for contraction in CONTRACTIONS:
            given, seen = arguments(contraction, made, dtype), []
            for number in (1, 2, 3, 4, 1, 2, 3, 4):
                tc.set_threads(number)
                seen.append(getattr(direct, contraction)(*given, made))
            for first, second in zip(seen[:4], seen[4:], strict=True):
                assert first.tobytes() == second.tobytes()
                assert_close(second, seen[0], TOLERANCE[dtype])


def test_threads_are_counted_for_all_python_threads(as_before):
    assert threads.count() == 4
    tc.set_threads(np.int64(3))
    seen = []
    other = threading.Thread(target=lambda: seen.append(threads.count()))
    other.start()
    other.join()
    assert seen == [threads.count()] == [3]


def test_kernels_run_on_no_more_threads_than_they_are_told():
    program = textwrap.dedent("""
        import numpy as np, numba
        import tinyconv as tc
        from tinyconv.kernels.padding import padded
        seen = []
        for number in (2, 1, 2):
            tc.set_threads(number)
            padded(np.ones((1, 2, 3)), ((1, 1),))
            seen.append(numba.get_num_threads())
        print(seen)
    """)
    assert run(program, "default").stdout == "[2, 1, 2]\n"


@pytest.mark.parametrize("number", [0, -1, 1.0, True, "2", None, 5])
def test_impossible_number_of_threads_is_refused(number, as_before):
    with pytest.raises(KernelError, match=r"^set_threads: got .*, expected an int from 1 to 4, the processors of this process"):
        tc.set_threads(number)
    assert threads.count() == 4


def test_processors_are_those_this_process_may_use_or_the_environment_says():
    program = "import tinyconv as tc\nfrom tinyconv.kernels import threads\nprint(threads.count())"
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_NUM_THREADS"} | {"PYTHONPATH": str(ROOT)}
    for told, expected in (("3", 3), ("", len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=True,
                              env={**environment, "NUMBA_NUM_THREADS": told})
        assert int(done.stdout) == expected


def test_choice_of_kernel_belongs_to_the_thread_that_made_it():
    made, seen = geometry("2d"), []
    with tc.use_kernel("reference"):
        other = threading.Thread(target=lambda: seen.append(dispatch.plan(made, None).kernel))
        other.start()
        other.join()
        seen.append(dispatch.plan(made, None).kernel)
    assert seen == [None, "reference"]
