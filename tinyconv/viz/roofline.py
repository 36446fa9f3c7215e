"""The roofline: how fast each piece of work ran, under the roof that the processor and its memory put over it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import numpy as np

from tinyconv.viz.picture import INK, STYLE, Picture


@mpl.rc_context(STYLE)
def roofline(points: Mapping[str, tuple[Any, Any]], peak: float, bandwidth: float, caption: str = "") -> Picture:
    """Speed against arithmetic intensity, both logarithmic.

    Parameters
    ----------
    points : {name: (operations per byte, operations per second in units of 1e9)}, one colour each
    peak : 1e9 operations per second, the flat part of the roof
    bandwidth : 1e9 bytes per second, the slope of the rest

    Source: Williams, Waterman & Patterson 2009, "Roofline".
    """
    figure = Picture(caption, 8.0, 4.6)
    axes = figure.subplots()
    ridge = peak / bandwidth
    intensities = np.concatenate([np.ravel(x) for x, _ in points.values()] + [np.array([ridge])])
    left, right = intensities.min() / 3, intensities.max() * 2
    axes.plot([left, ridge, right], [left * bandwidth, peak, peak], color=INK, linewidth=2)
    for (name, (x, y)), marker in zip(points.items(), "osD^v", strict=False):
        axes.plot(x, y, marker, label=name, markersize=6, alpha=0.7, linestyle="none")
    axes.set(xscale="log", yscale="log", xlim=(left, right), xlabel="arithmetic intensity, FLOP / byte", ylabel="GFLOP/s")
    axes.text(right, peak * 1.05, f"{peak:.0f} GFLOP/s", ha="right", va="bottom")
    middle = np.sqrt(left * ridge)
    axes.annotate(f"{bandwidth:.0f} GB/s", (middle, middle * bandwidth), xytext=(6, -6), textcoords="offset points", va="top")
    axes.legend(loc="lower right")
    return figure
