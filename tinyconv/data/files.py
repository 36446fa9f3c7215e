"""Files: their first bytes; and writing, refused before the work, then whole or not at all, whoever is killed meanwhile."""

from __future__ import annotations

import contextlib
import glob
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tinyconv.data.quoting import LONGEST_PATH, cause_of, one_line
from tinyconv.errors import DataError


def first_bytes(path: str | Path, size: int, expected: str) -> bytes:
    """Up to `size` bytes from the front of a regular file.

    Raises
    ------
    DataError
        No such file, a folder, a pipe or a device, or not readable; `expected` says what it should have been.
    """
    path = Path(path)
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise DataError(f"{path} is {'a folder' if stat.S_ISDIR(mode) else 'not a regular file'}, expected {expected}.")
        with path.open("rb") as file:
            return file.read(size)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist, expected {expected}.") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{one_line(path, LONGEST_PATH)} cannot be read ({cause_of(error)}).") from error


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
        raise DataError(f"{folder} cannot be written into ({cause_of(error)}).") from error


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
        _sync_folder(path.parent)
    except OSError as error:
        raise DataError(f"{path} cannot be written ({cause_of(error)}).") from error
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Let the disk keep the folder's names too, so that a power cut does not undo a move; only POSIX can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network and user file systems sync files only
            os.fsync(handle)
    finally:
        os.close(handle)


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
