"""Who is it? Rates of identification: people who are enrolled in a gallery must be found, all others must be refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyconv.data.arguments import as_array, check_count, check_number
from tinyconv.engine import Array
from tinyconv.errors import ShapeError


@dataclass(frozen=True, eq=False)
class OpenSet:
    """How often somebody who is not enrolled is taken for somebody, as the gallery grows; rates from 0 to 1.

    Attributes
    ----------
    sizes : integer array, (S,), numbers K of people in the gallery
    measured : float64 array, (S,), mean over all galleries of K of the people at hand
    predicted : float64 array, (S,), 1 - (1 - false_accept_rate)^K
    false_accept_rate : of one comparison with one person
    """

    sizes: Array
    measured: Array
    predicted: Array
    false_accept_rate: float


def nearest_neighbour_accuracy(gallery: Any, gallery_labels: Any, queries: Any, query_labels: Any) -> float:
    """The share, from 0 to 1, of queries whose nearest gallery item has their label; of equally near ones the first counts.

    Parameters
    ----------
    gallery : array of finite numbers, (N, ...)
    gallery_labels : array of integers or names, (N,)
    queries : array of finite numbers, (M, ...), compared by Euclidean distance
    query_labels : array of integers or names, (M,)

    Raises
    ------
    ShapeError
        Shapes that do not fit, nothing to compare, or numbers that are not finite.
    """
    what = "nearest_neighbour_accuracy"
    gallery, queries = as_array(gallery, what), as_array(queries, what)
    if not (gallery.ndim and queries.ndim and gallery.size and queries.size) or gallery[0].size != queries[0].size:
        raise ShapeError(f"{what}: got gallery {gallery.shape} and queries {queries.shape}, expected (N, ...) and (M, ...), "
                         "not empty, with as many numbers in each item.")
    gallery_labels = _checked_labels(gallery_labels, len(gallery), "gallery_labels", what)
    query_labels = _checked_labels(query_labels, len(queries), "query_labels", what)
    gallery, queries = (a.astype(np.float64).reshape(len(a), -1) for a in (gallery, queries))
    squares = (gallery**2).sum(axis=1) - 2 * queries @ gallery.T  # the query's own square is the same for all
    if not np.isfinite(squares).all():
        raise ShapeError(f"{what}: gallery or queries hold NaN or infinite numbers, expected finite ones.")
    return float((gallery_labels[squares.argmin(axis=1)] == query_labels).mean())


def nearest_of_each_person(distances: Any, gallery_labels: Any) -> tuple[Array, Array]:
    """The distances of queries to people: of each person's pictures in the gallery the nearest one counts.

    Parameters
    ----------
    distances : array of finite numbers, (Q, G), from queries to pictures in the gallery
    gallery_labels : array of integers or names, (G,)

    Returns
    -------
    (labels, distances) : arrays, (P,) and (Q, P)
        The P people in order, each once.

    Raises
    ------
    ShapeError
        Shapes that do not fit, no queries or pictures, or distances that are no finite numbers.

    >>> nearest_of_each_person([[0.5, 0.9, 0.1], [0.2, 0.3, 0.4]], [7, 3, 7])
    (array([3, 7]), array([[0.9, 0.1],
           [0.3, 0.2]]))
    """
    distances = _checked_distances(distances, "nearest_of_each_person")
    labels = _checked_labels(gallery_labels, distances.shape[1], "gallery_labels", "nearest_of_each_person")
    order = np.argsort(labels)
    people, starts = np.unique(labels[order], return_index=True)
    return people, np.minimum.reduceat(distances[:, order], starts, axis=1)


def open_set_false_accepts(distances: Any, threshold: float, sizes: Any) -> OpenSet:
    """The false accept rate of identification beside the one that independent errors would give.

    A query of somebody who is not enrolled is falsely accepted if anybody in the gallery is at most `threshold` away. With K
    people enrolled and independent errors that happens with probability 1 - (1 - FAR)^K. Real errors gather at a few
    queries that resemble many people, so that the measured rate grows more slowly. It is the mean over *all* galleries of K
    out of the P people: a query that m of them would accept is refused by a share of (1 - m/P)(1 - m/(P-1))...(1 - m/(P-K+1)).

    Parameters
    ----------
    distances : array of finite numbers, (Q, P)
        From pictures of people who are not enrolled to P others, see `nearest_of_each_person`.
    threshold : largest distance that is accepted
    sizes : integers from 1 to P, (S,)

    Raises
    ------
    ShapeError
        Distances or sizes that are not as said above.
    DataError
        A threshold that is no finite number.

    For an interval, draw queries anew:
    `bootstrap_interval(lambda d: open_set_false_accepts(d, threshold, [K]).measured[0], (distances,), rng)`.

    Source: Phillips, Grother & Micheals 2011, "Evaluation methods in face recognition", Handbook of Face Recognition.

    >>> rates = open_set_false_accepts([[0.1, 0.2, 0.9, 0.8], [0.9, 0.7, 0.8, 0.9]], 0.5, [1, 2, 4])
    >>> rates.measured, rates.predicted
    (array([0.25      , 0.41666667, 0.5       ]), array([0.25      , 0.4375    , 0.68359375]))
    """
    what = "open_set_false_accepts"
    distances = _checked_distances(distances, what)
    threshold = check_number(threshold, "threshold", what)
    people, sizes = distances.shape[1], as_array(sizes, what)
    if sizes.ndim != 1 or not sizes.size or sizes.dtype.kind not in "iu" or not 1 <= sizes.min() <= sizes.max() <= people:
        raise ShapeError(f"{what}: got sizes of {sizes.dtype} {sizes.shape}, expected integers (S,) from 1 to {people}, "
                         "the people in distances.")
    matches, queries = np.unique((distances <= threshold).sum(axis=1), return_counts=True)
    refused = np.ones(len(matches))  # the share of galleries that refuse a query with so many matches
    measured = np.zeros(sizes.max() + 1)
    for enrolled in range(sizes.max()):
        refused = refused * (1 - matches / (people - enrolled))  # exactly 0 before a factor would turn negative
        measured[enrolled + 1] = (queries * (1 - refused)).sum() / len(distances)
    rate = float((matches * queries).sum() / distances.size)
    return OpenSet(sizes, measured[sizes], 1 - (1 - rate) ** sizes, rate)


def detection_and_identification_rate(distances: Any, gallery_labels: Any, query_labels: Any, threshold: float, *,
                                      rank: int = 1) -> float:
    """The share, from 0 to 1, of enrolled people's pictures that are recognised as who they are.

    The own person must be at most `threshold` away, and fewer than `rank` other people as near or nearer.

    Parameters
    ----------
    distances : array of finite numbers, (Q, G), from queries to pictures in the gallery
    gallery_labels : array of integers or names, (G,)
    query_labels : array, (Q,), all of them in `gallery_labels`
    threshold : largest distance that is accepted
    rank : at least 1

    Raises
    ------
    ShapeError
        Shapes that do not fit, distances that are no finite numbers, or a query of somebody who is not enrolled.
    DataError
        A threshold that is no finite number, or a rank below 1.

    Source: as for `open_set_false_accepts`.

    >>> distances = [[0.1, 0.8, 0.9], [0.4, 0.5, 0.9], [0.9, 0.8, 0.7]]
    >>> round(detection_and_identification_rate(distances, [1, 2, 3], [1, 2, 3], 0.6), 3)  # the second is taken for 1
    0.333
    """
    what = "detection_and_identification_rate"
    threshold, rank = check_number(threshold, "threshold", what), check_count(rank, "rank", what)
    people, nearest = nearest_of_each_person(distances, gallery_labels)
    asked = _checked_labels(query_labels, len(nearest), "query_labels", what)
    strangers = int((~np.isin(asked, people)).sum())
    if strangers:
        raise ShapeError(f"{what}: {strangers} of {len(asked)} queries are of nobody in gallery_labels, expected enrolled "
                         "people.")
    own = nearest[np.arange(len(asked)), np.searchsorted(people, asked)]
    others = (nearest <= own[:, None]).sum(axis=1) - 1
    return float(((own <= threshold) & (others < rank)).mean())


def _checked_distances(distances: Any, what: str) -> Array:
    distances = as_array(distances, what)
    if distances.ndim != 2 or not distances.size or distances.dtype.kind not in "iuf":
        raise ShapeError(f"{what}: got distances of {distances.dtype} {distances.shape}, expected numbers, queries by gallery, "
                         "and at least one of each.")
    if not np.isfinite(distances).all():
        raise ShapeError(f"{what}: {int((~np.isfinite(distances)).sum())} distances are NaN or infinite, expected finite "
                         "numbers.")
    return distances


def _checked_labels(labels: Any, count: int, name: str, what: str) -> Array:
    labels = as_array(labels, what)
    if labels.shape != (count,) or labels.dtype.kind not in "iuUS":
        raise ShapeError(f"{what}: got {name} of {labels.dtype} {labels.shape}, expected integers or names ({count},).")
    return labels
