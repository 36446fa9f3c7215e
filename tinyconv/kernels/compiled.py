"""How kernels are compiled and called: one set of options, one lock, and a cache on disk that is right after an edit.

Numba looks only at the file of the function it compiles, and so would keep a kernel whose helper in another
file has changed. Here the cache folder's name is a digest of all kernels, of Numba and of the processor.

A `Kernel` is a function of arrays whose outermost `prange` runs on all threads. It shares its work out by the number of workers
it is given, never by what happens to be free, so that the same input on the same number of threads gives the same bits.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba
from llvmlite import binding

from tinyconv.kernels import threads

KEPT = 4  # cache folders of so many versions stay on disk


_lock = threading.Lock()  # Numba's "workqueue" threads abort the process when two Python threads call them at once
_folder_lock = threading.RLock()
_told = threading.local()  # on how many threads Numba was told to run what this Python thread calls
_forked = False  # threads do not survive a fork, and GNU OpenMP ends a child that would use them again


def jit(function: Callable[..., Any], *, parallel: bool = False, cache: bool = True) -> Callable[..., Any]:
    """`numba.njit` with the options every kernel shares: a product and a sum may be fused, nothing else is reordered."""
    with own_folder():
        return numba.njit(parallel=parallel, nogil=True, cache=cache and FOLDER is not None, error_model="numpy",
                          fastmath={"contract"})(function)


@contextlib.contextmanager
def own_folder() -> Iterator[None]:
    """Numba's decorators read the cache folder from its configuration: ours, for one function alone."""
    with _folder_lock:  # or a second thread would take ours for the user's, and put it back as such
        users_folder = numba.config.CACHE_DIR
        numba.config.CACHE_DIR = str(FOLDER or "")
        try:
            yield
        finally:
            numba.config.CACHE_DIR = users_folder


def on_threads(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a compiled function that starts threads: one call at a time, on as many as are wanted."""
    with _lock:
        if getattr(_told, "threads", 0) != (wanted := min(threads.count(), numba.config.NUMBA_NUM_THREADS)):
            numba.set_num_threads(wanted)  # which counts for the calling Python thread alone
            _told.threads = wanted
        return function(*arguments)


class Kernel:
    """A compiled function of arrays, called from Python: on all threads; in a forked child on one."""

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.parallel = jit(function, parallel=True)

    def __call__(self, *arguments: Any) -> Any:
        return self.serial(*arguments) if _forked else on_threads(self.parallel, *arguments)

    @functools.cached_property
    def serial(self) -> Callable[..., Any]:
        """The same function with plain loops; not cached on disk, where Numba could not tell the two apart."""
        return jit(self.function, cache=False)


def kernel(function: Callable[..., Any]) -> Kernel:
    """Make a `Kernel` of a function with one `prange` over workers or tasks."""
    return Kernel(function)


def forked() -> bool:
    """Whether this process is a forked child, which has no threads."""
    return _forked


def _after_fork() -> None:
    global _lock, _folder_lock, _forked
    _lock, _folder_lock, _forked = threading.Lock(), threading.RLock(), True


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(after_in_child=_after_fork)


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
