"""Miners that draw: triplets at random, and negatives at all distances alike.

As `tinyconv.metric.miners` they give rows (anchor, positive, negative) of positions in a batch; all draws come from `rng`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyconv.data.arguments import check_count, check_generator, check_number
from tinyconv.engine import Array
from tinyconv.errors import DataError
from tinyconv.metric.checks import check_distances, check_labels

ROUNDING = 1e-3  # by which a distance between unit vectors may lie above 2


def random_triplets(labels: Any, count: int, rng: np.random.Generator) -> Array:
    """`count` triplets of a batch, each drawn from all of its triplets with the same probability; one may come again.

    No triplet but those that are drawn is ever written down.

    Parameters
    ----------
    labels : integer array, (N,)
    count : int, 0 or more
    rng : numpy.random.Generator

    Returns
    -------
    integer array, (count, 3); (0, 3) if the batch has no triplet

    Raises
    ------
    ShapeError
        Labels that are no integers (N,).
    DataError
        A count below 0, or an `rng` that is no generator.

    >>> random_triplets([7, 7, 3], 2, np.random.default_rng(0))
    array([[1, 0, 2],
           [1, 0, 2]])
    """
    labels, count = check_labels(labels), check_count(count, "count", "random_triplets", least=0)
    check_generator(rng, "random_triplets")
    order = np.argsort(labels, kind="stable")  # one class after the other; anchors, too, are counted along it
    _, starts, sizes = np.unique(labels[order], return_index=True, return_counts=True)
    start, size = np.repeat(starts, sizes), np.repeat(sizes, sizes)
    negatives = len(labels) - size
    ends = np.cumsum((size - 1) * negatives)  # of each anchor's triplets, when all are numbered
    if not len(labels) or ends[-1] == 0:
        return np.empty((0, 3), np.intp)
    number = rng.integers(ends[-1], size=count)
    anchor = np.searchsorted(ends, number, side="right")
    positive, negative = np.divmod(ends[anchor] - 1 - number, negatives[anchor])
    positive += start[anchor]
    positive += positive >= anchor  # its class without the anchor itself
    negative += np.where(negative >= start[anchor], size[anchor], 0)  # the batch without its class
    return np.stack([order[anchor], order[positive], order[negative]], axis=1)


def distance_weighted_triplets(distances: Any, labels: Any, dim: int, rng: np.random.Generator, *, cutoff: float = 0.5,
                               farthest: float = 1.4) -> Array:
    """For each anchor and each of its positives one negative, drawn so that near and far ones come equally often.

    Random points on a sphere in many dimensions are nearly all sqrt(2) apart: their distances d have the density

        q(d) ~ d^(n - 2) (1 - d^2 / 4)^((n - 3) / 2)

    and uniform draws see nothing else. A negative is therefore drawn with a probability in proportion to 1 / q(d), with two
    limits. Below `cutoff` all distances count as `cutoff`, which clips the weights at 1 / q(cutoff): 1 / q grows without bound
    where d is near 0, and the gradient of so near a pair is mostly noise. From `farthest` on a negative has weight 0, as it
    would cost nothing anyway; an anchor without a nearer one has no triplet.

    Parameters
    ----------
    distances : array, (N, N), from 0 to 2
        Euclidean, not squared, between embeddings of length 1.
    labels : integer array, (N,)
    dim : int, 2 or more
        n, the size of an embedding.
    rng : numpy.random.Generator
    cutoff, farthest : float, 0 < cutoff < farthest < 2

    Returns
    -------
    integer array, (T, 3), sorted by anchor, then positive

    Raises
    ------
    ShapeError
        Shapes that do not fit, labels that are no integers.
    DataError
        Distances outside [0, 2], limits that are not in this order, a `dim` below 2, or an `rng` that is no generator.

    Source: Wu, Manmatha, Smola & Krahenbuhl 2017, "Sampling matters in deep embedding learning", section 4; both limits are
    those of its published code.
    """
    distances, labels = check_distances(distances, labels)
    dim = check_count(dim, "dim", "distance_weighted_triplets", least=2)
    check_generator(rng, "distance_weighted_triplets")
    low, high = (check_number(limit, "limit", "distance_weighted_triplets") for limit in (cutoff, farthest))
    if not 0 < low < high < 2:
        raise DataError(f"distance_weighted_triplets: got cutoff {cutoff} and farthest {farthest}, expected "
                        "0 < cutoff < farthest < 2.")
    if distances.size and not 0 <= distances.min() <= distances.max() <= 2 + ROUNDING:
        raise DataError(f"distance_weighted_triplets: got distances from {distances.min():g} to {distances.max():g}, expected "
                        "0 to 2: Euclidean, between embeddings of length 1.")
    return _draw_negatives(_log_weights(distances, labels, dim, low, high), labels, rng)


def _log_weights(distances: Array, labels: Array, dim: int, cutoff: float, farthest: float) -> Array:
    """log(1 / q(d)) of each negative nearer than `farthest`, -inf of all others."""
    d = np.clip(distances, cutoff, farthest).astype(np.float64)
    weights = (2 - dim) * np.log(d) - (dim - 3) / 2 * np.log1p(-(d**2) / 4)
    return np.where((labels[:, None] != labels) & (distances < farthest), weights, -np.inf)


def _draw_negatives(log_weights: Array, labels: Array, rng: np.random.Generator) -> Array:
    """A negative for each pair of an anchor and a positive, with the anchor's weights."""
    found = [np.empty((0, 3), np.intp)]
    for anchor in np.flatnonzero((log_weights > -np.inf).any(axis=1)):
        positives = np.flatnonzero(labels == labels[anchor])
        positives = positives[positives != anchor]
        weights = np.exp(log_weights[anchor] - log_weights[anchor].max())
        negatives = rng.choice(len(labels), size=len(positives), p=weights / weights.sum())
        found.append(np.stack([np.full(len(positives), anchor), positives, negatives], axis=1))
    return np.concatenate(found)
