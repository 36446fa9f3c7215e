"""How many threads the compiled kernels run on."""

from __future__ import annotations

import functools
import os

from tinyconv.errors import KernelError
from tinyconv.kernels.scalars import is_positive_int

_wanted: list[int] = []  # what set_threads was told last


def count() -> int:
    """The number of threads that kernels use: what `set_threads` said, else one for each processor this process may use."""
    return _wanted[0] if _wanted else available()


def set_threads(n: int) -> None:
    """Let the compiled kernels run on `n` threads from now on, in all Python threads of this process.

    Results keep their bits only for the same number of threads. Matrix products of NumPy's own follow the environment variable
    of its BLAS, such as OPENBLAS_NUM_THREADS.

    Raises
    ------
    KernelError
        `n` is not a positive int, or more than there are processors (or NUMBA_NUM_THREADS, if that is set).
    """
    if not is_positive_int(n) or n > available():
        raise KernelError(f"set_threads: got {n!r}, expected an int from 1 to {available()}, the processors of this process.")
    _wanted[:] = [int(n)]


@functools.cache
def available() -> int:
    """Numba's own limit, known without importing Numba: NUMBA_NUM_THREADS, else the processors this process may use."""
    told = os.environ.get("NUMBA_NUM_THREADS", "")
    if told.isdigit() and int(told) > 0:
        return int(told)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
