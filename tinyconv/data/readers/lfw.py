"""Labeled Faces in the Wild: photographs of famous people from the news, and the lists of pairs to verify.

Source: Huang, Ramesh, Berg, Learned-Miller, Labeled faces in the wild (2007); file formats from the data set's README.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.archives import open_archive
from tinyconv.data.files import first_bytes
from tinyconv.data.quoting import one_line
from tinyconv.data.readers.pixels import decode
from tinyconv.errors import DataError

LARGEST_LIST = 1 << 22  # bytes of a list of pairs
MOST_BYTES = 1 << 33  # of all pixels together
PHOTOGRAPH = re.compile(r"(?:.*/)?([^/]+)/\1_(\d{4})\.(?i:jpe?g)", re.ASCII)


def read_lfw(path: str | Path) -> dict[str, NDArray[Any]]:
    """Read `lfw.tgz` or a relative of it (zip, tar, folder; aligned or cropped): NAME/NAME_NNNN.jpg, all of one size.

    Returns
    -------
    {"images": uint8 (N, H, W, 3) RGB in 0..255, "names": str (N,), "numbers": int64 (N,)}, sorted by name and number;
    official: N = 13,233 and 250x250 pixels, 2.5 GB

    Raises
    ------
    DataError
        An archive that is refused, no photographs, one that is there twice or damaged, or sizes that differ.
    """
    with open_archive(path, largest=1 << 24, total=1 << 32) as archive:
        found: dict[tuple[str, int], str] = {}
        for name in archive.sizes:
            fits = PHOTOGRAPH.fullmatch(name)
            if fits and not name.startswith("__MACOSX/"):
                key = fits[1], int(fits[2])
                if key in found:
                    raise DataError(f"{archive.path}: {one_line(name)} and {one_line(found[key])} are the same photograph.")
                found[key] = name
        if not found:
            raise DataError(f"{archive.path} holds no photographs, expected NAME/NAME_NNNN.jpg.")
        order = {key: place for place, key in enumerate(sorted(found))}
        images: NDArray[np.uint8] | None = None
        for key, name in found.items():
            what = f"{archive.path}: {one_line(name)}"
            size = None if images is None else (images.shape[2], images.shape[1])
            pixels = decode(archive.read(name), what, format="JPEG", mode="RGB", size=size)
            if images is None:
                if len(order) * pixels.nbytes > MOST_BYTES:
                    raise DataError(f"{what} has {pixels.nbytes:,} bytes of pixels, too many for all {len(order):,} photographs: "
                                    f"at most {MOST_BYTES:,} are expected together.")
                images = np.empty((len(order), *pixels.shape), np.uint8)
            images[order[key]] = pixels
    assert images is not None
    return {"images": images, "names": np.array([name for name, _ in order]),
            "numbers": np.array([number for _, number in order], np.int64)}


def read_lfw_pairs(path: str | Path) -> dict[str, NDArray[Any]]:
    """Read `pairs.txt` (ten folds), `pairsDevTrain.txt` or `pairsDevTest.txt` (one).

    The first line is FOLDS and PAIRS, or PAIRS alone; then each fold has PAIRS lines NAME NUMBER NUMBER (one person) and PAIRS
    lines NAME NUMBER NAME NUMBER (two people), with tabs between.

    Returns
    -------
    {"folds": int64 (P,) from 0, "same": bool (P,), "names": str (P, 2), "numbers": int64 (P, 2) from 1}, in the file's order

    Raises
    ------
    DataError
        No such file, no text, or a line that is not what its place asks for: it is named by its number.
    """
    path = Path(path)
    text = first_bytes(path, LARGEST_LIST + 1, "a list of pairs")
    if len(text) > LARGEST_LIST:
        raise DataError(f"{path} is more than {LARGEST_LIST:,} bytes, expected a list of pairs.")
    try:
        lines = text.decode("utf-8").rstrip("\r\n\t ").split("\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not a list of pairs: byte {error.start} is no UTF-8 text.") from None
    counts = lines[0].split()
    if not (1 <= len(counts) <= 2 and all(re.fullmatch("[1-9][0-9]{0,6}", count) for count in counts)):
        raise DataError(f"{path}: line 1 is {one_line(lines[0])!r}, expected how many folds and pairs, such as '10 300'.")
    folds, pairs = (1, int(counts[0])) if len(counts) == 1 else (int(counts[0]), int(counts[1]))
    if len(lines) - 1 != 2 * folds * pairs:
        raise DataError(f"{path}: {len(lines) - 1:,} lines follow line 1, expected {2 * folds * pairs:,}: {folds} times {pairs} "
                        f"pairs of one person and {pairs} of two.")
    rows = [_pair(line, number, number // pairs % 2 == 0, path) for number, line in enumerate(lines[1:])]
    return {"folds": np.repeat(np.arange(folds, dtype=np.int64), 2 * pairs),
            "same": np.tile(np.repeat([True, False], pairs), folds),
            "names": np.array([names for names, _ in rows]),
            "numbers": np.array([numbers for _, numbers in rows], np.int64)}


def _pair(line: str, number: int, same: bool, path: Path) -> tuple[tuple[str, str], tuple[int, int]]:
    """One line as two names and two numbers; `number` counts from 0 behind the first line of the file."""
    fields = line.rstrip("\r").split("\t")
    if same and len(fields) == 3:
        fields.insert(2, fields[0])
    names, numbers = fields[::2], fields[1::2]
    fine = len(fields) == 4 and all(names) and all(re.fullmatch("[0-9]{1,4}", n) and int(n) for n in numbers)
    if not fine or same != (names[0] == names[1]) or (same and numbers[0] == numbers[1]):
        expected = "NAME NUMBER OTHER_NUMBER" if same else "NAME NUMBER OTHER_NAME NUMBER"
        raise DataError(f"{path}: line {number + 2} is {one_line(line)!r}, expected {expected} with tabs between.")
    return (names[0], names[1]), (int(numbers[0]), int(numbers[1]))
