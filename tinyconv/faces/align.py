"""Faces brought into one place, size and direction by their landmarks: what an encoder has learned to look at."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.areas import Areas
from tinyconv.data.arguments import as_array, check_size
from tinyconv.data.images import check_picture
from tinyconv.data.warps import similarity_transform, warp
from tinyconv.errors import DataError

Array = NDArray[Any]

SIZE = (112, 96)  # height and width of an aligned face
BILINEAR = 0.7  # bilinear interpolation may shrink so far; measured on a noisy photograph, down to 0.1: best of 1, 0.7 and 0.5

# Where its eyes, nose and corners of the mouth are, (x, y), whole numbers being centres of pixels. Source: SphereFace (Liu et al.
# 2017), in whose 112 x 96 pixels MobileFaceNet was trained; ArcFace (Deng et al. 2019) adds 8 columns on each side.
TEMPLATE = np.array([[30.2946, 51.6963], [65.5318, 51.5014], [48.0252, 71.7366], [33.5493, 92.3655], [62.7299, 92.2041]])
TEMPLATE.flags.writeable = False


def align(picture: Any, landmarks: Any, size: tuple[int, int] = SIZE) -> Array:
    """The face turned, scaled and shifted so that its landmarks come as near to `TEMPLATE` as they can.

    A face that is large in the picture is first shrunk by means over areas, then moved bilinearly, so that nothing aliases.
    What lies beyond the picture is black, as it was where encoders were trained.

    Parameters
    ----------
    picture : float (H, W, 3), RGB in [0, 1]
    landmarks : (5, 2), (x, y) of left eye, right eye, nose, left and right corner of the mouth, as `detect` finds them
    size : (height, width) of the result; the template grows as the height does, and stands in the middle of the width

    Returns
    -------
    array (*size, 3) in the picture's dtype

    Raises
    ------
    DataError
        No picture, no such landmarks, or a size that is none.
    """
    array = check_picture(picture, "align")
    height, width = check_size(size, "align")
    points = _checked_landmarks(landmarks)
    matrix = similarity_transform(points, _template(height, width))
    return _moved(array, matrix, (height, width))


def _template(height: int, width: int) -> Array:
    """`TEMPLATE` grown as the height has, in the middle of the width."""
    scale = height / SIZE[0]
    beside = (width - scale * SIZE[1]) / 2
    return (TEMPLATE + 0.5) * scale - 0.5 + [beside, 0]


def _moved(picture: Array, matrix: Array, size: tuple[int, int]) -> Array:
    """`picture` moved by a similarity (3, 3) into `size`, of what is seen in it a smaller copy if it shrinks much."""
    scale = float(np.sqrt(np.linalg.det(matrix[:2, :2])))
    if scale >= BILINEAR:
        return warp(picture, matrix, size)
    x0, y0, x1, y1 = _seen(picture, matrix, size, margin=2 / scale)
    height, width = (max(round(n * scale / BILINEAR), 1) for n in (y1 - y0, x1 - x0))
    x, y = (x1 - x0) / width, (y1 - y0) / height
    enlarge = np.array([[x, 0, x0 + x / 2 - 0.5], [0, y, y0 + y / 2 - 0.5], [0, 0, 1]])
    return warp(Areas(picture[y0:y1, x0:x1]).resized((height, width)), matrix @ enlarge, size)


def _seen(picture: Array, matrix: Array, size: tuple[int, int], margin: float) -> tuple[int, int, int, int]:
    """The box (x0, y0, x1, y1) of all pixels that `matrix` moves into `size`, and a margin around it; at least one pixel."""
    corners = np.array([[0, size[1], 0, size[1]], [0, 0, size[0], size[0]], [1, 1, 1, 1]])
    found = (np.linalg.inv(matrix) @ corners)[:2]
    ends = np.array([picture.shape[1], picture.shape[0]])
    x0, y0 = np.clip(np.floor(found.min(axis=1) - margin), 0, ends - 1).astype(int).tolist()
    x1, y1 = np.clip(np.ceil(found.max(axis=1) + margin), [x0 + 1, y0 + 1], ends).astype(int).tolist()
    return x0, y0, x1, y1


def _checked_landmarks(landmarks: Any) -> Array:
    points = as_array(landmarks, "align")
    if points.shape != TEMPLATE.shape or points.dtype.kind not in "fiu":
        raise DataError(f"align: landmarks are {points.dtype} {points.shape}, expected numbers (5, 2), (x, y) of left "
                        "eye, right eye, nose, left and right corner of the mouth.")
    return points.astype(np.float64)
