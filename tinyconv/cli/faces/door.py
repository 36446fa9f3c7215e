"""A gallery that may not be there yet: it is opened now if it is, and made when there is something to keep."""

from __future__ import annotations

import os
from pathlib import Path

from tinyconv.data.files import check_writable
from tinyconv.faces.encoder import Encoder
from tinyconv.faces.gallery import Gallery
from tinyconv.faces.records import EncoderMark


class Door:
    """`with Door(path) as door:` closes what was opened.

    Raises
    ------
    DataError
        On entering: a file that is no gallery, or a folder in which none can be made.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._gallery: Gallery | None = None

    def __enter__(self) -> Door:
        if os.path.exists(self.path):
            self._gallery = Gallery.open(self.path)
        else:
            check_writable(Path(self.path).parent)
        return self

    def __exit__(self, *_: object) -> None:
        if self._gallery is not None:
            self._gallery.close()

    @property
    def mark(self) -> EncoderMark | None:
        """The encoder to which the gallery belongs; None while it is not there."""
        return None if self._gallery is None else self._gallery.encoder

    def check(self, encoder: Encoder) -> None:
        """Raise `DataError` if the gallery is there and belongs to another encoder."""
        if self._gallery is not None:
            self._gallery.check_encoder(encoder)

    def gallery(self, encoder: Encoder) -> Gallery:
        """The gallery, made now if it was not there."""
        if self._gallery is None:
            self._gallery = Gallery.open(self.path, encoder, create=True)
        return self._gallery
