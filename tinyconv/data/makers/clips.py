"""Moving clips: a patterned disc that travels, turns or zooms; the motion is the label, and no single frame betrays it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.arguments import check_count, check_generator, check_number, check_positive

MOTIONS = ("left", "right", "up", "down", "clockwise", "anticlockwise", "expand", "contract")


def clips(n: int, frames: int, size: int, rng: np.random.Generator, *, speed: float = 1.0,
          noise: float = 0.02) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Clips of a disc with petals over a still ground, moving in one of eight ways.

    The picture is a torus: a disc that leaves on one side enters on the other. Its pattern is periodic in the angle and in the
    logarithm of the radius, so turning and zooming go on for ever. Place, angle and zoom begin uniformly at random, hence are
    uniform in *every* frame, whatever the motion: one frame has the same distribution in all eight classes, and only a
    convolution that sees time can tell them apart.

    Parameters
    ----------
    n, frames : int
        How many clips, in as equal numbers of each motion as possible, shuffled; and frames of each (at least 2).
    size : int
        Height and width in pixels, at least 8.
    rng : numpy.random.Generator
        The same state gives the same clips.
    speed : float
        1 moves a disc by about 1/20 of the picture, 0.2 radians, or a sixth of its size a frame.
    noise : float
        Standard deviation of the camera's noise.

    Returns
    -------
    clips : float32 array (n, frames, size, size, 3), RGB in [0, 1]
    labels : int64 array (n,), indices into MOTIONS

    Raises
    ------
    DataError
        If a count or size is too small, `speed` not positive, `noise` negative, or `rng` no Generator.
    """
    check_count(n, "n", "clips")
    check_count(frames, "frames", "clips", least=2)
    check_count(size, "size", "clips", least=8)
    check_positive(speed, "speed", "clips")
    check_number(noise, "noise", "clips", least=0)
    check_generator(rng, "clips")
    labels = rng.permutation(np.arange(n) % len(MOTIONS)).astype(np.int64)
    film = np.empty((n, frames, size, size, 3), np.float32)
    for clip, label in zip(film, labels, strict=True):
        clip[:] = _clip(MOTIONS[label], frames, size, speed * rng.uniform(0.75, 1.25), rng)
    if noise:
        film += np.float32(noise) * rng.standard_normal(film.shape, np.float32)
    return film.clip(0, 1, out=film), labels


def _clip(motion: str, frames: int, size: int, speed: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """One clip, (frames, size, size, 3): x and y of the picture run from -1 to 1, and round."""
    centres = ((np.arange(size) + 0.5) * (2 / size) - 1).astype(np.float32)
    x, y = np.meshgrid(centres, centres)
    radius, petals, spokes = rng.uniform(0.45, 0.65), rng.integers(3, 7), rng.integers(2, 6)
    dark, light, rim, ground, other = rng.uniform(0, 1, (5, 3)).astype(np.float32)
    dark, light, ground, other = 0.45 * dark, 0.6 + 0.4 * light, 0.3 + 0.4 * ground, 0.4 + 0.4 * other
    waves, phase = rng.integers(-2, 3, 2) * math.pi, rng.uniform(0, 2 * math.pi)
    behind = ground + (other - ground) * (0.5 + 0.5 * np.sin(x * waves[0] + y * waves[1] + phase))[..., None]  # periodic too
    start_x, start_y = rng.uniform(-1, 1, 2)
    angle, zoom = rng.uniform(0, 2 * math.pi), rng.uniform(0, 1)
    across = {"left": -0.1, "right": 0.1}.get(motion, 0.0) * speed
    down = {"up": -0.1, "down": 0.1}.get(motion, 0.0) * speed
    turn = {"clockwise": 0.2, "anticlockwise": -0.2}.get(motion, 0.0) * speed
    grow = {"expand": 0.16, "contract": -0.16}.get(motion, 0.0) * speed
    soft, clip = 2.6 / size, np.empty((frames, size, size, 3), np.float32)
    for t in range(frames):
        dx, dy = (np.mod(a - at + 1, 2) - 1 for a, at in ((x, start_x + across * t), (y, start_y + down * t)))
        r, phi = np.sqrt(dx * dx + dy * dy), np.arctan2(dy, dx) - (angle + turn * t)
        edge = radius * (1 + 0.14 * np.cos(petals * phi)) - r
        cover = np.clip(edge / soft + 0.5, 0, 1)[..., None]
        depth = np.log2(np.maximum(r, 0.09) / radius) - (zoom + grow * t)  # zooming in by 2 shifts it by 1
        wave = 0.9 * np.sin(2 * math.pi * depth) + np.cos(spokes * phi + 0.8 * np.sin(2 * math.pi * depth + 1))
        pattern = dark + (light - dark) * np.clip(wave * 0.9 + 0.5, 0, 1)[..., None]
        pattern = np.where(edge[..., None] < 0.05, rim, pattern)
        clip[t] = behind + (pattern - behind) * cover
    return clip
