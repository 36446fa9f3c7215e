"""The hair of a procedural face: a shell around the skull, cut along a hairline, with strands; and what hangs behind."""

from __future__ import annotations

import math

import numpy as np

from tinyconv.data.makers.heads import Plane, Surface
from tinyconv.data.makers.people import Identity

STRANDS = 256


def strand_table(seed: int) -> Plane:
    """Brightness of neighbouring strands around 1, smooth and periodic: float32 (STRANDS,)."""
    raw = np.random.default_rng(seed).standard_normal(STRANDS)
    fine = raw + 1.5 * np.roll(raw, 1) + raw[np.arange(STRANDS) // 8 * 8] * 1.2
    return (1 + 0.085 * fine).astype(np.float32)


def look_up(table: Plane, place: Plane) -> Plane:
    """The table's value at `place`, counted in entries, periodic, linear between neighbours."""
    floor = np.floor(place)
    left = floor.astype(np.int32) & (len(table) - 1)
    part = place - floor
    return table[left] * (1 - part) + table[(left + 1) & (len(table) - 1)] * part


def hairline(identity: Identity, side: Plane, v: Plane, strands: Plane, soft: float) -> Plane:
    """How much of each place on the skull is covered by hair in front, in [0, 1]; `soft` is the width of its edge.

    Hair lies above the hairline over the forehead, and above the end of the sides beyond the temples.
    """
    cut = identity.haircut
    slope = np.maximum(np.minimum((np.abs(side) - cut.temple) * 6, 1), 0)
    beyond = slope * slope * (3 - 2 * slope)
    middle = cut.hairline + cut.slant * side + 0.10 * side * side
    if cut.slant and cut.part:  # the parting: the hairline rises sharply beside it
        middle = middle - 0.18 * np.exp(-(((side - math.copysign(0.45, cut.part)) / 0.22) ** 2))
    line = middle + (cut.sides - middle) * beyond + (strands - 1) * 0.22
    return np.maximum(np.minimum((line - v) / soft + 0.5, 1), 0)


def strand_shade(identity: Identity, table: Plane, surface: Surface) -> Plane:
    """Brightness of the hair at each place of its shell: strands from the parting outwards, and a band of gloss."""
    cut = identity.haircut
    fan = surface.side - cut.part * 0.5 * np.maximum(-surface.v, 0)
    wave = cut.curl * 3.0 * np.sin(surface.v * (9 + 9 * cut.curl) + 5 * surface.side)
    shade = look_up(table, fan * 46 + wave)
    if cut.curl > 0.6:
        locks = np.sin(surface.v * 31 + 4 * np.sin(surface.side * 9)) * np.sin(surface.side * 27 + 3 * surface.v)
        shade = shade * (1 + 0.22 * locks)
    gloss = np.exp(-(((surface.v + 0.72 + 0.12 * surface.side * surface.side) / 0.11) ** 2))
    return shade + 0.22 * gloss * (1 - 0.75 * cut.curl)


def behind(identity: Identity, table: Plane, x: Plane, y: Plane, yaw: float, soft: float) -> tuple[Plane, Plane]:
    """Coverage and shade of the hair that hangs behind head and neck (and of a bun), in the head's own upright plane."""
    cut = identity.haircut
    x = x + 0.25 * math.sin(yaw)  # the back of the head moves against the face
    half = identity.width * (1 + cut.volume) + 0.03
    bulge = half * (1 + 0.10 * np.sin(np.maximum(np.minimum(y, 1.6), 0) * 1.7))
    ripple = cut.curl * 0.045 * np.sin(y * 17 + 1.5 * np.sign(x)) + (look_up(table, y * 6 + 40 * np.sign(x)) - 1) * 0.1
    crown = 1.15 * (half - 0.04 - np.hypot(x, np.minimum(y + 0.2, 0)))  # round above
    tips = cut.back - y + (look_up(table, x * 30) - 1) * 0.5
    hanging = np.minimum(bulge + ripple - np.abs(x), np.minimum(crown, tips))
    cover = np.maximum(np.minimum(hanging / soft + 0.5, 1), 0) if cut.back > 0.2 else np.zeros_like(x)
    shade = 0.62 * look_up(table, x * 34 + cut.curl * 2.5 * np.sin(y * 13))
    if cut.knot:
        away = np.hypot(x + 0.1 * math.sin(yaw), (y + 1.13) * 1.15)
        knot = np.maximum(np.minimum((cut.knot - away) / soft + 0.5, 1), 0)
        swirl = look_up(table, 60 * away + 9 * np.arctan2(y + 1.13, x)) * (1.05 - 0.9 * away)
        cover, shade = np.maximum(cover, knot), np.where(knot > 0, swirl, shade).astype(np.float32)
    return cover, shade


def fuzz(identity: Identity, x: Plane, y: Plane) -> Plane | float:
    """How far curls push the shell's outline in and out: distances to add to it."""
    cut = identity.haircut
    if cut.curl < 0.6:
        return 0.0
    angle = np.arctan2(y + 0.1, x)
    return (0.035 * cut.curl * (np.sin(angle * 23 + identity.strands % 7) + 0.7 * np.sin(angle * 37 + 1))).astype(np.float32)
