"""Times the convolution kernels on layers of real networks, side by side, and PyTorch's where it is installed."""

from __future__ import annotations

import contextlib
import functools
import os
import statistics
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from tinyconv.data.quoting import one_line, suggestion
from tinyconv.engine import Array
from tinyconv.errors import DataError, KernelError
from tinyconv.experiments.machine import machine, package_version
from tinyconv.kernels import dispatch
from tinyconv.kernels.geometry import ConvGeometry, conv_geometry

try:
    import torch  # an optional rival, never needed
except ImportError:
    torch = None

SEED = 0
CONTRACTIONS = ("conv", "input_adjoint", "weight_adjoint")
KERNELS = tuple(kernel for kernel in dispatch.KERNELS if kernel != "reference")
SPIN = 0.13  # seconds for which threads of BLAS and OpenMP spin on, and take the time of whoever comes next
SPINNING = ("im2col", "torch")
TITLES = {"conv": "forward", "input_adjoint": "to input", "weight_adjoint": "to weight"}

# name: shape of x, shape of the weight, options
LAYERS: dict[str, tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "VGG 3-64, 64x64": ((1, 64, 64, 3), (3, 3, 3, 64), {"padding": 1}),
    "VGG 64-64, 64x64": ((1, 64, 64, 64), (3, 3, 64, 64), {"padding": 1}),
    "VGG 256-256, 16x16": ((1, 16, 16, 256), (3, 3, 256, 256), {"padding": 1}),
    "CIFAR 3-32, N=64": ((64, 32, 32, 3), (3, 3, 3, 32), {"padding": 1}),
    "CIFAR 32-64, N=64": ((64, 16, 16, 32), (3, 3, 32, 64), {"padding": 1}),
    "stem 7x7, stride 2": ((2, 96, 96, 3), (7, 7, 3, 64), {"stride": 2, "padding": 3}),
    "1x1 128-64, N=8": ((8, 28, 28, 128), (1, 1, 128, 64), {}),
    "3x3, stride 2": ((8, 28, 28, 64), (3, 3, 64, 128), {"stride": 2, "padding": 1}),
    "3x3, dilation 2": ((4, 28, 28, 64), (3, 3, 64, 64), {"padding": 2, "dilation": 2}),
    "signal k=5": ((64, 187, 32), (5, 32, 32), {"padding": 2}),
    "signal k=15": ((16, 1024, 32), (15, 32, 64), {"padding": 7}),
    "volume 28^3": ((2, 28, 28, 28, 16), (3, 3, 3, 16, 32), {"padding": 1}),
    "4 groups of 16": ((8, 28, 28, 64), (3, 3, 16, 64), {"padding": 1, "groups": 4}),
    "32 groups of 4": ((8, 28, 28, 128), (3, 3, 4, 128), {"padding": 1, "groups": 32}),
    "depthwise 3x3": ((4, 56, 56, 64), (3, 3, 1, 64), {"padding": 1, "groups": 64}),
    "depthwise 3x3, small": ((1, 28, 28, 72), (3, 3, 1, 72), {"padding": 1, "groups": 72}),
    "depthwise, 2 each": ((4, 28, 28, 32), (3, 3, 1, 64), {"padding": 1, "groups": 32}),
}


class Row(NamedTuple):
    """One contraction of one layer: milliseconds, the median, by the name of who computed."""

    layer: str
    contraction: str
    geometry: ConvGeometry
    milliseconds: dict[str, float]


def measure(repeat: int, layers: Iterable[str] = tuple(LAYERS)) -> list[Row]:
    """Time every contraction of the layers `repeat` times on each kernel that can do it, in turns, after a call that compiles."""
    rows = []
    cases = [(layer, contraction) for layer in layers for contraction in CONTRACTIONS]
    for layer, contraction in tqdm(cases, unit="row", leave=False, disable=None):
        x_shape, weight_shape, options = LAYERS[layer]
        geometry = conv_geometry(x_shape, weight_shape, **options)
        rivals = _rivals(geometry, contraction)
        taken: dict[str, list[float]] = {name: [] for name in rivals}
        for _ in range(repeat):
            for name, call in rivals.items():
                began = time.perf_counter()
                call()
                taken[name].append((time.perf_counter() - began) * 1000)
                time.sleep(SPIN if name in SPINNING else 0)
        medians = {name: statistics.median(times) for name, times in taken.items()}
        rows.append(Row(layer, contraction, geometry, medians))
    return rows


def chosen(names: Iterable[str] | None) -> list[str]:
    """The layers of the `names`, all of them for None.

    Raises
    ------
    DataError
        A name that is no layer's.
    """
    wanted = list(LAYERS if names is None else names)
    for name in wanted:
        if name not in LAYERS:
            raise DataError(f"layer {one_line(name)!r} is unknown; {suggestion(name, LAYERS)}")
    return wanted


def table(rows: Iterable[Row]) -> str:
    """The rows as text: milliseconds of all, which kernel the table of `dispatch` takes, and its ratio to PyTorch."""
    columns = (*KERNELS, "torch")
    names = "".join(f"{name:>13}" for name in columns)
    lines = [f"{'layer':22}{'gradient':11}{'MFLOP':>8}{names}  {'table takes':13}{'/ torch':>7}"]
    for layer, contraction, geometry, taken in rows:
        times = "".join(f"{taken[name]:13.3f}" if name in taken else f"{'-':>13}" for name in columns)
        choice = dispatch.choose(geometry, np.float32)
        ratio = f"{taken[choice] / taken['torch']:7.2f}" if {choice, "torch"} <= taken.keys() else f"{'-':>7}"
        lines.append(f"{layer:22}{TITLES[contraction]:11}{geometry.flops / 1e6:8.1f}{times}  {choice:13}{ratio}")
    return "\n".join(lines)


def conditions() -> str:
    """The facts a timing depends on, one line each."""
    threads = {name: os.environ.get(name, "default") for name in ("OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")}
    return "\n".join([
        f"machine: {machine()}, torch {package_version('torch')}",
        f"threads: {', '.join(f'{name}={value}' for name, value in threads.items())}",
        f"seed: {SEED}",
    ])


def _rivals(geometry: ConvGeometry, contraction: str) -> dict[str, Callable[[], Any]]:
    """The same contraction of the same float32 arrays, by the name of who computes it."""
    rng = np.random.default_rng(SEED)
    x, weight, y = (rng.standard_normal(shape, dtype=np.float32)
                    for shape in (geometry.x_shape, geometry.weight_shape, geometry.y_shape))
    first, second = {"conv": (x, weight), "input_adjoint": (y, weight), "weight_adjoint": (x, y)}[contraction]
    rivals: dict[str, Callable[[], Any]] = {}
    for kernel in KERNELS:
        call = functools.partial(getattr(dispatch, contraction), first, second, dispatch.Plan(geometry, kernel))
        with contextlib.suppress(KernelError):  # it is for other layers, or numba is absent
            call()
            rivals[kernel] = call
    if torch is not None:
        rivals["torch"] = _torch_call(geometry, contraction, x, weight, y)
    return rivals


def _torch_call(geometry: ConvGeometry, contraction: str, x: Array, weight: Array, y: Array) -> Callable[[], Any]:
    """PyTorch on arrays converted beforehand, channels first; its padding is the same on both sides."""
    rank = len(geometry.size)
    x_t, y_t = (torch.from_numpy(np.ascontiguousarray(np.moveaxis(a, -1, 1))) for a in (x, y))
    w_t = torch.from_numpy(np.ascontiguousarray(weight.transpose(rank + 1, rank, *range(rank))))
    shared = {"stride": geometry.stride, "padding": tuple(pair[0] for pair in geometry.padding), "dilation": geometry.dilation,
              "groups": geometry.groups}
    functional, gradients = torch.nn.functional, torch.nn.grad
    calls = {
        "conv": lambda: getattr(functional, f"conv{rank}d")(x_t, w_t, **shared),
        "input_adjoint": lambda: getattr(gradients, f"conv{rank}d_input")(x_t.shape, w_t, y_t, **shared),
        "weight_adjoint": lambda: getattr(gradients, f"conv{rank}d_weight")(x_t, w_t.shape, y_t, **shared),
    }
    return calls[contraction]
