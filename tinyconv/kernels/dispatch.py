"""The one door to the kernels: it validates arrays, chooses a kernel, calls it, and can say why."""

from __future__ import annotations

import contextlib
import functools
import importlib
import platform
import re
import warnings
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinyconv.errors import DtypeError, KernelError, ShapeError
from tinyconv.kernels import derived, im2col, reference
from tinyconv.kernels.derived import Remember
from tinyconv.kernels.geometry import ConvGeometry, Shape, conv_geometry, conv_transpose_geometry
from tinyconv.kernels.plain import plain

Array = NDArray[Any]

KERNELS = ("reference", "im2col", "direct", "winograd", "winograd_f2")
COMPILED = KERNELS[2:]
COMPILED_DTYPES = (np.dtype(np.float32), np.dtype(np.float64))
TUNED_MACHINES = ("x86_64", "amd64")
SMALL = 500_000  # FLOPs: im2col does them in 0.7 ms at worst and on one thread, while Numba compiles for seconds
SMALL_DEPTHWISE = 60_000  # the same time, as im2col multiplies matrices of one column there
BLAS_THREADS = 1 << 18  # products in a matrix product: OpenBLAS starts threads above, and is quick below
SMALL_ARRAY = 1 << 17  # elements: NumPy passes over them in 0.1 ms, while Numba compiles for half a second
WINOGRAD_CHANNELS = 16  # fewer input or output channels leave its products too little to do beside its transforms

_requested: ContextVar[str | None] = ContextVar("kernel", default=None)


class Plan(NamedTuple):
    """A convolution to be carried out: its geometry, the kernel somebody chose for it (None: the table does), and whether its
    weight stays as it is, so that what is derived from it is worth keeping."""

    geometry: ConvGeometry
    kernel: str | None = None
    constant: bool = False


@contextlib.contextmanager
def use_kernel(name: str) -> Iterator[None]:
    """Within this block every convolution uses the kernel `name`, one of those that `conv2d` lists."""
    token = _requested.set(_known(name))
    try:
        yield
    finally:
        _requested.reset(token)


def plan(geometry: ConvGeometry, kernel: str | None, constant: bool = False) -> Plan:
    """Settle who chooses: `kernel` if given, else `use_kernel`, else the table, at each contraction."""
    return Plan(geometry, _requested.get() if kernel is None else _known(kernel), constant)


# --- The three contractions -------------------------------------------------------------------------------


def conv(x: Array, weight: Array, plan: Plan, bias: Array | None = None, activation: str | Array | None = None) -> Array:
    """y of `geometry.y_shape`.

    A bias (C_out,) is added; then "relu" sets negative values to 0, or slopes (C_out,) multiply them.
    """
    geometry = plan.geometry
    pixels, weights = _checked(x=(x, geometry.x_shape), weight=(weight, geometry.weight_shape))
    if bias is not None:
        (bias,) = _checked(bias=(bias, (geometry.out_channels,)))
    if activation is not None and not isinstance(activation, str):
        (activation,) = _checked(slopes=(activation, (geometry.out_channels,)))
    name = _settled(plan, x.dtype)
    if name in COMPILED:
        return _function("conv", name, geometry)(pixels, weights, geometry, bias=bias, activation=activation,
                                                 remember=_memory(weight, plan))
    y = _function("conv", name, geometry)(pixels, weights, geometry)
    y = y if bias is None else np.add(y, bias, out=y)
    if isinstance(activation, str):
        return np.maximum(y, 0, out=y)
    return y if activation is None else np.where(y > 0, y, y * activation)


def input_adjoint(y: Array, weight: Array, plan: Plan) -> Array:
    """The gradient of <conv(x, weight), y> for x."""
    geometry = plan.geometry
    pixels, weights = _checked(y=(y, geometry.y_shape), weight=(weight, geometry.weight_shape))
    name = _settled(plan, y.dtype)
    options = {"remember": _memory(weight, plan)} if name in COMPILED else {}
    return _function("input_adjoint", name, geometry)(pixels, weights, geometry, **options)


def weight_adjoint(x: Array, y: Array, plan: Plan) -> Array:
    """The gradient of <conv(x, weight), y> for the weight."""
    geometry = plan.geometry
    pixels, arriving = _checked(x=(x, geometry.x_shape), y=(y, geometry.y_shape))
    name = _settled(plan, x.dtype)
    return _function("weight_adjoint", name, geometry)(pixels, arriving, geometry)


def matmul(a: Array, b: Array) -> Array:
    """np.matmul for arrays of two axes or more; large products of float32 and float64 by compiled code.

    NumPy's BLAS starts threads for large products, and they spin for 0.1 s afterwards, on the processors that kernels need.
    """
    rows, inner, columns = a.shape[-2], a.shape[-1], b.shape[-1]
    large = rows * inner * columns > BLAS_THREADS and a.dtype == b.dtype and a.dtype in COMPILED_DTYPES
    if not large or inner != b.shape[-2] or _numba_problem():
        return np.asarray(np.matmul(a, b))
    from tinyconv.kernels import matmul as compiled_matmul

    if b.ndim == 2 and a.flags.c_contiguous:
        return compiled_matmul.matmul(a.reshape(-1, inner), b).reshape(*a.shape[:-1], columns)
    lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a, b = np.broadcast_to(a, (*lead, rows, inner)), np.broadcast_to(b, (*lead, inner, columns))
    products = [compiled_matmul.matmul(a[index], b[index]) for index in np.ndindex(*lead)]
    return (products[0] if len(products) == 1 else np.stack(products)).reshape(*lead, rows, columns)


def _checked(**expected: tuple[Array, Shape]) -> list[Array]:
    """The arrays C-contiguous, aligned and read-only, of one float dtype and of the shapes compiled code will assume."""
    for name, (array, shape) in expected.items():
        if array.shape != shape:
            raise ShapeError(f"convolution: {name} has shape {array.shape}, expected {shape}.")
    dtypes = {name: array.dtype for name, (array, _) in expected.items()}
    if len(set(dtypes.values())) > 1 or any(dtype.kind != "f" for dtype in dtypes.values()):
        got = " and ".join(f"{name} is {dtype}" for name, dtype in dtypes.items())
        raise DtypeError(f"convolution: {got}, expected one float dtype; convert with .astype.")
    return [plain(array) for array, _ in expected.values()]


def _memory(weight: Array, plan: Plan) -> Remember:
    return derived.of(weight) if plan.constant else derived.forget


def _function(contraction: str, name: str, geometry: ConvGeometry) -> Callable[..., Array]:
    """What carries out a contraction by the kernel `name`; the one place where Numba comes in for convolutions."""
    if name in ("im2col", "reference"):
        return getattr(im2col if name == "im2col" else reference, contraction)
    if name == "direct":
        from tinyconv.kernels import direct

        return getattr(direct, contraction)
    from tinyconv.kernels import winograd, winograd_forms

    return functools.partial(getattr(winograd, contraction), form=winograd_forms.form_of(name, len(geometry.size)))


# --- The choice -------------------------------------------------------------------------------------------


def choose(geometry: ConvGeometry, dtype: Any) -> str:
    """The table: the kernel for a contraction nobody chose one for. A pure function of its arguments."""
    if _against_direct(geometry, dtype):
        return "im2col"
    return "direct" if _against_winograd(geometry, dtype) else "winograd"


def _against_direct(geometry: ConvGeometry, dtype: Any) -> str:
    """Why the table does not take compiled code; empty if it does."""
    if np.dtype(dtype) not in COMPILED_DTYPES:
        return f"it is compiled for float32 and float64, not for {np.dtype(dtype)}"
    small = SMALL_DEPTHWISE if geometry.groups == geometry.in_channels > 1 else SMALL
    if geometry.flops < small:
        return f"Numba would compile first, and {geometry.flops / 1e6:.2g} MFLOP is below {small / 1e6:.2g}"
    return ""


def _against_winograd(geometry: ConvGeometry, dtype: Any) -> str:
    """Why the table does not take `winograd`; empty if it does. Its savings grow with the channels, its transforms do not."""
    if objection := _winograd_cannot(geometry, dtype, "winograd"):
        return objection
    inputs, outputs, kernel = geometry.in_channels, geometry.out_channels, geometry.kernel_size
    if min(inputs, outputs) < WINOGRAD_CHANNELS:
        return f"its transforms take too long with fewer than {WINOGRAD_CHANNELS} channels on a side"
    if len(kernel) == 1 and kernel[0] < 9 and inputs * outputs < 64 * 128:
        return "a row of tiles saves too little with so few channels and so short a kernel"
    if len(kernel) == 2 and kernel != (3, 3) and (min(kernel) < 5 or min(inputs, outputs) < 64):
        return "a kernel that is no 3x3 is filled up with zeros, which pays from 5x5 and 64 channels on"
    return ""


def _winograd_cannot(geometry: ConvGeometry, dtype: Any, name: str) -> str:
    """Why Winograd's convolution is not this one; empty if it is."""
    if np.dtype(dtype) != np.float32:
        return f"it rounds too much for {np.dtype(dtype)}"
    if max(*geometry.stride, *geometry.dilation, geometry.groups) > 1 or min(geometry.kernel_size[-2:]) < 2:
        return "it is for kernels of two pixels or more along the last two axes, stride 1, dilation 1, one group"
    return "a row of tiles is F(4, 3) only" if name == "winograd_f2" and len(geometry.size) == 1 else ""


def _settled(plan: Plan, dtype: np.dtype[Any]) -> str:
    """The kernel that carries out the plan; what was chosen explicitly is never replaced."""
    name = plan.kernel or choose(plan.geometry, dtype)
    if name not in COMPILED:
        return name
    if dtype not in COMPILED_DTYPES:
        raise KernelError(f"kernel {name!r}: got {dtype} arrays, expected float32 or float64; kernel='im2col' takes any.")
    if name != "direct" and (objection := _winograd_cannot(plan.geometry, dtype, name)):
        raise KernelError(f"kernel {name!r}: {objection}; got {dtype}, kernel {plan.geometry.kernel_size}, stride "
                          f"{plan.geometry.stride}, dilation {plan.geometry.dilation}, groups {plan.geometry.groups}; "
                          "kernel='direct' takes any.")
    problem = _numba_problem()
    if problem and plan.kernel:
        raise KernelError(f"kernel {name!r}: {problem}; kernel='im2col' runs anywhere.")
    if problem:
        _say_once(problem)
        return "im2col"
    return name


@functools.cache
def _numba_problem() -> str:
    """Why compiled code cannot be used here; empty if it can."""
    if platform.machine().lower() not in TUNED_MACHINES:
        return f"there is no tuned code for {platform.machine() or 'this machine'}"
    try:
        import numba
    except (ImportError, OSError) as error:  # OSError: LLVM's library does not load
        return f"numba cannot be imported ({error})"
    return "Numba's compiler is switched off (NUMBA_DISABLE_JIT)" if numba.config.DISABLE_JIT else ""


@functools.cache
def _say_once(problem: str) -> None:
    warnings.warn(f"tinyconv: {problem}; every convolution uses the kernel 'im2col'.", RuntimeWarning, stacklevel=2)


def compiled(module_name: str, elements: int, dtype: Any) -> Any:
    """The compiled module `tinyconv.kernels.<module_name>` for an array of so many elements, or None where NumPy does it.

    NumPy does what is small, so that nobody waits for a compiler, dtypes that are not compiled, and all where Numba is missing.
    """
    if elements < SMALL_ARRAY or np.dtype(dtype) not in COMPILED_DTYPES or _numba_problem():
        return None
    return importlib.import_module(f"tinyconv.kernels.{module_name}")


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
      not direct: Numba would compile first, and 0.00029 MFLOP is below 0.5
      not winograd: Numba would compile first, and 0.00029 MFLOP is below 0.5
      not winograd_f2: it is there for those who ask for F(2, 3), as accurate as direct
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
    too_small, tiles = _against_direct(geometry, dtype) or _numba_problem(), _against_winograd(geometry, dtype)
    if kernel == "im2col" and not too_small:
        return "it copies every pixel once for each tap, and its products start the threads of BLAS"
    if kernel == "direct" and not too_small and not tiles:
        return "it multiplies four times as often as winograd"
    exact = _winograd_cannot(geometry, dtype, kernel) or "it is there for those who ask for F(2, 3), as accurate as direct"
    objection = {"im2col": "", "direct": too_small, "winograd": too_small or tiles, "winograd_f2": exact}[kernel]
    return objection or f"the table would take it, but {chooser} decided"
