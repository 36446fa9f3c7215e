"""The cases of functions that bend."""

from __future__ import annotations

from tinyconv.gradcheck.case import Case
from tinyconv.gradcheck.catalogue.makers import case, options_case
from tinyconv.gradcheck.inputs import nonzero, normal
from tinyconv.ops import activation

KEEPS: dict[str, tuple[str, ...]] = {
    "leaky_relu": ("x",),
    "prelu": ("x weight", "x"),
    "sigmoid": ("out",),
    "tanh": ("out",),
    "softplus": ("x",),
    "normal_cdf": ("x",),
}

CASES: list[Case] = [
    case("leaky_relu", activation.leaky_relu, x=nonzero(2, 3, 4)),
    options_case(activation.leaky_relu, "slope 0.3", nonzero(2, 5), slope=0.3),
    options_case(activation.leaky_relu, "slope -0.5", nonzero(2, 5), slope=-0.5),
    case("prelu", activation.prelu, "one slope a channel", x=nonzero(2, 3, 4), weight=normal(4)),
    case("prelu", activation.prelu, "one slope", x=nonzero(2, 3, 4), weight=normal(1)),
    case("prelu", activation.prelu, "one channel", x=nonzero(5, 1), weight=normal(1)),
    case("sigmoid", activation.sigmoid, x=normal(2, 3, 4)),
    case("tanh", activation.tanh, x=normal(2, 3, 4)),
    case("softplus", activation.softplus, x=normal(2, 3, 4)),
    case("normal_cdf", activation.normal_cdf, x=normal(2, 3, 4)),
    case("gelu", activation.gelu, x=normal(2, 3, 4)),
    options_case(activation.gelu, "tanh", normal(2, 3, 4), approximate="tanh"),
]
