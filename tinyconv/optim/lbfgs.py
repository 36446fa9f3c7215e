"""L-BFGS: curvature learned from the last few steps, and a line search that makes each step count."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

import numpy as np

from tinyconv.engine import Array, Parameter, Tensor
from tinyconv.errors import GradientError
from tinyconv.optim.optimizer import Optimizer

DECREASE = 1e-4  # Armijo: at least this share of the decrease that the slope promises
CURVATURE = 0.9  # Wolfe: the slope at the end is at most this share of the slope at the start


class LBFGS(Optimizer):
    """Limited-memory BFGS with a bracketing line search on the weak Wolfe conditions.

    `step(closure)` calls the closure, which returns the loss of the present parameters, as often as the line search
    needs (usually once or twice); whether the closure calls `backward()` itself does not matter. A step that finds no
    decrease changes nothing and forgets the curvature.

    Source: Nocedal & Wright 2006, algorithm 7.4; the bisection is that of Lewis & Overton 2013.
    """

    def __init__(self, parameters: Iterable[Parameter], lr: float = 1.0, history: int = 10, max_evaluations: int = 20) -> None:
        super().__init__(parameters, lr)
        self.max_evaluations = max_evaluations
        self.pairs: deque[tuple[Array, Array]] = deque(maxlen=history)  # (step, change of gradient)
        self.evaluated: tuple[float, Array] | None = None  # loss and gradient where the last step ended,
        self.versions: list[int] = []  # and the versions of the parameters then: the closure is not called twice in one place

    def step(self, closure: Callable[[], Tensor]) -> float:
        """One step downhill; returns the loss where it ends."""
        start = self._position()
        if self.evaluated is None or self.versions != [p.version for p in self.parameters]:
            self.evaluated = self._evaluate(closure, start)
        loss, gradient = self.evaluated
        direction = -self._inverse_curvature(gradient)
        slope = float(direction @ gradient)
        if not (slope < 0 and np.isfinite(loss)):  # at a minimum, or where the loss is no number
            self.pairs.clear()
            return loss
        scale = self.lr if self.pairs else self.lr * min(1.0, 1.0 / float(np.abs(gradient).sum()))
        found = self._line_search(closure, start, direction, loss, slope, scale)
        if found is None:
            self._move_to(start)
            self.pairs.clear()
        else:
            self.evaluated = found
            moved, changed = self._position() - start, found[1] - gradient
            if moved @ changed > 1e-10 * (changed @ changed):
                self.pairs.append((moved, changed))
        self.versions = [p.version for p in self.parameters]
        return self.evaluated[0]

    def _line_search(self, closure: Callable[[], Tensor], start: Array, direction: Array, loss: float, slope: float,
                     size: float) -> tuple[float, Array] | None:
        """Move to a point with enough decrease, if possible where the slope has flattened too, and return its loss and
        gradient; None if there is none."""
        low, high = 0.0, np.inf
        best: tuple[float, float, Array] | None = None
        for _ in range(self.max_evaluations):
            new_loss, new_gradient = self._evaluate(closure, start + size * direction)
            if not (new_loss <= loss + DECREASE * size * slope and np.isfinite(new_gradient).all()):  # also when it is NaN
                high = size
            else:
                if best is None or new_loss < best[1]:
                    best = (size, new_loss, new_gradient)
                if float(new_gradient @ direction) >= CURVATURE * slope:
                    break
                low = size
            size = 2 * size if high == np.inf else (low + high) / 2
        if best is None:
            return None
        self._move_to(start + best[0] * direction)
        return best[1:]

    def _inverse_curvature(self, gradient: Array) -> Array:
        """The two-loop recursion: an approximate inverse Hessian times the gradient."""
        q = gradient.copy()
        shares = []
        for moved, changed in reversed(self.pairs):
            share = (moved @ q) / (moved @ changed)
            q -= share * changed
            shares.append(share)
        if self.pairs:
            moved, changed = self.pairs[-1]
            q *= (moved @ changed) / (changed @ changed)
        for (moved, changed), share in zip(self.pairs, reversed(shares), strict=True):
            q += (share - (changed @ q) / (moved @ changed)) * moved
        return q

    def _evaluate(self, closure: Callable[[], Tensor], position: Array) -> tuple[float, Array]:
        self._move_to(position)
        self.zero_grad()
        loss = closure()
        if loss.size != 1:
            raise GradientError(f"LBFGS.step: the closure gave shape {loss.shape}, expected one number, the loss.")
        if any(p.grad is None for p in self.parameters):  # the closure may have done it
            loss.backward()
        return loss.item(), np.concatenate([g.ravel() for g in self.gradients()]).astype(np.float64)

    def _position(self) -> Array:
        return np.concatenate([p.data.ravel() for p in self.parameters]).astype(np.float64)

    def _move_to(self, position: Array) -> None:
        offset = 0
        for p in self.parameters:
            p.assign(position[offset : offset + p.size].reshape(p.shape))
            offset += p.size
