"""The head as a solid: a stack of ellipses, whose front surface and normals are found for every pixel at once."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.floating]  # float32 in practice: mind that a NumPy float64 scalar would make it double
DEPTH, FORWARD = 0.86, 0.62
STEPS = 512  # rows of a profile's tables, from v = -1 (crown) to v = 1 (chin)


class Profile(NamedTuple):
    """Half-widths by height, and their slopes in v, float32 (STEPS,) each, and the half-width at the cheeks, the largest."""

    half: NDArray[np.float32]
    slope: NDArray[np.float32]
    cheeks: float


class Surface(NamedTuple):
    """What a pixel sees of a solid, each float32 (size, size): place on it, normal in its own frame, and coverage.

    `u`, `v`: right and down before it was turned; `side`: u over the half-width there, the sine of the
    longitude; `inside`: signed distance from the outline, positive inside.
    """

    u: Plane
    v: Plane
    side: Plane
    normal: tuple[Plane, Plane, Plane]
    inside: Plane


def head_profile(width: float, jaw: float, chin: float) -> Profile:
    """A head of half-height 1: a round skull over cheeks of half-width `width`, a jaw and a chin relative to it."""
    v = np.linspace(-1, 1, STEPS)
    knots = np.array([-1.0, -0.93, -0.75, -0.45, -0.1, 0.2, 0.45, 0.68, 0.86, 0.95, 1.0])
    relative = np.array([0, 0.45, 0.77, 0.95, 1.0, 0.985, 0.5 + 0.5 * jaw, jaw, (jaw + 2 * chin) / 3, 0.72 * chin, 0])
    squares = np.interp(v, knots, relative**2)
    kernel = np.hanning(61)
    smooth = np.convolve(np.pad(squares, 30, mode="reflect", reflect_type="odd"), kernel / kernel.sum(), "valid")
    half = width * np.sqrt(np.maximum(smooth, 0))
    return Profile(half.astype(np.float32), np.gradient(half, v).clip(-2.5, 2.5).astype(np.float32), width)


def front(profile: Profile, x: Plane, y: Plane, yaw: float, pitch: float) -> Surface:
    """Where the ray through each pixel meets the solid, turned by `yaw` and `pitch` (orthographic).

    A horizontal cut is an ellipse (u / w)² + ((z - o) / d)² = 1, met in closed form; pitch shears it, in two fixed-point steps.
    With r = w / cheeks its half-depth is d = DEPTH (2 r - r²), so the chin is deep for its width, and its centre moves forward
    where it is small, o = FORWARD (DEPTH - d): the face is flatter than the outline.
    """
    s, c, tilt = math.sin(yaw), math.cos(yaw), math.sin(pitch)
    v = (y + 0.6 * tilt) / math.cos(pitch)
    for last in (False, True):
        row = ((v + 1) * (0.5 * (STEPS - 1))).astype(np.int32)
        w = np.take(profile.half, row, mode="clip")
        r = w * (1 / profile.cheeks)
        d = DEPTH * r * (2 - r)
        o = FORWARD * (DEPTH - d)
        reach = (w * c) ** 2 + (d * s) ** 2 + np.float32(1e-6)  # squared half-width of the outline
        a = x - o * s
        near = (w * d * np.sqrt(np.maximum(reach - a * a, 0)) - a * (s * c) * (w * w - d * d)) / reach
        if not last:
            v = (y + (near + o * c) * tilt) / math.cos(pitch)
    u, z = a * c - near * s, a * s + near * c
    normal_u, normal_z = u / (w * w + np.float32(1e-4)), z / (d * d + np.float32(1e-4))
    length = 1 / np.sqrt(normal_u**2 + normal_z**2 + np.float32(1e-6))
    normal_u, normal_z = normal_u * length, normal_z * length
    slope = np.take(profile.slope, row, mode="clip")
    forward = (1 - FORWARD) * DEPTH * 2 * (1 - r) * (1 / profile.cheeks)  # d(d + o) / dw
    normal_v = -slope * (np.abs(normal_u) + forward * normal_z)
    outline = np.sqrt(reach) - np.abs(a)
    inside = np.minimum(outline / np.sqrt(1 + slope**2), 1 - np.abs(v))
    return Surface(u, v, u / (w + np.float32(1e-4)), (normal_u, normal_v, normal_z), inside)
