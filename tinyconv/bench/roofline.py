"""Points for the roofline plot: every convolution of the chosen workloads, and the roof of this machine, measured together."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import functools
import json
import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from tinyconv.bench.catalogue import WORKLOADS
from tinyconv.bench.idle import wait_until_idle
from tinyconv.bench.process import Process
from tinyconv.bench.workload import SEED, Workload
from tinyconv.engine import Tensor, no_grad, tensor
from tinyconv.kernels import dispatch
from tinyconv.kernels.geometry import ConvGeometry, conv_geometry
from tinyconv.nn import Conv1d, Conv2d, Conv3d
from tinyconv.nn.module import observer

TITLES = {"conv": "forward", "input_adjoint": "to the input", "weight_adjoint": "to the weight"}
SIDES = (512, 1024, 2048)  # of the square matrices whose product gives the peak
BLOCK = 64 * 2**20  # bytes that each thread copies: more than caches hold
REPEAT, AT_LEAST = 5, 0.02  # calls, and seconds of calls, for each point
LIMIT = 1800.0  # seconds for all


def measure(workloads: Iterable[Workload], threads: int) -> dict[str, Any]:
    """Measure in a process of its own: `peak` (1e9 FLOP/s), `bandwidth` (1e9 bytes/s) and `points`, one for each contraction."""
    with Process("roofline", {"workloads": [workload.name for workload in workloads], "threads": threads}, threads) as process:
        return process.answer(LIMIT)


def series(found: dict[str, Any]) -> dict[str, tuple[list[float], list[float]]]:
    """{contraction: (intensities, rates)} of what `measure` found, as the drawing takes it."""
    drawn = {title: [point for point in found["points"] if point["contraction"] == title] for title in TITLES.values()}
    return {title: ([point["intensity"] for point in points], [point["rate"] for point in points])
            for title, points in drawn.items() if points}


def contractions(workload: Workload) -> list[tuple[ConvGeometry, str]]:
    """What the step of `workload` asks of the convolution kernels: (geometry, contraction), each once.

    Inference runs forward only; a painting needs no gradient of a weight, a training none of its first layer's input.
    """
    geometries = conv_geometries(workload)
    adjoints = {"infer": (), "paint": ("input_adjoint",)}.get(workload.task, ("input_adjoint", "weight_adjoint"))
    wanted = [(geometry, name) for i, geometry in enumerate(geometries) for name in ("conv", *adjoints)
              if not (i == 0 and name == "input_adjoint" and workload.task != "paint")]
    return list(dict.fromkeys(wanted))


def conv_geometries(workload: Workload) -> list[ConvGeometry]:
    """The geometry of every convolution of the net, in the order they run; found on two inputs at most."""
    found = []

    def see(layer: Any, x: Any, y: Tensor) -> None:
        if isinstance(layer, Conv1d | Conv2d | Conv3d):
            geometry = conv_geometry(x.shape, layer.weight.shape, **layer.options)
            found.append(dataclasses.replace(geometry, batch=workload.shape[0]))

    net = workload.first_net().eval()
    token = observer.set(see)
    try:
        with no_grad():
            net(tensor(np.zeros((min(workload.shape[0], 2), *workload.shape[1:]), np.float32)))
    finally:
        observer.reset(token)
    return found


def intensity(geometry: ConvGeometry) -> float:
    """FLOP per byte, if every number of x, weight and y, float32, crosses between memory and processor once."""
    numbers = sum(math.prod(shape) for shape in (geometry.x_shape, geometry.weight_shape, geometry.y_shape))
    return geometry.flops / (4 * numbers)


def peak_rate() -> float:
    """The fastest that this process multiplies and adds float32, in 1e9 FLOP/s: the kernels' own tile in the first-level cache.

    Where there is no compiled code, the best of NumPy's matrix products.
    """
    compiled = dispatch.compiled("peak", dispatch.SMALL_ARRAY, np.float32)
    if compiled is not None:
        return float(compiled.flops_per_second()) / 1e9
    rng = np.random.default_rng(SEED)
    rates = []
    for side in SIDES:
        a, b = (rng.random((side, side), np.float32) for _ in range(2))
        wait_until_idle(most=0.5)
        rates.append(2 * side**3 / min(_seconds(functools.partial(np.matmul, a, b))))
    return max(rates) / 1e9


def bandwidth(threads: int) -> float:
    """Bytes that `threads` threads read and write in a second, copying large arrays; in 1e9."""
    pairs = [(np.ones(BLOCK, np.uint8), np.ones(BLOCK, np.uint8)) for _ in range(threads)]
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        best = min(_seconds(lambda: list(pool.map(lambda pair: np.copyto(*pair), pairs))))
    return 2 * BLOCK * threads / best / 1e9


def main() -> None:
    """Measure what the command line orders, and print it as one JSON object."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints goes to the errors
    order = json.loads(sys.argv[1])
    points = []
    for workload in map(WORKLOADS.__getitem__, order["workloads"]):
        for geometry, contraction in contractions(workload):
            wait_until_idle(most=0.5)
            seconds = statistics.median(_seconds(_call(geometry, contraction, frozen=workload.task in ("infer", "paint"))))
            points.append({"workload": workload.name, "layer": f"x {geometry.x_shape}, weight {geometry.weight_shape}",
                           "contraction": TITLES[contraction], "intensity": intensity(geometry),
                           "rate": geometry.flops / seconds / 1e9, "seconds": seconds})
    answers.write(json.dumps({"peak": peak_rate(), "bandwidth": bandwidth(order["threads"]), "points": points}) + "\n")
    answers.flush()


def _call(geometry: ConvGeometry, contraction: str, frozen: bool) -> Callable[[], Any]:
    """A contraction of random arrays by the kernel that the table takes; what is derived from a `frozen` weight may be kept."""
    rng = np.random.default_rng(SEED)
    x, weight, y = (rng.random(shape, np.float32) for shape in (geometry.x_shape, geometry.weight_shape, geometry.y_shape))
    first, second = {"conv": (x, weight), "input_adjoint": (y, weight), "weight_adjoint": (x, y)}[contraction]
    return lambda: getattr(dispatch, contraction)(first, second, dispatch.Plan(geometry, constant=frozen))


def _seconds(call: Callable[[], Any]) -> list[float]:
    """The seconds of some calls, after one that compiles and wakes the processors."""
    call()
    seconds: list[float] = []
    while len(seconds) < REPEAT or sum(seconds) < AT_LEAST:
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return seconds
