"""ROC, DET and the area under them against their definitions, counted pair by pair."""

import numpy as np
import pytest

from tests.metric.scores import scores
from tests.refusal import assert_refused
from tinyconv.metric.curves import auc, det, roc, score_histograms


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_roc_counts_what_each_threshold_accepts(seed, ties):
    distances, same = scores(seed, ties=ties)
    curve = roc(distances, same)
    for threshold, wrongly, rightly in zip(curve.thresholds, curve.false_accepts, curve.true_accepts, strict=True):
        assert wrongly == np.mean(distances[~same] <= threshold)
        assert rightly == np.mean(distances[same] <= threshold)


@pytest.mark.parametrize("ties", [False, True])
def test_roc_climbs_from_nobody_to_everybody(ties):
    curve = roc(*scores(4, ties=ties))
    assert (curve.false_accepts[0], curve.true_accepts[0]) == (0, 0)
    assert (curve.false_accepts[-1], curve.true_accepts[-1]) == (1, 1)
    assert (np.diff(curve.thresholds) > 0).all()
    assert (np.diff(curve.false_accepts) + np.diff(curve.true_accepts) > 0).all()


@pytest.mark.parametrize("ties", [False, True])
def test_det_is_the_complement_of_roc(ties):
    distances, same = scores(5, ties=ties)
    errors, accepts = det(distances, same), roc(distances, same)
    assert np.array_equal(errors.thresholds, accepts.thresholds)
    assert np.array_equal(errors.false_accepts, accepts.false_accepts)
    np.testing.assert_allclose(errors.false_rejects + accepts.true_accepts, 1, atol=1e-15)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_auc_is_the_probability_that_one_person_is_nearer(seed, ties):
    distances, same = scores(seed, ties=ties)
    of_one, of_two = distances[same][:, None], distances[~same]
    assert auc(distances, same) == pytest.approx(np.mean((of_one < of_two) + 0.5 * (of_one == of_two)), abs=1e-15)


def test_auc_is_the_area_under_the_roc():
    distances, same = scores(6, ties=True)
    curve = roc(distances, same)
    assert auc(distances, same) == pytest.approx(np.trapezoid(curve.true_accepts, curve.false_accepts), abs=1e-14)


@pytest.mark.parametrize(("distances", "area"), [
    ([1, 2, 3, 4], 1.0), ([4, 3, 2, 1], 0.0), ([7, 7, 7, 7], 0.5), ([1, 3, 2, 4], 0.75),
])
def test_auc_of_cases_counted_by_hand(distances, area):
    assert auc(distances, [True, True, False, False]) == area


def test_auc_of_many_pairs_does_not_overflow():
    n = 1 << 18
    assert auc(np.arange(2 * n), np.arange(2 * n) < n) == 1


def test_curves_depend_on_the_order_of_distances_only():
    distances, same = scores(7, ties=True)
    before, after = roc(distances, same), roc(np.exp(distances), same)
    assert np.array_equal(before.false_accepts, after.false_accepts)
    assert np.array_equal(before.true_accepts, after.true_accepts)


def test_curves_do_not_depend_on_the_order_of_pairs():
    distances, same = scores(8, ties=True)
    shuffled = np.random.default_rng(0).permutation(len(same))
    before, after = roc(distances, same), roc(distances[shuffled], same[shuffled])
    assert np.array_equal(before.false_accepts, after.false_accepts)
    assert np.array_equal(before.true_accepts, after.true_accepts)


def test_float32_distances_keep_their_values_as_thresholds():
    distances, same = scores(9)
    curve = roc(distances.astype(np.float32), same)
    assert curve.thresholds[1:].astype(np.float32).tolist() == np.sort(distances.astype(np.float32)).tolist()


def test_histograms_share_their_bins_and_count_every_pair():
    distances, same = scores(10, 200)
    found = score_histograms(distances, same, bins=13)
    assert len(found.edges) == 14
    assert (found.edges[0], found.edges[-1]) == (distances.min(), distances.max())
    assert (found.same.sum(), found.different.sum()) == (same.sum(), (~same).sum())
    for i, (low, high) in enumerate(zip(found.edges[:-1], found.edges[1:], strict=True)):
        inside = (low <= distances) & ((distances < high) | (i == 12))
        assert (found.same[i], found.different[i]) == (np.sum(inside & same), np.sum(inside & ~same))


@pytest.mark.parametrize("bins", [0, 2.5, "auto", True])
def test_histogram_without_a_number_of_bins_is_refused(bins):
    with assert_refused("score_histograms: bins is"):
        score_histograms(*scores(0), bins=bins)
