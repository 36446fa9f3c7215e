"""Bootstrap intervals where the right width is known: of a mean, of pairs that share people, and of samples that fail."""

import numpy as np
import pytest

import tinyconv as tc
from tests.metric.scores import scores
from tests.refusal import assert_refused
from tinyconv.metric.intervals import bootstrap_interval
from tinyconv.metric.pairs import every_pair
from tinyconv.metric.rates import equal_error_rate


def width(interval):
    return interval[1] - interval[0]


def test_interval_of_a_mean_is_as_wide_as_theory_says():
    values = np.random.default_rng(0).normal(3, 2, 400)
    low, high = bootstrap_interval(np.mean, (values,), np.random.default_rng(1), repeats=4000)
    error = values.std() / np.sqrt(400)
    assert [low, high] == pytest.approx([values.mean() - 1.96 * error, values.mean() + 1.96 * error], abs=0.15 * error)


def test_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(200):
        low, high = bootstrap_interval(np.mean, (rng.normal(0, 1, 50),), rng, level=0.8, repeats=200)
        covered += low <= 0 <= high
    assert abs(covered - 160) < 4 * np.sqrt(200 * 0.8 * 0.2)


def test_rows_of_all_arrays_are_drawn_together():
    a = np.arange(50.0)
    seen = []

    def statistic(first, second):
        seen.append(np.array_equal(second, 2 * first))
        return float(first.mean())

    bootstrap_interval(statistic, (a, 2 * a), np.random.default_rng(3), repeats=20)
    assert seen == [True] * 21


def test_groups_are_drawn_whole():
    groups = np.array(["b", "a", "b", "c", "a", "b"])
    values = np.arange(6)
    copies = []

    def statistic(drawn):
        copies.append(np.bincount(drawn, minlength=6))
        return 0.0

    bootstrap_interval(statistic, (values,), np.random.default_rng(4), groups=groups, repeats=30)
    for count in copies:
        assert count[0] == count[2] == count[5]
        assert count[1] == count[4]
        assert count[0] + count[1] + count[3] == 3  # three groups drawn
    assert copies[0].tolist() == [1] * 6  # the arrays themselves come first
    assert len({tuple(count) for count in copies}) > 3


def test_pair_comes_as_often_as_both_its_people():
    labels = np.array([0, 0, 1, 1, 2, 2])
    first, second, same = every_pair(labels)
    copies = []

    def statistic(pairs):
        copies.append(np.bincount(pairs, minlength=15))
        return 0.0

    bootstrap_interval(statistic, (np.arange(15),), np.random.default_rng(5), repeats=30,
                       groups=np.stack([labels[first], labels[second]], axis=1))
    for count in copies:
        times = count[same]  # one pair of each person with itself
        assert times.sum() == 3
        for a, b, n in zip(labels[first[~same]], labels[second[~same]], count[~same], strict=True):
            assert n == times[a] * times[b]


def test_intervals_over_people_are_wider_where_people_differ():
    rng = np.random.default_rng(6)
    people = np.repeat(np.arange(20), 30)
    values = rng.normal(0, 1, 20)[people] + rng.normal(0, 0.1, 600)  # 20 people measured 30 times are not 600
    single = bootstrap_interval(np.mean, (values,), np.random.default_rng(7))
    whole = bootstrap_interval(np.mean, (values,), np.random.default_rng(7), groups=people)
    assert width(whole) == pytest.approx(2 * 1.96 / np.sqrt(20), rel=0.3)
    assert width(whole) > 3 * width(single)


def test_higher_level_is_wider_and_holds_the_lower():
    arrays = scores(8, 200)
    intervals = [bootstrap_interval(equal_error_rate, arrays, np.random.default_rng(9), level=level, repeats=200)
                 for level in (0, 0.5, 0.9, 1)]
    lows, highs = zip(*intervals, strict=True)
    assert lows[0] == highs[0]
    assert list(lows) == sorted(lows, reverse=True)
    assert list(highs) == sorted(highs)


def test_same_generator_gives_the_same_interval():
    arrays = scores(10)
    first, second = (bootstrap_interval(equal_error_rate, arrays, np.random.default_rng(11), repeats=50) for _ in range(2))
    assert first == second


def test_sample_with_one_kind_of_pair_is_drawn_again():
    distances, same = np.array([1.0, 3.0, 2.0]), np.array([True, False, False])  # without the first, 8 of 27 samples fail
    low, high = bootstrap_interval(equal_error_rate, (distances, same), np.random.default_rng(12), repeats=100)
    assert (low, high) == (0, 0)


def test_statistic_that_fails_on_most_samples_is_refused():
    def statistic(drawn):
        if len(set(drawn)) < 5:
            raise tc.DataError("statistic: somebody is missing.")
        return 0.0

    with assert_refused("51 of 5[1-9] samples could not be rated, the last one since statistic: somebody is missing. Expected"):
        bootstrap_interval(statistic, (np.arange(5),), np.random.default_rng(13), repeats=50)


def test_statistic_that_fails_on_the_arrays_themselves_says_so():
    with assert_refused("^equal_error_rate: got 2 same and 0 different", tc.ShapeError):
        bootstrap_interval(equal_error_rate, ([1.0, 2.0], [True, True]), np.random.default_rng(0))


def test_statistic_that_is_nan_is_refused():
    with assert_refused("the statistic is NaN"):
        bootstrap_interval(np.mean, ([1.0, np.nan],), np.random.default_rng(0))


@pytest.mark.parametrize(("change", "error", "reason"), [
    ({"rng": 3}, tc.DataError, "rng is 3"),
    ({"level": 1.5}, tc.DataError, "level is 1.5"),
    ({"repeats": 0}, tc.DataError, "repeats is 0"),
    ({"arrays": np.ones(3)}, tc.DataError, "arrays is a ndarray, expected a tuple"),
    ({"arrays": ()}, tc.DataError, "arrays is a tuple"),
    ({"arrays": (np.ones(3), np.ones(4))}, tc.ShapeError, r"\(3,\), \(4,\)"),
    ({"arrays": (np.ones(0),)}, tc.ShapeError, "at least one"),
    ({"arrays": (1.0,)}, tc.ShapeError, "as many rows"),
    ({"groups": [1, 1, 1]}, tc.DataError, "all rows are of one group"),
    ({"groups": [1, 2]}, tc.ShapeError, r"groups of int64 \(2,\)"),
    ({"groups": [0.5, 1.0, 2.0]}, tc.ShapeError, "groups of float64"),
])
def test_wrong_arguments_are_refused(change, error, reason):
    arguments = {"statistic": np.mean, "arrays": (np.arange(3.0),), "rng": np.random.default_rng(0)} | change
    with assert_refused(f"^bootstrap_interval: .*{reason}", error):
        bootstrap_interval(**arguments)
