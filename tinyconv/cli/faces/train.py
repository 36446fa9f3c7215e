"""`tinyconv faces train`: a small encoder of one's own, by the triplet loss, on pictures with a folder for each person.

Every fifth person is held out; on pairs of their pictures, which the encoder has never seen, its error is measured.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from tinyconv.cli.faces import inputs
from tinyconv.cli.faces.inputs import Source
from tinyconv.cli.faces.recogniser import Recogniser, add_json
from tinyconv.cli.faces.report import complain, counted, show
from tinyconv.cli.faces.weights import need
from tinyconv.data.arguments import check_count
from tinyconv.data.files import check_writable
from tinyconv.data.packs import find
from tinyconv.data.transforms import affine, colour, compose, flip
from tinyconv.errors import DataError
from tinyconv.experiments.triplets import Recipe, embed, train_encoder
from tinyconv.faces.encoder import Encoder
from tinyconv.faces.trained import SIZES, Training, save_trained
from tinyconv.metric.evaluation import det, equal_error_rate, every_pair
from tinyconv.metric.miners import violating_triplets
from tinyconv.models.face_encoder import face_encoder
from tinyconv.models.mtcnn import load_mtcnn
from tinyconv.nn import Sequential

Array = NDArray[Any]

PEOPLE, IMAGES = 12, 4  # in a batch
MARGIN, RATE = 0.3, 1e-3
HELD_OUT = 5  # one of so many people
FEWEST_PEOPLE = 6
AUGMENT = compose(  # what light and a hand-held camera may do
    flip,
    lambda x, rng: affine(x, rng, rotation=6, scale=(0.9, 1.1), shift=0.06, fill="edge"),
    lambda x, rng: colour(x, rng, brightness=0.2, contrast=0.2),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "Ctrl-C keeps OUT.checkpoint.npz; the same command continues it."
    parser.add_argument("folder", metavar="FOLDER", help="pictures of faces, cut out, a folder for each person, or a zip")
    parser.add_argument("-o", "--output", default="encoder.npz", metavar="OUT.npz", help="(default: %(default)s)")
    parser.add_argument("--detect", action="store_true", help="the pictures are photographs: find and align the faces first, now "
                        "and whenever the encoder is used (needs the weights mtcnn)")
    parser.add_argument("--size", type=int, default=48, help=f"height and width of the faces, {SIZES[0]} to {SIZES[1]} pixels "
                        "(default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=10, help="(default: %(default)s)")
    parser.add_argument("--steps", type=int, default=50, help="steps of an epoch (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Train, or continue; write the encoder and print its error on the people held out."""
    _check(arguments)
    if arguments.detect:
        need(["mtcnn"])
    rng = np.random.default_rng(arguments.seed)
    net = face_encoder((arguments.size, arguments.size), 3, rng)
    faces, labels = _faces(arguments, net)
    held_out = _held_out(labels, np.random.default_rng([arguments.seed, 1]))
    train, test = ~np.isin(labels, held_out), np.isin(labels, held_out)
    people = len(np.unique(labels[train]))
    recipe = Recipe(epochs=arguments.epochs, steps=arguments.steps, people=min(PEOPLE, people), images=_images(labels[train]),
                    margin=MARGIN, lr=RATE, mine=violating_triplets)
    checkpoint = Path(arguments.output).with_suffix(".checkpoint.npz")
    run = {"faces train": hashlib.sha256(faces.tobytes()).hexdigest()[:16], "seed": arguments.seed, "epochs": arguments.epochs,
           "steps": arguments.steps}
    try:
        seconds = train_encoder(net, faces[train], labels[train], recipe, rng, AUGMENT, checkpoint, run)
    except KeyboardInterrupt:
        if checkpoint.exists():
            complain(f"{checkpoint} keeps the epochs that are done; the same command continues it")
        raise
    rate, threshold = _error(net, faces[test], labels[test])
    training = Training(Path(arguments.output).name, arguments.size, arguments.detect, people, int(train.sum()), len(held_out),
                        rate, threshold)
    save_trained(arguments.output, net, training)
    checkpoint.unlink(missing_ok=True)
    show(arguments, {"encoder": arguments.output, "people": people, "pictures": training.pictures, "held_out": training.held_out,
                     "held_out_pictures": int(test.sum()), "equal_error_rate": rate, "threshold": threshold, "seconds": seconds},
         f"{arguments.output}: trained on {counted(training.pictures, 'picture')} of {counted(people, 'person', 'people')} in "
         f"{seconds:.0f} s; equal error rate {100 * rate:.1f} % on {counted(int(test.sum()), 'picture')} of "
         f"{counted(len(held_out), 'other')}, threshold {threshold:.3f}\n"
         f"Use it: tinyconv faces enrol ... --encoder {arguments.output}")
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """Refuse now what would fail after the work."""
    if not SIZES[0] <= arguments.size <= SIZES[1]:
        raise DataError(f"--size is {arguments.size}, expected {SIZES[0]} to {SIZES[1]} pixels.")
    for name, least in (("epochs", 1), ("steps", 1), ("seed", 0)):
        check_count(getattr(arguments, name), f"--{name}", "train", least)
    output = Path(arguments.output)
    if output.suffix != ".npz" or output.is_dir():
        raise DataError(f"--output is {output}, expected a file FILE.npz to write.")
    check_writable(output.parent)


def _faces(arguments: argparse.Namespace, net: Sequential) -> tuple[Array, Array]:
    """All faces, float32 (N, size, size, 3), and whose they are; pictures that cannot be used are named and left out."""
    size = (arguments.size, arguments.size)
    untrained = Encoder("untrained", "", size, arguments.detect, "", 0.0, net)
    recogniser = Recogniser(untrained, load_mtcnn(find("mtcnn")) if arguments.detect else None, "auto")
    crops, labels = [], []
    with inputs.people(arguments.folder) as people, tqdm(total=sum(map(len, people.values())), unit="picture", disable=None,
                                                          leave=False) as bar:
        for person, sources in enumerate(people.values()):
            usable = [crop for source in sources if (crop := _crop(recogniser, source, bar)) is not None]
            if len(usable) > 1:  # a single picture makes no pair
                crops += usable
                labels += [person] * len(usable)
    found = len(set(labels))
    if found < FEWEST_PEOPLE:
        raise DataError(f"train: {arguments.folder} has two pictures or more of {counted(found, 'person', 'people')}, expected "
                        f"of at least {FEWEST_PEOPLE}: {FEWEST_PEOPLE - 2} to learn from and 2 to measure on.")
    return np.stack(crops), np.array(labels)


def _crop(recogniser: Recogniser, source: Source, bar: Any) -> Array | None:
    try:
        return recogniser.one_face(source, largest=True).crop
    except DataError as problem:
        complain(f"left out: {problem}")
        return None
    finally:
        bar.update()


def _held_out(labels: Array, rng: np.random.Generator) -> Array:
    people = np.unique(labels)
    return rng.choice(people, max(len(people) // HELD_OUT, 2), replace=False)


def _images(labels: Array) -> int:
    """Pictures of a person in a batch: `IMAGES`, or as many as the person has who stands in the middle, at least 2."""
    return int(np.clip(np.median(np.unique(labels, return_counts=True)[1]), 2, IMAGES))


def _error(net: Sequential, faces: Array, labels: Array) -> tuple[float, float]:
    """Equal error rate over all pairs of `faces`, and the squared distance at which both errors are nearest to it."""
    points = embed(net, faces)
    first, second, same = every_pair(labels)
    distances = np.square(points[first] - points[second]).sum(axis=1)
    curve = det(distances, same)
    place = int(np.argmax(curve.false_accepts >= curve.false_rejects))  # from (0, 1) to (1, 0): there is one, and not the first
    return equal_error_rate(distances, same), float(min(curve.thresholds[place], 4.0))
