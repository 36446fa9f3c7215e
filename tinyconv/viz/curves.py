"""Curves and bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np

from tinyconv.viz.picture import COLOURS, INK, STYLE, Picture


@mpl.rc_context(STYLE)
def curves(series: Mapping[str, tuple[Any, Any]], xlabel: str = "", ylabel: str = "", log: bool = False,
           tangents: Sequence[tuple[float, float, float]] = (), bands: Mapping[str, tuple[Any, Any]] | None = None,
           caption: str = "") -> Picture:
    """Named curves in one frame.

    Parameters
    ----------
    series : {name: (x values, y values)}; a name that begins with "_" stays out of the legend
    log : logarithmic y axis
    tangents : (x, y, slope) of short straight lines to draw through a curve
    bands : {name of a curve: (low, high)}, its spread, drawn in its colour
    """
    figure = Picture(caption, 8.0, 3.6)
    axes = figure.subplots()
    for name, (x, y) in series.items():
        (line,) = axes.plot(x, y, label=name, linewidth=2)
        if bands and name in bands:
            axes.fill_between(x, *bands[name], color=line.get_color(), alpha=0.2, linewidth=0)
    width = 0.06 * (axes.get_xlim()[1] - axes.get_xlim()[0])
    for x, y, slope in tangents:
        reach = width / np.hypot(1, slope)
        axes.plot([x - reach, x + reach], [y - slope * reach, y + slope * reach], color=COLOURS[1], linewidth=2.5)
        axes.plot(x, y, "o", color=COLOURS[1], markersize=5)
    axes.set(xlabel=xlabel, ylabel=ylabel, yscale="log" if log else "linear")
    if any(not name.startswith("_") for name in series):
        axes.legend()
    return figure


@mpl.rc_context(STYLE)
def bars(groups: Mapping[str, Sequence[float]], names: Sequence[str], ylabel: str = "", caption: str = "") -> Picture:
    """Groups of bars side by side: one colour per group, one place per name."""
    figure = Picture(caption, 8.0, 3.2)
    axes = figure.subplots()
    width = 0.8 / len(groups)
    for i, (group, values) in enumerate(groups.items()):
        shift = (i - (len(groups) - 1) / 2) * width
        axes.bar(np.arange(len(names)) + shift, values, width, label=group, edgecolor=INK, linewidth=0.5)
    axes.set(xticks=range(len(names)), ylabel=ylabel)
    axes.set_xticklabels(names)
    axes.legend()
    return figure
