"""Pictures as the command line names them: files, folders and globs, and albums with a folder for each person."""

from __future__ import annotations

import contextlib
import glob
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tinyconv.data.images import Picture, read_image
from tinyconv.data.quoting import LONGEST_PATH, cause_of, one_line
from tinyconv.errors import DataError
from tinyconv.faces.album import is_picture, open_album


@dataclass(frozen=True)
class Source:
    """A picture that is read when it is wanted.

    Attributes
    ----------
    name : as messages name it
    read : gives float32 (H, W, 3), RGB in [0, 1], or raises `DataError`
    """

    name: str
    read: Callable[[], Picture]


def photographs(words: Sequence[str]) -> list[Source]:
    """The pictures that `words` name, in their order, each once: files, all pictures of a folder, or a glob such as '*.jpg'.

    Raises
    ------
    DataError
        A folder or a glob without pictures. Whether a file is there and a picture, its `read` says.
    """
    paths = dict.fromkeys(path for word in words for path in _expanded(word))
    return [Source(one_line(path, LONGEST_PATH), partial(read_image, path)) for path in paths]


@contextlib.contextmanager
def people(path: str) -> Iterator[dict[str, list[Source]]]:
    """{person: pictures} of a folder, a zip or a tar with a folder for each person, readable inside the block."""
    with open_album(path) as album:
        yield {person: [Source(one_line(album.shown(name), LONGEST_PATH), partial(album.read, name)) for name in names]
               for person, names in album.people.items()}


def _expanded(word: str) -> list[Path]:
    path = Path(word)
    if os.path.isdir(path):
        return _pictures_of(path)
    if os.path.exists(path) or not glob.has_magic(word):
        return [path]
    matches = [Path(match) for match in sorted(glob.glob(word, recursive=True)) if os.path.isfile(match) and is_picture(match)]
    if not matches:
        raise DataError(f"{one_line(word)} matches no pictures; look at the name, or name the files one by one.")
    return matches


def _pictures_of(folder: Path) -> list[Path]:
    try:
        found = [place for place in sorted(folder.iterdir()) if is_picture(place.name) and place.is_file()]
    except OSError as error:
        raise DataError(f"{folder} cannot be read ({cause_of(error)}).") from error
    if not found:
        raise DataError(f"{folder} is a folder that holds no pictures itself; name the pictures, or the folder they lie in.")
    return found
