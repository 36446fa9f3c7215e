"""Pictures turned, resized, slanted, shifted, or bent like rubber: where a pixel goes changes, what it shows does not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.arguments import check_generator, check_number, check_range
from tinyconv.data.transforms.batches import Array, on_batches
from tinyconv.data.warps import Fill, affine_matrix, sample, warp

SMALLEST_SCALE = 1e-3  # a picture shrunk below a thousandth is a point
SMALLEST_SIGMA, LARGEST_SIGMA = 1e-2, 1e4  # a Gaussian below a hundredth of a pixel touches no neighbour
LARGEST_ALPHA = 1e6  # a pixel is looked up that far away


@on_batches
def affine(images: Array, rng: np.random.Generator, *, rotation: float = 0.0, scale: tuple[float, float] = (1.0, 1.0),
           shear: float = 0.0, shift: float = 0.0, fill: Fill = 0.0) -> Array:
    """Each image scaled, sheared, turned around its centre and shifted, by its own random amounts.

    Parameters
    ----------
    images : float (N, H, W, C) or (H, W, C), any range
    rng : draws for the whole batch rotation, scale, shear, then shift
    rotation : standard deviation of the angle, degrees
    scale : (low, high), both in [0.001, 1000]; the factor is uniform between them
    shear : standard deviation of the slant of vertical lines, degrees; no slant exceeds 80
    shift : in [0, 1]; both shifts are uniform within this fraction of the width and of the height, to either side
    fill : what comes in at the borders: a value, one per channel, or "edge"

    Returns
    -------
    array as `images`, and in its range if `fill` is

    Raises
    ------
    DataError
        A negative deviation, a range that is not in order, a fraction outside [0, 1], images that are not float.
    """
    check_generator(rng, "affine")
    turn = check_number(rotation, "rotation", "affine", least=0)
    low, high = check_range(scale, "scale", "affine", least=SMALLEST_SCALE, most=1 / SMALLEST_SCALE)
    slant = check_number(shear, "shear", "affine", least=0)
    fraction = check_number(shift, "shift", "affine", least=0, most=1)
    count, height, width, _ = images.shape
    angles = rng.normal(0.0, turn, count)
    factors = rng.uniform(low, high, count)
    slants = np.clip(rng.normal(0.0, slant, count), -80, 80)
    shifts = rng.uniform(-fraction, fraction, (count, 2)) * (width, height)
    return warp(images, affine_matrix(angles, factors, slants, shifts, ((width - 1) / 2, (height - 1) / 2)), fill=fill)


@on_batches
def elastic(images: Array, rng: np.random.Generator, *, alpha: float, sigma: float, fill: Fill = 0.0) -> Array:
    """Each image bent by its own smooth random field, as the muscles of a hand bend a stroke.

    Every pixel gets a displacement (dx, dy), each uniform in [-1, 1]; a Gaussian smooths both fields (beyond the
    border they are 0), and times alpha they say, in pixels, where each pixel of the result is looked up.

    Parameters
    ----------
    images : float (N, H, W, C) or (H, W, C), any range
    rng : draws the fields of the whole batch, dx before dy
    alpha : strength, >= 0; after smoothing, displacements have a deviation of about 0.16 alpha / sigma pixels
    sigma : standard deviation of the Gaussian in pixels, in [0.01, 10000]; 4 with alpha 34 suits digits of 28 x 28
    fill : what comes in at the borders: a value, one per channel, or "edge"

    Returns
    -------
    array as `images`, and in its range if `fill` is

    Raises
    ------
    DataError
        A negative alpha or one above a million, a sigma outside [0.01, 10000], images that are not float.

    References
    ----------
    Simard, Steinkraus, Platt, "Best Practices for Convolutional Neural Networks Applied to Visual Document Analysis", 2003.
    """
    check_generator(rng, "elastic")
    strength = check_number(alpha, "alpha", "elastic", least=0, most=LARGEST_ALPHA)
    width_of_blur = check_number(sigma, "sigma", "elastic", least=SMALLEST_SIGMA, most=LARGEST_SIGMA)
    count, height, width, _ = images.shape
    fields = rng.random((2, count, height, width), np.float32) * np.float32(2) - np.float32(1)
    smooth = _gaussian(height, width_of_blur) @ fields @ _gaussian(width, width_of_blur)
    dx, dy = np.float32(strength) * smooth
    columns, rows = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    return sample(images, columns + dx, rows + dy, fill)


def _gaussian(extent: int, sigma: float) -> NDArray[np.float32]:
    """The symmetric matrix (extent, extent) that smooths a line: g(i - j), where g sums to 1 over all integers."""
    reach = int(np.ceil(8 * sigma))
    total = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2).sum()
    offsets = np.arange(extent)[:, None] - np.arange(extent)
    return (np.exp(-0.5 * (offsets / sigma) ** 2) / total).astype(np.float32)
