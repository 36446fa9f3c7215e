"""Losses on embeddings: pull what belongs together, push the rest away.

Nothing here normalizes: whoever wants embeddings of length 1, as the course and FaceNet do, says so with `tc.l2_normalize`.
"""

from __future__ import annotations

from typing import Any

from tinyconv.data.arguments import check_positive
from tinyconv.engine import Array, Tensor, as_tensor, as_tensors
from tinyconv.errors import ShapeError
from tinyconv.metric.checks import check_same
from tinyconv.metric.reduction import reduced
from tinyconv.ops.activation import softplus
from tinyconv.ops.distance import paired_distances, pairwise_distances
from tinyconv.ops.elementwise import relu, where
from tinyconv.ops.gather import whole_numbers


def triplet_loss(embeddings: Any, triplets: Any, margin: float = 0.2, *, distance: str = "squared_euclidean",
                 reduction: str = "mean") -> Tensor:
    """max(0, d(A, P) - d(A, N) + margin) of each triplet: the positive shall be nearer than the negative, by the margin.

    The margin keeps the trivial answer, every face in one point, from being a good one: there the loss is the margin itself.
    Gradient 0 where the maximum is at its kink, and where a Euclidean distance is 0.

    Parameters
    ----------
    embeddings : Tensor, (N, D)
    triplets : integer array, (T, 3)
        Rows (anchor, positive, negative) of positions in `embeddings`.
    margin : positive float
        The course's alpha, in the unit of the distance.
    distance : "squared_euclidean", as in the course, "euclidean" or "cosine"
    reduction : "mean", "mean_active" (over those that are not 0), "sum" or "none"
        Without a triplet the loss is a zero that still backpropagates.

    Returns
    -------
    Tensor, (); (T,) for "none"

    Raises
    ------
    ShapeError
        Shapes or positions that do not fit.
    DataError
        A margin that is not positive, no such distance or reduction.

    Source: the course, "Triplet loss"; Schroff, Kalenichenko & Philbin 2015 (FaceNet), section 3.1.

    >>> triplet_loss([[0, 0], [1, 0], [0, 1.1]], [[0, 1, 2]], margin=0.5).item()  # 1 - 1.21 + 0.5
    0.28999...
    """
    check_positive(margin, "margin", "triplet_loss")
    to_positive, to_negative = _both_distances("triplet_loss", embeddings, triplets, distance)
    return reduced(relu(to_positive - to_negative + margin), reduction, "triplet_loss")


def soft_margin_triplet_loss(embeddings: Any, triplets: Any, *, distance: str = "squared_euclidean",
                             reduction: str = "mean") -> Tensor:
    """log(1 + exp(d(A, P) - d(A, N))) of each triplet: no margin to choose, and no triplet ever has enough.

    It is smooth, and computed as softplus, which never overflows. Every face in one point costs log 2. Hermans and others take
    `distance="euclidean"`, whose gradient is 0 where two embeddings are equal.

    Parameters, result and errors are those of `triplet_loss`; none of its values is ever quite 0, so "mean_active" is "mean".

    Source: Hermans, Beyer & Leibe 2017, "In defense of the triplet loss for person re-identification", section 2.

    >>> soft_margin_triplet_loss([[1, 1], [1, 1], [1, 1]], [[0, 1, 2]]).item()  # log 2
    0.693...
    """
    to_positive, to_negative = _both_distances("soft_margin_triplet_loss", embeddings, triplets, distance)
    return reduced(softplus(to_positive - to_negative), reduction, "soft_margin_triplet_loss")


def contrastive_loss(x: Any, y: Any, same: Any, margin: float = 1.0, *, reduction: str = "mean") -> Tensor:
    """D^2 / 2 of each pair of one person, max(0, margin - D)^2 / 2 of each other pair, D the Euclidean distance |x - y|.

    Same pairs are pulled together by a spring; different pairs push each other away, until they are `margin` apart. Where
    different embeddings are equal, D has a kink and the gradient is 0: there is no direction to push.

    Parameters
    ----------
    x, y : Tensor, (T, D)
        The embeddings of the first and of the second picture of each pair.
    same : boolean array, (T,)
        True for two pictures of one person. The paper's Y is the opposite, 0 for a similar pair: same = (Y == 0).
    margin : positive float
        The paper's m, in units of D: not squared.
    reduction : "mean", "mean_active" (over those that are not 0), "sum" or "none"
        Without a pair the loss is a zero that still backpropagates.

    Returns
    -------
    Tensor, (); (T,) for "none"

    Raises
    ------
    ShapeError
        Shapes that do not fit, or `same` that is not boolean.
    DataError
        A margin that is not positive, no such reduction.

    Source: Hadsell, Chopra & LeCun 2006, "Dimensionality reduction by learning an invariant mapping", equation 4.

    >>> pairs = [[0, 0], [0, 0]], [[3, 4], [0.6, 0.8]]
    >>> contrastive_loss(*pairs, [True, False], margin=3, reduction="none").data.tolist()  # 5^2 / 2 and (3 - 1)^2 / 2
    [12.5, 2.0]
    """
    check_positive(margin, "margin", "contrastive_loss")
    x, y = as_tensors("contrastive_loss", x, y)
    if x.ndim != 2 or x.shape != y.shape:
        raise ShapeError(f"contrastive_loss: got x {x.shape} and y {y.shape}, expected (T, D) twice.")
    same = check_same("contrastive_loss", same, len(x))
    missing = relu(margin - paired_distances(x, y, "euclidean"))
    values = where(same, paired_distances(x, y, "squared_euclidean"), missing * missing) * 0.5
    return reduced(values, reduction, "contrastive_loss")


def _both_distances(name: str, embeddings: Any, triplets: Any, distance: str) -> tuple[Tensor, Tensor]:
    """d(A, P) and d(A, N) of each triplet, (T,)."""
    embeddings = as_tensor(embeddings)
    if embeddings.ndim != 2:
        raise ShapeError(f"{name}: got embeddings {embeddings.shape}, expected (N, D).")
    rows = whole_numbers(name, "triplets (positions in a batch)", triplets, 0, len(embeddings) - 1)
    if rows.ndim != 2 or rows.shape[1] != 3:
        raise ShapeError(f"{name}: got triplets {rows.shape}, expected (T, 3): rows (anchor, positive, negative) of positions.")
    anchor, positive, negative = rows.T
    if len(rows) * embeddings.shape[1] < len(embeddings) ** 2:
        return _of_rows(embeddings, anchor, positive, distance), _of_rows(embeddings, anchor, negative, distance)
    every = pairwise_distances(embeddings, metric=distance)  # many triplets share few pairs
    return every[anchor, positive], every[anchor, negative]


def _of_rows(embeddings: Tensor, first: Array, second: Array, distance: str) -> Tensor:
    return paired_distances(embeddings[first], embeddings[second], distance)
