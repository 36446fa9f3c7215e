"""The cases of the engine's own operators: the signs of Python, and broadcasting."""

from __future__ import annotations

from tinyconv import engine
from tinyconv.gradcheck.case import Case
from tinyconv.gradcheck.catalogue.makers import case
from tinyconv.gradcheck.inputs import nonzero, normal

_wide, _tall = normal(3, 4), normal(2, 3, 1)  # they broadcast to (2, 3, 4)

KEEPS: dict[str, tuple[str, ...]] = {
    "add": ("", ""),
    "subtract": ("", ""),
    "multiply": ("b", "a"),
    "divide": ("b", "out b"),
    "negative": ("",),
    "broadcast_to": ("",),
    "sum_to": ("",),
}

CASES: list[Case] = [
    case("add", engine.add, "", "", a=normal(2, 3), b=normal(2, 3)),
    case("add", engine.add, "broadcast", "", a=_wide, b=_tall),
    case("subtract", engine.subtract, "broadcast", "", a=_wide, b=_tall),
    case("multiply", engine.multiply, "", "a b", a=normal(2, 3), b=normal(2, 3)),
    case("multiply", engine.multiply, "broadcast", "a b", a=_wide, b=_tall),
    case("multiply", lambda a: a * a, "by itself", "", a=normal(2, 3)),
    case("divide", engine.divide, "broadcast", "a", a=_wide, b=nonzero(2, 3, 1)),
    case("divide", lambda b: 2 / b, "of a number", "", b=nonzero(2, 3)),
    case("negative", engine.negative, "", "a", a=normal(2, 3)),
    case("broadcast_to", lambda x: engine.broadcast_to(x, (2, 3, 4)), "", "x", x=normal(3, 1)),
    case("sum_to", lambda x: engine.sum_to(x, (3, 1)), "", "x", x=normal(2, 3, 4)),
]
