"""The one door to the kernels: it validates arrays, chooses a kernel, calls it, and can say why."""

from __future__ import annotations

import contextlib
import functools
import re
import warnings
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinyconv.errors import DtypeError, KernelError, ShapeError
from tinyconv.kernels import im2col, reference
from tinyconv.kernels.geometry import ConvGeometry, Shape, conv_geometry, conv_transpose_geometry

Array = NDArray[Any]

KERNELS = ("reference", "im2col", "direct")
DIRECT_DTYPES = (np.dtype(np.float32), np.dtype(np.float64))
SMALL = 1_000_000  # FLOPs: `tinyconv bench conv` has im2col do them in 1.4 ms at worst, while Numba compiles for seconds

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


# --- The three contractions -------------------------------------------------------------------------------


def conv(x: Array, weight: Array, plan: Plan) -> Array:
    """y of `geometry.y_shape`."""
    geometry = plan.geometry
    x, weight = _checked(x=(x, geometry.x_shape), weight=(weight, geometry.weight_shape))
    return _module(plan, x.dtype).conv(x, weight, geometry)


def input_adjoint(y: Array, weight: Array, plan: Plan) -> Array:
    """The gradient of <conv(x, weight), y> for x."""
    geometry = plan.geometry
    y, weight = _checked(y=(y, geometry.y_shape), weight=(weight, geometry.weight_shape))
    return _module(plan, y.dtype).input_adjoint(y, weight, geometry)


def weight_adjoint(x: Array, y: Array, plan: Plan) -> Array:
    """The gradient of <conv(x, weight), y> for the weight."""
    geometry = plan.geometry
    x, y = _checked(x=(x, geometry.x_shape), y=(y, geometry.y_shape))
    return _module(plan, x.dtype).weight_adjoint(x, y, geometry)


def _checked(**expected: tuple[Array, Shape]) -> list[Array]:
    """The arrays C-contiguous, aligned and read-only, of one float dtype and of the shapes compiled code will assume."""
    for name, (array, shape) in expected.items():
        if array.shape != shape:
            raise ShapeError(f"convolution: {name} has shape {array.shape}, expected {shape}.")
    dtypes = {name: array.dtype for name, (array, _) in expected.items()}
    if len(set(dtypes.values())) > 1 or any(dtype.kind != "f" for dtype in dtypes.values()):
        got = " and ".join(f"{name} is {dtype}" for name, dtype in dtypes.items())
        raise DtypeError(f"convolution: {got}, expected one float dtype; convert with .astype.")
    return [_plain(array) for array, _ in expected.values()]


def _plain(array: Array) -> Array:
    """Compiled code is compiled again for each layout and writability it meets: it meets one."""
    plain = np.require(array, requirements=["C_CONTIGUOUS", "ALIGNED"]).view()
    plain.flags.writeable = False
    return plain


# --- The choice -------------------------------------------------------------------------------------------


def choose(geometry: ConvGeometry, dtype: Any) -> str:
    """The table: the kernel for a convolution nobody chose one for. A pure function of its arguments."""
    return "im2col" if _against_direct(geometry, dtype) else "direct"


def _against_direct(geometry: ConvGeometry, dtype: Any) -> str:
    """Why the table does not take `direct`; empty if it does.

    `tinyconv bench conv` with every library on one thread of an AMD EPYC (Zen 5) found direct / im2col to be 0.05 to 0.24
    where a group has one input channel (1.20 in one case of nine), and 0.8 to 3.5 elsewhere (median 1.6).
    """
    if np.dtype(dtype) not in DIRECT_DTYPES:
        return f"it is compiled for float32 and float64, not for {np.dtype(dtype)}"
    if geometry.flops < SMALL:
        return f"Numba would compile first, and {geometry.flops / 1e6:.2g} MFLOP is below {SMALL / 1e6:.2g}"
    if not geometry.groups == geometry.in_channels > 1:
        return "its plain loops take longer than a matrix product wherever a group has more than one input channel"
    return ""


def _settled(plan: Plan, dtype: np.dtype[Any]) -> str:
    """The kernel that carries out the plan; what was chosen explicitly is never replaced."""
    name = plan.kernel or choose(plan.geometry, dtype)
    if name != "direct":
        return name
    if dtype not in DIRECT_DTYPES:
        raise KernelError(f"kernel 'direct': got {dtype} arrays, expected float32 or float64; kernel='im2col' takes any.")
    problem = _numba_problem()
    if problem and plan.kernel:
        raise KernelError(f"kernel 'direct': {problem}; install numba, or use kernel='im2col'.")
    if problem:
        _say_once(problem)
        return "im2col"
    return "direct"


def _module(plan: Plan, dtype: np.dtype[Any]) -> Any:
    name = _settled(plan, dtype)
    if name == "direct":
        from tinyconv.kernels import direct  # the one place where Numba comes in

        return direct
    return {"reference": reference, "im2col": im2col}[name]


@functools.cache
def _numba_problem() -> str:
    """Why numba cannot be used here; empty if it can."""
    try:
        import numba  # noqa: F401
    except (ImportError, OSError) as error:  # OSError: LLVM's library does not load
        return f"numba cannot be imported ({error})"
    return ""


@functools.cache
def _say_once(problem: str) -> None:
    warnings.warn(f"tinyconv: {problem}; every convolution uses the kernel 'im2col'.", RuntimeWarning, stacklevel=2)


def _known(name: str) -> str:
    if name not in KERNELS:
        raise KernelError(f"kernel {name!r} is unknown, expected one of {', '.join(KERNELS)}.")
    return name


# --- The explanation --------------------------------------------------------------------------------------


def explain(op: Any, x: Any, weight: Any, *, kernel: str | None = None, **options: Any) -> str:
    """Print, and return, what a convolution would do: its geometry, its work, its kernel and why not the others.

    Parameters
    ----------
    op : tc.conv2d and its family, or its name
    x, weight : tensors, arrays, or just their shapes
    kernel, stride, padding, dilation, groups : as for `op`

    Raises
    ------
    ShapeError, KernelError
        As `op` would.

    >>> _ = explain("conv2d", (1, 6, 6, 1), (3, 3, 1, 1))
    conv2d: x (1, 6, 6, 1) float32, weight (3, 3, 1, 1)
      stride (1, 1), padding ((0, 0), (0, 0)), dilation (1, 1), groups 1
      output (1, 4, 4, 1), 0.000288 MFLOP for each of forward, input gradient and weight gradient
      kernel im2col, chosen by the table
      not reference: it is Python loops, for checking
      not direct: Numba would compile first, and 0.00029 MFLOP is below 1
    """
    name = str(getattr(op, "__name__", op))
    match = re.fullmatch(r"conv(_transpose)?([123])d", name)
    if match is None:
        raise KernelError(f"explain: got {name!r}, expected conv1d, conv2d, conv3d or conv_transpose1d, 2d, 3d.")
    x_shape, weight_shape = (tuple(getattr(a, "shape", a)) for a in (x, weight))
    dtype = np.dtype(getattr(x, "dtype", np.float32))
    dtype = dtype if dtype.kind == "f" else np.dtype(np.float32)
    if len(weight_shape) != int(match[2]) + 2:
        raise ShapeError(f"{name}: got weight {weight_shape}, expected {int(match[2]) + 2} axes.")
    options.pop("bias", None)
    geometry = (conv_transpose_geometry if match[1] else conv_geometry)(x_shape, weight_shape, **options)
    wish = plan(geometry, kernel)
    chosen = _settled(wish, dtype)
    chooser = "the argument" if kernel else "use_kernel" if wish.kernel else "the table"
    text = "\n".join([
        f"{name}: x {x_shape} {dtype}, weight {weight_shape}",
        f"  stride {geometry.stride}, padding {geometry.padding}, dilation {geometry.dilation}, groups {geometry.groups}",
        f"  output {geometry.x_shape if match[1] else geometry.y_shape}, {geometry.flops / 1e6:.3g} MFLOP for each of "
        "forward, input gradient and weight gradient",
        f"  kernel {chosen}, chosen by {chooser}",
        *(f"  not {loser}: {_against(loser, geometry, dtype, chooser)}" for loser in KERNELS if loser != chosen),
    ])
    print(text)
    return text


def _against(kernel: str, geometry: ConvGeometry, dtype: np.dtype[Any], chooser: str) -> str:
    """Why `kernel` is not the one."""
    if kernel == "reference":
        return "it is Python loops, for checking"
    objection = _against_direct(geometry, dtype) or _numba_problem()
    if kernel == "im2col":
        objection = "" if objection else "with one input channel per group it multiplies matrices of one column"
    return objection or f"the table would take it, but {chooser} decided"
