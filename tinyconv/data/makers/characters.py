"""Invented alphabets in the manner of Omniglot: letters composed of a few motifs, each written by several hands."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.arguments import check_count, check_generator

POINTS = 16  # of one stroke's smooth curve
Stroke = NDArray[np.float64]  # (POINTS, 2): right, down


@dataclass(frozen=True)
class Hand:
    """How one person writes."""

    slant: float
    stretch: float
    pen: float  # half-width of the line, the letter's box being 2 wide
    tremor: float
    carelessness: float  # how far strokes stray from where they belong
    turn: float


def alphabets(count: int, characters: int, drawers: int, size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Handwritten letters of `count` invented alphabets.

    An alphabet has a repertoire of motifs (lines, arcs, hooks, waves, loops) in a few directions; a letter joins two to four of
    them end to end or crossing; a hand adds its slant, pen and tremor to every letter of the alphabet. The idea of letters as
    programs of strokes is from Lake, Salakhutdinov, Tenenbaum, "Human-level concept learning through probabilistic program
    induction", Science 350, 2015.

    Parameters
    ----------
    count, characters, drawers : int
        Alphabets, letters of each, and hands that write every letter once; at least 1.
    size : int
        Height and width in pixels, at least 8.
    rng : numpy.random.Generator
        The same state gives the same letters.

    Returns
    -------
    float32 array (count, characters, drawers, size, size)
        Ink 1 on paper 0, with smooth edges. For a convolution add the channel: `letters[..., None]`.

    Raises
    ------
    DataError
        If a count is below 1, `size` below 8, or `rng` no Generator.
    """
    for name, value in (("count", count), ("characters", characters), ("drawers", drawers)):
        check_count(value, name, "alphabets")
    check_count(size, "size", "alphabets", least=8)
    check_generator(rng, "alphabets")
    letters = np.empty((count, characters, drawers, size, size), np.float32)
    for alphabet in letters:
        motifs, directions = _repertoire(rng)
        hands = [_hand(rng) for _ in range(drawers)]
        for letter in alphabet:
            strokes = _letter(motifs, directions, rng)
            for picture, hand in zip(letter, hands, strict=True):
                picture[:] = _written(strokes, hand, size, rng)
    return letters


def _repertoire(rng: np.random.Generator) -> tuple[list[Stroke], NDArray[np.float64]]:
    """Four to six motifs from (0, 0) to about (1, 0), and the directions in which the alphabet draws them."""
    motifs: list[Stroke] = []
    t = np.linspace(0, 1, POINTS)
    for kind in rng.permutation(["line", "line", "arc", "arc", "hook", "wave", "loop", "angle"])[: rng.integers(4, 7)]:
        bend = rng.choice([-1, 1]) * rng.uniform(0.5, 1.0)
        if kind == "line":
            x, y = t, 0.06 * bend * np.sin(math.pi * t)
        elif kind == "arc":
            x, y = t, 0.55 * bend * np.sin(math.pi * t)
        elif kind == "hook":
            x = np.minimum(1.3 * t, 1) - np.maximum(t - 0.75, 0) * abs(bend)
            y = 1.6 * bend * np.maximum(t - 0.6, 0) ** 1.5
        elif kind == "wave":
            x, y = t, 0.3 * bend * np.sin(2 * math.pi * t)
        elif kind == "angle":
            x, y = t, bend * np.maximum(0.5 - np.abs(t - 0.5), 0)
        else:
            turn = 2 * math.pi * t
            x, y = 0.45 * (1 - np.cos(turn)), 0.45 * bend * np.sin(turn)
        motifs.append(np.stack([x, y], 1))
    start = rng.uniform(0, math.pi)
    directions = start + np.array([0, math.pi / 2, math.pi, 1.5 * math.pi, rng.uniform(0.4, 1.2)])
    return motifs, directions[rng.permutation(5)[: rng.integers(3, 6)]]


def _letter(motifs: list[Stroke], directions: NDArray[np.float64], rng: np.random.Generator) -> list[Stroke]:
    """Two to four strokes; each later one begins at an end of, or on the middle of, an earlier one. Fits the box [-1, 1]."""
    strokes: list[Stroke] = []
    for number in range(int(rng.choice([2, 3, 4], p=[0.35, 0.45, 0.2]))):
        angle, length = rng.choice(directions), rng.choice([0.55, 1.0, 1.4], p=[0.3, 0.5, 0.2])
        c, s = math.cos(angle), math.sin(angle)
        stroke = motifs[rng.integers(len(motifs))] @ np.array([[c, s], [-s, c]]) * length
        if number:
            joint = strokes[rng.integers(number)][rng.choice([0, POINTS // 2, POINTS - 1])]
            stroke = stroke - stroke[rng.choice([0, POINTS // 2])] + joint
        strokes.append(stroke)
    everything = np.concatenate(strokes)
    low, high = everything.min(axis=0), everything.max(axis=0)
    scale = 1.5 / max(float((high - low).max()), 0.4)
    return [(stroke - (low + high) / 2) * scale for stroke in strokes]


def _hand(rng: np.random.Generator) -> Hand:
    return Hand(slant=rng.normal(0, 0.18), stretch=math.exp(rng.normal(0, 0.12)), pen=rng.uniform(0.055, 0.115),
                tremor=rng.uniform(0.004, 0.022), carelessness=rng.uniform(0.02, 0.07), turn=rng.normal(0, 0.08))


def _written(strokes: list[Stroke], hand: Hand, size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """One letter by one hand: (size, size), coverage by a round pen along the strokes' curves."""
    c, s = math.cos(hand.turn), math.sin(hand.turn)
    warp = np.array([[c * hand.stretch, s], [-s - hand.slant, c / hand.stretch]])
    t = np.linspace(0, 1, POINTS)
    paths = []
    for stroke in strokes:
        loose = hand.carelessness * rng.standard_normal((2, 2))
        tremor = np.cumsum(rng.standard_normal((POINTS, 2)), axis=0) * hand.tremor
        bow = hand.carelessness * rng.standard_normal(2) * np.sin(math.pi * t)[:, None]
        paths.append(stroke @ warp + loose[0] + (loose[1] - loose[0]) * t[:, None] + tremor + bow)
    shift = rng.normal(0, 0.05, 2)
    begin, end = (np.concatenate([path[part] for path in paths]) + shift for part in (np.s_[:-1], np.s_[1:]))
    fit = 0.94 / max(1.0, float(np.abs([begin, end]).max()) / 0.9)  # nobody writes over the edge
    begin, end = begin * fit, end * fit
    x, y = np.meshgrid(*[((np.arange(size) + 0.5) * (2 / size) - 1).astype(np.float32)] * 2)
    nearest = np.full((size, size), np.inf, np.float32)
    for (x0, y0), (along_x, along_y) in zip(begin.astype(np.float32), (end - begin).astype(np.float32), strict=True):
        dx, dy = x - x0, y - y0
        place = np.minimum(np.maximum((dx * along_x + dy * along_y) / max(along_x**2 + along_y**2, np.float32(1e-9)), 0), 1)
        dx, dy = dx - place * along_x, dy - place * along_y
        np.minimum(nearest, dx * dx + dy * dy, out=nearest)
    pixel = 2 / size
    return np.clip((max(hand.pen, 0.55 * pixel) - np.sqrt(nearest)) / pixel + 0.5, 0, 1)
