"""`tinyconv stylize CONTENT STYLE -o OUT`: the main job, from two picture files to a third."""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
from tqdm import tqdm

from tinyconv.data.images import check_output, read_image, sample_photograph, write_image
from tinyconv.data.makers.whirls import painted_style
from tinyconv.data.packs import locate
from tinyconv.data.registry import lookup
from tinyconv.errors import DataError
from tinyconv.style.features import Features, own_features, squeezenet_features
from tinyconv.style.transfer import OPTIMIZERS, Record, stylize

SIZES = (32, 2048)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("content", nargs="?", help="photograph (default: the one matplotlib ships)")
    parser.add_argument("style", nargs="?", help="painting (default: one painted by code)")
    parser.add_argument("-o", "--output", default="stylized.png", help="picture to write (default: %(default)s)")
    parser.add_argument("--size", type=int, default=256, help="longer side in pixels (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=150, help="steps of the optimizer (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the noise in the starting picture (default: %(default)s)")
    parser.add_argument("--optimizer", choices=OPTIMIZERS, default="adam", help="(default: %(default)s)")
    parser.add_argument("--weights", help="'own', the net that comes with tinyconv, or an .npz file of SqueezeNet 1.1 "
                        "(default: the pack squeezenet1_1 if `tinyconv weights path squeezenet1_1` finds it, else own)")
    parser.add_argument("--content-weight", type=float, default=1.0, help="keep more of the photograph (default: %(default)s)")
    parser.add_argument("--style-weight", type=float, default=1.0, help="take more of the painting (default: %(default)s)")
    parser.add_argument("--variation-weight", type=float, default=1.0, help="smoother (default: %(default)s)")
    parser.add_argument("--noise", type=float, default=0.1, help="share of noise in the starting picture (default: %(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """Paint; Ctrl-C keeps the best picture so far and exits with 130."""
    check_output(arguments.output)
    if not SIZES[0] <= arguments.size <= SIZES[1]:
        raise DataError(f"--size is {arguments.size}, expected {SIZES[0]} to {SIZES[1]} pixels.")
    if arguments.steps < 1 or arguments.seed < 0:
        raise DataError(f"--steps is {arguments.steps} and --seed {arguments.seed}, expected at least 1 and at least 0.")
    content = read_image(arguments.content, arguments.size) if arguments.content else sample_photograph(arguments.size)
    style = (read_image(arguments.style, arguments.size) if arguments.style
             else painted_style(arguments.size, np.random.default_rng(0)))
    features = _features(arguments.weights)
    records = stylize(
        content, style, features, steps=arguments.steps, optimizer=arguments.optimizer, noise=arguments.noise,
        content_weight=arguments.content_weight, style_weight=arguments.style_weight,
        variation_weight=arguments.variation_weight, rng=np.random.default_rng(arguments.seed),
    )
    print(f"{content.shape[1]} x {content.shape[0]} pixels, features of {features.name}, {arguments.optimizer}, "
          f"seed {arguments.seed}", file=sys.stderr)
    best: Record | None = None
    interrupted = False
    began = time.perf_counter()
    try:
        with tqdm(total=arguments.steps, unit="step") as bar:
            for record in records:
                best = record if best is None or record.loss < best.loss else best
                bar.update(record.step - bar.n)
                bar.set_postfix(loss=f"{record.loss:.3g}", content=f"{record.content:.3g}", style=f"{record.style:.3g}")
    except KeyboardInterrupt:
        interrupted = True
    if best is None:
        raise KeyboardInterrupt
    write_image(arguments.output, best.picture)
    print(f"{arguments.output}: the picture of step {best.step}, loss {best.loss:.4g}, "
          f"{'interrupted after' if interrupted else 'painted in'} {time.perf_counter() - began:.1f} s")
    return 130 if interrupted else 0


def _features(weights: str | None) -> Features:
    if weights == "own":
        return own_features()
    if weights is not None:
        return squeezenet_features(weights)
    pack = locate(lookup("squeezenet1_1"))
    return squeezenet_features(pack) if pack else own_features()
