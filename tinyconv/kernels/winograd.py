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
from tinyconv.kernels.direct import Activation, pack_panel
from tinyconv.kernels.geometry import ConvGeometry, Shape
from tinyconv.kernels.memory import address, clear, copy, entries, fill, peek
from tinyconv.kernels.simd import ADD, BYTES, CALL, ROWS, VECTORS, ZERO, tiles
from tinyconv.kernels.tasks import Piece, invoke, piece, task
from tinyconv.kernels.winograd_forms import Form

Array = NDArray[Any]

FLOAT = 4  # bytes
WIDTH = VECTORS * (BYTES // FLOAT)  # channels in a panel
BLOCK_BYTES = 1 << 19  # of transformed tiles that a thread works on at a time
CHUNK_BYTES = 1 << 23  # of transformed tiles that a weight adjoint sums at a time
KERNELS_BYTES = 1 << 24  # transformed kernels larger than this are made panel by panel, and not kept,
TILES_BYTES = 20 << 20  # if all transformed tiles are not larger than this
TOGETHER = 64  # rows that a weight adjoint makes at a time, where a kernel has several blocks: they fill its tiles of products
WAY = 19  # the place in an image's table of the piece that reads or writes its squares
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
    source = _Image(x, _volume(geometry.size, 1), tiled, form.m, first, form.side, _enter, form.tile, workers)
    target = _Image(g, tiled, tiled, form.m, (0, 0, 0), form.m, _enter, form.pixels_gradient, workers)
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
        _lift(workers, workers, begin, taken, target.table.ctypes.data, NOWHERE.ctypes.data, 1, 0, g_lifted.ctypes.data,
              *g_lifted.strides[:2], across)
        for group, row, total in zip(groups, rows, sums, strict=True):
            _lift(workers, workers, begin, taken, source.table.ctypes.data, group.ctypes.data, len(group), pixel * FLOAT,
                  lifted.ctypes.data, *lifted.strides[:2], across)
            parts = min(total.shape[1] // ROWS, 4)
            _add_products(elements * parts, parts, row.ctypes.data, len(row), lifted.ctypes.data, *lifted.strides[:2],
                          g_lifted.ctypes.data, *g_lifted.strides[:2], outputs, total.ctypes.data, *total.strides[:2], taken,
                          *tiles(np.float32))
    down, right = form.block
    weights = np.empty((*size, inputs, line), np.float32)
    for group, total in zip(groups, sums, strict=True):
        block = np.empty((down, right, len(group), inputs, line), np.float32)
        _apply(workers, workers, form.kernel_gradient.address, total.ctypes.data, across * total.strides[0], total.strides[0],
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
            _apply(workers, workers, form.kernel.address, packed[block].ctypes.data, right * tap, tap, part.ctypes.data,
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
    source = _Image(x, _volume(x.shape[1:-1], 1), tiled, form.m, _volume(first, 0), form.side, _enter, form.tile, workers)
    target = _Image(y, tiled, tiled, form.m, (0, 0, 0), form.m, _leave, form.pixels, workers)
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
    _convolve_share(workers, workers, source.count, form.side[1], block, source.table.ctypes.data, target.table.ctypes.data,
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
    _lift(workers, workers, 0, source.count, source.table.ctypes.data, NOWHERE.ctypes.data, 1, 0, lifted.ctypes.data,
          *lifted.strides[:2], form.side[1])
    packed, kernels = (workspace.empty((workers, n, channels, WIDTH)) for n in (len(taps), elements))
    products = workspace.empty((workers, elements, count, WIDTH))
    _convolve_panels(workers, workers, packing.table.ctypes.data, packed.ctypes.data, *packed.strides[:2], kernels.ctypes.data,
                     *kernels.strides[:2], form.kernel.address, form.block[1], form.side[1], elements, channels, columns,
                     lifted.ctypes.data, *lifted.strides[:2], products.ctypes.data, *products.strides[:3], source.count,
                     target.table.ctypes.data, finish.ctypes.data, *tiles(np.float32))


# --- Compiled: what one worker does; sizes of pixels, lines and steps are in bytes ----------------------------


@task
def _apply(worker: int, table: int) -> None:
    """A transform of squares of vectors that lie side by side, a share of them."""
    workers, transform, source, row, column, target, target_row, target_column, blocks = entries(table, 9)
    first, last = blocks * worker // workers, blocks * (worker + 1) // workers
    call = np.empty(CALL, np.int64)
    fill(address(call), (source + first * BYTES, row, column, target + first * BYTES, target_row, target_column, last - first,
                         0, 0, 0))
    invoke(transform, (address(call),))


@task
def _lift(worker: int, table: int) -> None:
    """Transform the squares of pixels of a chunk of tiles, a share of them, each seen from all the places."""
    workers, first, count, image, places, places_count, place_step, lifted, step, line, across = entries(table, 11)
    call = np.empty(CALL, np.int64)
    for tile in range(count * worker // workers, count * (worker + 1) // workers):
        for place in range(places_count):
            into = lifted + tile * line + place * place_step
            fill(address(call), (image, first + tile, places + 24 * place, worker, into, across * step, step))
            invoke(peek(image, WAY), (address(call),))


@task
def _add_products(index: int, table: int) -> None:
    """sums[element] += lifted tiles, transposed, times lifted gradients: one element of the square, some rows of the sums."""
    (parts, places, channels, lifted, step, line, g_lifted, g_step, g_line, columns, sums, sum_step, sum_line, count, narrow,
     wide) = entries(table, 16)
    rows = -(-channels // ROWS)
    element, part = divmod(index, parts)
    inputs, results, nothing = np.empty(ROWS, np.int64), np.empty(ROWS, np.int64), np.zeros(1, np.int64)
    call = np.empty(CALL, np.int64)
    fill(address(call), (address(inputs), address(results), 0, address(nothing), 1, count, line, 0, 0, g_line, 0, ADD, 0))
    for row in range(rows * part // parts * ROWS, rows * (part + 1) // parts * ROWS, ROWS):
        for i in range(ROWS):  # beyond the last channel: the last one again, into a row of sums that nobody reads
            inputs[i] = lifted + element * step + peek(places, min(row + i, channels - 1))
            results[i] = sums + element * sum_step + (row + i) * sum_line
        for column in range(0, columns, WIDTH):
            call[2], call[7] = column * FLOAT, g_lifted + element * g_step + column * FLOAT
            invoke(wide if (columns - column) * 2 > WIDTH else narrow, (address(call),))


@task
def _convolve_share(worker: int, table: int) -> None:
    """Tiles in blocks: transform, multiply, transform back."""
    (workers, count, across, block, source, target, kernels, kernel_step, blocks, places, places_count, lifted, lifted_share,
     step, line, products, products_share, out_step, out_line, elements, columns, channels, finish, narrow,
     wide) = entries(table, 25)
    lifted, products, panel = lifted + worker * lifted_share, products + worker * products_share, channels * WIDTH * FLOAT
    rows, results, distances = np.empty(block, np.int64), np.empty(block, np.int64), np.empty(elements, np.int64)
    for i in range(block):
        rows[i], results[i] = lifted + i * line, products + i * out_line
    for element in range(elements):
        distances[element] = element * step
    call, way = np.empty(CALL, np.int64), np.empty(CALL, np.int64)
    fill(address(call), (0, 0, 0, 0, 1, channels, FLOAT, 0, 0, WIDTH * FLOAT, 0, 0, 0))
    end = count * (worker + 1) // workers
    for first in range(count * worker // workers, end, block):
        taken = min(block, end - first)
        for place in range(places_count):
            for i in range(taken):
                fill(address(way), (source, first + i, places + 24 * place, worker, rows[i], across * step, step))
                invoke(peek(source, WAY), (address(way),))
            call[11] = ADD if place > 0 else ZERO
            for element in range(elements):
                call[3] = address(distances) + 8 * element
                for column in range(blocks):
                    call[2] = element * out_step + column * WIDTH * FLOAT
                    call[7] = kernels + element * kernel_step + (column * places_count + place) * panel
                    tile = wide if (columns - column * WIDTH) * 2 > WIDTH else narrow
                    for i in range(0, taken, ROWS):  # tiles beyond the last one are whatever the block held before
                        call[0], call[1] = address(rows) + 8 * i, address(results) + 8 * i
                        invoke(tile, (address(call),))
        for i in range(taken):
            fill(address(way), (target, finish, first + i, worker, results[i], across * out_step, out_step, 0, columns * FLOAT))
            invoke(peek(target, WAY), (address(way),))


@task
def _convolve_panels(worker: int, table: int) -> None:
    """A share of the panels of columns: pack and transform their kernels, multiply all tiles, transform back."""
    (workers, packing, packed, packed_share, tap, kernels, kernels_share, kernel_step, transform, right, across, elements,
     channels, columns, lifted, step, line, products, products_share, out_step, out_line, count, target, finish, narrow,
     wide) = entries(table, 26)
    packed, kernels = packed + worker * packed_share, kernels + worker * kernels_share
    products += worker * products_share
    rows, results, distances = np.empty(count + ROWS, np.int64), np.empty(count + ROWS, np.int64), np.empty(elements, np.int64)
    for i in range(count + ROWS):
        rows[i], results[i] = lifted + i * line, products + i * out_line
    for element in range(elements):
        distances[element] = element * step
    call, way, lift = np.empty(CALL, np.int64), np.empty(CALL, np.int64), np.empty(CALL, np.int64)
    fill(address(call), (0, 0, 0, 0, 1, channels, FLOAT, 0, 0, WIDTH * FLOAT, 0, ZERO, 0))
    fill(address(lift), (packed, right * tap, tap, kernels, across * kernel_step, kernel_step, tap // BYTES, 0, 0, 0))
    blocks = -(-columns // WIDTH)
    for panel in range(blocks * worker // workers, blocks * (worker + 1) // workers):
        inside = min(WIDTH, columns - panel * WIDTH)
        pack_panel(panel, packing, packed)
        invoke(transform, (address(lift),))
        for element in range(elements):
            call[2], call[3], call[7] = element * out_step, address(distances) + 8 * element, kernels + element * kernel_step
            for i in range(0, count, ROWS):  # tiles beyond the last one are whatever memory held before
                call[0], call[1] = address(rows) + 8 * i, address(results) + 8 * i
                invoke(wide if inside * 2 > WIDTH else narrow, (address(call),))
        for i in range(count):
            fill(address(way), (target, finish, i, worker, results[i], across * out_step, out_step, panel * WIDTH * FLOAT,
                                inside * FLOAT))
            invoke(peek(target, WAY), (address(way),))


@piece
def _enter(arguments: int) -> None:
    """Transform one square of pixels, seen from a place; what lies outside is zero, and so are channels up to a whole vector."""
    image, tile, place, worker, into, into_row, into_column = entries(arguments, 7)
    (x, depth, height, width, pixel, slices, down, across, m_down, m_across, front, up, back, rows, columns, edge, edges, line,
     transform) = entries(image, WAY)
    rest, square = divmod(tile, down * across)
    n, d = divmod(rest, slices)
    d += peek(place, 0) - front
    top, left = square // across * m_down - up + peek(place, 1), square % across * m_across - back + peek(place, 2)
    call = np.empty(CALL, np.int64)
    fill(address(call), (x + (((n * depth + d) * height + top) * width + left) * pixel, width * pixel, pixel, into, into_row,
                         into_column, line // BYTES, 0, 0, 0))
    inside = 0 <= d < depth
    if line > pixel or not inside or top < 0 or left < 0 or top + rows > height or left + columns > width:
        edge += worker * edges
        first, last = min(max(-left, 0), columns), max(min(width - left, columns), 0)
        for i in range(rows):
            row, copied = edge + i * columns * line, call[0] + i * width * pixel
            if not inside or top + i < 0 or top + i >= height or first >= last:
                clear(row, columns * line)
            elif line == pixel:
                clear(row, first * line)
                copy(row + first * line, copied + first * pixel, (last - first) * pixel)
                clear(row + last * line, (columns - last) * line)
            else:
                clear(row, columns * line)
                for j in range(first, last):
                    copy(row + j * line, copied + j * pixel, pixel)
        call[0], call[1], call[2] = edge, columns * line, line
    invoke(transform, (address(call),))


@piece
def _leave(arguments: int) -> None:
    """Transform one square of products back into the pixels of the image that it covers, into `size` bytes of their channels."""
    image, finish, tile, worker, source, row, column, shift, size = entries(arguments, 9)
    (y, _, height, width, pixel, _, down, across, m_down, m_across, _, _, _, _, _, edge, edges, _,
     transform) = entries(image, WAY)
    bias, mode, slope = entries(finish, 3)
    n, square = divmod(tile, down * across)  # n counts slices
    top, left = square // across * m_down, square % across * m_across
    target = y + ((n * height + top) * width + left) * pixel + shift
    vectors = -(-size // BYTES)
    call = np.empty(CALL, np.int64)
    fill(address(call), (source, row, column, target, width * pixel, pixel, vectors, bias + shift, mode, slope + shift))
    if vectors * BYTES == size and top + m_down <= height and left + m_across <= width:
        invoke(transform, (address(call),))
    else:
        edge, line = edge + worker * edges, vectors * BYTES
        call[3], call[4], call[5] = edge, m_across * line, line
        invoke(transform, (address(call),))
        for i in range(min(m_down, height - top)):
            for j in range(min(m_across, width - left)):
                copy(target + (i * width + j) * pixel, edge + (i * m_across + j) * line, size)
