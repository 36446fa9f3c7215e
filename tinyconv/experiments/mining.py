"""Which triplets should a batch learn from? Random, semi-hard and hardest ones on one budget: `tinyconv reproduce mining`.

Same net, first weights, batches, margin and steps; five seeds. Characters of 24 alphabets of Omniglot's background set to train,
of the six others to recognise: 1 among 20 of one alphabet, seen once. Nothing was chosen by the figures, and the evaluation set
was not touched. The curves are drawn to `results/mining.png`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.files import whole_file
from tinyconv.data.samplers import p_by_k
from tinyconv.engine import Tensor, tensor
from tinyconv.experiments.machine import machine
from tinyconv.experiments.omniglot import ALPHABET, characters, large_alphabets, nearest
from tinyconv.experiments.points import points_of
from tinyconv.experiments.results import FOLDER, Result
from tinyconv.experiments.triplets import Mine, mined_loss
from tinyconv.metric.miners import batch_hard_triplets, semi_hard_triplets
from tinyconv.metric.random_miners import random_triplets
from tinyconv.models.convnet import conv4
from tinyconv.nn import L2Normalize, Sequential
from tinyconv.optim import Adam
from tinyconv.train import Record, fit
from tinyconv.viz import curves

Array = NDArray[Any]

SEEDS, HELD_OUT = 5, 6  # trainings of each miner; alphabets to recognise
EPOCHS, STEPS, LEARNING_RATE, MARGIN = 8, 50, 1e-3, 0.2
PEOPLE, IMAGES = 16, 4  # characters in a batch, drawings of each
DRAWINGS, TRIALS = 4, 20  # of each unseen character; of each alphabet


def miners(rng: np.random.Generator) -> dict[str, Mine]:
    """The three choices; of random triplets as many as there are pairs of an anchor and a positive."""
    return {
        "random": lambda squared, labels, margin: random_triplets(labels, PEOPLE * IMAGES * (IMAGES - 1), rng),
        "semi-hard": semi_hard_triplets,
        "hard": lambda squared, labels, margin: batch_hard_triplets(squared, labels),
    }


def run(seed: int, checkpoint: Path) -> Result:
    """Fifteen trainings, of which each keeps a checkpoint of its own until all are done."""
    drawings, alphabets = characters("omniglot-background")
    held_out = np.random.default_rng(seed).choice(alphabets.max() + 1, HELD_OUT, replace=False)
    unseen = np.isin(alphabets, held_out)
    seeds = tuple(range(SEEDS * seed, SEEDS * seed + SEEDS))
    errors: dict[str, list[list[float]]] = {name: [] for name in miners(np.random.default_rng(0))}
    parts, seconds = [], 0.0
    for one in seeds:
        for name, found in errors.items():
            parts.append(checkpoint.with_name(f"{checkpoint.stem}.{name}.{one}.npz"))
            records = train(drawings[~unseen], (drawings[unseen, :DRAWINGS], alphabets[unseen]), name, one, parts[-1])
            found.append([100 * float(record.validation or 0) for record in records])
            seconds += sum(record.seconds for record in records)
        print(f"seed {one}: error in % after {EPOCHS * STEPS} steps: "
              f"{', '.join(f'{name} {found[-1][-1]:.1f}' for name, found in errors.items())}", file=sys.stderr)
    draw({name: np.array(found) for name, found in errors.items()})
    for part in parts:
        part.unlink(missing_ok=True)
    last = {name: np.array(found)[:, -1] for name, found in errors.items()}
    also: dict[str, float] = {}
    for name in ("random", "hard"):
        also |= {name: round(float(last[name].mean()), 1), f"its spread ({name})": round(float(last[name].std(ddof=1)), 1)}
    return Result(
        name="mining", metric="error in within-alphabet 20-way one-shot recognition, semi-hard triplets, %",
        measured=round(float(last["semi-hard"].mean()), 1), spread=round(float(last["semi-hard"].std(ddof=1)), 1),
        published=None, source="our own comparison", recalled=False, seeds=seeds, seconds=round(seconds, 1), machine=machine(),
        data=f"Omniglot's background set, {HELD_OUT} alphabets held out; {EPOCHS * STEPS} steps of {PEOPLE * IMAGES} drawings",
        command=f"tinyconv reproduce mining --seed {seed}", also=also,
    )


def train(drawings: Array, unseen: tuple[Array, Array], name: str, seed: int, checkpoint: Path) -> list[Record]:
    """One training on `drawings` (characters, 20, H, W, 1); the validation of its records is the error on `unseen`."""
    count, each, *shape = drawings.shape
    images, labels = drawings.reshape(-1, *shape), np.repeat(np.arange(count), each)
    rng = np.random.default_rng(seed)
    net = Sequential(**conv4(1, rng).layers, normalize=L2Normalize())
    draws = np.random.default_rng([seed, 1])
    mine = miners(draws)[name]

    def loss(net: Sequential, chosen: Array) -> Tensor:
        return mined_loss(net(tensor(images[chosen])), labels[chosen], mine, MARGIN)

    return list(fit(net, Adam(net.parameters(), LEARNING_RATE), loss, lambda: p_by_k(labels, PEOPLE, IMAGES, rng, STEPS),
                    epochs=EPOCHS, validate=lambda net: one_shot_error(net, *unseen), checkpoint=checkpoint,
                    generators={"batches": rng, "triplets": draws}, extra={"experiment": "mining", "miner": name, "seed": seed}))


def one_shot_error(net: Sequential, drawings: Array, alphabets: Array) -> float:
    """The share of wrong answers among 20 characters of one alphabet, seen once, always in the same trials."""
    rng = np.random.default_rng(0)
    flat = drawings.reshape(-1, *drawings.shape[2:])
    points = points_of(net, flat).reshape(*drawings.shape[:2], -1)
    wrong = []
    for group in large_alphabets(alphabets):
        for _ in range(TRIALS):
            chosen = rng.choice(group, ALPHABET, replace=False)
            shown, asked = rng.choice(drawings.shape[1], 2, replace=False)
            wrong.append((nearest(points[chosen, shown], points[chosen, asked]) != np.arange(ALPHABET)).mean())
    return float(np.mean(wrong))


def draw(errors: dict[str, Array]) -> None:
    """Mean and deviation over the seeds, after each epoch, of errors in % (seeds, epochs), as a picture among the results."""
    steps = STEPS * np.arange(1, EPOCHS + 1)
    means = {name: found.mean(axis=0) for name, found in errors.items()}
    spreads = {name: found.std(axis=0, ddof=1) for name, found in errors.items()}
    figure = curves({name: (steps, mean) for name, mean in means.items()}, xlabel="steps", ylabel="error, %",
                    bands={name: (means[name] - spread, means[name] + spread) for name, spread in spreads.items()},
                    caption="1 of 20 characters of an unseen alphabet, seen once: mean and deviation of five trainings")
    with whole_file(FOLDER / "mining.png") as partial:
        partial.write_bytes(figure.png(dpi=100))
