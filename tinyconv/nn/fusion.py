"""What nn.Sequential does with neighbours: a table of patterns, each one step in place of two or three layers.

A pattern is a function of the layers it joins. It returns the step, or None where it does not apply today: whether a layer is
in train mode, frozen, or recorded may change from call to call, and so the steps are found anew at every call. Joining changes
results by rounding only. Whoever looks at single layers, nn.summary or tc.debug(), sees them run by themselves.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from tinyconv.engine import Array, Tensor, debugging, recording
from tinyconv.nn.activation import PReLU, ReLU
from tinyconv.nn.conv import Conv1d, Conv2d, Conv3d
from tinyconv.nn.module import call, observer
from tinyconv.nn.norm import BatchNorm
from tinyconv.nn.pool import MaxPool1d, MaxPool2d, MaxPool3d
from tinyconv.ops.elementwise import relu

Step = Callable[[Any], Tensor]

KINDS: dict[type, str] = {  # exactly these: a subclass may do something else
    Conv1d: "conv", Conv2d: "conv", Conv3d: "conv", BatchNorm: "norm", ReLU: "relu", PReLU: "prelu",
    MaxPool1d: "pool", MaxPool2d: "pool", MaxPool3d: "pool",
}
PATTERNS: dict[tuple[str, ...], Callable[..., Step | None]] = {}
LONGEST = 3


def steps(layers: Sequence[Any], stops: Collection[int] = ()) -> Iterator[tuple[int, Step]]:
    """(number of its last layer, step) for each step that together do what the layers do one after the other.

    The output of a layer whose number is in `stops` is one of the steps' outputs.
    """
    alone = observer.get() is not None or debugging()
    kinds = ["" if alone else _kind(layer) for layer in layers]
    first = 0
    while first < len(layers):
        count, step = _joined(layers, kinds, stops, first) or (1, partial(call, layers[first]))
        first += count
        yield first - 1, step


def _kind(layer: Any) -> str:
    if layer is relu:
        return "relu"
    kind = KINDS.get(type(layer), "")
    return kind if kind and "forward" not in vars(layer) else ""


def _joined(layers: Sequence[Any], kinds: list[str], stops: Collection[int], first: int) -> tuple[int, Step] | None:
    """How many layers the longest pattern that applies here joins, and its step."""
    for count in range(min(LONGEST, len(layers) - first), 1, -1):
        pattern = PATTERNS.get(tuple(kinds[first : first + count]))
        if pattern is not None and not any(i in stops for i in range(first, first + count - 1)):
            step = pattern(*layers[first : first + count])
            if step is not None:
                return count, step
    return None


def _pattern(*kinds: str) -> Callable[[Callable[..., Step | None]], Callable[..., Step | None]]:
    def enter(function: Callable[..., Step | None]) -> Callable[..., Step | None]:
        PATTERNS[kinds] = function
        return function

    return enter


# --- The patterns -----------------------------------------------------------------------------------------


@_pattern("conv", "relu")
@_pattern("conv", "prelu")
@_pattern("norm", "relu")
@_pattern("norm", "prelu")
def _(layer: Any, act: Any) -> Step | None:
    """Convolution and batch norm bend their negative values themselves."""
    return partial(layer.forward, activation=_activation(act))


@_pattern("norm", "relu", "pool")
def _(norm: BatchNorm, _: Any, pool: Any) -> Step | None:
    """Batch norm in train mode hands on the largest value of each window only."""
    return partial(norm.forward, activation="relu", windows=pool.windows) if norm.training else None


@_pattern("conv", "norm")
@_pattern("conv", "norm", "relu")
@_pattern("conv", "norm", "prelu")
def _(conv: Any, norm: BatchNorm, act: Any = None) -> Step | None:
    """Batch norm by running statistics is an affine map of each channel: a convolution that does not learn takes it along."""
    learned = (conv.weight, conv.bias, norm.weight, norm.bias)
    if norm.training or (recording() and any(t is not None and t.requires_grad for t in learned)):
        return None
    folded = _folded(conv, norm)
    if folded is None:
        return None
    return partial(type(conv).function, weight=folded.weight, bias=folded.bias, activation=_activation(act), **conv.options)


def _activation(act: Any) -> Any:
    """What `activation=` calls nothing, ReLU, or a PReLU."""
    return None if act is None else act.weight if type(act) is PReLU else "relu"


# --- A convolution with the batch norm behind it ----------------------------------------------------------


class _Fold(NamedTuple):
    """Weight and bias that do what a convolution and its batch norm do, and the arrays and eps they were made of."""

    made_of: tuple[Any, ...]
    weight: Tensor
    bias: Tensor


_folds: weakref.WeakKeyDictionary[Any, _Fold] = weakref.WeakKeyDictionary()


def _folded(conv: Any, norm: BatchNorm) -> _Fold | None:
    """The fold of today's values, made once for them; None where the two do not fit, which the layers themselves will say."""
    weight, bias = conv.weight.data, None if conv.bias is None else conv.bias.data
    arrays: list[Array] = [weight, norm.weight.data, norm.bias.data, norm.running_mean.data, norm.running_var.data]
    arrays += [] if bias is None else [bias]
    fold = _folds.get(conv)
    if fold is not None and fold.made_of[0] == norm.eps and len(fold.made_of) == len(arrays) + 1 and all(
            known() is array for known, array in zip(fold.made_of[1:], arrays, strict=True)):
        return fold
    _, scale, shift, mean, var = (array.astype(np.float64) for array in arrays[:5])
    if scale.shape != weight.shape[-1:] or (var < 0).any() or (var + norm.eps == 0).any() or norm.weight.dtype != weight.dtype:
        return None
    scale /= np.sqrt(var + norm.eps)
    moved = (0 if bias is None else bias) - mean
    fold = _Fold((norm.eps, *map(weakref.ref, arrays)), Tensor((weight * scale).astype(weight.dtype)),
                 Tensor((moved * scale + shift).astype(weight.dtype)))
    _folds[conv] = fold
    return fold
