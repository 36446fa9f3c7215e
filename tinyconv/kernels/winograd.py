"""Winograd convolution F(m, 3): m x m pixels of a 3x3 convolution at stride 1, of one tile of (m + 2) x (m + 2) pixels.

A tile d, the kernel w and the pixels y are related by three small constant matrices: y = A' [(G w G') * (B' d B)] A, where * is
elementwise. Of a tile of 6 x 6 pixels the product takes 36 multiplications for 16 pixels, a quarter of the 144 that the
definition takes; with channels each of the 36 is a matrix product of tiles x input channels times input x output channels. That
is how this house computes faster than its processor multiplies.

A larger kernel is several of 3x3, side by side, filled up with zeros: each sees the tile from another place, and their products
are summed before the way back. A 5x5 kernel is four of them and takes 9 multiplications a pixel, not 25. The slices of a kernel
in 3-D are more of the same, and a signal has tiles of one row, y = A' [(G w) * (B' d)].

Tiles go in blocks through three steps that stay in a thread's cache: transform (padding is read as zeros on the way), products by
the tile of `simd`, transform back (a bias and an activation are applied on the way). The input adjoint is the same with the
kernel turned around. The weight adjoint takes the transposed way: dL/dw = G' [sum over tiles (B' d B) * (A g A')] G.

The price is rounding: the matrices of F(4, 3) hold numbers from 1/24 to 8, and float32 results are off by up to about 1e-5 of the
largest one, some seven times as far as those of the definition; F(2, 3) is as accurate as the definition. Source: Lavin & Gray
2016, "Fast Algorithms for Convolutional Neural Networks".
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.kernels import direct, threads, workspace
from tinyconv.kernels.derived import Remember, forget
from tinyconv.kernels.direct import Activation
from tinyconv.kernels.geometry import ConvGeometry, Shape
from tinyconv.kernels.simd import BYTES, ROWS, tiles
from tinyconv.kernels.tasks import Piece
from tinyconv.kernels.winograd_forms import Form
from tinyconv.kernels.winograd_tasks import (
    FLOAT,
    WIDTH,
    add_products,
    apply,
    convolve_panels,
    convolve_share,
    enter,
    leave,
    lift,
)

Array = NDArray[Any]

BLOCK_BYTES = 1 << 19  # of transformed tiles that a thread works on at a time
CHUNK_BYTES = 1 << 23  # of transformed tiles that a weight adjoint sums at a time
KERNELS_BYTES = 1 << 24  # transformed kernels larger than this are made panel by panel, and not kept,
TILES_BYTES = 20 << 20  # if all transformed tiles are not larger than this
TOGETHER = 64  # rows that a weight adjoint makes at a time, where a kernel has several blocks: they fill its tiles of products
NOWHERE = np.zeros(3, np.int64)  # the place of the first block

def conv(x: Array, weight: Array, geometry: ConvGeometry, form: Form, bias: Array | None = None,
         activation: Activation = None, remember: Remember = forget) -> Array:
    """y[n, o, c] = bias[c] + sum over taps t and channels k of x[n, o + t - padding, k] * w[t, k, c]."""
    first = tuple(before for before, _ in geometry.padding)
    return _convolve(x, weight, True, form, geometry.y_shape, first, bias, activation, remember)


def input_adjoint(g: Array, weight: Array, geometry: ConvGeometry, form: Form, remember: Remember = forget) -> Array:
    """The gradient of <conv(x, w), g> with respect to x: a convolution by the kernel turned around."""
    first = tuple(k - 1 - before for k, (before, _) in zip(geometry.kernel_size, geometry.padding, strict=True))
    return _convolve(g, weight, False, form, geometry.x_shape, first, None, None, remember)


def weight_adjoint(x: Array, g: Array, geometry: ConvGeometry, form: Form) -> Array:
    """The gradient of <conv(x, w), g> with respect to w."""
    workers, inputs, outputs = threads.count(), geometry.in_channels, geometry.out_channels
    elements, across = math.prod(form.side), form.side[1]
    first = _volume(tuple(before for before, _ in geometry.padding), 0)
    tiled = _volume(geometry.out, 1)
    source = _Image(x, _volume(geometry.size, 1), tiled, form.m, first, form.side, enter, form.tile, workers)
    target = _Image(g, tiled, tiled, form.m, (0, 0, 0), form.m, enter, form.pixels_gradient, workers)
    size = _filled(geometry.kernel_size, form)
    together = max(TOGETHER // inputs, 1)  # so many blocks of the kernel
    places = _places(size, form)
    groups = [places[i : i + together] for i in range(0, len(places), together)]
    pixel, line = -(-inputs * FLOAT // BYTES) * BYTES // FLOAT, _line(outputs)
    chunk = max(CHUNK_BYTES // (elements * (len(groups[0]) * pixel + line) * FLOAT), 2 * ROWS)
    chunk = -(-source.count // max(-(-source.count // chunk), 1))
    lifted, g_lifted = (workspace.empty((elements, chunk, n)) for n in (len(groups[0]) * pixel, line))
    rows = [np.add.outer(np.arange(len(group)) * pixel, np.arange(inputs)).ravel() * FLOAT for group in groups]
    sums = [np.zeros((elements, -(-len(row) // ROWS) * ROWS, line), np.float32) for row in rows]
    for begin in range(0, source.count, chunk):
        taken = min(chunk, source.count - begin)
        lift(workers, workers, begin, taken, target.table.ctypes.data, NOWHERE.ctypes.data, 1, 0, g_lifted.ctypes.data,
             *g_lifted.strides[:2], across)
        for group, row, total in zip(groups, rows, sums, strict=True):
            lift(workers, workers, begin, taken, source.table.ctypes.data, group.ctypes.data, len(group), pixel * FLOAT,
                 lifted.ctypes.data, *lifted.strides[:2], across)
            parts = min(total.shape[1] // ROWS, 4)
            add_products(elements * parts, parts, row.ctypes.data, len(row), lifted.ctypes.data, *lifted.strides[:2],
                         g_lifted.ctypes.data, *g_lifted.strides[:2], outputs, total.ctypes.data, *total.strides[:2], taken,
                         *tiles(np.float32))
    down, right = form.block
    weights = np.empty((*size, inputs, line), np.float32)
    for group, total in zip(groups, sums, strict=True):
        block = np.empty((down, right, len(group), inputs, line), np.float32)
        apply(workers, workers, form.kernel_gradient.address, total.ctypes.data, across * total.strides[0], total.strides[0],
              block.ctypes.data, *block.strides[:2], block[0, 0].nbytes // BYTES)
        for i, (d, h, w) in enumerate(group):
            weights[d, h : h + down, w : w + right] = block[:, :, i]
    depth, height, width = _volume(geometry.kernel_size, 1)
    return np.ascontiguousarray(weights[:depth, :height, :width, :, :outputs]).reshape(geometry.weight_shape)


class _Image:
    """A volume of pixels that is read or written in squares: what compiled code knows of it, as a table of integers."""

    def __init__(self, array: Array, size: Shape, tiled: Shape, m: Shape, first: Shape, square: Shape, way: Piece,
                 transform: Piece, workers: int) -> None:
        pixel = array.shape[-1] * array.itemsize
        line = -(-pixel // BYTES) * BYTES
        depth, height, width = tiled
        down, across = -(-height // m[0]), -(-width // m[1])
        self.count = len(array) * depth * down * across
        self.array = array
        self.edge = np.empty((workers, square[0] * square[1] * line), np.uint8)  # where squares that are not whole are filled
        self.table = np.array([array.ctypes.data, *size, pixel, depth, down, across, *m, *first, *square, self.edge.ctypes.data,
                               self.edge.shape[1], line, transform.address, way.address], np.int64)


def _volume(size: Shape, missing: int) -> Shape:
    """One number for each of depth, height and width."""
    return (missing,) * (3 - len(size)) + size


def _line(channels: int) -> int:
    """Channels in a line of a transformed square: whole panels."""
    return -(-channels // WIDTH) * WIDTH


def _filled(kernel_size: Shape, form: Form) -> Shape:
    """Depth, height and width of a kernel that is filled up to whole blocks."""
    depth, height, width = _volume(kernel_size, 1)
    down, right = form.block
    return depth, -(-height // down) * down, -(-width // right) * right


def _places(size: Shape, form: Form) -> Array:
    """Where the blocks of a filled kernel begin: (blocks, 3)."""
    axes = [range(size[0]), range(0, size[1], form.block[0]), range(0, size[2], form.block[1])]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3).astype(np.int64)


def _kernels(weight: Array, form: Form, forward: bool) -> Array:
    """(elements, blocks of columns, blocks of the kernel * rows, width): G w G' of each block, of the weight or of it turned."""
    *kernel_size, inputs, outputs = weight.shape
    size = _filled(tuple(kernel_size), form)
    volume = weight.reshape(*_volume(tuple(kernel_size), 1), inputs, outputs)
    if size != volume.shape[:3]:
        missing = [(0, n - k) if forward else (n - k, 0) for n, k in zip(size, volume.shape, strict=False)]
        volume = np.pad(volume, [*missing, (0, 0), (0, 0)])
    numbers = np.arange(math.prod(size)).reshape(size)
    numbers = numbers if forward else numbers[::-1, ::-1, ::-1]
    places, (down, right), workers = _places(size, form), form.block, threads.count()
    kernels = None
    for i, (d, h, w) in enumerate(places):
        taps = numbers[d, h : h + down, w : w + right].ravel()
        (packed,) = direct.panels(volume, np.ascontiguousarray(taps), 1, forward)
        blocks, rows, width = packed.shape
        rows //= down * right
        if kernels is None:
            kernels = workspace.empty((math.prod(form.side), blocks, len(places) * rows, width))
        tap = rows * width * FLOAT
        for block in range(blocks):
            part = kernels[:, block, i * rows : (i + 1) * rows]
            apply(workers, workers, form.kernel.address, packed[block].ctypes.data, right * tap, tap, part.ctypes.data,
                  form.side[1] * kernels.strides[0], kernels.strides[0], tap // BYTES)
    assert kernels is not None
    return kernels


def _convolve(x: Array, weight: Array, forward: bool, form: Form, shape: Shape, first: Shape, bias: Array | None,
              activation: Activation, remember: Remember) -> Array:
    """The pixels of an array of `shape`; the first tile begins so many pixels before the first one of x."""
    y, workers, tiled = workspace.empty(shape), threads.count(), _volume(shape[1:-1], 1)
    channels, columns, elements = x.shape[-1], shape[-1], math.prod(form.side)
    width = _line(columns)
    start, slope = (direct.vectors(values, 1, columns, width, np.float32) for values in (bias, direct.slopes(activation)))
    finish = np.array([start.ctypes.data, direct.bending(activation), slope.ctypes.data], np.int64)
    source = _Image(x, _volume(x.shape[1:-1], 1), tiled, form.m, _volume(first, 0), form.side, enter, form.tile, workers)
    target = _Image(y, tiled, tiled, form.m, (0, 0, 0), form.m, leave, form.pixels, workers)
    large_kernels = elements * channels * columns * FLOAT > KERNELS_BYTES
    if large_kernels and weight.shape[:-2] == form.block and elements * source.count * channels * FLOAT <= TILES_BYTES:
        _by_panels(source, target, weight, forward, form, columns, finish)
        return y
    kernels = remember(("winograd", form.m, forward), lambda: _kernels(weight, form, forward))
    places = _places(_filled(weight.shape[:-2], form), form)
    line, out_line = _line(channels) + 16, width + 16  # lines a power of two apart get in each other's way
    block = max(BLOCK_BYTES // (elements * (line + out_line) * FLOAT) // ROWS, 2) * ROWS
    block = min(block, max(-(-source.count // (workers * ROWS)), 1) * ROWS)
    lifted, products = (workspace.empty((workers, elements, block, n)) for n in (line, out_line))
    convolve_share(workers, workers, source.count, form.side[1], block, source.table.ctypes.data, target.table.ctypes.data,
                   kernels.ctypes.data, kernels.strides[0], width // WIDTH, places.ctypes.data, len(places), lifted.ctypes.data,
                   *lifted.strides[:3], products.ctypes.data, *products.strides[:3], elements, columns, channels,
                   finish.ctypes.data, *tiles(np.float32))
    return y


def _by_panels(source: _Image, target: _Image, weight: Array, forward: bool, form: Form, columns: int, finish: Array) -> None:
    """Convolve where kernels are large and tiles few: all tiles are transformed at first, kernels as they are needed.

    A panel of columns at a time: its kernels are packed and transformed into a thread's cache, used, and forgotten. So 512 x 512
    channels, whose transformed kernels take 38 MB, leave no trace in memory.
    """
    workers, elements, channels = threads.count(), math.prod(form.side), source.array.shape[-1]
    taps = np.arange(math.prod(form.block))
    packing = direct.Packing(weight, np.ascontiguousarray(taps if forward else taps[::-1]), 1, forward)
    count = -(-source.count // ROWS) * ROWS
    lifted = workspace.empty((elements, count, _line(channels) + 16))
    lift(workers, workers, 0, source.count, source.table.ctypes.data, NOWHERE.ctypes.data, 1, 0, lifted.ctypes.data,
         *lifted.strides[:2], form.side[1])
    packed, kernels = (workspace.empty((workers, n, channels, WIDTH)) for n in (len(taps), elements))
    products = workspace.empty((workers, elements, count, WIDTH))
    convolve_panels(workers, workers, packing.table.ctypes.data, packed.ctypes.data, *packed.strides[:2], kernels.ctypes.data,
                    *kernels.strides[:2], form.kernel.address, form.block[1], form.side[1], elements, channels, columns,
                    lifted.ctypes.data, *lifted.strides[:2], products.ctypes.data, *products.strides[:3], source.count,
                    target.table.ctypes.data, finish.ctypes.data, *tiles(np.float32))
