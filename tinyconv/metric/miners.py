"""Miners choose triplets: arrays in, index triplets out, no gradient.

A triplet is a row (anchor, positive, negative) of positions in a batch: the positive shows the anchor's person again, the
negative somebody else. Its gap d(A, N) - d(A, P) says how hard it is, and every triplet is just one of these:

    hard           gap <= 0           the negative is not farther away than the positive
    semi-hard      0 < gap <= margin  the right order, but the margin is missing
    easy           gap > margin       nothing to learn
    (violating     gap <= margin      hard or semi-hard)

The sides on which < and <= stand are those of pytorch-metric-learning (there "violating" is called "all"). A gap that equals the
margin exactly costs nothing in `triplet_loss`. Every margin is in the unit of the distances; both are the caller's choice. All
results are sorted by anchor, then positive, then negative; a batch in which nobody occurs twice, or nobody else does, has none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinyconv.data.arguments import check_choice, check_number
from tinyconv.engine import Array
from tinyconv.metric.checks import check_distances, check_labels

CHUNK = 1 << 16  # gaps at a time: they stay in the processor's cache


def all_triplets(labels: Any) -> Array:
    """Every triplet of a batch.

    Parameters
    ----------
    labels : integer array, (N,)

    Returns
    -------
    integer array, (T, 3); empty if nobody occurs twice, or nobody else does

    Raises
    ------
    ShapeError
        Labels that are no integers (N,).

    >>> all_triplets([7, 7, 3])
    array([[0, 1, 2],
           [1, 0, 2]])
    """
    labels = check_labels(labels)
    return _with_gap(np.zeros((len(labels),) * 2), labels, lambda gap: gap == 0)


def easy_triplets(distances: Any, labels: Any, margin: float) -> Array:
    """Every triplet that costs nothing: its negative is farther away than the positive by more than the margin.

    Parameters, result and errors are those of `semi_hard_triplets`.
    """
    margin = check_number(margin, "margin", "easy_triplets", least=0)
    return _with_gap(*check_distances(distances, labels), lambda gap: gap > margin)


def semi_hard_triplets(distances: Any, labels: Any, margin: float) -> Array:
    """Every triplet whose negative is farther away than the positive, but not by more than the margin.

    Hard triplets early in training pull all faces into one point, easy ones teach nothing: what lies between is worth a step.
    Source: Schroff, Kalenichenko & Philbin 2015 (FaceNet), section 3.2, which asks for d(A, P) < d(A, N) and takes one of them.

    Parameters
    ----------
    distances : array, (N, N), in the unit of `margin`
        Row A holds the distances from anchor A; it need not be symmetric.
    labels : integer array, (N,)
    margin : float, 0 or more

    Returns
    -------
    integer array, (T, 3)

    Raises
    ------
    ShapeError
        Shapes that do not fit, labels that are no integers.
    DataError
        Distances that are not finite, or a margin below 0.
    """
    margin = check_number(margin, "margin", "semi_hard_triplets", least=0)
    return _with_gap(*check_distances(distances, labels), lambda gap: (gap > 0) & (gap <= margin))


def hard_triplets(distances: Any, labels: Any) -> Array:
    """Every triplet in the wrong order: its negative is not farther away than the positive. Equal distances are hard.

    Parameters, result and errors are those of `semi_hard_triplets`.
    """
    return _with_gap(*check_distances(distances, labels), lambda gap: gap <= 0)


def violating_triplets(distances: Any, labels: Any, margin: float) -> Array:
    """Every triplet, hard or semi-hard, whose negative is not farther away than the positive by more than the margin.

    Parameters, result and errors are those of `semi_hard_triplets`.
    """
    margin = check_number(margin, "margin", "violating_triplets", least=0)
    return _with_gap(*check_distances(distances, labels), lambda gap: gap <= margin)


def batch_hard_triplets(distances: Any, labels: Any) -> Array:
    """For each anchor its farthest positive and its nearest negative; of equal ones the first in the batch.

    Source: Hermans, Beyer & Leibe 2017, "In defense of the triplet loss for person re-identification", section 2.

    Parameters
    ----------
    distances : array, (N, N)
    labels : integer array, (N,)

    Returns
    -------
    integer array, (T, 3) with T the number of anchors that have a positive and a negative

    Raises
    ------
    ShapeError
        Shapes that do not fit, labels that are no integers.
    DataError
        Distances that are not finite.
    """
    distances, labels = check_distances(distances, labels)
    positive, negative = _kinds(labels)
    return _one_each(_nearest(-distances, positive), _nearest(distances, negative))


def easy_positive_triplets(distances: Any, labels: Any, negative: str = "semi_hard") -> Array:
    """For each anchor its nearest positive, and a negative that is hard to tell from it.

    A person may look different from one picture to the next: it is enough that each is near some other one. Pulling in the
    farthest positive would make all pictures of a person one point.

    Parameters
    ----------
    distances : array, (N, N)
    labels : integer array, (N,)
    negative : "semi_hard" or "hard"
        The nearest negative that is farther away than the positive (an equal distance is not farther), or simply the
        nearest. Of equal ones the first in the batch.

    Returns
    -------
    integer array, (T, 3) with T the number of anchors that have both

    Raises
    ------
    ShapeError
        Shapes that do not fit, labels that are no integers.
    DataError
        Distances that are not finite, or no such negative.

    Source: Xuan, Stylianou & Pless 2020, "Improved embeddings with easy positive triplet mining".
    """
    check_choice(negative, "negative", "easy_positive_triplets", ("semi_hard", "hard"))
    distances, labels = check_distances(distances, labels)
    positive, candidates = _kinds(labels)
    nearest, found = _nearest(distances, positive)
    if negative == "semi_hard":
        candidates &= distances > np.take_along_axis(distances, nearest[:, None], axis=1)
    return _one_each((nearest, found), _nearest(distances, candidates))


def _with_gap(distances: Array, labels: Array, wanted: Callable[[Array], Array]) -> Array:
    """The triplets whose gap d(anchor, negative) - d(anchor, positive) is `wanted`; a gap of NaN must not be.

    One row of gaps for each pair (anchor, positive): as many as there are triplets and pairs within a class, not N^3.
    """
    positive, negative = _kinds(labels)
    to_negatives = np.where(negative, distances, np.nan)
    anchors, positives = np.nonzero(positive)
    near = distances[anchors, positives]
    counts = np.zeros(len(anchors), np.intp)
    found = [np.zeros(0, np.intp)]
    step = max(CHUNK // max(len(labels), 1), 1)
    for start in range(0, len(anchors), step):
        rows = slice(start, start + step)
        chosen = wanted(to_negatives[anchors[rows]] - near[rows, None])
        counts[rows] = np.count_nonzero(chosen, axis=1)
        found.append(np.flatnonzero(chosen) % len(labels))
    return np.stack([np.repeat(anchors, counts), np.repeat(positives, counts), np.concatenate(found)]).T


def _kinds(labels: Array) -> tuple[Array, Array]:
    """Which are an anchor's positives, and which its negatives: boolean (N, N) each, one row for each anchor."""
    same = labels[:, None] == labels
    negative = ~same
    np.fill_diagonal(same, False)
    return same, negative


def _nearest(distances: Array, allowed: Array) -> tuple[Array, Array]:
    """In each row the first smallest distance that is `allowed`: its place, and whether there is one."""
    if not len(distances):
        return np.zeros(0, np.intp), np.zeros(0, bool)
    return np.where(allowed, distances, np.inf).argmin(axis=1), np.asarray(allowed.any(axis=1))


def _one_each(positives: tuple[Array, Array], negatives: tuple[Array, Array]) -> Array:
    """One triplet for each anchor that has both, from what `_nearest` gives."""
    anchors = np.flatnonzero(positives[1] & negatives[1])
    return np.stack([anchors, positives[0][anchors], negatives[0][anchors]], axis=1)
