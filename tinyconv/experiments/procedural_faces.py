"""Recognition of invented people never seen, by the triplet loss: `tinyconv reproduce procedural-faces`.

The task: one picture each of 20 people, another picture of one of them; who is it? No published figure; beside the encoder
stand raw pixels, which must fail for the task to be worth anything. The triplets and their margin were chosen on people of
other seeds. Every run on the people of the record: at 32x32, 93.5 %, whereupon the size was raised; at 48x48, the record.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.files import check_writable
from tinyconv.data.makers.faces import procedural_faces
from tinyconv.data.transforms import flip
from tinyconv.experiments.machine import machine
from tinyconv.experiments.results import Result
from tinyconv.experiments.triplets import Recipe, embed, train_encoder
from tinyconv.metric.evaluation import nearest_neighbour_accuracy
from tinyconv.metric.miners import violating_triplets
from tinyconv.models.face_encoder import OWN_SIZE, face_encoder, save_own_face_encoder
from tinyconv.models.shipped import FOLDER

Array = NDArray[Any]

TRAIN_PEOPLE, TRAIN_IMAGES, TEST_PEOPLE, TEST_IMAGES = 500, 16, 100, 6
SIZE = OWN_SIZE[0]
WAYS, TRIALS = 20, 1000
RECIPE = Recipe(epochs=20, steps=100, people=12, images=4, margin=0.5, lr=1e-3, mine=violating_triplets)


def run(seed: int, checkpoint: Path, save_weights: bool) -> Result:
    """Train on 500 people, then recognise 100 others, 20 at a time."""
    if save_weights:
        check_writable(FOLDER)
    began = time.perf_counter()
    faces, labels = procedural_faces(TRAIN_PEOPLE, TRAIN_IMAGES, SIZE, np.random.default_rng([seed, 0]))
    rng = np.random.default_rng([seed, 1])
    net = face_encoder((SIZE, SIZE), 3, rng)
    made = time.perf_counter() - began
    run = {"experiment": "procedural-faces", "seed": seed}
    seconds = made + train_encoder(net, faces, labels, RECIPE, rng, flip, checkpoint, run)
    faces, _ = procedural_faces(TEST_PEOPLE, TEST_IMAGES, SIZE, np.random.default_rng([seed, 2]))
    if save_weights:
        save_own_face_encoder(net)
    right = recognition(embed(net, faces), np.random.default_rng([seed, 3]))
    raw = recognition(faces, np.random.default_rng([seed, 3]))
    checkpoint.unlink(missing_ok=True)
    return Result(
        name="procedural-faces", metric=f"1-of-{WAYS} recognition of unseen people, %", measured=round(100 * right, 1),
        spread=None, published=None, source="our own task", recalled=False, seeds=(seed,), seconds=round(seconds, 1),
        machine=machine(), data=f"procedural faces, {SIZE}x{SIZE}: {TRAIN_PEOPLE} people x {TRAIN_IMAGES} to train, "
        f"{TEST_PEOPLE} others x {TEST_IMAGES} to recognise in {TRIALS} trials",
        command=f"tinyconv reproduce procedural-faces --seed {seed}{' --save-weights' if save_weights else ''}",
        also={"raw pixels": round(100 * raw, 1)},
    )


def recognition(points: Array, rng: np.random.Generator) -> float:
    """Share of trials in which a picture's nearest of 20 people is its own; `points` (people * images, ...), by person."""
    points = points.reshape(TEST_PEOPLE, TEST_IMAGES, -1)
    right = 0.0
    for _ in range(TRIALS):
        people = rng.choice(TEST_PEOPLE, WAYS, replace=False)
        shown, asked = rng.choice(TEST_IMAGES, 2, replace=False)
        right += nearest_neighbour_accuracy(points[people, shown], people, points[people[:1], asked], people[:1])
    return right / TRIALS
