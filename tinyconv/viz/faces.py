"""A photograph with a box around each face, its landmarks and its name, at the photograph's own resolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.patches import Rectangle

from tinyconv.viz.picture import COLOURS, STYLE, Picture

DPI = 150  # what Picture.png draws by itself
SLACK = 1e-3  # of a pixel, so that no size is rounded down
LETTER = 0.55  # width of a letter, in sizes of the font


@mpl.rc_context(STYLE)
def draw_faces(picture: Any, boxes: Sequence[Any], labels: Sequence[str] = (), landmarks: Sequence[Any] = (),
               caption: str = "") -> Picture:
    """Boxes, names and points on a photograph; `draw_faces(...).png()` has exactly its pixels where nothing is drawn.

    Parameters
    ----------
    picture : float (H, W, 3), RGB in [0, 1]
    boxes : of each face (x0, y0, x1, y1), edges counted from the left upper corner, as `faces.detect` finds them
    labels : one per face, or none; plain text
    landmarks : (points, 2) of each face, (x, y), whole numbers being centres of pixels; or none
    """
    array = (255 * np.clip(np.asarray(picture), 0, 1)).round().astype(np.uint8)
    height, width = array.shape[:2]
    figure = Picture(caption, (width + SLACK) / DPI, (height + SLACK) / DPI)
    figure.set_layout_engine("none")  # every place is known
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(array, interpolation="nearest", aspect="auto", extent=(0, width, height, 0))
    axes.set_axis_off()
    stroke = max(max(height, width) / 400, 1.5) * 72 / DPI  # pixels in points
    for number, (box, label) in enumerate(zip(boxes, labels or [""] * len(boxes), strict=True)):
        colour = COLOURS[number % len(COLOURS)]
        x0, y0, x1, y1 = box
        axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor="white", linewidth=2 * stroke))
        axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=colour, linewidth=1.4 * stroke))
        if label:
            _name(axes, label, np.clip(box, 0, [width, height, width, height]), width, height, colour, 7 * stroke)
    for points in landmarks:
        x, y = np.asarray(points).T + 0.5
        axes.scatter(x, y, s=(3 * stroke) ** 2, c="white", edgecolors=STYLE["text.color"], linewidths=0.6 * stroke)
    axes.set(xlim=(0, width), ylim=(height, 0))
    return figure


def _name(axes: Any, label: str, box: Any, width: float, height: float, colour: str, size: float) -> None:
    """The label above the box, or below it, or inside where there is no room, small enough to end before the photograph does.

    It grows from one end of the box towards the middle of the photograph, in letters of at most `size` points.
    """
    x0, y0, x1, y1 = box
    right = x0 + x1 > width
    room = (x1 if right else width - x0) * 72 / DPI
    size = min(size, room / (LETTER * len(label) + 1))
    line = 2.2 * size * DPI / 72
    above, below = y0 > line, y0 <= line and y1 + line < height
    axes.annotate(label, (x1 if right else x0, y1 if below else y0), xytext=(0, size / 2 if above else -size / 2),
                  textcoords="offset points", ha="right" if right else "left", va="bottom" if above else "top", fontsize=size,
                  color="white", parse_math=False, bbox={"boxstyle": "square,pad=0.25", "facecolor": colour, "edgecolor": "none"})
