"""Output folders and files: refused in one line before the work, written whole or not at all."""

from __future__ import annotations

from pathlib import Path

from tinyconv.data.files import check_writable, whole_file
from tinyconv.errors import DataError


def prepare_folder(folder: Path, name: str) -> Path:
    """Make `folder` if it is not there, make sure that it can hold a file called `name`, and return the file's path.

    Raises
    ------
    DataError
        It is a file, cannot be made, is write-protected, or holds a folder of that name.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise DataError(f"{folder} is a file, expected a folder to write into.") from None
    except OSError as error:
        raise DataError(f"{folder} cannot be written into ({error.strerror or error}).") from error
    check_writable(folder)
    if (folder / name).is_dir():
        raise DataError(f"{folder / name} is a folder, expected a file to write.")
    return folder / name


def write_whole(path: Path, content: str | bytes) -> None:
    """Write `content` under another name, then rename it: nobody ever sees half a file.

    Raises
    ------
    DataError
        The place cannot be written.
    """
    with whole_file(path) as partial:
        partial.write_bytes(content.encode() if isinstance(content, str) else content)
