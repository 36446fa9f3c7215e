"""Losses that compare a prediction with a target."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyconv.engine import Tensor, as_tensor
from tinyconv.errors import ShapeError
from tinyconv.ops.reduce import log_softmax, mean


def mse(prediction: Any, target: Any) -> Tensor:
    """Mean of (prediction - target)^2 over all elements; both have the same shape."""
    prediction = as_tensor(prediction)
    if prediction.shape != np.shape(target.data if isinstance(target, Tensor) else target):
        raise ShapeError(f"mse: prediction {prediction.shape} and target "
                         f"{np.shape(target.data if isinstance(target, Tensor) else target)} must have one shape.")
    difference = prediction - target
    return mean(difference * difference)


def cross_entropy(logits: Any, labels: Any) -> Tensor:
    """Mean of -log softmax(logits)[label].

    Parameters
    ----------
    logits : Tensor, (N, classes)
    labels : integer array, (N,), values 0 .. classes - 1

    Raises
    ------
    ShapeError
        Shapes that do not fit, or labels that are not class numbers.
    """
    logits, labels = as_tensor(logits), np.asarray(labels)
    if logits.ndim != 2 or labels.shape != logits.shape[:1]:
        raise ShapeError(f"cross_entropy: got logits {logits.shape} and labels {labels.shape}, "
                         "expected (N, classes) and (N,).")
    if labels.dtype.kind not in "iu" or (labels.size and not 0 <= labels.min() <= labels.max() < logits.shape[1]):
        raise ShapeError(f"cross_entropy: labels must be integers from 0 to {logits.shape[1] - 1}; got {labels.dtype} "
                         f"from {labels.min(initial=0)} to {labels.max(initial=0)}.")
    return -mean(log_softmax(logits)[np.arange(len(labels)), labels])
