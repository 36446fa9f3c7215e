"""Drawings by matplotlib: functions that take arrays, compute nothing, and return a figure."""

from tinyconv.viz.curves import bars, curves
from tinyconv.viz.embedding import embedding
from tinyconv.viz.graph import draw_graph
from tinyconv.viz.images import heat_maps, strip
from tinyconv.viz.picture import Picture

__all__ = ["Picture", "bars", "curves", "draw_graph", "embedding", "heat_maps", "strip"]
