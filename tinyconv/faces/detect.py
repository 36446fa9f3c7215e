"""Faces in a photograph: boxes and five landmarks, by MTCNN's three stages, each of which looks closer at what the last one left.

P-Net slides over a pyramid of smaller and smaller copies of the picture, so that faces of every size become 12 pixels large
somewhere; R-Net looks at 24 x 24 pixels of each place that P-Net likes, O-Net at 48 x 48 of what R-Net likes. Each net moves the
boxes that it likes, and of boxes that show one face the best stays. Last, O-Net looks a few times more, at where its boxes now
are and at their mirror images: the mean of so many landmarks is steadier than one (on ORL's faces, turned, scaled and shifted
a little, what aligns them varied by 0.29 pixels of the aligned face in place of 0.52).

Source: Zhang, Zhang, Li & Qiao 2016; numbers and directions as in github.com/davidsandberg/facenet, `src/align/detect_face.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.areas import Areas
from tinyconv.data.arguments import check_number, is_row
from tinyconv.data.images import check_picture
from tinyconv.engine import Tensor, no_grad
from tinyconv.errors import DataError
from tinyconv.faces.boxes import moved, squares, suppress
from tinyconv.models.mtcnn import MTCNN
from tinyconv.nn import Sequential

Array = NDArray[Any]

CELL, STRIDE = 12, 2  # P-Net's window, and how far it moves, in pixels of a copy
BAND = 1 << 18  # pixels of a copy that P-Net sees at once: 10 MB in its widest layer
CHANNELS = {24: 6, 48: 16}  # of R-Net and O-Net, by the side of what they see
AT_ONCE = {24: 256, 48: 32}  # windows that they see at once: 15 MB in their widest layers, twice as many with mirror images
SAME_LEVEL, SAME_FACE = 0.5, 0.7  # boxes that overlap more show one face
LOOKS = 3  # for the landmarks
SLACK = 0.01  # by which resampled values may leave [0, 1]

# O-Net's channels: in a mirrored face left and right change places, and what counts to the right counts to the left.
MIRROR = [0, 1, 4, 3, 2, 5, 7, 6, 8, 10, 9, 12, 11, 13, 15, 14]
SIGN = np.array([1, 1, -1, 1, -1, 1, *[-1] * 5, *[1] * 5], np.float32)
START = np.array([*[0] * 6, *[1] * 5, *[0] * 5], np.float32)


@dataclass(frozen=True, eq=False)
class Detection:
    """One face.

    Attributes
    ----------
    box : (x0, y0, x1, y1) in pixels, edges counted from the picture's left upper corner; it may reach beyond the picture
    score : O-Net's probability of a face, 0 to 1
    landmarks : float64 (5, 2), (x, y) of left eye, right eye, nose, left and right corner of the mouth, as seen in the picture;
        whole numbers are centres of pixels, as in `data.warps`
    """

    box: tuple[float, float, float, float]
    score: float
    landmarks: Array


def detect(picture: Any, mtcnn: MTCNN, *, min_size: float = 40, thresholds: Sequence[float] = (0.6, 0.7, 0.7),
           factor: float = 0.709) -> list[Detection]:
    """Every face of at least about `min_size` pixels, best score first.

    Parameters
    ----------
    picture : float (H, W, 3), RGB in [0, 1], in which faces stand upright
    min_size : at least 12, height and width in pixels of the smallest face; for half of it P-Net works four times as long
    thresholds : the least probability of a face after each of the three nets, 0 to 1
    factor : how much smaller each copy of the picture is than the one before, 0.1 to 0.95

    Raises
    ------
    DataError
        No picture, values outside [0, 1] or not finite, or options that are not these.
    """
    array = _checked_picture(picture)
    smallest = check_number(min_size, "min_size", "detect", least=CELL)
    shrink = check_number(factor, "factor", "detect", least=0.1, most=0.95)
    first, second, third = _checked_thresholds(thresholds)
    if min(array.shape[:2]) < smallest:
        return []
    areas = Areas(array)
    with no_grad():
        boxes = _proposals(areas, mtcnn.pnet, smallest, shrink, first)
        boxes, scores = _look_at(areas, boxes, mtcnn.rnet, 24, second)
        boxes, scores = _look_at(areas, boxes[suppress(boxes, scores, SAME_FACE)], mtcnn.onet, 48, third)
        kept = suppress(boxes, scores, SAME_FACE, of="smaller")
        landmarks = _landmarks(areas, boxes[kept], mtcnn.onet)
    return [Detection(tuple(boxes[i].tolist()), float(scores[i]), points) for i, points in zip(kept, landmarks, strict=True)]


# --- The stages -------------------------------------------------------------------------------------------


def _proposals(areas: Areas, pnet: Sequential, smallest: float, shrink: float, least: float) -> Array:
    """What P-Net likes in any copy of the picture: boxes (N, 4)."""
    boxes, scores = [np.empty((0, 4))], [np.empty(0)]
    for height, width in _levels(areas.size, CELL / smallest, shrink):
        found, liked = _cells(areas.resized((height, width)), pnet, least)
        kept = suppress(found, liked, SAME_LEVEL)
        boxes.append(found[kept] * np.tile([areas.size[1] / width, areas.size[0] / height], 2))
        scores.append(liked[kept])
    every = np.concatenate(boxes)
    return every[suppress(every, np.concatenate(scores), SAME_FACE)]


def _levels(size: tuple[int, int], scale: float, shrink: float) -> Iterator[tuple[int, int]]:
    """The sizes of the pyramid's copies, from the largest to the last that has room for a window."""
    while min(size) * scale >= CELL:
        yield round(size[0] * scale), round(size[1] * scale)
        scale *= shrink


def _cells(copy: Array, pnet: Sequential, least: float) -> tuple[Array, Array]:
    """Boxes (N, 4), in pixels of the `copy`, and scores (N,) of the windows that P-Net likes; band by band."""
    height, width, _ = copy.shape
    count = (height - CELL + 1) // STRIDE + 1  # rows of windows; the last may hang over by a pixel
    step = max(BAND // (STRIDE * width), 1)
    boxes, scores = [], []
    for first in range(0, count, step):
        band = copy[STRIDE * first : STRIDE * (first + step) + CELL - STRIDE]
        heads = pnet(band[None]).data[0]
        faces = _probability(heads)
        y, x = np.nonzero(faces >= least)
        corners = STRIDE * np.stack([x, y + first], axis=1)
        boxes.append(moved(np.concatenate([corners, corners + CELL], axis=1), heads[y, x, 2:6]))
        scores.append(faces[y, x])
    return np.concatenate(boxes), np.concatenate(scores)


def _look_at(areas: Areas, boxes: Array, net: Sequential, side: int, least: float) -> tuple[Array, Array]:
    """Boxes (N, 4) and scores (N,) of what R-Net or O-Net likes of the squares around `boxes`."""
    windows = squares(boxes)
    heads = _heads(areas, windows, net, side)
    faces = _probability(heads)
    liked = faces >= least
    return moved(windows[liked], heads[liked, 2:6]), faces[liked]


def _landmarks(areas: Areas, boxes: Array, onet: Sequential) -> Array:
    """Landmarks (N, 5, 2) of the faces in `boxes`: the mean of what O-Net says at each look."""
    found = np.zeros((len(boxes), 5, 2))
    for _ in range(LOOKS):
        windows = squares(boxes)
        heads = _heads(areas, windows, partial(_both_ways, onet), 48)
        parts = heads[:, 6:].reshape(-1, 2, 5).swapaxes(1, 2)
        found += windows[:, None, :2] + parts * (windows[:, None, 2:] - windows[:, None, :2])
        boxes = moved(windows, heads[:, 2:6])
    return found / LOOKS


def _heads(areas: Areas, windows: Array, net: Callable[[Array], Tensor], side: int) -> Array:
    """What `net` says (N, channels) of square windows (N, 4) of the picture, seen at side x side pixels."""
    heads = [np.empty((0, CHANNELS[side]), np.float32)]
    for first in range(0, len(windows), AT_ONCE[side]):
        heads.append(net(np.stack([areas.resized((side, side), box) for box in windows[first : first + AT_ONCE[side]]])).data)
    return np.concatenate(heads)


def _both_ways(onet: Sequential, pixels: Array) -> Tensor:
    """The mean of what O-Net says of windows and of their mirror images."""
    seen = onet(np.concatenate([pixels, pixels[:, :, ::-1]]))
    return (seen[: len(pixels)] + seen[len(pixels) :][:, MIRROR] * SIGN + START) / 2


def _probability(heads: Array) -> Array:
    """That of a face: the softmax of the first two channels, written so that nothing overflows."""
    return 0.5 + 0.5 * np.tanh((heads[..., 1] - heads[..., 0]) / 2)


# --- Checks -----------------------------------------------------------------------------------------------


def _checked_picture(picture: Any) -> Array:
    """`picture` as float32, or a `DataError`."""
    array = check_picture(picture, "detect").astype(np.float32, copy=False)
    if array.min() < -SLACK or array.max() > 1 + SLACK:
        raise DataError(f"detect: values from {array.min():g} to {array.max():g}, expected RGB in [0, 1]; divide by 255 what "
                        "counts to 255.")
    return array


def _checked_thresholds(thresholds: Any) -> tuple[float, ...]:
    """Three probabilities, or a `DataError`."""
    if not is_row(thresholds) or len(thresholds) != 3:
        raise DataError(f"detect: thresholds is {thresholds!r}, expected three probabilities, one for each net.")
    return tuple(check_number(value, "thresholds", "detect", least=0, most=1) for value in thresholds)
