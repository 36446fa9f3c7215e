"""How far a measured figure may be trusted: bootstrap intervals over pairs, or over the people who are in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinyconv.data.arguments import as_array, check_count, check_generator, check_number
from tinyconv.engine import Array
from tinyconv.errors import DataError, ShapeError, TinyconvError

WHAT = "bootstrap_interval"


def bootstrap_interval(statistic: Callable[..., float], arrays: Sequence[Any], rng: np.random.Generator, *,
                       groups: Any = None, level: float = 0.95, repeats: int = 1000) -> tuple[float, float]:
    """The interval in which the statistic lies for the share `level` of samples drawn anew, with replacement.

    Pairs that share a person are not independent: drawing single pairs then promises too narrow an interval. With `groups`,
    people are drawn instead. A pair of two people who were drawn m and n times comes m n times, a pair of one person drawn m
    times comes m times.

    Parameters
    ----------
    statistic : function of the arrays that gives a number, such as `equal_error_rate`
    arrays : tuple of arrays, (N, ...), with one row per pair
    rng : numpy.random.Generator
    groups : array, (N,) or (N, 2), optional
        The person, or group, of each row, or the two people of each pair; integers or names.
    level : number from 0 to 1
    repeats : how many samples
        One for which the statistic cannot be computed (only one kind of pair is left, say) is drawn again.

    Returns
    -------
    (low, high)
        The percentiles (1 - level) / 2 and (1 + level) / 2 of the statistic.

    Raises
    ------
    ShapeError
        Arrays or groups of different lengths, or what the statistic itself says of the arrays.
    DataError
        Wrong arguments, one group only, a statistic that is NaN, or one that cannot be computed for most samples.

    Source: Efron 1979; for pairs of people Snijders & Borgatti 1999, "Non-parametric standard errors and tests for network
    statistics".

    >>> heights = np.array([1.62, 1.71, 1.75, 1.80, 1.93])
    >>> low, high = bootstrap_interval(np.mean, (heights,), np.random.default_rng(0))
    >>> bool(1.62 <= low < heights.mean() < high <= 1.93)
    True
    """
    check_generator(rng, WHAT)
    level = check_number(level, "level", WHAT, 0, 1)
    repeats = check_count(repeats, "repeats", WHAT)
    columns = _checked_columns(arrays)
    rows = len(columns[0])
    draw = _draw_rows(rows, rng) if groups is None else _draw_people(_checked_groups(groups, rows), rng)
    _value(statistic, columns)  # what is wrong with the arrays themselves is said here
    values: list[float] = []
    failed = 0
    while len(values) < repeats:
        drawn = draw()
        try:
            values.append(_value(statistic, [column[drawn] for column in columns]))
        except TinyconvError as error:
            failed += 1
            if failed > repeats:
                raise DataError(f"{WHAT}: {failed} of {failed + len(values)} samples could not be rated, the last one since "
                                f"{error} Expected more groups.") from None
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _value(statistic: Callable[..., float], columns: list[Array]) -> float:
    value = float(statistic(*columns))
    if np.isnan(value):
        raise DataError(f"{WHAT}: the statistic is NaN, expected a number.")
    return value


def _draw_rows(rows: int, rng: np.random.Generator) -> Callable[[], Array]:
    return lambda: rng.integers(0, rows, rows)


def _draw_people(groups: Array, rng: np.random.Generator) -> Callable[[], Array]:
    people, codes = np.unique(groups, return_inverse=True)
    if len(people) < 2:
        raise DataError(f"{WHAT}: all rows are of one group, expected at least two.")
    first, second = codes.reshape(len(groups), -1)[:, [0, -1]].T  # one column stands for both

    def draw() -> Array:
        times = np.bincount(rng.integers(0, len(people), len(people)), minlength=len(people))
        copies = np.where(first == second, times[first], times[first] * times[second])
        return np.repeat(np.arange(len(groups)), copies)

    return draw


def _checked_columns(arrays: Sequence[Any]) -> list[Array]:
    if not isinstance(arrays, (tuple, list)) or not arrays:
        raise DataError(f"{WHAT}: arrays is a {type(arrays).__name__}, expected a tuple of arrays, such as (distances, same).")
    columns = [as_array(array, WHAT) for array in arrays]
    shapes = [column.shape for column in columns]
    if () in shapes or len({shape[0] for shape in shapes}) != 1 or shapes[0][0] == 0:
        raise ShapeError(f"{WHAT}: got arrays {', '.join(map(str, shapes))}, expected as many rows in each, and at least one.")
    return columns


def _checked_groups(groups: Any, rows: int) -> Array:
    groups = as_array(groups, WHAT)
    if groups.shape not in ((rows,), (rows, 2)) or groups.dtype.kind not in "iuUS":
        raise ShapeError(f"{WHAT}: got groups of {groups.dtype} {groups.shape}, expected integers or names ({rows},) "
                         f"or ({rows}, 2).")
    return groups
