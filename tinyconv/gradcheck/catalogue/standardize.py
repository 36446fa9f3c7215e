"""The cases of standardizing."""

from __future__ import annotations

from tinyconv.engine import Tensor
from tinyconv.gradcheck.case import Case
from tinyconv.gradcheck.catalogue.makers import case
from tinyconv.gradcheck.inputs import normal
from tinyconv.ops.standardize import inverse_deviation, moments, standardize


def _standardized(x: Tensor) -> Tensor:
    return standardize(x, found=moments(x.data, (0, 2), 1e-5))


def _inverse_deviation(x: Tensor) -> Tensor:
    return inverse_deviation(x, found=moments(x.data, (0, 2), 0.1))


KEEPS: dict[str, tuple[str, ...]] = {
    "standardize": ("out x",),
    "inverse_deviation": ("out x",),
}

CASES: list[Case] = [
    case("standardize", _standardized, "two axes", x=normal(2, 3, 5)),
    case("inverse_deviation", _inverse_deviation, "two axes", x=normal(2, 3, 5)),
]
