"""Train the feature net that tinyconv ships, on CIFAR-10, from nothing: `tinyconv reproduce cifar10`.

Every run on the test set: SGD as below, 78.31 %, which ships; Adam (2e-3, 8 epochs) 80.12 %, whose paintings are noisier.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.cifar10 import SOURCE, load_cifar10
from tinyconv.data.files import check_writable
from tinyconv.data.packs import locate
from tinyconv.data.registry import lookup
from tinyconv.engine import Tensor, no_grad, tensor
from tinyconv.experiments.machine import machine
from tinyconv.experiments.results import Result
from tinyconv.models.shipped import FOLDER
from tinyconv.models.tinyvgg import save_tiny_vgg, tiny_vgg
from tinyconv.nn import Sequential
from tinyconv.ops.loss import cross_entropy
from tinyconv.optim import SGD, Cosine, WarmUp
from tinyconv.train import fit

Array = NDArray[Any]

# Chosen by the training loss of the first 150 steps (rates 0.02 and 0.05 were tried) and by eye, for the paintings.
EPOCHS, BATCH, LEARNING_RATE, MOMENTUM, WEIGHT_DECAY = 8, 128, 0.03, 0.9, 5e-4


def run(seed: int, checkpoint: Path, save_weights: bool) -> Result:
    """Train, test once, and with `save_weights` replace the weights that come with tinyconv."""
    if save_weights:
        check_writable(FOLDER)
    net, test_accuracy, seconds = train(seed, checkpoint)
    if save_weights:
        save_tiny_vgg(net)
    return Result(
        name="cifar10", metric="test accuracy, %", measured=round(100 * test_accuracy, 2), spread=None,
        published=92.64, source="VGG-16 on the official pixels, github.com/kuangliu/pytorch-cifar", recalled=False,
        seeds=(seed,), seconds=round(seconds, 1), machine=machine(),
        data=f"CIFAR-10 as JPEG, {SOURCE}" if locate(lookup("cifar10-jpeg")) else "CIFAR-10, official pixels",
        command=f"tinyconv reproduce cifar10 --seed {seed}{' --save-weights' if save_weights else ''}",
    )


def train(seed: int, checkpoint: Path, epochs: int = EPOCHS) -> tuple[Sequential, float, float]:
    """Train from `seed`, or continue `checkpoint`: the net, its share of right test images, the seconds spent."""
    train_images, train_labels, test_images, test_labels = load_cifar10()
    net = tiny_vgg(np.random.default_rng(seed))
    optimizer = SGD(net.parameters(), LEARNING_RATE, MOMENTUM, WEIGHT_DECAY)
    per_epoch = len(train_images) // BATCH

    def batches() -> Iterator[tuple[Array, Array]]:
        epoch = optimizer.steps // per_epoch
        return _batches(train_images, train_labels, np.random.default_rng([seed, epoch]))  # one generator an epoch

    records = list(fit(net, optimizer, _loss, batches, epochs=epochs, schedule=_schedule(epochs * per_epoch),
                       checkpoint=checkpoint, extra={"seed": seed, "epochs": epochs}))
    test_accuracy = accuracy(net, test_images, test_labels)
    checkpoint.unlink(missing_ok=True)
    return net, test_accuracy, sum(record.seconds for record in records)


def accuracy(net: Sequential, images: Array, labels: Array) -> float:
    """Share of `images`, uint8 (N, 32, 32, 3), whose largest logit is their label's."""
    right = 0
    with no_grad():
        for start in range(0, len(images), 500):
            logits = net(tensor(images[start : start + 500] / np.float32(255)))
            right += int((logits.data.argmax(axis=1) == labels[start : start + 500]).sum())
    return right / len(images)


def _loss(net: Sequential, batch: tuple[Array, Array]) -> Tensor:
    images, labels = batch
    return cross_entropy(net(images), labels)


def _schedule(steps: int) -> WarmUp:
    """A warm-up over the first 5 %, then half a cosine down to 0."""
    return WarmUp(Cosine(LEARNING_RATE, steps), 0.05 * steps)


def _batches(images: Array, labels: Array, rng: np.random.Generator) -> Iterator[tuple[Array, Array]]:
    """Shuffled batches, each image shifted by up to 4 pixels and flipped half of the time; float32 in [0, 1]."""
    order = rng.permutation(len(images))
    padded = np.pad(images, ((0, 0), (4, 4), (4, 4), (0, 0)), mode="reflect")
    for start in range(0, len(images) - BATCH + 1, BATCH):
        chosen = order[start : start + BATCH]
        corners = rng.integers(0, 9, (BATCH, 2))
        batch = np.stack([padded[n, i : i + 32, j : j + 32] for n, (i, j) in zip(chosen, corners, strict=True)])
        flips = rng.random(BATCH) < 0.5
        batch[flips] = batch[flips, :, ::-1]
        yield batch / np.float32(255), labels[chosen]
