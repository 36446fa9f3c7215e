"""A gallery: who looks how, as encodings in one file; is this Ada, and who is this?

People are added and removed without any training: a person is a name and encodings of their pictures, points on the unit
sphere, and is as far from a face as the nearest of these points. Far or near is decided by one threshold, which is kept in
the file together with the encoder that the points come from.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from tinyconv.data.arguments import as_array, check_count, check_number
from tinyconv.data.files import whole_file
from tinyconv.data.quoting import one_line
from tinyconv.engine import Array
from tinyconv.errors import DataError, ShapeError
from tinyconv.faces.database import Database
from tinyconv.faces.encoder import Encoder
from tinyconv.faces.names import check_name, check_source, close_names
from tinyconv.faces.nearest import Nearest, squared_distances_from
from tinyconv.faces.records import Calibration, EncoderMark, Identification, Person, Verification

FARTHEST = 4.0  # squared distance of opposite points
OFF = 1e-5  # how far a length may be from 1
PURGE_PATIENCE = 10.0  # seconds that a removal waits for readers of the older state
STORED = np.dtype("<f4")


class Gallery:
    """An open gallery; `with Gallery.open(path, encoder) as gallery:` closes it. Threads may share it.

    Any number of processes may have the same file open: each sees at once what the others have changed.
    """

    def __init__(self, database: Database) -> None:
        self.path = database.path
        self._database = database
        self._nearest: Nearest | None = None
        self._last_row, self._removals, self._version = 0, 0, -1
        self.encoder = self._read_mark()

    @classmethod
    def open(cls, path: str | Path, encoder: Encoder | None = None, *, create: bool = False) -> Gallery:
        """Open a gallery; a removal that an earlier process could not finish is finished now, if nobody is in its way.

        Parameters
        ----------
        encoder : whose points will be enrolled and asked for; None: the caller looks at `gallery.encoder` first and checks
        create : make an empty gallery of this encoder, with its threshold, if there is no file

        Raises
        ------
        DataError
            No such file, not a gallery, damaged, of a newer tinyconv, in a place that cannot be written, or of another encoder.
        """
        if create and encoder is None:
            raise DataError(f"{path}: a new gallery needs an encoder.")
        about = None
        if create and encoder is not None:
            about = {"encoder": encoder.name, "fingerprint": encoder.fingerprint, "height": encoder.size[0],
                     "width": encoder.size[1], "dimension": encoder.dimension, "threshold": encoder.threshold}
        database = Database(path, about)
        try:
            gallery = cls(database)
            if encoder is not None:
                gallery.check_encoder(encoder)
            if database.owes_purge():
                database.purge(0.0)
        except BaseException:
            database.close()
            raise
        return gallery

    def close(self) -> None:
        """Close the file and free the encodings in memory."""
        self._nearest = None
        self._database.close()

    def __enter__(self) -> Gallery:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def check_encoder(self, encoder: Encoder) -> None:
        """Raise `DataError`, which says what to do, unless the gallery's points come from this encoder."""
        own = self.encoder
        if (encoder.name, encoder.fingerprint, encoder.size) == (own.name, own.fingerprint, own.size):
            return
        got = EncoderMark(encoder.name, encoder.fingerprint, encoder.size, own.dimension)
        fix = (f"use the encoder {own.name} for it" if own.name != got.name else
               f"its weights have changed since; bring back those of {own.fingerprint}")
        raise DataError(f"{self.path} belongs to the encoder {own}, got {got}: their points cannot be compared; {fix}, or enrol "
                        "the photographs anew into another file.")

    # Changing it

    def enrol(self, identity: str, embeddings: Any, sources: Sequence[str | os.PathLike[str] | None] | None = None) -> int:
        """Add encodings of a person, all of them or none; when it returns, the disk has them.

        Parameters
        ----------
        identity : a name of at most 200 characters, any Unicode without control signs; blanks around it do not count
        embeddings : float (D,) or (K, D), each of length 1, as `Encoder.encode` gives them; kept as float32
        sources : where each of the K comes from, such as the photograph's path, for `export`

        Returns
        -------
        how many were new: an encoding that the person has already is not stored twice

        Raises
        ------
        DataError, ShapeError
            Anything that is not as above; then nothing is stored.
        """
        name, points = check_name(identity, "enrol"), self._points(embeddings, "enrol")
        origins = [None] * len(points) if sources is None else [check_source(source, "enrol") for source in sources]
        if len(origins) != len(points):
            raise ShapeError(f"enrol: got {len(points)} embeddings and {len(origins)} sources, expected as many.")
        now = _now()
        with self._database.writing() as connection:
            known = {vector for vector, in connection.execute("SELECT vector FROM encoding WHERE identity = ?", (name,))}
            rows: dict[bytes, tuple[Any, ...]] = {}
            for vector, origin in zip((point.astype(STORED).tobytes() for point in points), origins, strict=True):
                if vector not in known:
                    rows.setdefault(vector, (name, origin, now, vector))
            connection.executemany("INSERT INTO encoding (identity, source, enrolled, vector) VALUES (?, ?, ?, ?)", rows.values())
            self._version = -1
        return len(rows)

    def remove(self, identity: str, *, patience: float = PURGE_PATIENCE) -> int:
        """Remove a person, so that neither the file nor its log keeps an encoding, the name or a source; how many there were.

        The whole file is written anew; `tinyconv bench recognition` shows how long that takes. What a disk or a file system
        keeps of overwritten files, and copies of the file elsewhere, are beyond its reach.

        Parameters
        ----------
        patience : seconds to wait for other processes that still read the gallery as it was before

        Raises
        ------
        DataError
            Nobody is called so; or somebody reads all the time: then the person is removed and nobody finds them any more, but
            old bytes are left, and the next `open` or `purge` tries again.
        """
        name = check_name(identity, "remove")
        with self._database.writing() as connection:
            self._nearest, self._version = None, -1
            removed = connection.execute("DELETE FROM encoding WHERE identity = ?", (name,)).rowcount
            if removed:
                connection.execute("UPDATE gallery SET removals = removals + 1")
        if not removed:
            raise self._unknown(name)
        if not self._database.purge(patience):
            raise DataError(f"{one_line(name)} is removed from {self.path} and nobody finds them any more, but the old bytes are "
                            "still in the file: another process reads it; end that one, then open the gallery once more.")
        return removed

    def purge(self, patience: float = PURGE_PATIENCE) -> bool:
        """Finish removals that were interrupted or in the way of readers; whether no byte of anybody removed is left."""
        return not self.owes_purge or self._database.purge(patience)

    @property
    def owes_purge(self) -> bool:
        """Whether bytes of somebody who was removed are still in the file."""
        return self._database.owes_purge()

    def calibrate(self, threshold: float, *, false_match_rate: float, pairs: int) -> None:
        """Set the squared distance, 0 to 4, up to which two faces are one person, and how it was found.

        Parameters
        ----------
        false_match_rate : share, 0 to 1, of `pairs` pairs of different people that are taken for one
        """
        threshold = check_number(threshold, "threshold", "calibrate", 0, FARTHEST)
        false_match_rate = check_number(false_match_rate, "false_match_rate", "calibrate", 0, 1)
        pairs = check_count(pairs, "pairs", "calibrate")
        with self._database.writing() as connection:
            connection.execute("UPDATE gallery SET threshold = ?, false_match_rate = ?, pairs = ?, calibrated = ?",
                               (threshold, false_match_rate, pairs, _now()))

    # Asking it

    @property
    def threshold(self) -> float:
        """Squared distance, 0 to 4, up to which a face is a person's; the encoder's own until somebody calibrates."""
        with self._database.reading() as connection:
            return _threshold(connection)

    @property
    def calibration(self) -> Calibration | None:
        """How the threshold was found; None: it is the encoder's own."""
        with self._database.reading() as connection:
            return _calibration(connection)

    def verify(self, embedding: Any, identity: str) -> Verification:
        """Is this the claimed person?

        Parameters
        ----------
        embedding : float (D,) of length 1, or (K, D) for several pictures of one face: the nearest counts
        identity : the claim

        Raises
        ------
        DataError, ShapeError
            No such embedding, or nobody is called so: close names are suggested.
        """
        name, points = check_name(identity, "verify"), self._points(embedding, "verify")
        with self._database.reading() as connection:
            found = connection.execute("SELECT id, vector FROM encoding WHERE identity = ?", (name,)).fetchall()
            threshold = _threshold(connection)
        if not found:
            raise self._unknown(name)
        own = self._matrix(found)
        distance = min(float(squared_distances_from(point, own).min()) for point in points)
        return Verification(name, distance, threshold, distance <= threshold)

    def identify(self, embedding: Any, top_k: int = 3) -> Identification:
        """Who is this?

        Parameters
        ----------
        embedding : float (D,) of length 1
        top_k : how many people to name, as far as there are so many

        Returns
        -------
        Identification
            `recognized` is the nearest person, with exactly the distance that `verify` finds, if that is within the threshold.

        Raises
        ------
        DataError, ShapeError
            No such embedding or count.
        """
        points, top_k = self._points(embedding, "identify"), check_count(top_k, "top_k", "identify")
        if len(points) != 1:
            raise ShapeError(f"identify: got {len(points)} embeddings, expected one face, (D,); ask for each of them.")
        with self._database.reading() as connection:
            candidates, threshold = self._up_to_date(connection).people(points[0], top_k), _threshold(connection)
        recognized = candidates[0][0] if candidates and candidates[0][1] <= threshold else None
        return Identification(tuple(candidates), threshold, recognized)

    def list(self) -> tuple[Person, ...]:
        """Everybody, by name."""
        with self._database.reading() as connection:
            return tuple(Person(*row) for row in connection.execute(
                "SELECT identity, count(*), min(enrolled), max(enrolled) FROM encoding GROUP BY identity ORDER BY identity"))

    def export(self, path: str | Path) -> None:
        """Write everything into a JSON file, whole or not at all; encodings with the digits that float32 has.

        Raises
        ------
        DataError
            The place cannot be written, or is the gallery itself.
        """
        path = Path(path)
        if path.resolve() in {Path(f"{self.path.resolve()}{ending}") for ending in ("", "-wal", "-shm")}:
            raise DataError(f"{path} is the gallery itself; export it into another file.")
        with self._database.reading() as connection:
            threshold, calibration = _threshold(connection), _calibration(connection)
            rows = connection.execute("SELECT id, vector, identity, source, enrolled FROM encoding "
                                      "ORDER BY identity, id").fetchall()
        points = self._matrix(rows)
        about = {"encoder": asdict(self.encoder), "threshold": threshold, "calibration": calibration and asdict(calibration)}
        with whole_file(path) as partial, partial.open("w", encoding="utf-8") as file:
            file.write(json.dumps(about, ensure_ascii=False)[:-1] + ', "encodings": [')
            for number, (point, (_, _, identity, source, enrolled)) in enumerate(zip(points, rows, strict=True)):
                row = {"identity": identity, "source": source, "enrolled": enrolled, "encoding": [float(str(x)) for x in point]}
                file.write(f"{',' if number else ''}\n{json.dumps(row, ensure_ascii=False)}")
            file.write("]}\n")

    def _read_mark(self) -> EncoderMark:
        with self._database.reading() as connection:
            row = connection.execute("SELECT encoder, fingerprint, height, width, dimension FROM gallery").fetchone()
        if row is None or list(map(type, row)) != [str, str, int, int, int] or min(row[2:]) < 1:
            raise DataError(f"{self.path} is damaged (it does not say which encoder it belongs to); bring back a copy.")
        return EncoderMark(row[0], row[1], (row[2], row[3]), row[4])

    def _points(self, embeddings: Any, what: str) -> Array:
        """`embeddings` as float32 (K, D), K >= 1, of the gallery's dimension and of length 1."""
        given = as_array(embeddings, what)
        points = given[None] if given.ndim == 1 else given
        if points.ndim != 2 or not len(points) or points.shape[1] != self.encoder.dimension or points.dtype.kind != "f":
            raise ShapeError(f"{what}: got embeddings {given.dtype} {given.shape}, expected float ({self.encoder.dimension},) or "
                             f"(K, {self.encoder.dimension}), as the encoder {self.encoder.name} gives them.")
        points = points.astype(np.float32)
        length = _off(points)
        if length is not None:
            raise DataError(f"{what}: got an embedding of length {length:g}, expected 1; divide it by its length.")
        return points

    def _matrix(self, rows: Sequence[tuple[Any, ...]]) -> Array:
        """float32 (N, D) of stored rows (id, vector, ...), which must be what `enrol` has stored."""
        size = self.encoder.dimension * STORED.itemsize
        wrong = [row[0] for row in rows if type(row[1]) is not bytes or len(row[1]) != size]
        if not wrong:
            points = np.frombuffer(b"".join(row[1] for row in rows), STORED).reshape(-1, self.encoder.dimension)
            if _off(points) is None:
                return points.astype(np.float32, copy=False)
        raise DataError(f"{self.path} is damaged (it holds encodings that were never enrolled); bring back a copy, or enrol anew "
                        "into another file.")

    def _up_to_date(self, connection: sqlite3.Connection) -> Nearest:
        """The encodings in memory as the file has them now: new ones are added; after a removal all are read again."""
        version = connection.execute("PRAGMA data_version").fetchone()[0]
        nearest, self._nearest = self._nearest, None  # if Ctrl-C comes now, the next question reads all
        if nearest is None or version != self._version:
            removals = connection.execute("SELECT removals FROM gallery").fetchone()[0]
            if nearest is None or removals != self._removals:
                nearest, self._last_row = Nearest(self.encoder.dimension), 0
            rows = connection.execute("SELECT id, vector, identity FROM encoding WHERE id > ? ORDER BY id",
                                      (self._last_row,)).fetchall()
            if rows:
                nearest.add([row[2] for row in rows], self._matrix(rows))
                self._last_row = rows[-1][0]
            self._removals, self._version = removals, version
        self._nearest = nearest
        return nearest

    def _unknown(self, name: str) -> DataError:
        known = [person.identity for person in self.list()]
        return DataError(f"nobody in {self.path} is called {one_line(name)}{close_names(name, known)}")


def _threshold(connection: sqlite3.Connection) -> float:
    return connection.execute("SELECT threshold FROM gallery").fetchone()[0]


def _calibration(connection: sqlite3.Connection) -> Calibration | None:
    row = connection.execute("SELECT false_match_rate, pairs, calibrated FROM gallery").fetchone()
    return None if row[0] is None else Calibration(*row)


def _off(points: Array) -> float | None:
    """The length of the first of `points` (N, D) whose length is not 1; None if there is none."""
    lengths = np.sqrt(np.einsum("nd,nd->n", points, points, dtype=np.float64))
    wrong = np.flatnonzero(~(np.abs(lengths - 1) <= OFF))
    return float(lengths[wrong[0]]) if len(wrong) else None


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
