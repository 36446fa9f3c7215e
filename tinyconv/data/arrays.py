"""Named arrays from `.npz` files, and nothing else from them: no pickled object is ever executed."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.archives import Archive, open_archive
from tinyconv.data.files import first_bytes
from tinyconv.data.quoting import one_line
from tinyconv.errors import DataError

LARGEST = 1 << 34  # bytes of one array, and of all together
LONGEST_HEADER = 1 << 16
LARGEST_SIZE = 1 << 40  # of one axis
MOST_AXES = 32
LAST_CHARACTER = 0x10FFFF
ENTRY = (r"(?:'descr':\s*'(?P<descr>[^'\\]*)'|'fortran_order':\s*(?P<order>True|False)|"
         r"'shape':\s*\((?P<shape>[\d, L]*)\))\s*,?")


def read_npz(path: str | Path) -> dict[str, NDArray[Any]]:
    """Every array of an `.npz` file by name, in the machine's byte order.

    Numbers, booleans, texts and dates; at most 16 GiB unpacked, and above 1 GiB at most 200 times the file's size.

    Raises
    ------
    DataError
        No such file, a folder, not an .npz file, damaged, holding pickled objects or records, or larger than its bytes.
    """
    path = Path(path)
    start = first_bytes(path, 4, "an .npz file")
    if start not in (b"PK\3\4", b"PK\5\6"):
        raise DataError(f"{path} is not a readable .npz file (it is no zip archive).")
    try:
        with open_archive(path, largest=LARGEST, total=LARGEST) as archive:
            arrays = {name.removesuffix(".npy"): _read_member(archive, name) for name in archive.sizes}
            if len(arrays) < len(archive.sizes):
                raise DataError("it holds two arrays of one name.")
            return arrays
    except DataError as error:
        reason = str(error).removeprefix(str(path)).strip(": .")
        raise DataError(f"{path} is not a readable .npz file ({reason}).") from error


def _read_member(archive: Archive, name: str) -> NDArray[Any]:
    content = archive.read(name)
    dtype, shape, fortran, start = npy_header(content, one_line(name))
    return array_of_bytes(memoryview(content)[start:], dtype, shape, fortran, one_line(name))


def npy_header(content: bytes, what: str) -> tuple[str, tuple[int, ...], bool, int]:
    """The front of an `.npy` file: NumPy's dtype text, shape, whether columns come first, and where the values begin.

    The header is a Python dictionary; it is matched, never evaluated.

    Raises
    ------
    DataError
        No `.npy` header, or one that says more or less than these three things.
    """
    width = {1: 2, 2: 4, 3: 4}.get(content[6] if len(content) > 6 else 0, 0)
    if not content.startswith(b"\x93NUMPY") or not width:
        raise DataError(f"{what} is no array in NumPy's .npy format, version 1 to 3.")
    start = 8 + width
    length = int.from_bytes(content[8:start], "little")
    header = content[start : start + length].decode("latin-1")
    if length > LONGEST_HEADER or len(header) < length:
        raise DataError(f"{what} has a header of {length:,} bytes, which is cut short or too long.")
    found = list(re.finditer(ENTRY, header))
    values = {key: value for match in found for key, value in match.groupdict().items() if value is not None}
    whole = "{" + "".join(match[0] for match in found) + "}"
    if len(found) != 3 or len(values) != 3 or "".join(whole.split()) != "".join(header.split()):
        if re.match(r"\{\s*'descr':\s*\[", header):
            raise DataError(f"{what} is an array of records, expected plain numbers.")
        raise DataError(f"{what} has the header {one_line(header.strip())!r}, expected 'descr', 'fortran_order' and 'shape'.")
    sizes = [size.strip().removesuffix("L") for size in values["shape"].split(",") if size.strip()]
    if not all(re.fullmatch(r"\d{1,13}", size) for size in sizes):
        raise DataError(f"{what} has the shape ({one_line(values['shape'])}), expected at most {LARGEST_SIZE:,} along an axis.")
    return values["descr"], tuple(map(int, sizes)), values["order"] == "True", start + length


def array_of_bytes(content: bytes | memoryview, dtype: str, shape: Sequence[int], fortran: bool, what: str) -> NDArray[Any]:
    """A new array from its bytes, which must be exactly as many as `dtype` and `shape` ask for.

    Parameters
    ----------
    content : the values
    dtype : NumPy's text for it, such as "<f4" or "|u1"; numbers, booleans, texts and dates are allowed
    shape : sizes, which may be any integers a file held
    fortran : whether the first axis runs fastest
    what : the array's name in error messages

    Returns
    -------
    array of `shape` in C order and in the machine's byte order

    Raises
    ------
    DataError
        Another dtype (pickled objects among them), an impossible shape, other than the bytes it takes, or no characters.
    """
    kind = re.fullmatch(r"[<>|=]?([biufcSUmM?])(\d{0,9})(\[\d{0,4}[a-zA-Z]{1,2}\])?", dtype, re.ASCII)
    if not kind:
        objects = "pickled objects, which are never executed" if dtype.lstrip("<>|=").startswith("O") else one_line(dtype)
        raise DataError(f"{what} holds {objects}, expected numbers, booleans, texts or dates.")
    try:
        stored = np.dtype(dtype)
    except (TypeError, ValueError, OverflowError):
        raise DataError(f"{what} has the unknown dtype {one_line(dtype)}.") from None
    if len(shape) > MOST_AXES or not all(type(size) is int and 0 <= size <= LARGEST_SIZE for size in shape):
        raise DataError(f"{what} has an impossible shape, expected at most {MOST_AXES} axes of 0 to {LARGEST_SIZE:,}.")
    needed = math.prod(shape) * stored.itemsize
    if needed != len(content) or not stored.itemsize or math.prod(size for size in shape if size) * stored.itemsize > LARGEST:
        raise DataError(f"{what} says {stored} {tuple(shape)}, {needed:,} bytes, but {len(content):,} are there.")
    if not needed:
        return np.empty(shape, stored.newbyteorder("="))
    array = np.frombuffer(content, np.uint8 if stored.kind == "b" else stored).reshape(shape, order="F" if fortran else "C")
    if stored.kind == "U" and array.size and np.ascontiguousarray(array).view(stored.str[0] + "u4").max() > LAST_CHARACTER:
        raise DataError(f"{what} holds numbers that are no characters.")
    if stored.kind == "b":
        return np.not_equal(array, 0, order="C")
    return np.array(array, stored.newbyteorder("="), order="C")
