"""What miners and losses are given, checked: the labels and distances of a batch, and which pairs are of one person."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyconv.engine import Array
from tinyconv.errors import DataError, ShapeError


def check_labels(labels: Any) -> Array:
    """`labels` as an array if they are integers (N,), N >= 0; else a `ShapeError`."""
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ShapeError(f"miner: got labels of {labels.dtype} {labels.shape}, expected integers (N,), one per embedding.")
    return labels


def check_distances(distances: Any, labels: Any) -> tuple[Array, Array]:
    """Both as arrays if they are finite distances (N, N) and integers (N,); distances that are integers become float64.

    Raises
    ------
    ShapeError
        Shapes that do not fit together, or labels that are no integers.
    DataError
        A distance that is NaN or infinite: a miner would skip it, and a network that has diverged would seem to be trained.
    """
    distances, labels = np.asarray(distances), check_labels(labels)
    if distances.shape != (len(labels), len(labels)) or distances.dtype.kind not in "fiu":
        raise ShapeError(f"miner: got distances of {distances.dtype} {distances.shape} for {len(labels)} labels, "
                         f"expected numbers {(len(labels),) * 2}.")
    if not np.isfinite(distances).all():
        raise DataError(f"miner: {int((~np.isfinite(distances)).sum())} of {distances.size} distances are NaN or infinite; the "
                        "embeddings are no longer numbers: try a lower learning rate.")
    return distances if distances.dtype.kind == "f" else distances.astype(np.float64), labels


def check_same(name: str, same: Any, count: int) -> Array:
    """`same` as an array if it is booleans (count,), True for one person; else a `ShapeError` that begins with `name`."""
    same = np.asarray(same)
    if same.shape != (count,) or same.dtype != np.bool_:
        raise ShapeError(f"{name}: got same of {same.dtype} {same.shape} for {count} pairs, expected booleans ({count},), True "
                         "for two pictures of one person.")
    return same
