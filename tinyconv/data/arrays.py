"""Named arrays from `.npz` files, and nothing else from them: no pickled object is ever executed."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.errors import DataError


def read_npz(path: str | Path) -> dict[str, NDArray[Any]]:
    """Every array of an `.npz` file by name.

    Raises
    ------
    DataError
        No such file, a folder, not an .npz file, damaged, or holding pickled objects.
    """
    path = Path(path)
    if path.is_dir():
        raise DataError(f"{path} is a folder, expected an .npz file.")
    if not path.exists():
        raise DataError(f"{path} does not exist, expected an .npz file.")
    try:
        with zipfile.ZipFile(path):  # np.load would also take other formats
            pass
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise DataError(f"{path} is not a readable .npz file ({error}).") from error
