"""One encoded picture from memory to pixels, with a size that is checked before it is unpacked."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tinyconv.data.quoting import one_line
from tinyconv.errors import DataError


def decode(content: bytes, what: str, *, format: str, mode: str, size: tuple[int, int] | None = None,
           most: int = 1 << 24) -> NDArray[Any]:
    """The pixels of `content`: uint8 (H, W) or (H, W, 3), or bool (H, W) for mode "1".

    Parameters
    ----------
    content : an encoded picture
    what : str
        The file's name in error messages.
    format, mode : str
        Pillow's names of what is expected: "PNG" or "JPEG"; a JPEG of another mode is converted, a PNG refused.
    size : (width, height), optional
        The only size that is accepted.
    most : int
        The most pixels.

    Raises
    ------
    DataError
        Another format, size or mode, damaged, or cut short.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our own limit refuses bombs
            with Image.open(io.BytesIO(content), formats=[format]) as picture:
                width, height = picture.size
                if size not in (None, picture.size):
                    raise DataError(f"{what} has {width}x{height} pixels, expected {size[0]}x{size[1]}.")
                if width * height > most:
                    raise DataError(f"{what} has {width}x{height} pixels, at most {most:,} are expected.")
                if picture.mode != mode and format != "JPEG":
                    raise DataError(f"{what} has pixels of Pillow's mode {picture.mode}, expected {mode}.")
                return np.asarray(picture.convert(mode))
    except DataError:
        raise
    except Image.DecompressionBombError:
        raise DataError(f"{what} unpacks to more pixels than any picture here has, at most {most:,}.") from None
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError, OverflowError, KeyError, AttributeError,
            struct.error, zlib.error) as error:
        raise DataError(f"{what} is not a whole {format} picture ({one_line(error)}).") from error
