"""Dropout: each element is left out by chance, and the others make up for it."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyconv.engine import Tensor, as_tensor
from tinyconv.errors import DataError
from tinyconv.kernels.scalars import is_real
from tinyconv.ops.elementwise import select


def dropout(x: Any, rate: float, rng: np.random.Generator) -> Tensor:
    """Each element 0 with probability `rate`, otherwise x / (1 - rate): the expected value is x.

    The gradient passes through the same elements, with the same factor. Between forward and backward one boolean is kept
    for each element. In inference leave it out: there is nothing to scale ("inverted" dropout).

    Parameters
    ----------
    x : Tensor, any shape
    rate : float in [0, 1)
        With 0, x itself is returned and nothing is drawn.
    rng : numpy.random.Generator
        Draws one number for each element; equal generators leave out the same elements, in any dtype.

    Returns
    -------
    Tensor, shape of x

    Raises
    ------
    DataError
        A rate outside [0, 1): with 1 nothing would be left to make up for the rest; or no generator.

    Source: Srivastava et al. 2014, "Dropout: A Simple Way to Prevent Neural Networks from Overfitting".

    >>> dropout(np.ones(6), 0.5, np.random.default_rng(0)).data.tolist()
    [2.0, 2.0, 2.0, 0.0, 0.0, 0.0]
    """
    x = as_tensor(x)
    if not is_real(rate) or isinstance(rate, bool) or not 0 <= rate < 1:
        raise DataError(f"dropout: rate is {rate!r}, expected a number from 0 to below 1, the share to leave out.")
    if not isinstance(rng, np.random.Generator):
        raise DataError(f"dropout: rng is {type(rng).__name__}, expected a numpy.random.Generator; make one with "
                        "numpy.random.default_rng(seed).")
    if rate == 0:
        return x
    return select(x, mask=rng.random(x.shape, dtype=np.float32) >= rate) * (1 / (1 - float(rate)))
