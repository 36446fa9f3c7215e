"""`tinyconv faces list` and `tinyconv faces remove`: who is in a gallery, and who shall no longer be."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from tinyconv.cli.faces.recogniser import add_gallery, add_json
from tinyconv.cli.faces.report import counted, show, threshold_in_words
from tinyconv.data.files import check_writable
from tinyconv.data.quoting import one_line
from tinyconv.errors import DataError
from tinyconv.faces.gallery import Gallery
from tinyconv.faces.names import check_name, close_names


def add_list_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `list`."""
    parser.add_argument("--export", metavar="FILE.json", help="write everything there: names, sources and encodings")
    add_gallery(parser)
    add_json(parser)


def add_remove_arguments(parser: argparse.ArgumentParser) -> None:
    """The names and options of `remove`."""
    parser.add_argument("identities", nargs="+", metavar="NAME")
    add_gallery(parser)
    add_json(parser)


def list_people(arguments: argparse.Namespace) -> int:
    """Print everybody, and what the gallery knows of its encoder and threshold."""
    if arguments.export:
        check_writable(Path(arguments.export).parent)
    with Gallery.open(arguments.gallery) as gallery:
        people, mark, threshold, calibration = gallery.list(), gallery.encoder, gallery.threshold, gallery.calibration
        if arguments.export:
            gallery.export(arguments.export)
    total = sum(person.images for person in people)
    lines = [f"{arguments.gallery}: {counted(len(people), 'person', 'people')}, {counted(total, 'encoding')}; encoder {mark}; "
             f"threshold {threshold:.3f} ({threshold_in_words(calibration)})"]
    width = max((len(person.identity) for person in people), default=0)
    lines += [f"  {person.identity:{width}}  {counted(person.images, 'encoding')}, the last of {person.last[:10]}"
              for person in people]
    lines += [f"{arguments.export}: written; who can read it can recognise these people"] if arguments.export else []
    show(arguments, {"gallery": arguments.gallery, "encoder": asdict(mark), "threshold": threshold,
                     "calibration": calibration and asdict(calibration), "people": [asdict(person) for person in people]},
         "\n".join(lines))
    return 0


def remove(arguments: argparse.Namespace) -> int:
    """Delete people; if one of them is not there, nobody is deleted."""
    with Gallery.open(arguments.gallery) as gallery:
        names = check_enrolled(gallery, arguments.identities)
        removed = {name: gallery.remove(name) for name in names}
    lines = [f"{name}: {counted(count, 'encoding')} deleted from {arguments.gallery}; no trace is left in the file and its log"
             for name, count in removed.items()]
    show(arguments, {"gallery": arguments.gallery,
                     "removed": [{"identity": name, "encodings": count} for name, count in removed.items()]},
         "\n".join([*lines, "The photographs, exports and copies of the gallery are not touched: delete them yourself."]))
    return 0


def check_enrolled(gallery: Gallery, identities: list[str]) -> list[str]:
    """The names, each once, as the gallery writes them.

    Raises
    ------
    DataError
        Nobody is called so; close names are suggested.
    """
    known = [person.identity for person in gallery.list()]
    names = list(dict.fromkeys(check_name(identity, "faces") for identity in identities))
    for name in names:
        if name not in known:
            raise DataError(f"nobody in {gallery.path} is called {one_line(name)}{close_names(name, known)}")
    return names
