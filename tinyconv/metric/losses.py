"""Losses on embeddings: pull what belongs together, push the rest away."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyconv.engine import Tensor, as_tensor
from tinyconv.errors import ShapeError
from tinyconv.ops.elementwise import relu
from tinyconv.ops.reduce import mean


def triplet_loss(embeddings: Any, triplets: Any, margin: float = 0.2) -> Tensor:
    """Mean over the triplets of max(0, d(A, P) - d(A, N) + margin), d the squared Euclidean distance.

    The margin keeps the trivial answer, every face in one point, from being a good one. Gradient 0 where the
    maximum is at its kink. Without a triplet the loss is a zero that still backpropagates.

    Parameters
    ----------
    embeddings : Tensor, (N, D)
        Not normalized here: the course and FaceNet normalize them first, see `tc.l2_normalize`.
    triplets : integer array, (T, 3)
        Rows (anchor, positive, negative) of positions in `embeddings`.
    margin : positive float
        The course's alpha, in squared distance.

    Returns
    -------
    Tensor, ()

    Raises
    ------
    ShapeError
        Shapes or positions that do not fit, or a margin that is not positive.

    Source: the course, "Triplet loss"; Schroff, Kalenichenko & Philbin 2015.
    """
    embeddings, triplets = as_tensor(embeddings), np.asarray(triplets)
    if embeddings.ndim != 2 or triplets.ndim != 2 or triplets.shape[1] != 3 or triplets.dtype.kind not in "iu":
        raise ShapeError(f"triplet_loss: got embeddings {embeddings.shape} and triplets of {triplets.dtype} {triplets.shape}, "
                         "expected (N, D) and integers (T, 3).")
    if triplets.size and not 0 <= triplets.min() <= triplets.max() < len(embeddings):
        raise ShapeError(f"triplet_loss: triplets name {triplets.min()} to {triplets.max()}, "
                         f"expected positions from 0 to {len(embeddings) - 1}.")
    if not margin > 0:
        raise ShapeError(f"triplet_loss: margin is {margin}, expected a positive number: with 0 one point for all is a minimum.")
    if len(triplets) == 0:
        return embeddings.sum() * 0
    anchor, positive, negative = (embeddings[triplets[:, i]] for i in range(3))
    return mean(relu(_squared_distance(anchor, positive) - _squared_distance(anchor, negative) + margin))


def _squared_distance(a: Tensor, b: Tensor) -> Tensor:
    difference = a - b
    return (difference * difference).sum(axis=1)
