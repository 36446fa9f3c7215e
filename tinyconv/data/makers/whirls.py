"""A painting by code: brush strokes that follow a field of whirls, under a few lights; our own style image."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tinyconv.data.arguments import check_count, check_generator

NIGHT = np.array([[16, 24, 74], [24, 58, 130], [42, 104, 178], [104, 164, 206], [182, 208, 208]], float)
LIGHT = np.array([[250, 232, 152], [244, 190, 62], [222, 132, 40]], float)
LAYERS = ((26, 7.0, 60), (15, 4.2, 44), (8, 2.4, 30))  # spacing, width and length of the strokes, in pixels of a 512 canvas


def painted_style(size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """A square picture of `size` pixels: whirls of blue around lights of yellow, in three layers of strokes.

    Returns
    -------
    float32 array (size, size, 3), RGB in [0, 1]; the same `rng` state gives the same picture.

    Raises
    ------
    DataError
        If `size` is below 8, or `rng` no Generator.
    """
    check_count(size, "size", "painted_style", least=8)
    check_generator(rng, "painted_style")
    canvas = 2 * max(size, 256)  # painted large, then shrunk: smooth edges
    unit = canvas / 512
    centres, spins, radii = rng.random((7, 2)) * canvas, rng.choice([-1.0, 1.0], 7), (0.1 + 0.16 * rng.random(7)) * canvas
    image = Image.new("RGB", (canvas, canvas), tuple(int(v) for v in NIGHT[1]))
    draw = ImageDraw.Draw(image)
    for spacing, width, length in LAYERS:
        for x, y in _scattered(canvas, spacing * unit, rng):
            path = _stroke(x, y, length * unit, centres, spins, radii, canvas)
            colour = _colour(x, y, centres, radii, canvas, rng)
            thickness = max(int(width * unit * rng.uniform(0.7, 1.3)), 1)
            draw.line(path, fill=colour, width=thickness, joint="curve")
            for end in (path[0], path[-1]):
                _dot(draw, end, thickness / 2, colour)
    return np.asarray(image.resize((size, size), Image.Resampling.LANCZOS), np.float32) / np.float32(255)


def _scattered(canvas: int, spacing: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Points on a jittered grid, in random order, so that strokes overlap every way."""
    steps = np.arange(0, canvas, spacing)
    points = np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2)
    return rng.permutation(points + rng.uniform(0, spacing, points.shape))


def _stroke(x: float, y: float, length: float, centres: NDArray[np.float64], spins: NDArray[np.float64],
            radii: NDArray[np.float64], canvas: int) -> list[tuple[float, float]]:
    """A line of eight points along the field: around the whirls near them, with a slow wave elsewhere."""
    path = [(x, y)]
    for _ in range(7):
        away = np.array([x, y]) - centres
        pull = np.exp(-(away**2).sum(axis=1) / (2 * radii**2)) * spins
        distance = np.maximum(np.hypot(*away.T), 1)
        dx = float((-away[:, 1] / distance * pull).sum()) + 0.25
        dy = float((away[:, 0] / distance * pull).sum()) + 0.15 * math.sin(6.0 * x / canvas)
        norm = math.hypot(dx, dy) or 1.0
        x, y = x + dx / norm * length / 7, y + dy / norm * length / 7
        path.append((x, y))
    return path


def _colour(x: float, y: float, centres: NDArray[np.float64], radii: NDArray[np.float64], canvas: int,
            rng: np.random.Generator) -> tuple[int, int, int]:
    """Yellow at the heart of a whirl, rings of light and dark blue around it, each stroke a little different."""
    near = np.hypot(*(np.array([x, y]) - centres).T) / radii
    closest = float(near.min())
    if closest < 0.42 + 0.1 * rng.standard_normal():
        colour = LIGHT[min(int(closest * 7), 2)]
    else:
        shade = 0.5 + 0.5 * math.sin(9.0 * closest) * math.exp(-0.5 * closest) + 0.14 * rng.standard_normal()
        colour = NIGHT[int(np.clip(shade * len(NIGHT), 0, len(NIGHT) - 1))]
    r, g, b = np.clip(colour + rng.normal(0, 12, 3), 0, 255)
    return int(r), int(g), int(b)


def _dot(draw: ImageDraw.ImageDraw, centre: tuple[float, float], radius: float, colour: tuple[int, int, int]) -> None:
    x, y = centre
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
