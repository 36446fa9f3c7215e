"""Verification drawn: the two errors against each other, the distances that cause them, and how they grow with the gallery."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import NormalDist
from typing import Any

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from tinyconv.metric.curves import Det, Roc, ScoreHistograms
from tinyconv.metric.identification import OpenSet
from tinyconv.viz.picture import BLUE, BRICK, INK, STYLE, Picture

RATES = (1e-5, 1e-4, 0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 0.999, 0.9999)  # that may stand on an axis of deviates
PLACES = 2000  # along an axis of deviates: more than pixels
FAINT = {"color": INK, "linewidth": 1, "linestyle": ":"}


@mpl.rc_context(STYLE)
def roc_curves(series: Mapping[str, Roc], log: bool = False, caption: str = "") -> Picture:
    """True accepts against false accepts; the dotted line is chance.

    Parameters
    ----------
    series : {name: what `metric.curves.roc` gives}, one colour each
    log : logarithmic axis of false accepts, for thresholds that accept few
    """
    figure = Picture(caption, 4.8, 4.4)
    axes = figure.subplots()
    for name, curve in series.items():
        axes.plot(curve.false_accepts, curve.true_accepts, label=name, linewidth=2, drawstyle="steps-post")
    least = min(_smallest(curve.false_accepts) for curve in series.values())
    chance = np.geomspace(least, 1, 200) if log else np.array([0.0, 1.0])
    axes.plot(chance, chance, **FAINT)
    axes.set(xlabel="false accept rate", ylabel="true accept rate", ylim=(-0.02, 1.02), xscale="log" if log else "linear",
             xlim=(least, 1.0) if log else (-0.02, 1.02))
    axes.legend(loc="upper left" if log else "lower right")
    return figure


@mpl.rc_context(STYLE)
def det_curves(series: Mapping[str, Det], caption: str = "") -> Picture:
    """False rejects against false accepts on axes of normal deviates; the dotted line is where both are equal.

    Two normal distributions of equal width give a straight line, and half as many errors are as visible among few as among
    many. Rates of 0 and 1 lie infinitely far away: a curve ends where it falls to one of them.

    Parameters
    ----------
    series : {name: what `metric.curves.det` gives}, one colour each
    """
    figure = Picture(caption, 4.8, 4.4)
    axes = figure.subplots()
    least = 0.5 * min(_smallest(rates) for curve in series.values() for rates in (curve.false_accepts, curve.false_rejects))
    low, high = _deviates(np.array([least, 0.8]))
    places = np.linspace(low, high, PLACES)
    wanted = np.array([NormalDist().cdf(place) for place in places])
    for name, curve in series.items():
        errors = curve.false_rejects[np.searchsorted(curve.false_accepts, wanted, side="right") - 1]
        axes.plot(places, _deviates(errors), label=name, linewidth=2)
    axes.plot([low, high], [low, high], **FAINT)
    ticks = [rate for rate in RATES if least <= rate <= 0.8]
    names = [f"{100 * rate:g}" for rate in ticks]
    axes.set(xlim=(low, high), ylim=(low, high), aspect="equal", xlabel="false accept rate, %", ylabel="false reject rate, %")
    axes.set_xticks(_deviates(np.array(ticks)), names)
    axes.set_yticks(_deviates(np.array(ticks)), names)
    axes.legend(loc="upper right", frameon=True, facecolor="white", edgecolor="none", framealpha=1)
    return figure


@mpl.rc_context(STYLE)
def score_histogram(histograms: ScoreHistograms, threshold: float | None = None, caption: str = "") -> Picture:
    """The distances of pairs of one person and of two, each kind as shares of its own pairs, and the threshold between.

    Parameters
    ----------
    histograms : what `metric.curves.score_histograms` gives
    threshold : drawn as a vertical line
    """
    figure = Picture(caption, 8.0, 3.2)
    axes = figure.subplots()
    for name, counts, colour in (("one person", histograms.same, BLUE), ("two people", histograms.different, BRICK)):
        axes.stairs(counts / counts.sum(), histograms.edges, fill=True, color=colour, alpha=0.35)
        axes.stairs(counts / counts.sum(), histograms.edges, color=colour, linewidth=1.5, label=f"{name}, {counts.sum():,} pairs")
    if threshold is not None:
        axes.axvline(threshold, color=INK, linewidth=1.5, linestyle="--", label=f"threshold {threshold:.3g}")
    axes.set(xlabel="distance", ylabel="share of the pairs", ylim=(0, None))
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)  # above: hills are where they are
    return figure


@mpl.rc_context(STYLE)
def open_set_curve(rates: OpenSet, caption: str = "") -> Picture:
    """How often a stranger is taken for somebody, against the number of people in the gallery, which is logarithmic.

    Parameters
    ----------
    rates : what `metric.identification.open_set_false_accepts` gives
    """
    figure = Picture(caption, 8.0, 3.6)
    axes = figure.subplots()
    order = np.argsort(rates.sizes)
    axes.plot(rates.sizes[order], rates.measured[order], "o-", linewidth=2, label="measured")
    axes.plot(rates.sizes[order], rates.predicted[order], **FAINT | {"linewidth": 2},
              label=f"independent errors, $1 - (1 - {rates.false_accept_rate:.2g})^K$")
    axes.set(xscale="log", xlabel="$K$, people in the gallery", ylabel="strangers accepted", ylim=(0, None))
    axes.legend(loc="upper left")
    return figure


def _smallest(rates: NDArray[Any]) -> float:
    """The smallest rate above 0, since 0 has no place on these axes; the last one is 1."""
    return float(rates[rates > 0].min())


def _deviates(rates: NDArray[Any]) -> NDArray[Any]:
    """Where a standard normal distribution reaches these rates; nowhere, NaN, for 0 and 1."""
    different, places = np.unique(rates, return_inverse=True)
    inverse = [NormalDist().inv_cdf(rate) if 0 < rate < 1 else np.nan for rate in different]
    return np.array(inverse)[places]
