"""Moving pictures: frames to an animated GIF and back.

A GIF is a list of blocks. Pillow packs and unpacks the pixels of a frame; the list is written and checked here, so that as
many frames are in the file as were given (Pillow joins equal ones), each with its own colours, and a file cut between two frames
is noticed.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from tinyconv.data.arguments import check_number
from tinyconv.data.files import whole_file
from tinyconv.data.images import as_rgb, check_output, check_picture, faults_named
from tinyconv.errors import DataError

FOREVER = b"!\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
TRAILER = b";"
LARGEST_FILE = 1 << 30
TABLE = 0x80  # the flag of a colour table; the flags' last three bits are the log2 of its length, less one


class Block(NamedTuple):
    """One frame in a file: where it ends on the screen, and where its pixels begin and end in the file."""

    right: int
    bottom: int
    start: int
    stop: int


def write_gif(path: str | Path, frames: Iterable[Any], seconds_per_frame: Any = 0.1, loop: bool = True) -> None:
    """Write `frames` as an animated GIF, whole or not at all.

    A frame of at most 256 colours is kept exactly, to 8 bits a channel; others get the 256 that a median cut chooses.

    Parameters
    ----------
    path : file ending in .gif
    frames : (T, H, W, 3), or as many float pictures (H, W, 3), in [0, 1]; values outside are clipped
    seconds_per_frame : one number, or T of them, from 0.01 to 655.35
        A GIF counts in hundredths of a second: each is rounded to the nearest. Browsers show less than 0.02 as 0.1.
    loop : repeat for ever; otherwise the frames are shown once

    Raises
    ------
    DataError
        No frame, frames of different sizes or that are no pictures, a time out of range, a place that cannot be written.
    """
    path = Path(path)
    check_output(path, (".gif",))
    if not isinstance(frames, Iterable):
        raise DataError(f"write_gif: frames are {type(frames).__name__}, expected (T, H, W, 3) or several (H, W, 3).")
    pictures = [check_picture(frame, f"write_gif: frame {number}") for number, frame in enumerate(frames)]
    if not pictures:
        raise DataError("write_gif: there are no frames, expected at least one (H, W, 3).")
    height, width, _ = pictures[0].shape
    for number, picture in enumerate(pictures):
        if picture.shape != pictures[0].shape:
            raise DataError(f"write_gif: frame {number} is {picture.shape}, frame 0 is {pictures[0].shape}; make all one size.")
    if max(height, width) > 0xFFFF:
        raise DataError(f"write_gif: frames are {height} x {width}, expected at most 65535 x 65535; shrink them.")
    delays = _hundredths(seconds_per_frame, len(pictures))
    with whole_file(path) as partial, partial.open("wb") as file:
        file.write(struct.pack("<6sHHBBB", b"GIF89a", width, height, 0, 0, 0) + (FOREVER if loop else b""))
        for picture, delay in zip(pictures, delays, strict=True):
            file.write(struct.pack("<4sHBB", b"!\xf9\x04\x04", delay, 0, 0))  # what this frame shows stays for the next
            file.write(_frame((np.clip(picture, 0, 1) * 255).round().astype(np.uint8)))
        file.write(TRAILER)


def read_gif(path: str | Path) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Read every frame of a GIF as it is shown: over the frames before, transparency over white.

    What a frame leaves for the next is Pillow's reading of the file: one that is to be cleared away becomes transparent if it
    has a transparent colour, and the background colour otherwise.

    Returns
    -------
    frames, seconds
        float32 (T, H, W, 3), RGB in [0, 1], and float64 (T,): how long each is shown; 0 where the file leaves it to the viewer

    Raises
    ------
    DataError
        No such file, a folder, not a GIF, damaged or cut short, or more pixels in all frames together than Pillow's limit
        for one picture.
    """
    path = Path(path)
    with faults_named(path):
        pictures, milliseconds = _decoded(_bytes(path), path)
    frames = np.empty((len(pictures), *pictures[0].shape), np.float32)
    for frame, picture in zip(frames, pictures, strict=True):
        np.divide(picture, np.float32(255), out=frame)
    return frames, np.array(milliseconds) / 1000


def _hundredths(seconds: Any, count: int) -> list[int]:
    times = [seconds] * count if np.ndim(seconds) == 0 else list(seconds)
    if len(times) != count:
        raise DataError(f"write_gif: {len(times)} times for {count} frames; give one number or as many.")
    delays = [round(100 * check_number(time, "seconds_per_frame", "write_gif", least=0)) for time in times]
    for time, delay in zip(times, delays, strict=True):
        if not 1 <= delay <= 0xFFFF:
            raise DataError(f"write_gif: seconds_per_frame is {time}, expected 0.01 to 655.35: a GIF can say no other.")
    return delays


def _frame(pixels: NDArray[np.uint8]) -> bytes:
    """The block of one frame, with its own colour table: that of the GIF that Pillow makes of it alone."""
    buffer = io.BytesIO()
    _with_palette(pixels).save(buffer, "GIF", interlace=False, optimize=False)
    data = buffer.getvalue()
    flags = data[10]
    table = data[13 : 13 + _table_length(flags)]
    block = _blocks(data)[0]
    descriptor = struct.pack("<BHHHHB", 0x2C, 0, 0, block.right, block.bottom, TABLE | flags & 7)
    return descriptor + table + data[block.start : block.stop]


def _with_palette(pixels: NDArray[np.uint8]) -> Image.Image:
    codes = pixels.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    colours, places = np.unique(codes, return_inverse=True)
    if len(colours) > 256:
        return Image.fromarray(pixels).quantize(256, Image.Quantize.MEDIANCUT)
    image = Image.fromarray(places.reshape(codes.shape).astype(np.uint8)).convert("P")
    image.putpalette(np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=1).astype(np.uint8).tobytes())
    return image


def _bytes(path: Path) -> bytes:
    """The file's bytes, if they begin as a GIF's do."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(6) not in (b"GIF87a", b"GIF89a"):
            raise DataError(f"{path} is not a GIF ({size} bytes), expected a file that begins with GIF87a or GIF89a.")
        if size > LARGEST_FILE:
            raise DataError(f"{path} has {size:,} bytes, expected at most {LARGEST_FILE:,}; shorten it first.")
        file.seek(0)
        return file.read()


def _decoded(data: bytes, path: Path) -> tuple[list[NDArray[np.uint8]], list[float]]:
    blocks, (width, height) = _blocks(data), struct.unpack_from("<HH", data, 6)
    if not blocks:
        raise DataError(f"{path} is a GIF without a frame.")
    for number, block in enumerate(blocks):
        if block.right > width or block.bottom > height:
            raise DataError(f"{path}: frame {number} does not fit into the picture of {width} x {height} pixels.")
    if Image.MAX_IMAGE_PIXELS is not None and len(blocks) * width * height > Image.MAX_IMAGE_PIXELS:
        raise _too_large(path)
    pictures: list[NDArray[np.uint8]] = []
    milliseconds: list[float] = []
    with Image.open(io.BytesIO(data), formats=["GIF"]) as image:
        for frame in ImageSequence.Iterator(image):
            pictures.append(np.asarray(as_rgb(frame, path)))
            milliseconds.append(float(frame.info.get("duration", 0)))
    if len(pictures) != len(blocks):
        raise DataError(f"{path} has {len(blocks)} frames, of which {len(pictures)} can be read; the file is damaged.")
    return pictures, milliseconds


def _blocks(data: bytes) -> list[Block]:
    """Every frame of a GIF, found by walking from block to block up to the trailer; an end before it is an EOFError."""
    position = 13 + _table_length(_byte(data, 10))
    found = []
    while data[position : position + 1] != TRAILER:
        kind = _byte(data, position)
        if kind == 0x21:  # an extension: a label, then chunks
            position = _after_chunks(data, position + 2)
        elif kind == 0x2C:
            flags = _byte(data, position + 9)
            left, top, width, height = struct.unpack_from("<4H", data, position + 1)
            start = position + 10 + _table_length(flags)
            position = _after_chunks(data, start + 1)
            found.append(Block(left + width, top + height, start, position))
        else:
            raise ValueError(f"byte {position} begins no block")
    return found


def _after_chunks(data: bytes, position: int) -> int:
    """The position after a run of chunks, each led by its length, ended by one of length 0."""
    while length := _byte(data, position):
        position += length + 1
    return position + 1


def _table_length(flags: int) -> int:
    """The bytes of the colour table that `flags` announce."""
    return 3 << (flags & 7) + 1 if flags & TABLE else 0


def _byte(data: bytes, position: int) -> int:
    if position >= len(data):
        raise EOFError(f"it ends after {len(data)} bytes, before its last block")
    return data[position]


def _too_large(path: Path) -> DataError:
    return DataError(f"{path} unpacks to more than {Image.MAX_IMAGE_PIXELS:,} pixels in all frames; shrink or shorten it first.")
