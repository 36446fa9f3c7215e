"""Which items make a batch: shuffled epochs, balanced classes, P people with K images each, pairs, N-way K-shot episodes.

A sampler sees labels only and yields arrays of int64 indices into them: `x[indices], labels[indices]` is the batch. It checks its
arguments when it is called. Every batch is drawn from `rng` when it is asked for, and not before; apart from `shuffled`, which
draws its whole order first, no batch depends on the ones before it: a generator set back to its state between
two batches gives the same batches again.

With `batches=None` every sampler but `shuffled` is endless.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.arguments import as_array, check_count, check_generator
from tinyconv.errors import DataError

Indices = NDArray[np.int64]


def shuffled(n: int, batch_size: int, rng: np.random.Generator, drop_last: bool = False) -> Iterator[Indices]:
    """One epoch: each of `n` items exactly once, in random order.

    Parameters
    ----------
    n : number of items, at least 1
    batch_size : number of items in a batch, at least 1
    rng : draws the order of the whole epoch with the first batch
    drop_last : leave out a last batch that would be smaller than the others

    Returns
    -------
    iterator of int64 (batch_size,); the last one may be shorter

    Raises
    ------
    DataError
        A count below 1, an `rng` that is no generator, or `drop_last` with fewer items than one batch: nothing would be left.
    """
    n, batch_size = check_count(n, "n", "shuffled"), check_count(batch_size, "batch_size", "shuffled")
    check_generator(rng, "shuffled")
    if drop_last and n < batch_size:
        raise DataError(f"shuffled: drop_last with {n} items and batch_size {batch_size} leaves no batch; make batches smaller.")
    stop = n - n % batch_size if drop_last else n

    def epoch() -> Iterator[Indices]:
        order = rng.permutation(n)
        for start in range(0, stop, batch_size):
            yield order[start : start + batch_size]

    return epoch()


def class_balanced(labels: Any, batch_size: int, rng: np.random.Generator, batches: int | None = None) -> Iterator[Indices]:
    """Batches in which every class is there equally often, however rare it is in `labels`.

    Each of C classes has batch_size // C items in every batch; the places that are left over go to different classes, drawn
    anew for each batch: exactly equal where C divides batch_size, otherwise equal in expectation and never more than one
    apart. No item comes twice in a batch, unless its class has fewer items than places: then all come equally often, within one.

    Parameters
    ----------
    labels : integers (n,)
    batch_size : number of items in a batch
    rng : draws each batch on its own
    batches : how many batches; None: endless

    Returns
    -------
    iterator of int64 (batch_size,), in random order

    Raises
    ------
    DataError
        Labels that are not integers (n,) with n >= 1, a count below 1, or an `rng` that is no generator.
    """
    members = list(_by_class(labels, "class_balanced").values())
    batch_size = check_count(batch_size, "batch_size", "class_balanced")
    check_generator(rng, "class_balanced")

    def batch() -> Indices:
        places = np.full(len(members), batch_size // len(members))
        places[rng.permutation(len(members))[: batch_size % len(members)]] += 1
        chosen = [_draw(items, count, rng) for items, count in zip(members, places, strict=True) if count]
        return rng.permutation(np.concatenate(chosen))

    return (batch() for _ in _rounds(batches, "batches", "class_balanced"))


def p_by_k(labels: Any, people: int, images: int, rng: np.random.Generator, batches: int | None = None) -> Iterator[Indices]:
    """P x K batches for metric learning: `images` different images of each of `people` different people.

    A batch reshaped to (people, images) has one person per row. Whoever has at least `images` images is drawn
    with the same probability, and so is each image of that person; all others are never drawn.

    Parameters
    ----------
    labels : integers (n,), who is on each image
    people, images : P and K; mining triplets inside a batch needs at least 2 of each
    rng : draws each batch on its own
    batches : how many batches; None: endless

    Returns
    -------
    iterator of int64 (people * images,), the images of one person side by side

    Raises
    ------
    DataError
        Fewer than `people` people have `images` images (the message says how many qualify), or an argument that is
        not what it should be.

    References
    ----------
    Hermans, Beyer, Leibe, "In Defense of the Triplet Loss for Person Re-Identification", 2017: the PK batches.
    """
    by_person = _by_class(labels, "p_by_k")
    people, images = check_count(people, "people", "p_by_k"), check_count(images, "images", "p_by_k")
    check_generator(rng, "p_by_k")
    able = [items for items in by_person.values() if len(items) >= images]
    if len(able) < people:
        raise DataError(
            f"p_by_k: {people} people x {images} images asked, but only {len(able)} of {len(by_person)} people have at least "
            f"{images} images; ask for fewer people or fewer images each.")

    def batch() -> Indices:
        chosen = rng.permutation(len(able))[:people]
        return np.concatenate([_draw(able[person], images, rng) for person in chosen])

    return (batch() for _ in _rounds(batches, "batches", "p_by_k"))


def pairs(
    labels: Any, batch_size: int, rng: np.random.Generator, batches: int | None = None
) -> Iterator[tuple[Indices, Indices, NDArray[np.bool_]]]:
    """Pairs for verification, in each batch as many of the same class as of two classes, in random order.

    A same pair: a class with at least two items, each with the same probability, and two different items of it. A different
    pair: two different classes, and an item of each. So rare classes come as often as common ones.

    Parameters
    ----------
    labels : integers (n,)
    batch_size : number of pairs in a batch, even
    rng : draws each batch on its own
    batches : how many batches; None: endless

    Returns
    -------
    iterator of (first, second, same)
        int64, int64 and bool, each (batch_size,)

    Raises
    ------
    DataError
        An odd `batch_size`, one class only, no class with two items, or an argument that is not what it should be.

    References
    ----------
    Koch, Zemel, Salakhutdinov, "Siamese Neural Networks for One-shot Image Recognition", 2015, section 4.
    """
    members = list(_by_class(labels, "pairs").values())
    batch_size = check_count(batch_size, "batch_size", "pairs", least=2)
    check_generator(rng, "pairs")
    if batch_size % 2:
        raise DataError(f"pairs: batch_size is {batch_size}, expected an even number: half same, half different pairs.")
    order, counts = np.concatenate(members), np.array([len(items) for items in members])
    starts, several = np.cumsum(counts) - counts, np.flatnonzero(counts >= 2)
    if len(members) < 2 or not len(several):
        raise DataError(f"pairs: {len(order)} items in {len(members)} classes, of which {len(several)} have at least two items; "
                        "expected two classes or more, and one with at least two items.")

    def batch() -> tuple[Indices, Indices, NDArray[np.bool_]]:
        half = batch_size // 2
        alike = rng.choice(several, half)
        one = rng.integers(len(members), size=half)
        other = _another(one, np.full(half, len(members)), rng)
        left, right = np.concatenate([alike, one]), np.concatenate([alike, other])
        first = rng.integers(counts[left])  # the how-maniest of its class
        second = np.concatenate([_another(first[:half], counts[alike], rng), rng.integers(counts[other])])
        mix = rng.permutation(batch_size)
        return order[starts[left] + first][mix], order[starts[right] + second][mix], mix < half

    return (batch() for _ in _rounds(batches, "batches", "pairs"))


def episodes(
    labels: Any, ways: int, shots: int, queries: int, rng: np.random.Generator, episodes: int | None = None
) -> Iterator[tuple[Indices, Indices, NDArray[Any]]]:
    """N-way K-shot tasks: a few labelled items of each of a few classes, and others of the same classes to be recognised.

    Classes with at least shots + queries items are drawn with the same probability; no item is in an episode twice.

    Parameters
    ----------
    labels : integers (n,)
    ways : N, the number of classes in an episode
    shots : K, the labelled (support) items of each class
    queries : the items of each class to be recognised
    rng : draws each episode on its own
    episodes : how many; None: endless

    Returns
    -------
    iterator of (support, query, classes)
        int64 (ways, shots) and (ways, queries), row w with items of class `classes[w]`; `classes` (ways,) are label values

    Raises
    ------
    DataError
        Fewer than `ways` classes have shots + queries items, or an argument that is not what it should be.

    References
    ----------
    Vinyals et al., "Matching Networks for One Shot Learning", 2016, section 2.2.
    """
    by_class = _by_class(labels, "episodes")
    ways, shots = check_count(ways, "ways", "episodes"), check_count(shots, "shots", "episodes")
    queries = check_count(queries, "queries", "episodes")
    check_generator(rng, "episodes")
    able = [label for label, items in by_class.items() if len(items) >= shots + queries]
    if len(able) < ways:
        raise DataError(
            f"episodes: {ways} ways with {shots} shots and {queries} queries asked, but only {len(able)} of {len(by_class)} "
            f"classes have at least {shots + queries} items; ask for fewer of one of them.")

    def episode() -> tuple[Indices, Indices, NDArray[Any]]:
        classes = np.array(able)[rng.permutation(len(able))[:ways]]
        drawn = np.stack([_draw(by_class[label], shots + queries, rng) for label in classes])
        return drawn[:, :shots].copy(), drawn[:, shots:].copy(), classes

    return (episode() for _ in _rounds(episodes, "episodes", "episodes"))


def _by_class(labels: Any, what: str) -> dict[Any, Indices]:
    """{label: the indices that carry it, rising}, by rising label."""
    array = as_array(labels, what)
    if array.ndim != 1 or array.size == 0 or array.dtype.kind not in "iu":
        raise DataError(f"{what}: labels are {array.dtype} {array.shape}, expected integers (n,), at least one.")
    classes, starts = np.unique(np.sort(array), return_index=True)
    order = np.argsort(array, kind="stable").astype(np.int64)
    return dict(zip(classes, np.split(order, starts[1:]), strict=True))


def _draw(items: Indices, count: int, rng: np.random.Generator) -> Indices:
    """`count` of `items`, none twice before all have come once."""
    rounds, rest = divmod(int(count), len(items))
    return np.concatenate([np.tile(items, rounds), rng.choice(items, rest, replace=False)])


def _another(one: Indices, count: NDArray[Any], rng: np.random.Generator) -> Indices:
    """For each number 0 <= one < count, a different one below `count`, every one with the same probability."""
    return (one + 1 + rng.integers(count - 1)) % count


def _rounds(count: int | None, name: str, what: str) -> Iterator[int]:
    return itertools.count() if count is None else iter(range(check_count(count, name, what, least=0)))
