"""Siamese binary classification: two embeddings in, the log odds that they are of one person out."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyconv.data.arguments import check_choice, check_count
from tinyconv.engine import Parameter, Tensor, as_tensor, as_tensors
from tinyconv.errors import DataError, ShapeError
from tinyconv.metric.checks import check_same
from tinyconv.metric.reduction import reduced
from tinyconv.nn.module import Module
from tinyconv.ops.activation import softplus
from tinyconv.ops.elementwise import abs, where
from tinyconv.ops.linear import matmul


def absolute_difference(x: Any, y: Any) -> Tensor:
    """|x - y| of each component: what the course's logistic regression sees of two embeddings.

    Gradient 0 where two components are equal: there it has a kink.

    Parameters
    ----------
    x, y : Tensor, (T, D)

    Returns
    -------
    Tensor, (T, D)

    Raises
    ------
    ShapeError
        Not two matrices of one shape.

    Source: the course, "Face verification and binary classification"; Koch, Zemel & Salakhutdinov 2015, section 3.1.
    """
    x, y = _pair("absolute_difference", x, y)
    return abs(x - y)


def chi_square(x: Any, y: Any) -> Tensor:
    """(x - y)^2 / (x + y) of each component, which weighs a difference the more, the smaller the values are.

    Made for counts and other values that are not negative, such as embeddings after a ReLU: with both signs the denominator
    could be 0 or negative where the two differ, and the "distance" infinite or below 0. Where both are 0 it is 0 with gradient 0,
    its kink: a feature that neither picture shows says nothing.

    Parameters
    ----------
    x, y : Tensor, (T, D), values of at least 0

    Returns
    -------
    Tensor, (T, D), from 0 to max(x, y)

    Raises
    ------
    ShapeError
        Not two matrices of one shape.
    DataError
        A negative component.

    Source: the course, "Face verification and binary classification"; Taigman, Yang, Ranzato & Wolf 2014 (DeepFace), section 4.1.

    >>> chi_square([[3.0, 0.0, 2.0]], [[1.0, 0.0, 0.0]]).data.tolist()
    [[1.0, 0.0, 2.0]]
    """
    x, y = _pair("chi_square", x, y)
    for name, values in (("x", x.data), ("y", y.data)):
        if (values < 0).any():
            raise DataError(f"chi_square: {name} has values down to {values.min():g}, expected none below 0; end the encoder "
                            "with a ReLU, or compare with absolute_difference.")
    difference, total = x - y, x + y
    return difference * (difference / where(total.data > 0, total, 1))  # in this order no square overflows, or vanishes


COMPARISONS = {"absolute_difference": absolute_difference, "chi_square": chi_square}


class SiameseHead(Module):
    """Logistic regression on how two embeddings differ: the logit sum_k w_k c_k(f(x1), f(x2)) + b; its sigmoid is P(same).

    Put behind an encoder: a batch of 2 T pictures, first all first and then all second ones, runs through the one tower and
    becomes T logits. A weight must become negative for its difference to speak against "same", so all start at
    -1 / sqrt(dim), and the bias at 0: at first P(same) is 1/2 for equal embeddings, and less for all others. No random
    numbers are needed, as each weight sees another component.

    Parameters
    ----------
    dim : D, the size of an embedding
    comparison : "absolute_difference" or "chi_square"

    Attributes
    ----------
    weight : Parameter, (dim, 1)
    bias : Parameter, (1,)

    Raises
    ------
    DataError
        A `dim` below 1, or no such comparison; when called with "chi_square", a negative embedding.
    ShapeError
        When called with anything but (2 T, dim).

    >>> head = SiameseHead(4)
    >>> head(np.array([[0, 0, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 1]], np.float32)).data.tolist()
    [0.0, -2.0]
    """

    def __init__(self, dim: int, comparison: str = "absolute_difference") -> None:
        dim = check_count(dim, "dim", "SiameseHead")
        self.comparison = check_choice(comparison, "comparison", "SiameseHead", COMPARISONS)
        self.weight = Parameter(np.full((dim, 1), -1 / np.sqrt(dim), np.float32))
        self.bias = Parameter(np.zeros(1, np.float32))

    def forward(self, x: Any) -> Tensor:
        x, dim = as_tensor(x), self.weight.shape[0]
        if x.ndim != 2 or len(x) % 2 or x.shape[1] != dim:
            raise ShapeError(f"SiameseHead: got {x.shape}, expected (2 T, {dim}): the embeddings of all first pictures, then "
                             "those of all second ones.")
        half = len(x) // 2
        compared = COMPARISONS[self.comparison](x[:half], x[half:])
        return (matmul(compared, self.weight) + self.bias).reshape(half)


def siamese_loss(logits: Any, same: Any, *, reduction: str = "mean") -> Tensor:
    """Binary cross entropy of each pair: -log sigmoid(z) if it is of one person, -log sigmoid(-z) if not.

    As softplus(-z) and softplus(z), which is exact for a certain logit, right or wrong. Smooth everywhere.

    Parameters
    ----------
    logits : Tensor, (T,)
        Log odds of "same", as `SiameseHead` gives them.
    same : boolean array, (T,)
        True for two pictures of one person: the course's y = 1.
    reduction : "mean" (then it is `tc.bce_with_logits`), "mean_active" (over those that are not 0), "sum" or "none"
        Without a pair the loss is a zero that still backpropagates.

    Returns
    -------
    Tensor, (); (T,) for "none"

    Raises
    ------
    ShapeError
        Shapes that do not fit, or `same` that is not boolean.
    DataError
        No such reduction.

    Source: the course, "Face verification and binary classification".
    """
    logits = as_tensor(logits)
    if logits.ndim != 1:
        raise ShapeError(f"siamese_loss: got logits {logits.shape}, expected (T,): one for each pair.")
    sign = np.where(check_same("siamese_loss", same, len(logits)), logits.dtype.type(-1), logits.dtype.type(1))
    return reduced(softplus(logits * sign), reduction, "siamese_loss")


def _pair(name: str, x: Any, y: Any) -> list[Tensor]:
    pair = as_tensors(name, x, y)
    if pair[0].ndim != 2 or pair[0].shape != pair[1].shape:
        raise ShapeError(f"{name}: got x {pair[0].shape} and y {pair[1].shape}, expected (T, D) twice.")
    return pair
