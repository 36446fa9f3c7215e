"""Pictures from files and back: float32 RGB in [0, 1], every fault named in one line."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from tinyconv.data.arguments import check_count
from tinyconv.data.files import check_writable, first_bytes, whole_file
from tinyconv.data.quoting import one_line
from tinyconv.errors import DataError

Picture = NDArray[np.float32]

READABLE_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "La", "RGBa", "CMYK", "YCbCr", "HSV"}
ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
# How the files of other programs begin that pass for pictures. An EPS is a program, for which Pillow would start an interpreter.
REFUSED = {"an HEIC": rb"(?s).{4}ftyp(?:hei[cxms]|hev[cx]|mif1|msf1)", "a PDF": rb"%PDF-", "an EPS": rb"%!PS|\xc5\xd0\xd3\xc6",
           "an SVG": rb"(?s)(?:\xef\xbb\xbf)?\s*(?:(?:<\?xml|<!--|<!DOCTYPE svg).*)?<svg[\s>]"}
SIXTEEN_BIT = {"I;16", "I;16L", "I;16B", "I;16N"}


def read_image(path: str | Path, longer_side: int | None = None) -> Picture:
    """Read a picture as the camera meant it: turned by its EXIF flag, transparency over white.

    Palettes, grey, two-level, CMYK (also as Adobe stores it, inverted) and YCbCr pictures become RGB of 8 bits.
    Of an animated or many-paged file it is the first picture.

    Parameters
    ----------
    path : file in any format Pillow reads
    longer_side : int, optional
        Shrink or enlarge (Lanczos) so that the longer side has so many pixels.

    Returns
    -------
    float32 array (H, W, 3), RGB in [0, 1]

    Raises
    ------
    DataError
        No such file, a folder, a pipe or a device, not a picture, HEIC, SVG, PDF or EPS, cut short, of more pixels than Pillow's
        limit, or of a kind that cannot be shown as RGB: float or 32-bit pixels have no fixed range. A `longer_side` below 1, or
        that asks for more pixels than that limit.
    """
    path = Path(path)
    if longer_side is not None:
        check_count(longer_side, "longer_side", "read_image")
    with faults_named(path), Image.open(path) as opened:
        opened.load()
        image = as_rgb(ImageOps.exif_transpose(opened), path)
    if longer_side is not None:
        width, height = fitted_size(image.size, longer_side)
        if Image.MAX_IMAGE_PIXELS is not None and width * height > Image.MAX_IMAGE_PIXELS:
            raise DataError(f"read_image: longer_side is {longer_side}, which would make {width} x {height} pixels of {path}, "
                            f"expected at most {Image.MAX_IMAGE_PIXELS:,}; ask for fewer.")
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(image, np.float32) / np.float32(255)


@contextlib.contextmanager
def faults_named(path: Path) -> Iterator[None]:
    """Whatever Pillow does about a file that it cannot read becomes a `DataError`; its remarks on odd metadata are dropped."""
    try:
        start = first_bytes(path, 1024, "a picture file")
        for name, mark in REFUSED.items():
            if re.match(mark, start):
                raise DataError(f"{path} is {name} file, which is not read; convert it to PNG or JPEG first.")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except DataError:
        raise
    except UnidentifiedImageError:
        size = path.stat().st_size
        raise DataError(f"{path} is not a picture ({size} bytes), expected PNG, JPEG or another format Pillow reads.") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DataError(f"{path} unpacks to more than {Image.MAX_IMAGE_PIXELS:,} pixels; shrink it first.") from None
    except (OSError, SyntaxError, ValueError, LookupError, ArithmeticError, TypeError, EOFError, RuntimeError, AttributeError,
            AssertionError, struct.error, zlib.error) as error:
        if isinstance(error, OSError) and error.strerror:  # the system's word, not Pillow's
            raise DataError(f"{one_line(path)} cannot be read ({error.strerror}).") from error
        raise DataError(f"{path} cannot be read ({one_line(error)}); the file is damaged or cut short.") from error


def fitted_size(size: tuple[int, int], longer_side: int) -> tuple[int, int]:
    """`size` scaled so that its longer side is `longer_side`; no side falls below 1."""
    scale = longer_side / max(size)
    return max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)


def write_image(path: str | Path, picture: Any) -> None:
    """Write `picture`, (H, W, 3) in [0, 1] (values outside are clipped), whole or not at all.

    Raises
    ------
    DataError
        Values that are not finite, another shape, an unknown file ending, or a place that cannot be written.
    """
    path = Path(path)
    check_output(path)
    pixels = (np.clip(check_picture(picture, "write_image"), 0, 1) * 255).round().astype(np.uint8)
    with whole_file(path) as partial:
        Image.fromarray(pixels).save(partial)


def check_output(path: str | Path, endings: tuple[str, ...] = ENDINGS) -> None:
    """Fail now, not after the work, if a picture with one of `endings` cannot be written to `path`."""
    path = Path(path)
    if path.is_dir():
        raise DataError(f"{path} is a folder, expected the name of a picture file to write.")
    if path.suffix.lower() not in endings:
        raise DataError(f"{path} has the ending {path.suffix!r}, expected {' or '.join(endings)}.")
    check_writable(path.parent)
    if path.exists() and not os.access(path, os.W_OK):
        raise DataError(f"{path} cannot be written: it is there and write-protected.")


def check_picture(picture: Any, what: str) -> NDArray[Any]:
    """`picture` as an array if it is (H, W, 3) of finite numbers; what it is not is a `DataError`."""
    array = np.asarray(picture)
    if array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape or array.dtype.kind != "f":
        raise DataError(f"{what}: got {array.dtype} {array.shape}, expected a float picture (H, W, 3), RGB in [0, 1].")
    if not np.isfinite(array).all():
        raise DataError(f"{what}: {int((~np.isfinite(array)).sum())} of {array.size} values are NaN or infinite.")
    return array


def sample_photograph(longer_side: int = 256) -> Picture:
    """The photograph that matplotlib ships (Grace Hopper; public domain), found by path; (H, W, 3) in [0, 1]."""
    package = importlib.util.find_spec("matplotlib")
    folders = package.submodule_search_locations if package is not None else None
    if not folders:
        raise DataError("the sample photograph comes with matplotlib, which is not installed: pip install matplotlib.")
    return read_image(Path(folders[0]) / "mpl-data" / "sample_data" / "grace_hopper.jpg", longer_side)


def as_rgb(image: Image.Image, path: Path) -> Image.Image:
    """`image`, as Pillow opened it from `path`, in mode RGB of 8 bits: transparency over white, or refused by name."""
    if image.mode in SIXTEEN_BIT:
        return Image.fromarray(((np.asarray(image).astype(np.uint32) + 128) // 257).astype(np.uint8)).convert("RGB")
    if image.mode not in READABLE_MODES:
        raise DataError(f"{path} has pixels of Pillow's mode {image.mode}, which have no fixed range; expected 8-bit or "
                        "16-bit grey or colour: convert it first.")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")
