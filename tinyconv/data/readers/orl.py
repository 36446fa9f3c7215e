"""The ORL (AT&T, Olivetti) faces: 40 people, 10 gray photographs each, as PGM files.

Source: Samaria and Harter, Parameterisation of a stochastic model for human face identification (1994); the PGM format is
netpbm's.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.archives import open_archive
from tinyconv.data.quoting import one_line
from tinyconv.errors import DataError

PEOPLE, PHOTOGRAPHS = 40, 10
HEIGHT, WIDTH = 112, 92
LAYOUT = re.compile(r"(?:.*/)?s(\d{1,2})/(\d{1,2})\.pgm", re.ASCII | re.IGNORECASE)
COMMENT = rb"#[^\r\n]*"
HEADER = re.compile(rb"P([25])" + rb"(?:\s|%s[\r\n])+(\d{1,9})" % COMMENT * 3 + rb"(?:%s)?\s" % COMMENT)


def read_orl(path: str | Path) -> dict[str, NDArray[Any]]:
    """Read the zip, the tar or the folder that holds s1/1.pgm to s40/10.pgm.

    Returns
    -------
    {"faces": uint8 (40, 10, 112, 92), people, photographs, rows, columns; gray in 0..255}

    Raises
    ------
    DataError
        An archive that is refused, a photograph that is absent, there twice, damaged, or not 112x92 of 8 bits.
    """
    faces = np.empty((PEOPLE, PHOTOGRAPHS, HEIGHT, WIDTH), np.uint8)
    with open_archive(path, largest=1 << 20, total=1 << 28) as archive:
        seen: dict[tuple[int, int], str] = {}
        for name in archive.sizes:
            fits = LAYOUT.fullmatch(name)
            if not fits or name.startswith("__MACOSX/"):
                continue
            key = int(fits[1]), int(fits[2])
            if not (1 <= key[0] <= PEOPLE and 1 <= key[1] <= PHOTOGRAPHS):
                raise DataError(f"{archive.path}: {one_line(name)} is no photograph of ORL, expected s1/1.pgm to s40/10.pgm.")
            if key in seen:
                raise DataError(f"{archive.path}: {one_line(name)} and {one_line(seen[key])} are the same photograph.")
            seen[key] = name
            faces[key[0] - 1, key[1] - 1] = _read_pgm(archive.read(name), f"{archive.path}: {one_line(name)}")
        absent = [f"s{s}/{n}.pgm" for s in range(1, PEOPLE + 1) for n in range(1, PHOTOGRAPHS + 1) if (s, n) not in seen]
        if absent:
            raise DataError(f"{archive.path}: {len(absent)} of the 400 photographs are absent, the first is {absent[0]}.")
    return {"faces": faces}


def _read_pgm(content: bytes, what: str) -> NDArray[np.uint8]:
    """One gray picture: a header in ASCII, then one byte (P5) or one decimal number (P2) for each pixel."""
    header = HEADER.match(content)
    if not header:
        raise DataError(f"{what} is not a PGM picture, expected the mark P5 or P2, width, height and the largest value.")
    width, height, largest = (int(header[n]) for n in (2, 3, 4))
    if (height, width, largest) != (HEIGHT, WIDTH, 255):
        raise DataError(f"{what} is {height}x{width} with values up to {largest}, expected {HEIGHT}x{WIDTH} up to 255.")
    raster = content[header.end() :]
    if header[1] == b"5":
        values = np.frombuffer(raster, np.uint8)
    else:
        words = re.sub(COMMENT, b"", raster).split()
        if not all(re.fullmatch(rb"\d{1,3}", word) and int(word) <= 255 for word in words):
            raise DataError(f"{what} has a value that is no number from 0 to 255.")
        values = np.array([int(word) for word in words], np.uint8)
    if len(values) != HEIGHT * WIDTH:
        raise DataError(f"{what} has {len(values):,} values, expected {HEIGHT * WIDTH:,}: it is damaged or cut short.")
    return values.reshape(HEIGHT, WIDTH)
