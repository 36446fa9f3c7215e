"""How a procedural face is seen: pose, light, expression, clothes and background, which change with every picture."""

from __future__ import annotations

import colorsys
import math
from dataclasses import dataclass

import numpy as np

from tinyconv.data.arguments import check_generator, check_number
from tinyconv.data.makers.people import Colour


@dataclass(frozen=True)
class View:
    """One way to look at a person. Angles in radians; the default is the neutral view: frontal, evenly lit, at rest.

    The picture spans -1 to 1 in x (right) and y (down).
    """

    yaw: float = 0.0  # > 0: the face turns to the right of the picture
    pitch: float = 0.0  # > 0: it looks up
    roll: float = 0.0  # > 0: it leans clockwise
    shift: tuple[float, float] = (0.0, 0.0)
    zoom: float = 1.0
    light: tuple[float, float, float] = (-0.25, -0.45, 0.86)  # unit vector to the light: right, down, towards the viewer
    light_colour: Colour = (0.72, 0.72, 0.72)
    ambient: Colour = (0.42, 0.42, 0.42)
    smile: float = 0.3  # -0.5 sad, 1 broad
    mouth_open: float = 0.0
    brow_raise: float = 0.0  # -1 frown, 1 raised
    eyes_open: float = 1.0
    gaze: tuple[float, float] = (0.0, 0.0)  # right, down, each in [-1, 1]
    clothes: Colour = (0.35, 0.42, 0.55)
    second: Colour = (0.85, 0.85, 0.82)  # of the pattern on the clothes
    pattern: str = "plain"  # one of PATTERNS
    collar: float = 0.0  # depth of a V at the neck
    background: tuple[Colour, Colour] = ((0.80, 0.82, 0.84), (0.62, 0.66, 0.72))
    scene: str = "gradient"  # one of SCENES
    seed: int = 0  # of the scene's shapes and the camera's noise
    noise: float = 0.0  # standard deviation of the camera's noise


PATTERNS = ("plain", "stripes", "bands", "checks")
SCENES = ("gradient", "lights", "bars", "hills")


def view(rng: np.random.Generator, strength: float = 1.0) -> View:
    """A view drawn at random; `strength` scales how far pose and light stray from the neutral ones (1: faces in the wild).

    DataError if `rng` is no Generator, or `strength` negative or not finite.
    """
    check_generator(rng, "view")
    check_number(strength, "strength", "view", least=0)
    across, down = strength * rng.uniform(-0.95, 0.95), rng.uniform(-0.7, 0.2) * strength
    length = math.sqrt(across**2 + down**2 + 0.8)
    warmth, power = strength * rng.normal(0, 0.07), 0.80 * math.exp(strength * rng.normal(0, 0.16))
    fill = rng.uniform(0.28, 0.5)
    tint = strength * rng.normal(0, 0.03, 3)
    smile = float(np.clip(rng.normal(0.35, 0.38), -0.35, 1.0))
    blink = rng.random() < 0.06
    return View(
        yaw=float(strength * np.clip(rng.normal(0, 0.24), -0.5, 0.5)),
        pitch=float(strength * np.clip(rng.normal(0, 0.12), -0.26, 0.26)),
        roll=float(strength * np.clip(rng.normal(0, 0.1), -0.25, 0.25)),
        shift=(float(strength * rng.uniform(-0.1, 0.1)), float(strength * rng.uniform(-0.07, 0.09))),
        zoom=float(math.exp(strength * rng.normal(0, 0.07))),
        light=(float(across / length), float(down / length), float(math.sqrt(0.8) / length)),
        light_colour=(power * (1 + warmth), power, power * (1 - warmth)),
        ambient=(float(fill * (1 + tint[0])), float(fill * (1 + tint[1])), float(fill * (1 + tint[2] - 0.5 * warmth))),
        smile=smile, mouth_open=float(max(0.0, rng.normal(-0.1, 0.35))), brow_raise=float(np.clip(rng.normal(0, 0.4), -1, 1)),
        eyes_open=0.0 if blink else float(np.clip(rng.normal(1.0, 0.12), 0.6, 1.15)),
        gaze=(float(np.clip(rng.normal(0, 0.4), -1, 1)), float(np.clip(rng.normal(0, 0.25), -0.7, 0.7))),
        clothes=_paint(rng), second=_paint(rng), pattern=str(rng.choice(PATTERNS)), collar=float(rng.choice([0.0, 0.12, 0.3])),
        background=(_paint(rng), _paint(rng)), scene=str(rng.choice(SCENES)), seed=int(rng.integers(2**31)),
        noise=float(strength * rng.uniform(0, 0.02)))


def _paint(rng: np.random.Generator) -> Colour:
    """A colour for cloth or wall: any hue, seldom garish."""
    return colorsys.hsv_to_rgb(float(rng.random()), float(rng.beta(1.6, 2.0)), float(rng.uniform(0.2, 0.95)))
