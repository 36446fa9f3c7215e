"""What all optimizers share: the parameters, the moment their gradients are used, and what they remember of the steps before."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tinyconv.data.states import mismatches
from tinyconv.engine import Array, Parameter, Tensor
from tinyconv.errors import GradientError, ShapeError
from tinyconv.kernels.scalars import is_real


class Optimizer:
    """Holds parameters; a subclass says in `moved` where one step takes each of them.

    A gradient that is not finite is used as it is, and makes its parameter not finite: the loss says so at the next
    step, `tc.debug()` at the operation that made it, and `clip_grad_norm` returns the norm to test.

    Attributes
    ----------
    lr : float
        The rate of the next step, which a schedule may change
    steps : int
        How many steps have been taken
    moments : {name: [array of a parameter's shape and dtype, ...]}
        What is remembered of each parameter, zero at first; a subclass names them in `remembers`
    """

    remembers: tuple[str, ...] = ()

    def __init__(self, parameters: Iterable[Parameter], lr: float, **settings: float) -> None:
        several = isinstance(parameters, Iterable) and not isinstance(parameters, Tensor)
        given: list[Any] = list(parameters) if several else [parameters]
        if wrong := [type(p).__name__ for p in given if not isinstance(p, Parameter)]:
            raise GradientError(f"{type(self).__name__}: got {wrong[0]}, expected parameters, such as net.parameters().")
        self.parameters: list[Parameter] = list(dict.fromkeys(p for p in given if p.requires_grad))  # each once, though shared
        self.steps, self.settings = 0, settings
        if not self.parameters:
            raise GradientError(f"{type(self).__name__}: got no parameter that needs a gradient.")
        if not is_real(lr) or not 0 < lr < math.inf:
            raise GradientError(f"{type(self).__name__}: lr is {lr!r}, expected a positive number.")
        self.lr = float(lr)  # a NumPy scalar would make float32 steps in float64
        for name, value in settings.items():
            if not is_real(value) or not 0 <= value < math.inf:
                raise GradientError(f"{type(self).__name__}: {name} is {value!r}, expected a finite number, 0 or more.")
        self.moments = {name: [np.zeros(p.shape, p.dtype) for p in self.parameters] for name in self.remembers}

    def moved(self, p: Array, g: Array, *moments: Array) -> Array:
        """The next value, a new array, of a parameter of value `p` and gradient `g`; its moments are moved on in place."""
        raise NotImplementedError(f"{type(self).__name__} defines no moved(p, g, ...).")

    def step(self) -> None:
        """Move every parameter once."""
        gradients = self.gradients()
        self.steps += 1
        for i, (p, g) in enumerate(zip(self.parameters, gradients, strict=True)):
            p.assign(self.moved(p.data, g, *[arrays[i] for arrays in self.moments.values()]), copy=False)

    def zero_grad(self) -> None:
        """Forget the gradients, so that the next `backward` starts from none."""
        for parameter in self.parameters:
            parameter.grad = None

    def gradients(self) -> list[Array]:
        """The gradient of each parameter.

        Raises
        ------
        GradientError
            A parameter has none: no `backward()` reached it since `zero_grad()`.
        """
        for parameter in self.parameters:
            if parameter.grad is None:
                raise GradientError(f"{type(self).__name__}.step: a parameter of shape {parameter.shape} has no gradient; "
                                    "call loss.backward() before step(), and give only parameters the loss depends on.")
        return [p.grad for p in self.parameters if p.grad is not None]

    def state(self) -> dict[str, Array]:
        """{name: array} of all that the next step depends on besides the settings: `lr`, `steps` and copies of the moments."""
        state = {"lr": np.array(self.lr, np.float64), "steps": np.array(self.steps, np.int64)}
        return state | {f"{name}.{i}": a.copy() for name, arrays in self.moments.items() for i, a in enumerate(arrays)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue where the optimizer that gave `state` was.

        Raises
        ------
        ShapeError
            Names every entry that is missing, unexpected, of another shape or dtype, not finite or impossible; nothing
            is loaded then.
        """
        if faults := self.faults(state):
            raise ShapeError(f"{type(self).__name__}.load_state: {'; '.join(faults)}.")
        self.lr, self.steps = float(state["lr"]), int(state["steps"])
        for name, arrays in self.moments.items():
            for i, array in enumerate(arrays):
                array[...] = state[f"{name}.{i}"]

    def faults(self, state: Mapping[str, Any]) -> list[str]:
        """What would keep `load_state` from loading `state`, one text each."""
        found = mismatches(self.state(), state)
        return found or [f"{name} is {state[name]}, expected 0 or more" for name in ("lr", "steps") if state[name] < 0]
