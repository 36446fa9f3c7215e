"""Phantoms for tomography: the Shepp-Logan head in two and three dimensions, and volumes of invented organs as a CT sees them.

L. A. Shepp, B. F. Logan, "The Fourier reconstruction of a head section", IEEE Transactions on Nuclear Science 21(3), 1974; the
densities with more contrast ("modified") are from P. Toft, "The Radon transform: theory and implementation", 1996. The
volumes train and teach; they are no medical images.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.arguments import check_choice, check_count, check_generator, check_number
from tinyconv.errors import DataError

Volume = NDArray[np.float32]

# density, half-axes a, b, c, centre x, y, z, and the turn about z in degrees; x right, y up, z towards the crown. In the plane,
# the 1974 section, c and z do not count. They are those of the table that most 3-D versions use (M. Schabel's phantom3d), but its
# further turn of the third and fourth row, the ventricles, by 10 degrees about z is left out: they stand as in 1974.
HEAD = np.array([
    [1.0, 0.6900, 0.9200, 0.810, 0.00, 0.0000, 0.00, 0],
    [-0.8, 0.6624, 0.8740, 0.780, 0.00, -0.0184, 0.00, 0],
    [-0.2, 0.1100, 0.3100, 0.220, 0.22, 0.0000, 0.00, -18],
    [-0.2, 0.1600, 0.4100, 0.280, -0.22, 0.0000, 0.00, 18],
    [0.1, 0.2100, 0.2500, 0.410, 0.00, 0.3500, -0.15, 0],
    [0.1, 0.0460, 0.0460, 0.050, 0.00, 0.1000, 0.25, 0],
    [0.1, 0.0460, 0.0460, 0.050, 0.00, -0.1000, 0.25, 0],
    [0.1, 0.0460, 0.0230, 0.050, -0.08, -0.6050, 0.00, 0],
    [0.1, 0.0230, 0.0230, 0.020, 0.00, -0.6060, 0.00, 0],
    [0.1, 0.0230, 0.0460, 0.020, 0.06, -0.6050, 0.00, 0],
])
ORIGINAL = (2.0, -0.98, -0.02, -0.02, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01)  # the densities of 1974

ORGANS = ("liver", "kidney", "lung", "heart", "bladder", "bone")
WINDOW = (-200.0, 300.0)  # Hounsfield units shown as 0 and 1
DENSITY = {"liver": 90.0, "kidney": 150.0, "lung": -185.0, "heart": 80.0, "bladder": 15.0, "bone": 290.0}  # Hounsfield units
BODY = -50.0  # mostly fat


def shepp_logan(size: int, dimensions: int = 2, *, modified: bool = True) -> Volume:
    """The Shepp-Logan head phantom.

    Parameters
    ----------
    size : int
        Pixels along each axis, at least 8.
    dimensions : int
        2 or 3.
    modified : bool
        Toft's densities (skull 1, brain 0.2) rather than those of 1974 (skull 2, brain 1.02).

    Returns
    -------
    float32 array (size, size, 1) or (size, size, size, 1)
        Density; row 0 is the forehead, and in 3-D the first axis runs from the neck to the crown. Values at pixel centres. No one
        section of the volume is the picture: the ellipsoids' centres lie at different heights.

    Raises
    ------
    DataError
        If `size` is below 8 or `dimensions` not 2 or 3.
    """
    check_count(size, "size", "shepp_logan", least=8)
    if check_count(dimensions, "dimensions", "shepp_logan", least=2) > 3:
        raise DataError(f"shepp_logan: dimensions is {dimensions!r}, expected 2 or 3.")
    centres = (np.arange(size) + 0.5) * (2 / size) - 1
    axes = [centres] * (dimensions - 2) + [-centres, centres]  # z up the body, y up the page, x right
    z, y, x = (0.0, *np.meshgrid(*axes, indexing="ij"))[-3:]
    picture = np.zeros((size,) * dimensions)
    for row, original in zip(HEAD, ORIGINAL, strict=True):
        density, a, b, c, x0, y0, z0, turn = row
        s, co = math.sin(math.radians(turn)), math.cos(math.radians(turn))
        along, across = co * (x - x0) + s * (y - y0), co * (y - y0) - s * (x - x0)
        radius = (along / a) ** 2 + (across / b) ** 2 + (((z - z0) / c) ** 2 if dimensions == 3 else 0)
        picture[radius <= 1] += density if modified else original
    return picture.round(6)[..., None].astype(np.float32)


def organs(n: int, size: int, rng: np.random.Generator, *, noise: float = 20.0) -> tuple[Volume, NDArray[np.int64]]:
    """Volumes of one invented organ each, in soft tissue, turned and stretched at random, with a scanner's noise.

    Parameters
    ----------
    n : int
        How many, in as equal numbers of each organ as possible, shuffled.
    size : int
        Voxels along each axis, at least 8.
    rng : numpy.random.Generator
        The same state gives the same volumes.
    noise : float
        Standard deviation of the noise in Hounsfield units; it is smooth over about a voxel, as after a reconstruction.

    Returns
    -------
    volumes : float32 array (n, size, size, size, 1), in [0, 1]
        Hounsfield units from -200 (0) to 300 (1).
    labels : int64 array (n,), indices into ORGANS

    Raises
    ------
    DataError
        If `n` is below 1, `size` below 8, `noise` negative, or `rng` no Generator.
    """
    _checked("organs", n, size, rng, noise)
    labels = rng.permutation(np.arange(n) % len(ORGANS)).astype(np.int64)
    volumes = np.stack([_scanned(_organ(ORGANS[label], size, rng)[0], noise, rng) for label in labels])
    return volumes, labels


def lesions(n: int, size: int, rng: np.random.Generator, *, organ: str = "liver",
            noise: float = 20.0) -> tuple[Volume, NDArray[np.int64], Volume]:
    """Volumes of one organ; in half of them a round lesion lies inside it: darker, and in the lung brighter.

    Parameters
    ----------
    n, size, rng, noise
        As in `organs`.
    organ : str
        One of ORGANS.

    Returns
    -------
    volumes : float32 array (n, size, size, size, 1), in [0, 1]
    labels : int64 array (n,), 1 with a lesion, 0 without; equal numbers if `n` is even, shuffled
    masks : float32 array (n, size, size, size, 1), 1 inside the lesion, 0 elsewhere

    Raises
    ------
    DataError
        As `organs`, or if the organ is unknown.
    """
    _checked("lesions", n, size, rng, noise)
    check_choice(organ, "organ", "lesions", ORGANS)
    labels = rng.permutation(np.arange(n) % 2).astype(np.int64)
    volumes, masks = np.empty((2, n, size, size, size, 1), np.float32)
    for volume, mask, sick in zip(volumes, masks, labels, strict=True):
        density, inside = _organ(organ, size, rng)
        ball = _lesion(inside, size, rng) * sick
        volume[:] = _scanned(density + (140.0 if organ == "lung" else -65.0) * ball, noise, rng)
        mask[..., 0] = ball
    return volumes, labels, masks


def _checked(maker: str, n: int, size: int, rng: np.random.Generator, noise: float) -> None:
    check_count(n, "n", maker)
    check_count(size, "size", maker, least=8)
    check_number(noise, "noise", maker, least=0)
    check_generator(rng, maker)


def _organ(organ: str, size: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Density in Hounsfield units and the signed distance-like field of the organ, positive inside: (size, size, size) each."""
    centres = (np.arange(size) + 0.5) * (2 / size) - 1
    grid = np.stack(np.meshgrid(centres, centres, centres, indexing="ij"), -1)  # z, y, x
    basis = np.linalg.qr(np.eye(3) + 0.35 * rng.standard_normal((3, 3)))[0]
    basis *= np.sign(np.diag(basis))
    z, y, x = np.moveaxis((grid - rng.uniform(-0.12, 0.12, 3)) @ basis / rng.uniform(0.85, 1.1, 3), -1, 0)
    ripple = 0.05 * np.sin(5 * x + rng.uniform(0, 6)) * np.sin(5 * y + rng.uniform(0, 6)) * np.sin(5 * z + rng.uniform(0, 6))
    texture = 0.0
    if organ == "liver":  # a wedge, thick on one side
        inside = 0.62 - np.sqrt((x / 1.25) ** 2 + (y / 0.95) ** 2 + (z / (0.75 - 0.45 * x.clip(-1, 1))) ** 2)
        texture = 6 * np.sin(9 * x + 4 * y) * np.sin(8 * y - 3 * z)
    elif organ == "kidney":  # a bean: an ellipsoid bent round a pelvis that shines less
        bent = x - 1.1 * z * z + 0.15
        inside = 0.5 - np.sqrt((bent / 0.75) ** 2 + (y / 0.7) ** 2 + (z / 1.45) ** 2)
        texture = -70.0 * np.exp(-((x - 0.15) ** 2 + y**2 + 0.5 * z**2) / 0.035)
    elif organ == "lung":  # a cone with a base, air with vessels
        inside = 0.55 - np.sqrt((x / 0.85) ** 2 + (y / 0.95) ** 2 + (z / 1.45) ** 2) - 0.22 * z
        texture = 120.0 * np.maximum(np.sin(11 * x + 3 * z) * np.sin(10 * y - 4 * z) - 0.55, 0)
    elif organ == "heart":  # a thick wall round two chambers
        inside = 0.6 - np.sqrt((x / 0.9) ** 2 + (y / 0.9) ** 2 + ((z + 0.2 * x) / 1.1) ** 2)
        for side, reach in ((-0.2, 0.05), (0.24, 0.035)):
            texture = texture + 110.0 * np.exp(-(((x - side) ** 2 + y**2 + 0.6 * (z + 0.1) ** 2) / reach))
    elif organ == "bladder":  # a thin wall round water
        inside = 0.5 - np.sqrt(x**2 + y**2 + (z / 0.85) ** 2)
        texture = 70.0 * np.exp(-(((inside - 0.05) / 0.05) ** 2))
    else:  # a shaft with marrow, and knobs at both ends
        inside = np.maximum(0.24 - np.hypot(x, y), 0.36 - np.sqrt(x**2 + y**2 + ((np.abs(z) - 0.62) / 0.9) ** 2))
        inside = np.minimum(inside, 0.85 - np.abs(z))
        texture = -170.0 * np.clip(inside / 0.06 - 1.6, 0, 1)
    inside = inside + 0.6 * ripple
    share = np.clip(inside * size / 3 + 0.5, 0, 1)
    fat = 18.0 * np.sin(3.1 * grid[..., 0] + rng.uniform(0, 6)) * np.sin(2.7 * grid[..., 1] + rng.uniform(0, 6))
    density = BODY + fat + share * (DENSITY[organ] + rng.normal(0, 8) + texture - BODY - fat)
    return density, inside


def _lesion(inside: NDArray[np.float64], size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """A ball whose centre is well inside the organ, 1 within and 0 outside, clipped to the organ."""
    deep = np.argwhere(inside >= (np.median(inside[inside > 0]) if (inside > 0).any() else inside.max()))
    centre = deep[rng.integers(len(deep))]
    radius = max(1.2, size * rng.uniform(0.07, 0.12))
    away = np.sqrt(((np.moveaxis(np.indices(inside.shape), 0, -1) - centre) ** 2).sum(-1))
    return ((away <= radius) & ((inside > 0) | (away == 0))).astype(float)


def _scanned(density: NDArray[np.float64], noise: float, rng: np.random.Generator) -> Volume:
    """The scanner's view: noise that neighbours share, then the window: (size, size, size, 1) in [0, 1]."""
    grain = rng.standard_normal(density.shape)
    for axis in range(3):
        grain = 0.5 * grain + 0.25 * (np.roll(grain, 1, axis) + np.roll(grain, -1, axis))
    grain *= noise / math.sqrt(0.375**3)  # each smoothing keeps 0.25² + 0.5² + 0.25² of the variance
    low, high = WINDOW
    return ((density + grain - low) / (high - low)).clip(0, 1)[..., None].astype(np.float32)
