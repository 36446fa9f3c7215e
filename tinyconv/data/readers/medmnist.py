"""MedMNIST's official `.npz` files: small medical pictures or volumes with labels, in three splits.

Source: Yang et al., MedMNIST v2: A large-scale lightweight benchmark for 2D and 3D biomedical image classification (2023).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.arrays import read_npz
from tinyconv.errors import DataError

SPLITS = ("train", "val", "test")


def read_medmnist(path: str | Path) -> dict[str, NDArray[Any]]:
    """Read an official file such as `adrenalmnist3d.npz`.

    Returns
    -------
    {"train_images", "val_images", "test_images": uint8 (N, H, W), (N, H, W, 3) or (N, D, H, W) in 0..255,
     "train_labels", "val_labels", "test_labels": integers (N, L)}, as stored

    Raises
    ------
    DataError
        No `.npz` file, or one whose six arrays are not all there, of these dtypes and shapes, and of matching lengths.
    """
    arrays = read_npz(path)
    keys = [f"{split}_{kind}" for split in SPLITS for kind in ("images", "labels")]
    absent = [key for key in keys if key not in arrays]
    if absent:
        raise DataError(f"{path} is no MedMNIST file: it has no {', '.join(absent)}.")
    for split in SPLITS:
        images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
        if images.dtype != np.uint8 or images.ndim not in (3, 4):
            raise DataError(f"{path}: {split}_images is {images.dtype} {images.shape}, expected uint8 (N, H, W), (N, H, W, 3) or "
                            "(N, D, H, W).")
        if labels.dtype.kind not in "iu" or labels.ndim != 2:
            raise DataError(f"{path}: {split}_labels is {labels.dtype} {labels.shape}, expected integers (N, L).")
        if len(images) != len(labels):
            raise DataError(f"{path}: {split} has {len(images):,} images and {len(labels):,} labels, expected as many of each.")
    for key in keys[2:]:
        first = arrays[f"train_{key.partition('_')[2]}"]
        if arrays[key].shape[1:] != first.shape[1:]:
            raise DataError(f"{path}: {key} is {arrays[key].shape}, but in train {first.shape}; "
                            "expected the same sizes in each split.")
    return {key: arrays[key] for key in keys}
