"""`tinyconv faces verify`: is this the claimed person? `tinyconv faces identify`: who are these people?"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from tinyconv.cli.faces.inputs import Source, photographs
from tinyconv.cli.faces.people import check_enrolled
from tinyconv.cli.faces.recogniser import Recogniser, add_encoder, add_gallery, add_json, open_recogniser
from tinyconv.cli.faces.report import complain, counted, show, threshold_in_words
from tinyconv.data.arguments import check_count
from tinyconv.data.files import whole_file
from tinyconv.data.images import Picture, check_output
from tinyconv.errors import DataError
from tinyconv.faces.gallery import Gallery
from tinyconv.faces.photographs import Face
from tinyconv.faces.records import Identification

STRANGER = "not recognized"


def add_verify_arguments(parser: argparse.ArgumentParser) -> None:
    """The photograph, the claim and the options of `verify`."""
    parser.epilog = "Exit code: 0 the claimed person, 1 somebody else, 2 an error."
    parser.add_argument("photograph", metavar="PHOTO")
    parser.add_argument("identity", metavar="NAME", help="who it is claimed to be")
    parser.add_argument("--largest", action="store_true", help="of several faces take the largest")
    _add_shared(parser)


def add_identify_arguments(parser: argparse.ArgumentParser) -> None:
    """The photographs and options of `identify`."""
    parser.add_argument("photographs", nargs="+", metavar="PHOTO", help="files, folders or globs; each face in them is looked up")
    parser.add_argument("--top", type=int, default=1, metavar="K", help="name the K nearest people (default: %(default)s)")
    _add_shared(parser)


def verify(arguments: argparse.Namespace) -> int:
    """Compare a photograph with one person's encodings: 0 the same person, 1 not."""
    source = _single(photographs([arguments.photograph]))
    _check_drawing(arguments)
    with Gallery.open(arguments.gallery) as gallery:
        check_enrolled(gallery, [arguments.identity])
        recogniser = _recogniser(arguments, gallery)
        face = recogniser.one_face(source, arguments.largest)
        found = gallery.verify(recogniser.encoder.encode(face.crop[None]), arguments.identity)
        calibration = gallery.calibration
    if arguments.draw:
        claim = found.identity if found.same else f"not {found.identity}"
        _draw(arguments.draw, source.read(), [face], [f"{claim} {found.distance:.2f}"])
    show(arguments, {"gallery": arguments.gallery, "encoder": recogniser.encoder.name, "photograph": source.name,
                     "identity": found.identity, "same": found.same, "distance": found.distance, "threshold": found.threshold,
                     "box": face.box},
         f"{source.name} {'shows' if found.same else 'does not show'} {found.identity}: distance {found.distance:.3f}, "
         f"threshold {found.threshold:.3f} ({threshold_in_words(calibration)})")
    return 0 if found.same else 1


def identify(arguments: argparse.Namespace) -> int:
    """Look up every face of every photograph; 2 if a photograph could not be read."""
    check_count(arguments.top, "--top", "identify")
    sources = photographs(arguments.photographs)
    if arguments.draw:
        _single(sources)
    _check_drawing(arguments)
    with Gallery.open(arguments.gallery) as gallery:
        if not gallery.list():
            raise DataError(f"nobody is enrolled in {arguments.gallery}; begin with `tinyconv faces enrol NAME PICTURE...`.")
        recogniser = _recogniser(arguments, gallery)
        facts: dict[str, Any] = {"gallery": arguments.gallery, "encoder": recogniser.encoder.name,
                                 "threshold": gallery.threshold, "photographs": [], "problems": []}
        for source in sources:
            try:
                picture = source.read()
                faces, found = _look_up(recogniser, gallery, picture, arguments.top)
            except DataError as problem:
                facts["problems"].append(complain(problem))
                continue
            facts["photographs"].append(_facts(source, faces, found))
            if arguments.draw:
                _draw(arguments.draw, picture, faces,
                      [f"{who.recognized or STRANGER} {who.candidates[0][1]:.2f}" for who in found])
            if not arguments.json:
                print(_table(source, faces, found, facts["threshold"]), flush=True)
    if arguments.json:
        show(arguments, facts, "")
    return 2 if facts["problems"] else 0


def _recogniser(arguments: argparse.Namespace, gallery: Gallery) -> Recogniser:
    recogniser = open_recogniser(arguments, gallery.encoder)
    gallery.check_encoder(recogniser.encoder)
    return recogniser


def _look_up(recogniser: Recogniser, gallery: Gallery, picture: Picture, top: int) -> tuple[list[Face], list[Identification]]:
    faces = recogniser.faces(picture)
    if not faces:
        return [], []
    return faces, [gallery.identify(point, top) for point in recogniser.encoder.encode(np.stack([face.crop for face in faces]))]


def _facts(source: Source, faces: list[Face], found: list[Identification]) -> dict[str, Any]:
    return {"photograph": source.name, "faces": [
        {"box": face.box, "score": face.score, "identity": who.recognized, "distance": who.candidates[0][1],
         "candidates": [{"identity": identity, "distance": distance} for identity, distance in who.candidates]}
        for face, who in zip(faces, found, strict=True)]}


def _table(source: Source, faces: list[Face], found: list[Identification], threshold: float) -> str:
    lines = [f"{source.name}: {counted(len(faces), 'face')}, threshold {threshold:.3f}"]
    width = max((len(who.recognized or STRANGER) for who in found), default=0)
    for face, who in zip(faces, found, strict=True):
        x0, y0, x1, y1 = (round(edge) for edge in face.box)
        (name, distance), *others = who.candidates
        nearest = "" if who.recognized else f" from {name}"
        further = "".join(f", {other} {far:.3f}" for other, far in others)
        lines.append(f"  {who.recognized or STRANGER:{width}}  distance {distance:.3f}{nearest}{further}  "
                     f"at ({x0}, {y0}) to ({x1}, {y1})")
    return "\n".join(lines)


def _single(sources: list[Source]) -> Source:
    if len(sources) != 1:
        raise DataError(f"got {len(sources)} photographs, from {sources[0].name} to {sources[-1].name}, expected one; a drawing "
                        "and a verification are of one photograph.")
    return sources[0]


def _add_shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--draw", metavar="OUT.png", help="write the photograph with boxes and names, too")
    add_gallery(parser)
    add_encoder(parser)
    add_json(parser)


def _check_drawing(arguments: argparse.Namespace) -> None:
    if arguments.draw:
        check_output(arguments.draw, (".png",))


def _draw(path: str, picture: Picture, faces: list[Face], labels: list[str]) -> None:
    """Write the photograph with a box and a label for each face."""
    from tinyconv.viz.faces import draw_faces

    with whole_file(path) as partial:
        partial.write_bytes(draw_faces(picture, [face.box for face in faces], labels).png())
