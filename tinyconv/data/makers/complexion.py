"""A lit face: the skin with its features, in relief over the head's ellipses, under one light and an ambient."""

from __future__ import annotations

import math

import numpy as np

from tinyconv.data.makers.features import (
    Skin,
    bump,
    paint_beard,
    paint_brows,
    paint_eyes,
    paint_marks,
    paint_mouth,
)
from tinyconv.data.makers.heads import Plane, Surface
from tinyconv.data.makers.people import Identity
from tinyconv.data.makers.views import View


def lit_face(who: Identity, view: View, head: Surface, light: tuple[float, float, float], soft: float) -> Plane:
    """Colour of the head at each pixel, float32 (3, h, w); `light` is the unit vector to the light in the head's frame."""
    skin = Skin.bare(who.skin, head.u, head.v, soft)
    paint_marks(skin, who, view.smile)
    paint_beard(skin, who, view.smile)
    normal_u, normal_v = _relief(who, view, head, skin)
    paint_mouth(skin, who, view)
    paint_eyes(skin, who, view, light)
    paint_brows(skin, who, view)
    return _shaded(skin, view, light, (normal_u, normal_v, head.normal[2]))


def _relief(who: Identity, view: View, head: Surface, skin: Skin) -> tuple[Plane, Plane]:
    """The first two parts of the normal, tilted by what stands out of the ellipses: n - grad h, h a sum of Gaussian hills.

    What stands out moves against the surface when the head turns: by its height times the tangent of the angle.
    """
    lift_u, lift_v = math.tan(view.yaw), math.tan(view.pitch)
    normal_u, normal_v = head.normal[0].copy(), head.normal[1].copy()
    u, v, old, broad = head.u, head.v, max(0.0, who.age - 0.25) / 0.75, max(0.0, view.smile)
    mirrored, sign = np.abs(u), np.sign(u)

    def hill(height: float, at_u: Plane, at_v: Plane, wide: float, tall: float, mirror: Plane | float = 1.0) -> None:
        lump = height * bump(at_u, at_v, wide, tall)
        np.add(normal_u, lump * at_u * (mirror / wide**2), out=normal_u)
        np.add(normal_v, lump * at_v * (1 / tall**2), out=normal_v)

    eye_u, eye_v = mirrored - who.eye_distance, v - who.eye_height
    hill(-0.06, eye_u, eye_v + 0.02, 0.19, 0.13, sign)  # the eyes' sockets
    hill(0.04, eye_u + 0.06, eye_v + who.brow_gap + 0.02, 0.24, 0.09, sign)  # brows
    hill(who.cheeks + 0.05 * broad, mirrored - 0.40, v - 0.36 + 0.04 * view.smile, 0.17, 0.13, sign)
    hill(0.05, u - 0.08 * lift_u, v - 0.88, 0.15, 0.10)  # chin
    tip_u, tip_v = u - 0.20 * lift_u, v - who.nose_length + 0.16 * lift_v
    wing = np.abs(tip_u)
    bridge_u = u - lift_u * np.maximum(np.minimum(0.05 + 0.16 * v / who.nose_length, 0.2), 0.02)
    hill(0.07 * who.nose_bridge, bridge_u, v - 0.5 * who.nose_length + 0.05 * lift_v, 0.075, 0.22)
    hill(0.11, tip_u, tip_v + 0.02, who.nose_width * 0.55, 0.075)
    hill(0.05, wing - who.nose_width * 0.75, tip_v - 0.01, 0.05, 0.05, np.sign(tip_u))
    hill(0.05, u - 0.06 * lift_u, v - who.mouth_height, 0.24, 0.13)
    hill(-0.02, u - 0.06 * lift_u, v - who.mouth_height - 0.16, 0.13, 0.04)
    if old or broad > 0.1:  # folds from the nose's wings past the corners of the mouth
        fold = wing - who.nose_width * 1.05 - 0.45 * np.maximum(tip_v, 0)
        deep = (0.011 * old + 0.008 * broad) * bump(tip_v - 0.13, fold, 0.11, 0.035)
        normal_u -= deep * fold * (1 / 0.035**2) * np.sign(tip_u)
    if old > 0.2:  # lines on the forehead, bags under the eyes
        normal_v += 0.18 * old * np.cos((v + 0.05 * u * u) * 62) * bump(u, v + 0.45, 0.34, 0.11)
        hill(0.02 * old, eye_u, eye_v - 0.13, 0.10, 0.035, sign)
    skin.dark *= 1 - 0.26 * bump(tip_u, tip_v - 0.08, who.nose_width * 0.75, 0.035)  # the nose's shadow
    nostril = bump(wing - who.nose_width * 0.5, tip_v - 0.03 + 0.05 * lift_v, 0.034, 0.017)
    skin.dark *= 1 - np.minimum(1.1 * nostril, 0.75)
    skin.dark *= 1 - 0.18 * bump(eye_u + 0.1, eye_v + 0.03, 0.09, 0.09)  # beside the nose's root
    return normal_u, normal_v


def _shaded(skin: Skin, view: View, light: tuple[float, float, float], normal: tuple[Plane, Plane, Plane]) -> Plane:
    """Lambert's law with a soft terminator, and a little gloss (Blinn's half vector)."""
    relief = 1 - 0.8 * skin.flat
    normal_u, normal_v, normal_z = normal[0] * relief, normal[1] * relief, normal[2]
    length = 1 / np.sqrt(normal_u**2 + normal_v**2 + normal_z**2)
    lx, ly, lz = light
    cosine = lx * normal_u + ly * normal_v + lz * normal_z
    lambert = np.maximum((cosine * length + 0.25) * (1 / 1.25), 0)
    halfway = np.maximum((cosine + normal_z) * length * (1 / math.sqrt(lx**2 + ly**2 + (lz + 1) ** 2)), 0)
    squared = halfway * halfway
    fourth = squared * squared
    gloss = (0.07 + 0.2 * skin.wet) * (fourth * fourth * fourth * fourth * squared) * (1 - skin.flat) + 0.9 * skin.shine
    edge = skin.dark * (0.80 + 0.20 * np.minimum(normal[2] * 1.6, 1))
    for plane, ambient, power in zip(skin.rgb, view.ambient, view.light_colour, strict=True):
        plane *= edge * (ambient + power * lambert)
        plane += gloss * power
    return skin.rgb
