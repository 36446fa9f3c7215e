"""Around a procedural face: walls, lights and hills behind it, and the clothes below; none of it tells who it is."""

from __future__ import annotations

import numpy as np

from tinyconv.data.makers.heads import Plane
from tinyconv.data.makers.views import View


def backdrop(view: View, x: Plane, y: Plane) -> Plane:
    """What is behind the head: float32 (3, n, n), for x and y in [-1, 1]."""
    rng = np.random.default_rng(view.seed)
    first, second = (np.asarray(c, np.float32)[:, None, None] for c in view.background)
    angle, phase, pace = rng.uniform(-1, 1), rng.uniform(0, 6.28), rng.uniform(3, 9)
    along = 0.5 + 0.5 * (y + angle * x) / (1 + abs(angle))
    if view.scene == "bars":
        along = 0.5 + 0.5 * np.tanh(4 * np.sin(pace * (x + angle * y) + phase))
    elif view.scene == "hills":
        along = 1 / (1 + np.exp(-40 * (y - 0.25 * np.sin(0.5 * pace * x + phase) - 0.4 * angle)))
    picture = first + (second - first) * along
    if view.scene == "lights":
        for at_x, at_y, radius, bright in zip(rng.uniform(-1, 1, 7), rng.uniform(-1, 0.6, 7), rng.uniform(0.08, 0.3, 7),
                                              rng.uniform(0.15, 0.6, 7), strict=True):
            disc = 1 / (1 + np.exp(30 * (np.hypot(x - at_x, y - at_y) - radius)))
            picture += (1 - picture) * (bright * disc)
    return picture.astype(np.float32, copy=False)


def shoulders(view: View, x: Plane, y: Plane, neck: float, soft: float) -> tuple[Plane, Plane, Plane]:
    """Coverage of the clothes, their folds' shade, and the coverage of the pattern's second colour."""
    slope = np.abs(x) - neck
    top = 1.10 + 0.30 * np.maximum(slope, 0) ** 2 + 0.10 * np.maximum(slope, 0) - 0.35 * np.minimum(slope, 0) * 0.4
    top = top + view.collar * 2.2 * np.maximum(neck - np.abs(x), 0)
    inside = np.minimum(y - top, 1.55 - np.abs(x) + 0.2 * (y - 1.2))
    cover = np.maximum(np.minimum(inside / soft + 0.5, 1), 0)
    shade = 0.86 + 0.14 * np.minimum(inside * 6, 1)
    if view.pattern == "plain":
        return cover, shade, np.zeros_like(x)
    wave = {"stripes": 21 * x, "bands": 27 * y}.get(view.pattern)
    turn = np.sin(17 * x) * np.sin(17 * y) if wave is None else np.sin(wave)
    return cover, shade, np.maximum(np.minimum(turn * 6 + 0.5, 1), 0)
