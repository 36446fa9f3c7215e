"""Error rates of verification against their definitions, counted threshold by threshold."""

import numpy as np
import pytest

from tests.metric.scores import scores
from tests.refusal import assert_refused
from tinyconv.metric.rates import equal_error_rate, error_rates, false_reject_rate, validation_rate


@pytest.mark.parametrize("ties", [False, True])
def test_error_rates_count_wrong_decisions(ties):
    distances, same = scores(1, ties=ties)
    accepts, rejects = error_rates(distances, same)
    assert (accepts[0], rejects[0]) == (0, 1)
    for i, threshold in enumerate(sorted(set(distances.tolist())), 1):
        assert accepts[i] == pytest.approx(np.mean(distances[~same] <= threshold))
        assert rejects[i] == pytest.approx(np.mean(distances[same] > threshold))
    assert (accepts[-1], rejects[-1]) == (1, 0)


@pytest.mark.parametrize(("distances", "same", "rate"), [
    ([1, 2, 3, 4], [True, True, False, False], 0.0),  # told apart
    ([3, 4, 1, 2], [True, True, False, False], 1.0),  # the wrong way round
    ([1, 3, 2, 4], [True, True, False, False], 0.5),
    ([5, 5], [True, False], 0.5),  # not told apart at all: halfway from nobody to everybody
    ([1, 2, 3, 10, 2.5, 11, 12, 13, 14], [True] * 4 + [False] * 5, 0.2),  # one of five, while one of four is refused
])
def test_equal_error_rate_of_cases_counted_by_hand(distances, same, rate):
    assert equal_error_rate(np.array(distances, float), np.array(same)) == pytest.approx(rate)


@pytest.mark.parametrize("seed", range(5))
def test_equal_error_rate_lies_between_the_neighbouring_thresholds(seed):
    distances, same = scores(seed)
    accepts, rejects = error_rates(distances, same)
    rate = equal_error_rate(distances, same)
    assert np.maximum(accepts, rejects).min() + 1e-12 >= rate >= np.minimum(accepts, rejects).max() - 1e-12


@pytest.mark.parametrize("seed", range(3))
def test_equal_error_rate_is_the_same_seen_from_the_other_side(seed):
    distances, same = scores(seed)
    assert equal_error_rate(-distances, ~same) == pytest.approx(equal_error_rate(distances, same))


@pytest.mark.parametrize("ties", [False, True])
def test_false_reject_rate_never_accepts_more_than_asked(ties):
    distances, same = scores(2, ties=ties)
    for asked in (0, 0.05, 0.1, 0.5, 1):
        threshold = max(t for t in [-10, *distances] if np.mean(distances[~same] <= t) <= asked)
        assert false_reject_rate(distances, same, asked) == pytest.approx(np.mean(distances[same] > threshold))


def test_rate_that_is_just_reached_counts():
    distances, same = np.arange(20.0), np.arange(20) % 2 == 0  # same, different, same, ...
    for accepted in range(11):
        assert validation_rate(distances, same, accepted / 10) == min(accepted + 1, 10) / 10


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("asked", [0, 0.001, 0.2, 1])
def test_validation_rate_is_the_complement_of_false_rejects(asked, ties):
    distances, same = scores(3, ties=ties)
    rejected = false_reject_rate(distances, same, asked)
    assert validation_rate(distances, same, asked) == pytest.approx(1 - rejected, abs=1e-15)


@pytest.mark.parametrize("rate", [-0.1, 1.1, np.nan, "0.1", None])
@pytest.mark.parametrize("function", [false_reject_rate, validation_rate])
def test_rate_outside_of_0_to_1_is_refused(function, rate):
    with assert_refused(f"^{function.__name__}: false_accept_rate is"):
        function(*scores(0), rate)
