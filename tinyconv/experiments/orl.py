"""Face verification of people never seen, on the ORL faces: `tinyconv reproduce orl`.

The protocol of Chopra, Hadsell & LeCun 2005: 35 people to train, 5 to verify, here for five draws of the five. Every choice
below was made on people of the training sets, held out from training (draws 0 to 3, 25 people to train and 10 to look at).
With 40 people in all, some who were looked at in one draw are test people of another: of the five, 4, 1, 3, 1 and 1. So the
figure is not free of the choices. Every run on test people: the one that is recorded.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.packs import load
from tinyconv.data.transforms import affine, colour, compose, flip, turn
from tinyconv.errors import DataError
from tinyconv.experiments.machine import machine
from tinyconv.experiments.results import Result
from tinyconv.experiments.triplets import Recipe, embed, train_encoder
from tinyconv.metric.evaluation import equal_error_rate, every_pair, false_reject_rate
from tinyconv.metric.miners import violating_triplets
from tinyconv.models.face_encoder import face_encoder

Array = NDArray[Any]

DRAWS, TEST_PEOPLE = 5, 5
RECIPE = Recipe(epochs=8, steps=50, people=10, images=4, margin=0.2, lr=1e-3, mine=violating_triplets)
AUGMENT = compose(  # what a head may do between two photographs, and what light may do
    flip,
    lambda x, rng: affine(x, rng, rotation=8, scale=(0.83, 1.2), shift=0.09, fill="edge"),
    lambda x, rng: turn(x, rng, sd=0.12),
    lambda x, rng: colour(x, rng, brightness=0.3, contrast=0.3),
)


def run(seed: int, checkpoint: Path, save_weights: bool) -> Result:
    """Five draws of the test people, seeds 5 * seed to 5 * seed + 4: the mean of their error rates."""
    if save_weights:
        raise DataError("orl: no weights come with tinyconv for this experiment; leave --save-weights out.")
    faces = load_faces()
    seeds = tuple(range(DRAWS * seed, DRAWS * seed + DRAWS))
    rates, seconds = [], 0.0
    for draw in seeds:
        part = checkpoint.with_name(f"{checkpoint.stem}.{draw}.npz")
        order = np.random.default_rng(draw).permutation(len(faces))
        net, spent = train(faces[order[TEST_PEOPLE:]], draw, part)
        rates.append([100 * rate for rate in verification(lambda x, net=net: embed(net, x), faces[order[:TEST_PEOPLE]])])
        rates[-1] += [100 * rate for rate in verification(flat, faces[order[:TEST_PEOPLE]])]
        seconds += spent
        print(f"draw {draw}: equal error rate {rates[-1][0]:.2f} %, at 5 % false accepts {rates[-1][1]:.2f} % false rejects "
              f"(raw pixels {rates[-1][2]:.2f} and {rates[-1][3]:.2f} %)", file=sys.stderr)
    for draw in seeds:
        checkpoint.with_name(f"{checkpoint.stem}.{draw}.npz").unlink(missing_ok=True)
    mean, spread = np.mean(rates, axis=0), np.std(rates, axis=0, ddof=1)
    return Result(
        name="orl", metric="false rejects at 5 % false accepts, 5 unseen people, %",
        measured=round(float(mean[1]), 2), spread=round(float(spread[1]), 2), published=1.0,
        source="Chopra, Hadsell & LeCun 2005, a Siamese network", recalled=True, seeds=seeds, seconds=round(seconds, 1),
        machine=machine(), data="ORL faces, 40 people x 10 images at 56x46, 35 to train and 5 to verify in each draw",
        command=f"tinyconv reproduce orl --seed {seed}",
        also={"equal error rate": round(float(mean[0]), 2), "its spread": round(float(spread[0]), 2),
              "equal error rate of raw pixels": round(float(mean[2]), 2)},
    )


def load_faces() -> Array:
    """float32 (40 people, 10 images, 56, 46, 1) in [0, 1]: the ORL faces at half size."""
    faces = load("orl")["faces"]
    people, images, height, width = faces.shape
    halves = faces.reshape(people, images, height // 2, 2, width // 2, 2).mean(axis=(3, 5), dtype=np.float32)
    return halves[..., None] / np.float32(255)


def train(faces: Array, seed: int, checkpoint: Path) -> Any:
    """An encoder trained on `faces` (people, images, H, W, 1), and the seconds it took."""
    people, images, height, width, _ = faces.shape
    rng = np.random.default_rng(seed)
    net = face_encoder((height, width), 1, rng)
    seconds = train_encoder(net, faces.reshape(-1, height, width, 1), np.repeat(np.arange(people), images), RECIPE, rng,
                            AUGMENT, checkpoint, {"experiment": "orl", "seed": seed, "people": people})
    return net, seconds


def verification(embedding: Any, faces: Array) -> tuple[float, float]:
    """Over all pairs of `faces` (people, images, ...): equal error rate, and false rejects at 5 % false accepts; 0 to 1."""
    people, images = faces.shape[:2]
    points = embedding(faces.reshape(people * images, *faces.shape[2:]))
    first, second, same = every_pair(np.repeat(np.arange(people), images))
    distances = np.linalg.norm(points[first] - points[second], axis=1)
    return equal_error_rate(distances, same), false_reject_rate(distances, same, 0.05)


def flat(faces: Array) -> Array:
    """The pixels themselves as an embedding, each picture with mean 0 and length 1."""
    points = faces.reshape(len(faces), -1)
    points = points - points.mean(axis=1, keepdims=True)
    return points / np.linalg.norm(points, axis=1, keepdims=True)
