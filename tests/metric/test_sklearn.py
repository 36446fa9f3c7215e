"""Curves and areas against scikit-learn, which takes scores that are high for one person: distances with the sign turned."""

import numpy as np
import pytest

from tests.metric.scores import scores
from tinyconv.metric.curves import auc, det, roc

metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle: pip install scikit-learn")
pytestmark = pytest.mark.oracle

CASES = [pytest.param(*scores(seed, n, ties), id=f"{n} pairs{', ties' * ties}, seed {seed}")
         for seed in range(10) for n in (20, 1000, 20000) for ties in (False, True)]
CASES += [pytest.param(np.array(distances, float), np.array([True, True, False, False]), id=str(distances))
          for distances in ([1, 2, 3, 4], [4, 3, 2, 1], [5, 5, 5, 5], [1, 2, 2, 3])]


def assert_equal(curve, expected):
    for ours, theirs in zip(curve, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("distances", "same"), CASES)
def test_roc_is_that_of_scikit_learn(distances, same):
    curve = roc(distances, same)
    assert_equal((curve.false_accepts, curve.true_accepts, -curve.thresholds),
                 metrics.roc_curve(same, -distances, drop_intermediate=False))


@pytest.mark.parametrize(("distances", "same"), CASES)
def test_det_is_that_of_scikit_learn(distances, same):
    """Theirs runs the other way, and leaves out where one of the errors stays 0."""
    curve = det(distances, same)
    first = np.flatnonzero(curve.false_accepts == 0)[-1]
    last = np.flatnonzero(curve.false_rejects == 0)[0]
    kept = slice(first, last + 1)
    assert_equal([part[kept][::-1] for part in (curve.false_accepts, curve.false_rejects, -curve.thresholds)],
                 metrics.det_curve(same, -distances, drop_intermediate=False))


@pytest.mark.parametrize(("distances", "same"), CASES)
def test_auc_is_that_of_scikit_learn(distances, same):
    assert auc(distances, same) == pytest.approx(metrics.roc_auc_score(same, -distances), abs=1e-12)
