"""`tinyconv faces evaluate`: an encoder by the protocol of Labeled Faces in the Wild, on a folder or a zip of photographs."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from tinyconv.cli.faces.recogniser import Recogniser, add_encoder, add_json, open_recogniser
from tinyconv.cli.faces.report import complain, counted, show
from tinyconv.errors import DataError
from tinyconv.faces.album import open_album
from tinyconv.faces.protocol import (
    FALSE_ACCEPT_RATE,
    Protocol,
    encode_photographs,
    find_photographs,
    judge,
    pair_distances,
    read_protocol,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--images", required=True, metavar="ZIP_OR_FOLDER", help="photographs NAME/NAME_NNNN.jpg, as LFW has, "
                        "in a zip, a tar or a folder; of several faces the one in the middle is meant")
    parser.add_argument("--pairs", required=True, metavar="PAIRS.txt", help="which pairs, in at least two folds")
    add_encoder(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Encode every photograph that the pairs name, and judge the pairs fold by fold."""
    protocol = read_protocol(arguments.pairs)
    if len(np.unique(protocol.folds)) < 2:
        raise DataError(f"{arguments.pairs} has one fold, expected at least two: the threshold for each is chosen on the others.")
    recogniser = open_recogniser(arguments)
    distances, unseen = encoded_pairs(arguments.images, protocol, recogniser)
    figures = judge(distances, protocol)
    threshold = float(figures.thresholds.mean())
    show(arguments, {"images": arguments.images, "pairs": len(distances), "photographs": len(protocol.photographs),
                     "encoder": recogniser.encoder.name, "fingerprint": recogniser.encoder.fingerprint,
                     "accuracy": figures.accuracy, "standard_error": figures.standard_error,
                     "accuracies": figures.accuracies.tolist(), "area": figures.area,
                     "equal_error_rate": figures.equal_error_rate,
                     "validation_rate": figures.validation_rate, "false_accept_rate": FALSE_ACCEPT_RATE, "threshold": threshold,
                     "without_face": unseen},
         f"{counted(len(distances), 'pair')} of {counted(len(protocol.photographs), 'photograph')}, encoder "
         f"{recogniser.encoder.name} ({recogniser.encoder.fingerprint})\n"
         f"accuracy            {100 * figures.accuracy:.2f} ± {100 * figures.standard_error:.2f} % (mean of "
         f"{counted(len(figures.accuracies), 'fold')}, and its standard error)\n"
         f"area under the ROC  {figures.area:.5f}\n"
         f"equal error rate    {100 * figures.equal_error_rate:.2f} %\n"
         f"true accepts        {100 * figures.validation_rate:.2f} % at {100 * FALSE_ACCEPT_RATE:g} % false accepts\n"
         f"threshold           {threshold:.3f} (squared distance, mean of the folds)")
    return 0


def encoded_pairs(images: str, protocol: Protocol, recogniser: Recogniser) -> tuple[NDArray[Any], list[str]]:
    """Squared distances of the pairs of photographs in `images`, and the photographs in which no face was found."""
    with open_album(images) as album:
        find_photographs(album, protocol)  # what is absent is said before the bar
        with tqdm(total=len(protocol.photographs), unit="photograph", disable=None, leave=False) as bar:
            points, unseen = encode_photographs(album, protocol, recogniser.encoder, recogniser.faces, bar.update)
        shown = [album.shown(name) for name in unseen]
    if unseen:
        complain(f"no face found in {counted(len(unseen), 'photograph')}, such as {shown[0]}; their middle is compared")
    return pair_distances(points, protocol), shown
