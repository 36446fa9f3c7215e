"""Pictures under other light: brightness, contrast, saturation and noise change, every pixel stays where it is."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyconv.data.arguments import check_generator, check_number
from tinyconv.data.transforms.batches import Array, check_unit_range, on_batches
from tinyconv.errors import DataError

LUMA = (0.299, 0.587, 0.114)  # how bright red, green and blue look (ITU-R BT.601)


@on_batches
def noise(images: Array, rng: np.random.Generator, sd: float) -> Array:
    """Gaussian noise on every value, clipped to [0, 1].

    Parameters
    ----------
    images : float (N, H, W, C) or (H, W, C) in [0, 1]
    rng : draws one number for every value
    sd : standard deviation, in [0, 100]

    Returns
    -------
    array as `images`, in [0, 1]

    Raises
    ------
    DataError
        A deviation outside [0, 100], values outside [0, 1], images that are not float.
    """
    check_generator(rng, "noise")
    deviation = check_number(sd, "sd", "noise", least=0, most=100)
    check_unit_range(images, "noise")
    drawn = rng.standard_normal(images.shape, np.float32 if images.dtype == np.float32 else np.float64)
    return np.clip(images + (drawn * drawn.dtype.type(deviation)).astype(images.dtype), 0, 1)


@on_batches
def colour(images: Array, rng: np.random.Generator, *, brightness: float = 0.0, contrast: float = 0.0,
           saturation: float = 0.0) -> Array:
    """Each image made brighter or darker, then of more or less contrast, then more or less colourful.

    With a factor f for each image and property, uniform in [1 - amount, 1 + amount]: brightness is f x; contrast is m + f (x - m)
    with m the image's mean grey; saturation is g + f (x - g) with g the pixel's grey 0.299 R + 0.587 G + 0.114 B. Each result
    is clipped to [0, 1] before the next.

    Parameters
    ----------
    images : float (N, H, W, C) or (H, W, C) in [0, 1]
        RGB where C is 3; otherwise the grey of a pixel is the mean of its channels, and there is no saturation.
    rng : draws for the whole batch brightness, contrast, then saturation
    brightness, contrast, saturation : the amounts, in [0, 1]

    Returns
    -------
    array as `images`, in [0, 1]

    Raises
    ------
    DataError
        An amount outside [0, 1], a saturation without three channels, values outside [0, 1], images that are not float.
    """
    check_generator(rng, "colour")
    amounts = {"brightness": brightness, "contrast": contrast, "saturation": saturation}
    amounts = {name: check_number(amount, name, "colour", least=0, most=1) for name, amount in amounts.items()}
    if amounts["saturation"] and images.shape[-1] != 3:
        raise DataError(f"colour: saturation of images with {images.shape[-1]} channels {images.shape}; expected 3, RGB.")
    check_unit_range(images, "colour")
    factors = {name: rng.uniform(1 - amount, 1 + amount, (len(images), 1, 1, 1)) for name, amount in amounts.items()}
    out = _blend(images, images.dtype.type(0), factors["brightness"])
    out = _blend(out, _grey(out).mean(axis=(1, 2), keepdims=True), factors["contrast"])
    return _blend(out, _grey(out), factors["saturation"])


def _blend(images: Array, base: Any, factors: Array) -> Array:
    """base + f (x - base), clipped to [0, 1]: `base` at factor 0, the images themselves at 1, beyond them above 1."""
    factors = factors.astype(images.dtype)
    return np.clip(factors * images + (1 - factors) * base, 0, 1)


def _grey(images: Array) -> Array:
    """How bright each pixel is, (N, H, W, 1)."""
    if images.shape[-1] == 3:
        return (images @ np.array(LUMA, images.dtype))[..., None]
    return images.mean(axis=-1, keepdims=True)
