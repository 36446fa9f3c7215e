"""Who is nearest? Encodings in memory, one row each, and the least distance of each person from a query."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyconv.engine import Array

ROUNDING = np.float32(1e-4)  # more than a similarity can be off, by float32 and by lengths that are 1 within 1e-5


def squared_distances_from(point: Array, points: Array) -> Array:
    """float64 (N,): the squared distance of each of `points` (N, D) from `point` (D,), from the differences: exact near 0."""
    return np.square(points.astype(np.float64) - point).sum(axis=1)


class Nearest:
    """Encodings by person; more can be added at little cost, since the matrix has room to spare.

    Parameters
    ----------
    dimension : D, numbers of an encoding
    """

    def __init__(self, dimension: int) -> None:
        self._room = np.empty((0, dimension), np.float32)
        self._people = np.empty(0, np.intp)  # whose each row is, as a place in `_names`
        self._names: list[str] = []
        self._place: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._people)

    def add(self, names: Sequence[str], points: Array) -> None:
        """Add `points`, float32 (N, D) of length 1, of the people `names`, N of them."""
        before, after = len(self), len(self) + len(points)
        if after > len(self._room):
            room = np.empty((after + after // 4, self._room.shape[1]), np.float32)
            room[:before] = self._room[:before]
            self._room = room
        self._room[before:after] = points
        self._people = np.concatenate([self._people, np.fromiter(map(self._place_of, names), np.intp, len(names))])

    def people(self, point: Array, count: int) -> list[tuple[str, float]]:
        """(name, least squared distance) of the `count` nearest people, nearest first, equally near ones by name.

        One product with the whole matrix, whose rounding errors are larger than small distances, finds who may be among
        them; of those alone the distances are computed from the differences.
        """
        if not len(self):
            return []
        similarities = self._room[: len(self)] @ point
        best = np.full(len(self._names), -np.inf, np.float32)
        np.maximum.at(best, self._people, similarities)
        count = min(count, len(best))
        least = np.partition(best, -count)[-count]
        rows = np.flatnonzero(similarities >= np.maximum(best, least)[self._people] - ROUNDING)
        distances = np.full(len(best), np.inf)
        np.minimum.at(distances, self._people[rows], squared_distances_from(point, self._room[rows]))
        found = [(float(distances[person]), self._names[person]) for person in np.flatnonzero(distances < np.inf)]
        return [(name, distance) for distance, name in sorted(found)[:count]]

    def _place_of(self, name: str) -> int:
        place = self._place.setdefault(name, len(self._names))
        if place == len(self._names):
            self._names.append(name)
        return place
