"""Choosing a threshold: for a wanted false-match rate, or the most accurate one, judged on pairs it was not chosen on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyconv.data.arguments import as_array, check_number
from tinyconv.engine import Array
from tinyconv.errors import DataError, ShapeError
from tinyconv.metric.pairs import Accepted, accepted_pairs, between, check_pairs, count_sorted


@dataclass(frozen=True)
class MatchThreshold:
    """A threshold for a wanted false-match rate, and what it rests on.

    Attributes
    ----------
    threshold : largest distance that is accepted
    false_match_rate : accepted share, from 0 to 1, of the pairs of two people, at most the wanted rate
    true_match_rate : accepted share, from 0 to 1, of the pairs of one person
    accepted : how many pairs of two people it accepts: the rate is known about as well as such a count, to its square root
    different : how many pairs of two people there are
    """

    threshold: float
    false_match_rate: float
    true_match_rate: float
    accepted: int
    different: int


@dataclass(frozen=True, eq=False)
class FoldAccuracy:
    """Accuracy, from 0 to 1, on folds of pairs, each with the threshold that is best for the other folds.

    Attributes
    ----------
    mean : of the folds' accuracies
    standard_error : of this mean: their standard deviation (divisor K - 1) divided by sqrt(K)
    accuracies, thresholds : float64 arrays, (K,), in the order of the folds' numbers
    """

    mean: float
    standard_error: float
    accuracies: Array
    thresholds: Array


def threshold_for_false_match_rate(distances: Any, same: Any, rate: float) -> MatchThreshold:
    """The largest threshold that accepts at most the share `rate` of the pairs of two people.

    It stands midway between two neighbouring distances of such pairs: the largest that may be accepted and the next one.

    Parameters
    ----------
    distances : array of finite numbers, (N,)
    same : boolean array, (N,)
        Whether a pair shows one person; both kinds occur.
    rate : number between 0 and 1

    Raises
    ------
    ShapeError
        Shapes that do not fit, distances that are no finite numbers, or only one kind of pair.
    DataError
        A rate that so few pairs of two people cannot show: not one of them may be accepted, or all.

    >>> threshold_for_false_match_rate([0.1, 0.6, 0.5, 0.75, 0.9, 1.2], [True, True, False, False, False, False], 0.25)
    MatchThreshold(threshold=0.625, false_match_rate=0.25, true_match_rate=1.0, accepted=1, different=4)
    """
    what = "threshold_for_false_match_rate"
    distances, same = check_pairs(distances, same, what)
    rate = check_number(rate, "rate", what, 0, 1)
    strangers = distances[~same]
    steps, counts = np.unique(strangers, return_counts=True)
    rates = np.cumsum(counts) / len(strangers)
    allowed = int(np.searchsorted(rates, rate, side="right"))
    if allowed == 0:
        at_least = f"; {counts[0]} of them are equally near" if counts[0] > 1 else ""
        raise DataError(f"{what}: rate is {rate:g}, but {len(strangers):,} pairs of two people show no rate below "
                        f"{rates[0]:.2g}{at_least}: ask for a higher rate, or bring more people.")
    if allowed == len(steps):
        raise DataError(f"{what}: rate is {rate:g}, at which everybody may be accepted, expected a number below 1.")
    threshold = between(steps[allowed - 1], steps[allowed])
    accepted = int((strangers <= threshold).sum())
    return MatchThreshold(threshold, accepted / len(strangers), float((distances[same] <= threshold).mean()), accepted,
                          len(strangers))


def most_accurate_threshold(distances: Any, same: Any) -> float:
    """The threshold that decides most pairs rightly.

    It stands midway between two neighbouring distances. Where several places are equally good, the middle one is taken, of an
    even number the lower of the two in the middle. Where it is best to accept nobody, it is -inf; where everybody, the largest
    distance. Parameters and errors are those of `roc`.

    >>> most_accurate_threshold([0.25, 0.5, 1.0, 2.0], [True, True, False, False])
    0.75
    """
    return _most_accurate(accepted_pairs(distances, same, "most_accurate_threshold"))


def k_fold_accuracy(distances: Any, same: Any, folds: Any) -> FoldAccuracy:
    """How often the decision is right for pairs on which the threshold was not chosen: LFW's protocol.

    Each fold is judged at the `most_accurate_threshold` of all other folds.

    Parameters
    ----------
    distances : array of finite numbers, (N,)
    same : boolean array, (N,)
        Whether a pair shows one person.
    folds : integer array, (N,)
        The fold of each pair; LFW's are ten with 600 pairs each, in which nobody occurs in two folds.

    Raises
    ------
    ShapeError
        What `roc` raises, or folds that are no integers (N,).
    DataError
        Fewer than two folds, or all pairs of one kind in one fold.

    Source: Huang, Ramesh, Berg & Learned-Miller 2007, "Labeled Faces in the Wild", View 2.
    """
    what = "k_fold_accuracy"
    distances, same = check_pairs(distances, same, what)
    folds = as_array(folds, what)
    if folds.shape != distances.shape or folds.dtype.kind not in "iu":
        raise ShapeError(f"{what}: got folds of {folds.dtype} {folds.shape}, expected integers {distances.shape}, one per pair.")
    order = np.argsort(distances)  # once: what is left when a fold is taken out is still in order
    distances, same, folds = distances[order], same[order], folds[order]
    numbers = np.unique(folds)
    if len(numbers) < 2:
        raise DataError(f"{what}: all pairs are in fold {numbers[0]}, expected at least two folds.")
    accuracies, thresholds = np.empty((2, len(numbers)))
    for i, number in enumerate(numbers):
        test = folds == number
        if same[~test].all() or not same[~test].any():
            raise DataError(f"{what}: without fold {number} only one kind of pair is left to choose the threshold on, "
                            "expected both.")
        thresholds[i] = _most_accurate(count_sorted(distances[~test], same[~test]))
        accuracies[i] = ((distances[test] <= thresholds[i]) == same[test]).mean()
    return FoldAccuracy(float(accuracies.mean()), float(accuracies.std(ddof=1) / np.sqrt(len(numbers))), accuracies, thresholds)


def _most_accurate(accepted: Accepted) -> float:
    gain = accepted.same - accepted.different  # right decisions more than by accepting nobody
    best = np.flatnonzero(gain == gain.max())
    place = int(best[(len(best) - 1) // 2])
    return between(*np.append(accepted.thresholds, np.inf)[place:place + 2])
