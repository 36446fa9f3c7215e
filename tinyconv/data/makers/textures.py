"""Labelled textures, grey and simple: what single filters of a ConvNet answer to."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.arguments import check_count, check_generator, check_number, check_positive
from tinyconv.data.makers.noise import cloud
from tinyconv.errors import DataError

Gray = NDArray[np.float32]


def grating(size: int, angle: float, frequency: float, phase: float = 0.0) -> Gray:
    """A sine wave across a picture.

    Parameters
    ----------
    size : int
        Height and width in pixels, at least 2.
    angle : float
        Direction of the wave in radians, from right towards down; the stripes stand at right angles to it.
    frequency : float
        Cycles per picture, up to size / 2 (beyond, pixels cannot hold them).
    phase : float
        At the centre, radians.

    Returns
    -------
    float32 array (size, size, 1) in [0, 1]

    Raises
    ------
    DataError
        If `size` is below 2, `frequency` not in (0, size / 2], or an angle not finite.
    """
    check_count(size, "size", "grating", least=2)
    check_positive(frequency, "frequency", "grating")
    check_number(angle, "angle", "grating")
    check_number(phase, "phase", "grating")
    if frequency > size / 2:
        raise DataError(f"grating: frequency is {frequency:g} cycles over {size} pixels, expected at most {size / 2:g}.")
    x, y = _plane(size)
    along = x * math.cos(angle) + y * math.sin(angle)
    return (0.5 + 0.5 * np.sin(math.pi * frequency * along + phase)).astype(np.float32)[..., None]


def gratings(n: int, size: int, rng: np.random.Generator) -> tuple[Gray, NDArray[np.float32], NDArray[np.float32]]:
    """Gratings of random direction and frequency: what to regress, or to sort by.

    Returns
    -------
    images : float32 array (n, size, size, 1) in [0, 1]
    angles : float32 array (n,), radians in [0, pi)
    frequencies : float32 array (n,), cycles per picture in [2, size / 4]

    Raises
    ------
    DataError
        If `n` is below 1, `size` below 16, or `rng` no Generator.
    """
    check_count(n, "n", "gratings")
    check_count(size, "size", "gratings", least=16)
    check_generator(rng, "gratings")
    angles = rng.uniform(0, math.pi, n).astype(np.float32)
    frequencies = rng.uniform(2, size / 4, n).astype(np.float32)
    phases = rng.uniform(0, 2 * math.pi, n)
    images = np.stack([grating(size, float(a), float(f), float(p)) for a, f, p in zip(angles, frequencies, phases, strict=True)])
    return images, angles, frequencies


def textures(n: int, size: int, rng: np.random.Generator, *, noise: float = 0.03) -> tuple[Gray, NDArray[np.int64]]:
    """Textures of the kinds in TEXTURES, each turned, shifted and sized at random, of random contrast.

    Parameters
    ----------
    n : int
        How many, in as equal numbers of each kind as possible, shuffled.
    size : int
        Height and width in pixels, at least 16.
    rng : numpy.random.Generator
        The same state gives the same textures.
    noise : float
        Standard deviation of white noise.

    Returns
    -------
    images : float32 array (n, size, size, 1) in [0, 1]
    labels : int64 array (n,), indices into TEXTURES

    Raises
    ------
    DataError
        If `n` is below 1, `size` below 16, `noise` negative, or `rng` no Generator.
    """
    check_count(n, "n", "textures")
    check_count(size, "size", "textures", least=16)
    check_number(noise, "noise", "textures", least=0)
    check_generator(rng, "textures")
    labels = rng.permutation(np.arange(n) % len(TEXTURES)).astype(np.int64)
    images = np.empty((n, size, size, 1), np.float32)
    for image, label in zip(images, labels, strict=True):
        contrast = rng.uniform(0.5, 0.95) * rng.choice([-1, 1])
        image[..., 0] = 0.5 + contrast * (_DRAWN[TEXTURES[label]](size, rng) - 0.5) + rng.uniform(-0.02, 0.02)
    images += np.float32(noise) * rng.standard_normal(images.shape, np.float32)
    return images.clip(0, 1, out=images), labels


def _plane(size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """x to the right and y down at the pixels' centres, from -1 to 1."""
    centres = (np.arange(size) + 0.5) * (2 / size) - 1
    x, y = np.meshgrid(centres, centres)
    return x, y


def _turned(size: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Axes turned by a random angle and shifted, and the width of one pixel."""
    x, y = _plane(size)
    angle = rng.uniform(0, 2 * math.pi)
    c, s = math.cos(angle), math.sin(angle)
    x, y = x - rng.uniform(-0.4, 0.4), y - rng.uniform(-0.4, 0.4)
    return c * x + s * y, c * y - s * x, 2 / size


def _grating(size: int, rng: np.random.Generator) -> NDArray[np.floating]:
    return grating(size, rng.uniform(0, math.pi), rng.uniform(2, size / 5), rng.uniform(0, 2 * math.pi))[..., 0]


def _checkerboard(size: int, rng: np.random.Generator) -> NDArray[np.floating]:
    u, v, pixel = _turned(size, rng)
    pace = math.pi * rng.uniform(1.5, max(2.0, size / 10))
    return np.clip(np.sin(pace * u) * np.sin(pace * v) / (0.6 * pace * pixel) + 0.5, 0, 1)


def _dots(size: int, rng: np.random.Generator) -> NDArray[np.floating]:
    """Discs on a jittered grid: none touches another."""
    u, v, pixel = _turned(size, rng)
    spacing = rng.uniform(0.28, 0.5)
    shift_u, shift_v = rng.uniform(-0.12, 0.12, (2, 64, 64))
    column, row = np.floor(u / spacing).astype(int), np.floor(v / spacing).astype(int)
    which = row % 64, column % 64
    away = np.hypot(u / spacing - column - 0.5 - shift_u[which], v / spacing - row - 0.5 - shift_v[which])
    return np.clip((rng.uniform(0.2, 0.34) - away) * spacing / pixel + 0.5, 0, 1)


def _edge(size: int, rng: np.random.Generator) -> NDArray[np.floating]:
    u, _, pixel = _turned(size, rng)
    return np.clip(u / (pixel * rng.uniform(1, 3)) + 0.5, 0, 1)


def _corner(size: int, rng: np.random.Generator) -> NDArray[np.floating]:
    """Two edges that meet at 60 to 120 degrees."""
    u, v, pixel = _turned(size, rng)
    angle = rng.uniform(math.pi / 3, 2 * math.pi / 3)
    return np.clip(np.minimum(v, u * math.sin(angle) - v * math.cos(angle)) / pixel + 0.5, 0, 1)


def _plasma(size: int, rng: np.random.Generator) -> NDArray[np.floating]:
    return np.clip(0.5 + 0.22 * cloud(size, rng, rng.uniform(1.3, 2.0)), 0, 1)


_DRAWN: dict[str, Callable[[int, np.random.Generator], NDArray[np.floating]]] = {
    "grating": _grating, "checkerboard": _checkerboard, "dots": _dots, "edge": _edge, "corner": _corner, "plasma": _plasma,
}
TEXTURES = tuple(_DRAWN)
