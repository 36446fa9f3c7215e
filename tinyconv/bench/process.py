"""The parent's end of a worker: starts it with its own number of threads, asks, waits no longer than allowed, and ends it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from typing import Any

from tinyconv.data.quoting import one_line
from tinyconv.errors import TinyconvError

# Read by BLAS, OpenMP and Numba when they are loaded; a process of its own can have its own.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS")

PROGRAM = "import sys; sys.path[:] = {path!r}; from tinyconv.bench.{module} import main; main()"


class Gone(TinyconvError):
    """A worker that ended, could not do what it was asked, or took too long; the message says why."""


class Process:
    """A running `tinyconv.bench.<module>` that answers questions, one JSON line each; a `with` block ends it.

    Parameters
    ----------
    module : has a `main()` that reads its `order` from the command line
    environment : variables that differ from this process's
    """

    def __init__(self, module: str, order: Mapping[str, Any], threads: int, environment: Mapping[str, str] | None = None) -> None:
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115  closed in __exit__
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM.format(path=sys.path, module=module), json.dumps(order)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, encoding="utf-8",
            env={**os.environ, **dict.fromkeys(THREADS, str(threads)), **(environment or {})},
        )

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()
        self.errors.close()

    def ask(self, what: str, limit: float) -> dict[str, Any]:
        """The answer to "do `what`", within `limit` seconds.

        Raises
        ------
        Gone
        """
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps({"do": what}) + "\n")
            self.process.stdin.flush()
        except OSError:
            raise Gone(self._last_words()) from None
        return self.answer(limit)

    def answer(self, limit: float) -> dict[str, Any]:
        """The next line the process writes, within `limit` seconds.

        Raises
        ------
        Gone
        """
        assert self.process.stdout is not None
        late = threading.Event()

        def end() -> None:
            late.set()
            self.process.kill()

        timer = threading.Timer(limit, end)
        timer.start()
        try:
            line = self.process.stdout.readline()
        finally:
            timer.cancel()
        if not line:
            raise Gone(f"it took more than {limit:g} s" if late.is_set() else self._last_words())
        answer: dict[str, Any] = json.loads(line)
        if "cannot" in answer:
            raise Gone(answer["cannot"])
        return answer

    def _last_words(self) -> str:
        """The last line of what the process has complained about."""
        code = self.process.wait()
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").strip().splitlines()
        return f"it ended with code {code}: {one_line(lines[-1], 300) if lines else 'without a word'}"
