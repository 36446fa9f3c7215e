"""Writing files: refused before the work, and then whole or not at all, even if the process is killed."""

from __future__ import annotations

import contextlib
import glob
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tinyconv.errors import DataError


def check_writable(folder: Path) -> None:
    """Fail now if no file can be made in `folder`; nothing is left there.

    Raises
    ------
    DataError
        It does not exist, or cannot be written into.
    """
    if not folder.is_dir():
        raise DataError(f"the folder {folder} does not exist.")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise DataError(f"{folder} cannot be written into ({error.strerror or error}).") from error


@contextlib.contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """A file to write into, beside `path`, that takes its name when the block has ended without an error.

    Whoever reads `path` sees what was there before or all of what is there now, whenever this process ends. What
    processes that were killed have left of earlier attempts is removed.

    Raises
    ------
    DataError
        The place cannot be written.
    """
    path = Path(path)
    partial: Path | None = None
    try:
        _remove_leftovers(path)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.{os.getpid()}-", suffix=path.suffix)
        os.close(handle)
        partial = Path(name)
        yield partial
        os.chmod(partial, 0o666 & ~_umask())
        with partial.open("rb+") as written:
            os.fsync(written)
        os.replace(partial, path)
    except OSError as error:
        raise DataError(f"{path} cannot be written ({error.strerror or error}).") from error
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)


def _remove_leftovers(path: Path) -> None:
    """Remove unfinished attempts at `path` by processes that no longer run."""
    for name in glob.glob(f".{glob.escape(path.name)}.*-*", root_dir=path.parent):
        process = name[len(path.name) + 2 :].partition("-")[0]
        if process.isdecimal() and not _runs(int(process)):
            (path.parent / name).unlink(missing_ok=True)


def _runs(process: int) -> bool:
    """Whether `process` may still run; where the system cannot tell, it may."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)  # asks, and sends nothing
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
