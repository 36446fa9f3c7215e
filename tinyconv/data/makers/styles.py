"""Paintings by code, as style images: a landscape of our own invention in six manners."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tinyconv.data.arguments import check_choice, check_count, check_generator
from tinyconv.data.makers.noise import cloud
from tinyconv.data.makers.whirls import painted_style

Picture = NDArray[np.float32]


def style(name: str, size: int, rng: np.random.Generator) -> Picture:
    """A square painting.

    Parameters
    ----------
    name : str
        One of STYLES: "whirls" strokes round lights at night; "dots" pure colours side by side, as the pointillists;
        "woodcut" black lines that swell with the shade; "mosaic" coloured glass in lead; "watercolour" thin washes with dark
        rims on rough paper; "planes" facets in few colours, as the cubists.
    size : int
        Height and width in pixels, at least 16.
    rng : numpy.random.Generator
        Composes the picture; the same state gives the same picture.

    Returns
    -------
    float32 array (size, size, 3), RGB in [0, 1]

    Raises
    ------
    DataError
        If the name is unknown, `size` below 16, or `rng` no Generator.
    """
    check_choice(name, "name", "style", STYLES)
    return _PAINTERS[name](check_count(size, "size", "style", least=16), check_generator(rng, "style"))


def _landscape(size: int, rng: np.random.Generator) -> Picture:
    """What there is to paint: sky, a sun, rows of hills, a field and a lake; (size, size, 3)."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / np.float32(size)
    hue = rng.random()
    sky, low = _hue(hue + 0.55, 0.55, 0.75), _hue(hue + 0.1, 0.45, 1.0)
    horizon = rng.uniform(0.42, 0.58)
    picture = sky + (low - sky) * np.clip(y / horizon, 0, 1)[..., None] ** 1.5
    clouds = np.clip(2.5 * cloud(size, rng, 2.2) - 0.3, 0, 1) * np.clip(1.3 - y / horizon, 0, 1)
    picture = picture + (1 - picture) * (0.6 * clouds)[..., None]
    sun_x, sun_y, radius = rng.uniform(0.2, 0.8), rng.uniform(0.12, 0.3), rng.uniform(0.06, 0.1)
    away = np.hypot(x - sun_x, y - sun_y)
    gold = _hue(0.11 + rng.uniform(-0.03, 0.03), 0.65, 1.0)
    glow = np.maximum((away < radius) * 1.0, 0.55 * np.exp(-(((away - radius) / 0.12) ** 2)))
    picture = picture + (gold - picture) * glow[..., None]
    for row in range(4):
        top = horizon + 0.13 * row - rng.uniform(0.03, 0.1) * np.sin(x * rng.uniform(4, 9) + rng.uniform(0, 6)) \
            - rng.uniform(0.01, 0.05) * np.sin(x * rng.uniform(11, 19) + rng.uniform(0, 6))
        ground = _hue(hue + 0.25 + 0.07 * row + rng.uniform(-0.05, 0.05), 0.35 + 0.1 * row, 0.75 - 0.13 * row)
        shade = 1.12 - 0.5 * np.clip((y - top) * 3, 0, 1) + 0.10 * np.sin((y - top) * 90 + 5 * np.sin(x * 9)) * (row > 1)
        picture = np.where((y > top)[..., None], ground * shade[..., None], picture)
    for _ in range(int(rng.integers(4, 9))):  # trees
        at_x, at_y, tall = rng.uniform(0.03, 0.97), rng.uniform(0.66, 0.93), rng.uniform(0.07, 0.16)
        leaf = _hue(hue + 0.33 + rng.uniform(-0.06, 0.06), 0.6, 0.42)
        rim = tall * (0.55 + 0.08 * np.sin(np.arctan2(y - at_y, x - at_x) * 9))
        crown = np.hypot((x - at_x) / 0.5, (y - at_y + tall) / 0.9) < rim
        trunk = (np.abs(x - at_x) < 0.008) & (y < at_y) & (y > at_y - tall)
        picture = np.where(trunk[..., None], np.array([0.25, 0.16, 0.1]), picture)
        light = 1 + 0.9 * np.clip((at_x - x) * 8 * (1 if sun_x < at_x else -1), -0.4, 0.6)
        picture = np.where(crown[..., None], leaf * light[..., None], picture)
    return np.clip(picture, 0, 1).astype(np.float32)


def _dots(size: int, rng: np.random.Generator) -> Picture:
    canvas = 2 * max(size, 192)
    scene = _landscape(canvas, rng)
    image = Image.new("RGB", (canvas, canvas), (236, 228, 208))
    draw = ImageDraw.Draw(image)
    spacing = canvas / 75
    steps = np.arange(spacing / 2, canvas, spacing)
    for layer in range(3):
        points = np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2)
        points = rng.permutation(points + rng.uniform(-0.6, 0.6, points.shape) * spacing).clip(0, canvas - 1)
        radii, oddities = rng.uniform(0.36, 0.62, len(points)) * spacing, rng.random((len(points), 2))
        for (x, y), radius, odd in zip(points, radii, oddities, strict=True):
            h, s, v = colorsys.rgb_to_hsv(*(float(c) for c in scene[int(y), int(x)]))
            if odd[0] < 0.16:  # the complement beside it makes a colour glow
                h, s = h + 0.5, 0.7 * s
            h += 0.05 * (odd[1] - 0.5) + 0.03 * (layer - 1)
            colour = colorsys.hsv_to_rgb(h % 1, min(1.0, 1.35 * s + 0.08), min(1.0, v * (0.85 + 0.35 * odd[1])))
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_bytes(colour))
    return _shrunk(image, size)


def _woodcut(size: int, rng: np.random.Generator) -> Picture:
    """Lines along a direction that changes from thing to thing, as thick as the scene is dark; ink on tinted paper."""
    canvas = 2 * max(size, 128)
    scene = _landscape(canvas, rng)
    bright = scene @ np.array([0.3, 0.59, 0.11], np.float32)
    level = np.clip((bright - np.quantile(bright, 0.03)) / (np.quantile(bright, 0.97) - np.quantile(bright, 0.03)), 0, 1)
    y, x = np.mgrid[0:canvas, 0:canvas] / canvas
    lines = 62 * (y + 0.05 * np.sin(7 * x + 4 * y)) + 0.9 * cloud(canvas, rng, 2.0)
    lines = np.where(level < 0.55, 58 * (0.62 * x + 0.5 * y) + 2.2 * cloud(canvas, rng, 2.4), lines)
    wave = 0.5 + 0.5 * np.sin(2 * math.pi * lines)
    cross = 0.5 + 0.5 * np.sin(2 * math.pi * 60 * (0.7 * y - 0.6 * x))
    wave = np.where(level < 0.25, np.minimum(wave, cross), wave)
    paper = np.clip((level * 1.15 - 0.08 - wave) * canvas / 90 + 0.5, 0, 1)[..., None]
    tint, ink = _hue(0.11 + rng.uniform(-0.03, 0.03), 0.16, 0.95), _hue(rng.random(), 0.55, 0.16)
    red = _hue(rng.uniform(0.0, 0.06), 0.62, 0.80)
    second = np.clip((level - 0.5) * 3, 0, 1)[..., None] * (y < 0.6)[..., None] * 0.45
    return _shrunk(ink + ((tint + (red - tint) * second * 0.8) - ink) * paper, size)


def _mosaic(size: int, rng: np.random.Generator) -> Picture:
    """Voronoi's cells of jittered sites, each of one colour of the scene, with lead along the borders."""
    canvas = 2 * max(size, 96)
    scene = _landscape(canvas, rng)
    across = 20
    grid = np.stack(np.meshgrid(np.arange(across), np.arange(across)), -1)
    sites = (grid + rng.uniform(0.08, 0.92, grid.shape)) * (canvas / across)
    y, x = np.mgrid[0:canvas, 0:canvas].astype(np.float32)
    row, column = (y * across / canvas).astype(int), (x * across / canvas).astype(int)
    first, second = np.full((2, canvas, canvas), np.inf, np.float32)
    cell = np.zeros((canvas, canvas), int)
    for down in range(-2, 3):  # the nearest two sites are among the squares around
        for right in range(-2, 3):
            r, c = row + down, column + right
            inside = (r >= 0) & (r < across) & (c >= 0) & (c < across)
            r, c = r.clip(0, across - 1), c.clip(0, across - 1)
            away = np.where(inside, np.hypot(x - sites[r, c, 0], y - sites[r, c, 1]), np.inf).astype(np.float32)
            second = np.minimum(second, np.maximum(first, away))
            cell = np.where(away < first, r * across + c, cell)
            first = np.minimum(first, away)
    at = sites.reshape(-1, 2).astype(int).clip(0, canvas - 1)
    glass = scene[at[:, 1], at[:, 0]]
    grey = glass.mean(axis=1, keepdims=True)
    glass = np.clip(grey + 1.6 * (glass - grey) + rng.normal(0, 0.05, glass.shape), 0.04, 1)
    shine = 1 + 0.22 * cloud(canvas, rng, 2.0)[..., None] + 0.12 * np.clip(1 - first / (0.6 * canvas / across), 0, 1)[..., None]
    lead = np.clip((second - first) / (canvas / 160) - 0.6, 0, 1)[..., None]
    return _shrunk(np.array([0.06, 0.06, 0.08]) * (1 - lead) + glass[cell] * shine * lead, size)


def _watercolour(size: int, rng: np.random.Generator) -> Picture:
    """Washes that multiply, each edged darker where the water dried, on grained paper."""
    canvas = max(size, 128)
    scene = _landscape(canvas, rng)
    y, x = np.mgrid[0:canvas, 0:canvas].astype(np.float32) / np.float32(canvas)
    column, row = (((a + 0.03 * cloud(canvas, rng, 2.2)) * canvas).astype(int).clip(0, canvas - 1) for a in (x, y))
    moved = scene[row, column]
    paper = 1 - 0.05 * np.abs(cloud(canvas, rng, 0.6))[..., None]
    washed = np.ones((canvas, canvas, 3)) * np.array([0.985, 0.97, 0.93])
    bright = moved @ np.array([0.3, 0.59, 0.11], np.float32) + 0.05 * cloud(canvas, rng, 1.8)
    for threshold in (0.92, 0.72, 0.55, 0.38, 0.24):
        depth = np.clip((threshold - bright) * 14, 0, 1)[..., None]
        rim = np.exp(-(((threshold - bright - 0.035) / 0.018) ** 2))[..., None]
        pigment = np.clip(moved ** 0.55, 0.05, 1) ** 0.62
        flow = 1 + 0.35 * cloud(canvas, rng, 2.0)[..., None]
        washed = washed * (1 - (1 - pigment) * np.clip(0.55 * depth * flow + 0.28 * rim, 0, 1))
    border = 9 * np.maximum(np.abs(x - 0.5), np.abs(y - 0.5)) - 4 + 0.35 * cloud(canvas, rng, 1.6)
    white = np.clip(border, 0, 1)[..., None]  # the brush left the margin dry
    return _shrunk((washed + (0.97 - washed) * white) * paper, size)


def _planes(size: int, rng: np.random.Generator) -> Picture:
    """The scene broken by straight cuts; each facet takes one colour, shaded from one side to the other."""
    canvas = 2 * max(size, 96)
    scene = _landscape(canvas, rng)
    y, x = np.mgrid[0:canvas, 0:canvas].astype(np.float32) / np.float32(canvas)
    code, ramp, edge = np.zeros((canvas, canvas), np.int64), np.zeros((canvas, canvas)), np.full((canvas, canvas), np.inf)
    for cut in range(18):
        angle = rng.choice([0.35, 1.1, 1.75, 2.6]) + rng.normal(0, 0.14)
        side = (x - rng.uniform(0.1, 0.9)) * math.cos(angle) + (y - rng.uniform(0.1, 0.9)) * math.sin(angle)
        where = np.ones_like(x, bool) if cut < 6 else (code % 7 == rng.integers(7)) | (code % 3 == rng.integers(3))
        code = np.where(where, 2 * code + (side > 0), code)
        ramp = np.where(where, np.abs(side), ramp)
        edge = np.where(where, np.minimum(edge, np.abs(side)), edge)
    _, facet = np.unique(code, return_inverse=True)
    facet = facet.reshape(canvas, canvas)
    counts = np.bincount(facet.ravel())
    colours = np.stack([np.bincount(facet.ravel(), scene[..., i].ravel()) / counts for i in range(3)], -1)
    hue = rng.random()
    palette = np.stack([_hue(hue + h, s, v) for h, s, v in ((0, 0.35, 0.85), (0.03, 0.6, 0.55), (0.08, 0.5, 0.3),
                                                            (0.52, 0.3, 0.65), (0.55, 0.5, 0.32), (0.1, 0.12, 0.92))])
    misfit = ((colours[:, None] - palette) ** 2).sum(-1) + rng.uniform(0, 0.36, (len(colours), len(palette)))
    chosen = palette[misfit.argmin(axis=1)]
    colours = 0.35 * colours + 0.65 * chosen
    light = 0.72 + np.clip(ramp * rng.uniform(1.2, 2.2), 0, 0.5) + 0.05 * cloud(canvas, rng, 1.2)
    line = np.clip(edge * canvas / 2.2, 0.25, 1)
    return _shrunk(colours[facet] * (light * line)[..., None], size)


def _hue(h: float, s: float, v: float) -> NDArray[np.float64]:
    return np.array(colorsys.hsv_to_rgb(h % 1, s, v))


def _bytes(colour: tuple[float, float, float]) -> tuple[int, int, int]:
    r, g, b = (int(255 * c) for c in colour)
    return r, g, b


def _shrunk(picture: Image.Image | NDArray[np.floating], size: int) -> Picture:
    """A large canvas to `size` pixels, smoothly."""
    if not isinstance(picture, Image.Image):
        picture = Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8))
    return np.asarray(picture.resize((size, size), Image.Resampling.LANCZOS), np.float32) / np.float32(255)


_PAINTERS: dict[str, Callable[[int, np.random.Generator], Picture]] = {
    "whirls": painted_style, "dots": _dots, "woodcut": _woodcut, "mosaic": _mosaic, "watercolour": _watercolour,
    "planes": _planes,
}
STYLES = tuple(_PAINTERS)
