"""The figure all drawings return: it has a caption, knows its PNG, and shows itself in a notebook."""

from __future__ import annotations

import io
import textwrap
from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.figure import Figure

INK, BLUE, OCHRE, BRICK, GREEN = "#24292f", "#2b5b84", "#c98a1b", "#a8452c", "#4d7a52"
COLOURS = (BLUE, BRICK, OCHRE, GREEN)
STYLE: dict[str, Any] = {  # every drawing function runs under @mpl.rc_context(STYLE)
    "font.family": ["STIXGeneral", "DejaVu Sans"],
    "mathtext.fontset": "stix",
    "font.size": 12,
    "axes.titlesize": 12,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": cycler(color=COLOURS),
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
}


class Picture(Figure):
    """A matplotlib figure with a caption, free of pyplot's global state.

    Attributes
    ----------
    caption : what the picture shows, in a sentence or two of plain text
    """

    def __init__(self, caption: str, width: float, height: float) -> None:
        super().__init__(figsize=(width, height), layout="constrained")
        self.caption = caption

    def png(self, dpi: int = 150, bbox_inches: str | None = None) -> bytes:
        """The picture as a PNG file; `bbox_inches="tight"` as in matplotlib."""
        with mpl.rc_context(STYLE), io.BytesIO() as file:
            self.savefig(file, format="png", dpi=dpi, bbox_inches=bbox_inches, metadata={"Software": None})
            return file.getvalue()

    def _repr_png_(self) -> bytes:
        """What a notebook shows: the picture with its caption below."""
        lines = textwrap.wrap(self.caption, max(int(13 * self.get_figwidth()), 20))
        with mpl.rc_context(STYLE):
            below = self.text(0.5, -0.02, "\n".join(lines), ha="center", va="top", style="italic")
        try:
            return self.png(dpi=72, bbox_inches="tight")
        finally:
            below.remove()

    def __repr__(self) -> str:
        return f"Picture: {self.caption}"
