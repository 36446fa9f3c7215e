"""Labeled Faces in the Wild's View 2 on photographs: pairs of names to encodings, to distances, to the figures people publish.

For each of ten folds a threshold is chosen on the other nine: the accuracy is the mean over the folds, with the standard error
of that mean. Source: Huang, Ramesh, Berg, Learned-Miller, Labeled faces in the wild (2007), section IV; the rate of
validation at few false accepts is that of Schroff, Kalenichenko & Philbin 2015 (FaceNet), section 4.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.readers.lfw import read_lfw_pairs
from tinyconv.errors import DataError
from tinyconv.faces.album import Album
from tinyconv.faces.encoder import Encoder
from tinyconv.faces.photographs import Face, faces_in, middle_half
from tinyconv.metric.evaluation import auc, equal_error_rate, k_fold_accuracy, validation_rate

Array = NDArray[Any]

NAMED = re.compile(r"(?:.*/)?([^/]+)/\1_(\d{4})\.[^./]+", re.ASCII)
BATCH = 64  # faces at a time
FALSE_ACCEPT_RATE = 0.001  # of the published rate of validation


@dataclass(frozen=True, eq=False)
class Protocol:
    """Pairs of photographs, each of which is named once.

    Attributes
    ----------
    photographs : (name, number) of each, sorted
    pairs : int64 (P, 2), positions in `photographs`
    same : bool (P,), whether a pair shows one person
    folds : int64 (P,), from 0
    """

    photographs: tuple[tuple[str, int], ...]
    pairs: Array
    same: Array
    folds: Array


@dataclass(frozen=True, eq=False)
class Figures:
    """The figures of one encoder; shares from 0 to 1.

    Attributes
    ----------
    accuracy, standard_error : mean of the folds' accuracies, and its standard error
    accuracies, thresholds : float64 (folds,), of each fold: pairs decided rightly, and the squared distance chosen on the others
    area : under the ROC of all pairs
    equal_error_rate : of all pairs
    validation_rate : of all pairs, accepted pairs of one person where at most `FALSE_ACCEPT_RATE` of the others are accepted
    """

    accuracy: float
    standard_error: float
    accuracies: Array
    thresholds: Array
    area: float
    equal_error_rate: float
    validation_rate: float


def read_protocol(path: str | Path) -> Protocol:
    """The protocol in `pairs.txt`.

    Raises
    ------
    DataError
        No such file, or not a list of pairs (see `read_lfw_pairs`).
    """
    listed = read_lfw_pairs(path)
    keys = [(str(name), int(number)) for name, number in zip(listed["names"].ravel(), listed["numbers"].ravel(), strict=True)]
    photographs = sorted(set(keys))
    place = {key: position for position, key in enumerate(photographs)}
    pairs = np.array([place[key] for key in keys], np.int64).reshape(-1, 2)
    return Protocol(tuple(photographs), pairs, listed["same"], listed["folds"])


def find_photographs(album: Album, protocol: Protocol) -> dict[str, int]:
    """{name in the album: position in `protocol.photographs`}, in the album's stored order.

    Raises
    ------
    DataError
        Photographs that the pairs name are absent, or there twice.
    """
    wanted = {key: position for position, key in enumerate(protocol.photographs)}
    found: dict[int, str] = {}
    for name in album.names:
        fits = NAMED.fullmatch(name)
        position = wanted.get((fits[1], int(fits[2]))) if fits else None
        if position is None:
            continue
        if position in found:
            raise DataError(f"{album.shown(name)} and {album.shown(found[position])} are the same photograph.")
        found[position] = name
    if len(found) < len(wanted):
        absent = [f"{name}/{name}_{number:04}.jpg" for (name, number), position in wanted.items() if position not in found]
        raise DataError(f"{album.path}: {len(absent):,} of the {len(wanted):,} photographs that the pairs name are absent: "
                        f"{', '.join(absent[:3])}{', ...' if len(absent) > 3 else ''}.")
    position_of = {name: position for position, name in found.items()}
    return {name: position_of[name] for name in album.in_stored_order(set(position_of))}


def encode_photographs(album: Album, protocol: Protocol, encoder: Encoder, find: Callable[[Array], list[Face]],
                       progress: Callable[[int], object] = int) -> tuple[Array, list[str]]:
    """The encoding of the face in each photograph: of several the one nearest to the middle, which is the person named.

    Parameters
    ----------
    find : a picture (H, W, 3) to its faces, such as `lambda picture: faces_in(picture, encoder, mtcnn)`
    progress : called with the number of photographs done since the last call

    Returns
    -------
    points : float32 (photographs, D), of length 1, in the order of `protocol.photographs`
    unseen : the pictures in which no face was found; their middle is encoded instead

    Raises
    ------
    DataError
        Photographs that are absent, there twice, or cannot be read.
    """
    places = find_photographs(album, protocol)
    points: Array | None = None
    unseen: list[str] = []
    for names in _batches(list(places)):
        crops = []
        for name in names:
            picture = album.read(name)
            face = nearest_to_middle(find(picture), picture)
            if face is None:
                unseen.append(name)
                face = faces_in(middle_half(picture), encoder)[0]
            crops.append(face.crop)
        encoded = encoder.encode(np.stack(crops))
        if points is None:
            points = np.empty((len(protocol.photographs), encoded.shape[1]), np.float32)
        points[[places[name] for name in names]] = encoded
        progress(len(names))
    assert points is not None
    return points, unseen


def nearest_to_middle(faces: list[Face], picture: Array) -> Face | None:
    """The face whose box has its centre nearest to that of the picture; None of no faces."""
    height, width = picture.shape[:2]

    def squared_distance(face: Face) -> float:
        x0, y0, x1, y1 = face.box
        return ((x0 + x1) / 2 - width / 2) ** 2 + ((y0 + y1) / 2 - height / 2) ** 2

    return min(faces, key=squared_distance, default=None)


def pair_distances(points: Array, protocol: Protocol) -> Array:
    """Squared Euclidean distances (P,), 0 to 4, of the pairs of encodings (photographs, D)."""
    difference = points[protocol.pairs[:, 0]].astype(np.float64) - points[protocol.pairs[:, 1]]
    return (difference**2).sum(axis=1)


def judge(distances: Array, protocol: Protocol) -> Figures:
    """What the distances (P,) of the pairs say by the protocol.

    Raises
    ------
    DataError
        Fewer than two folds: with one, a threshold cannot be chosen on the others.
    """
    folds = k_fold_accuracy(distances, protocol.same, protocol.folds)
    return Figures(folds.mean, folds.standard_error, folds.accuracies, folds.thresholds, auc(distances, protocol.same),
                        equal_error_rate(distances, protocol.same),
                        validation_rate(distances, protocol.same, FALSE_ACCEPT_RATE))


def _batches(names: list[str]) -> Iterator[list[str]]:
    return (names[start : start + BATCH] for start in range(0, len(names), BATCH))
