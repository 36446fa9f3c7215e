"""A module is an object whose attributes hold parameters, buffers and modules, and a call runs its forward."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, TypeVar

import numpy as np

from tinyconv.data.states import mismatches
from tinyconv.engine import Array, Parameter, Tensor
from tinyconv.errors import GradientError, ShapeError
from tinyconv.nn.buffer import Buffer

M = TypeVar("M", bound="Module")
Shape = tuple[int, ...]
Window = tuple[Shape, Shape]  # (extent, stride) for each spatial axis

# Told of every call while somebody looks at a run (nn.summary): layer, input, output.
observer: ContextVar[Callable[[Any, Any, Any], None] | None] = ContextVar("observer", default=None)


class Module:
    """Base of all layers: define `forward`, set parameters, buffers and modules as attributes, and call it.

    Lists, tuples and dictionaries are looked into. What is shared by several places is found once, by its first name.
    Copies, deep copies and pickles keep values, versions, buffers, generators and what is shared; a pickle needs functions
    with a name, no lambdas.

    Attributes
    ----------
    training : bool
        Set by `train` and `eval`, True at first: whether Dropout drops and BatchNorm takes the batch's statistics.
    """

    training = True

    def forward(self, x: Any) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} defines no forward(x).")

    def __call__(self, x: Any) -> Tensor:
        return _observed(self, self.forward, x)

    def children(self) -> Iterator[tuple[str, Any]]:
        """(name, value) of everything this module holds, in the order it was set."""
        yield from ((name, value) for name, value in vars(self).items() if name != "training")

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """(dotted name, module) of this module, called "", and of all within, each once."""
        yield from _named(self, Module).items()

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """(dotted name, parameter), each parameter once, however many places share it."""
        yield from _named(self, Parameter).items()

    def parameters(self) -> list[Parameter]:
        """Every parameter once, in the order it was set."""
        return [parameter for _, parameter in self.named_parameters()]

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        """(dotted name, buffer), each buffer once."""
        yield from _named(self, Buffer).items()

    def buffers(self) -> list[Buffer]:
        """Every buffer once, in the order it was set."""
        return [buffer for _, buffer in self.named_buffers()]

    def generators(self) -> dict[str, np.random.Generator]:
        """{dotted name: generator} of every layer that draws, each generator once: what a checkpoint must keep."""
        return _named(self, np.random.Generator)

    def train(self: M) -> M:
        """Put this module and all within into train mode, and return it."""
        return self._set_training(True)

    def eval(self: M) -> M:
        """Put this module and all within into evaluation mode, and return it: nothing is dropped, no statistics move."""
        return self._set_training(False)

    def _set_training(self: M, training: bool) -> M:
        for _, module in self.named_modules():
            module.training = training
        return self

    def freeze(self: M) -> M:
        """Let no parameter need a gradient, and return the module.

        Only gradients stop: a frozen BatchNorm in train mode still uses and follows the batches' statistics; `eval` stops that.
        """
        for parameter in self.parameters():
            parameter.requires_grad = False
        return self

    def state(self) -> dict[str, Array]:
        """{dotted name: array} of every parameter and buffer; the arrays are read-only."""
        return {name: value.data for name, value in _named(self, Parameter, Buffer).items()}

    def load_state(self: M, state: Mapping[str, Any]) -> M:
        """Give every parameter and buffer the value of its name, and return the module.

        Raises
        ------
        ShapeError
            Names every entry that is missing, unexpected, of another shape or not finite; nothing is loaded then.
        """
        arrays = {name: _as_array(value) for name, value in state.items()}
        if faults := mismatches(self.state(), arrays, any_dtype=True):
            raise ShapeError(f"{type(self).__name__}.load_state: {'; '.join(faults)}.")
        for name, value in _named(self, Parameter, Buffer).items():
            value.assign(arrays[name])
        return self

    def flops(self, x_shape: Shape, y_shape: Shape) -> int:
        """Twice the multiply-adds of a call: 0, unless a layer says otherwise (convolution and linear do)."""
        return 0

    def window(self, x_shape: Shape) -> Window | None:
        """What one output position sees of x; None if that is not one window of equal size for all."""
        return None


class Pointwise(Module):
    """A layer whose output at a position depends on the input at that position only."""

    def window(self, x_shape: Shape) -> Window | None:
        """One position."""
        ones = (1,) * (len(x_shape) - 2)
        return ones, ones


class Global(Module):
    """A layer whose output at a position depends on the whole image."""

    def window(self, x_shape: Shape) -> Window | None:
        """All positions."""
        return x_shape[1:-1], (1,) * (len(x_shape) - 2)


def call(layer: Callable[[Any], Tensor], x: Any) -> Tensor:
    """`layer(x)`, where a plain function is observed as a module is."""
    return layer(x) if isinstance(layer, Module) else _observed(layer, layer, x)


def _observed(layer: Any, function: Callable[[Any], Tensor], x: Any) -> Tensor:
    y = function(x)
    if (told := observer.get()) is not None:
        told(layer, x, y)
    return y


def _named(module: Module, *kinds: type) -> dict[str, Any]:
    """{dotted name: thing} of everything of these `kinds` in the module, each thing once, by its first name."""
    found: dict[str, Any] = {}
    for name, value in _walk(module, "", {}):
        if isinstance(value, kinds):
            if name in found:
                raise ShapeError(f"{type(module).__name__}: two things are called {name}; rename a child, best without a dot.")
            found[name] = value
    return found


def _walk(value: Any, name: str, seen: dict[int, Any]) -> Iterator[tuple[str, Any]]:
    """(dotted name, thing) of all that `value` holds, itself first; nothing is visited twice."""
    if id(value) in seen or not isinstance(value, Module | Parameter | Buffer | np.random.Generator | dict | list | tuple):
        return
    seen[id(value)] = value  # kept, so that its id belongs to nobody else meanwhile
    yield name, value
    children = (value.children() if isinstance(value, Module) else value.items() if isinstance(value, dict)
                else enumerate(value) if isinstance(value, list | tuple) else ())
    for key, child in children:
        yield from _walk(child, f"{name}.{key}" if name else str(key), seen)


def _as_array(value: Any) -> Array:
    """An entry of a state as an array; what is none becomes an object, which no parameter takes."""
    try:
        return np.asarray(value.data if isinstance(value, Tensor) else value)
    except (ValueError, GradientError):
        return np.asarray(None)
