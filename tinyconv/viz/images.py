"""Pictures and matrices side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import PowerNorm

from tinyconv.viz.picture import INK, STYLE, Picture

WIDTH, HEIGHT, GAP = 8.6, 3.2, 0.08  # inches: at most so wide, a picture at most so high, so far from the next


@mpl.rc_context(STYLE)
def strip(pictures: Sequence[Any], titles: Sequence[str] = (), caption: str = "") -> Picture:
    """A row of pictures of one height.

    Parameters
    ----------
    pictures : arrays (H, W, 3) of RGB in [0, 1], or (H, W) of any range, drawn in grey from their least to their largest value
    titles : one per picture, or none
    """
    arrays = [np.asarray(picture) for picture in pictures]
    ratios = [array.shape[1] / array.shape[0] for array in arrays]
    height = min((WIDTH - GAP * (len(arrays) + 1)) / sum(ratios), HEIGHT)
    figure = Picture(caption, height * sum(ratios) + GAP * (len(arrays) + 1), height + 2 * GAP + (0.28 if titles else 0))
    figure.set_layout_engine("none")  # every place is known
    left = GAP
    for array, ratio, title in zip(arrays, ratios, titles or [""] * len(arrays), strict=True):
        place = (left / figure.get_figwidth(), GAP / figure.get_figheight(),
                 height * ratio / figure.get_figwidth(), height / figure.get_figheight())
        left += height * ratio + GAP
        axes = figure.add_axes(place)
        axes.imshow(np.clip(array, 0, 1) if array.ndim == 3 else array, cmap="gray", interpolation="antialiased")
        axes.set_title(title, pad=6)
        axes.set_axis_off()
    return figure


@mpl.rc_context(STYLE)
def heat_maps(matrices: Sequence[Any], titles: Sequence[str] = (), caption: str = "") -> Picture:
    """Matrices of numbers >= 0 as heat maps with one colour scale; colours follow the root, so that small entries show."""
    arrays = [np.asarray(matrix) for matrix in matrices]
    size = min(WIDTH / len(arrays), HEIGHT)
    figure = Picture(caption, size * len(arrays) + 0.6, size + 0.3)
    row = list(figure.subplots(1, len(arrays), squeeze=False)[0])
    scale = PowerNorm(0.5, 0.0, max(float(a.max()) for a in arrays))
    for axes, array, title in zip(row, arrays, titles or [""] * len(arrays), strict=True):
        drawn = axes.imshow(array, cmap="magma", norm=scale, interpolation="nearest")
        axes.set_title(title)
        axes.set(xticks=[], yticks=[])
    bar = figure.colorbar(drawn, ax=row, shrink=0.8, aspect=30, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=INK)
    return figure
