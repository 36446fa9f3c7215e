"""Drawings of verification show the numbers they are given, at the places where they belong."""

from __future__ import annotations

import io
from statistics import NormalDist

import numpy as np
import pytest
from PIL import Image

from tinyconv.metric.curves import det, roc, score_histograms
from tinyconv.metric.identification import open_set_false_accepts
from tinyconv.viz.verification import det_curves, open_set_curve, roc_curves, score_histogram


def scores(n=4000):
    """Two normal distributions, of width 1, two apart: so many of each kind."""
    values = [NormalDist().inv_cdf((i + 0.5) / n) for i in range(n)]
    return np.array([*values, *(value + 2 for value in values)]), np.arange(2 * n) < n


APART = np.arange(6.0), np.arange(6) < 3
DRAWINGS = {
    "roc": lambda: roc_curves({"a": roc(*scores(50)), "b": roc(*APART)}, caption="Two curves."),
    "logarithmic roc": lambda: roc_curves({"a": roc(*scores(50)), "b": roc(*APART)}, log=True, caption="Two curves."),
    "det": lambda: det_curves({"a": det(*scores(50))}, caption="One curve."),
    "det of people told apart": lambda: det_curves({"a": det(*APART)}, caption="No curve: there is no error."),
    "det of one pair each": lambda: det_curves({"a": det([1.0, 0.0], [True, False])}, caption="Only errors."),
    "histogram": lambda: score_histogram(score_histograms(*scores(50)), 1.0, caption="Two histograms and a line."),
    "histogram of one distance": lambda: score_histogram(score_histograms([1.0, 1.0], [True, False]), caption="One place."),
    "open set": lambda: open_set_curve(open_set_false_accepts(np.eye(4), 0.5, [4, 1, 2]), caption="Two curves."),
    "open set without an error": lambda: open_set_curve(open_set_false_accepts(np.ones((3, 4)), 0.5, [1]), caption="A point."),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_drawing_becomes_a_png(name):
    picture = DRAWINGS[name]()
    image = Image.open(io.BytesIO(picture.png(dpi=50)))
    assert np.asarray(image.convert("L")).std() > 0
    assert picture.caption in repr(picture)


@pytest.mark.parametrize("log", [False, True])
def test_roc_is_drawn_as_steps_through_its_points(log):
    curve = roc(*scores(50))
    axes = roc_curves({"a": curve}, log=log).axes[0]
    assert axes.get_xscale() == ("log" if log else "linear")
    assert axes.lines[0].get_xdata().tolist() == curve.false_accepts.tolist()
    assert axes.lines[0].get_ydata().tolist() == curve.true_accepts.tolist()
    assert axes.lines[0].get_drawstyle() == "steps-post"


def test_det_of_two_normal_distributions_is_a_straight_line():
    line = det_curves({"a": det(*scores())}).axes[0].lines[0]
    x, y = line.get_data()
    inside = (x > -2) & (y > -2)
    assert inside.sum() > 800
    np.testing.assert_allclose(y[inside], -2 - x[inside], atol=0.02)  # Phi^-1(false rejects) = -(x + 2)


def test_det_shows_the_errors_of_the_last_threshold_that_is_allowed():
    curve = det(*scores(20))
    x, y = det_curves({"a": curve}).axes[0].lines[0].get_data()
    for place, error in zip(x[::50], y[::50], strict=True):
        rejects = curve.false_rejects[curve.false_accepts <= NormalDist().cdf(place)].min()
        assert np.isnan(error) if rejects in (0, 1) else NormalDist().cdf(error) == pytest.approx(rejects)


def test_det_axes_name_rates_where_their_deviates_are():
    axes = det_curves({"a": det(*scores(1000))}).axes[0]
    names = [label.get_text() for label in axes.get_xticklabels()]
    assert names == ["0.1", "1", "5", "20", "50", "80"]
    np.testing.assert_allclose(axes.get_xticks(), [NormalDist().inv_cdf(float(name) / 100) for name in names])
    np.testing.assert_allclose(axes.get_yticks(), axes.get_xticks())


def test_histogram_shows_shares_of_each_kind_and_the_threshold():
    distances, same = np.array([0.0, 0.1, 0.9, 1.0, 1.0, 1.0]), np.array([True, True, True, False, False, True])
    axes = score_histogram(score_histograms(distances, same, bins=2), 0.5).axes[0]
    values = [patch.get_data().values.tolist() for patch in axes.patches]
    assert values[1::2] == values[::2] == [[0.5, 0.5], [0.0, 1.0]]  # each is drawn filled, then outlined
    assert [list(line.get_xdata()) for line in axes.lines] == [[0.5, 0.5]]
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == ["one person, 4 pairs", "two people, 2 pairs", "threshold 0.5"]


def test_open_set_shows_measured_and_predicted_in_the_order_of_size():
    found = open_set_false_accepts(1 - np.eye(5), 0.5, [5, 1, 3])
    measured, predicted = open_set_curve(found).axes[0].lines
    assert measured.get_xdata().tolist() == predicted.get_xdata().tolist() == [1, 3, 5]
    assert measured.get_ydata().tolist() == found.measured[[1, 2, 0]].tolist()
    assert predicted.get_ydata().tolist() == found.predicted[[1, 2, 0]].tolist()
