"""What lies in a zip, a tar or a folder, read into memory by name: nothing is ever unpacked onto the disk."""

from __future__ import annotations

import contextlib
import io
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from tinyconv.data import tar
from tinyconv.data.files import first_bytes
from tinyconv.data.quoting import cause_of, one_line
from tinyconv.errors import DataError

LARGEST_DIRECTORY = 1 << 24  # bytes of a zip's table of contents
DEFLATE_RATIO = 1032  # no byte of a deflated stream stands for more than 1032

OTHER_FORMATS = {b"\x1f\x9d": "compress (.Z)", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"Rar!": "RAR", b"7z\xbc\xaf": "7-Zip",
                 b"\x28\xb5\x2f\xfd": "Zstandard"}
ZIP_KINDS = {stat.S_IFLNK: "symbolic link", stat.S_IFCHR: "device file", stat.S_IFBLK: "device file", stat.S_IFIFO: "pipe",
             stat.S_IFSOCK: "socket"}


class Archive:
    """The regular files of an archive, each with a harmless and unique name.

    Attributes
    ----------
    sizes : {name: bytes when unpacked}, in the archive's order; names are relative, with "/" between folders
    """

    def __init__(self, path: Path, largest: int, total: int, most: int) -> None:
        self.path = path
        self.sizes: dict[str, int] = {}
        self._largest, self._total, self._most = largest, total, most
        self._unpacked = 0

    def read(self, name: str) -> bytes:
        """All bytes of one member; in a tar it is quick only in the archive's order.

        Raises
        ------
        DataError
            Not there, damaged, or of another size than the table of contents says.
        """
        if name not in self.sizes:
            raise DataError(f"{self.path} holds no {one_line(name)}.")
        content = self._content(name)
        if len(content) != self.sizes[name]:
            raise DataError(f"{self.path}: {one_line(name)} unpacks to {len(content):,} bytes, "
                            f"but the table of contents says {self.sizes[name]:,}.")
        return content

    def scan(self) -> None:
        """Fill `sizes`, or refuse the archive."""
        raise NotImplementedError

    def close(self) -> None:
        """Give the file back."""

    def _content(self, name: str) -> bytes:
        raise NotImplementedError

    def _check_name(self, name: str) -> None:
        if not name or name.startswith("/") or "\\" in name or "\0" in name or re.match(r"[A-Za-z]:", name):
            raise DataError(f"{self.path}: the name {one_line(name)!r} is not a relative path; such an archive is refused.")
        if ".." in name.split("/"):
            raise DataError(f"{self.path}: the name {one_line(name)!r} leads out of its folder; such an archive is refused.")

    def _enter(self, name: str, size: int) -> None:
        """Note one regular file, or refuse the archive."""
        self._check_name(name)
        if name in self.sizes:
            raise DataError(f"{self.path} holds {one_line(name)} twice.")
        self._check_size(name, size)
        self._unpacked += size
        if self._unpacked > self._total:
            raise DataError(f"{self.path} unpacks to more than {self._total:,} bytes, expected less.")
        self._check_count()
        self.sizes[name] = size

    def _check_size(self, name: str, size: int) -> None:
        if size > self._largest:
            raise DataError(f"{self.path}: {one_line(name)} is {size:,} bytes, at most {self._largest:,} are expected.")

    def _check_count(self) -> None:
        if len(self.sizes) >= self._most:
            raise DataError(f"{self.path} holds more than {self._most:,} files, expected fewer.")


class _Zip(Archive):
    def __init__(self, path: Path, largest: int, total: int, most: int) -> None:
        super().__init__(path, largest, total, most)
        self._infos: dict[str, zipfile.ZipInfo] = {}
        self._file = _CappedFile(path)

    def scan(self) -> None:
        with self._faults():
            self._zip = zipfile.ZipFile(self._file)
            for info in self._zip.infolist():
                self._enter_info(info)

    def close(self) -> None:
        self._file.close()

    def _content(self, name: str) -> bytes:
        with self._faults(), self._zip.open(self._infos[name]) as member:
            return b"".join(iter(lambda: member.read(tar.CHUNK), b""))

    @contextlib.contextmanager
    def _faults(self) -> Iterator[None]:
        """Whatever zipfile says of a damaged archive, as one line."""
        try:
            yield
        except DataError:
            raise
        except (zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, OSError, EOFError, ValueError, RuntimeError,
                OverflowError, IndexError) as error:
            raise DataError(f"{self.path} is not a whole zip archive ({one_line(error)}).") from error

    def _enter_info(self, info: zipfile.ZipInfo) -> None:
        name, shown = info.filename, one_line(info.filename)
        kind = stat.S_IFMT(info.external_attr >> 16) if info.create_system == 3 else 0
        if kind in ZIP_KINDS:
            raise DataError(f"{self.path}: {shown} is a {ZIP_KINDS[kind]}; such an archive is refused.")
        if info.is_dir():
            return self._check_name(name)
        if info.flag_bits & 1:
            raise DataError(f"{self.path}: {shown} is encrypted; unpack it with its password first.")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DataError(f"{self.path}: {shown} is packed by method {info.compress_type}, expected stored or deflated.")
        most = info.compress_size * (1 if info.compress_type == zipfile.ZIP_STORED else DEFLATE_RATIO)
        if info.file_size > most:
            raise DataError(f"{self.path}: {shown} cannot unpack to {info.file_size:,} bytes from {info.compress_size:,}; "
                            "the table of contents is wrong.")
        self._enter(name, info.file_size)
        if self._unpacked > max(tar.FREE_BYTES, tar.LARGEST_RATIO * os.path.getsize(self.path)):
            raise DataError(f"{self.path} unpacks to more than {tar.LARGEST_RATIO} times its size; "
                            "it may be a decompression bomb.")
        self._infos[name] = info


class _Tar(Archive):
    def __init__(self, path: Path, largest: int, total: int, most: int) -> None:
        super().__init__(path, largest, total, most)
        self._offsets: dict[str, int] = {}
        self._stream = tar.Stream(path)

    def scan(self) -> None:
        for entry in tar.entries(self._stream, self._largest):
            name = entry.name.removeprefix("./")
            if entry.kind == "folder":
                self._check_name(name or ".")
            elif entry.kind != "file":
                raise DataError(f"{self.path}: {one_line(name)} is a {entry.kind}; such an archive is refused.")
            else:
                self._enter(name, entry.size)
                self._offsets[name] = entry.offset

    def close(self) -> None:
        self._stream.close()

    def _content(self, name: str) -> bytes:
        if self._stream.position > self._offsets[name]:
            self._stream.close()
            self._stream = tar.Stream(self.path)
        self._stream.skip(self._offsets[name] - self._stream.position)
        return self._stream.take(self.sizes[name])


class _Folder(Archive):
    def scan(self) -> None:
        for folder, folders, files in os.walk(self.path):
            folders.sort()
            for file in sorted(files):
                place = Path(folder, file)
                with self._faults(place):
                    self._enter_file(place)

    def _enter_file(self, place: Path) -> None:
        status = place.stat()
        if not stat.S_ISREG(status.st_mode):
            raise DataError(f"{place} is not a regular file; take it away first.")
        name = place.relative_to(self.path).as_posix()
        self._check_name(name)
        self._check_count()
        self.sizes[name] = status.st_size  # what is never read may be large

    def _content(self, name: str) -> bytes:
        self._check_size(name, self.sizes[name])
        place = self.path / name
        with self._faults(place), place.open("rb") as file:
            return file.read(self.sizes[name] + 1)

    @contextlib.contextmanager
    def _faults(self, place: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DataError(f"{place} cannot be read ({cause_of(error)}).") from error


class _CappedFile(io.FileIO):
    """A file that gives no more than a sane table of contents at once, whatever length a header promises."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "rb")

    def read(self, size: int | None = -1, /) -> bytes:
        """The next `size` bytes, or all that are left."""
        left = os.fstat(self.fileno()).st_size - self.tell()
        size = left if size is None or size < 0 else min(size, left)
        if size > LARGEST_DIRECTORY:
            raise DataError(f"{self.name} has a table of contents of {size:,} bytes, at most {LARGEST_DIRECTORY:,} are expected.")
        return super().read(size) or b""


@contextlib.contextmanager
def open_archive(path: str | Path, *, largest: int, total: int, most: int = 100_000) -> Iterator[Archive]:
    """The files in a `.zip`, a `.tar`, a `.tar.gz` or a folder; which it is, its first bytes say.

    Parameters
    ----------
    path : file or folder
    largest, total : int
        The most bytes that one member, and all of them, may unpack to.
    most : int
        The most members.

    Raises
    ------
    DataError
        Not such an archive, damaged, cut short, encrypted, over a limit, of sizes that lie, with a name twice, or with a
        member that is a link or a device or whose name leads out of the folder.
    """
    path = Path(path)
    archive = _kind(path)(path, largest, total, most)
    try:
        archive.scan()
        yield archive
    finally:
        archive.close()


def _kind(path: Path) -> type[Archive]:
    if os.path.isdir(path):
        return _Folder
    start = first_bytes(path, tar.BLOCK, "a zip, a tar, a gzipped tar or a folder")
    for mark, name in OTHER_FORMATS.items():
        if start.startswith(mark):
            raise DataError(f"{path} is packed by {name}, expected a zip, a tar or a gzipped tar; unpack it first.")
    if start.startswith((b"PK\3\4", b"PK\5\6")):
        return _Zip
    if start.startswith(b"\x1f\x8b") or tar.is_header(start) or (len(start) == tar.BLOCK and not any(start)):
        return _Tar
    raise DataError(f"{path} is not a zip, a tar or a gzipped tar ({path.stat().st_size:,} bytes).")
