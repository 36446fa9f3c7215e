"""Fetching originals: each arrives whole, with the right checksum, under its final name, or leaves nothing.

The bytes go to a temporary file beside the final one, are counted and hashed on their way, and only then take its name
(`whole_file`). A server that sends more than it should is cut off.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from http.client import IncompleteRead
from pathlib import Path
from typing import Any, BinaryIO

import pooch

from tinyconv.data import packs
from tinyconv.data.files import check_writable, whole_file
from tinyconv.data.prepare import prepare
from tinyconv.data.quoting import cause_of, one_line
from tinyconv.data.sources.entry import Entry, Original
from tinyconv.errors import DataError

CHUNK = 1 << 16  # bytes at a time
LARGEST = 1 << 30  # bytes, of an original whose size nobody has published
SECONDS = 30.0  # without a single byte


def fetch(entry: Entry, say: Callable[[str], object] = print, progress: Callable[[int], object] = int) -> Path:
    """Make sure that the pack of `entry` is there: fetch what is absent or damaged, prepare it once.

    Parameters
    ----------
    say : called with one line about each step: licence, address, checksum
    progress : called with the number of bytes of each piece that arrives

    Raises
    ------
    DataError
        No network, another file than expected, or no place to keep it; nothing half-done is left.
    """
    pack = packs.locate(entry)
    if pack is not None and (entry.converter or entry.by_hand):
        return pack
    if entry.by_hand:
        raise DataError(f"{entry.name}: {packs.folders()[0] / entry.path} does not exist; {packs.how_to_get(entry)}")
    folder = store() if pack is None else pack.parents[entry.path.count("/")]
    if pack is not None and all(_is_right(folder / original.path, original) for original in entry.originals):
        return pack
    say(f"{entry.name}: licence: {entry.licence}")
    fresh = [path for original in entry.originals for path in _fetch_original(entry.name, original, folder, say, progress)]
    try:
        return prepare(entry, folder)
    except DataError:
        for path in fresh:  # not what it should be, and no checksum has told
            path.unlink(missing_ok=True)
        raise


def store() -> Path:
    """The folder to keep new packs in: the first of `packs.folders()` that can be written; the cache folder is made.

    Raises
    ------
    DataError
        TINYCONV_DATA names no folder, or nothing can be written.
    """
    *named, cache = packs.folders()
    for folder in named:
        if not folder.is_dir():
            raise DataError(f"{packs.VARIABLE} names {folder}, which is no folder; make it, or unset {packs.VARIABLE}.")
        with contextlib.suppress(DataError):
            check_writable(folder)
            if folder.stat().st_mode & 0o222:  # without a single such bit nobody is meant to write, the superuser neither
                return folder
    packs.make_folder(cache)
    check_writable(cache)
    return cache


def _fetch_original(
    name: str, original: Original, folder: Path, say: Callable[[str], object], progress: Callable[[int], object],
) -> list[Path]:
    """Fetch one original unless it is there; returns [its path] if it is new and unverified."""
    path = folder / original.path
    if path.is_file():
        if _is_right(path, original):
            say(f"{name}: {path} is there already" + ("" if original.checksum else ", unverified: no checksum is known of it"))
            return []
        say(f"{name}: {path} is not the file that was published, it is fetched again")
    say(f"{name}: {original.url}")
    with _kept_if_filled(path.parent):
        packs.make_folder(path.parent)
        sha256 = download(original, path, progress)
    if original.checksum is None:
        say(f"{name}: {path} is unverified: no checksum is known of it, and its sha256 is {sha256}")
        return [path]
    return []


@contextlib.contextmanager
def _kept_if_filled(folder: Path) -> Iterator[None]:
    """A block that may make `folder` and those above it; what is new of them and empty is removed if the block fails."""
    new = [part for part in (folder, *folder.parents) if not part.exists()]
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):  # not made, or not empty
            for part in new:
                part.rmdir()
        raise


def download(original: Original, path: Path, progress: Callable[[int], object] = int) -> str:
    """Fetch one file to `path`, whole or not at all; returns its sha256.

    Raises
    ------
    DataError
        No connection, an answer that is no file, one of another size or checksum, or a place that cannot be written.
    """
    with whole_file(path) as partial:
        with partial.open("wb") as file:
            receiver = _Receiver(original, path, file, progress)
            _ask(original.url, receiver)
        receiver.check()
    return receiver.sha256.hexdigest()


def _ask(url: str, receiver: _Receiver) -> None:
    """Let the server write into `receiver`, and hang up in any case."""
    answers: list[Any] = []
    ask = pooch.HTTPDownloader(
        chunk_size=CHUNK, timeout=SECONDS,
        headers={"Accept-Encoding": "identity"},  # not compressed on the way: the length is the file's
        hooks={"response": lambda answer, **_: answers.append(answer)},
    )
    try:
        ask(url, receiver, None)
        if answers[-1].status_code != 200:  # a part of a file, or a choice of several
            raise DataError(f"{url} gave no file ({_reason_of(answers[-1])}); nothing is kept, try again later.")
    except DataError:
        raise
    except (OSError, ValueError) as error:  # requests' own errors are an OSError, a false Content-Length a ValueError
        raise DataError(f"{url} cannot be fetched ({_reason(error)}); try again later, or put the file at {receiver.path} "
                        "by hand.") from error
    finally:
        for answer in answers:
            answer.close()


class _Receiver:
    """The file that pooch writes into: counts, hashes, and stops a server that sends too much."""

    def __init__(self, original: Original, path: Path, file: BinaryIO, progress: Callable[[int], object]) -> None:
        self.original, self.path, self.file, self.progress = original, path, file, progress
        self.limit = LARGEST if original.size is None else original.size
        self.count = 0
        self.sha256 = hashlib.sha256()
        self.algorithm, _, self.expected = (original.checksum or "").partition(":")
        self.digest = hashlib.new(self.algorithm, usedforsecurity=False) if self.algorithm else None

    def write(self, chunk: bytes) -> None:
        self.count += len(chunk)
        if self.count > self.limit:
            raise DataError(f"{self.original.url} sends more than {self.limit:,} bytes, so it is not the file that was "
                            "published; nothing is kept.")
        self.sha256.update(chunk)
        if self.digest:
            self.digest.update(chunk)
        try:
            self.file.write(chunk)
        except OSError as error:
            raise DataError(f"{self.path} cannot be written ({cause_of(error)}).") from error
        self.progress(len(chunk))

    def flush(self) -> None:
        """Pooch asks after each piece; the operating system knows better when."""

    def check(self) -> None:
        """Raise unless all of the published file has come."""
        if self.original.size is not None and self.count != self.original.size:
            raise DataError(f"{self.original.url} gave {self.count:,} of {self.original.size:,} bytes; nothing is kept, "
                            "try again.")
        if self.digest and self.digest.hexdigest() != self.expected:
            raise DataError(f"{self.original.url} gave the {self.algorithm} {self.digest.hexdigest()}, expected "
                            f"{self.expected}: it is damaged or has changed; nothing is kept, try again.")
        if self.count == 0:
            raise DataError(f"{self.original.url} gave an empty file; nothing is kept, try again later.")


def _is_right(path: Path, original: Original) -> bool:
    """Whether a file that lies there can be the published one; of an unverified one only its size, if known, is looked at."""
    algorithm, _, expected = (original.checksum or "").partition(":")
    try:
        if original.size is not None and path.stat().st_size != original.size:
            return False
        return not algorithm or pooch.file_hash(str(path), alg=algorithm) == expected
    except OSError as error:
        raise DataError(f"{path} cannot be read ({cause_of(error)}).") from error


def _reason(error: BaseException) -> str:
    """Why, in a few words: the server's answer, or the innermost cause."""
    answer = getattr(error, "response", None)
    if answer is not None:
        return _reason_of(answer)
    while error.__cause__ or (error.__context__ and not error.__suppress_context__):
        error = error.__cause__ or error.__context__ or error
    if isinstance(error, IncompleteRead):
        return "the connection was cut"
    return cause_of(error)


def _reason_of(answer: Any) -> str:
    return one_line(f"the server answered {answer.status_code} {answer.reason}")
