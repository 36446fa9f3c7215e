"""Does the collapse doctor tell what is wrong with a training, and does its advice help? `tinyconv reproduce collapse`.

Ten healthy trainings of a small encoder on invented people, and for five of the seeds four faults each: a rate a hundred
times as high, a margin of (next to) 0, one that no embedding of length 1 can reach, and labels shuffled among the pictures.
The doctor is asked every ten steps; its first alarm is its diagnosis. The ill training goes on to its end all the same, to
show what the fault costs. Then it begins again with what the doctor says changed, until it raises no alarm. Where that leads
back to the settings of the healthy run (always with labels read again, and with the rate after two tenths), it is that run, bit
for bit. Recovered means: an equal error rate on unseen people at most 3 points above the mean of the healthy runs.

The net is one of the first Siamese kind, with tanh, as in Chopra, Hadsell & LeCun 2005: units that a large step has saturated
stay so. With ReLU before an L2 normalization the net's scale does not matter, and Adam's rate of 0.1 or 1.0 was no fault in
trials, with batch norm or without: after a few wild steps the weights are large, and a step moves them little.

The doctor's thresholds, the net and the faults were chosen on seeds 100 to 104; the record's are 0 to 9, run once. So it shows
that the faults are told apart on new people and first weights, not on every kind of net.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.makers.faces import procedural_faces
from tinyconv.data.samplers import p_by_k
from tinyconv.engine import Tensor, tensor
from tinyconv.experiments.machine import machine
from tinyconv.experiments.points import points_of
from tinyconv.experiments.results import Result
from tinyconv.experiments.triplets import mined_loss
from tinyconv.metric.doctor import CollapseDoctor, Diagnosis
from tinyconv.metric.evaluation import equal_error_rate, every_pair
from tinyconv.metric.miners import violating_triplets
from tinyconv.models.face_encoder import standardize
from tinyconv.nn import Conv2d, Flatten, L2Normalize, Linear, MaxPool2d, Sequential, Tanh
from tinyconv.optim import Adam
from tinyconv.train.fit import fit

Array = NDArray[Any]

SIZE, TRAIN_PEOPLE, TRAIN_IMAGES, TEST_PEOPLE, TEST_IMAGES = 24, 120, 8, 40, 6
PEOPLE, IMAGES = 12, 3  # of a batch
STEPS, ASK = 200, 10  # of a training; between two questions to the doctor
HEALTHY_SEEDS, FAULTY_SEEDS = 10, 5
TREATMENTS = 3  # at most, one after the other
TOLERANCE = 0.03  # of the equal error rate


@dataclass(frozen=True)
class Settings:
    """What is right or wrong with a training."""

    lr: float = 2e-3
    margin: float = 0.3
    shuffled: bool = False

    def treated(self, change: Mapping[str, float | str]) -> Settings:
        """With what the doctor wants changed, changed."""
        return replace(self, lr=round(self.lr * float(change.get("lr_factor", 1)), 9),
                       margin=float(change.get("margin", self.margin)), shuffled=self.shuffled and "labels" not in change)


HEALTHY = Settings()
FAULTS = {  # by the name that the doctor should give
    "learning rate too high": replace(HEALTHY, lr=0.2),
    "margin is 0": replace(HEALTHY, margin=1e-6),  # the loss refuses 0 itself
    "margin too large": replace(HEALTHY, margin=4.0),
    "labels are shuffled": replace(HEALTHY, shuffled=True),
}


@dataclass(frozen=True)
class Run:
    """One training: the doctor's first alarm, or its last word; the equal error rate on unseen people, 0 to 1."""

    diagnosis: Diagnosis
    step: int
    error: float


class Ward:
    """The people of one seed, and the trainings on them; the time that steps and the doctor take."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.faces, self.labels = procedural_faces(TRAIN_PEOPLE, TRAIN_IMAGES, SIZE, np.random.default_rng([seed, 0]))
        self.unseen, self.who = procedural_faces(TEST_PEOPLE, TEST_IMAGES, SIZE, np.random.default_rng([seed, 1]))
        self.seconds = self.doctors_seconds = 0.0

    def train(self, settings: Settings, to_the_end: bool) -> Run:
        """Train from the seed's first weights, to the end or to the first alarm."""
        rng = np.random.default_rng([self.seed, 2])
        net = tanh_encoder(rng)
        labels = np.random.default_rng([self.seed, 3]).permutation(self.labels) if settings.shuffled else self.labels
        doctor = CollapseDoctor(settings.margin)

        def loss(net: Sequential, chosen: Array) -> Tensor:
            embeddings = net(tensor(self.faces[chosen]))
            value = mined_loss(embeddings, labels[chosen], violating_triplets, settings.margin)
            began = time.perf_counter()
            doctor.watch(embeddings.data, labels[chosen], value.item())
            self.doctors_seconds += time.perf_counter() - began
            return value

        diagnosis, step = doctor.diagnose(), 0
        for record in fit(net, Adam(net.parameters(), settings.lr), loss, lambda: p_by_k(labels, PEOPLE, IMAGES, rng, ASK),
                          epochs=STEPS // ASK, progress=False):
            self.seconds += record.seconds
            if not diagnosis.alarm:
                diagnosis, step = doctor.diagnose(), record.step
            if diagnosis.alarm and not to_the_end:
                break
        return Run(diagnosis, step, self.equal_error_rate(net))

    def treat(self, settings: Settings, ill: Run, well: Run) -> tuple[Settings, Run]:
        """Change what the doctor says and begin again, until it is content; the settings it led to, and their training."""
        run = ill
        for _ in range(TREATMENTS):
            if not run.diagnosis.alarm:
                break
            settings = settings.treated(run.diagnosis.change)
            run = well if settings == HEALTHY else self.train(settings, to_the_end=False)
        return settings, run

    def equal_error_rate(self, net: Sequential) -> float:
        """Over all pairs of the unseen people's pictures."""
        points = points_of(net, self.unseen)
        first, second, same = every_pair(self.who)
        return equal_error_rate(np.square(points[first] - points[second]).sum(axis=1), same)


def tanh_encoder(rng: np.random.Generator) -> Sequential:
    """Pictures (N, 24, 24, 3) in [0, 1] to embeddings (N, 32) of length 1: three convolutions with tanh and max pools."""
    layers: dict[str, Any] = {"standardize": standardize}
    for block, (inputs, width) in enumerate([(3, 16), (16, 32), (32, 64)], 1):
        layers[f"conv{block}"] = Conv2d(inputs, width, 3, padding=1, rng=rng)
        layers[f"tanh{block}"] = Tanh()
        layers[f"pool{block}"] = MaxPool2d(2)
    return Sequential(**layers, flatten=Flatten(), embedding=Linear(64 * (SIZE // 8) ** 2, 32, rng=rng), normalize=L2Normalize())


def run(seed: int, checkpoint: Path) -> Result:
    """Ten healthy seeds, 10 * seed to 10 * seed + 9, and the four faults on the first five; too short to keep a checkpoint."""
    seeds = tuple(range(HEALTHY_SEEDS * seed, HEALTHY_SEEDS * (seed + 1)))
    began = time.perf_counter()
    table: dict[str, list[str]] = {name: [] for name in ("healthy", *FAULTS)}
    healthy: list[float] = []
    ill: dict[str, list[float]] = {name: [] for name in FAULTS}
    treated: dict[str, list[float]] = {name: [] for name in FAULTS}
    seconds = doctors_seconds = 0.0
    for number, one in enumerate(seeds):
        ward = Ward(one)
        well = ward.train(HEALTHY, to_the_end=True)
        table["healthy"].append(well.diagnosis.name)
        healthy.append(well.error)
        tell(f"seed {one}, no fault: {well.diagnosis} Equal error rate {well.error:.1%}")
        for fault, settings in FAULTS.items() if number < FAULTY_SEEDS else ():
            run = ward.train(settings, to_the_end=True)
            settings, after = ward.treat(settings, run, well)
            table[fault].append(run.diagnosis.name)
            ill[fault].append(run.error)
            treated[fault].append(after.error)
            tell(f"seed {one}, {fault}: step {run.step}: {run.diagnosis} Equal error rate {run.error:.1%} untreated, "
                 f"{after.error:.1%} with {settings}, then {after.diagnosis.name}")
        seconds, doctors_seconds = seconds + ward.seconds, doctors_seconds + ward.doctors_seconds
    tell(confusion(table))
    good = float(np.mean(healthy)) + TOLERANCE
    tell(f"equal error rate, healthy: mean {np.mean(healthy):.1%}, {min(healthy):.1%} to {max(healthy):.1%}")
    for fault in FAULTS:
        tell(f"{fault}: mean {np.mean(ill[fault]):.1%} untreated, {np.mean(treated[fault]):.1%} treated")
    right = [[diagnosis == fault for diagnosis in table[fault]] for fault in FAULTS]
    return Result(
        name="collapse", metric="faults named rightly by the collapse doctor, %", measured=percent(right),
        spread=round(float(100 * np.std(np.mean(right, axis=0), ddof=1)), 1), published=None, source="our own task",
        recalled=False, seeds=seeds, seconds=round(time.perf_counter() - began, 1), machine=machine(),
        data=f"procedural faces, {SIZE}x{SIZE}: {TRAIN_PEOPLE} people x {TRAIN_IMAGES} to train, {TEST_PEOPLE} others x "
        f"{TEST_IMAGES} to verify; {len(seeds)} healthy seeds, {len(FAULTS)} faults on {FAULTY_SEEDS} seeds",
        command=f"tinyconv reproduce collapse --seed {seed}",
        also={"healthy runs alarmed": percent([name != "healthy" for name in table["healthy"]]),
              "recovered by the advice": percent([error <= good for errors in treated.values() for error in errors]),
              "as good untreated": percent([error <= good for errors in ill.values() for error in errors]),
              "equal error rate healthy": percent(healthy),
              "equal error rate untreated": percent(list(ill.values())),
              "equal error rate treated": percent(list(treated.values())),
              "the doctor's share of a step's time": percent(doctors_seconds / seconds)},
    )


def percent(shares: Any) -> float:
    """The mean of shares from 0 to 1, in per cent with one decimal."""
    return round(float(100 * np.mean(shares)), 1)


def confusion(table: Mapping[str, list[str]]) -> str:
    """Lines of text: for each fault how often each diagnosis was given."""
    names = list(dict.fromkeys([*table, *(name for given in table.values() for name in given)]))
    width = max(map(len, names))
    lines = [" | ".join([f"{'fault':{width}}", *names])]
    for fault, given in table.items():
        lines.append(" | ".join([f"{fault:{width}}", *(f"{given.count(name):{len(name)}}" for name in names)]))
    return "\n".join(lines)


def tell(text: str) -> None:
    """Show progress at once, on stderr, which leaves the record alone on stdout."""
    print(text, file=sys.stderr, flush=True)
