"""Parts of pictures, and their mirror images: pixels move as they are, none is computed."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyconv.data.arguments import check_count, check_generator, check_number, check_size, is_row
from tinyconv.data.transforms.batches import Array, on_batches
from tinyconv.errors import DataError


@on_batches
def random_crop(images: Array, rng: np.random.Generator, size: Any, *, padding: Any = 0, mode: str = "constant",
                fill: float = 0.0) -> Array:
    """A window of each image, padded first, every position of the window with the same probability.

    Parameters
    ----------
    images : float (N, H, W, C) or (H, W, C), any range
    rng : draws for the whole batch the rows, then the columns
    size : (height, width) of the window, or one number for both
    padding : pixels added on each side, or a pair (above and below, left and right)
    mode : "constant" pads with `fill`, "edge" repeats the border, "reflect" mirrors at it
    fill : the value of "constant"

    Returns
    -------
    array (N, height, width, C) or (height, width, C) in the dtype of `images`

    Raises
    ------
    DataError
        A window larger than the padded image, a padding below 0, a mode that is none of these, images that are not float.
    """
    check_generator(rng, "random_crop")
    above, left = (check_count(p, "padding", "random_crop", least=0) for p in _pair(padding, "padding"))
    value = check_number(fill, "fill", "random_crop")
    rim = ((0, 0), (above, above), (left, left), (0, 0))
    if mode == "constant":
        padded = np.pad(images, rim, constant_values=value)
    elif mode == "edge":
        padded = np.pad(images, rim, "edge")
    elif mode == "reflect":
        padded = np.pad(images, rim, "reflect")
    else:
        raise DataError(f'random_crop: mode is {mode!r}, expected "constant", "edge" or "reflect".')
    height, width = _window(size, padded, "random_crop")
    count = len(images)
    tops = rng.integers(padded.shape[1] - height + 1, size=count)
    lefts = rng.integers(padded.shape[2] - width + 1, size=count)
    out = np.empty((count, height, width, images.shape[3]), images.dtype)
    for window, image, y, x in zip(out, padded, tops, lefts, strict=True):
        window[:] = image[y : y + height, x : x + width]
    return out


@on_batches
def center_crop(images: Array, size: Any) -> Array:
    """The middle of each image; where an odd number of rows or columns is left over, one more is cut off below or right.

    Parameters
    ----------
    images : float (N, H, W, C) or (H, W, C), any range
    size : (height, width), or one number for both

    Returns
    -------
    array (N, height, width, C) or (height, width, C) in the dtype of `images`

    Raises
    ------
    DataError
        A window larger than the image, images that are not float.
    """
    height, width = _window(size, images, "center_crop")
    y, x = (images.shape[1] - height) // 2, (images.shape[2] - width) // 2
    return images[:, y : y + height, x : x + width].copy()


@on_batches
def flip(images: Array, rng: np.random.Generator, probability: float = 0.5) -> Array:
    """Each image mirrored left to right with this probability.

    Parameters
    ----------
    images : float (N, H, W, C) or (H, W, C), any range
    rng : draws for each image whether it is mirrored
    probability : in [0, 1]

    Returns
    -------
    array as `images`

    Raises
    ------
    DataError
        A probability outside [0, 1], images that are not float.
    """
    check_generator(rng, "flip")
    chosen = rng.random(len(images)) < check_number(probability, "probability", "flip", least=0, most=1)
    out = images.copy()
    out[chosen] = images[chosen, :, ::-1]
    return out


def _pair(value: Any, name: str) -> tuple[Any, Any]:
    if not is_row(value):
        return value, value
    if len(value) != 2:
        raise DataError(f"random_crop: {name} is {value!r}, expected one number or (vertical, horizontal).")
    return value[0], value[1]


def _window(size: Any, images: Array, what: str) -> tuple[int, int]:
    height, width = check_size(size if is_row(size) else (size, size), what)
    if height > images.shape[1] or width > images.shape[2]:
        raise DataError(f"{what}: a window of {height} x {width} was asked of images of {images.shape[1]} x {images.shape[2]}; "
                        "make the window smaller or the images larger.")
    return height, width
