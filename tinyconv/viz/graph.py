"""The graph of a computation, from its inputs on the left to its result on the right."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from tinyconv.viz.picture import BLUE, BRICK, INK, OCHRE, STYLE, Picture


@mpl.rc_context(STYLE)
def draw_graph(names: Sequence[str], edges: Sequence[tuple[int, int]], notes: Sequence[str] = (),
               edge_notes: Sequence[str] = (), caption: str = "") -> Picture:
    """Boxes in columns: an input stands at the left, every other box one column right of its latest parent.

    Parameters
    ----------
    names : what stands in each box, in order of birth: parents before children
    edges : (parent, child), positions in `names`
    notes : a line below each name
    edge_notes : a line beside each arrow
    """
    columns = _columns(len(names), edges)
    places = _places(columns, edges)
    rows = max(columns.count(column) for column in columns)
    figure = Picture(caption, 2.1 * (max(columns) + 1), max(1.15 * rows, 2.0))
    axes = figure.subplots()
    width, height = 0.34, 0.3
    middle = sum(y for _, y in places) / len(places)
    for k, ((parent, child), note) in enumerate(zip(edges, edge_notes or [""] * len(edges), strict=True)):
        (x0, y0), (x1, y1) = places[parent], places[child]
        twins = [j for j, edge in enumerate(edges) if edge == edges[k]]  # x * x has two arrows from x
        bend = 0.25 * (1 - 2 * twins.index(k)) if len(twins) > 1 else 0.0
        if x1 - x0 > 1:  # around the boxes in between
            bend = 0.3 if y0 <= middle else -0.3
        axes.add_patch(FancyArrowPatch((x0 + width, y0), (x1 - width, y1), arrowstyle="-|>", mutation_scale=12, color=INK,
                                       linewidth=1, connectionstyle=f"arc3,rad={bend}"))
        sag = bend * (x1 - x0 - 2 * width) / 2
        axes.text((x0 + x1) / 2, (y0 + y1) / 2 - sag, note, color=BRICK, ha="center", va="center", fontsize=10.5,
                  bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.85})
    inner = {child for _, child in edges}
    for i, (x, y) in enumerate(places):
        edge = BLUE if i in inner else OCHRE
        axes.add_patch(FancyBboxPatch((x - width + 0.05, y - height + 0.05), 2 * width - 0.1, 2 * height - 0.1,
                                      boxstyle="round,pad=0.05", facecolor="white", edgecolor=edge, linewidth=1.6))
        axes.text(x, y + (0.1 if notes else 0), names[i], ha="center", va="center", fontsize=13)
        if notes:
            axes.text(x, y - 0.12, notes[i], ha="center", va="center", fontsize=10.5, color=BRICK)
    axes.set(xlim=(-0.45, max(columns) + 0.45), ylim=(min(y for _, y in places) - 0.45, max(y for _, y in places) + 0.45))
    axes.set_axis_off()
    return figure


def _columns(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Column of each box: 0 for an input, else one more than its latest parent's."""
    columns = [0] * count
    for child in range(count):
        columns[child] = max((columns[p] + 1 for p, c in edges if c == child), default=0)
    return columns


def _places(columns: Sequence[int], edges: Sequence[tuple[int, int]]) -> list[tuple[float, float]]:
    """(x, y) of each box: near the mean height of its parents, never on top of another."""
    heights: dict[int, float] = {}
    for column in range(max(columns) + 1):
        boxes = [i for i, c in enumerate(columns) if c == column]
        wanted = {i: [heights[p] for p, c in edges if c == i] for i in boxes}
        target = {i: sum(w) / len(w) if w else -float(boxes.index(i)) for i, w in wanted.items()}
        last = float("inf")
        for i in sorted(boxes, key=lambda i: -target[i]):
            heights[i] = last = min(target[i], last - 1.0)
    return [(float(columns[i]), heights[i]) for i in range(len(columns))]
