"""The portrait painter: one picture of one person in one view, back to front, all pixels of a layer at once."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.arguments import check_choice, check_count
from tinyconv.data.makers.complexion import lit_face
from tinyconv.data.makers.features import cover
from tinyconv.data.makers.hair import behind, fuzz, hairline, strand_shade, strand_table
from tinyconv.data.makers.heads import Plane, Profile, Surface, front, head_profile
from tinyconv.data.makers.people import Colour, Identity
from tinyconv.data.makers.scenery import backdrop, shoulders
from tinyconv.data.makers.views import PATTERNS, SCENES, View

SPAN = 1.5  # half the picture's width, in half-heights of the head
NECK = 0.6  # v of the point about which the head leans
SAMPLES = 2  # per pixel and axis, averaged


def render(identity: Identity, view: View, size: int) -> NDArray[np.float32]:
    """The picture of `identity` seen in `view`.

    Parameters
    ----------
    identity : Identity
        From `tinyconv.data.makers.people.identity`.
    view : View
        From `tinyconv.data.makers.views.view`, or `View()`, the neutral one.
    size : int
        Height and width in pixels, at least 8.

    Returns
    -------
    float32 array (size, size, 3), RGB in [0, 1]; the same arguments give the same picture.

    Raises
    ------
    DataError
        If `size` is below 8 or not an integer, or the view's pattern or scene is unknown.
    """
    check_count(size, "size", "render", least=8)
    check_choice(view.pattern, "view.pattern", "render", PATTERNS)
    check_choice(view.scene, "view.scene", "render", SCENES)
    return _Portrait(identity, view, int(size)).painted()


class _Portrait:
    """One picture being painted: `rgb` is float32 (3, n, n), n = SAMPLES * size; `near` is the part of it around the head."""

    def __init__(self, who: Identity, view: View, size: int) -> None:
        self.who, self.view, self.size = who, view, size
        plain_x, plain_y = _grid(SAMPLES * size)
        scale = SPAN / view.zoom
        self.soft = 2.6 * scale / (SAMPLES * size)  # width of an edge: a little over one sample
        self.body_x = (plain_x - view.shift[0]) * scale
        self.body_y = (plain_y - view.shift[1]) * scale + 0.13
        self.rgb = backdrop(view, plain_x, plain_y)
        c, s = math.cos(view.roll), math.sin(view.roll)
        above = self.body_y - NECK
        self.x, self.y = c * self.body_x + s * above, c * above - s * self.body_x + NECK
        cut = who.haircut
        wide, tall = max(who.width + cut.volume + 0.15, 0.98), 1.08 + cut.height
        self.near = _box(np.abs(self.x) < wide, np.abs(self.y) < tall)
        self.light = _light_on_head(view)

    def painted(self) -> NDArray[np.float32]:
        who, view = self.who, self.view
        x, y = self.x[self.near], self.y[self.near]
        profile, table = _profile(who.width, who.jaw, who.chin), strand_table(who.strands)
        head = front(profile, x, y, view.yaw, view.pitch)
        shell = self._shell(profile, x, y)
        outline = cover(shell.inside + fuzz(who, x, y), self.soft)
        strands = strand_shade(who, table, shell)
        self._hair_behind(table, shell, strands, outline)
        self._neck_and_clothes()
        self._ear(1 if view.yaw >= 0 else -1)
        self._head(head, table)
        self._ear(-1 if view.yaw >= 0 else 1)
        self._hair(shell, strands, outline)
        self._glasses(head)
        return self._developed()

    def _blend(self, amount: Plane, colour: Colour, shade: Plane | float, lambert: Plane | float, near: bool = True) -> None:
        """Paint a colour under the view's light: `shade` multiplies it, `lambert` is the cosine to the light."""
        for i in range(3):
            plane = self.rgb[i][self.near] if near else self.rgb[i]
            plane += (colour[i] * shade * (self.view.ambient[i] + self.view.light_colour[i] * lambert) - plane) * amount

    def _hair_behind(self, table: Plane, shell: Surface, strands: Plane, outline: Plane) -> None:
        who = self.who
        amount, shade = behind(who, table, self.x, self.y, self.view.yaw, self.soft)
        if amount.any():
            self._blend(amount, who.hair, shade, 0.5, near=False)
        if who.haircut.name != "bald":
            ends = who.haircut.sides - 0.05 + 0.3 * (strands - 1) - 0.2 * shell.side * shell.side
            self._blend(outline * cover(ends - shell.v, 0.06), who.hair, 0.6 * strands, 0.5)

    def _neck_and_clothes(self) -> None:
        who, view, soft = self.who, self.view, self.soft
        x, y = self.body_x, self.body_y
        lean = -math.tan(view.roll) * np.maximum(NECK + 0.5 - y, 0)
        half = who.neck + 0.10 * np.maximum(y - 0.9, 0) ** 2
        under = np.maximum(np.minimum((y - 0.62 - 0.1 * math.sin(view.pitch)) * 1.5, 1), 0.35)  # the chin's shadow
        turn = np.maximum(0.62 + 0.5 * view.light[0] * (x / half), 0.15)
        neck = cover(half - np.abs(x + lean), soft) * cover(y - 0.3, soft)
        self._blend(neck, who.skin, under, turn, near=False)
        amount, shade, second = shoulders(view, x, y, who.neck, soft)
        lambert = np.maximum(0.55 + 0.4 * view.light[0] * x - 0.2 * view.light[1], 0.1)
        self._blend(amount, view.clothes, shade, lambert, near=False)
        if view.pattern != "plain":
            self._blend(amount * second, view.second, shade, lambert, near=False)

    def _ear(self, side: int) -> None:
        """The ear at u = side * width: the far one is painted before the head, the near one after it."""
        who, view = self.who, self.view
        s, c = math.sin(view.yaw), math.cos(view.yaw)
        if who.haircut.sides > 0.5:
            return  # the hair hides it
        height = 0.21 * who.ears
        wide = 0.5 * height * (1 + max(0.0, -side * s))
        a = (self.x[self.near] - side * (who.width * 0.99 + who.ear_lean) * c + 0.10 * s) / wide
        b = (self.y[self.near] - 0.12 - 0.10 * math.sin(view.pitch)) / height
        a = a + 0.25 * side * b  # leans outwards above
        r = np.sqrt(a * a + b * b)
        fold = 1 - 0.30 * np.exp(-(((r - 0.55) / 0.16) ** 2)) - 0.2 * np.exp(-((r / 0.35) ** 2))
        red, green, blue = who.skin
        lambert = max(0.1, 0.45 + 0.45 * side * self.light[0] + 0.15 * self.light[2])
        self._blend(cover((1 - r) * wide, self.soft), (red, green * 0.92, blue * 0.9), fold, lambert)

    def _head(self, head: Surface, table: Plane) -> None:
        """The face, lit, with the shadow that the hair's edge casts on it."""
        inside = _box(head.inside > -self.soft)
        head = Surface(head.u[inside], head.v[inside], head.side[inside],
                       (head.normal[0][inside], head.normal[1][inside], head.normal[2][inside]), head.inside[inside])
        face = lit_face(self.who, self.view, head, self.light, self.soft)
        if self.who.haircut.name != "bald":
            face *= 1 - 0.35 * hairline(self.who, head.side, head.v - 0.06, strand_shade(self.who, table, head), 0.14)
        target = self.rgb[(slice(None), *self.near)][(slice(None), *inside)]
        target += (face - target) * cover(head.inside, self.soft)

    def _shell(self, profile: Profile, x: Plane, y: Plane) -> Surface:
        """The hair's outer surface: the head, wider by the hair's volume and higher by its height."""
        wide, tall = 1.02 + self.who.haircut.volume, 1.02 + 0.9 * self.who.haircut.height
        return front(profile, x / wide, (y + 0.05) / tall - 0.05, self.view.yaw, self.view.pitch)

    def _hair(self, shell: Surface, strands: Plane, outline: Plane) -> None:
        who = self.who
        amount = outline * hairline(who, shell.side, shell.v, strands, self.soft * 1.5)
        normal_u, normal_v, normal_z = shell.normal
        lx, ly, lz = self.light
        length = 1 / np.sqrt(normal_u**2 + normal_v**2 + normal_z**2)
        lambert = np.maximum(((lx * normal_u + ly * normal_v + lz * normal_z) * length + 0.35) / 1.35, 0)
        if who.haircut.name == "buzz":
            amount = amount * 0.75
        self._blend(amount, who.hair, strands * (0.7 + 0.3 * np.maximum(normal_z, 0)), lambert)

    def _glasses(self, head: Surface) -> None:
        who, view, soft = self.who, self.view, self.soft
        if not who.glasses:
            return
        du = np.abs(head.u - 0.14 * math.tan(view.yaw)) - who.eye_distance * 1.04
        dv = (head.v - who.eye_height - 0.02 + 0.10 * math.tan(view.pitch)) * 1.12
        power = 2 + 4 * who.glasses_square
        away = (np.abs(du) ** power + np.abs(dv) ** power) ** (1 / power)
        inside, thin = cover(head.inside, soft), 0.016 + 0.2 * soft
        rim = cover(thin + 0.006 - np.abs(away - who.glasses), soft)
        bridge = cover(thin - np.abs(dv + 0.06), soft) * (du < -who.glasses)
        temple = cover(thin - np.abs(dv + 0.08), soft) * (du > who.glasses)
        glare = cover(who.glasses - away, soft) * 0.10 * (1 + np.sin((du + dv) * 12))
        self._blend(glare * inside, (1.0, 1.0, 1.0), 1.0, 0.7)
        self._blend(np.maximum(rim, np.maximum(bridge, temple)) * inside, who.frame, 1.0, 0.6)

    def _developed(self) -> NDArray[np.float32]:
        """The samples averaged to pixels, highlights rolled off, the camera's noise added: (size, size, 3) in [0, 1]."""
        n, k = self.size, SAMPLES
        blocks = self.rgb.reshape(3, n, k, n, k)
        picture = blocks[:, :, 0, :, 0].copy()
        for i in range(1, k * k):
            picture += blocks[:, :, i // k, :, i % k]
        picture *= np.float32(1 / k**2)
        bright = np.maximum(picture - 0.75, 0)  # film's shoulder: 0.75 and below as it is, ever more light towards 1
        picture = np.minimum(picture, 0.75) + 0.25 * bright / (0.25 + bright)
        if self.view.noise:
            noise = np.random.default_rng(self.view.seed).standard_normal(picture.shape, np.float32)
            picture += noise * np.float32(self.view.noise)
        return np.ascontiguousarray(np.minimum(np.maximum(picture, 0), 1).transpose(1, 2, 0), np.float32)


@lru_cache(maxsize=4)
def _grid(n: int) -> tuple[Plane, Plane]:
    """x and y of the centres of n x n samples, from -1 to 1."""
    centres = ((np.arange(n) + 0.5) * (2 / n) - 1).astype(np.float32)
    x, y = (np.ascontiguousarray(np.broadcast_to(a, (n, n))) for a in (centres[None], centres[:, None]))
    x.setflags(write=False)
    y.setflags(write=False)
    return x, y


@lru_cache(maxsize=64)
def _profile(width: float, jaw: float, chin: float) -> Profile:
    return head_profile(width, jaw, chin)


def _box(*conditions: np.ndarray) -> tuple[slice, slice]:
    """The smallest rows and columns that hold every pixel where all conditions are true."""
    true = np.logical_and.reduce(conditions)
    rows, columns = (np.flatnonzero(true.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return slice(0, 0), slice(0, 0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _light_on_head(view: View) -> tuple[float, float, float]:
    """The direction to the light in the head's own frame: roll, pitch and yaw undone."""
    x, y, z = view.light
    c, s = math.cos(view.roll), math.sin(view.roll)
    x, y = c * x + s * y, c * y - s * x
    c, s = math.cos(view.pitch), math.sin(view.pitch)
    y, z = c * y + s * z, c * z - s * y
    c, s = math.cos(view.yaw), math.sin(view.yaw)
    return c * x - s * z, y, s * x + c * z
