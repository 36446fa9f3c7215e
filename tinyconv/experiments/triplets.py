"""What the experiments with the triplet loss share: one way to train an encoder, one way to use it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.samplers import p_by_k
from tinyconv.engine import Tensor, tensor
from tinyconv.experiments.points import points_of
from tinyconv.metric.losses import triplet_loss
from tinyconv.nn import Sequential
from tinyconv.ops.distance import pairwise_distances
from tinyconv.optim import Adam
from tinyconv.optim.schedules import Cosine, WarmUp
from tinyconv.train.fit import fit

Array = NDArray[Any]
Mine = Callable[[Array, Array, float], Array]  # (squared distances, labels, margin) -> triplets


@dataclass(frozen=True)
class Recipe:
    """How an encoder is trained.

    Attributes
    ----------
    epochs, steps : an epoch is so many steps
    people, images : a batch has so many images of so many people
    margin : of the loss, in squared distance on the unit sphere
    lr : highest rate of Adam; it warms up over the first 5 %, then falls along half a cosine
    """

    epochs: int
    steps: int
    people: int
    images: int
    margin: float
    mine: Mine
    lr: float


def train_encoder(net: Sequential, images: Array, labels: Array, recipe: Recipe, rng: np.random.Generator,
                  augment: Callable[[Array, np.random.Generator], Array], checkpoint: Path, extra: Mapping[str, Any]) -> float:
    """Train `net` on float32 `images` (N, H, W, C) of the people `labels`, or continue `checkpoint`; the seconds spent."""
    steps = recipe.epochs * recipe.steps
    optimizer = Adam(net.parameters(), recipe.lr)

    def loss(net: Sequential, chosen: Array) -> Tensor:
        return mined_loss(net(tensor(augment(images[chosen], rng))), labels[chosen], recipe.mine, recipe.margin)

    records = fit(net, optimizer, loss, lambda: p_by_k(labels, recipe.people, recipe.images, rng, recipe.steps),
                  epochs=recipe.epochs, schedule=WarmUp(Cosine(recipe.lr, steps), 0.05 * steps), checkpoint=checkpoint,
                  generators={"batches": rng}, extra=extra)
    return sum(record.seconds for record in records)


def mined_loss(embeddings: Tensor, labels: Array, mine: Mine, margin: float) -> Tensor:
    """The triplet loss of a batch, over the triplets that `mine` chooses by its squared distances."""
    squared = pairwise_distances(embeddings.data, metric="squared_euclidean").data
    return triplet_loss(embeddings, mine(squared, labels, margin), margin)


def embed(net: Sequential, images: Array) -> Array:
    """Embeddings, (N, D) of length 1: the direction between that of each image and that of its mirror image."""
    trained = net.training
    net.eval()
    total = points_of(net, images) + points_of(net, images[:, :, ::-1])
    if trained:
        net.train()
    return total / np.linalg.norm(total, axis=1, keepdims=True)
