"""Error rates of verification: single points of the curves. A pair is accepted if its distance is at most the threshold."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyconv.data.arguments import check_number
from tinyconv.engine import Array
from tinyconv.metric.pairs import Accepted, accepted_pairs


def error_rates(distances: Any, same: Any) -> tuple[Array, Array]:
    """False accept and false reject rate at every threshold that makes a difference: `det` as a pair of arrays.

    Parameters
    ----------
    distances : array of finite numbers, (N,)
    same : boolean array, (N,); both kinds occur

    Returns
    -------
    (false_accepts, false_rejects) : arrays, (T + 1,) for T different distances
        From accepting nobody, (0, 1), to accepting everybody, (1, 0); shares of the different and of the same pairs.

    Raises
    ------
    ShapeError
        Shapes that do not fit, distances that are no finite numbers, or only one kind of pair.
    """
    accepted = accepted_pairs(distances, same, "error_rates")
    return accepted.false_accepts, accepted.false_rejects


def equal_error_rate(distances: Any, same: Any) -> float:
    """The rate, from 0 to 1, at which false accepts are as frequent as false rejects: where the line between two
    thresholds crosses. Parameters and errors are those of `error_rates`."""
    accepted = accepted_pairs(distances, same, "equal_error_rate")
    false_accepts, false_rejects = accepted.false_accepts, accepted.false_rejects
    after = int(np.argmax(false_accepts >= false_rejects))  # from (0, 1) to (1, 0): there is one
    gap = false_accepts - false_rejects
    share = gap[after] / (gap[after] - gap[after - 1])
    return float((1 - share) * false_accepts[after] + share * false_accepts[after - 1])


def false_reject_rate(distances: Any, same: Any, false_accept_rate: float) -> float:
    """The smallest false reject rate, from 0 to 1, of a threshold that accepts at most `false_accept_rate` wrongly.

    Parameters and errors are those of `error_rates`; `false_accept_rate`, from 0 to 1, else `DataError`.
    """
    accepted = accepted_pairs(distances, same, "false_reject_rate")
    return float(accepted.false_rejects[_last(accepted, false_accept_rate, "false_reject_rate")])


def validation_rate(distances: Any, same: Any, false_accept_rate: float) -> float:
    """The largest share, from 0 to 1, of pairs of one person that a threshold accepts which accepts at most
    `false_accept_rate` of the pairs of two: VAL at FAR, 1 - `false_reject_rate`.

    Below one in so many pairs of two people as there are, all of them must be refused: the figure then hangs on the nearest one.
    Parameters and errors are those of `false_reject_rate`.

    Source: Schroff, Kalenichenko & Philbin 2015 (FaceNet), section 4.

    >>> validation_rate([0.1, 0.3, 0.8, 0.2, 0.9, 1.0], [True, True, True, False, False, False], 0.34)
    1.0
    """
    accepted = accepted_pairs(distances, same, "validation_rate")
    return float(accepted.true_accepts[_last(accepted, false_accept_rate, "validation_rate")])


def _last(accepted: Accepted, rate: float, what: str) -> int:
    """The place of the last threshold whose false accept rate is at most `rate`."""
    rate = check_number(rate, "false_accept_rate", what, 0, 1)
    return int(np.searchsorted(accepted.false_accepts, rate, side="right")) - 1
