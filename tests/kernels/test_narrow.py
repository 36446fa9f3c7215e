"""Processors with narrower vectors get right results from code they can run, and other architectures from im2col."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from llvmlite import binding
from numba import config

ROOT = Path(__file__).resolve().parents[2]

# name of a processor for LLVM: (bytes of its vectors, their registers, what the host must have to run its code)
PROCESSORS = {"haswell": (32, "ymm", "avx2"), "nehalem": (16, "xmm", "sse4.2"), "generic": (16, "xmm", "sse2")}

AGREE = """
    import re
    from dataclasses import replace
    import numpy as np
    from tests.kernels.cases import CASES, CONTRACTIONS, TOLERANCE, arguments, assert_close, geometry
    from tinyconv.kernels import depthwise, direct, im2col, simd, winograd, winograd_forms

    checked = []

    def agree(module, made, dtype, tolerance=1, **form):
        for contraction in CONTRACTIONS:
            given = arguments(contraction, made, dtype)
            expected = getattr(im2col, contraction)(*(array.astype(np.float64) for array in given), made)
            got = getattr(module, contraction)(*given, made, **form)
            assert_close(got, expected.astype(dtype), tolerance * TOLERANCE[dtype])
            checked.append(contraction)

    for case in CASES:
        agree(direct, geometry(case), np.float32)
    for case in ("1d, everything", "2d, groups and steps", "2d, channels over a block"):
        agree(direct, geometry(case), np.float64)
    for channels in (3, 16, 37):
        made = replace(geometry("2d, depthwise"), in_channels=channels, out_channels=channels, groups=channels)
        agree(depthwise, made, np.float32)
        agree(depthwise, replace(made, kernel_size=(3, 3)), np.float32)
    for form in (winograd_forms.F4, winograd_forms.F2):
        agree(winograd, replace(geometry("2d, groups"), in_channels=5, out_channels=35, groups=1), np.float32, 20, form=form)
    code = depthwise._slide.of(np.dtype(np.float32), simd.lanes(np.float32)).compiled._library.get_asm_str()
    print(simd.BYTES, max(re.findall("[xyz]mm", code)), len(checked))
"""
ELSEWHERE = """
    import platform, sys, warnings
    platform.machine = lambda: "riscv64"
    import numpy as np
    import tinyconv as tc

    rng = np.random.default_rng(0)
    x = tc.tensor(rng.standard_normal((2, 40, 40, 16)).astype(np.float32), requires_grad=True)
    weight = tc.Parameter(rng.standard_normal((3, 3, 16, 32)).astype(np.float32))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            tc.max_pool2d(tc.relu(tc.conv2d(x, weight, padding=1)), 2).sum().backward()
    assert x.grad.shape == x.shape and weight.grad.shape == weight.shape
    assert "kernel im2col, chosen by the table" in tc.explain("conv2d", x, weight)
    assert "numba" not in sys.modules
    try:
        tc.conv2d(x, weight, kernel="direct")
    except tc.KernelError as error:
        print(error)
    print(*(warning.message for warning in caught), sep="\\n")
"""


def run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=600,
                          check=False, env={**os.environ, "PYTHONPATH": str(ROOT), **environment})


@pytest.mark.skipif(bool(config.DISABLE_JIT), reason="Numba's compiler is switched off")
@pytest.mark.slow
@pytest.mark.parametrize("processor", ["haswell", "generic", "nehalem"])
def test_kernels_agree_on_a_processor_with_narrower_vectors(processor, tmp_path):
    width, register, feature = PROCESSORS[processor]
    if not binding.get_process_triple().startswith("x86_64") or not binding.get_host_cpu_features().get(feature):
        pytest.skip(f"this processor cannot run code for {processor}")
    done = run(AGREE, NUMBA_CPU_NAME=processor, NUMBA_CPU_FEATURES="", NUMBA_CACHE_DIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[:2] == [str(width), register]
    assert int(done.stdout.split()[2]) > 100


def test_another_architecture_runs_on_im2col_without_numba_and_says_so_once():
    done = run(ELSEWHERE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == [
        "kernel 'direct': there is no tuned code for riscv64; kernel='im2col' runs anywhere.",
        "tinyconv: there is no tuned code for riscv64; every convolution uses the kernel 'im2col'.",
    ]
