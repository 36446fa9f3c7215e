"""The verification lab as a whole: what cannot be rated is refused by each function in its own name."""

import numpy as np
import pytest

import tinyconv as tc
from tests.refusal import assert_refused
from tinyconv.metric import evaluation as lab

RATED = {
    "roc": lab.roc,
    "det": lab.det,
    "auc": lab.auc,
    "score_histograms": lab.score_histograms,
    "error_rates": lab.error_rates,
    "equal_error_rate": lab.equal_error_rate,
    "false_reject_rate": lambda d, s: lab.false_reject_rate(d, s, 0.5),
    "validation_rate": lambda d, s: lab.validation_rate(d, s, 0.5),
    "threshold_for_false_match_rate": lambda d, s: lab.threshold_for_false_match_rate(d, s, 0.5),
    "most_accurate_threshold": lab.most_accurate_threshold,
    "k_fold_accuracy": lambda d, s: lab.k_fold_accuracy(d, s, np.arange(len(d))),
}


@pytest.mark.parametrize(("distances", "same", "reason"), [
    ([1.0, 2.0], [True, True], "2 same and 0 different"),
    ([1.0, 2.0], [False, False], "0 same and 2 different"),
    ([1.0, np.nan], [True, False], "1 distances that are NaN"),
    ([-np.inf, 2.0], [True, False], "1 distances that are NaN or infinite"),
    ([1.0], [True, False], r"expected numbers \(N,\)"),
    ([[1.0, 2.0]], [[True, False]], r"expected numbers \(N,\)"),
    ([1.0, 2.0], [1, 0], "same of int64"),
    ([1j, 2.0], [True, False], "distances of complex128"),
    (["1", "2"], [True, False], "expected numbers"),
    ([], np.zeros(0, bool), "0 same and 0 different"),
])
@pytest.mark.parametrize("name", RATED)
def test_what_cannot_be_rated_is_refused(name, distances, same, reason):
    with assert_refused(f"^{name}: .*{reason}", tc.ShapeError):
        RATED[name](distances, same)


@pytest.mark.parametrize("name", RATED)
def test_rows_of_different_lengths_are_refused(name):
    with assert_refused(f"^{name}: "):
        RATED[name]([[1.0], [2.0, 3.0]], [True, False])


@pytest.mark.parametrize("name", RATED)
def test_arguments_stay_as_they_were(name):
    distances, same = np.array([3, 1, 2, 4], np.float32), np.array([True, True, False, False])
    distances.flags.writeable = same.flags.writeable = False
    RATED[name](distances, same)
    assert (distances.tolist(), same.tolist()) == ([3, 1, 2, 4], [True, True, False, False])


def test_every_name_of_the_lab_can_be_imported_from_one_place():
    assert all(hasattr(lab, name) for name in lab.__all__)
    assert len(set(lab.__all__)) == len(lab.__all__)
