"""Where the windows of a depthwise convolution stand: which taps each target pixel sees, from which source pixel on, as tables.

Forward the target is y and the source x; the input adjoint has them the other way round. Forward, along one axis, target pixel o
sees the source pixels o * stride + k * dilation - padding. Backward, pixel i was seen through tap k by output pixel
(i + padding - k * dilation) / stride where that is a whole number: pixels of one phase, i modulo stride, see the same taps.
Either way a pixel sees taps at equal steps in source pixels at equal steps: its first source pixel, its first tap and how many.
"""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinyconv.kernels.geometry import ConvGeometry, Shape

Integers = NDArray[np.int64]

TILE = 4  # target pixels in a row that are made together


class Axis(NamedTuple):
    """One axis: for each target pixel its first source pixel, its first tap, and how many taps; then steps.

    From tap to tap it is `step` source pixels and `tap_step` taps. Target pixels `phases` apart see source pixels `stride` apart.
    """

    first: Integers
    tap: Integers
    taps: Integers
    step: int
    tap_step: int
    phases: int
    stride: int


@dataclass(frozen=True, eq=False)
class Stands:
    """The tables of one contraction; distances are in numbers of the arrays.

    Attributes
    ----------
    rows : (target rows, 3): where the row's first source row begins, where the row itself does, and its class
    tiles : (tiles in a row, 4): the source pixel, the target pixel, the class, and how many pixels: TILE or 1
    lists : (classes of rows, classes of tiles): where the list of taps begins
    taps : for each tap its distance in the weight and in the source; -1 ends a list
    source, target : numbers in a sample
    channels : numbers in a pixel
    source_step, target_step : from one pixel of a tile to the next
    """

    rows: Integers
    tiles: Integers
    lists: Integers
    taps: Integers
    source: int
    target: int
    channels: int
    source_step: int
    target_step: int

    @functools.cached_property
    def integers(self) -> tuple[int, ...]:
        """All of it, for compiled code."""
        return (len(self.rows), self.rows.ctypes.data, len(self.tiles), self.tiles.ctypes.data, self.lists.ctypes.data,
                self.lists.shape[1], self.taps.ctypes.data, self.source, self.target, self.channels, self.source_step,
                self.target_step)


@dataclass(frozen=True, eq=False)
class Slide:
    """The tables of a window of 3x3 that slides along rows.

    Attributes
    ----------
    rows : (target rows, 3): where each of the three source rows begins, in numbers of a sample; -1 where it is padding
    width, source_width : pixels in a row
    source, target : numbers in a sample
    channels : numbers in a pixel
    stride, before : along a row
    descent : from a source row to that of the next target row
    """

    rows: Integers
    width: int
    source_width: int
    source: int
    target: int
    channels: int
    stride: int
    before: int
    descent: int

    @functools.cached_property
    def integers(self) -> tuple[int, ...]:
        """All of it, for compiled code."""
        return (len(self.rows), self.rows.ctypes.data, self.width, self.source_width, self.source, self.target, self.channels,
                self.stride, self.before, self.descent)


@dataclass(frozen=True, eq=False)
class Views:
    """What each tap sees, for the weight adjoint.

    Attributes
    ----------
    rows : (rows of y,): where the list of the kernel's rows that see the image begins
    lines : for each of them the number of its first tap, and where the row it sees begins in a sample of x; -1 ends a list
    columns : (kernel width, 3): the first pixel of a row of y that sees the image through this column, the one after the last,
        and the pixel that the first one sees
    source, row, channels : numbers in a sample of x, in a row of y, in a pixel
    step : from one pixel to the next that is seen
    taps : how many there are
    """

    rows: Integers
    lines: Integers
    columns: Integers
    source: int
    row: int
    channels: int
    step: int
    taps: int

    @functools.cached_property
    def integers(self) -> tuple[int, ...]:
        """All of it, for compiled code."""
        return (len(self.rows), self.rows.ctypes.data, self.lines.ctypes.data, len(self.columns), self.columns.ctypes.data,
                self.source, self.row, self.channels, self.step, self.taps)


@functools.lru_cache(maxsize=128)
def stands(geometry: ConvGeometry, adjoint: bool) -> Stands:
    """The tables of `conv`, or of `input_adjoint`."""
    channels, (depth, height, width) = geometry.in_channels, _axes(geometry, adjoint)
    source, target = (geometry.out, geometry.size) if adjoint else (geometry.size, geometry.out)
    source, target, kernel = _volume(source), _volume(target), _volume(geometry.kernel_size)
    (depth_class, depths), (height_class, heights), (width_class, widths) = map(_classes, (depth, height, width))
    rows = np.empty((*target[:2], 3), np.int64)
    rows[..., 0] = (depth.first[:, None] * source[1] + height.first) * source[2] * channels
    rows[..., 1] = np.arange(target[0] * target[1]).reshape(target[:2]) * target[2] * channels
    rows[..., 2] = depth_class[:, None] * len(heights) + height_class
    taps: list[int] = []
    lists = []
    for (d, d_count), (h, h_count), (w, w_count) in itertools.product(depths, heights, widths):
        lists.append(len(taps))
        for i, j, k in itertools.product(range(d_count), range(h_count), range(w_count)):
            number = ((d + i * depth.tap_step) * kernel[1] + h + j * height.tap_step) * kernel[2] + w + k * width.tap_step
            distance = (i * depth.step * source[1] + j * height.step) * source[2] + k * width.step
            taps += [number * channels, distance * channels]
        taps.append(-1)
    tiles = [(width.first[at] * channels, at * channels, width_class[at], pixels) for at, pixels in _tiles(width, width_class)]
    return Stands(_table(rows).reshape(-1, 3), _table(tiles), _table(lists).reshape(-1, len(widths)), _table(taps),
                  math.prod(source) * channels, math.prod(target) * channels, channels, width.stride * channels,
                  width.phases * channels)


@functools.lru_cache(maxsize=128)
def slide(geometry: ConvGeometry, adjoint: bool) -> Slide | None:
    """The tables of a sliding window, forward or backward (there with the kernel turned around); None where it cannot slide."""
    if geometry.kernel_size != (3, 3) or geometry.dilation[1] != 1 or (adjoint and geometry.stride != (1, 1)):
        return None
    (top, _), (left, _) = geometry.padding
    (stride, across), (down, _), channels = geometry.stride, geometry.dilation, geometry.in_channels
    source, target = (geometry.out, geometry.size) if adjoint else (geometry.size, geometry.out)
    if adjoint:
        top, left = 2 * down - top, 2 - left
    seen = np.arange(target[0])[:, None] * stride + np.arange(3) * down - top
    rows = np.where((seen >= 0) & (seen < source[0]), seen * source[1] * channels, -1)
    return Slide(_table(rows), target[1], source[1], math.prod(source) * channels, math.prod(target) * channels, channels, across,
                 left, stride * source[1] * channels)


@functools.lru_cache(maxsize=128)
def views(geometry: ConvGeometry) -> Views:
    """The tables of `weight_adjoint`."""
    channels, (depth, height, width) = geometry.in_channels, _axes(geometry, False)
    size, out, kernel = _volume(geometry.size), _volume(geometry.out), _volume(geometry.kernel_size)
    rows: list[int] = []
    lines: list[int] = []
    for d, h in itertools.product(range(out[0]), range(out[1])):
        rows.append(len(lines))
        for i, j in itertools.product(range(depth.taps[d]), range(height.taps[h])):
            number = ((depth.tap[d] + i) * kernel[1] + height.tap[h] + j) * kernel[2]
            seen = (depth.first[d] + i * depth.step) * size[1] + height.first[h] + j * height.step
            lines += [number, seen * size[2] * channels]
        lines.append(-1)
    columns = []
    for k in range(kernel[2]):
        sees = np.flatnonzero((width.tap <= k) & (k < width.tap + width.taps))
        first, last = (sees[0], sees[-1] + 1) if len(sees) else (0, 0)
        columns.append((first, last, (width.first[first] + (k - width.tap[first]) * width.step) * channels))
    return Views(_table(rows), _table(lines), _table(columns), math.prod(size) * channels, out[2] * channels, channels,
                 width.stride * channels, math.prod(kernel))


def _axes(geometry: ConvGeometry, adjoint: bool) -> list[Axis]:
    """Depth, height and width."""
    padding = (0,) * (3 - len(geometry.size)) + tuple(before for before, _ in geometry.padding)
    size, out, kernel, stride, dilation = map(_volume, (geometry.size, geometry.out, geometry.kernel_size, geometry.stride,
                                                        geometry.dilation))
    return [_axis(size[i], out[i], kernel[i], stride[i], dilation[i], padding[i], adjoint) for i in range(3)]


def _axis(size: int, out: int, kernel: int, stride: int, dilation: int, padding: int, adjoint: bool) -> Axis:
    taps = np.arange(kernel) * dilation
    if adjoint:
        away = np.arange(size)[:, None] + padding - taps
        seen, whole, among = away // stride, away % stride == 0, out
        tap_step = stride // math.gcd(stride, dilation)
        step, phases, source_stride = -tap_step * dilation // stride, stride, 1
    else:
        seen = np.arange(out)[:, None] * stride + taps - padding
        whole, among, tap_step, step, phases, source_stride = True, size, 1, dilation, 1, stride
    inside = whole & (seen >= 0) & (seen < among)
    count, tap = inside.sum(axis=1), inside.argmax(axis=1)
    first = np.where(count > 0, np.take_along_axis(seen, tap[:, None], axis=1)[:, 0], 0)
    return Axis(first, tap, count, step, tap_step, phases, source_stride)


def _classes(axis: Axis) -> tuple[Integers, list[tuple[int, int]]]:
    """Which pixels see the same taps: the class of each, and for each class its first tap and how many."""
    found: dict[tuple[int, int], int] = {}
    seen = zip(axis.tap.tolist(), axis.taps.tolist(), strict=True)
    return np.array([found.setdefault(pair, len(found)) for pair in seen], np.int64), list(found)


def _tiles(axis: Axis, classes: Integers) -> list[tuple[int, int]]:
    """(first pixel, TILE or 1) for all target pixels; a last tile that is not full begins earlier and makes some pixels again."""
    tiles = []
    for phase in range(min(axis.phases, len(classes))):
        pixels = range(phase, len(classes), axis.phases)
        for _, group in itertools.groupby(pixels, key=classes.__getitem__):
            run = list(group)
            width = TILE if len(run) >= TILE else 1
            tiles += [(run[min(i, len(run) - width)], width) for i in range(0, len(run), width)]
    return tiles


def _volume(numbers: Shape) -> Shape:
    """One number for each of depth, height and width; ones in front."""
    return (1,) * (3 - len(numbers)) + tuple(numbers)


def _table(numbers: Any) -> Integers:
    return np.ascontiguousarray(numbers, np.int64)
