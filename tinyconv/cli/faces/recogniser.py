"""The encoder that a verb asks for, and the detector that finds faces for it in photographs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tinyconv.cli.faces.inputs import Source
from tinyconv.cli.faces.weights import need
from tinyconv.data.images import Picture
from tinyconv.data.packs import find
from tinyconv.data.quoting import one_line, suggestion
from tinyconv.errors import DataError
from tinyconv.faces.encoder import ENCODERS, Encoder, load_encoder
from tinyconv.faces.photographs import Face, faces_in, is_aligned
from tinyconv.faces.records import EncoderMark
from tinyconv.faces.trained import load_trained
from tinyconv.models.mtcnn import MTCNN, load_mtcnn

DEFAULT_GALLERY, DEFAULT_ENCODER = "faces.gallery", "mobilefacenet"
ALIGNED = ("auto", "yes", "no")


def add_gallery(parser: argparse.ArgumentParser) -> None:
    """The option --gallery."""
    parser.add_argument("--gallery", default=DEFAULT_GALLERY, metavar="FILE", help="(default: %(default)s in this folder)")


def add_encoder(parser: argparse.ArgumentParser) -> None:
    """The options --encoder and --aligned."""
    parser.add_argument("--encoder", metavar="NAME", help="'mobilefacenet', for photographs; 'own', which comes with tinyconv, "
                        "for faces drawn by code; or a FILE.npz of `tinyconv faces train` (default: the gallery's, else "
                        f"{DEFAULT_ENCODER})")
    parser.add_argument("--aligned", choices=ALIGNED, default="auto", help="whether a picture is one face, cut out and aligned; "
                        "auto: if it has 112 x 112 or 112 x 96 pixels, otherwise faces are looked for (default: %(default)s)")


def add_json(parser: argparse.ArgumentParser) -> None:
    """The option --json."""
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")


class Recogniser:
    """An encoder, and the faces of pictures as it wants them.

    Parameters
    ----------
    mtcnn : the detector; None where the encoder takes whole pictures, or all pictures are aligned
    aligned : one of `ALIGNED`
    """

    def __init__(self, encoder: Encoder, mtcnn: MTCNN | None, aligned: str) -> None:
        self.encoder, self.mtcnn, self.aligned = encoder, mtcnn, aligned

    def faces(self, picture: Picture) -> list[Face]:
        """Every face of a picture, from left to right."""
        whole = self.aligned == "yes" or (self.aligned == "auto" and is_aligned(picture, self.encoder.size))
        return faces_in(picture, self.encoder, None if whole else self.mtcnn)

    def one_face(self, source: Source, largest: bool) -> Face:
        """The face of a picture that should show one.

        Raises
        ------
        DataError
            The picture cannot be read, shows no face, or several and `largest` is not wanted.
        """
        faces = self.faces(source.read())
        if not faces:
            raise DataError(f"{source.name}: no face found; take a sharper picture, from the front, with a face of at least 40 "
                            "pixels.")
        if len(faces) > 1 and not largest:
            raise DataError(f"{source.name}: {len(faces)} faces found, expected one; cut the picture, or take the largest of "
                            "them: --largest.")
        return max(faces, key=lambda face: face.area)


def open_recogniser(arguments: argparse.Namespace, mark: EncoderMark | None = None) -> Recogniser:
    """The recogniser of --encoder and --aligned; without --encoder that of the gallery whose mark is given.

    Raises
    ------
    DataError
        Weights that are absent, or a file that is no encoder.
    """
    name = arguments.encoder or (_name_of(mark) if mark else DEFAULT_ENCODER)
    looks = arguments.aligned != "yes"
    if name == DEFAULT_ENCODER:
        need([name, "mtcnn"] if looks else [name])
    encoder = _load(name)
    if arguments.aligned == "no" and not encoder.detects:
        raise DataError(f"--aligned no: the encoder {encoder.name} takes whole pictures, expected --encoder {DEFAULT_ENCODER}.")
    if name != DEFAULT_ENCODER:
        print(f"encoder {one_line(name)}: good for {encoder.good_for}", file=sys.stderr)
    return Recogniser(encoder, load_mtcnn(find("mtcnn")) if encoder.detects and looks else None, arguments.aligned)


def _load(name: str) -> Encoder:
    if name in ENCODERS:
        return load_encoder(name)
    if Path(name).suffix == ".npz":
        return load_trained(name)
    raise DataError(f"encoder {one_line(name)!r} is unknown; {suggestion(name, ENCODERS)} Or name a FILE.npz of "
                    "`tinyconv faces train`.")


def _name_of(mark: EncoderMark) -> str:
    if mark.name not in ENCODERS:
        raise DataError(f"the gallery belongs to the encoder {mark}, whose file is not known; name it: --encoder FILE.npz.")
    return mark.name
