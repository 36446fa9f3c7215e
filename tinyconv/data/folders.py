"""Whether a folder can be written into: asked before the work, not after it."""

from __future__ import annotations

import tempfile
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
