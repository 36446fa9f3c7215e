"""Time series in the `.ts` text format of the UCR/UEA archive.

Format: lines with "#" are remarks, with "@" describe the set, `@classLabel true 1 2` names the classes; after `@data` each line
is one series: channels separated by ":", numbers by ",", and the class at the end. Source: timeseriesclassification.com.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.quoting import one_line
from tinyconv.errors import DataError

LARGEST = 1 << 28  # bytes of one file


def ucr_small(paths: Sequence[Path]) -> dict[str, NDArray[Any]]:
    """Several sets as one pack, from pairs of files SET_TRAIN.ts, SET_TEST.ts.

    Returns
    -------
    {SET_X_train, SET_X_test: float32 (N, channels, length), shorter series padded with NaN to the longest of the set;
     SET_y_train, SET_y_test: uint8 (N,), the place in SET_classes: str}

    Raises
    ------
    DataError
        A file that is not in the format, or a pair that does not fit together.
    """
    pack: dict[str, NDArray[Any]] = {}
    for train, test in zip(paths[::2], paths[1::2], strict=True):
        name = train.name.removesuffix("_TRAIN.ts")
        splits = {"train": read_ts(train), "test": read_ts(test)}
        classes = splits["train"][2]
        length = max(series.shape[-1] for series, _, _ in splits.values())
        for split, (series, labels, other) in splits.items():
            if other != classes or series.shape[1] != splits["train"][0].shape[1]:
                raise DataError(f"{test} has other classes or channels than {train}, expected two splits of one set.")
            short = length - series.shape[-1]
            pack[f"{name}_X_{split}"] = np.pad(series, ((0, 0), (0, 0), (0, short)), constant_values=np.float32(np.nan))
            pack[f"{name}_y_{split}"] = labels
        pack[f"{name}_classes"] = np.array(classes)
    return pack


def read_ts(path: Path) -> tuple[NDArray[np.float32], NDArray[np.uint8], list[str]]:
    """One `.ts` file: series float32 (N, channels, length) padded with NaN, labels uint8 (N,), names of the classes.

    Raises
    ------
    DataError
        A file that cannot be read, names no classes, or has a line that is no series of a class it names.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise DataError(f"{path} has over {LARGEST:,} bytes, expected a .ts file of a small set.")
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as text ({error}).") from error
    classes: list[str] = []
    rows: list[list[NDArray[np.float32]]] = []
    labels = []
    in_data = False
    for number, line in enumerate(lines, 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if not in_data:
            words = line.split()
            if words[0].lower() == "@classlabel":
                classes = words[2:]
            in_data = words[0].lower() == "@data"
            continue
        *channels, label = line.split(":")
        try:
            labels.append(classes.index(label.strip()))
            rows.append([np.array([np.nan if word.strip() == "?" else float(word) for word in channel.split(",")], np.float32)
                         for channel in channels])
        except ValueError as error:
            raise DataError(f"{path}: line {number} is no series of a class it names ({one_line(error)}).") from error
        if not channels or len(channels) != len(rows[0]):
            raise DataError(f"{path}: line {number} has {len(channels)} channels, expected {len(rows[0]) or 'one or more'}.")
    if not rows or len(classes) > 256:
        raise DataError(f"{path} holds no series, expected lines after '@data' of at most 256 classes after '@classLabel true'.")
    length = max(len(channel) for row in rows for channel in row)
    series = np.full((len(rows), len(rows[0]), length), np.nan, np.float32)
    for place, row in enumerate(rows):
        for channel, values in enumerate(row):
            series[place, channel, : len(values)] = values
    return series, np.array(labels, np.uint8), classes
