"""One op at one set of inputs, and everything that is checked there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from tinyconv.engine import Array, Tensor, grad, tensor
from tinyconv.gradcheck.adjoint import adjoint_check
from tinyconv.gradcheck.check import gradcheck
from tinyconv.gradcheck.inputs import Maker
from tinyconv.gradcheck.report import Report


@dataclass(frozen=True)
class Case:
    """An op, its options, and how to make its inputs.

    Attributes
    ----------
    op, variant : str
        The public name of the op, and what is special here.
    function : takes the inputs as tensors, in their order
    inputs : {name: maker}, a maker draws a float64 array from a generator
    linear : names of the inputs in which the op is linear while the others are held
    """

    op: str
    variant: str
    function: Callable[..., Tensor]
    inputs: Mapping[str, Maker]
    linear: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.op} {self.variant}".strip()

    def arrays(self, rng: np.random.Generator) -> list[Array]:
        """The inputs, float64."""
        return [make(rng) for make in self.inputs.values()]

    def leaves(self, rng: np.random.Generator, dtype: str = "float64") -> list[Tensor]:
        """The inputs as tensors that need a gradient."""
        return [tensor(array, dtype, requires_grad=True) for array in self.arrays(rng)]


def check_case(case: Case, seed: int = 0, full: bool = False) -> Iterator[Report]:
    """Gradients of order 1 and 2, the adjoint identity where the op is linear, and the engine's own promises."""
    names = tuple(case.inputs)
    arrays = case.arrays(np.random.default_rng(seed))
    for order in (1, 2):
        rng = np.random.default_rng([seed, order])
        yield gradcheck(case.function, *arrays, order=order, full=full, rng=rng, name=str(case), names=names)
    if case.linear:
        yield adjoint_check(case.function, *arrays, linear=[names.index(name) for name in case.linear],
                            rng=np.random.default_rng([seed, 3]), name=str(case), names=names)
    yield _check_backward(case, seed)
    yield _check_dtype(case, seed)


def _check_backward(case: Case, seed: int) -> Report:
    """`backward()` leaves in `.grad` what `grad()` returns, bit for bit."""
    leaves = case.leaves(np.random.default_rng(seed))
    y = case.function(*leaves)
    cotangent = np.random.default_rng([seed, 4]).standard_normal(y.shape)
    expected = grad(y, leaves, seed=cotangent)
    y.backward(cotangent)
    wrong = [name for name, x, g in zip(case.inputs, leaves, expected, strict=True)
             if x.grad is None or not np.array_equal(x.grad, g.data)]
    return Report(str(case), "backward() equals grad()", failure=f"they differ for {', '.join(wrong)}" if wrong else "")


def _check_dtype(case: Case, seed: int) -> Report:
    """float32 in, float32 out and back."""
    leaves = case.leaves(np.random.default_rng(seed), "float32")
    y = case.function(*leaves)
    found = {"the output": y, **dict(zip(case.inputs, grad(y, leaves, seed=np.ones(y.shape)), strict=True))}
    wrong = [f"{name} became {t.dtype}" for name, t in found.items() if t.dtype != np.float32]
    return Report(str(case), "dtype is kept", failure=", ".join(wrong))
