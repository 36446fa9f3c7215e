"""`tinyconv warmup`: afterwards a new process finds all that the course's networks need, and compiles nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tinyconv.cli import warmup
from tinyconv.cli.main import main
from tinyconv.kernels import compiled

ROOT = Path(__file__).resolve().parents[2]

NETWORKS = """
    from numba.core import event

    with event.install_recorder("numba:run_pass") as passes:
        import numpy as np
        import tinyconv as tc
        from tinyconv.models import convnet, face_encoder, mobilefacenet, tinyvgg

        rng = np.random.default_rng(0)
        networks = {
            "faces": (mobilefacenet.mobilefacenet(rng), (2, 112, 96, 3)),
            "small faces": (face_encoder.face_encoder((56, 48), 1, rng), (16, 56, 48, 1)),
            "pictures": (tinyvgg.tiny_vgg(rng), (16, 32, 32, 3)),
            "characters": (convnet.conv4(1, rng), (32, 28, 28, 1)),
            "signals": (convnet.signal_net(5, 5, rng), (16, 187, 1)),
            "volumes": (convnet.volume_net(2, rng), (4, 28, 28, 28, 1)),
        }
        for net, shape in networks.values():
            x = tc.tensor(rng.random(shape), np.float32, requires_grad=True)
            for optimizer in (tc.optim.SGD(net.parameters(), 0.01, momentum=0.9), tc.optim.Adam(net.parameters(), 0.01)):
                (net.train()(x) ** 2).mean().backward()
                optimizer.step()
            with tc.no_grad():
                net.eval()(x)
    print(sorted({str(found.data) for _, found in passes.buffer}))
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=600, check=False, cwd=ROOT,
                          env={**os.environ, "PYTHONPATH": str(ROOT)})


@pytest.mark.slow
def test_a_process_after_it_compiles_nothing():
    done = run("-m", "tinyconv", "warmup")
    assert (done.returncode, done.stderr) == (0, "")
    *lines, total, cache = done.stdout.splitlines()
    assert [line.split(" s  ")[1] for line in lines] == list(warmup.PIECES)
    assert total.endswith(" s  together")
    assert Path(cache.removeprefix("cache: ")) == compiled.FOLDER
    later = run("-c", textwrap.dedent(NETWORKS))
    assert (later.stdout, later.returncode) == ("[]\n", 0), later.stderr


def test_without_a_folder_that_can_be_written_it_says_so(monkeypatch, capsys):
    monkeypatch.setattr(warmup, "PIECES", {})
    monkeypatch.setattr(compiled, "FOLDER", None)
    assert main(["warmup"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("cache: none, as its folder cannot be written; set NUMBA_CACHE_D")


@pytest.mark.parametrize("trouble", ["sys.modules['numba'] = None", "import platform; platform.machine = lambda: 'riscv64'"])
def test_where_nothing_can_be_compiled_it_is_one_line_and_exit_code_2(trouble):
    done = run("-c", f"import sys; {trouble}; from tinyconv.cli.main import main; sys.exit(main(['warmup']))")
    assert done.returncode == 2
    assert done.stderr.startswith("tinyconv warmup: kernel 'direct': ")
    assert done.stderr.endswith("; kernel='im2col' runs anywhere.\n")
    assert done.stderr.count("\n") == 1
