"""Where everything lies: a convolution of any rank and its input adjoint as tables of distances, the same for both.

Both make pixels of a target from pixels of a source: each target pixel is the sum over taps of a source pixel times a matrix.
In the forward direction target pixel o sees source pixel o * stride + k * dilation. Backward, image pixel i was seen through
tap k by output pixel (i + padding - k * dilation) / stride where that is a whole number: image pixels with the same rest of
i / stride, a phase, see the same taps at the same distances. So a convolution is one part, and its input adjoint one part for
each phase. Along each axis a part is four rows of numbers, and the tables are their outer sums.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinyconv.kernels.geometry import ConvGeometry, Pairs, Shape

Integers = NDArray[np.int64]


class _Axis(NamedTuple):
    """One axis of a part: where windows begin in the padded source, the taps' distances and numbers, the target pixels."""

    reads: Sequence[int]
    distances: Sequence[int]
    taps: Sequence[int]
    writes: Sequence[int]


@dataclass(frozen=True, eq=False)
class Part:
    """Target pixels that see the same taps at the same distances; all in bytes, but for the taps' numbers.

    Attributes
    ----------
    reads, writes : (pixels,), where the window of a pixel begins in a padded sample of the source, and where its result goes
    distances : (runs,), from there to the first source pixel of each run of taps
    taps : (runs * taps in a run,), the taps' numbers in the weight
    run : how many taps lie side by side in the source, and are one
    """

    reads: Integers
    writes: Integers
    distances: Integers
    taps: Integers
    run: int


@dataclass(frozen=True, eq=False)
class Products:
    """The parts of a contraction, and the padding of the source that all of them need."""

    parts: tuple[Part, ...]
    padding: Pairs
    padded: Shape


@functools.lru_cache(maxsize=64)
def forward(geometry: ConvGeometry, size: int) -> Products:
    """From x to y, of numbers of `size` bytes."""
    axes = []
    for out, stride, kernel, dilation in zip(geometry.out, geometry.stride, geometry.kernel_size, geometry.dilation, strict=True):
        axes.append(_Axis(range(0, out * stride, stride), range(0, kernel * dilation, dilation), range(kernel), range(out)))
    padded = geometry.reach
    padding = tuple((pair[0], whole - size - pair[0])
                    for pair, whole, size in zip(geometry.padding, padded, geometry.size, strict=True))
    part = _part(axes, geometry, padded, geometry.in_channels * size, geometry.out, geometry.out_channels * size)
    return Products((part,), padding, padded)


@functools.lru_cache(maxsize=64)
def backward(geometry: ConvGeometry, size: int) -> Products:
    """From y to x, of numbers of `size` bytes."""
    phases, padding = [], []
    for axis, out in enumerate(geometry.out):
        found = _phases(geometry, axis)
        ends = [(a.reads[0] + a.distances[0], a.reads[-1] + a.distances[-1]) for a in found if a.taps]
        before = max([0, *(-first for first, _ in ends)])
        padding.append((before, max([0, *(last + 1 - out for _, last in ends)])))
        phases.append([_Axis(range(a.reads[0] + before, a.reads[-1] + before + 1), *a[1:]) for a in found])
    padded = tuple(before + out + after for (before, after), out in zip(padding, geometry.out, strict=True))
    parts = tuple(_part(axes, geometry, padded, geometry.out_channels * size, geometry.size, geometry.in_channels * size)
                  for axes in itertools.product(*phases))
    return Products(parts, tuple(padding), padded)


def _phases(geometry: ConvGeometry, axis: int) -> list[_Axis]:
    """The phases of one axis of the image, without padding; taps in the order of their distances."""
    size, kernel, stride = geometry.size[axis], geometry.kernel_size[axis], geometry.stride[axis]
    dilation, before = geometry.dilation[axis], geometry.padding[axis][0]
    found = []
    for phase in range(min(stride, size)):
        pixels = range(phase, size, stride)
        seen = [k for k in reversed(range(kernel)) if (phase + before - k * dilation) % stride == 0]
        distances = [(phase + before - k * dilation) // stride for k in seen]
        found.append(_Axis(range(len(pixels)), distances, seen, pixels))
    return found


def _part(axes: Sequence[_Axis], geometry: ConvGeometry, source: Shape, pixel_size: int, target: Shape, target_size: int) -> Part:
    """The tables of a part, from its axes; a pixel of source and target takes so many bytes."""
    pixel, target_pixel = _steps(source, pixel_size), _steps(target, target_size)
    last, run = axes[-1].distances, 1
    if geometry.groups == 1 and len(last) and np.all(np.diff(last) == 1):
        run, last = len(last), last[:1]
    tap = _steps(geometry.kernel_size, 1)
    distances = [*(axis.distances for axis in axes[:-1]), last]
    return Part(_outer_sum([axis.reads for axis in axes], pixel), _outer_sum([axis.writes for axis in axes], target_pixel),
                _outer_sum(distances, pixel), _outer_sum([axis.taps for axis in axes], tap), run)


def _steps(size: Shape, unit: int) -> Shape:
    """From a pixel to the next along each axis, where a pixel takes `unit`."""
    return tuple(unit * math.prod(size[axis + 1 :]) for axis in range(len(size)))


def _outer_sum(numbers: Sequence[Sequence[int]], steps: Shape) -> Integers:
    """The sum of one number of each axis times its step, for all choices, the last axis fastest."""
    total: Any = np.zeros(1, np.int64)
    for along, step in zip(numbers, steps, strict=True):
        total = np.add.outer(total, np.asarray(along, np.int64) * step).ravel()
    return np.ascontiguousarray(total)
