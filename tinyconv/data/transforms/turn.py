"""Heads that turn: the middle of a picture moves sideways, its outline stays."""

from __future__ import annotations

import numpy as np

from tinyconv.data.arguments import check_generator, check_number
from tinyconv.data.transforms.batches import Array, on_batches
from tinyconv.data.warps import Fill, sample

LARGEST = 0.5  # beyond, the picture would fold over itself for many a draw


@on_batches
def turn(images: Array, rng: np.random.Generator, *, sd: float, fill: Fill = "edge") -> Array:
    """Each image as if the head that fills it turned a little to the left or to the right.

    With u and v from -1 to 1 across the width and the height, the result shows at (u, v) what stood at
    (u + t max(0, 1 - u^2 - v^2 / 2), v): the nose wanders by t half widths, the outline stays where it is.

    Parameters
    ----------
    images : float (N, H, W, C) or (H, W, C), any range
    rng : draws t for each image
    sd : standard deviation of t, in [0, 0.5]
    fill : what comes in at the borders: a value, one per channel, or "edge"

    Returns
    -------
    array as `images`, and in its range if `fill` is

    Raises
    ------
    DataError
        A deviation outside [0, 0.5], images that are not float.
    """
    check_generator(rng, "turn")
    deviation = check_number(sd, "sd", "turn", least=0, most=LARGEST)
    count, height, width, _ = images.shape
    t = np.clip(rng.normal(0.0, deviation, count), -LARGEST, LARGEST)[:, None, None]
    columns, rows = np.arange(width), np.arange(height)[:, None]
    u, v = (2 * columns - width + 1) / width, (2 * rows - height + 1) / height
    x = columns + t * width / 2 * np.maximum(0, 1 - u**2 - v**2 / 2)
    return sample(images, x, np.broadcast_to(rows, x.shape).astype(float), fill)
