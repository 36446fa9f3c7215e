"""Pairs of pictures and their distances: how many of each kind a threshold accepts. All that is measured begins here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyconv.data.arguments import as_array
from tinyconv.engine import Array
from tinyconv.errors import ShapeError


def every_pair(labels: Any) -> tuple[Array, Array, Array]:
    """Every pair of different positions once: (first, second, whether both have one label)."""
    labels = np.asarray(labels)
    first, second = np.triu_indices(len(labels), 1)
    return first, second, labels[first] == labels[second]


@dataclass(frozen=True, eq=False)
class Accepted:
    """How many pairs each threshold accepts: those whose distance is at most the threshold.

    Attributes
    ----------
    thresholds : float64 array, (T + 1,)
        -inf, which accepts nobody, then the T different distances, rising.
    same, different : integer arrays, (T + 1,)
        Accepted pairs of one person and of two; the last entries are all pairs there are.
    """

    thresholds: Array
    same: Array
    different: Array

    @property
    def false_accepts(self) -> Array:
        """Accepted share, from 0 to 1, of the pairs of two people."""
        return self.different / self.different[-1]

    @property
    def true_accepts(self) -> Array:
        """Accepted share, from 0 to 1, of the pairs of one person."""
        return self.same / self.same[-1]

    @property
    def false_rejects(self) -> Array:
        """Refused share, from 0 to 1, of the pairs of one person."""
        return (self.same[-1] - self.same) / self.same[-1]


def accepted_pairs(distances: Any, same: Any, what: str) -> Accepted:
    """Sort the pairs once and count; `what` is the function that an error names. Parameters as in `check_pairs`."""
    distances, same = check_pairs(distances, same, what)
    order = np.argsort(distances)
    return count_sorted(distances[order], same[order])


def count_sorted(distances: Array, same: Array) -> Accepted:
    """The counts of pairs (N,) whose distances rise already."""
    last = np.append(np.flatnonzero(distances[1:] != distances[:-1]), len(distances) - 1)  # of each run of equal distances
    accepted_same = np.cumsum(same)[last]
    return Accepted(np.append(-np.inf, distances[last]), np.append(0, accepted_same), np.append(0, last + 1 - accepted_same))


def check_pairs(distances: Any, same: Any, what: str) -> tuple[Array, Array]:
    """The pairs as (float64 (N,), boolean (N,)).

    Parameters
    ----------
    distances : array of finite numbers, (N,)
    same : boolean array, (N,)
        Whether a pair shows one person; both kinds occur.
    what : the function that an error names

    Raises
    ------
    ShapeError
        Shapes that do not fit, distances that are no finite numbers, or only one kind of pair.
    """
    distances, same = as_array(distances, what), as_array(same, what)
    if distances.ndim != 1 or distances.shape != same.shape or distances.dtype.kind not in "iuf" or same.dtype != np.bool_:
        raise ShapeError(f"{what}: got distances of {distances.dtype} {distances.shape} and same of {same.dtype} {same.shape}, "
                         "expected numbers (N,) and booleans (N,).")
    odd = int((~np.isfinite(distances)).sum())
    if same.all() or not same.any() or odd:
        raise ShapeError(f"{what}: got {int(same.sum())} same and {int((~same).sum())} different pairs and {odd} distances "
                         "that are NaN or infinite, expected both kinds of pairs and finite distances.")
    return distances.astype(np.float64), same


def between(low: float, high: float) -> float:
    """A threshold that accepts the distance `low` and not the greater `high`: midway, or `low` if no number lies between."""
    middle = float(low / 2 + high / 2)
    return middle if middle < high else float(low)
