"""What all optimizers share: the parameters, and the moment their gradients are used."""

from __future__ import annotations

from collections.abc import Iterable

from tinyconv.engine import Array, Parameter
from tinyconv.errors import GradientError


class Optimizer:
    """Holds parameters; a subclass turns their gradients into new values."""

    def __init__(self, parameters: Iterable[Parameter], lr: float) -> None:
        self.parameters = list(dict.fromkeys(p for p in parameters if p.requires_grad))  # each once, though towers share it
        self.lr = lr
        if not self.parameters:
            raise GradientError(f"{type(self).__name__}: got no parameter that needs a gradient.")
        if not lr > 0:
            raise GradientError(f"{type(self).__name__}: lr is {lr}, expected a positive number.")

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
