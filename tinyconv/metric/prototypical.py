"""Prototypical networks: a class is the mean of its few examples, and a query belongs to the nearest."""

from __future__ import annotations

from typing import Any

from tinyconv.data.arguments import check_positive
from tinyconv.engine import Tensor, as_tensor, as_tensors
from tinyconv.errors import ShapeError
from tinyconv.metric.reduction import reduced
from tinyconv.ops.distance import pairwise_distances
from tinyconv.ops.gather import take_along_axis, whole_numbers
from tinyconv.ops.reduce import logsumexp, mean


def prototypes(support: Any) -> Tensor:
    """The mean embedding of each class: `support` (N-way, K-shot, D) gives (N, D).

    Raises
    ------
    ShapeError
        Not three axes, or no example to take the mean of.
    """
    support = as_tensor(support)
    if support.ndim != 3 or support.shape[1] == 0:
        raise ShapeError(f"prototypes: got support {support.shape}, expected (N-way, K-shot, D) with at least one shot.")
    return mean(support, axis=1)


def prototypical_logits(support: Any, queries: Any, *, scale: float = 1.0) -> Tensor:
    """-scale |q - c_n|^2 for each query q and each prototype c_n; their softmax over n is p(class n | q).

    Parameters
    ----------
    support : Tensor, (N-way, K-shot, D)
    queries : Tensor, (Q, D)
    scale : positive float
        The inverse temperature of the softmax. 1 is the paper's. Squared distances grow with D, and with them the certainty of an
        untrained network: 1 / sqrt(D) starts it out undecided.

    Returns
    -------
    Tensor, (Q, N)

    Raises
    ------
    ShapeError
        Shapes that do not fit.
    DataError
        A scale that is not positive.

    Source: Snell, Swersky & Zemel 2017, "Prototypical networks for few-shot learning", equations 1 and 2.
    """
    check_positive(scale, "scale", "prototypical_logits")
    support, queries = as_tensors("prototypical_logits", support, queries)
    centres = prototypes(support)
    if queries.ndim != 2 or queries.shape[1] != centres.shape[1]:
        raise ShapeError(f"prototypical_logits: got support {support.shape} and queries {queries.shape}, "
                         "expected (N-way, K-shot, D) and (Q, D).")
    return pairwise_distances(queries, centres, metric="squared_euclidean") * -scale


def prototypical_loss(support: Any, queries: Any, labels: Any, *, scale: float = 1.0, reduction: str = "mean") -> Tensor:
    """-log p(its class) of each query, where p is the softmax of -scale |q - c_n|^2 over the prototypes c_n.

    Smooth everywhere. Every embedding in one point costs log N.

    Parameters
    ----------
    support : Tensor, (N-way, K-shot, D)
    queries : Tensor, (Q, D)
    labels : integer array, (Q,), values 0 .. N - 1
        Which row of `support` each query belongs to.
    scale : positive float
        See `prototypical_logits`; 1 is the paper's.
    reduction : "mean", "mean_active" (over those that are not 0), "sum" or "none"
        Without a query the loss is a zero that still backpropagates.

    Returns
    -------
    Tensor, (); (Q,) for "none"

    Raises
    ------
    ShapeError
        Shapes that do not fit, or labels that are no class numbers.
    DataError
        A scale that is not positive, no such reduction.

    Source: Snell, Swersky & Zemel 2017, "Prototypical networks for few-shot learning", section 2.3 and algorithm 1.

    >>> round(prototypical_loss([[[0.0]], [[2.0]]], [[0.5]], [0], scale=0.5).item(), 4)  # log(1 + exp(0.125 - 1.125))
    0.3133
    """
    logits = prototypical_logits(support, queries, scale=scale)
    numbers = whole_numbers("prototypical_loss", "labels", labels, 0, logits.shape[1] - 1)
    if numbers.shape != logits.shape[:1]:
        raise ShapeError(f"prototypical_loss: got labels {numbers.shape} for {len(logits)} queries, expected ({len(logits)},).")
    chosen = take_along_axis(logits, numbers[:, None], axis=1).reshape(-1)
    return reduced(logsumexp(logits, axis=1) - chosen, reduction, "prototypical_loss")
