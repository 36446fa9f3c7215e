"""One number of many: how the losses of all pairs or triplets of a batch become the loss of the batch."""

from __future__ import annotations

import numpy as np

from tinyconv.data.arguments import check_choice
from tinyconv.engine import Tensor
from tinyconv.ops import reduce

REDUCTIONS = ("mean", "mean_active", "sum", "none")


def reduced(values: Tensor, reduction: str, name: str) -> Tensor:
    """The losses `values`, (T,), as one number, by the `reduction` that the loss `name` was asked for.

    Without a value, or without an active one, the result is a zero that still backpropagates: a batch in which a miner finds
    nothing is a step without gradient, not an error.

    Parameters
    ----------
    values : Tensor, (T,)
    reduction : "mean", "mean_active", "sum" or "none"
        "mean" divides by T, "mean_active" by the number of values that are not 0: late in training, when most triplets have their
        margin, it keeps the few others from being averaged away. "none" gives `values` back.

    Returns
    -------
    Tensor, (); (T,) for "none"

    Raises
    ------
    DataError
        No such reduction.
    """
    check_choice(reduction, "reduction", name, REDUCTIONS)
    if reduction == "none":
        return values
    total = reduce.sum(values)
    count = {"mean": values.size, "mean_active": int(np.count_nonzero(values.data)), "sum": 1}[reduction]
    return total * (1 / max(count, 1))
