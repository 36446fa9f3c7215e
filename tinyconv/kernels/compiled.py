"""How kernels are compiled: one set of options, and a cache on disk that is right after an edit.

Numba looks only at the file of the function it compiles, and so would keep a kernel whose helper in another
file has changed. Here the cache folder's name is a digest of all kernels, of Numba and of the processor.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from llvmlite import binding

KEPT = 4  # cache folders of so many versions stay on disk


def jit(parallel: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`numba.njit` with the options every kernel shares; a product and a sum may be fused, nothing else is reordered."""

    def compile_later(function: Callable[..., Any]) -> Callable[..., Any]:
        users_folder = numba.config.CACHE_DIR
        numba.config.CACHE_DIR = str(FOLDER or "")  # read by the decorator, for this function alone
        try:
            return numba.njit(parallel=parallel, nogil=True, cache=FOLDER is not None, error_model="numpy",
                              fastmath={"contract"})(function)
        finally:
            numba.config.CACHE_DIR = users_folder

    return compile_later


def digest() -> str:
    """Changes with any kernel's source, with Numba, with its switches that change code, and with the processor."""
    sources = [path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))]
    features = binding.get_host_cpu_features().flatten()
    facts = (numba.__version__, binding.get_host_cpu_name(), features, numba.config.CPU_NAME, numba.config.CPU_FEATURES,
             numba.config.BOUNDSCHECK, numba.config.OPT)
    return hashlib.sha256(b"\0".join([*sources, repr(facts).encode()])).hexdigest()[:16]


def cache_folder() -> Path | None:
    """This version's folder inside NUMBA_CACHE_DIR or the user's cache, made now; None where nothing can be written."""
    try:
        base = Path(numba.config.CACHE_DIR or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tinyconv-numba"
        folder = base / digest()
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f"probe-{os.getpid()}"
        probe.touch()  # marks the folder as the newest, too
        probe.unlink()
    except (OSError, RuntimeError):  # RuntimeError: there is no home
        return None
    _forget_old_versions(base)
    return folder


def _forget_old_versions(base: Path) -> None:
    """Delete all but the newest folders; another process may be doing the same."""
    dated = []
    for folder in base.iterdir():
        try:
            dated.append((folder.stat().st_mtime, folder))
        except OSError:
            continue
    for _, folder in sorted(dated, reverse=True)[KEPT:]:
        shutil.rmtree(folder, ignore_errors=True)


FOLDER = cache_folder()
