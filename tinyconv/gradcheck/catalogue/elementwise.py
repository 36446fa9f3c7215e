"""The cases of functions that are applied to each element by itself."""

from __future__ import annotations

import numpy as np

from tinyconv.gradcheck.case import Case
from tinyconv.gradcheck.catalogue.makers import case
from tinyconv.gradcheck.inputs import distinct, nonzero, normal, positive
from tinyconv.ops import elementwise

MASK = np.array([[True, False, True, True], [False, False, True, False], [True, True, False, False]])

_wide, _tall = normal(3, 4), normal(2, 3, 1)  # they broadcast to (2, 3, 4)

KEEPS: dict[str, tuple[str, ...]] = {
    "power": ("a b", "out a b"),
    "exp": ("out",),
    "log": ("x",),
    "sqrt": ("out",),
    "select": ("",),
    "relu": ("out",),
    "abs": ("x",),
    "clip": ("x",),
    "maximum": ("a b", "a b"),
    "minimum": ("a b", "a b"),
    "where": ("", ""),
}

CASES: list[Case] = [
    case("power", elementwise.power, "broadcast", "", a=positive(3, 4), b=_tall),
    case("power", lambda a: a**3, "of 3", "", a=nonzero(3, 4)),
    case("power", lambda a: a**-2, "of a negative exponent", "", a=nonzero(3, 4)),
    case("power", lambda a: a ** [[0], [1], [2]], "of 0, 1 and 2", "", a=nonzero(3, 4)),
    case("power", lambda b: 2**b, "of a number", "", b=normal(3, 4)),
    case("maximum", elementwise.maximum, "broadcast", "", a=distinct(3, 4), b=distinct(2, 3, 1, start=0.05)),
    case("minimum", elementwise.minimum, "broadcast", "", a=distinct(3, 4), b=distinct(2, 3, 1, start=0.05)),
    case("where", lambda a, b: elementwise.where(MASK, a, b), "broadcast", "", a=_wide, b=_tall),
    case("exp", elementwise.exp, x=normal(2, 3)),
    case("log", elementwise.log, x=positive(2, 3)),
    case("sqrt", elementwise.sqrt, x=positive(2, 3)),
    case("abs", elementwise.abs, x=nonzero(2, 3)),
    case("relu", elementwise.relu, x=nonzero(2, 3, 4)),
    case("clip", lambda x: elementwise.clip(x, -0.47, 0.42), "both sides", x=distinct(3, 5)),
    case("clip", lambda x: elementwise.clip(x, low=0.05), "from below", x=distinct(3, 5)),
    case("clip", lambda x: elementwise.clip(x, high=0.05), "from above", x=distinct(3, 5)),
    case("select", lambda x: elementwise.select(x, mask=MASK), "", "x", x=normal(3, 4)),
]
