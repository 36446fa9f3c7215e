"""`tinyconv faces enrol`: people into a gallery, from pictures of one or from a folder with a folder for each.

Every picture stands for itself: a bad one is named and costs exit code 2, the others are enrolled. A person is reported when
all their pictures are safely in the file; what was reported stays, whoever interrupts.
"""

from __future__ import annotations

import argparse
import contextlib
import glob
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from tqdm import tqdm

from tinyconv.cli.faces import inputs
from tinyconv.cli.faces.door import Door
from tinyconv.cli.faces.inputs import Source
from tinyconv.cli.faces.recogniser import Recogniser, add_encoder, add_gallery, add_json, open_recogniser
from tinyconv.cli.faces.report import complain, counted, show
from tinyconv.data.quoting import one_line
from tinyconv.errors import DataError
from tinyconv.faces.album import is_picture
from tinyconv.faces.names import check_name

BATCH = 16  # pictures that are encoded, and written, at once


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "tinyconv faces enrol [options] (NAME PICTURE... | FOLDER)"
    parser.add_argument("words", nargs="+", metavar="WORD", help="a name, then pictures of that person: files, folders or globs; "
                        "or one folder, zip or tar with a folder for each person, PERSON/PICTURE.jpg")
    parser.add_argument("--largest", action="store_true", help="where a picture shows several faces, enrol the largest")
    add_gallery(parser)
    add_encoder(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Enrol; 2 if a picture could not be, and the others were."""
    with _plan(arguments.words) as plan:
        names = {identity: check_name(identity, "enrol") for identity in plan}
        with Door(arguments.gallery) as door:
            recogniser = open_recogniser(arguments, door.mark)
            door.check(recogniser.encoder)
            facts: dict[str, Any] = {"gallery": arguments.gallery, "encoder": recogniser.encoder.name, "enrolled": [],
                                     "problems": []}
            try:
                with _bar(plan) as bar:
                    for identity, sources in plan.items():
                        _enrol(door, recogniser, names[identity], sources, arguments, facts, bar)
            finally:
                if arguments.json:
                    show(arguments, facts, "")
    return 2 if facts["problems"] else 0


def _enrol(door: Door, recogniser: Recogniser, identity: str, sources: list[Source], arguments: argparse.Namespace,
           facts: dict[str, Any], bar: Any) -> None:
    """Enrol one person's pictures, and report it, also if somebody interrupts."""
    done: dict[str, Any] = {"identity": identity, "pictures": len(sources), "enrolled": 0, "known": 0}
    try:
        for start in range(0, len(sources), BATCH):
            crops, names = [], []
            for source in sources[start : start + BATCH]:
                try:
                    crops.append(recogniser.one_face(source, arguments.largest).crop)
                    names.append(source.name)
                except DataError as problem:
                    with bar.external_write_mode():
                        facts["problems"].append(complain(problem))
                bar.update()
            if crops:
                points = recogniser.encoder.encode(np.stack(crops))
                new = door.gallery(recogniser.encoder).enrol(identity, points, names)
                done["enrolled"] += new
                done["known"] += len(crops) - new
    finally:
        if done["enrolled"] or done["known"]:
            facts["enrolled"].append(done)
            if not arguments.json:
                bar.write(_sentence(done, arguments.gallery))


def _sentence(done: dict[str, Any], gallery: str) -> str:
    known = f", {done['known']:,} known already" if done["known"] else ""
    return f"{done['identity']}: {done['enrolled']:,} of {counted(done['pictures'], 'picture')} enrolled in {gallery}{known}"


@contextlib.contextmanager
def _plan(words: list[str]) -> Iterator[dict[str, list[Source]]]:
    """{name as given: pictures} of what was asked for."""
    first = words[0]
    if len(words) == 1:
        if not os.path.exists(first) or is_picture(first):
            raise DataError(f"enrol: got {one_line(first)} alone, expected a name and pictures, NAME PICTURE..., or a folder "
                            "with a folder for each person.")
        if any(map(is_picture, map(os.path.basename, glob.glob(os.path.join(glob.escape(first), "*"))))):
            raise DataError(f"enrol: {one_line(first)} holds pictures itself, expected a folder for each person; if all show "
                            f"one, say who: tinyconv faces enrol NAME {one_line(first)}.")
        with inputs.people(first) as people:
            yield people
    elif os.path.isfile(first) or is_picture(first) or "/" in first:
        raise DataError(f"enrol: {one_line(first)} is a path, expected first the name of the person whom the pictures show.")
    else:
        yield {first: inputs.photographs(words[1:])}


def _bar(plan: dict[str, list[Source]]) -> Any:
    """On a terminal only."""
    return tqdm(total=sum(map(len, plan.values())), unit="picture", disable=None, leave=False)
