"""Face verification on Labeled Faces in the Wild, View 2, with MobileFaceNet's published weights: `tinyconv reproduce lfw`.

Nothing is trained. Each photograph, aligned by others, is aligned again by MTCNN's landmarks; each face is encoded with its
mirror image, and the mean of all encodings is taken away from each; ten folds, each with the mean and the threshold of the other
nine. These choices were made on the 1,831 pairs of View 1, the view for choices, whose photographs are in the pack: 98.42 %
without any, 98.47 % with the mirror image, 98.74 % with that and the mean, 99.07 % with all three. Every run on View 2: one by
`tinyconv faces evaluate` and one by a script of our own, both with the mirror image alone (98.78 and 98.73 %), and the record.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.packs import find
from tinyconv.experiments.machine import machine
from tinyconv.experiments.results import Result
from tinyconv.faces.album import open_album
from tinyconv.faces.encoder import load_encoder
from tinyconv.faces.photographs import faces_in
from tinyconv.faces.protocol import Protocol, encode_photographs, judge, pair_distances, read_protocol
from tinyconv.metric.evaluation import k_fold_accuracy
from tinyconv.models.mtcnn import load_mtcnn

Array = NDArray[Any]


def run(seed: int, checkpoint: Path) -> Result:
    """Encode the 7,701 photographs and judge the 6,000 pairs; there is nothing to draw, and nothing to keep."""
    protocol = read_protocol(find("lfw-pairs"))
    encoder, mtcnn = load_encoder("mobilefacenet"), load_mtcnn(find("mtcnn"))
    began = time.perf_counter()
    with open_album(find("lfw-view2")) as album:
        points, _ = encode_photographs(album, protocol, encoder,
                                       lambda picture: faces_in(picture, encoder, mtcnn) or faces_in(picture, encoder))
    figures = judge(pair_distances(points, protocol), protocol)
    accuracies = centred_accuracies(points, protocol)
    percent = {"not centred": figures.accuracy, "standard error": accuracies.std(ddof=1) / np.sqrt(len(accuracies)),
               "equal error rate": figures.equal_error_rate, "accepted pairs at 0.1 % false accepts": figures.validation_rate}
    return Result(
        name="lfw", metric="accuracy on the 6,000 pairs of LFW's View 2, %", measured=round(100 * float(accuracies.mean()), 2),
        spread=None, published=99.30, source="its authors; 98.72 with PyTorch on these photographs as they are",
        recalled=False, seeds=(seed,), seconds=round(time.perf_counter() - began, 1), machine=machine(),
        data="LFW View 2, aligned anew, and MobileFaceNet's published weights", command=f"tinyconv reproduce lfw --seed {seed}",
        also={name: round(100 * float(figure), 2) for name, figure in percent.items()},
    )


def centred_accuracies(points: Array, protocol: Protocol) -> Array:
    """The accuracy of each fold after the mean encoding of the other folds' photographs is taken away from all, points (N, D)."""
    found = []
    for fold in np.unique(protocol.folds):
        others = np.unique(protocol.pairs[protocol.folds != fold])
        centred = points - points[others].mean(axis=0)
        centred /= np.linalg.norm(centred, axis=1, keepdims=True)
        distances = pair_distances(centred, protocol)
        found.append(k_fold_accuracy(distances, protocol.same, protocol.folds).accuracies[fold])
    return np.array(found)
