"""The file under a gallery: SQLite that keeps what it has confirmed, serves several processes, and forgets what it must.

*Keeps*: write-ahead log, `synchronous=FULL`: a commit returns when the disk has it. *Several*: who wants to write waits for
its turn. *Forgets*: a deleted row stays behind in three places, in the pages it was in (`secure_delete` clears them), in
copies that the B-trees left in corners of other pages when they moved rows (`VACUUM` writes every page anew) and in older
pages of the log (a checkpoint that truncates it). The last one waits until nobody reads the older state any more; until it
has happened, the file itself remembers that it is owed.

One trap: a process that opens the file by other means and closes it again loses SQLite's locks on it (POSIX has it so).
Nothing here does.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Any

from tinyconv.data.files import check_writable
from tinyconv.data.quoting import LONGEST_PATH, cause_of, one_line
from tinyconv.errors import DataError

APPLICATION = 0x74634761  # "tcGa": the mark in the file's header
VERSION = 1  # of the tables below
TABLES = """
CREATE TABLE gallery (
    id INTEGER PRIMARY KEY CHECK (id = 1),  -- one row
    encoder TEXT NOT NULL, fingerprint TEXT NOT NULL, height INTEGER NOT NULL, width INTEGER NOT NULL, dimension INTEGER NOT NULL,
    threshold REAL NOT NULL, false_match_rate REAL, pairs INTEGER, calibrated TEXT,  -- NULL: it is the encoder's own
    removals INTEGER NOT NULL DEFAULT 0, purged INTEGER NOT NULL DEFAULT 0  -- how many, and how many of them left no trace
);
CREATE TABLE encoding (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- rises, and never comes again
    identity TEXT NOT NULL, source TEXT, enrolled TEXT NOT NULL,
    vector BLOB NOT NULL  -- float32, little-endian, of length 1
);
CREATE INDEX encoding_identity ON encoding (identity);
"""
PATIENCE = 30.0  # seconds that a writer waits for its turn
PAUSE = 0.02  # seconds between two attempts
BUSY = 1000  # milliseconds that SQLite itself waits for a lock, and Ctrl-C for SQLite


class Database:
    """One connection, which threads of this process share: one at a time.

    Parameters
    ----------
    path : the file
    about : what a new file's row `gallery` begins with, {column: value}; None: the file must exist

    Raises
    ------
    DataError
        No such file or folder, a folder, not a database, another program's, a newer tinyconv's, damaged, or in a place where
        SQLite cannot write.
    """

    def __init__(self, path: str | Path, about: dict[str, Any] | None = None) -> None:
        self.path = Path(path)
        self._lock, self._process = threading.RLock(), os.getpid()
        self._connection: sqlite3.Connection | None = None
        exists = _is_file(self.path)
        if not exists and about is None:
            raise DataError(f"{self.path} does not exist, expected a gallery; enrol somebody first.")
        if not exists:
            check_writable(self.path.parent)
        with self._in_words():
            address = f"{self.path.absolute().as_uri()}?mode={'rw' if exists else 'rwc'}"
            connection = sqlite3.connect(address, uri=True, timeout=BUSY / 1000, isolation_level=None, check_same_thread=False)
            try:
                self._prepare(connection, about)
            except BaseException:
                connection.close()
                raise
            self._connection = connection

    def close(self) -> None:
        """Give the file back; a second time does nothing."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None and os.getpid() == self._process:
                with self._in_words():
                    connection.close()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A block in which every query sees the same state of the file."""
        with self._using() as connection, _transaction(connection, "BEGIN"):
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A block that changes all or, if it ends in an error, nothing; others wait, and after it the disk has the change."""
        with self._using() as connection, _transaction(connection, "BEGIN IMMEDIATE"):
            yield connection

    def owes_purge(self) -> bool:
        """Whether rows were deleted whose bytes are still in the file or its log."""
        with self._using() as connection:
            return connection.execute("SELECT removals > purged FROM gallery").fetchone()[0] == 1

    def purge(self, patience: float) -> bool:
        """Leave no byte of deleted rows in the file or its log: True when that is done, False after `patience` seconds in vain.

        It fails while somebody, in any process, still reads the state from before.
        """
        until = time.monotonic() + patience
        while not self._purge_once():
            if time.monotonic() >= until:
                return False
            time.sleep(PAUSE)
        return True

    def _purge_once(self) -> bool:
        with self._using() as connection:
            removals = connection.execute("SELECT removals FROM gallery").fetchone()[0]  # a later one is owed another purge
            if not _purged(connection):
                return False
            with _transaction(connection, "BEGIN IMMEDIATE"):
                connection.execute("UPDATE gallery SET purged = max(purged, ?)", (removals,))
            return True

    @contextlib.contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._in_words():
            if self._connection is None:
                raise DataError(f"{self.path} is closed; open the gallery again.")
            if os.getpid() != self._process:
                raise DataError(f"{self.path} was opened before this process was forked; open the gallery again in the child.")
            yield self._connection

    def _prepare(self, connection: sqlite3.Connection, about: dict[str, Any] | None) -> None:
        """Check whose file it is before anything in it changes; make the tables of a new one, all at once."""
        if not self._is_ours(connection) and about is None:
            raise DataError(f"{self.path} is empty, expected a gallery; enrol somebody first.")
        if about is not None and not self.path.stat().st_size:
            os.chmod(self.path, 0o600)  # encodings of faces are for their keeper only; SQLite gives its log the same mode
        for pragma in ("synchronous = FULL", "fullfsync = ON", "checkpoint_fullfsync = ON",  # the last two: macOS
                       "secure_delete = ON", "temp_store = MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
        mode = _patiently(lambda: connection.execute("PRAGMA journal_mode = WAL").fetchone()[0])
        if mode != "wal":
            raise DataError(f"{self.path} is in a place without write-ahead log (a network folder?); move the gallery to a disk.")
        if about is not None and not self._is_ours(connection):
            with _transaction(connection, "BEGIN IMMEDIATE"):
                if not self._is_ours(connection):  # or another process was faster
                    for statement in TABLES.split(";\n"):
                        connection.execute(statement)
                    connection.execute(f"INSERT INTO gallery ({', '.join(about)}) VALUES ({', '.join('?' * len(about))})",
                                       tuple(about.values()))
                    connection.execute(f"PRAGMA application_id = {APPLICATION}")
                    connection.execute(f"PRAGMA user_version = {VERSION}")

    def _is_ours(self, connection: sqlite3.Connection) -> bool:
        """Whether it is a gallery of this version; False if there is nothing in it yet, an error if it is anything else."""
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if application != APPLICATION and (application or version or tables):
            raise DataError(f"{self.path} is a database of another program, expected a gallery.")
        if application == APPLICATION and version > VERSION:
            raise DataError(f"{self.path} has gallery format {version}, expected at most {VERSION}; it was written by a newer "
                            "tinyconv: upgrade this one.")
        return application == APPLICATION

    @contextlib.contextmanager
    def _in_words(self) -> Iterator[None]:
        """Every fault that SQLite finds, in one line that says what to do."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            text = cause_of(error)
            if "not a database" in text:
                raise DataError(f"{self.path} is no gallery (not an SQLite database).") from error
            if _is_busy(error):
                raise DataError(f"{self.path} is busy: another process has kept it for {PATIENCE:g} s; try again.") from error
            if "readonly" in text or "unable to open" in text:
                raise DataError(f"{self.path} cannot be opened ({text}); the file and its folder must be writable, also to look "
                                "somebody up: SQLite keeps its log beside the file.") from error
            if isinstance(error, sqlite3.OperationalError | OSError) and "no such" not in text:
                raise DataError(f"{self.path} cannot be read or written ({text}).") from error
            raise DataError(f"{self.path} is damaged ({text}); bring back a copy, or enrol anew into another file.") from error


def _is_file(path: Path) -> bool:
    """Whether there is a file; anything else that is there is refused. The file is not opened."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    except (OSError, ValueError) as error:
        raise DataError(f"{one_line(path, LONGEST_PATH)} cannot be read ({cause_of(error)}).") from error
    if not S_ISREG(mode):
        raise DataError(f"{path} is {'a folder' if S_ISDIR(mode) else 'not a regular file'}, expected a gallery.")
    return True


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    """All or nothing, also if Ctrl-C comes in between."""
    try:
        _patiently(lambda: connection.execute(begin))
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _patiently(action: Any) -> Any:
    """`action()`, again and again while another process holds the file."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return action()
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() > until:
                raise
            time.sleep(PAUSE)


def _purged(connection: sqlite3.Connection) -> bool:
    """One attempt to write every page anew and to empty the log, which holds the old ones."""
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        if not _log_is_empty(connection):  # then the long part need not begin
            return False
        connection.execute("VACUUM")
        return _log_is_empty(connection)
    except sqlite3.OperationalError as error:
        if _is_busy(error):
            return False
        raise
    finally:
        connection.execute(f"PRAGMA busy_timeout = {BUSY}")


def _log_is_empty(connection: sqlite3.Connection) -> bool:
    """Whether the log could be copied into the file and cut to nothing, which readers of an older state prevent."""
    return connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0


def _is_busy(error: BaseException) -> bool:
    return isinstance(error, sqlite3.OperationalError) and "locked" in str(error)
