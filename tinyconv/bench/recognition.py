"""Times what recognition does besides its net: mining triplets in a large batch, finding and removing people in a gallery."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinyconv.engine import Array
from tinyconv.experiments.machine import machine
from tinyconv.faces.encoder import Encoder
from tinyconv.faces.gallery import Gallery
from tinyconv.metric.miners import batch_hard_triplets, semi_hard_triplets
from tinyconv.models import mobilefacenet
from tinyconv.ops.distance import pairwise_distances

SEED = 0
BATCH, IMAGES, MARGIN = 1024, 4, 0.2  # embeddings in a batch, of each person; squared distance
ENCODINGS, EACH, DIMENSION = 100_000, 100, 128  # in the gallery, of each person, numbers of one


class Row(NamedTuple):
    """What was timed, milliseconds of each turn, and what came out, in words."""

    name: str
    milliseconds: list[float]
    found: str


def conditions() -> str:
    """What the figures depend on."""
    return f"{machine()}; seed {SEED}; NumPy's own threads as its environment says"


def measure(repeat: int) -> list[Row]:
    """Each of the four, `repeat` times after one that is not counted."""
    rng = np.random.default_rng(SEED)
    return [*_miners(rng, repeat), *_gallery(rng, repeat)]


def table(rows: list[Row]) -> str:
    """Medians and the slowest turn."""
    lines = [f"{'':34} {'median, ms':>10} {'slowest':>8}"]
    for row in rows:
        lines.append(f"{row.name:34} {statistics.median(row.milliseconds):10.1f} {max(row.milliseconds):8.1f}  {row.found}")
    return "\n".join(lines)


def _miners(rng: np.random.Generator, repeat: int) -> list[Row]:
    """On points at random around those of each person, as early in a training."""
    labels = np.repeat(np.arange(BATCH // IMAGES), IMAGES)
    people = rng.standard_normal((BATCH // IMAGES, DIMENSION))
    points = _on_the_sphere(people[labels] + 2 * rng.standard_normal((BATCH, DIMENSION)))
    squared = pairwise_distances(points, metric="squared_euclidean").data
    chosen: dict[str, Callable[[int], Array]] = {
        "semi-hard": lambda turn: semi_hard_triplets(squared, labels, MARGIN),
        "batch-hard": lambda turn: batch_hard_triplets(squared, labels),
    }
    return [Row(f"{name} triplets of {BATCH:,}", times, f"{len(last):,} triplets")
            for name, mine in chosen.items() for times, last in [_timed(mine, repeat)]]


def _gallery(rng: np.random.Generator, repeat: int) -> list[Row]:
    """An open gallery in a folder that is deleted afterwards."""
    points = _on_the_sphere(rng.standard_normal((ENCODINGS, DIMENSION), np.float32))
    encoder = Encoder("bench", "0" * 16, mobilefacenet.SIZE, False, "nothing", 1.0, mobilefacenet.mobilefacenet(rng).eval())
    with tempfile.TemporaryDirectory() as folder, Gallery.open(Path(folder) / "bench.gallery", encoder, create=True) as gallery:
        for person in range(0, ENCODINGS, EACH):
            gallery.enrol(f"person {person}", points[person : person + EACH])
        times, last = _timed(lambda turn: gallery.identify(points[turn * EACH]), repeat)
        removals, removed = _timed(lambda turn: gallery.remove(f"person {turn * EACH}"), repeat)
    return [Row(f"identify among {ENCODINGS:,}", times, f"{last.recognized}, distance {last.candidates[0][1]:.1g}"),
            Row(f"remove one of {ENCODINGS // EACH:,} people", removals, f"{removed} encodings of the last")]


def _timed(action: Callable[[int], Any], repeat: int) -> tuple[list[float], Any]:
    times = []
    for turn in range(repeat + 1):
        began = time.perf_counter()
        last = action(turn)
        times.append(1e3 * (time.perf_counter() - began))
    return times[1:], last


def _on_the_sphere(points: Array) -> Array:
    points = points.astype(np.float32)
    return points / np.linalg.norm(points, axis=1, keepdims=True)
