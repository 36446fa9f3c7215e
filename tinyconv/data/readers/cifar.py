"""CIFAR-10's official binary files: 60,000 photographs of 32x32 pixels in ten classes.

Format: records of one label byte and 3,072 pixel bytes, the red plane, then the green, then the blue, each by rows.
Source: Krizhevsky, Learning multiple layers of features from tiny images (2009), and the data set's page.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.archives import Archive, open_archive
from tinyconv.data.quoting import one_line
from tinyconv.errors import DataError

SIDE = 32
RECORD = 1 + 3 * SIDE * SIDE
TRAIN = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST = ("test_batch.bin",)


def read_cifar10(path: str | Path) -> dict[str, NDArray[Any]]:
    """Read `cifar-10-binary.tar.gz`, or the folder it unpacks to.

    Returns
    -------
    {"train_images": uint8 (N, 32, 32, 3) RGB in 0..255, "train_labels": int64 (N,) in 0..9,
     "test_images": uint8 (M, 32, 32, 3), "test_labels": int64 (M,)}; the official N is 50,000 and M 10,000

    Raises
    ------
    DataError
        An archive that is refused, a batch that is absent or no whole number of records, or a label above 9.
    """
    with open_archive(path, largest=1 << 26, total=1 << 30) as archive:
        found: dict[str, str] = {}  # in the archive's order: a gzipped tar is read forward only
        for name in archive.sizes:
            if found.setdefault(name.rpartition("/")[2], name) != name and name.endswith(".bin"):
                raise DataError(f"{archive.path} holds {one_line(name.rpartition('/')[2])} twice.")
        absent = [batch for batch in (*TRAIN, *TEST) if batch not in found]
        if absent and "data_batch_1" in found:
            raise DataError(f"{archive.path} is CIFAR-10's Python version, expected the binary one: cifar-10-binary.tar.gz.")
        if absent:
            raise DataError(f"{archive.path} holds no {absent[0]}, expected {TRAIN[0]} to {TRAIN[-1]} and {TEST[0]}.")
        batches = {batch: _read_batch(archive, name) for batch, name in found.items() if batch in (*TRAIN, *TEST)}
    arrays = {}
    for split, names in (("train", TRAIN), ("test", TEST)):
        records = np.concatenate([batches[name] for name in names])
        planes = records[:, 1:].reshape(-1, 3, SIDE, SIDE)
        arrays[f"{split}_images"] = np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
        arrays[f"{split}_labels"] = records[:, 0].astype(np.int64)
    return arrays


def _read_batch(archive: Archive, name: str) -> NDArray[np.uint8]:
    content = archive.read(name)
    if not content or len(content) % RECORD:
        raise DataError(f"{archive.path}: {one_line(name)} has {len(content):,} bytes, "
                        f"expected a whole number of records of {RECORD:,}.")
    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD)
    labels = records[:, 0]
    if labels.max() > 9:
        raise DataError(f"{archive.path}: {one_line(name)} has the label {labels.max()} in record {labels.argmax()}, "
                        "expected 0 to 9.")
    return records
