"""From a photograph to the faces in it, each cut out the way an encoder wants it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.areas import Areas
from tinyconv.data.images import check_picture
from tinyconv.errors import DataError
from tinyconv.faces.align import align
from tinyconv.faces.detect import detect
from tinyconv.faces.encoder import Encoder
from tinyconv.models.mtcnn import MTCNN

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Face:
    """One face of a photograph.

    Attributes
    ----------
    crop : float32 (height, width, 3), RGB in [0, 1], in the encoder's size
    box : (x0, y0, x1, y1) in pixels of the photograph
    landmarks : (5, 2), (x, y) of eyes, nose and mouth corners; None where nobody looked for them
    score : how sure the detector is, 0 to 1; 1 where the whole picture was taken
    """

    crop: Array
    box: tuple[float, float, float, float]
    landmarks: Array | None
    score: float

    @property
    def area(self) -> float:
        """Of the box, in pixels."""
        return (self.box[2] - self.box[0]) * (self.box[3] - self.box[1])


def faces_in(picture: Any, encoder: Encoder, mtcnn: MTCNN | None = None) -> list[Face]:
    """The faces of a photograph from left to right, aligned and in the encoder's size.

    Parameters
    ----------
    picture : float (H, W, 3), RGB in [0, 1]
    mtcnn : finds the faces; None: the whole picture is one face that is aligned already (see `whole_face`)

    Raises
    ------
    DataError
        No such picture.
    """
    picture = check_picture(picture, "faces_in").astype(np.float32, copy=False)
    if mtcnn is None:
        height, width = picture.shape[:2]
        return [Face(whole_face(picture, encoder.size), (0.0, 0.0, float(width), float(height)), None, 1.0)]
    found = sorted(detect(picture, mtcnn), key=lambda face: face.box[0])
    return [Face(align(picture, face.landmarks, encoder.size), face.box, face.landmarks, face.score) for face in found]


def is_aligned(picture: Any, size: tuple[int, int]) -> bool:
    """Whether a picture has the size of an aligned face: `size` itself, or the square of its height.

    Source: the template of 112 x 112 points has that of 112 x 96 in its columns 8 to 103 (Deng et al. 2019, "ArcFace"; Liu et
    al. 2017, "SphereFace").
    """
    height, width = np.shape(picture)[:2]
    return height == size[0] and width in (size[1], size[0])


def whole_face(picture: Array, size: tuple[int, int]) -> Array:
    """The middle of a picture in the shape of `size`, shrunk or enlarged to it: float32 (*size, 3).

    Of 112 x 112 pixels and size (112, 96) these are columns 8 to 103, unchanged.
    """
    height, width = picture.shape[:2]
    rows, columns = min(height, width * size[0] / size[1]), min(width, height * size[1] / size[0])
    top, left = (height - rows) / 2, (width - columns) / 2
    if (rows, columns) == size and top.is_integer() and left.is_integer():
        return picture[int(top) : int(top) + size[0], int(left) : int(left) + size[1]]
    return np.clip(Areas(picture).resized(size, (left, top, left + columns, top + rows)), 0, 1)


def middle_half(picture: Array) -> Array:
    """The middle of a picture, half as high and half as wide: where LFW's photographs have the face that is meant."""
    height, width = picture.shape[:2]
    if min(height, width) < 4:
        raise DataError(f"middle_half: the picture has {height} x {width} pixels, expected at least 4 x 4.")
    return picture[height // 4 : height - height // 4, width // 4 : width - width // 4]
