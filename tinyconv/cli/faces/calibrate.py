"""`tinyconv faces calibrate`: a gallery's threshold, from how near pictures of different people come to each other."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from tinyconv.cli.faces import inputs
from tinyconv.cli.faces.door import Door
from tinyconv.cli.faces.evaluate import encoded_pairs
from tinyconv.cli.faces.inputs import Source
from tinyconv.cli.faces.recogniser import Recogniser, add_encoder, add_gallery, add_json, open_recogniser
from tinyconv.cli.faces.report import complain, counted, show
from tinyconv.errors import DataError
from tinyconv.faces.protocol import read_protocol
from tinyconv.metric.evaluation import threshold_for_false_match_rate

BATCH = 64  # faces at a time
MOST = 10_000  # pictures, of which all pairs are looked at


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = ("Take other people than those enrolled, but such as the gallery will meet: the threshold is as good as they "
                     "are like them.")
    parser.add_argument("--images", required=True, metavar="FOLDER_OR_ZIP", help="pictures, a folder for each person")
    parser.add_argument("--pairs", metavar="FILE", help="take these pairs of a list as LFW's pairs.txt (default: all pairs)")
    parser.add_argument("--false-match-rate", type=float, default=0.001, metavar="RATE",
                        help="share of pairs of different people that may be taken for one person (default: %(default)s)")
    add_gallery(parser)
    add_encoder(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Measure, and keep the threshold in the gallery, which is made if it is not there."""
    if not 0 < arguments.false_match_rate < 1:
        raise DataError(f"--false-match-rate is {arguments.false_match_rate:g}, expected a number between 0 and 1.")
    protocol = read_protocol(arguments.pairs) if arguments.pairs else None
    with Door(arguments.gallery) as door:
        recogniser = open_recogniser(arguments, door.mark)
        door.check(recogniser.encoder)
        if protocol is not None:
            distances, _ = encoded_pairs(arguments.images, protocol, recogniser)
            same, pictures = protocol.same, len(protocol.photographs)
        else:
            with inputs.people(arguments.images) as people:
                distances, same, pictures = _every_pair(people, recogniser)
        found = threshold_for_false_match_rate(distances, same, arguments.false_match_rate)
        gallery = door.gallery(recogniser.encoder)
        before = gallery.threshold
        gallery.calibrate(min(max(found.threshold, 0.0), 4.0), false_match_rate=found.false_match_rate, pairs=found.different)
    show(arguments, {"gallery": arguments.gallery, "encoder": recogniser.encoder.name, "threshold": found.threshold,
                     "threshold_before": before, "false_match_rate": found.false_match_rate,
                     "true_match_rate": found.true_match_rate, "accepted": found.accepted, "different": found.different,
                     "same": int(same.sum()), "pictures": pictures},
         f"{arguments.gallery}: threshold {found.threshold:.3f}, before {before:.3f}\n"
         f"It rests on {counted(found.different, 'pair')} of different people in {counted(pictures, 'picture')}, of which it "
         f"takes {found.accepted:,} for one person ({100 * found.false_match_rate:.3g} %); of {counted(int(same.sum()), 'pair')} "
         f"of one person it accepts {100 * found.true_match_rate:.1f} %.")
    return 0


def _every_pair(people: dict[str, list[Source]], recogniser: Recogniser) -> tuple[NDArray[Any], NDArray[Any], int]:
    """Squared distances of all pairs of pictures, whether they show one person, and how many pictures there are."""
    sources = [(person, source) for person, sources in enumerate(people.values()) for source in sources]
    if len(sources) > MOST:
        raise DataError(f"calibrate: got {len(sources):,} pictures, expected at most {MOST:,}: all pairs are looked at.")
    labels, points = [], []
    with tqdm(total=len(sources), unit="picture", disable=None, leave=False) as bar:
        for start in range(0, len(sources), BATCH):
            crops = []
            for person, source in sources[start : start + BATCH]:
                try:
                    crops.append(recogniser.one_face(source, largest=True).crop)
                    labels.append(person)
                except DataError as problem:
                    complain(f"left out: {problem}")
                bar.update()
            if crops:
                points.append(recogniser.encoder.encode(np.stack(crops)))
    _check_enough(labels)
    return *_distances(np.concatenate(points), np.array(labels)), len(labels)


def _check_enough(labels: Sequence[int]) -> None:
    counts = np.unique(labels, return_counts=True)[1]
    if len(counts) < 2 or counts.max() < 2:
        raise DataError(f"calibrate: got {counted(len(labels), 'face')} of {counted(len(counts), 'person', 'people')}, expected "
                        "at least two people, and two pictures of one of them.")


def _distances(points: NDArray[Any], labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """2 - 2 cos for every pair once, row after row, so that no matrix of all pairs twice is needed."""
    distances, same = [], []
    for row in range(len(points) - 1):
        distances.append(np.clip(2 - 2 * (points[row + 1 :] @ points[row]), 0, 4))
        same.append(labels[row + 1 :] == labels[row])
    return np.concatenate(distances), np.concatenate(same)
