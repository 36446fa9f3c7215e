"""Losses that compare a prediction with a target."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyconv.engine import Array, Tensor, as_tensor, as_tensors, primitive
from tinyconv.errors import DataError, ShapeError
from tinyconv.kernels.scalars import is_real
from tinyconv.ops.activation import softplus
from tinyconv.ops.axes import count_along
from tinyconv.ops.elementwise import clip, log, select, where
from tinyconv.ops.gather import one_hot, whole_numbers
from tinyconv.ops.reduce import mean, softmax, sum


def mse(prediction: Any, target: Any) -> Tensor:
    """Mean of (prediction - target)^2 over all elements; both have the same shape."""
    prediction, target = _of_one_shape("mse", "prediction", prediction, "target", target)
    difference = prediction - target
    return mean(difference * difference)


def huber(prediction: Any, target: Any, delta: float = 1.0) -> Tensor:
    """Mean of d^2 / 2 where |d| <= delta, and of delta (|d| - delta / 2) elsewhere, with d = prediction - target.

    Both have the same shape. Near 0 it is half the square, far away it grows like |d|: an outlier pulls with the
    force `delta` only. Huber, "Robust estimation of a location parameter" (1964).

    Raises
    ------
    ShapeError
        Two shapes.
    DataError
        `delta` is not positive.

    >>> huber([0.5, -3.0], [0.0, 0.0]).item()  # (0.125 + 2.5) / 2
    1.3125
    """
    prediction, target = _of_one_shape("huber", "prediction", prediction, "target", target)
    if not is_real(delta) or not delta > 0:
        raise DataError(f"huber: delta is {delta!r}, expected a positive number.")
    difference = prediction - target
    limited = clip(difference, -delta, delta)
    return mean(limited * (difference - 0.5 * limited))


@primitive
def _cross_entropy(logits: Array, *, labels: Array, probabilities: Array) -> Array:
    """Mean of -log softmax(logits)[label]; the softmax is left in `probabilities`, for the fast rule."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    np.exp(shifted, out=probabilities)
    total = probabilities.sum(axis=1, keepdims=True)
    probabilities /= total
    chosen = shifted[np.arange(len(labels)), labels]
    return np.asarray((np.log(total[:, 0]) - chosen).mean())


def _cross_entropy_rule(g: Tensor, logits: Tensor, labels: Array) -> Tensor:
    return (softmax(logits) - one_hot(labels, logits.shape[1], logits.dtype)) * (g * (1 / len(labels)))


def _cross_entropy_fast(g: Array, labels: Array, probabilities: Array) -> list[Array]:
    slope = probabilities.copy()
    slope[np.arange(len(labels)), labels] -= 1
    slope *= g / len(labels)
    return [slope]


_cross_entropy.vjp(_cross_entropy_rule)
_cross_entropy.fast(_cross_entropy_fast)


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
    GradientError
        Labels that are a tensor.
    """
    logits = as_tensor(logits)
    if logits.ndim != 2 or np.shape(labels) != logits.shape[:1]:
        raise ShapeError(f"cross_entropy: got logits {logits.shape} and labels {np.shape(labels)}, "
                         "expected (N, classes) and (N,).")
    numbers = whole_numbers("cross_entropy", "labels", labels, 0, logits.shape[1] - 1)
    count_along("cross_entropy", logits.shape, None)
    return _cross_entropy(logits, labels=numbers, probabilities=np.empty(logits.shape, logits.dtype))


def bce_with_logits(logits: Any, targets: Any) -> Tensor:
    """Mean binary cross entropy: of -t log(sigmoid(x)) - (1 - t) log(1 - sigmoid(x)) over all elements.

    It is computed as t softplus(-x) + (1 - t) softplus(x): exact for a certain logit, right or wrong.

    Parameters
    ----------
    logits : Tensor, any shape
    targets : Tensor or array, of the same shape, in [0, 1]
        A tensor may need a gradient, too.

    Raises
    ------
    ShapeError
        Two shapes.
    DataError
        A target outside [0, 1].

    >>> bce_with_logits([1000, -1000], [1, 1]).item()
    500.0
    """
    logits, targets = _of_one_shape("bce_with_logits", "logits", logits, "targets", targets)
    _check_between("bce_with_logits", "targets", targets, 0, 1)
    return mean(targets * softplus(-logits) + (1 - targets) * softplus(logits))


def kl_divergence(log_q: Any, p: Any) -> Tensor:
    """Kullback-Leibler divergence of p from q: the mean over the batch of sum p (log p - log q).

    Where p is 0 a term is 0, whatever q is, and so is its gradient.

    Parameters
    ----------
    log_q : Tensor, (N, ...)
        Logarithms of probabilities, as `log_softmax` gives them.
    p : Tensor or array, of the same shape, in [0, 1]
        Probabilities; a tensor may need a gradient, too.

    Raises
    ------
    ShapeError
        Two shapes, or no batch axis.
    DataError
        A value of `p` outside [0, 1].

    >>> import numpy as np
    >>> round(kl_divergence(np.log([[0.5, 0.5]]), [[1.0, 0.0]]).item(), 4)  # log 2
    0.6931
    """
    log_q, p = _of_one_shape("kl_divergence", "log_q", log_q, "p", p)
    if p.ndim < 2:
        raise ShapeError(f"kl_divergence: got shape {p.shape}, expected (N, classes): a batch of distributions.")
    _check_between("kl_divergence", "p", p, 0, 1)
    possible = p.data > 0
    terms = p * (log(where(possible, p, 1)) - where(possible, log_q, 0))
    return mean(sum(select(terms, mask=possible), axis=tuple(range(1, p.ndim))))


def _of_one_shape(name: str, first: str, a: Any, second: str, b: Any) -> list[Tensor]:
    """Both as tensors: a loss does not broadcast."""
    a, b = as_tensors(name, a, b)
    if a.shape != b.shape:
        raise ShapeError(f"{name}: {first} {a.shape} and {second} {b.shape} must have one shape.")
    return [a, b]


def _check_between(name: str, what: str, x: Tensor, low: float, high: float) -> None:
    inside = (x.data >= low) & (x.data <= high)  # NaN is not
    if not inside.all():
        raise DataError(f"{name}: {what} must lie in [{low}, {high}]; got {x.data[~inside][0]}.")
