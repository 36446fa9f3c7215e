"""Pictures of people in a folder, a zip or a tar, a folder for each person; each picture is read when it is wanted."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tinyconv.data.archives import Archive, open_archive
from tinyconv.data.images import Picture, read_image
from tinyconv.data.quoting import one_line
from tinyconv.data.readers.pixels import decode
from tinyconv.errors import DataError

LARGEST_PICTURE, LARGEST_ALBUM = 1 << 26, 1 << 36  # bytes, encoded
PICTURE = re.compile(r"(?is).*\.(?:jpe?g|png|webp|tiff?|bmp|gif|pgm|ppm|hei[cf])")  # HEIC, so that somebody says why not
PNG = b"\x89PNG"


class Album:
    """The pictures PERSON/PICTURE of an open archive, however deep they lie in it.

    Attributes
    ----------
    path : of the archive or folder
    people : {person: names of the pictures, sorted}, sorted by person; a name is the path inside the archive
    """

    def __init__(self, archive: Archive) -> None:
        self.path = archive.path
        self._archive = archive
        people: dict[str, list[str]] = {}
        for name in sorted(filter(is_picture, archive.sizes)):
            folder, _, _ = name.rpartition("/")
            person = folder.rpartition("/")[2]
            if not person:
                raise DataError(f"{self.path}: {one_line(name)} lies in no folder of a person, expected PERSON/PICTURE; put it "
                                "into one, or take it away.")
            first = people.setdefault(person, [name])
            if first[0].rpartition("/")[0] != folder:
                raise DataError(f"{self.path}: {one_line(first[0].rpartition('/')[0])} and {one_line(folder)} are two folders of "
                                f"one name, and whether they are one person is not known; rename one.")
            if first[0] != name:
                first.append(name)
        if not people:
            raise DataError(f"{self.path} holds no pictures, expected PERSON/PICTURE.jpg: a folder for each person.")
        self.people = dict(sorted(people.items()))

    @property
    def names(self) -> list[str]:
        """All pictures, person after person."""
        return [name for names in self.people.values() for name in names]

    def in_stored_order(self, names: set[str]) -> list[str]:
        """`names` as they follow in the archive: a tar is read quickly in that order only."""
        return [name for name in self._archive.sizes if name in names]

    def shown(self, name: str) -> str:
        """A picture as messages name it: its path, or the archive's and its own."""
        return str(self.path / name) if self.path.is_dir() else f"{self.path}: {one_line(name)}"

    def read(self, name: str) -> Picture:
        """One picture, float32 (H, W, 3), RGB in [0, 1].

        A file of a folder is read by `read_image`. In an archive it is PNG or JPEG, as it is stored: nobody turns it.

        Raises
        ------
        DataError
            Not a picture, damaged, or of a kind that is not read.
        """
        if self.path.is_dir():
            return read_image(self.path / name)
        content = self._archive.read(name)
        kind = "PNG" if content.startswith(PNG) else "JPEG"
        return decode(content, self.shown(name), format=kind, mode="RGB").astype(np.float32) / np.float32(255)


def is_picture(name: str) -> bool:
    """Whether a path's ending is that of a picture, and nothing in it is hidden."""
    return bool(PICTURE.fullmatch(name)) and not any(part.startswith((".", "__MACOSX")) for part in name.split("/"))


@contextlib.contextmanager
def open_album(path: str | Path) -> Iterator[Album]:
    """The album in a folder, a `.zip`, a `.tar` or a `.tar.gz`.

    Raises
    ------
    DataError
        No such place, an archive that is refused (see `tinyconv.data.archives`), no pictures, one that lies in no folder, or
        two folders of one name.
    """
    with open_archive(path, largest=LARGEST_PICTURE, total=LARGEST_ALBUM) as archive:
        yield Album(archive)
