"""`tinyconv faces ACTION`: enrol people, verify and identify them, measure how well that goes, and train an encoder."""

from __future__ import annotations

import argparse

from tinyconv.cli.faces import calibrate, enrol, evaluate, people, recognise, train

# action: what it does, in one line; its arguments; what runs it.
ACTIONS = {
    "enrol": ("put people into a gallery", enrol.add_arguments, enrol.run),
    "verify": ("say whether a photograph shows the person it is claimed to show", recognise.add_verify_arguments,
               recognise.verify),
    "identify": ("name everybody in photographs", recognise.add_identify_arguments, recognise.identify),
    "list": ("show who is in a gallery", people.add_list_arguments, people.list_people),
    "remove": ("delete people from a gallery, without a trace in its file", people.add_remove_arguments, people.remove),
    "calibrate": ("choose a gallery's threshold for a wanted rate of false matches", calibrate.add_arguments, calibrate.run),
    "evaluate": ("measure an encoder by the protocol of Labeled Faces in the Wild", evaluate.add_arguments, evaluate.run),
    "train": ("train an encoder on pictures of faces", train.add_arguments, train.run),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, (text, add, perform) in ACTIONS.items():
        action = actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        add(action)
        action.set_defaults(perform=perform)


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked for."""
    return int(arguments.perform(arguments))
