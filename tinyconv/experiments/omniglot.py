"""What the two experiments on Omniglot share: the pictures, the encoder, its training in episodes, and one-shot recognition.

The encoder is a prototypical network: a character is where its one example lies, and a drawing belongs to the nearest. It sees
the background set only. Choices were made on six of its thirty alphabets, held out from 750 steps of training: averaging
embeddings over small movements took one error in fifteen away; dropout in the blocks, blocks half as wide again, and drawings
bent like rubber made no difference beyond the noise, and of these only the bending stayed, since a long training sees more.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.packs import load
from tinyconv.data.transforms import affine, compose, elastic
from tinyconv.engine import Tensor, tensor
from tinyconv.experiments.points import points_of
from tinyconv.metric.prototypical import prototypical_loss
from tinyconv.models.convnet import conv_blocks
from tinyconv.nn import Dropout, Flatten, Sequential
from tinyconv.optim import Adam, Cosine
from tinyconv.train import fit

Array = NDArray[Any]
Labels = NDArray[np.int64]

SIDE, WIDTHS, DROPOUT = 42, (1, 64, 64, 128, 128), 0.2
EPOCHS, STEPS, LEARNING_RATE = 48, 200, 1e-3
CLASSES, QUERIES, ALPHABET = 40, 3, 20  # of an episode; so many characters of an alphabet
WITHIN = 0.6  # the share of episodes that take two alphabets; the others mix all characters
AUGMENT = compose(  # as another hand would draw it
    lambda x, rng: affine(x, rng, rotation=10, scale=(0.85, 1.2), shear=8.5, shift=0.12),
    lambda x, rng: elastic(x, rng, alpha=15, sigma=4.5),
)
VIEWS = 16  # an embedding is the mean over the drawing and so many of it, moved a little
MOVE = compose(lambda x, rng: affine(x, rng, rotation=5, scale=(0.92, 1.1), shear=4, shift=0.06))


def characters(name: str) -> tuple[Array, Labels]:
    """The drawings of a pack, (characters, 20, 42, 42, 1) with ink 1 on paper 0, and the number of each one's alphabet."""
    pack = load(name)
    return small(pack["bits"]), np.unique(pack["alphabet"], return_inverse=True)[1]


def small(bits: NDArray[np.uint8]) -> Array:
    """Packed drawings (..., 105, 14) as pictures (..., 42, 42, 1): each pixel the mean of the 2.5 x 2.5 it covers."""
    ink = np.unpackbits(bits, axis=-1, count=105)
    shape = ink.shape[:-2]
    halves = ink.reshape(-1, 105, 105).repeat(2, axis=1).repeat(2, axis=2)
    means = halves.reshape(-1, SIDE, 5, SIDE, 5).mean(axis=(2, 4), dtype=np.float32)
    return means.reshape(*shape, SIDE, SIDE, 1)


def encoder(rng: np.random.Generator) -> Sequential:
    """The untrained encoder: drawings (N, 42, 42, 1) to points (N, 512)."""
    blocks = conv_blocks(2, WIDTHS, 3, pools=4, norm=True, rng=rng)
    return Sequential(**blocks, flatten=Flatten(), dropout=Dropout(DROPOUT, rng=rng))


def trained(seed: int, checkpoint: Path) -> tuple[Sequential, float]:
    """An encoder trained on the background set from `seed`, or as far as `checkpoint` has come, and the seconds it took."""
    drawings, alphabets = with_quarter_turns(*characters("omniglot-background"))
    rng = np.random.default_rng(seed)
    net = encoder(rng)
    schedule = Cosine(LEARNING_RATE, EPOCHS * STEPS)

    def loss(net: Sequential, episode: tuple[Labels, Labels]) -> Tensor:
        return episode_loss(net, AUGMENT(drawings[episode].reshape(-1, SIDE, SIDE, 1), rng))

    records = fit(net, Adam(net.parameters(), LEARNING_RATE), loss, lambda: episodes(alphabets, STEPS, rng), epochs=EPOCHS,
                  schedule=schedule, checkpoint=checkpoint, generators={"episodes": rng},
                  extra={"experiment": "omniglot", "seed": seed})
    return net, sum(record.seconds for record in records)


def with_quarter_turns(drawings: Array, alphabets: Labels) -> tuple[Array, Labels]:
    """Four times as many characters: a character on its side is another one, of another alphabet."""
    turned = np.concatenate([np.rot90(drawings, quarter, axes=(2, 3)) for quarter in range(4)])
    return turned, np.concatenate([4 * alphabets + quarter for quarter in range(4)])


def episodes(alphabets: Labels, count: int, rng: np.random.Generator) -> Iterator[tuple[Labels, Labels]]:
    """(characters (40, 1), drawings (40, 4)) of each episode: the first drawing is the example, the others ask."""
    groups = large_alphabets(alphabets)
    for _ in range(count):
        if rng.random() < WITHIN:
            two = rng.choice(len(groups), CLASSES // ALPHABET, replace=False)
            chosen = np.concatenate([rng.choice(groups[number], ALPHABET, replace=False) for number in two])
        else:
            chosen = rng.choice(len(alphabets), CLASSES, replace=False)
        yield chosen[:, None], rng.random((CLASSES, 20)).argsort(axis=1)[:, : 1 + QUERIES]


def large_alphabets(alphabets: Labels) -> list[Labels]:
    """The characters of each alphabet that has at least 20."""
    groups = [np.flatnonzero(alphabets == alphabet) for alphabet in np.unique(alphabets)]
    return [group for group in groups if len(group) >= ALPHABET]


def episode_loss(net: Sequential, drawings: Array) -> Tensor:
    """The prototypical loss of 40 characters with 4 drawings each, (160, 42, 42, 1)."""
    points = net(tensor(drawings))
    points = points.reshape(CLASSES, 1 + QUERIES, points.shape[1])
    width = points.shape[2]
    return prototypical_loss(points[:, :1], points[:, 1:].reshape(-1, width), np.repeat(np.arange(CLASSES), QUERIES),
                             scale=width**-0.5)


def embed(net: Sequential, drawings: Array, rng: np.random.Generator) -> Array:
    """Points (..., 512) of `drawings` (..., 42, 42, 1), each the mean over the drawing and `VIEWS` of it moved a little."""
    flat = drawings.reshape(-1, SIDE, SIDE, 1)
    net.eval()
    total = points_of(net, flat)
    for _ in range(VIEWS):
        total = total + points_of(net, MOVE(flat, rng))
    return (total / np.float32(1 + VIEWS)).reshape(*drawings.shape[:-3], -1)


def nearest(examples: Array, queries: Array) -> Labels:
    """For each of `queries` (..., Q, D) the place of the nearest of `examples` (..., N, D): (..., Q)."""
    squares = np.square(examples).sum(axis=-1)[..., None, :] - 2 * queries @ examples.swapaxes(-1, -2)
    return squares.argmin(axis=-1)
