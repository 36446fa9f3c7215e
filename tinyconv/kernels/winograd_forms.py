"""The forms of Winograd's convolution: F(4, 3) and F(2, 3) for images, F(4, 3) for rows, as matrices and compiled transforms."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tinyconv.kernels.simd import sandwich
from tinyconv.kernels.tasks import Piece, piece

B4 = np.array([[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0], [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0],
               [0, 4, 0, -5, 0, 1]])
G4 = np.array([[1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6], [1 / 24, 1 / 12, 1 / 6],
               [1 / 24, -1 / 12, 1 / 6], [0, 0, 1]])
A4 = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]])
B2 = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
G2 = np.array([[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]])
A2 = np.array([[1, 1, 1, 0], [0, 1, -1, -1]])


class Form(NamedTuple):
    """F(m, 3), for images or for rows: m pixels down and across, and the compiled transforms.

    These are of tiles in and out, of kernels, and of gradients of pixels and kernels.
    """

    m: tuple[int, int]
    tile: Piece
    pixels: Piece
    kernel: Piece
    pixels_gradient: Piece
    kernel_gradient: Piece

    @property
    def side(self) -> tuple[int, int]:
        """Size of a tile, down and across; a row has no height."""
        return 1 if self.m[0] == 1 else self.m[0] + 2, self.m[1] + 2

    @property
    def block(self) -> tuple[int, int]:
        """Size of the kernel that one product serves."""
        return 1 if self.m[0] == 1 else 3, 3


_tile4, _tile2, _tile_row = sandwich(B4), sandwich(B2), sandwich(B4, flat=True)
_pixels4, _pixels2, _pixels_row = sandwich(A4, finish=True), sandwich(A2, finish=True), sandwich(A4, finish=True, flat=True)
_kernel4, _kernel2, _kernel_row = sandwich(G4), sandwich(G2), sandwich(G4, flat=True)
_pixels_gradient4, _pixels_gradient2, _pixels_gradient_row = sandwich(A4.T), sandwich(A2.T), sandwich(A4.T, flat=True)
_kernel_gradient4, _kernel_gradient2, _kernel_gradient_row = sandwich(G4.T), sandwich(G2.T), sandwich(G4.T, flat=True)
F4 = Form(
    (4, 4),
    tile=piece(lambda call: _tile4(call)),  # each on a line of its own: Numba's cache knows a lambda by its line
    pixels=piece(lambda call: _pixels4(call)),
    kernel=piece(lambda call: _kernel4(call)),
    pixels_gradient=piece(lambda call: _pixels_gradient4(call)),
    kernel_gradient=piece(lambda call: _kernel_gradient4(call)),
)
F2 = Form(
    (2, 2),
    tile=piece(lambda call: _tile2(call)),
    pixels=piece(lambda call: _pixels2(call)),
    kernel=piece(lambda call: _kernel2(call)),
    pixels_gradient=piece(lambda call: _pixels_gradient2(call)),
    kernel_gradient=piece(lambda call: _kernel_gradient2(call)),
)
ROW = Form(
    (1, 4),
    tile=piece(lambda call: _tile_row(call)),
    pixels=piece(lambda call: _pixels_row(call)),
    kernel=piece(lambda call: _kernel_row(call)),
    pixels_gradient=piece(lambda call: _pixels_gradient_row(call)),
    kernel_gradient=piece(lambda call: _kernel_gradient_row(call)),
)


def form_of(kernel: str, rank: int) -> Form:
    """What the kernels "winograd" and "winograd_f2" are, for so many spatial axes."""
    return ROW if rank == 1 else F4 if kernel == "winograd" else F2
