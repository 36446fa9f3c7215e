"""Winograd convolution F(m, 3): m x m pixels of a 3x3 convolution at stride 1, of one tile of (m + 2) x (m + 2) pixels.

A tile d, the kernel w and the pixels y are related by three small constant matrices: y = A' [(G w G') * (B' d B)] A, where * is
elementwise. Of a tile of 6 x 6 pixels the product takes 36 multiplications for 16 pixels, a quarter of the 144 that the
definition takes; with channels each of the 36 is a matrix product of tiles x input channels times input x output channels. That
is how this house computes faster than its processor multiplies.

Tiles go in blocks through three steps that stay in a thread's cache: transform (padding is read as zeros on the way), 36 products
by the tile of `simd`, transform back (a bias and a ReLU are applied on the way). The input adjoint is the same with the kernel
turned around. The weight adjoint takes the transposed way: dL/dw = G' [sum over tiles (B' d B) * (A g A')] G.

The price is rounding: the matrices of F(4, 3) hold numbers from 1/24 to 8, and float32 results are off by up to about 1e-5 of the
largest one, some seven times as far as those of the definition; F(2, 3) is as accurate as the definition. Source: Lavin & Gray
2016, "Fast Algorithms for Convolutional Neural Networks".
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinyconv.kernels import direct, taps, threads
from tinyconv.kernels.compiled import jit
from tinyconv.kernels.derived import Remember, forget
from tinyconv.kernels.direct import Activation
from tinyconv.kernels.geometry import ConvGeometry
from tinyconv.kernels.memory import address, clear, copy, entries
from tinyconv.kernels.simd import ADD, BYTES, ROWS, VECTORS, ZERO, sandwich, tiles
from tinyconv.kernels.tasks import Piece, invoke, piece, task

Array = NDArray[Any]

FLOAT = 4  # bytes
WIDTH = VECTORS * (BYTES // FLOAT)  # channels in a panel
BLOCK_BYTES = 1 << 19  # of transformed tiles that a thread works on at a time
CHUNK_BYTES = 1 << 22  # of transformed tiles that a weight adjoint sums at a time

B4 = np.array([[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0], [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0],
               [0, 4, 0, -5, 0, 1]])
G4 = np.array([[1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6], [1 / 24, 1 / 12, 1 / 6],
               [1 / 24, -1 / 12, 1 / 6], [0, 0, 1]])
A4 = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]])
B2 = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
G2 = np.array([[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]])
A2 = np.array([[1, 1, 1, 0], [0, 1, -1, -1]])


class Form(NamedTuple):
    """F(m, 3): m, and the compiled transforms of tiles in and out, of kernels, and of gradients of pixels and kernels."""

    m: int
    tile: Piece
    pixels: Piece
    kernel: Piece
    pixels_gradient: Piece
    kernel_gradient: Piece


def conv(x: Array, weight: Array, geometry: ConvGeometry, form: Form, bias: Array | None = None,
         activation: Activation = None, remember: Remember = forget) -> Array:
    """y[n, o, c] = bias[c] + sum over taps t and channels k of x[n, o + t - padding, k] * w[t, k, c]."""
    kernels = remember(("winograd", form.m), lambda: _kernels(
        direct.panels(weight, taps.forward(geometry, FLOAT).parts[0], geometry, forward=True), form))
    (top, _), (left, _) = geometry.padding
    return _convolve(x, kernels, form, geometry.y_shape, (top, left), bias, activation)


def input_adjoint(g: Array, weight: Array, geometry: ConvGeometry, form: Form, remember: Remember = forget) -> Array:
    """The gradient of <conv(x, w), g> with respect to x: a convolution by the kernel turned around."""
    kernels = remember(("winograd adjoint", form.m), lambda: _kernels(
        direct.panels(weight, taps.backward(geometry, FLOAT).parts[0], geometry, forward=False), form))
    (top, _), (left, _) = geometry.padding
    return _convolve(g, kernels, form, geometry.x_shape, (2 - top, 2 - left), None, None)


def weight_adjoint(x: Array, g: Array, geometry: ConvGeometry, form: Form) -> Array:
    """The gradient of <conv(x, w), g> with respect to w."""
    m, workers, size = form.m, threads.count(), np.dtype(np.float32).itemsize
    squares, inputs, outputs = (m + 2) ** 2, geometry.in_channels, geometry.out_channels
    (top, _), (left, _) = geometry.padding
    images = (_Image(x, geometry.y_shape, m, (top, left), m + 2, form.tile, workers),
              _Image(g, geometry.y_shape, m, (0, 0), m, form.pixels_gradient, workers))
    count = images[0].count
    chunk = max(CHUNK_BYTES // (squares * (_line(inputs) + _line(outputs)) * size), 2 * ROWS)
    chunk = -(-count // max(-(-count // chunk), 1))
    lifted, g_lifted = (np.empty((squares, chunk, _line(n)), np.float32) for n in (inputs, outputs))
    rows = -(-inputs // ROWS)
    sums = np.zeros((squares, rows * ROWS, _line(outputs)), np.float32)
    parts = min(rows, 4)
    for first in range(0, count, chunk):
        taken = min(chunk, count - first)
        for image, into in zip(images, (lifted, g_lifted), strict=True):
            _lift(workers, workers, first, taken, m, image.table.ctypes.data, into.ctypes.data, *into.strides[:2])
        _add_products(squares * parts, parts, rows, inputs, lifted.ctypes.data, *lifted.strides[:2], g_lifted.ctypes.data,
                      *g_lifted.strides[:2], outputs, sums.ctypes.data, *sums.strides[:2], taken, *tiles(np.float32))
    weights = np.empty((9, inputs, _line(outputs)), np.float32)
    _apply(workers, workers, form.kernel_gradient.address, sums.ctypes.data, (m + 2) * sums.strides[0], sums.strides[0],
           weights.ctypes.data, 3 * weights.strides[0], weights.strides[0], weights[0].nbytes // BYTES)
    return np.ascontiguousarray(weights[..., :outputs]).reshape(geometry.weight_shape)


class _Image:
    """An image array that is read or written in squares: what compiled code knows of it, as a table of integers."""

    def __init__(self, array: Array, tiled: tuple[int, ...], m: int, first: tuple[int, int], square: int, transform: Piece,
                 workers: int) -> None:
        batch, height, width, _ = tiled
        pixel = array.shape[3] * array.itemsize
        line = -(-pixel // BYTES) * BYTES
        down, across = -(-height // m), -(-width // m)
        self.count = batch * down * across
        self.array = array
        self.edge = np.empty((workers, (m + 2) ** 2 * line), np.uint8)  # where a square that is not whole is put together
        self.table = np.array([array.ctypes.data, *array.shape[1:3], pixel, across, down, *first, square, self.edge.ctypes.data,
                               self.edge.shape[1], line, transform.address], np.int64)


def _line(channels: int) -> int:
    """Channels in a line of a transformed square: whole panels."""
    return -(-channels // WIDTH) * WIDTH


def _kernels(panels: Array, form: Form) -> Array:
    """((m + 2)^2, blocks, rows, width): G w G' of panels (1, blocks, 9 * rows, width)."""
    _, blocks, rows, width = panels.shape
    kernels = np.empty(((form.m + 2) ** 2, blocks, rows // 9, width), np.float32)
    tap, workers = kernels[0, 0].nbytes, threads.count()
    for block in range(blocks):
        _apply(workers, workers, form.kernel.address, panels[0, block].ctypes.data, 3 * tap, tap, kernels[:, block].ctypes.data,
               (form.m + 2) * kernels.strides[0], kernels.strides[0], tap // BYTES)
    return kernels


def _convolve(x: Array, kernels: Array, form: Form, shape: tuple[int, ...], first: tuple[int, int], bias: Array | None,
              activation: Activation) -> Array:
    """The pixels of an array of `shape`; the first tile begins that many pixels before the first one of x."""
    y, m, workers = np.empty(shape, np.float32), form.m, threads.count()
    squares, blocks, channels, width = kernels.shape
    start, slope = (direct.vectors(values, 1, shape[3], blocks * width, np.float32)
                    for values in (bias, direct.slopes(activation)))
    source = _Image(x, shape, m, first, m + 2, form.tile, workers)
    target = _Image(y, shape, m, (0, 0), m, form.pixels, workers)
    finish = np.array([start.ctypes.data, direct.bending(activation), slope.ctypes.data], np.int64)
    line, out_line = _line(channels) + 16, blocks * width + 16  # lines a power of two apart get in each other's way
    block = max(BLOCK_BYTES // (squares * (line + out_line) * y.itemsize) // ROWS, 2) * ROWS
    block = min(block, max(-(-source.count // (workers * ROWS)), 1) * ROWS)
    lifted, products = (np.empty((workers, squares, block, n), np.float32) for n in (line, out_line))
    _convolve_share(workers, workers, source.count, m, block, source.table.ctypes.data, target.table.ctypes.data,
                    kernels.ctypes.data, kernels.strides[0], blocks, lifted.ctypes.data, *lifted.strides[1:3], lifted.strides[0],
                    products.ctypes.data, *products.strides[1:3], products.strides[0], shape[3], channels, finish.ctypes.data,
                    *tiles(np.float32))
    return y


# --- Compiled: the transforms --------------------------------------------------------------------------------

_tile4, _tile2 = sandwich(B4), sandwich(B2)
_pixels4, _pixels2 = sandwich(A4, finish=True), sandwich(A2, finish=True)
_kernel4, _kernel2 = sandwich(G4), sandwich(G2)
_pixels_gradient4, _pixels_gradient2 = sandwich(A4.T), sandwich(A2.T)
_kernel_gradient4, _kernel_gradient2 = sandwich(G4.T), sandwich(G2.T)
F4 = Form(
    4,
    tile=piece(lambda call: _tile4(call)),  # each on a line of its own: Numba's cache knows a lambda by its line
    pixels=piece(lambda call: _pixels4(call)),
    kernel=piece(lambda call: _kernel4(call)),
    pixels_gradient=piece(lambda call: _pixels_gradient4(call)),
    kernel_gradient=piece(lambda call: _kernel_gradient4(call)),
)
F2 = Form(
    2,
    tile=piece(lambda call: _tile2(call)),
    pixels=piece(lambda call: _pixels2(call)),
    kernel=piece(lambda call: _kernel2(call)),
    pixels_gradient=piece(lambda call: _pixels_gradient2(call)),
    kernel_gradient=piece(lambda call: _kernel_gradient2(call)),
)


# --- Compiled: what one worker does; sizes of pixels, lines and steps are in bytes ----------------------------


@task
def _apply(worker: int, table: int) -> None:
    """A transform of squares of vectors that lie side by side, a share of them."""
    workers, transform, source, row, column, target, target_row, target_column, blocks = entries(table, 9)
    first, last = blocks * worker // workers, blocks * (worker + 1) // workers
    call = np.array([source + first * BYTES, row, column, target + first * BYTES, target_row, target_column, last - first, 0, 0, 0])
    invoke(transform, (address(call),))


@task
def _lift(worker: int, table: int) -> None:
    """Transform the squares of pixels of a chunk of tiles, a share of them."""
    workers, first, count, m, image, lifted, step, line = entries(table, 8)
    for tile in range(count * worker // workers, count * (worker + 1) // workers):
        _enter(image, first + tile, m, worker, lifted + tile * line, (m + 2) * step, step)


@task
def _add_products(index: int, table: int) -> None:
    """sums[element] += lifted tiles, transposed, times lifted gradients: one element of the square, some input channels."""
    (parts, rows, channels, lifted, step, line, g_lifted, g_step, g_line, columns, sums, sum_step, sum_line, count, narrow,
     wide) = entries(table, 16)
    element, part = divmod(index, parts)
    inputs, results, nothing = np.empty(ROWS, np.int64), np.empty(ROWS, np.int64), np.zeros(1, np.int64)
    call = np.array([address(inputs), address(results), 0, address(nothing), 1, count, line, 0, 0, g_line, 0, ADD, 0])
    for row in range(rows * part // parts * ROWS, rows * (part + 1) // parts * ROWS, ROWS):
        for i in range(ROWS):  # beyond the last channel: the last one again, into a row of sums that nobody reads
            inputs[i] = lifted + element * step + min(row + i, channels - 1) * FLOAT
            results[i] = sums + element * sum_step + (row + i) * sum_line
        for column in range(0, columns, WIDTH):
            call[2], call[7] = column * FLOAT, g_lifted + element * g_step + column * FLOAT
            invoke(wide if (columns - column) * 2 > WIDTH else narrow, (address(call),))


@task
def _convolve_share(worker: int, table: int) -> None:
    """Tiles in blocks: transform, multiply, transform back."""
    (workers, count, m, block, source, target, kernels, kernel_step, blocks, lifted, step, line, lifted_share, products, out_step,
     out_line, products_share, columns, channels, finish, narrow, wide) = entries(table, 22)
    lifted, products = lifted + worker * lifted_share, products + worker * products_share
    squares, panel = (m + 2) * (m + 2), channels * WIDTH * FLOAT
    rows, results, distances = np.empty(block, np.int64), np.empty(block, np.int64), np.empty(squares, np.int64)
    for i in range(block):
        rows[i], results[i] = lifted + i * line, products + i * out_line
    for element in range(squares):
        distances[element] = element * step
    call = np.array([0, 0, 0, 0, 1, channels, FLOAT, 0, 0, WIDTH * FLOAT, 0, ZERO, 0])
    end = count * (worker + 1) // workers
    for first in range(count * worker // workers, end, block):
        taken = min(block, end - first)
        for i in range(taken):
            _enter(source, first + i, m, worker, rows[i], (m + 2) * step, step)
        for element in range(squares):
            call[3] = address(distances) + 8 * element
            for column in range(blocks):
                call[2], call[7] = element * out_step + column * WIDTH * FLOAT, kernels + element * kernel_step + column * panel
                tile = wide if (columns - column * WIDTH) * 2 > WIDTH else narrow
                for i in range(0, taken, ROWS):  # tiles beyond the last one are whatever the block held before
                    call[0], call[1] = address(rows) + 8 * i, address(results) + 8 * i
                    invoke(tile, (address(call),))
        for i in range(taken):
            _leave(target, finish, first + i, m, worker, results[i], (m + 2) * out_step, out_step)


@jit
def _enter(image: int, tile: int, m: int, worker: int, into: int, into_row: int, into_column: int) -> None:
    """Transform one square of pixels; what lies outside the image is zero, and so are channels up to a whole vector."""
    x, height, width, pixel, across, down, up, back, square, edge, edges, line, transform = entries(image, 13)
    n, place = divmod(tile, across * down)
    top, left = place // across * m - up, place % across * m - back
    call = np.array([x + ((n * height + top) * width + left) * pixel, width * pixel, pixel, into, into_row, into_column,
                     line // BYTES, 0, 0, 0])
    if line > pixel or top < 0 or left < 0 or top + square > height or left + square > width:
        edge += worker * edges
        first, last = min(max(-left, 0), square), max(min(width - left, square), 0)
        for i in range(square):
            row, copied = edge + i * square * line, call[0] + i * width * pixel
            if top + i < 0 or top + i >= height or first >= last:
                clear(row, square * line)
            elif line == pixel:
                clear(row, first * line)
                copy(row + first * line, copied + first * pixel, (last - first) * pixel)
                clear(row + last * line, (square - last) * line)
            else:
                clear(row, square * line)
                for j in range(first, last):
                    copy(row + j * line, copied + j * pixel, pixel)
        call[0], call[1], call[2] = edge, square * line, line
    invoke(transform, (address(call),))


@jit
def _leave(image: int, finish: int, tile: int, m: int, worker: int, source: int, row: int, column: int) -> None:
    """Transform one square of products back into the pixels of the image that it covers."""
    y, height, width, pixel, across, down, _, _, _, edge, edges, line, transform = entries(image, 13)
    n, place = divmod(tile, across * down)
    top, left = place // across * m, place % across * m
    target = y + ((n * height + top) * width + left) * pixel
    call = np.array([source, row, column, target, width * pixel, pixel, line // BYTES, *entries(finish, 3)])
    if line == pixel and top + m <= height and left + m <= width:
        invoke(transform, (address(call),))
    else:
        edge += worker * edges
        call[3], call[4], call[5] = edge, m * line, line
        invoke(transform, (address(call),))
        for i in range(min(m, height - top)):
            for j in range(min(m, width - left)):
                copy(target + (i * width + j) * pixel, edge + (i * m + j) * line, pixel)
