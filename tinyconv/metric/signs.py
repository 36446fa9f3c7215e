"""The vital signs of metric learning: what a batch of embeddings shows of a training's health, in a few numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from tinyconv.engine import Array
from tinyconv.errors import ShapeError
from tinyconv.kernels import dispatch

ANCHORS, PAIRS = 64, 128  # looked at in a batch, at most: evenly chosen, each pair with all its negatives


@dataclass(frozen=True)
class Signs:
    """What one batch shows. Distances are squared Euclidean, as in the triplet loss.

    Attributes
    ----------
    positive, negative : mean d(a, p) and d(a, n) of the batch
    active : share of the triplets that still cost something, d(a, n) - d(a, p) < margin; NaN without a margin
    order : share of the triplets in the right order, d(a, p) < d(a, n), ties counting half: 0.5 is chance, 1 perfect
    rank : in how many directions the embeddings spread, from 1 to D; 0 if all are one point
    fullness : variance over mean squared length: 0 if all are one point, 1 if they are centred at the origin, as far apart
        as embeddings of their length can be
    leap : how far the centre moved since the batch before, over what drawing other people explains for the narrower of the two
        clouds (about 1); NaN for the first batch
    loss : as the training computed it
    centre, error : the mean embedding, (D,), and the square of its sampling error
    """

    positive: float
    negative: float
    active: float
    order: float
    rank: float
    fullness: float
    leap: float
    loss: float
    centre: Array
    error: float

    @property
    def finite(self) -> bool:
        """Whether everything is a number: embeddings and loss."""
        return math.isfinite(self.negative) and math.isfinite(self.loss)


def vital_signs(embeddings: Any, labels: Any, loss: float, margin: float = math.nan, before: Signs | None = None) -> Signs:
    """Look at one batch.

    The rank is the participation ratio (sum of l)^2 / sum of l^2 of the covariance's eigenvalues l: k for a cloud that is
    equally wide in k directions. It needs no eigenvalues, only traces.

    Parameters
    ----------
    embeddings : array, (N, D)
    labels : integer array, (N,)
    loss : the batch's loss
    margin : of the triplet loss, in squared distance; NaN if the loss has none
    before : signs of the batch before

    Returns
    -------
    Signs; NaN in all but the loss if an embedding is not finite

    Raises
    ------
    ShapeError
        Shapes that do not fit, labels that are no integers, or a batch without a triplet.
    """
    embeddings, labels, loss = np.asarray(embeddings), np.asarray(labels), float(loss)
    if embeddings.ndim != 2 or labels.shape != embeddings.shape[:1] or labels.dtype.kind not in "iu":
        raise ShapeError(f"vital_signs: got embeddings {embeddings.shape} and labels of {labels.dtype} {labels.shape}, "
                         "expected (N, D) and integers (N,).")
    chosen = np.arange(0, len(labels), -(-len(labels) // ANCHORS) or 1)
    same = labels[chosen, None] == labels
    different = ~same
    same[np.arange(len(chosen)), chosen] = False
    anchors, positives = np.nonzero(same & different.any(axis=1, keepdims=True))
    if not len(anchors):
        raise ShapeError(f"vital_signs: a batch of {len(labels)} embeddings of {len(np.unique(labels))} people has no triplet, "
                         "expected somebody twice and somebody else; data.samplers.p_by_k draws such batches.")
    x = embeddings.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        length = float(np.square(x).sum(axis=1).mean())
    if not math.isfinite(length * length):
        nan = math.nan
        return Signs(nan, nan, nan, nan, nan, nan, nan, loss, np.full(x.shape[1], nan), nan)
    centre = x.mean(axis=0)
    x -= centre
    squares = np.square(x).sum(axis=1)
    products = dispatch.matmul(x[chosen], np.ascontiguousarray(x.T))
    gram = products if len(chosen) == len(x) else dispatch.matmul(np.ascontiguousarray(x.T), x)
    distances = np.maximum(squares[chosen, None] + squares - 2 * products, 0)
    variance, power = float(squares.mean()), float(np.square(gram).sum())
    error = variance / len(np.unique(labels))
    nearer = distances[anchors, positives]
    some = slice(None, None, -(-len(anchors) // PAIRS))
    gaps, others = distances[anchors[some]] - nearer[some, None], different[anchors[some]]
    triplets = np.count_nonzero(others)
    ordered = np.count_nonzero((gaps > 0) & others) + 0.5 * np.count_nonzero((gaps == 0) & others)
    return Signs(
        positive=float(nearer.mean()), negative=float(distances.mean(where=different)),
        active=math.nan if math.isnan(margin) else np.count_nonzero((gaps < margin) & others) / triplets,
        order=ordered / triplets,
        rank=(variance * len(x)) ** 2 / power if power else 0.0, fullness=variance / length if length else 0.0,
        leap=math.nan if before is None else _leap(centre - before.centre, 2 * min(error, before.error)),
        loss=loss, centre=centre, error=error)


def _leap(moved: Array, error: float) -> float:
    distance = float(np.square(moved).sum())
    if math.isnan(distance) or distance == 0:
        return distance
    return math.sqrt(distance / error) if error else math.inf


def average(signs: Sequence[Signs]) -> Signs:
    """The mean of each sign."""
    return Signs(**{f.name: np.mean([getattr(one, f.name) for one in signs], axis=0) for f in fields(Signs)})
