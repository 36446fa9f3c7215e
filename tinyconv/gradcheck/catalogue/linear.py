"""The cases of matrix products."""

from __future__ import annotations

from tinyconv.gradcheck.case import Case
from tinyconv.gradcheck.catalogue.makers import case
from tinyconv.gradcheck.inputs import normal
from tinyconv.ops import linear

KEEPS: dict[str, tuple[str, ...]] = {
    "matmul": ("b", "a"),
    "gram_matrix": ("a",),
    "linear": ("weight", "x", ""),
}

CASES: list[Case] = [
    case("matmul", linear.matmul, "1-D with 1-D", "a b", a=normal(4), b=normal(4)),
    case("matmul", linear.matmul, "1-D with 2-D", "a b", a=normal(4), b=normal(4, 3)),
    case("matmul", linear.matmul, "2-D with 1-D", "a b", a=normal(2, 4), b=normal(4)),
    case("matmul", linear.matmul, "2-D with 2-D", "a b", a=normal(2, 4), b=normal(4, 3)),
    case("matmul", linear.matmul, "square", "a b", a=normal(3, 3), b=normal(3, 3)),
    case("matmul", linear.matmul, "batched", "a b", a=normal(5, 2, 4), b=normal(5, 4, 3)),
    case("matmul", linear.matmul, "broadcast", "a b", a=normal(5, 1, 2, 4), b=normal(6, 4, 3)),
    case("gram_matrix", linear.gram_matrix, "", "", a=normal(2, 5, 3)),
    case("matmul", linear.matmul, "batched with 1-D", "a b", a=normal(5, 2, 4), b=normal(4)),
    case("linear", linear.linear, x=normal(2, 4), weight=normal(4, 3), bias=normal(3)),
    case("linear", linear.linear, "of pixels", x=normal(2, 5, 4), weight=normal(4, 3), bias=normal(3)),
]
