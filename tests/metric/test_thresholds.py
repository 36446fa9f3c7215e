"""Thresholds against a search through all of them, and folds against a threshold that has never seen them."""

import numpy as np
import pytest

import tinyconv as tc
from tests.metric.scores import scores
from tests.refusal import assert_refused
from tinyconv.metric.thresholds import (
    k_fold_accuracy,
    most_accurate_threshold,
    threshold_for_false_match_rate,
)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("rate", [0.1, 0.25, 0.5, 0.9])
def test_threshold_accepts_as_many_strangers_as_allowed_and_no_more(rate, ties):
    distances, same = scores(1, 200, ties)
    found = threshold_for_false_match_rate(distances, same, rate)
    strangers = np.sort(distances[~same])
    assert found.accepted == np.sum(strangers <= found.threshold)
    assert found.different == len(strangers)
    assert found.false_match_rate == found.accepted / len(strangers) <= rate
    assert found.true_match_rate == np.mean(distances[same] <= found.threshold)
    last, after = strangers[found.accepted - 1], strangers[found.accepted]
    assert np.mean(strangers <= after) > rate  # the next step would be too much
    assert found.threshold == pytest.approx((last + after) / 2)


def test_threshold_does_not_depend_on_pairs_of_one_person():
    distances, same = scores(2, 200)
    before, after = (threshold_for_false_match_rate(d, same, 0.1) for d in (distances, np.where(same, distances / 2, distances)))
    assert before.threshold == after.threshold
    assert before.true_match_rate < after.true_match_rate


def test_threshold_between_neighbouring_floats_still_accepts_one_of_them_only():
    first = 1 + 2**-52
    found = threshold_for_false_match_rate([0.5, first, np.nextafter(first, 2)], [True, False, False], 0.5)
    assert (found.threshold, found.accepted) == (first, 1)


@pytest.mark.parametrize("rate", [0, 1e-6, 0.0099])
def test_rate_that_the_pairs_cannot_show_is_refused(rate):
    distances, same = np.arange(101.0), np.arange(101) == 0
    with assert_refused("100 pairs of two people show no rate below 0.01: ask for a higher rate, or bring more people"):
        threshold_for_false_match_rate(distances, same, rate)
    assert threshold_for_false_match_rate(distances, same, 0.01).accepted == 1


def test_strangers_who_are_equally_near_are_accepted_together_or_not_at_all():
    distances, same = np.array([0.1, 0.5, 0.5, 0.5, 0.8]), np.array([True, False, False, False, False])
    with assert_refused(r"no rate below 0.75; 3 of them are equally near"):
        threshold_for_false_match_rate(distances, same, 0.5)
    assert threshold_for_false_match_rate(distances, same, 0.75).accepted == 3


@pytest.mark.parametrize(("rate", "reason"), [
    (1, "everybody may be accepted"), (1.5, "rate is 1.5"), (np.nan, "rate is"), ("1%", "rate is"),
])
def test_rate_that_is_none_is_refused(rate, reason):
    with assert_refused(reason):
        threshold_for_false_match_rate(*scores(0), rate)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_no_threshold_decides_more_pairs_rightly(seed, ties):
    distances, same = scores(seed, ties=ties)
    right = {t: np.mean((distances <= t) == same) for t in [-np.inf, *distances]}
    threshold = most_accurate_threshold(distances, same)
    assert np.mean((distances <= threshold) == same) == max(right.values())


@pytest.mark.parametrize(("distances", "same", "threshold"), [
    ([1, 2, 4, 5], [True, True, False, False], 3.0),  # midway
    ([1, 2, 3, 4, 6, 9], [True, False, True, False, True, False], 3.5),  # right after 1, 3 and 6: the middle one
    ([1, 2, 4, 7], [True, False, True, False], 1.5),  # right after 1 and 4: the lower one
    ([3, 4, 1, 2], [True, True, False, False], -np.inf),  # nobody or everybody: the lower one
    ([1, 2, 3, 4], [False, True, True, True], 4.0),  # everybody
])
def test_among_equally_good_thresholds_the_middle_one_is_taken(distances, same, threshold):
    assert most_accurate_threshold(distances, same) == threshold


def test_each_fold_is_judged_by_the_threshold_of_the_others():
    distances, same = scores(3, 90)
    folds = np.random.default_rng(0).permutation(np.repeat([4, 7, 9], 30))
    found = k_fold_accuracy(distances, same, folds)
    for number, accuracy, threshold in zip([4, 7, 9], found.accuracies, found.thresholds, strict=True):
        test = folds == number
        assert threshold == most_accurate_threshold(distances[~test], same[~test])
        assert accuracy == np.mean((distances[test] <= threshold) == same[test])
    assert found.mean == pytest.approx(np.mean(found.accuracies))
    assert found.standard_error == pytest.approx(np.sqrt(np.sum((found.accuracies - found.mean) ** 2) / 2 / 3))


def test_threshold_of_a_fold_does_not_move_with_its_own_pairs():
    distances, same = scores(4, 60)
    folds = np.arange(60) % 3
    moved = np.where(folds == 1, distances + 5, distances)
    before, after = k_fold_accuracy(distances, same, folds), k_fold_accuracy(moved, same, folds)
    assert before.thresholds[1] == after.thresholds[1]
    assert before.accuracies[1] != after.accuracies[1]
    assert before.thresholds[0] != after.thresholds[0]


def test_random_distances_gain_nothing_by_choosing_a_threshold():
    rng = np.random.default_rng(5)
    same = np.arange(4000) % 2 == 0
    found = k_fold_accuracy(rng.random(4000), same, np.arange(4000) // 2 % 10)
    assert abs(found.mean - 0.5) < 4 * found.standard_error


def test_fold_may_hold_one_kind_of_pair_if_the_others_hold_both():
    found = k_fold_accuracy([1.0, 4.0, 2.0, 5.0, 1.5], [True, False, True, False, True], [0, 0, 1, 1, 2])
    assert found.accuracies.tolist() == [1, 1, 1]


@pytest.mark.parametrize(("folds", "error", "reason"), [
    ([0, 0, 0, 0], tc.DataError, "all pairs are in fold 0, expected at least two"),
    ([0, 1, 2, 2], tc.DataError, "without fold 2 only one kind"),
    ([0, 1, 0], tc.ShapeError, "folds of int64"),
    ([0.0, 1.0, 0.0, 1.0], tc.ShapeError, "folds of float64"),
    ([[0, 1, 0, 1]], tc.ShapeError, "folds of int64"),
])
def test_folds_that_cannot_be_judged_are_refused(folds, error, reason):
    with assert_refused(f"^k_fold_accuracy: .*{reason}", error):
        k_fold_accuracy([1.0, 2.0, 3.0, 4.0], [True, True, True, False], folds)
