"""From a face to a point on the unit sphere, so that near points are one person: the nets that tinyconv can use for it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tinyconv.data.arguments import as_array, check_choice, check_count
from tinyconv.data.packs import find
from tinyconv.engine import Array, no_grad
from tinyconv.errors import DataError, ShapeError
from tinyconv.models import face_encoder, mobilefacenet
from tinyconv.nn import Module

BATCH = 32  # faces at a time; the net sees each of them and its mirror image

# Takes 1 in 1,000 pairs of different people for one: of all 29.6 million such pairs of the 7,701 aligned faces of LFW's View 2.
# Of the 8,101 pairs of one person it then misses 5.4 %.
MOBILEFACENET_THRESHOLD = 1.17
# Takes 1 in 100 for one: of all 4.5 million such pairs of 3,000 faces of 500 people drawn by code, whom the net had not seen.
# Of the 7,500 pairs of one person it then misses 7 %.
OWN_THRESHOLD = 0.49


@dataclass(frozen=True, eq=False)
class Encoder:
    """A net that encodes faces, and what must be known to use it.

    Attributes
    ----------
    name : what `load_encoder` calls it
    fingerprint : 16 hexadecimal digits that tell these weights, this size and this preprocessing from any others
    size : (height, width) of the faces it takes
    detects : whether faces are found in photographs and aligned first; otherwise the whole picture is taken as the face
    good_for : one sentence on what may be expected of it, and what not
    threshold : squared distance, 0 to 4, up to which two faces are one person, unless a gallery has a calibrated one
    net : (N, *size, 3) in [0, 1] to points (N, D), in evaluation mode
    """

    name: str
    fingerprint: str
    size: tuple[int, int]
    detects: bool
    good_for: str
    threshold: float
    net: Module

    @cached_property
    def dimension(self) -> int:
        """D, how many numbers a point has."""
        return self._points(np.zeros((1, *self.size, 3), np.float32)).shape[1]

    def encode(self, faces: Any, batch_size: int = BATCH) -> Array:
        """The direction between that of a face and that of its mirror image, for each face.

        Parameters
        ----------
        faces : float32 (N, *size, 3), RGB in [0, 1]
        batch_size : faces at a time, which bounds the memory

        Returns
        -------
        float32 (N, D), each row of length 1

        Raises
        ------
        ShapeError, DataError
            Faces that are not as above, or a face for which the net gives no direction.
        """
        faces, batch_size = self._checked(faces), check_count(batch_size, "batch_size", "encode")
        out = np.empty((len(faces), self.dimension), np.float32)
        for start in range(0, len(faces), batch_size):
            batch = faces[start : start + batch_size]
            both = self._points(np.concatenate([batch, batch[:, :, ::-1]]))
            directions = _to_length_one(_to_length_one(both[: len(batch)]) + _to_length_one(both[len(batch) :]))
            if not np.isfinite(directions).all():
                raise DataError(f"encode: the encoder {self.name} gives a point without a direction; its weights are ruined.")
            out[start : start + batch_size] = directions
        return out

    def _points(self, faces: Array) -> Array:
        with no_grad():
            return self.net(faces).data

    def _checked(self, faces: Any) -> Array:
        faces = as_array(faces, "encode")
        if faces.dtype != np.float32 or faces.ndim != 4 or faces.shape[1:] != (*self.size, 3):
            raise ShapeError(f"encode: got faces {faces.dtype} {faces.shape}, expected float32 (N, {self.size[0]}, "
                             f"{self.size[1]}, 3) for the encoder {self.name}.")
        if faces.size and not (faces.min() >= -0.01 and faces.max() <= 1.01):  # resampling may overshoot a little; NaN may not
            raise DataError(f"encode: got pixels from {faces.min():g} to {faces.max():g}, expected RGB in [0, 1].")
        return faces


def fingerprint(net: Module, size: tuple[int, int], preprocessing: str) -> str:
    """16 hexadecimal digits of SHA-256 over every array of the net by name, the size of its faces and how they are prepared."""
    digest = hashlib.sha256(f"{preprocessing} {size[0]}x{size[1]}".encode())
    for name, array in sorted(net.state().items()):
        digest.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def make_encoder(net: Module, *, name: str, size: tuple[int, int], detects: bool, good_for: str, threshold: float) -> Encoder:
    """The encoder of a net in evaluation mode, with its fingerprint; see `Encoder`."""
    preprocessing = f"{'aligned' if detects else 'whole picture'}, mean with mirror image"
    return Encoder(name, fingerprint(net, size, preprocessing), size, detects, good_for, threshold, net)


def load_encoder(name: str) -> Encoder:
    """An encoder by name.

    Parameters
    ----------
    name : "mobilefacenet", whose weights are a pack (`tinyconv weights fetch mobilefacenet`), or "own", whose weights come with
        tinyconv

    Raises
    ------
    DataError
        No such encoder, or the pack is absent: how to get it.
    """
    return ENCODERS[check_choice(name, "name", "load_encoder", ENCODERS)]()


def _mobilefacenet() -> Encoder:
    return make_encoder(
        mobilefacenet.load_mobilefacenet(find("mobilefacenet")), name="mobilefacenet", size=mobilefacenet.SIZE, detects=True,
        threshold=MOBILEFACENET_THRESHOLD,
        good_for="photographs of faces that look about to the front, as in the news; how often it errs for different groups of "
                 "people is not measured.",
    )


def _own() -> Encoder:
    return make_encoder(
        face_encoder.own_face_encoder(), name="own", size=face_encoder.OWN_SIZE, detects=False, threshold=OWN_THRESHOLD,
        good_for="drawn faces like those that it was trained on, to see how recognition works; not for photographs: it has never "
                 "seen one.",
    )


ENCODERS: dict[str, Callable[[], Encoder]] = {"mobilefacenet": _mobilefacenet, "own": _own}


def _to_length_one(points: Array) -> Array:
    """Each row divided by its length; NaN where that is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return points / np.linalg.norm(points, axis=1, keepdims=True)
