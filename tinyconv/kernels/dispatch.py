"""The one door to the kernels: it validates arrays, chooses a kernel, calls it, and can say why."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinyconv.errors import KernelError, ShapeError
from tinyconv.kernels import im2col, reference
from tinyconv.kernels.geometry import ConvGeometry

Array = NDArray[Any]

KERNELS = ("reference", "im2col", "direct")
_requested: ContextVar[str | None] = ContextVar("kernel", default=None)


class Plan(NamedTuple):
    """A convolution to be carried out: its geometry, and the kernel somebody chose for it (None: the table does)."""

    geometry: ConvGeometry
    kernel: str | None = None


@contextlib.contextmanager
def use_kernel(name: str) -> Iterator[None]:
    """Within this block every convolution uses the kernel `name`: "reference", "im2col" or "direct"."""
    token = _requested.set(_known(name))
    try:
        yield
    finally:
        _requested.reset(token)


def plan(geometry: ConvGeometry, kernel: str | None) -> Plan:
    """Settle who chooses: `kernel` if given, else `use_kernel`, else the table, at each contraction."""
    return Plan(geometry, _requested.get() if kernel is None else _known(kernel))


def choose(geometry: ConvGeometry, dtype: Any) -> str:
    """The table: the kernel for a convolution nobody chose one for. A pure function of its arguments."""
    return "im2col"


def conv(x: Array, weight: Array, plan: Plan) -> Array:
    """y of `geometry.y_shape`."""
    geometry = plan.geometry
    x, weight = _checked("x", x, geometry.x_shape), _checked("weight", weight, geometry.weight_shape)
    return _module(plan, x).conv(x, weight, geometry)


def input_adjoint(y: Array, weight: Array, plan: Plan) -> Array:
    """The gradient of <conv(x, weight), y> for x."""
    geometry = plan.geometry
    y, weight = _checked("y", y, geometry.y_shape), _checked("weight", weight, geometry.weight_shape)
    return _module(plan, y).input_adjoint(y, weight, geometry)


def weight_adjoint(x: Array, y: Array, plan: Plan) -> Array:
    """The gradient of <conv(x, weight), y> for the weight."""
    geometry = plan.geometry
    x, y = _checked("x", x, geometry.x_shape), _checked("y", y, geometry.y_shape)
    return _module(plan, x).weight_adjoint(x, y, geometry)


def _module(plan: Plan, array: Array) -> Any:
    name = plan.kernel or choose(plan.geometry, array.dtype)
    return {"reference": reference, "im2col": im2col}[name]


def _checked(name: str, array: Array, shape: tuple[int, ...]) -> Array:
    """`array` C-contiguous and aligned, of exactly the shape compiled code will assume."""
    if array.shape != shape:
        raise ShapeError(f"convolution: {name} has shape {array.shape}, expected {shape}.")
    return np.require(array, requirements=["C_CONTIGUOUS", "ALIGNED"])


def _known(name: str) -> str:
    if name not in KERNELS:
        raise KernelError(f"kernel {name!r} is unknown, expected one of {', '.join(KERNELS)}.")
    return name
