"""How well distances tell people apart: error rates of verification, and accuracy of nearest neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyconv.engine import Array
from tinyconv.errors import ShapeError


def every_pair(labels: Any) -> tuple[Array, Array, Array]:
    """Every pair of different positions once: (first, second, whether both have one label)."""
    labels = np.asarray(labels)
    first, second = np.triu_indices(len(labels), 1)
    return first, second, labels[first] == labels[second]


def error_rates(distances: Any, same: Any) -> tuple[Array, Array]:
    """False accept and false reject rate at every threshold that makes a difference.

    A pair is accepted as the same person if its distance is at most the threshold.

    Parameters
    ----------
    distances : array, (N,)
    same : boolean array, (N,); both kinds occur

    Returns
    -------
    (false_accepts, false_rejects) : arrays, (T + 1,) for T different distances
        From accepting nobody, (0, 1), to accepting everybody, (1, 0); shares of the different and of the same pairs.

    Raises
    ------
    ShapeError
        Shapes that do not fit, distances that are no numbers, or only one kind of pair.
    """
    distances, same = np.asarray(distances), np.asarray(same)
    if distances.ndim != 1 or distances.shape != same.shape or same.dtype != np.bool_:
        raise ShapeError(f"error_rates: got distances {distances.shape} and same {same.dtype} {same.shape}, "
                         "expected (N,) and booleans (N,).")
    if same.all() or not same.any() or np.isnan(distances).any():
        raise ShapeError(f"error_rates: got {int(same.sum())} same and {int((~same).sum())} different pairs and "
                         f"{int(np.isnan(distances).sum())} distances that are NaN, expected both kinds and no NaN.")
    thresholds = np.unique(distances)
    accepted_different = np.searchsorted(np.sort(distances[~same]), thresholds, side="right")
    accepted_same = np.searchsorted(np.sort(distances[same]), thresholds, side="right")
    false_accepts = np.concatenate([[0.0], accepted_different / (~same).sum()])
    false_rejects = np.concatenate([[1.0], 1 - accepted_same / same.sum()])
    return false_accepts, false_rejects


def equal_error_rate(distances: Any, same: Any) -> float:
    """The rate, from 0 to 1, at which false accepts are as frequent as false rejects: where the line between two
    thresholds crosses."""
    false_accepts, false_rejects = error_rates(distances, same)
    after = int(np.argmax(false_accepts >= false_rejects))  # from (0, 1) to (1, 0): there is one
    gap = false_accepts - false_rejects
    share = gap[after] / (gap[after] - gap[after - 1])
    return float((1 - share) * false_accepts[after] + share * false_accepts[after - 1])


def false_reject_rate(distances: Any, same: Any, false_accept_rate: float) -> float:
    """The smallest false reject rate, from 0 to 1, of a threshold that accepts at most `false_accept_rate` wrongly."""
    false_accepts, false_rejects = error_rates(distances, same)
    return float(false_rejects[false_accepts <= false_accept_rate].min())


def nearest_neighbour_accuracy(gallery: Any, gallery_labels: Any, queries: Any, query_labels: Any) -> float:
    """The share of `queries`, (M, ...), whose nearest gallery item, (N, ...), has their label; Euclidean distance."""
    gallery, queries = (np.asarray(a, np.float64).reshape(len(a), -1) for a in (gallery, queries))
    squares = (gallery**2).sum(axis=1) - 2 * queries @ gallery.T  # the query's own square is the same for all
    return float((np.asarray(gallery_labels)[squares.argmin(axis=1)] == np.asarray(query_labels)).mean())
