"""The cases of functions that fold axes away."""

from __future__ import annotations

from typing import Any

from tinyconv.gradcheck.case import Case
from tinyconv.gradcheck.catalogue.makers import case, options_case
from tinyconv.gradcheck.inputs import distinct, normal
from tinyconv.ops import reduce


def _reduction_cases() -> list[Case]:
    axes: list[tuple[str, dict[str, Any]]] = [
        ("axis=None", {"axis": None}),
        ("axis=1", {"axis": 1}),
        ("axis=(0, -1) keepdims", {"axis": (0, -1), "keepdims": True}),
        ("axis=-2 keepdims", {"axis": -2, "keepdims": True}),
    ]
    cases = []
    for variant, options in axes:
        for op in (reduce.sum, reduce.mean, reduce.var, reduce.max, reduce.norm, reduce.logsumexp):
            name = op.__name__
            linear = "x" if name in ("sum", "mean") else ""
            make = distinct(2, 3, 4) if name == "max" else normal(2, 3, 4)
            cases.append(case(name, lambda x, op=op, options=options: op(x, **options), variant, linear, x=make))
    cases.append(case("var", lambda x: reduce.var(x, axis=1, ddof=1), "ddof=1", x=normal(2, 3, 4)))
    for softmax in (reduce.softmax, reduce.log_softmax):
        for axis in (-1, 0, (0, 2)):
            cases.append(case(softmax.__name__, lambda x, op=softmax, axis=axis: op(x, axis=axis), f"axis={axis}",
                              x=normal(3, 2, 4)))
    return cases


KEEPS: dict[str, tuple[str, ...]] = {
    "sum": ("",),
    "norm": ("out x",),
    "logsumexp": ("out x",),
    "log_softmax": ("out",),
    "softmax": ("out",),
}

CASES: list[Case] = [
    *_reduction_cases(),
    options_case(reduce.l2_normalize, "", normal(3, 2, 4)),
    options_case(reduce.l2_normalize, "axis=(0, 2)", normal(3, 2, 4), axis=(0, 2)),
    options_case(reduce.l2_normalize, "axis=None", normal(3, 4), axis=None),
    case("l2_normalize", lambda x: -reduce.l2_normalize(x, eps=100), "of short vectors, negated", "x", x=normal(3, 4)),
]
