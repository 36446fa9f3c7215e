"""L-BFGS: curvature learned from the last few steps, and a line search that makes each step count."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from tinyconv.engine import Array, Parameter, Tensor
from tinyconv.errors import GradientError
from tinyconv.optim.optimizer import Optimizer

DECREASE = 1e-4  # Armijo: at least this share of the decrease that the slope promises
CURVATURE = 0.9  # Wolfe: the slope at the end, up or down, is at most this share of the slope at the start
ROW = 4096  # numbers of a long vector that are multiplied at once: BLAS does fewer than 10,000 without threads
ROUNDING = 4  # units in the last place by which equal losses may differ


class LBFGS(Optimizer):
    """Limited-memory BFGS with a line search on the strong Wolfe conditions.

    `step(closure)` calls the closure, which returns the loss of the present parameters, as often as the line search
    needs (usually once or twice); whether the closure calls `backward()` itself does not matter. A search that meets
    no point with both conditions in `max_evaluations` ends at the lowest loss that decreased enough; a step that finds
    none changes nothing and forgets the curvature. Close to a minimum, where losses differ by their rounding only, the
    slope alone decides.

    Source: Nocedal & Wright 2006, algorithms 7.4, 3.5 and 3.6; the last sentence: Hager & Zhang 2005, section 4.
    """

    def __init__(self, parameters: Iterable[Parameter], lr: float = 1.0, history: int = 10, max_evaluations: int = 20) -> None:
        super().__init__(parameters, lr, history=history, max_evaluations=max_evaluations)
        if not isinstance(history, int) or not isinstance(max_evaluations, int) or max_evaluations < 1:
            raise GradientError(f"LBFGS: got history {history!r} and max_evaluations {max_evaluations!r}, expected whole "
                                "numbers, the second 1 or more.")
        self.max_evaluations = max_evaluations
        self.pairs: deque[tuple[Array, Array]] = deque(maxlen=history)  # (step, change of gradient)
        self.evaluated: tuple[float, Array] | None = None  # loss and gradient where the last step ended,
        self.versions: list[int] = []  # and the versions of the parameters then: the closure is not called twice in one place

    def step(self, closure: Callable[[], Tensor] | None = None) -> float:  # type: ignore[override]
        """One step downhill; returns the loss where it ends."""
        if closure is None:
            raise GradientError("LBFGS.step: got no closure, expected a function that gives the loss of the present parameters.")
        start = self._position()
        if self.evaluated is None or self.versions != [p.version for p in self.parameters]:
            self.evaluated = self._evaluate(closure, start)
        self.steps += 1
        loss, gradient = self.evaluated
        direction = -self._inverse_curvature(gradient)
        slope = _dot(direction, gradient)
        if not (slope < 0 and np.isfinite(loss)):  # at a minimum, or where the loss is no number
            self.pairs.clear()
            return loss
        scale = self.lr if self.pairs else self.lr * min(1.0, 1.0 / float(np.abs(gradient).sum()))

        def look(size: float) -> _Point:
            new_loss, new_gradient = self._evaluate(closure, start + size * direction)
            whole = np.isfinite(new_loss) and np.isfinite(new_gradient).all()
            return _Point(size, new_loss if whole else math.inf, _dot(new_gradient, direction), new_gradient)

        rounding = ROUNDING * float(np.finfo(self.parameters[0].dtype).eps) * abs(loss)
        found = _line_search(look, _Point(0.0, loss, slope, gradient), scale, self.max_evaluations, rounding)
        self._move_to(start + found.size * direction if found.size else start)
        if found.size:
            self.evaluated = found.loss, found.gradient
            moved, changed = self._position() - start, found.gradient - gradient
            if _dot(moved, changed) > 1e-10 * _dot(changed, changed):
                self.pairs.append((moved, changed))
        else:
            self.pairs.clear()
        self.versions = [p.version for p in self.parameters]
        return self.evaluated[0]

    def state(self) -> dict[str, Array]:
        """{name: array} of `lr`, `steps` and the curvature: how many `pairs`, and each pair's two vectors, one to a row."""
        moved, changed = np.zeros((2, self.pairs.maxlen or 0, sum(p.size for p in self.parameters)))
        for i, pair in enumerate(self.pairs):
            moved[i], changed[i] = pair
        return super().state() | {"pairs": np.array(len(self.pairs), np.int64), "moved": moved, "changed": changed}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """As `Optimizer.load_state`; the next step calls the closure once more than it would have."""
        super().load_state(state)
        self.pairs.clear()
        self.pairs.extend(zip(*(np.array(state[name][: int(state["pairs"])]) for name in ("moved", "changed")), strict=True))
        self.evaluated = None

    def faults(self, state: Mapping[str, Any]) -> list[str]:
        """As `Optimizer.faults`."""
        found = super().faults(state)
        if not found and not 0 <= state["pairs"] <= len(state["moved"]):
            found.append(f"pairs is {state['pairs']}, expected 0 to {len(state['moved'])}")
        return found

    def _inverse_curvature(self, gradient: Array) -> Array:
        """The two-loop recursion: an approximate inverse Hessian times the gradient."""
        q = gradient.copy()
        shares = []
        for moved, changed in reversed(self.pairs):
            share = _dot(moved, q) / _dot(moved, changed)
            q -= share * changed
            shares.append(share)
        if self.pairs:
            moved, changed = self.pairs[-1]
            q *= _dot(moved, changed) / _dot(changed, changed)
        for (moved, changed), share in zip(self.pairs, reversed(shares), strict=True):
            q += (share - _dot(changed, q) / _dot(moved, changed)) * moved
        return q

    def _evaluate(self, closure: Callable[[], Tensor], position: Array) -> tuple[float, Array]:
        self._move_to(position)
        self.zero_grad()
        loss = closure()
        if not isinstance(loss, Tensor) or loss.size != 1:
            got = f"shape {loss.shape}" if isinstance(loss, Tensor) else type(loss).__name__
            raise GradientError(f"LBFGS.step: the closure gave {got}, expected one number, the loss, as a tensor.")
        if any(p.grad is None for p in self.parameters):  # the closure may have done it
            loss.backward()
        return loss.item(), np.concatenate([g.ravel() for g in self.gradients()]).astype(np.float64)

    def _position(self) -> Array:
        return np.concatenate([p.data.ravel() for p in self.parameters]).astype(np.float64)

    def _move_to(self, position: Array) -> None:
        offset = 0
        for p in self.parameters:
            p.assign(position[offset : offset + p.size].reshape(p.shape), copy=False)
            offset += p.size


def _dot(a: Array, b: Array) -> float:
    """<a, b> by products of rows: for a longer one BLAS starts threads, which spin for 0.1 s on the cores that kernels need."""
    whole = len(a) - len(a) % ROW
    rows = np.vecdot(a[:whole].reshape(-1, ROW), b[:whole].reshape(-1, ROW))
    return float(rows.sum() + np.vecdot(a[whole:], b[whole:]))


class _Point(NamedTuple):
    """Where a line search has looked: how far along the direction, and the loss, its slope and its gradient there."""

    size: float
    loss: float  # infinite where it, or a gradient, is not finite
    slope: float
    gradient: Array


def _line_search(look: Callable[[float], _Point], start: _Point, size: float, evaluations: int, rounding: float) -> _Point:
    """A point with both strong Wolfe conditions; if none is met, the lowest with enough decrease, which may be the start.

    `low` is that lowest point. Between it and `high` the conditions can be met; until a point was too far, `high` is
    at infinity (algorithm 3.5), from then on the two close in on each other (3.6).
    """
    low, high = start, _Point(math.inf, math.inf, math.nan, start.gradient)
    for _ in range(evaluations):
        new = look(size)
        flat = abs(new.slope) <= -CURVATURE * start.slope
        if flat and abs(new.loss - start.loss) <= rounding:
            return new
        if new.loss > start.loss + DECREASE * size * start.slope or (new.loss >= low.loss and low is not start):
            high = new
        elif flat:
            return new
        elif new.slope * (high.size - low.size) >= 0:  # uphill, as seen on the way from low to high
            low, high = new, low
        else:
            last, low = low, new
        size = _beyond(last, low) if high.size == math.inf else _between(low, high)
        if size in (low.size, high.size):
            break
    return low


def _beyond(last: _Point, low: _Point) -> float:
    """Further than `low`, where it still goes down: to the minimum the two points promise, within 1.5 and 10 times its size."""
    return float(np.clip(_cubic_minimum(last, low, 2 * low.size), 1.5 * low.size, 10 * low.size))


def _between(low: _Point, high: _Point) -> float:
    """Where the cubic through both has its minimum, a tenth of their distance off either at least; else the middle."""
    margin = 0.1 * abs(high.size - low.size)
    left, right = sorted((low.size, high.size))
    return float(np.clip(_cubic_minimum(low, high, (left + right) / 2), left + margin, right - margin))


def _cubic_minimum(a: _Point, b: _Point, otherwise: float) -> float:
    """Minimum of the cubic with the losses and slopes of two points (equation 3.59)."""
    middle = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.size - b.size)
    radicand = middle * middle - a.slope * b.slope
    if not 0 <= radicand < math.inf:
        return otherwise
    root = math.copysign(math.sqrt(radicand), b.size - a.size)
    divisor = b.slope - a.slope + 2 * root
    return b.size - (b.size - a.size) * (b.slope + root - middle) / divisor if divisor else otherwise
