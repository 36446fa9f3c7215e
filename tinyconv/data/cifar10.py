"""CIFAR-10 as arrays: 50,000 training and 10,000 test photographs of ten classes, 32x32 RGB."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinyconv.data import packs
from tinyconv.data.archives import Archive, open_archive
from tinyconv.data.quoting import one_line
from tinyconv.data.readers.pixels import decode
from tinyconv.data.registry import lookup
from tinyconv.errors import DataError

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SOURCE = lookup("cifar10-jpeg").home


class Cifar10(NamedTuple):
    """Images uint8 (N, 32, 32, 3), labels int64 (N,) as positions in `CLASSES`."""

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]


def load_cifar10() -> Cifar10:
    """The pack `cifar10-jpeg` if it is there, on which the net that comes with tinyconv was trained, else the official `cifar10`.

    Raises
    ------
    DataError
        Neither is there, or the one that is there is damaged.
    """
    jpeg = packs.locate(lookup("cifar10-jpeg"))
    if jpeg is not None:
        return _read_jpeg(jpeg)
    arrays = packs.load("cifar10")
    absent = [name for name in Cifar10._fields if name not in arrays]
    if absent:
        raise DataError(f"cifar10: {packs.find('cifar10')} holds no {', '.join(absent)}; remove it and run `tinyconv data fetch "
                        "cifar10`.")
    return Cifar10(*(arrays[name] for name in Cifar10._fields))


def _read_jpeg(path: Path) -> Cifar10:
    """A zip of train/CLASS/NNNN.jpg and test/CLASS/NNNN.jpg."""
    with open_archive(path, largest=1 << 20, total=1 << 30) as archive:
        return Cifar10(*_read_split(archive, "train"), *_read_split(archive, "test"))


def _read_split(archive: Archive, split: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    names = sorted(name for label in CLASSES for name in archive.sizes if name.startswith(f"{split}/{label}/"))
    if not names:
        raise DataError(f"{archive.path} holds no photographs in {split}/{CLASSES[0]} and its like; get the archive again.")
    images = np.stack([decode(archive.read(name), f"{archive.path}: {one_line(name)}", format="JPEG", mode="RGB", size=(32, 32))
                       for name in names])
    return images, np.array([CLASSES.index(name.split("/")[1]) for name in names], np.int64)
