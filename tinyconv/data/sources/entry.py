"""What the registry knows about one data set or one set of weights."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass


@dataclass(frozen=True)
class Original:
    """One file as its publisher serves it.

    Attributes
    ----------
    url : its address
    path : where it is kept, relative to the folder of packs, with "/"
    checksum : "sha256:..." or "md5:..." of this very file, or None where nobody has published one: unverified
    size : bytes, or None where unknown
    """

    url: str
    path: str
    checksum: str | None = None
    size: int | None = None


@dataclass(frozen=True)
class Entry:
    """A data set or weights: the originals, and the pack that is made of them.

    Attributes
    ----------
    name, kind : what to ask for, and "data" or "weights"
    title : what it is, in a few words
    home : the publisher's page
    licence, citation : in words
    path : the pack, relative to the folder of packs, with "/"
    contents : names, dtypes and shapes of the pack's arrays, or what else the file holds
    recipe : how the pack is made of the originals
    originals : the files to fetch; none where only a person can make the pack
    converter : name in `tinyconv.data.prepare.CONVERTERS`; None where the pack is itself one of the originals
    pack_size, pack_sha256 : bytes and checksum of the pack as it was recorded, or None. A pack made here of the same
        originals holds the same arrays, but not always the same bytes.
    """

    name: str
    kind: str
    title: str
    home: str
    licence: str
    citation: str
    path: str
    contents: str
    recipe: str = "none: the file as published"
    originals: tuple[Original, ...] = ()
    converter: str | None = None
    pack_size: int | None = None
    pack_sha256: str | None = None

    @property
    def by_hand(self) -> bool:
        """Whether only a person can put the pack in its place."""
        return not self.originals

    @property
    def verified(self) -> bool:
        """Whether a checksum is known of everything that is fetched."""
        return bool(self.originals) and all(original.checksum for original in self.originals)

    @property
    def parts(self) -> tuple[str, ...]:
        """The files that together are the pack: the prepared file, or the originals where nothing is prepared."""
        if self.converter is not None or self.by_hand:
            return (self.path,)
        return tuple(original.path for original in self.originals)

    @property
    def fetched_size(self) -> int | None:
        """Bytes to fetch, or None where nothing is fetched or a size is unknown."""
        known = [original.size for original in self.originals if original.size is not None]
        return sum(known) if known and len(known) == len(self.originals) else None

    @property
    def size(self) -> int | None:
        """Bytes to fetch if they are known, else of the recorded pack, else None."""
        return self.pack_size if self.fetched_size is None else self.fetched_size


def published(name: str, kind: str, url: str, folder: str, checksum: str | None, size: int | None, **facts: str) -> Entry:
    """The entry of a file that is used as it is published: original and pack are one, `folder`/(the address's last part)."""
    path = f"{folder}/{posixpath.basename(url.partition('?')[0])}"
    sha256 = checksum.partition(":")[2] if checksum and checksum.startswith("sha256:") else None
    return Entry(name, kind, path=path, originals=(Original(url, path, checksum, size),),
                 pack_size=size, pack_sha256=sha256, **facts)
