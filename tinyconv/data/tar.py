"""The tar format, read forward only and by our own rules: headers of 512 bytes, each followed by its file's bytes.

Source: POSIX.1-2001 pax interchange format, and GNU tar's manual for the types L and K.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from tinyconv.data.quoting import one_line
from tinyconv.errors import DataError

BLOCK = 512
CHUNK = 1 << 20
MOST_HEADERS = 500_000
LONGEST_EXTENSION = 1 << 20  # bytes of one pax record or long name
FREE_BYTES = 1 << 30  # so much may come out of a file of any size,
LARGEST_RATIO = 200  # and beyond it at most so many bytes for each byte of the file

KINDS = {"0": "file", "\0": "file", "7": "file", "5": "folder", "1": "hard link", "2": "symbolic link",
         "3": "device file", "4": "device file", "6": "pipe", "S": "sparse file"}


class Entry(NamedTuple):
    """One member: its name, one of the values of `KINDS`, its size and where its bytes begin in the unpacked stream."""

    name: str
    kind: str
    size: int
    offset: int


class Stream:
    """A file, unpacked if it is gzip, of which `take` and `skip` go forward only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.position = 0
        self._raw: BinaryIO = path.open("rb")
        packed = self._raw.read(2) == b"\x1f\x8b"
        self._raw.seek(0)
        self._source: BinaryIO | gzip.GzipFile = gzip.GzipFile(fileobj=self._raw) if packed else self._raw

    def close(self) -> None:
        """Give the file back."""
        self._raw.close()

    def read(self, size: int) -> bytes:
        """The next `size` bytes, at most `CHUNK`; fewer only at the end."""
        try:
            got = self._source.read(min(size, CHUNK))
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{self.path} is cut short or damaged ({one_line(error)}).") from error
        self.position += len(got)
        if self.position > FREE_BYTES and self.position > LARGEST_RATIO * self._raw.tell():
            raise DataError(f"{self.path} unpacks to more than {LARGEST_RATIO} times its size; it may be a decompression bomb.")
        return got

    def take(self, size: int) -> bytes:
        """Exactly `size` bytes."""
        parts = []
        while size:
            parts.append(self.read(size))
            size -= len(parts[-1])
            if not parts[-1]:
                raise DataError(f"{self.path} is cut short: {size:,} bytes of a member are missing.")
        return b"".join(parts)

    def skip(self, size: int) -> None:
        """Pass over `size` bytes."""
        while size:
            passed = len(self.read(size))
            size -= passed
            if not passed:
                raise DataError(f"{self.path} is cut short: {size:,} bytes of a member are missing.")


def entries(stream: Stream, largest: int) -> Iterator[Entry]:
    """The members in order, folders and links too; the caller may leave the stream anywhere up to the member's end.

    Raises
    ------
    DataError
        A header that is damaged, too many of them, a member of more than `largest` bytes, or no end mark.
    """
    overrides: dict[str, str] = {}
    count = 0
    while header := stream.read(BLOCK):
        if len(header) < BLOCK:
            break
        if not any(header):
            while stream.read(CHUNK):  # to the end, where gzip keeps its checksum
                pass
            return
        entry, count = _entry(header, stream), count + 1
        if count > MOST_HEADERS:
            raise DataError(f"{stream.path} has more than {MOST_HEADERS:,} tar headers, expected fewer.")
        if entry.kind in "LKxg":
            if entry.size > LONGEST_EXTENSION:
                raise DataError(f"{stream.path}: a tar header extension of {entry.size:,} bytes, at most {LONGEST_EXTENSION:,} "
                                "are expected.")
            content = stream.take(entry.size)
            if entry.kind == "L":
                overrides["path"] = content.rstrip(b"\0").decode("utf-8", "surrogateescape")
            elif entry.kind == "x":
                overrides.update(_pax_records(content, stream.path))
        else:
            entry = _overridden(entry, overrides, stream.path)
            overrides = {}
            if entry.size > largest:
                raise DataError(f"{stream.path}: {one_line(entry.name)} is {entry.size:,} bytes, at most {largest:,} "
                                "are expected.")
            yield entry
        stream.skip(entry.offset + entry.size + -entry.size % BLOCK - stream.position)
    raise DataError(f"{stream.path} is cut short: the tar archive has no end mark.")


def is_header(block: bytes) -> bool:
    """Whether `block` is 512 bytes with the checksum of a tar header."""
    return len(block) == BLOCK and _number(block[148:156]) == sum(block[:148]) + sum(block[156:]) + 8 * ord(" ")


def _entry(header: bytes, stream: Stream) -> Entry:
    size, flag = _number(header[124:136]), chr(header[156])
    if not is_header(header) or size is None:
        raise DataError(f"{stream.path}: the tar header at byte {stream.position - BLOCK:,} is damaged.")
    name = _text(header[:100])
    if header[257:263] == b"ustar\0" and header[345]:
        name = f"{_text(header[345:500])}/{name}"
    kind = flag if flag in "LKxg" else KINDS.get(flag, f"member of the unknown type {flag!r}")
    return Entry(name, kind, size if kind in ("file", "sparse file", *"LKxg") else 0, stream.position)


def _overridden(entry: Entry, overrides: dict[str, str], path: Path) -> Entry:
    if any(key.startswith("GNU.sparse") for key in overrides):
        return entry._replace(kind="sparse file")
    if "size" in overrides and entry.kind == "file":
        size = overrides["size"]
        if not (size.isascii() and size.isdecimal() and len(size) < 19):
            raise DataError(f"{path}: {one_line(entry.name)} has the size {one_line(size)!r}, expected a number.")
        entry = entry._replace(size=int(size))
    name = overrides.get("path", entry.name)
    folder = entry.kind == "file" and name.endswith("/")  # as tars before POSIX wrote one
    return entry._replace(name=name, kind="folder" if folder else entry.kind)


def _pax_records(content: bytes, path: Path) -> dict[str, str]:
    """`LENGTH KEY=VALUE\\n` again and again, LENGTH being that of the whole record."""
    records = {}
    while content.strip(b"\0"):
        digits, _, rest = content.partition(b" ")
        length = int(digits) if digits.isdigit() and len(digits) < 8 else 0
        record = rest[: max(length - len(digits) - 1, 0)]
        key, equals, value = record.partition(b"=")
        if not equals or not record.endswith(b"\n"):
            raise DataError(f"{path}: a pax record of the tar archive is damaged.")
        records[key.decode("utf-8", "replace")] = value[:-1].decode("utf-8", "surrogateescape")
        content = content[length:]
    return records


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _number(field: bytes) -> int | None:
    """An octal number in ASCII, or GNU's big-endian one behind a byte 128."""
    if field[0] == 128:
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0")
    return int(digits or b"0", 8) if all(48 <= digit < 56 for digit in digits) else None
