"""What a procedural face carries on its skin: eyes, brows, mouth, beard, freckles and a mole, painted in the head's frame."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tinyconv.data.makers.heads import Plane
from tinyconv.data.makers.people import Colour, Identity
from tinyconv.data.makers.views import View


@dataclass
class Skin:
    """A piece of skin being painted: colour, and planes that the light needs, over the places (u, v) of its pixels.

    `rgb` float32 (3, h, w); `dark` multiplies the colour; `flat` in [0, 1] is where the relief below does not show (eyes, teeth);
    `wet` in [0, 1] adds gloss; `shine` is light reflected as from a mirror. `soft` is the width of an edge.
    """

    u: Plane
    v: Plane
    soft: float
    rgb: Plane
    dark: Plane
    flat: Plane
    wet: Plane
    shine: Plane

    @classmethod
    def bare(cls, colour: Colour, u: Plane, v: Plane, soft: float) -> Skin:
        """Skin of one colour."""
        rgb = np.empty((3, *u.shape), np.float32)
        rgb[:] = np.asarray(colour, np.float32)[:, None, None]
        return cls(u, v, soft, rgb, np.ones_like(u), *(np.zeros_like(u) for _ in range(3)))

    def tint(self, cover: Plane, colour: Colour) -> None:
        """Paint `colour` where `cover` says."""
        for plane, value in zip(self.rgb, colour, strict=True):
            plane += (np.float32(value) - plane) * cover

    def between(self, low: float, high: float) -> Skin:
        """The same skin's rows that hold any v between two heights: painting on it paints on the whole."""
        rows = np.flatnonzero(((self.v > low) & (self.v < high)).any(axis=1))
        part = slice(rows[0], rows[-1] + 1) if rows.size else slice(0)
        planes = (self.dark, self.flat, self.wet, self.shine)
        return Skin(self.u[part], self.v[part], self.soft, self.rgb[:, part], *(plane[part] for plane in planes))


def cover(inside: Plane, soft: float) -> Plane:
    """Coverage in [0, 1] from the signed distance to an edge, `soft` wide."""
    return np.maximum(np.minimum(inside * np.float32(1 / soft) + np.float32(0.5), 1), 0)


def bump(u: Plane, v: Plane, wide: float, tall: float) -> Plane:
    """A Gaussian hill of height 1."""
    return np.exp(u * u * np.float32(-0.5 / wide**2) + v * v * np.float32(-0.5 / tall**2))


def paint_marks(skin: Skin, who: Identity, smile: float) -> None:
    """Rosy cheeks, freckles, a mole."""
    r, g, b = who.skin
    part = skin.between(0.0, 0.8)
    blush = bump(np.abs(part.u) - 0.40, part.v - 0.36 + 0.04 * smile, 0.16, 0.13)
    part.tint(blush * (0.20 + who.blush), (min(1.0, r * 1.02), g * 0.66, b * 0.64))
    if who.freckles:
        rng = np.random.default_rng(who.strands + 1)
        part = skin.between(0.0, 0.6)
        field = np.zeros_like(part.u)
        for at_u, at_v in rng.normal((0, 0.3), (0.32, 0.10), (26, 2)).astype(np.float32):
            field = np.maximum(field, cover(0.017 - np.hypot(part.u - at_u, part.v - at_v), part.soft))
        part.tint(field * (0.6 * who.freckles), (r * 0.72, g * 0.55, b * 0.45))
    if who.mole[2]:
        at_u, at_v, radius = who.mole
        part = skin.between(at_v - 0.1, at_v + 0.1)
        part.tint(cover(radius - np.hypot(part.u - at_u, part.v - at_v), part.soft), (r * 0.4, g * 0.3, b * 0.28))


def paint_beard(skin: Skin, who: Identity, smile: float) -> None:
    """A beard below a line from the sideburns to the corners of the mouth, and a moustache."""
    if not who.beard:
        return
    part = skin.between(0.35, 1.2)
    u, v = np.abs(part.u), part.v
    r, g, b = (0.85 * c for c in who.hair)
    line = 0.42 + 0.30 * (1 - np.minimum(u / (0.8 * who.width), 1.0) ** 2)
    edge = np.maximum(np.minimum((v - line) / 0.12, 1), 0)
    around = np.maximum(np.minimum((np.hypot(u / 0.30, (v - who.mouth_height) / 0.13) - 1) * 3, 1), 0)
    stubble = 0.85 + 0.15 * np.sin(part.u * 83 + 3 * np.sin(v * 41)) * np.sin(v * 71)
    part.tint(edge * around * stubble * min(0.95, 0.2 + 0.8 * who.beard), (r, g, b))
    if who.moustache:
        middle = who.mouth_height - 0.06 - 0.03 * smile + 0.35 * u * u
        shape = np.maximum(np.minimum((0.04 + 0.02 * who.moustache - np.abs(v - middle)) / 0.03 + 0.5, 1), 0)
        part.tint(shape * np.maximum(np.minimum((0.28 - u) / 0.06, 1), 0) * (0.35 + 0.6 * who.moustache), (r, g, b))


def paint_mouth(skin: Skin, who: Identity, view: View) -> None:
    """Lips along a curve that a smile bends; when open, teeth and the dark between them."""
    part = skin.between(who.mouth_height - 0.25, who.mouth_height + 0.4)
    u = np.abs(part.u - 0.06 * math.tan(view.yaw))
    v = part.v - who.mouth_height + 0.04 * math.tan(view.pitch)
    smile, soft, broad = view.smile, part.soft, max(0.0, view.smile)
    width = who.mouth_width * (1 + 0.22 * smile - 0.12 * view.mouth_open)
    a = np.minimum(u / width, 1.3)
    arc = np.maximum(1 - a * a, 0)
    here = cover(width - u, soft)
    middle = (who.mouth_curve - 0.10 * smile) * a * a + 0.03 * smile
    gap = (0.16 * view.mouth_open + 0.05 * max(0.0, smile - 0.45)) * arc
    bow = 1 - 0.28 * np.exp(-((a / 0.2) ** 2))
    upper, lower = middle - 0.3 * gap, middle + 0.7 * gap
    top = upper - who.upper_lip * (1.1 - 0.25 * broad) * arc * bow
    bottom = lower + who.lower_lip * (1.05 - 0.2 * broad) * np.sqrt(arc)
    lips = cover(np.minimum(v - top, bottom - v), soft) * here
    mouth = cover(np.minimum(v - upper, lower - v), soft) * np.minimum(gap / soft, 1) * here
    part.tint(lips, who.lip)
    part.tint(mouth, (0.24, 0.07, 0.08))
    part.tint(mouth * cover(upper + np.minimum(0.07, 0.75 * gap) - v, soft), (0.95, 0.93, 0.89))
    line = np.exp(-(((v - upper) / (0.011 + 0.4 * soft)) ** 2)) * cover(0.99 * width - u, soft)
    corner = bump(u - width, v - who.mouth_curve + 0.07 * smile, 0.035, 0.03)
    part.dark *= (1 - 0.55 * line * (1 - mouth) - 0.28 * corner) * (1 - 0.16 * lips * (v < upper))
    np.maximum(part.flat, mouth, out=part.flat)
    np.maximum(part.wet, lips * (1 - mouth), out=part.wet)


def paint_eyes(skin: Skin, who: Identity, view: View, light: tuple[float, float, float]) -> None:
    """Both eyes at once, u being mirrored: the white between two lids, iris, pupil, lashes and the light's reflection."""
    part = skin.between(who.eye_height - 0.22, who.eye_height + 0.22)
    sign, soft, wide = np.sign(part.u), part.soft, who.eye_width
    du = np.abs(part.u) - who.eye_distance
    a = du / wide
    b = part.v - who.eye_height + who.eye_tilt * 1.2 * du
    arc, here = np.maximum(1 - a * a, 0), cover(wide - np.abs(du), soft)
    tall, broad = wide * who.eye_open, max(0.0, view.smile)
    lid = min(view.eyes_open, 1.2) * (1 - 0.2 * broad)
    top = arc * tall * (0.55 - 1.2 * lid) * (1 - 0.12 * a)
    bottom = arc * tall * (0.55 - 0.10 * broad)
    white = cover(np.minimum(b - top, bottom - b), soft) * here
    part.tint(white, (0.94, 0.93, 0.92))
    gaze_u, gaze_v = du - 0.05 * view.gaze[0] * sign, b - 0.03 * view.gaze[1] + 0.008
    away, radius = np.sqrt(gaze_u**2 + gaze_v**2), who.iris_size
    part.tint(white * cover(radius - away, soft), who.iris)
    ring = np.maximum(np.minimum((away / radius - 0.72) * 4, 0.75), 0)
    part.tint(white * cover(radius - away, soft) * ring, (0.06, 0.05, 0.06))
    part.tint(white * cover(radius * 0.46 - away, soft), (0.02, 0.02, 0.02))
    lash = np.exp(-(((b - top) / (0.009 + 0.015 * who.lashes + 0.3 * soft)) ** 2)) * cover(1.08 * wide - np.abs(du), soft)
    part.tint(lash * (0.5 + 0.5 * min(1.0, who.lashes)), (0.09, 0.06, 0.05))
    under = np.exp(-(((b - bottom) / (0.012 + 0.3 * soft)) ** 2)) * here
    crease = np.exp(-(((b - top + 0.06) / 0.017) ** 2)) * arc
    part.dark *= (1 - 0.22 * under) * (1 - 0.22 * crease)
    part.dark *= 1 - 0.28 * white * np.maximum(np.minimum((top - b) / (0.6 * tall) + 1, 1), 0)  # the lid's shadow
    glint = np.hypot(gaze_u - 0.03 * math.copysign(1, light[0]) * sign, gaze_v + 0.032)
    np.maximum(part.flat, white, out=part.flat)
    np.maximum(part.shine, white * cover(0.026 - glint, soft), out=part.shine)


def paint_brows(skin: Skin, who: Identity, view: View) -> None:
    """Two arched stripes, thinner outwards; raised by surprise, drawn together by a frown."""
    part = skin.between(who.eye_height - who.brow_gap - 0.25, who.eye_height)
    wide = who.eye_width * 1.25
    t = (np.abs(part.u) - who.eye_distance * 1.06) / wide
    rise, frown = 0.05 * view.brow_raise + 0.015 * view.smile, min(view.brow_raise, 0.0)
    line = who.eye_height - who.brow_gap - rise - who.brow_arch * (1 - t * t) - (who.brow_angle - 0.2 * frown) * t * wide
    thick = who.brow_thickness * (0.9 - 0.27 * t)
    across = np.maximum(np.minimum((thick - np.abs(part.v - line)) / (part.soft + 0.018) + 0.5, 1), 0)
    part.tint(across * cover((1 - np.abs(t)) * wide, part.soft + 0.03) * 0.9, who.brow)
