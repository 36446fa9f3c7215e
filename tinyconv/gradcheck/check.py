"""The gradient by the rules against the slope by small steps: along one random direction, or element by element.

Let phi(x) = <f(x), v> with a random cotangent v. The rules give its gradient; a central difference with one
Richardson extrapolation gives its slope. For order 2 the function that is checked is itself a gradient,
x -> <grad phi(x), u> with random u: so there is one check, for every order.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinyconv.engine import Array, Primitive, Tensor, grad, tensor
from tinyconv.errors import GradientError, RuleError, TinyconvError
from tinyconv.gradcheck.diagnosis import diagnose, diagnose_shape
from tinyconv.gradcheck.report import Finding, Report

STEP = 1e-3  # relative to the input's size; the error of a slope is then about STEP^4
SEED = 31_415_926  # no seed that inputs are drawn with: a cotangent equal to an input hides transposed axes
ROUNDING = 10 * float(np.finfo(np.float64).eps)  # of phi, relative to the sum of its terms

Function = Callable[..., Tensor]


def gradcheck(f: Function, *inputs: Any, order: int = 1, full: bool = False, rng: np.random.Generator | None = None,
              tolerance: float = 1e-6, name: str | None = None, names: Sequence[str] | None = None) -> Report:
    """Check the gradient of `f` at `inputs`, in float64: by the fast rules on arrays, and by those that serve higher orders.

    Parameters
    ----------
    f : function of tensors that returns a tensor, of any shape
        Labels, indices and options do not belong to `inputs`: close over them with a lambda. Float constants
        that it closes over must be float64 as well.
    inputs : arrays, tensors or numbers
        Keep them small, and away from kinks: within about 1/1000 of an input's size of a kink a slope means nothing.
    order : int
        1 checks the gradient, 2 the gradient of the gradient, and so on.
    full : bool
        Check each element of each input, not only one random direction. An input that fails along its direction
        is always looked at element by element: that decides, finds the worst element and names the mistake.
    rng : numpy.random.Generator, optional
        Draws directions and cotangents; by default the same ones every time.
    tolerance : float
        Largest error that passes, relative to the largest gradient of the input.
    name, names : what the report calls the function and its inputs; by default what Python calls them

    Returns
    -------
    Report

    >>> import tinyconv as tc
    >>> gradcheck(tc.exp, [0.5, 1.5]).ok
    True
    >>> @tc.primitive
    ... def square(x):
    ...     return x * x
    >>> square.vjp(lambda g, x: g * x)  # where is the 2?
    >>> print(gradcheck(square, [1.0, 2.0]).findings[0].looks_like)
    a constant factor: analytic = 0.5 * numeric
    """
    if order < 1:
        raise GradientError(f"gradcheck: order is {order}, expected 1 or more.")
    rng = np.random.default_rng(SEED) if rng is None else rng
    arrays = [np.array(x.data if isinstance(x, Tensor) else x, dtype=np.float64) for x in inputs]
    names = input_names(f, len(arrays)) if names is None else names
    name = function_name(f) if name is None else name
    check = f"gradient of order {order}"
    try:
        for _ in range(order - 1):
            f = _gradient_of(f, arrays, rng)
        slopes = Slopes(f, arrays, rng)
        y = f(*(leaves := _leaves(arrays)))
        fast, recorded = (_gradients(y, leaves, slopes.cotangent, create_graph) for create_graph in (False, True))
    except RuleFailure as failure:
        return Report(name, check, failure=str(failure))
    findings = []
    for position, label in enumerate(names):
        found = None if full and arrays[position].size else _along_a_direction(label, position, fast, slopes, rng, tolerance)
        found = found or _element_by_element(label, position, fast, slopes, names, tolerance)
        if found.ok and not _agree(fast[position].data, recorded[position].data, tolerance):  # then it is the other one
            found = _element_by_element(label, position, recorded, slopes, names, tolerance)
        findings.append(found)
    return Report(name, check, tuple(findings))


def function_name(f: Function) -> str:
    """What Python calls `f`."""
    return f.name if isinstance(f, Primitive) else str(getattr(f, "__name__", "function"))


def input_names(f: Function, count: int) -> list[str]:
    """What Python calls the first `count` inputs of `f`."""
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [names[i] if i < len(names) else f"number {i}" for i in range(count)]


class RuleFailure(GradientError):
    """A gradient rule that raised an error of its own."""


class Slopes:
    """phi(x) = <f(x), cotangent>, and its slopes by small steps.

    A slope is returned in shares, one for each entry of f's leading axis (a sample of the batch, as a rule).
    """

    def __init__(self, f: Function, arrays: Sequence[Array], rng: np.random.Generator) -> None:
        self.f, self.arrays = f, arrays
        y = f(*_leaves(arrays))
        if not isinstance(y, Tensor):
            raise GradientError(f"gradcheck: {function_name(f)} returned {type(y).__name__}, expected a tensor.")
        value = y.data
        self.cotangent = rng.standard_normal(value.shape)
        self.terms = float(np.abs(value * self.cotangent).sum())

    def step(self, position: int) -> float:
        """The step h for one input: STEP times the root mean square of its elements."""
        array = self.arrays[position]
        return STEP * (float(np.linalg.norm(array)) / max(array.size, 1) ** 0.5 or 1.0)

    def smallest(self, position: int, tolerance: float) -> float:
        """Slopes smaller than this drown in the rounding of phi."""
        return ROUNDING * self.terms / self.step(position) / tolerance

    def along(self, position: int, direction: Array) -> Array:
        """The slope in `direction` at one input, in shares (S,): (4 D(h / 2) - D(h)) / 3 with central differences D."""
        h = self.step(position)
        wide, narrow = (self._value(position, s * direction) - self._value(position, -s * direction) for s in (h, h / 2))
        slope = np.atleast_1d((4 * narrow / h - wide / (2 * h)) / 3)
        return slope.sum(axis=tuple(range(1, slope.ndim)))

    def elements(self, position: int) -> Array:
        """The slope for each element of one input, in shares (S, *shape)."""
        shape = self.arrays[position].shape
        slopes = []
        for index in np.ndindex(shape):
            direction = np.zeros(shape)
            direction[index] = 1
            slopes.append(self.along(position, direction))
        return np.stack(slopes, axis=1).reshape(-1, *shape)

    def _value(self, position: int, move: Array) -> Array:
        moved = list(self.arrays)
        moved[position] = moved[position] + move
        return self.f(*_leaves(moved)).data * self.cotangent


def _leaves(arrays: Sequence[Array]) -> list[Tensor]:
    return [tensor(array, requires_grad=True) for array in arrays]


def _gradients(y: Tensor, leaves: list[Tensor], seed: Array, create_graph: bool = False) -> list[Tensor]:
    if not y.requires_grad:  # f ignores its inputs, or lost the gradient
        return [tensor(np.zeros(x.shape)) for x in leaves]
    try:
        return grad(y, leaves, create_graph, seed)
    except TinyconvError as error:
        hint = f" It looks like {diagnose_shape(error.got, error.expected)}." if isinstance(error, RuleError) else ""
        raise RuleFailure(f"{error}{hint}") from error


def _gradient_of(f: Function, arrays: Sequence[Array], rng: np.random.Generator) -> Function:
    """x -> <grad(<f(x), v>), u>, with v and u drawn once."""
    v = rng.standard_normal(f(*_leaves(arrays)).shape)
    u = [rng.standard_normal(array.shape) for array in arrays]

    def gradient(*xs: Tensor) -> Tensor:
        slopes = _gradients(f(*xs), list(xs), v, create_graph=True)
        return sum(((slope * direction).sum() for slope, direction in zip(slopes, u, strict=True)), tensor(np.zeros(())))

    return gradient


def _along_a_direction(label: str, position: int, gradients: list[Tensor], slopes: Slopes, rng: np.random.Generator,
                       tolerance: float) -> Finding | None:
    """The finding along one random direction if it is good, else None."""
    direction = rng.standard_normal(gradients[position].shape)
    direction /= np.abs(direction).max(initial=1e-300)
    analytic = np.asarray((gradients[position].data * direction).sum())
    numeric = np.asarray(slopes.along(position, direction).sum())
    error = float(_errors(analytic, numeric, slopes.smallest(position, tolerance)))
    good = Finding(label, position, direction.shape, None, float(analytic), float(numeric), error, True)
    return good if error <= tolerance else None


def _element_by_element(label: str, position: int, gradients: list[Tensor], slopes: Slopes, names: Sequence[str],
                        tolerance: float) -> Finding:
    analytic, shares = gradients[position].data, slopes.elements(position)
    numeric = shares.sum(axis=0)
    errors = _errors(analytic, numeric, slopes.smallest(position, tolerance))
    worst = tuple(int(i) for i in np.unravel_index(errors.argmax(), errors.shape))
    good, looks_like = bool(errors[worst] <= tolerance), ""
    if not good:
        others = {other: slopes.elements(i).sum(axis=0) for i, other in enumerate(names)
                  if i != position and slopes.arrays[i].shape == analytic.shape}
        looks_like = diagnose(analytic, numeric, shares, others)
    return Finding(label, position, analytic.shape, worst, float(analytic[worst]), float(numeric[worst]), float(errors[worst]),
                   good, looks_like)


def _agree(a: Array, b: Array, tolerance: float) -> bool:
    """Whether two gradients of one input are the same but for rounding, or both no numbers."""
    return bool((_errors(a, b, 0.0) <= tolerance).all() or not (np.isfinite(a).all() or np.isfinite(b).all()))


def _errors(analytic: Array, numeric: Array, smallest: float) -> Array:
    """Element by element, relative to the largest of all elements; infinite where a value is no number."""
    scale = max(np.abs(analytic).max(initial=0), np.abs(numeric).max(initial=0), smallest, 1e-300)
    return np.nan_to_num(np.abs(analytic - numeric) / scale, nan=np.inf)
