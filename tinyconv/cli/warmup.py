"""`tinyconv warmup`: compile what the course's networks use, or load it from the cache, so that nobody waits for it later."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

import tinyconv as tc
from tinyconv import nn, optim
from tinyconv.kernels import dispatch


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None: there is nothing to choose."""


def run(arguments: argparse.Namespace) -> int:
    """Run each piece once, and print its seconds and where the cache lies."""
    began = time.perf_counter()
    for name, piece in PIECES.items():
        start = time.perf_counter()
        piece(np.random.default_rng(0))
        print(f"{time.perf_counter() - start:6.2f} s  {name}", flush=True)
    print(f"{time.perf_counter() - began:6.2f} s  together")
    folder = dispatch.compiled("compiled", dispatch.SMALL_ARRAY, np.float32).FOLDER
    print(f"cache: {folder}" if folder else "cache: none, as its folder cannot be written; set NUMBA_CACHE_DIR to one that can")
    return 0


# --- Pieces: the smallest calls that compiled code takes, see the thresholds of kernels/dispatch.py -----------


def _numba(rng: np.random.Generator) -> None:
    """Where compiled code cannot run, asking for it by name is the error that says why."""
    tc.conv2d(np.ones((1, 8, 8, 1), np.float32), np.ones((3, 3, 1, 1), np.float32), kernel="direct")


def _winograd(rng: np.random.Generator) -> None:
    _convolutions("winograd", rng)
    _learn(nn.Sequential(conv1=nn.Conv2d(16, 32, 3, padding=1, rng=rng), relu=nn.ReLU(),
                         conv2=nn.Conv2d(32, 16, 3, padding=1, bias=False, rng=rng)), (2, 40, 40, 16), rng)


def _direct(rng: np.random.Generator) -> None:
    _convolutions("direct", rng)
    _learn(nn.Sequential(conv1=nn.Conv2d(3, 24, 5, stride=2, padding=2, rng=rng), relu=nn.ReLU(),
                         conv2=nn.Conv2d(24, 64, 1, bias=False, rng=rng)), (2, 64, 64, 3), rng)


def _depthwise(rng: np.random.Generator) -> None:
    _learn(nn.Sequential(conv1=nn.Conv2d(64, 64, 3, padding=1, groups=64, rng=rng), prelu=nn.PReLU(64),
                         conv2=nn.Conv2d(64, 64, 3, stride=2, padding=1, groups=64, bias=False, rng=rng),
                         conv3=nn.Conv2d(64, 64, (14, 12), groups=64, bias=False, rng=rng)), (32, 28, 24, 64), rng)


def _normalizations(rng: np.random.Generator) -> None:
    for activation in ({}, {"relu": nn.ReLU()}, {"prelu": nn.PReLU(16)}, {"relu": nn.ReLU(), "pool": nn.MaxPool2d(2)}):
        _learn(nn.Sequential(first=tc.negative, norm=nn.BatchNorm(16), **activation), (2, 64, 64, 16), rng)


def _pools(rng: np.random.Generator) -> None:
    for pool in (nn.MaxPool2d(2), nn.AvgPool2d(2), nn.GlobalAvgPool()):
        _learn(nn.Sequential(first=tc.relu, pool=pool), (2, 64, 64, 16), rng)


def _matrices(rng: np.random.Generator) -> None:
    _learn(nn.Sequential(linear1=nn.Linear(256, 512, rng=rng), linear2=nn.Linear(512, 100, rng=rng)), (64, 256), rng)
    features = tc.tensor(rng.standard_normal((1, 4096, 32)), np.float32, requires_grad=True)
    (features.transpose((0, 2, 1)) @ features).sum().backward()


def _optimizers(rng: np.random.Generator) -> None:
    for make in (lambda p: optim.SGD(p, 0.1), lambda p: optim.SGD(p, 0.1, momentum=0.9), lambda p: optim.Adam(p, 0.1)):
        weight = tc.Parameter(np.ones(dispatch.SMALL_ARRAY, np.float32))
        weight.grad = np.ones_like(weight.data)
        make([weight]).step()


PIECES: dict[str, Callable[[np.random.Generator], None]] = {
    "Numba, and its threads": _numba,
    "convolutions by Winograd's way": _winograd,
    "direct convolutions": _direct,
    "depthwise convolutions": _depthwise,
    "batch norm": _normalizations,
    "pooling": _pools,
    "matrix products": _matrices,
    "optimizers": _optimizers,
}


def _convolutions(kernel: str, rng: np.random.Generator) -> None:
    """Signals, images and volumes, there and back, by one kernel."""
    for rank, conv in enumerate((tc.conv1d, tc.conv2d, tc.conv3d), 1):
        x, weight = rng.standard_normal((2, *(9,) * rank, 16)), rng.standard_normal((*(3,) * rank, 16, 40))
        leaves = [tc.tensor(array, np.float32, requires_grad=True) for array in (x, weight)]
        conv(*leaves, padding=1, kernel=kernel).sum().backward()


def _learn(net: nn.Sequential, shape: tuple[int, ...], rng: np.random.Generator) -> None:
    """Inference, and the gradients of a training step, for the input too."""
    x = tc.tensor(rng.standard_normal(shape), np.float32, requires_grad=True)
    net.train()(x).sum().backward()
    with tc.no_grad():
        net.eval()(x)
