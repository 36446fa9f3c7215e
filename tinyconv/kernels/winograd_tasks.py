"""What compiled code does of Winograd's convolution: what one worker does, and how a square of pixels enters and leaves.

Sizes of pixels, lines and steps are in bytes; an image is a table of integers, see `winograd`.
"""

from __future__ import annotations

import numpy as np

from tinyconv.kernels.direct import pack_panel
from tinyconv.kernels.memory import address, clear, copy, entries, fill, peek
from tinyconv.kernels.simd import ADD, BYTES, CALL, ROWS, VECTORS, ZERO
from tinyconv.kernels.tasks import invoke, piece, task

FLOAT = 4  # bytes
WIDTH = VECTORS * (BYTES // FLOAT)  # channels in a panel
WAY = 19  # the place in an image's table of the piece that reads or writes its squares


@task
def apply(worker: int, table: int) -> None:
    """A transform of squares of vectors that lie side by side, a share of them."""
    workers, transform, source, row, column, target, target_row, target_column, blocks = entries(table, 9)
    first, last = blocks * worker // workers, blocks * (worker + 1) // workers
    call = np.empty(CALL, np.int64)
    fill(address(call), (source + first * BYTES, row, column, target + first * BYTES, target_row, target_column, last - first,
                         0, 0, 0))
    invoke(transform, (address(call),))


@task
def lift(worker: int, table: int) -> None:
    """Transform the squares of pixels of a chunk of tiles, a share of them, each seen from all the places."""
    workers, first, count, image, places, places_count, place_step, lifted, step, line, across = entries(table, 11)
    call = np.empty(CALL, np.int64)
    for tile in range(count * worker // workers, count * (worker + 1) // workers):
        for place in range(places_count):
            into = lifted + tile * line + place * place_step
            fill(address(call), (image, first + tile, places + 24 * place, worker, into, across * step, step))
            invoke(peek(image, WAY), (address(call),))


@task
def add_products(index: int, table: int) -> None:
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
def convolve_share(worker: int, table: int) -> None:
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
def convolve_panels(worker: int, table: int) -> None:
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
    call, way, transformed = np.empty(CALL, np.int64), np.empty(CALL, np.int64), np.empty(CALL, np.int64)
    fill(address(call), (0, 0, 0, 0, 1, channels, FLOAT, 0, 0, WIDTH * FLOAT, 0, ZERO, 0))
    fill(address(transformed), (packed, right * tap, tap, kernels, across * kernel_step, kernel_step, tap // BYTES, 0, 0, 0))
    blocks = -(-columns // WIDTH)
    for panel in range(blocks * worker // workers, blocks * (worker + 1) // workers):
        inside = min(WIDTH, columns - panel * WIDTH)
        pack_panel(panel, packing, packed)
        invoke(transform, (address(transformed),))
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
def enter(arguments: int) -> None:
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
def leave(arguments: int) -> None:
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
