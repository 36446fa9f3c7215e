"""Direct convolution: no window is gathered, pixels are multiplied where they lie, by the tile of `simd`.

One description serves signals, images and volumes, every stride, dilation and group, forward and backward (`taps`): a result
pixel is the sum over taps of a source pixel, taken from a padded copy, times a matrix. The matrices are packed into panels of
a tile's width, one after the other as they are used. Along the last axis taps that lie side by side are one long row of
numbers: with K = kernel width x channels even an image of one channel keeps the multipliers busy.

The weight adjoint is the same tile with the roles changed: rows are weights, and the sum runs over the pixels.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.kernels import depthwise, taps, threads, workspace
from tinyconv.kernels.compiled import jit
from tinyconv.kernels.derived import Remember, forget
from tinyconv.kernels.geometry import ConvGeometry
from tinyconv.kernels.memory import address, clear, copy, entries, fill, move, peek
from tinyconv.kernels.padding import padded
from tinyconv.kernels.simd import ADD, CALL, PRELU, RELU, ROWS, VECTOR, VECTORS, ZERO, lanes
from tinyconv.kernels.simd import tiles as tiles_of
from tinyconv.kernels.taps import Integers, Products
from tinyconv.kernels.tasks import invoke, task

Array = NDArray[Any]
Activation = str | Array | None  # None, "relu", or for each output channel the slope below 0

BLOCK = 8 * ROWS  # pixels whose sources stay in the second-level cache while the panels pass
CHUNK_BYTES = 1 << 18  # of both arrays whose pixels a weight adjoint sums before it goes on: they stay there too
SUM_PIXELS = 256  # so many are summed apart at most, then added to the total: a sum of small sums rounds less
UNPACKED_BYTES = 1 << 18  # a weight of so many bytes stays in the second-level cache, and is used as it lies
SPLITS = 8  # so many sums of a weight adjoint are made apart, where there are few weights


def conv(x: Array, weight: Array, geometry: ConvGeometry, bias: Array | None = None, activation: Activation = None,
         remember: Remember = forget) -> Array:
    """y[n, o, c] = bias[c] + sum over taps t and channels k of x[n, o * stride + t * dilation - padding, k] * w[t, k, c]."""
    if _depthwise(geometry):
        return depthwise.conv(x, weight, geometry, bias, activation)
    found, groups = taps.forward(geometry, x.itemsize), geometry.groups
    if groups == 1 and weight.nbytes <= UNPACKED_BYTES and weight.shape[-1] % lanes(weight.dtype) == 0:
        packed = [_as_panels(weight)]
    else:
        packed = remember(("direct", groups), lambda: [panels(weight, part.taps, groups, True) for part in found.parts])
    return _products(x, packed, found, groups, geometry.y_shape, bias, activation)


def input_adjoint(g: Array, weight: Array, geometry: ConvGeometry, remember: Remember = forget) -> Array:
    """The gradient of <conv(x, w), g> with respect to x: each tap sends g back to the pixels it saw."""
    if _depthwise(geometry):
        return depthwise.input_adjoint(g, weight, geometry)
    found = taps.backward(geometry, g.itemsize)
    key = geometry.size, geometry.stride, geometry.padding, geometry.dilation, geometry.groups  # the phases depend on all of them
    packed = remember(("adjoint", key), lambda: [panels(weight, part.taps, geometry.groups, False) for part in found.parts])
    return _products(g, packed, found, geometry.groups, geometry.x_shape, None, None)


def weight_adjoint(x: Array, g: Array, geometry: ConvGeometry) -> Array:
    """The gradient of <conv(x, w), g> with respect to w: what each tap saw, times what arrives."""
    if _depthwise(geometry):
        return depthwise.weight_adjoint(x, g, geometry)
    size, workers, x = x.itemsize, threads.count(), padded(x, taps.forward(geometry, x.itemsize).padding)
    weights, starts, run = _lines(geometry, size)
    per_group, channels, pixel = geometry.in_channels // geometry.groups, geometry.out_channels, geometry.in_channels * size
    lines, tiles = len(x) * len(starts), -(-len(weights) // ROWS)
    splits = max(min(64 // tiles, SPLITS, lines), 1)
    pieces = workers if splits == 1 else 1
    sums = np.zeros((splits, len(weights), channels), x.dtype)
    chunk = max(min(CHUNK_BYTES // (pixel + channels * size), SUM_PIXELS) // run, 1)
    g = _readable(g, geometry)
    _weigh(splits * pieces, pieces, splits, x.ctypes.data, math.prod(x.shape[1:]) * size, per_group * size, g.ctypes.data,
           sums.ctypes.data, len(weights), channels, channels // geometry.groups, weights.ctypes.data, starts.ctypes.data,
           len(starts), lines, run, geometry.stride[-1] * pixel, chunk, *tiles_of(x.dtype), size,
           VECTORS * lanes(x.dtype))
    return (sums[0] if splits == 1 else sums.sum(axis=0)).reshape(geometry.weight_shape)


@functools.lru_cache(maxsize=64)
def _lines(geometry: ConvGeometry, size: int) -> tuple[Integers, Integers, int]:
    """Where each weight finds its number in a window, where each line of pixels of a sample begins, and how long lines are.

    A line is a row of output pixels, or a part of one.
    """
    (part,), pixel = taps.forward(geometry, size).parts, geometry.in_channels * size
    tap = np.add.outer(part.distances, np.arange(part.run) * pixel)
    weights = np.add.outer(tap.ravel(), np.arange(geometry.in_channels // geometry.groups) * size).ravel()
    run = max(n for n in range(1, SUM_PIXELS + 1) if geometry.out[-1] % n == 0)
    return weights, np.ascontiguousarray(part.reads[::run]), run


def _depthwise(geometry: ConvGeometry) -> bool:
    """Each group sees one channel: nothing is summed over channels, and a tile would be nearly empty."""
    return geometry.groups == geometry.in_channels > 1


def _readable(g: Array, geometry: ConvGeometry) -> Array:
    """g as one row of numbers; where its last vector would reach beyond the end, a copy with room behind."""
    if (geometry.out_channels // geometry.groups) % lanes(g.dtype) == 0:
        return g
    room = np.zeros(g.size + VECTORS * lanes(g.dtype), g.dtype)
    room[: g.size] = g.reshape(-1)
    return room


class Packing:
    """How a weight is packed: (groups, blocks of columns, taps * rows, width of a tile), in the order in which it is used.

    `taps` are numbers of taps of the weight (*kernel, C_in // groups, C_out). Forward the rows of a tap's matrix are input
    channels and its columns output channels, backward the other way round. Columns that fill up the last block are zeros.

    Attributes
    ----------
    table : what compiled code knows of it, integers
    """

    def __init__(self, weight: Array, taps: Integers, groups: int, forward: bool) -> None:
        width, size = VECTORS * lanes(weight.dtype), weight.itemsize
        inputs, channels = weight.shape[-2:]
        outputs = channels // groups
        rows, columns = (inputs, outputs) if forward else (outputs, inputs)
        row_step, column_step = (channels, 1) if forward else (1, channels)
        self.shape = groups, -(-columns // width), len(taps) * rows, width
        self.weight, self.starts = weight, taps * (inputs * channels)
        self.table = np.array([self.shape[1], weight.ctypes.data, self.starts.ctypes.data, len(taps), rows, width,
                               row_step * size, column_step * size, outputs * size, columns, size], np.int64)


def panels(weight: Array, taps: Integers, groups: int, forward: bool) -> Array:
    """The weight, packed as `Packing` says."""
    packing = Packing(weight, taps, groups, forward)
    packed = workspace.empty(packing.shape, weight.dtype)
    _pack(packing.shape[0] * packing.shape[1], packing.table.ctypes.data, packed.ctypes.data, packed[0, 0].nbytes)
    return packed


def _as_panels(weight: Array) -> Array:
    """A small weight as it lies, seen as panels: of one group, forward, with as many columns as fill vectors."""
    width, size, columns = VECTORS * lanes(weight.dtype), weight.itemsize, weight.shape[-1]
    shape = 1, -(-columns // width), weight.size // columns, width
    return np.lib.stride_tricks.as_strided(weight, shape, (0, width * size, columns * size, size), writeable=False)


def _products(source: Array, panels: list[Array], found: Products, groups: int, shape: tuple[int, ...], bias: Array | None,
              activation: Activation) -> Array:
    """Carry out all parts: the padded source times the panels, into an array of `shape`."""
    batch, channels, size, workers = len(source), source.shape[-1] // groups, source.itemsize, threads.count()
    columns = shape[-1] // groups
    source, target = padded(source, found.padding), workspace.empty(shape, source.dtype)
    _, blocks, _, width = panels[0].shape
    start, slope = (vectors(values, groups, columns, blocks * width, source.dtype) for values in (bias, slopes(activation)))
    mode = (ZERO if bias is None else VECTOR) + bending(activation)
    for part, packed in zip(found.parts, panels, strict=True):
        pixels = batch * len(part.reads)
        parts = workers if pixels < workers * 2 * BLOCK and blocks >= workers else 1  # columns are shared out instead of pixels
        _multiply(workers, workers // parts, parts, batch, len(part.reads), part.reads.ctypes.data, part.writes.ctypes.data,
                  source.ctypes.data, math.prod(source.shape[1:]) * size, target.ctypes.data, math.prod(shape[1:]) * size, groups,
                  channels * size, columns, blocks, part.distances.ctypes.data, len(part.distances), part.run * channels,
                  packed.ctypes.data, *packed.strides[1:3], start.ctypes.data, mode, slope.ctypes.data, *tiles_of(source.dtype),
                  size, width)
    return target


def vectors(values: Array | None, groups: int, columns: int, width: int, dtype: Any) -> Array:
    """(groups, width): a number for each channel, zeros behind those of each group."""
    padded_values = np.zeros((groups, width), dtype)
    if values is not None:
        padded_values[:, :columns] = values.reshape(groups, columns)
    return padded_values


def bending(activation: Activation) -> int:
    """The flag of an activation: of None, "relu" or slopes."""
    return 0 if activation is None else RELU if isinstance(activation, str) else PRELU


def slopes(activation: Activation) -> Array | None:
    """The slopes of an activation that has some."""
    return None if activation is None or isinstance(activation, str) else activation


# --- Compiled: what one worker does; all addresses, distances and steps are in bytes ------------------------


@task
def _pack(index: int, table: int) -> None:
    """Fill one of all panels."""
    packing, panels, panel_size = entries(table, 3)
    pack_panel(index, packing, panels + index * panel_size)


@jit
def pack_panel(index: int, packing: int, panel: int) -> None:
    """Fill a panel: row r of tap t of group g begins at starts[t] + r * row step + g * group step of the weight."""
    blocks, weight, starts, count, rows, width, row_step, column_step, group_step, columns, size = entries(packing, 11)
    g, block = divmod(index, blocks)
    inside = min(width, columns - block * width)
    for t in range(count):
        first = weight + peek(starts, t) * size + g * group_step + block * width * column_step
        for r in range(rows):
            line, row = panel + (t * rows + r) * width * size, first + r * row_step
            if column_step == size:
                copy(line, row, inside * size)
            else:
                for c in range(inside):
                    move(line + c * size, row + c * column_step, size)
            clear(line + inside * size, (width - inside) * size)


@task
def _multiply(worker: int, table: int) -> None:
    """target pixel = start + sum over taps of source pixels times panels, for a share of the pixels, or of the columns."""
    (shares, parts, batch, pixels, reads, writes, source, sample, target, target_sample, groups, group_step, columns, blocks,
     distances, taps, run, panels, panel_step, line, start, mode, slope, narrow, wide, size, width) = entries(table, 27)
    share, part = divmod(worker, parts)
    end = batch * pixels * (share + 1) // shares
    rows, results, nowhere = np.empty(BLOCK, np.int64), np.empty(BLOCK, np.int64), np.empty(ROWS * blocks * width, np.float64)
    for first in range(batch * pixels * share // shares, end, BLOCK):
        count = min(BLOCK, end - first)
        for g in range(groups):
            n, pixel = divmod(first, pixels)
            for i in range(BLOCK):  # beyond the last pixel: the last one again, into nowhere
                rows[i] = source + n * sample + peek(reads, pixel) + g * group_step
                results[i] = target + n * target_sample + peek(writes, pixel) + g * columns * size
                if i >= count:
                    results[i] = address(nowhere)
                if i < count - 1:
                    pixel += 1
                    if pixel == pixels:
                        n, pixel = n + 1, 0
            for block in range(blocks * part // parts, blocks * (part + 1) // parts):
                panel, inside = g * blocks + block, min(width, columns - block * width)
                _multiply_panel(wide if inside * 2 > width else narrow, address(rows), address(results), block * width * size,
                                count, inside, distances, taps, run, size, panels + panel * panel_step, line,
                                start + panel * width * size, mode, slope + panel * width * size, width, address(nowhere))


@jit
def _multiply_panel(tile: int, rows: int, results: int, shift: int, count: int, inside: int, distances: int, taps: int, run: int,
                    size: int, panel: int, line: int, start: int, mode: int, slope: int, width: int, nowhere: int) -> None:
    """One panel of columns of `count` result pixels, tile by tile; a panel that is not full goes aside first."""
    aside = np.empty(ROWS, np.int64)
    for i in range(ROWS):
        aside[i] = nowhere + i * width * size
    whole = inside == width or inside * 2 == width
    call = np.empty(CALL, np.int64)
    fill(address(call), (rows, results, shift, distances, taps, run, size, panel, run * line, line, start, mode, slope))
    if not whole:
        call[1], call[2] = address(aside), 0
    for i in range(0, count, ROWS):
        call[0] = rows + i * 8
        if whole:
            call[1] = results + i * 8
        invoke(tile, (address(call),))
        if not whole:
            for j in range(min(ROWS, count - i)):
                copy(peek(results, i + j) + shift, nowhere + j * width * size, inside * size)


@task
def _weigh(index: int, table: int) -> None:
    """sums[split, m, c] += x at weights[m] of each window, times g[..., c], over the windows of this split's lines of pixels.

    A line is a row of output pixels, `starts` where its first window begins in a sample of x. Weights are shared out in so many
    `pieces`, or, where those are few, lines in so many splits.
    """
    (pieces, splits, x, sample, group_step, g, sums, count, channels, columns, weights, starts, starts_count, lines, run, step,
     chunk, narrow, wide, size, width) = entries(table, 21)
    tiles, (split, piece) = -(-count // ROWS), divmod(index, pieces)
    end = lines * (split + 1) // splits
    rows, results, distances = np.empty(ROWS, np.int64), np.empty(ROWS, np.int64), np.empty(chunk, np.int64)
    aside = np.empty(ROWS * width, np.float64)
    for first in range(lines * split // splits, end, chunk):
        taken = min(chunk, end - first)
        for t in range(taken):
            n, line = divmod(first + t, starts_count)
            distances[t] = n * sample + peek(starts, line)
        for group in range(channels // columns):
            for column in range(0, columns, width):
                inside, place = min(width, columns - column), (group * columns + column) * size
                call = np.empty(CALL, np.int64)
                fill(address(call), (address(rows), address(results), 0, address(distances), taken, run, step,
                                 g + first * run * channels * size + place, run * channels * size, channels * size, 0, ADD, 0))
                for m in range(tiles * piece // pieces * ROWS, tiles * (piece + 1) // pieces * ROWS, ROWS):
                    whole = m + ROWS <= count and (inside == width or inside * 2 == width)
                    for i in range(ROWS):
                        row = min(m + i, count - 1)
                        rows[i] = x + peek(weights, row) + group * group_step
                        results[i] = sums + (split * count + row) * channels * size + place
                        if not whole:
                            copy(address(aside) + i * width * size, results[i], inside * size)
                            results[i] = address(aside) + i * width * size
                    invoke(wide if inside * 2 > width else narrow, (address(call),))
                    if not whole:
                        for i in range(min(ROWS, count - m)):
                            copy(sums + (split * count + m + i) * channels * size + place, results[i], inside * size)
