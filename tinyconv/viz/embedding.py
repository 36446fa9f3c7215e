"""Points on a plane, each shown as the picture it stands for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.offsetbox import AnnotationBbox, OffsetImage

from tinyconv.viz.picture import STYLE, Picture

HEIGHT, WIDTH = 4.2, 8.6  # inches


@mpl.rc_context(STYLE)
def embedding(panels: Sequence[Any], pictures: Any, labels: Any, titles: Sequence[str] = (), caption: str = "") -> Picture:
    """One or more planes side by side, with every picture at its point and one colour of frame per label.

    Parameters
    ----------
    panels : arrays (N, 2), the same N things in different places
    pictures : array (N, H, W, 3) of RGB in [0, 1], or (N, H, W) in grey
    labels : integers (N,)
    titles : one per panel, or none
    """
    pictures, labels = np.asarray(pictures), np.asarray(labels)
    figure = Picture(caption, WIDTH, HEIGHT)
    colours = mpl.colormaps["tab10"].colors
    zoom = 0.42 * 72 / pictures.shape[1]  # so that each is 0.42 inches high
    row = list(figure.subplots(1, len(panels), squeeze=False)[0])
    for axes, points, title in zip(row, panels, titles or [""] * len(panels), strict=True):
        points = np.asarray(points)
        axes.scatter(*points.T, s=0)  # sets the limits
        for point, picture, label in zip(points, pictures, labels, strict=True):
            frame = {"edgecolor": colours[int(label) % len(colours)], "linewidth": 2}
            image = OffsetImage(np.clip(picture, 0, 1), zoom=zoom, cmap="gray")
            axes.add_artist(AnnotationBbox(image, point, bboxprops=frame, pad=0.1))
        axes.margins(0.12)
        axes.set_title(title)
        axes.set(xticks=[], yticks=[])
    return figure
