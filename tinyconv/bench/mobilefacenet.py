"""MobileFaceNet: embedding one face, embedding many, and training."""

from __future__ import annotations

import numpy as np

from tinyconv.bench.workload import Learning, Workload
from tinyconv.models.mobilefacenet import EMBEDDING, SIZE, mobilefacenet
from tinyconv.nn import Linear, Sequential

PEOPLE = 10575  # of CASIA-WebFace


def _classifier(rng: np.random.Generator) -> Sequential:
    return Sequential(**mobilefacenet(rng).layers, logits=Linear(EMBEDDING, PEOPLE, rng=rng))


def _embedding(name: str, faces: int) -> Workload:
    return Workload(name, f"inference of MobileFaceNet in evaluation mode: {faces} face{'s' if faces > 1 else ''}, 112 x 96 x 3, "
                    f"to {EMBEDDING} numbers each", "infer", (faces, *SIZE, 3), mobilefacenet)


WORKLOADS = (
    _embedding("mobilefacenet-1", 1),
    _embedding("mobilefacenet-64", 64),
    Workload(
        name="mobilefacenet-train",
        sentence=f"training step of MobileFaceNet and a linear layer to {PEOPLE} people, 112 x 96 x 3, batch 64, cross entropy, "
                 "SGD with momentum",
        task="classify", shape=(64, *SIZE, 3), net=_classifier, classes=PEOPLE, learning=Learning("sgd", 3e-4, momentum=0.9),
    ),
)
