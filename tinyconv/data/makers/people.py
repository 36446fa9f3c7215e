"""Who a procedural face is: the numbers that stay the same in every picture of one person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.arguments import check_generator

Colour = tuple[float, float, float]

SKINS = np.array([[0.90, 0.76, 0.69], [0.88, 0.70, 0.59], [0.83, 0.63, 0.49], [0.75, 0.54, 0.39],
                  [0.63, 0.43, 0.31], [0.52, 0.34, 0.24], [0.42, 0.27, 0.20]])
HAIRS = np.array([[0.07, 0.06, 0.07], [0.16, 0.10, 0.07], [0.31, 0.18, 0.10], [0.44, 0.27, 0.15], [0.56, 0.25, 0.12],
                  [0.64, 0.49, 0.30], [0.80, 0.69, 0.48]])
IRISES = np.array([[0.20, 0.11, 0.06], [0.36, 0.21, 0.10], [0.45, 0.36, 0.16], [0.27, 0.42, 0.24], [0.26, 0.45, 0.62],
                   [0.45, 0.55, 0.60]])


@dataclass(frozen=True)
class Haircut:
    """A hair style: lengths in half-heights of a head (v = -1 crown, 0 eyes, 1 chin), see `tinyconv.data.makers.hair`."""

    name: str
    volume: float  # how far the hair stands off the skull at the sides
    height: float  # and on top
    hairline: float  # v of the hair's edge over the middle of the forehead
    slant: float  # how much lower that edge is on one side than on the other
    temple: float  # |sine of the longitude| where the forehead ends and the sides begin
    sides: float  # v where the sides end
    back: float  # v where the hair behind the neck ends
    curl: float  # 0 straight, 1 curls
    part: float  # longitude of the parting
    knot: float = 0.0  # radius of a bun on the crown, 0 for none


HAIRCUTS = (
    Haircut("bald", 0.0, 0.0, -1.3, 0.0, 0.84, -0.05, 0.0, 0.1, 0.0),
    Haircut("buzz", 0.03, 0.03, -0.66, 0.0, 0.80, 0.02, 0.0, 0.3, 0.0),
    Haircut("short", 0.08, 0.13, -0.60, 0.08, 0.84, 0.08, 0.0, 0.15, 0.3),
    Haircut("quiff", 0.04, 0.24, -0.68, 0.05, 0.86, 0.05, 0.0, 0.1, -0.2),
    Haircut("fringe", 0.11, 0.12, -0.34, 0.03, 0.80, 0.30, 0.5, 0.0, 0.0),
    Haircut("swept", 0.10, 0.15, -0.48, 0.26, 0.80, 0.15, 0.0, 0.05, 0.5),
    Haircut("bob", 0.15, 0.12, -0.52, 0.16, 0.74, 0.72, 0.95, 0.05, 0.35),
    Haircut("long", 0.13, 0.12, -0.62, 0.05, 0.72, 1.05, 1.75, 0.15, 0.05),
    Haircut("waves", 0.22, 0.18, -0.56, 0.14, 0.72, 0.95, 1.45, 0.8, 0.3),
    Haircut("curls", 0.28, 0.26, -0.56, 0.0, 0.76, 0.42, 0.75, 1.0, 0.0),
    Haircut("afro", 0.46, 0.40, -0.60, 0.0, 0.80, 0.45, 0.55, 1.0, 0.0),
    Haircut("bun", 0.04, 0.06, -0.62, 0.0, 0.84, 0.05, 0.0, 0.0, 0.0, 0.34),
    Haircut("pixie", 0.09, 0.12, -0.42, 0.20, 0.80, 0.24, 0.1, 0.1, 0.45),
)


@dataclass(frozen=True)
class Identity:
    """One invented person. Lengths are in half-heights of the head: the eyes are at v = 0, the chin at v = 1."""

    width: float
    jaw: float  # width at the jaw over width at the cheeks
    chin: float
    cheeks: float  # height of the cheekbones' bumps
    skin: Colour
    blush: float
    age: float  # 0 young, 1 old: folds beside the mouth, lines on the forehead
    haircut: Haircut
    hair: Colour
    brow: Colour
    strands: int  # seed of the hair's strands, moles and freckles
    eye_distance: float
    eye_height: float
    eye_width: float
    eye_open: float  # height of the open eye over its width
    eye_tilt: float
    iris: Colour
    iris_size: float
    lashes: float
    brow_gap: float
    brow_thickness: float
    brow_angle: float
    brow_arch: float
    nose_length: float
    nose_width: float
    nose_bridge: float
    mouth_height: float
    mouth_width: float
    upper_lip: float
    lower_lip: float
    mouth_curve: float
    lip: Colour
    ears: float
    ear_lean: float
    beard: float  # 0 none, below 0.5 a shadow, 1 full
    moustache: float
    glasses: float  # 0 none, else the radius of a lens
    glasses_square: float  # 0 round, 1 square
    frame: Colour
    freckles: float
    mole: tuple[float, float, float]  # u, v and radius; radius 0 for none
    neck: float


def identity(rng: np.random.Generator) -> Identity:
    """An invented person, drawn at random: face, skin, hair, eyes, brows, nose, mouth, ears and marks.

    The numbers are independent draws around plain averages, except that brows follow the hair, lips the skin, and that beards,
    bald heads and grey hair come with age and build; nothing is measured on any real person. DataError if `rng` is no
    Generator.
    """
    check_generator(rng, "identity")
    age, robust = rng.beta(1.3, 1.9), rng.random()  # robust: broad jaw, heavy brow, perhaps a beard
    tone = rng.uniform(0, 1)
    skin = _between(SKINS, tone) + rng.normal(0, 0.008, 3) + rng.normal(0, 0.012) * np.array([1, 0, -1])
    dark_bias = max(0.0, tone - 0.35) * 1.2
    hair = _between(HAIRS, np.clip(rng.beta(0.9, 1.3) * (1 - dark_bias), 0, 1)) * rng.uniform(0.85, 1.15)
    if age > 0.55 and rng.random() < 0.6:
        grey = rng.uniform(0.4, 1.0)
        hair = (1 - grey) * hair + grey * rng.uniform(0.55, 0.9) * np.array([1.0, 0.99, 0.97])
    dyed = rng.random() < 0.06
    if dyed:
        hair = np.array([[0.50, 0.20, 0.38], [0.16, 0.38, 0.50], [0.25, 0.42, 0.28]])[rng.integers(3)] * rng.uniform(0.8, 1.2)
    odds = np.array([1.4 * robust * age, robust + 0.2, 1 + robust, 0.6 + robust, 0.9, 1, 1.4 * (1 - robust), 1.8 * (1 - robust),
                     1.4 * (1 - robust), 0.6 + 0.6 * tone, 0.1 + 0.9 * tone, 0.9 * (1 - robust), 0.9])
    cut = HAIRCUTS[rng.choice(len(HAIRCUTS), p=odds / odds.sum())]
    left = 1 if rng.random() < 0.5 else -1
    haircut = Haircut(cut.name, cut.volume * rng.uniform(0.75, 1.25), cut.height * rng.uniform(0.75, 1.25),
                      cut.hairline + rng.normal(0, 0.04), cut.slant * left * rng.uniform(0.6, 1.3),
                      cut.temple + rng.normal(0, 0.02), cut.sides + rng.normal(0, 0.06), cut.back + rng.normal(0, 0.08),
                      cut.curl * rng.uniform(0.7, 1.1), cut.part * left, cut.knot * rng.uniform(0.8, 1.2))
    brow = 0.75 * hair + 0.25 * np.array([0.1, 0.07, 0.05]) if not dyed else np.array([0.2, 0.13, 0.1])
    redness = rng.beta(1.2, 2.5)
    lip = (1 - redness) * (skin * [0.92, 0.68, 0.66]) + redness * np.array([0.74, 0.16, 0.22]) * (1.1 - 0.4 * tone)
    whiskers = rng.random() < 0.75 * max(0.0, robust - 0.35) / 0.65
    ocular = rng.beta(0.7, 1.2) if rng.random() > dark_bias else rng.uniform(0, 0.35)
    frames = np.array([[0.1, 0.1, 0.12], [0.45, 0.25, 0.1], [0.75, 0.6, 0.25], [0.6, 0.1, 0.15], [0.15, 0.25, 0.5]])
    return Identity(
        width=rng.normal(0.705, 0.045), jaw=0.69 + 0.15 * robust + rng.normal(0, 0.045),
        chin=0.37 + 0.14 * robust + rng.normal(0, 0.05), cheeks=rng.uniform(0.01, 0.07),
        skin=_colour(skin), blush=rng.uniform(0, 0.25), age=age,
        haircut=haircut, hair=_colour(hair), brow=_colour(brow), strands=int(rng.integers(2**31)),
        eye_distance=rng.normal(0.315, 0.025), eye_height=rng.normal(0.02, 0.035), eye_width=rng.normal(0.172, 0.016),
        eye_open=_within(rng.normal(0.72, 0.11), 0.45, 1.0), eye_tilt=rng.normal(0.03, 0.07),
        iris=_colour(_between(IRISES, ocular)), iris_size=rng.normal(0.086, 0.006),
        lashes=rng.uniform(0.3, 1) * (1.15 - 0.6 * robust),
        brow_gap=rng.normal(0.225, 0.024) - 0.03 * robust,
        brow_thickness=_within(rng.normal(0.036, 0.012) + 0.018 * robust, 0.015, 0.08),
        brow_angle=rng.normal(-0.07, 0.13), brow_arch=_within(rng.normal(0.04, 0.022), 0, 0.1),
        nose_length=rng.normal(0.41, 0.04), nose_width=_within(rng.normal(0.145, 0.025) + 0.03 * (tone - 0.5), 0.09, 0.22),
        nose_bridge=rng.uniform(0.5, 1.3),
        mouth_height=rng.normal(0.645, 0.025), mouth_width=_within(rng.normal(0.27, 0.032), 0.19, 0.35),
        upper_lip=_within(rng.normal(0.045, 0.014) + 0.012 * (tone - 0.5), 0.014, 0.09),
        lower_lip=_within(rng.normal(0.06, 0.016) + 0.012 * (tone - 0.5), 0.02, 0.11),
        mouth_curve=rng.normal(-0.01, 0.018), lip=_colour(lip),
        ears=rng.uniform(0.8, 1.25), ear_lean=rng.uniform(0, 0.08),
        beard=rng.uniform(0.15, 1.0) if whiskers else 0.0,
        moustache=rng.uniform(0.4, 1.0) if whiskers and rng.random() < 0.7 else 0.0,
        glasses=rng.uniform(0.2, 0.27) if rng.random() < 0.22 else 0.0, glasses_square=rng.random(),
        frame=_colour(frames[rng.integers(len(frames))]),
        freckles=rng.uniform(0.3, 1) if tone < 0.5 and rng.random() < 0.25 else 0.0,
        mole=(rng.uniform(-0.45, 0.45), rng.uniform(0.25, 0.85), rng.uniform(0.018, 0.03) if rng.random() < 0.25 else 0.0),
        neck=rng.normal(0.40, 0.03) + 0.07 * robust)


def _within(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def _between(palette: NDArray[np.float64], place: float) -> NDArray[np.float64]:
    """The colour at `place` in [0, 1] along a palette."""
    steps = np.linspace(0, 1, len(palette))
    return np.array([np.interp(place, steps, channel) for channel in palette.T])


def _colour(rgb: NDArray[np.float64]) -> Colour:
    r, g, b = np.clip(rgb, 0.02, 1.0)
    return float(r), float(g), float(b)
