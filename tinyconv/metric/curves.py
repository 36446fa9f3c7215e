"""Curves of verification: what happens to both kinds of pairs as the threshold rises from accepting nobody to everybody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyconv.data.arguments import check_count
from tinyconv.engine import Array
from tinyconv.metric.pairs import accepted_pairs, check_pairs


@dataclass(frozen=True, eq=False)
class Roc:
    """Receiver operating characteristic: rates from 0 to 1 at T + 1 thresholds, from (0, 0) to (1, 1).

    Attributes
    ----------
    thresholds : float64 array, (T + 1,), -inf and then the T different distances
    false_accepts : float64 array, (T + 1,), accepted share of the pairs of two people
    true_accepts : float64 array, (T + 1,), accepted share of the pairs of one person
    """

    thresholds: Array
    false_accepts: Array
    true_accepts: Array


@dataclass(frozen=True, eq=False)
class Det:
    """Detection error trade-off: the two errors, from 0 to 1, at T + 1 thresholds, from (0, 1) to (1, 0).

    Attributes
    ----------
    thresholds : float64 array, (T + 1,), -inf and then the T different distances
    false_accepts : float64 array, (T + 1,), accepted share of the pairs of two people
    false_rejects : float64 array, (T + 1,), refused share of the pairs of one person
    """

    thresholds: Array
    false_accepts: Array
    false_rejects: Array


@dataclass(frozen=True, eq=False)
class ScoreHistograms:
    """How many pairs of each kind lie in each bin of distances.

    Attributes
    ----------
    edges : float64 array, (B + 1,), shared; a bin holds its lower edge, the last one both
    same, different : integer arrays, (B,)
    """

    edges: Array
    same: Array
    different: Array


def roc(distances: Any, same: Any) -> Roc:
    """True accepts against false accepts, at every threshold that makes a difference.

    A pair is accepted as one person if its distance is at most the threshold.

    Parameters
    ----------
    distances : array of finite numbers, (N,)
    same : boolean array, (N,)
        Whether a pair shows one person; both kinds occur.

    Raises
    ------
    ShapeError
        Shapes that do not fit, distances that are no finite numbers, or only one kind of pair.

    >>> curve = roc([0.3, 0.5, 0.5, 0.9], [True, True, False, False])
    >>> curve.thresholds, curve.false_accepts, curve.true_accepts
    (array([-inf,  0.3,  0.5,  0.9]), array([0. , 0. , 0.5, 1. ]), array([0. , 0.5, 1. , 1. ]))
    """
    accepted = accepted_pairs(distances, same, "roc")
    return Roc(accepted.thresholds, accepted.false_accepts, accepted.true_accepts)


def det(distances: Any, same: Any) -> Det:
    """False rejects against false accepts, at every threshold that makes a difference.

    Parameters and errors are those of `roc`. On axes of normal deviates, `viz.verification.det_curves`, two normal
    distributions give a straight line.

    Source: Martin, Doddington, Kamm, Ordowski & Przybocki 1997, "The DET curve in assessment of detection task performance".
    """
    accepted = accepted_pairs(distances, same, "det")
    return Det(accepted.thresholds, accepted.false_accepts, accepted.false_rejects)


def auc(distances: Any, same: Any) -> float:
    """The area under the ROC, from 0 to 1; 0.5 is chance.

    It is the probability that a pair of one person is nearer than a pair of two people, equal ones counted half (Mann-Whitney),
    and is summed in integers. Parameters and errors are those of `roc`.

    >>> auc([0.3, 0.5, 0.5, 0.9], [True, True, False, False])
    0.875
    """
    accepted = accepted_pairs(distances, same, "auc")
    twice = int((np.diff(accepted.different) * (accepted.same[1:] + accepted.same[:-1])).sum())
    return twice / (2 * int(accepted.same[-1]) * int(accepted.different[-1]))


def score_histograms(distances: Any, same: Any, bins: int = 40) -> ScoreHistograms:
    """Distances of pairs of one person and of two, counted in the same `bins` bins of equal width.

    Parameters and errors are those of `roc`.

    >>> score_histograms([0.0, 1.0, 1.5, 2.0], [True, True, False, False], bins=2)
    ScoreHistograms(edges=array([0., 1., 2.]), same=array([1, 1]), different=array([0, 2]))
    """
    distances, same = check_pairs(distances, same, "score_histograms")
    edges = np.histogram_bin_edges(distances, check_count(bins, "bins", "score_histograms"))
    return ScoreHistograms(edges, np.histogram(distances[same], edges)[0], np.histogram(distances[~same], edges)[0])
