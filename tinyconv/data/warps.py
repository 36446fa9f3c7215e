"""Pictures moved by a matrix: every pixel of the result looks up, bilinearly, where in the original it comes from.

A point is (x, y): x counts columns to the right, y counts rows downwards, and the centre of the top left pixel is (0, 0).
A matrix takes a point (x, y, 1) of the original to its place in the result, up to scale: its last row is (0, 0, 1) for an affine
map. (OpenCV counts and maps the same way; Pillow's matrices go backwards, and count from the corner of the pixel.)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinyconv.data.arguments import check_images, check_size
from tinyconv.errors import DataError

Array = NDArray[Any]
Fill = float | ArrayLike  # a value, one per channel, or "edge"

BLOCK = 1 << 15  # so many samples at a time stay in a core's cache


def warp(images: Any, matrix: Any, size: tuple[int, int] | None = None, fill: Fill = 0.0) -> Array:
    """Move a picture by `matrix`, or each picture of a batch by its own.

    Bilinear, by inverse mapping: out[y, x] = image at matrix^-1 (x, y, 1). It does not smooth: a picture that is made much
    smaller should be resized first.

    Parameters
    ----------
    images : float (H, W, C) or (N, H, W, C), any range
    matrix : (3, 3), or (N, 3, 3) for a batch
        Affine or projective, from the original to the result; it must have an inverse.
    size : (height, width) of the result; None: as the original
    fill : what surrounds the original: a value, C values, or "edge", which repeats its border
        At the border a value is blended in over one pixel.

    Returns
    -------
    array (height, width, C) or (N, height, width, C) in the dtype of `images`
        Values stay in the range of the original and `fill`.

    Raises
    ------
    DataError
        Shapes or dtypes that are not these, a matrix that is not finite or has no inverse.
    """
    array, matrices = check_images(images, "warp"), _checked_matrices(matrix)
    batch = array if array.ndim == 4 else array[None]
    if matrices.ndim == 3 and (array.ndim == 3 or len(matrices) != len(batch)):
        raise DataError(f"warp: images {array.shape} and matrices {matrices.shape}, expected one (3, 3) or one for each image.")
    height, width = batch.shape[1:3] if size is None else check_size(size, "warp")
    backwards = np.linalg.inv(matrices)
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    targets = np.stack([x, y, np.ones_like(x)]).reshape(3, -1).astype(np.float64)
    sources = (backwards @ targets).reshape(-1, 3, height, width)
    with np.errstate(divide="ignore", invalid="ignore"):  # points on the horizon come from nowhere
        out = sample(batch, sources[:, 0] / sources[:, 2], sources[:, 1] / sources[:, 2], fill)
    return out if array.ndim == 4 else out[0]


def sample(images: Any, x: Any, y: Any, fill: Fill = 0.0) -> Array:
    """Look up each picture at its own points, bilinearly between the four nearest pixels.

    With u = x - floor(x) and the neighbours a, b above and c, d below: top = a + u (b - a), bottom = c + u (d - c), and
    top + (y - floor(y)) (bottom - top). Written so, a result never leaves [0, 1] by rounding where the pixels are in [0, 1].

    Parameters
    ----------
    images : float (N, H, W, C), any range
    x, y : float (N, h, w) or (1, h, w), columns and rows; NaN is outside
    fill : as in `warp`

    Returns
    -------
    array (N, h, w, C) in the dtype of `images`

    Raises
    ------
    DataError
        Shapes or dtypes that are not these.
    """
    batch, x, y = check_images(images, "sample"), np.asarray(x), np.asarray(y)
    if batch.ndim != 4 or x.ndim != 3 or x.shape != y.shape or x.shape[0] not in (1, len(batch)):
        raise DataError(f"sample: images {batch.shape}, x {x.shape} and y {y.shape}, expected (N, H, W, C) and twice (N, h, w).")
    count, height, width, channels = batch.shape
    x, y = (np.broadcast_to(v, (count, *v.shape[1:])) for v in (x, y))
    framed = _framed(batch, fill)
    out = np.empty((*x.shape, channels), batch.dtype)
    step = max(BLOCK // max(x[:1].size, 1), 1)
    for first in range(0, count, step):
        part = slice(first, first + step)
        left, across = _split(x[part], width, batch.dtype)
        above, down = _split(y[part], height, batch.dtype)
        corner = above * (width + 3) + left
        corner += (np.arange(len(corner)) * ((height + 3) * (width + 3)))[:, None, None]
        pixels = framed[part].reshape(-1, channels)
        top = _between(pixels, corner, across)
        bottom = _between(pixels, corner + (width + 3), across)
        out[part] = top + down * (bottom - top)
    return out


def affine_matrix(rotation: ArrayLike = 0.0, scale: ArrayLike = 1.0, shear: ArrayLike = 0.0, shift: ArrayLike = (0.0, 0.0),
                  centre: ArrayLike = (0.0, 0.0)) -> NDArray[np.float64]:
    """The matrix that scales, then shears, then turns around `centre`, then shifts.

    Every argument may be one, or one for each of N matrices. Quarter turns are exact.

    Parameters
    ----------
    rotation : degrees counter-clockwise as seen, like `numpy.rot90`
    scale : factor, not 0; or, as the last axis, the factors of (x, y)
    shear : degrees in (-90, 90); x grows by tan(shear) times y
    shift : (dx, dy) in pixels, right and down
    centre : (x, y) of the point that only the shift moves

    Returns
    -------
    float64 (3, 3) or (N, 3, 3)

    Raises
    ------
    DataError
        Shapes that do not fit each other, numbers that are not finite, a scale of 0, a shear of 90 degrees or more.
    """
    rotation, scale, shear, shift, centre = (_numbers(v) for v in (rotation, scale, shear, shift, centre))
    factors = scale if scale.shape[-1:] == (2,) else np.stack([scale, scale], -1)
    if shift.shape[-1:] != (2,) or centre.shape[-1:] != (2,):
        raise DataError(f"affine_matrix: shift is {shift.shape} and centre is {centre.shape}, expected (2,) or (N, 2): (x, y).")
    try:
        shape = np.broadcast_shapes(rotation.shape, shear.shape, factors.shape[:-1], shift.shape[:-1], centre.shape[:-1])
    except ValueError:
        raise DataError(f"affine_matrix: rotation {rotation.shape}, scale {scale.shape}, shear {shear.shape}, shift "
                        f"{shift.shape} and centre {centre.shape} do not fit together, expected one of each or N.") from None
    if not all(np.isfinite(v).all() for v in (rotation, scale, shear, shift, centre)):
        raise DataError("affine_matrix: an argument is NaN or infinite, expected finite numbers.")
    if (factors == 0).any() or (abs(shear) >= 90).any():
        raise DataError("affine_matrix: a scale of 0 or a shear of 90 degrees or more flattens the picture.")
    angle = np.deg2rad(rotation % 360)
    cos, sin, tan = np.cos(angle).round(15), np.sin(angle).round(15), np.tan(np.deg2rad(shear))
    matrix = np.zeros((*shape, 3, 3))
    matrix[..., 0, 0] = cos * factors[..., 0]
    matrix[..., 0, 1] = (cos * tan + sin) * factors[..., 1]
    matrix[..., 1, 0] = -sin * factors[..., 0]
    matrix[..., 1, 1] = (cos - sin * tan) * factors[..., 1]
    matrix[..., 2, 2] = 1
    turned = (matrix[..., :2, :2] @ centre[..., None])[..., 0]
    matrix[..., :2, 2] = centre - turned + shift
    return matrix


def similarity_transform(points: Any, template: Any) -> NDArray[np.float64]:
    """The turn, scale and shift that bring `points` closest to `template`: how a face is aligned by its landmarks.

    It minimises sum |s R p + t - q|^2 over scale s, rotation R (never a reflection) and shift t, in closed form: with centred
    points, U D V^T = svd(sum q p^T) and S = diag(1, sign det(U V^T)), R = U S V^T and s = trace(D S) / sum |p|^2.

    Parameters
    ----------
    points, template : (n, 2), matching (x, y), n >= 2

    Returns
    -------
    float64 (3, 3), for `warp`

    Raises
    ------
    DataError
        Other shapes, numbers that are not finite, points that are all the same or that no turn brings nearer.

    References
    ----------
    Umeyama, "Least-squares estimation of transformation parameters between two point patterns", 1991, equations 38 to 43.
    """
    p, q = _numbers(points), _numbers(template)
    if p.ndim != 2 or p.shape[1] != 2 or p.shape != q.shape or len(p) < 2:
        raise DataError(f"similarity_transform: points {p.shape} and template {q.shape}, expected twice (n, 2) with n >= 2.")
    if not (np.isfinite(p).all() and np.isfinite(q).all()):
        raise DataError("similarity_transform: a point is NaN or infinite, expected finite (x, y).")
    centre, goal = p.mean(axis=0), q.mean(axis=0)
    p, q = p - centre, q - goal
    u, d, vt = np.linalg.svd(q.T @ p)
    signs = np.array([1.0, np.sign(np.linalg.det(u @ vt))])
    spread, agreement = (p**2).sum(), (d * signs).sum()
    if agreement <= 1e-12 * np.sqrt(spread * (q**2).sum()):
        raise DataError("similarity_transform: the points of one side are all the same, or no turn brings them nearer to the "
                        "other; expected at least two different points on each side, not mirrored.")
    matrix = np.eye(3)
    matrix[:2, :2] = agreement / spread * (u * signs) @ vt
    matrix[:2, 2] = goal - matrix[:2, :2] @ centre
    return matrix


def _checked_matrices(matrix: Any) -> NDArray[np.float64]:
    array = _numbers(matrix)
    if array.ndim not in (2, 3) or array.shape[-2:] != (3, 3):
        raise DataError(f"warp: the matrix is {array.shape}, expected (3, 3) or (N, 3, 3).")
    with np.errstate(over="ignore", invalid="ignore"):
        conditions = np.linalg.cond(array) if np.isfinite(array).all() else np.array(np.inf)
    if not (conditions < 1e15).all():
        raise DataError("warp: the matrix has no inverse or is not finite: it would flatten the picture to a line or a point.")
    return array


def _numbers(values: Any) -> NDArray[np.float64]:
    try:
        return np.asarray(values, np.float64)
    except (TypeError, ValueError):
        raise DataError(f"got {type(values).__name__}, expected real numbers.") from None


def _framed(batch: Array, fill: Fill) -> Array:
    """`batch` in a frame of the fill value or a copy of the border, one pixel wide, and two to the right and below."""
    rim = ((0, 0), (1, 2), (1, 2), (0, 0))
    if isinstance(fill, str):
        if fill != "edge":
            raise DataError(f'fill is {fill!r}, expected a number, one per channel, or "edge".')
        return np.pad(batch, rim, mode="edge")
    values = _numbers(fill)
    if values.shape not in ((), (1,), batch.shape[-1:]) or not np.isfinite(values).all():
        raise DataError(f'fill is {fill!r}, expected a finite number, one for each of {batch.shape[-1]} channels, or "edge".')
    framed = np.empty((len(batch), batch.shape[1] + 3, batch.shape[2] + 3, batch.shape[3]), batch.dtype)
    framed[:] = values
    framed[:, 1:-2, 1:-2] = batch
    return framed


def _split(points: Array, extent: int, dtype: Any) -> tuple[NDArray[np.intp], Array]:
    """The pixel of the frame before each coordinate, and by how much the coordinate is beyond it, in [0, 1)."""
    inside = np.clip(np.nan_to_num(points, nan=-1.0) + 1, 0, extent + 1)
    whole = inside.astype(np.intp)
    return whole, (inside - whole).astype(dtype)[..., None]


def _between(pixels: Array, corner: NDArray[np.intp], across: Array) -> Array:
    left = pixels.take(corner, axis=0)
    return left + across * (pixels.take(corner + 1, axis=0) - left)
