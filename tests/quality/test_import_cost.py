"""`import tinyconv` loads NumPy and the standard library, nothing slow; what it costs is printed (`pytest -rP`), not judged."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import json, sys, time
start = time.perf_counter()
import numpy
numpy_seconds = time.perf_counter() - start
before = set(sys.modules)
start = time.perf_counter()
import tinyconv
seconds = time.perf_counter() - start
loaded = sorted({name.partition(".")[0] for name in set(sys.modules) - before})
print(json.dumps({"numpy_seconds": numpy_seconds, "seconds": seconds, "loaded": loaded, "file": tinyconv.__file__}))
"""


def test_import_tinyconv_loads_nothing_but_numpy_and_the_standard_library():
    done = subprocess.run([sys.executable, "-W", "error", "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    measured = json.loads(done.stdout)
    print(f"import numpy: {measured['numpy_seconds']:.3f} s; import tinyconv: {measured['seconds']:.3f} s more")
    assert Path(measured["file"]).is_relative_to(ROOT), "another tinyconv was measured"
    foreign = [name for name in measured["loaded"] if name not in sys.stdlib_module_names and name not in ("tinyconv", "numpy")]
    assert foreign == []  # numba, matplotlib, PIL, tqdm and pooch among them
