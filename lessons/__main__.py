"""`python -m lessons list | run NAME | tour | notebook NAME | strip | made`: the course from the command line."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from lessons.course import PARTS, find, lessons
from tinyconv.errors import TinyconvError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 1 nobody reads on, 2 bad input, 130 interrupted."""
    arguments = _parser().parse_args(argv)
    try:
        arguments.command(arguments)
    except TinyconvError as error:
        print(f"lessons {arguments.verb}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\nlessons {arguments.verb}: interrupted; nothing half-written is left.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, `head` perhaps, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lessons", description="The course, one lesson per section.")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    listing = verbs.add_parser("list", help="all lessons, in reading order")
    listing.set_defaults(command=_list)
    running = verbs.add_parser("run", help="run one lesson in the terminal")
    running.add_argument("name", metavar="NAME", help="its name or number, as `list` shows them")
    running.add_argument("--quick", action="store_true", help="the quick form: smaller pictures, fewer steps")
    running.add_argument("-o", metavar="DIR", type=Path, dest="folder", help="also write DIR/NAME.html, with the pictures")
    running.set_defaults(command=_run)
    tour = verbs.add_parser("tour", help="the quick form of every lesson on one illustrated page")
    tour.add_argument("-o", metavar="DIR", type=Path, dest="folder", default=Path("tour"), help="folder of index.html (tour)")
    tour.set_defaults(command=_tour)
    notebook = verbs.add_parser("notebook", help="generate and execute a lesson's notebook")
    notebook.add_argument("name", metavar="NAME", help="a lesson's name or number, or `all`")
    notebook.add_argument("--quick", action="store_true", help="execute the quick form")
    notebook.add_argument("-o", metavar="DIR", type=Path, dest="folder", help="folder to write to (notebooks)")
    notebook.set_defaults(command=_notebook)
    strip = verbs.add_parser("strip", help="paint README's row of pictures")
    strip.add_argument("-o", metavar="FILE", type=Path, dest="file", default=Path(".github/strip.png"),
                       help="picture to write (.github/strip.png)")
    strip.set_defaults(command=_strip)
    made = verbs.add_parser("made", help="draw README's sheet of what is made by code")
    made.add_argument("-o", metavar="FILE", type=Path, dest="file", default=Path(".github/made.png"),
                      help="picture to write (.github/made.png)")
    made.set_defaults(command=_made)
    return parser


def _list(arguments: argparse.Namespace) -> None:
    for part in PARTS.values():
        found = [lesson for lesson in lessons() if lesson.part == part]
        if found:
            print(part)
        for lesson in found:
            print(f"  {lesson.name:<28} {lesson.title}")


def _run(arguments: argparse.Namespace) -> None:
    from lessons.machinery.files import prepare_folder, write_whole
    from lessons.machinery.run import run
    from lessons.machinery.tour import lesson_page

    lesson = find(arguments.name)
    path = None if arguments.folder is None else prepare_folder(arguments.folder, f"{lesson.name}.html")
    outcomes = []
    for outcome in run(lesson, arguments.quick):
        outcomes.append(outcome)
        if not outcome.cell.is_code:
            print(f"{outcome.cell.text}\n", flush=True)
        elif outcome.text:
            print("\n".join(f"    {line}" for line in outcome.text.splitlines()) + "\n", flush=True)
        if outcome.picture is not None:
            print(f"    [{outcome.picture!r}]\n", flush=True)
    if path is None:
        print(f"To see the pictures: python -m lessons run {lesson.number} -o FOLDER")
    else:
        write_whole(path, lesson_page(lesson, outcomes))
        print(f"Wrote {path}")


def _tour(arguments: argparse.Namespace) -> None:
    from lessons.machinery.tour import write_tour

    print(f"Wrote {write_tour(arguments.folder)}: open it in a browser.")


def _notebook(arguments: argparse.Namespace) -> None:
    from lessons.machinery.notebook import NOTEBOOKS, write_notebook

    chosen = lessons() if arguments.name == "all" else [find(arguments.name)]
    for lesson in chosen:
        print(f"Wrote {write_notebook(lesson, arguments.folder or NOTEBOOKS, arguments.quick)}", flush=True)


def _strip(arguments: argparse.Namespace) -> None:
    from tqdm import tqdm

    from lessons.machinery.files import prepare_folder, write_whole
    from lessons.machinery.tour import paint

    path = prepare_folder(arguments.file.parent, arguments.file.name)
    picture, text = paint(lambda records: tqdm(records, desc="painting", unit="step"))
    write_whole(path, picture.png())
    print(f"{text}\nWrote {path}")


def _made(arguments: argparse.Namespace) -> None:
    from lessons.machinery.files import prepare_folder, write_whole
    from lessons.machinery.made import made

    path = prepare_folder(arguments.file.parent, arguments.file.name)
    write_whole(path, made().png(dpi=110))
    print(f"Wrote {path}")


if __name__ == "__main__":
    sys.exit(main())
