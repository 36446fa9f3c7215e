"""Miners choose triplets: arrays in, index triplets out, no gradient.

A triplet is a row (anchor, positive, negative) of positions in a batch: the positive shows the anchor's
person again, the negative somebody else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinyconv.engine import Array
from tinyconv.errors import ShapeError


def all_triplets(labels: Any) -> Array:
    """Every triplet of a batch.

    Parameters
    ----------
    labels : integer array, (N,)

    Returns
    -------
    integer array, (T, 3); empty if nobody occurs twice, or nobody else does

    >>> all_triplets([7, 7, 3])
    array([[0, 1, 2],
           [1, 0, 2]])
    """
    return _stacked([_rows(anchor, *np.meshgrid(positives, negatives, indexing="ij"))
                     for anchor, positives, negatives in _neighbours(_checked_labels(labels))])


def semi_hard_triplets(distances: Any, labels: Any, margin: float) -> Array:
    """Every triplet whose negative is farther away than the positive, but by less than the margin.

    Hard triplets (a negative nearer than the positive) early in training pull all faces into one point, easy ones teach
    nothing: what lies between is worth a step. Source: Schroff, Kalenichenko & Philbin 2015 (FaceNet), section 3.2.

    Parameters
    ----------
    distances : array, (N, N), in the unit of `margin`
    labels : integer array, (N,)

    Returns
    -------
    integer array, (T, 3)
    """
    return _with_gap(distances, labels, lambda gap: (gap > 0) & (gap < margin))


def violating_triplets(distances: Any, labels: Any, margin: float) -> Array:
    """Every triplet that still costs something: its negative is not yet farther away than the positive by the margin.

    Parameters and result are those of `semi_hard_triplets`.
    """
    return _with_gap(distances, labels, lambda gap: gap < margin)


def batch_hard_triplets(distances: Any, labels: Any) -> Array:
    """For each anchor its farthest positive and its nearest negative; of equal ones the first in the batch.

    Source: Hermans, Beyer & Leibe 2017, "In defense of the triplet loss".

    Parameters
    ----------
    distances : array, (N, N)
    labels : integer array, (N,)

    Returns
    -------
    integer array, (T, 3) with T the number of anchors that have a positive and a negative
    """
    distances, labels = _checked(distances, labels)
    return _stacked([_rows(anchor, positives[[distances[anchor, positives].argmax()]],
                           negatives[[distances[anchor, negatives].argmin()]])
                     for anchor, positives, negatives in _neighbours(labels)])


def _with_gap(distances: Any, labels: Any, wanted: Callable[[Array], Array]) -> Array:
    """The triplets whose d(anchor, negative) - d(anchor, positive) is `wanted`, one anchor after the other."""
    distances, labels = _checked(distances, labels)
    found = []
    for anchor, positives, negatives in _neighbours(labels):
        p, n = np.nonzero(wanted(distances[anchor, negatives] - distances[anchor, positives][:, None]))
        found.append(_rows(anchor, positives[p], negatives[n]))
    return _stacked(found)


def _neighbours(labels: Array) -> Iterator[tuple[int, Array, Array]]:
    """(anchor, its positives, its negatives) of each anchor that has both."""
    for anchor, label in enumerate(labels):
        same = labels == label
        negatives = np.flatnonzero(~same)
        same[anchor] = False
        positives = np.flatnonzero(same)
        if positives.size and negatives.size:
            yield anchor, positives, negatives


def _rows(anchor: int, positives: Array, negatives: Array) -> Array:
    return np.stack([np.full(positives.size, anchor), positives.ravel(), negatives.ravel()], axis=1)


def _stacked(parts: list[Array]) -> Array:
    return np.concatenate(parts) if parts else np.empty((0, 3), np.int64)


def _checked(distances: Any, labels: Any) -> tuple[Array, Array]:
    distances, labels = np.asarray(distances), _checked_labels(labels)
    if distances.shape != (len(labels), len(labels)):
        raise ShapeError(f"miner: got distances {distances.shape} for {len(labels)} labels, expected {(len(labels),) * 2}.")
    return distances, labels


def _checked_labels(labels: Any) -> Array:
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ShapeError(f"miner: got labels of {labels.dtype} {labels.shape}, expected integers (N,), one per embedding.")
    return labels
