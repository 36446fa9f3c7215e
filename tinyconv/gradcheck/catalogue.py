"""The catalogue: every op with the inputs and options at which its gradients are checked, and what each op keeps.

Sizes differ from axis to axis, kernels are not square, stride and padding differ per axis: two axes taken for one
another cannot hide.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

import numpy as np

from tinyconv import engine
from tinyconv.engine import Tensor
from tinyconv.errors import DataError
from tinyconv.gradcheck.case import Case
from tinyconv.gradcheck.inputs import Maker, distinct, nonzero, normal, positive
from tinyconv.kernels import dispatch, pooling
from tinyconv.kernels.geometry import conv_geometry, pool_windows
from tinyconv.ops import array, conv, elementwise, linear, loss, pool, reduce

MASK = np.array([[True, False, True, True], [False, False, True, False], [True, True, False, False]])
LABELS = np.array([2, 0, 3, 2, 1])

# What a node keeps for each rule that is live, in the order of the rules. An input image or a frozen weight has no
# live rule: whatever only its rule names is not kept.
KEEPS: dict[str, tuple[str, ...]] = {
    "add": ("", ""),
    "subtract": ("", ""),
    "multiply": ("b", "a"),
    "divide": ("b", "out b"),
    "negative": ("",),
    "broadcast_to": ("",),
    "sum_to": ("",),
    "power": ("a b", "out a"),
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
    "reshape": ("",),
    "transpose": ("",),
    "getitem": ("",),
    "scatter": ("",),
    "concatenate": ("",),
    "pad_zero": ("",),
    "matmul": ("b", "a"),
    "sum": ("",),
    "logsumexp": ("out x",),
    "log_softmax": ("out",),
    "softmax": ("out",),
    "convolve": ("weight", "x"),
    "input_adjoint": ("weight", "y"),
    "weight_adjoint": ("y", "x"),
    "gather_windows": ("",),
    "scatter_windows": ("",),
    "sum_windows": ("",),
    "spread_windows": ("",),
}


def cases_of(op: str | None) -> list[Case]:
    """The cases of one op, or all.

    Raises
    ------
    DataError
        No such op; names those that are spelled alike.
    """
    ops = sorted({case.op for case in CASES})
    if op is not None and op not in ops:
        close = difflib.get_close_matches(op, ops, n=4, cutoff=0.5) or ops
        raise DataError(f"no op is called {op!r}; expected for example {', '.join(close)}.")
    return [case for case in CASES if op in (None, case.op)]


def _case(op: str, function: Callable[..., Tensor], variant: str = "", linear: str = "", **inputs: Maker) -> Case:
    return Case(op, variant, function, inputs, tuple(linear.split()))


def _windows_case(op: Callable[..., Tensor], variant: str, x: Maker, *, linear: str = "", **options: Any) -> Case:
    return _case(op.__name__, lambda x: op(x, **options), variant, linear, x=x)


def _conv_case(op: Callable[..., Tensor], variant: str, x: Maker, weight: Maker, **options: Any) -> Case:
    return _case(op.__name__, lambda x, weight: op(x, weight, **options), variant, "x weight", x=x, weight=weight)


def _triangle() -> list[Case]:
    """The three contractions themselves, for one awkward convolution."""
    geometry = conv_geometry((2, 5, 7, 4), (3, 2, 2, 6), stride=(2, 1), padding=((1, 0), (0, 2)), dilation=(1, 2), groups=2)
    plan = dispatch.plan(geometry, None)
    x, weight, y = normal(*geometry.x_shape), normal(*geometry.weight_shape), normal(*geometry.y_shape)
    return [
        _case("convolve", lambda x, weight: conv.convolve(x, weight, plan=plan), "", "x weight", x=x, weight=weight),
        _case("input_adjoint", lambda y, weight: conv.input_adjoint(y, weight, plan=plan), "", "y weight", y=y, weight=weight),
        _case("weight_adjoint", lambda x, y: conv.weight_adjoint(x, y, plan=plan), "", "x y", x=x, y=y),
    ]


def _window_adjoints() -> list[Case]:
    """What pooling is made of, for one awkward set of windows."""
    windows = pool_windows((2, 5, 7, 3), (3, 2), stride=(2, 1), padding=(1, 0), ceil_mode=True)
    chosen = pooling.argmax(distinct(2, 5, 7, 3)(np.random.default_rng(0)), windows)
    x, y = normal(2, 5, 7, 3), normal(*chosen.shape)
    return [
        _case("gather_windows", lambda x: pool.gather_windows(x, chosen=chosen, windows=windows), "", "x", x=x),
        _case("scatter_windows", lambda y: pool.scatter_windows(y, chosen=chosen, windows=windows), "", "y", y=y),
        _case("sum_windows", lambda x: pool.sum_windows(x, windows=windows), "", "x", x=x),
        _case("spread_windows", lambda y: pool.spread_windows(y, windows=windows), "", "y", y=y),
    ]


def _index_cases() -> list[Case]:
    indices: dict[str, Any] = {
        "int": 1,
        "negative int": (slice(None), -1),
        "slice": (slice(None), slice(3, 0, -2)),
        "None and ...": (..., None, 0),
        "integers, repeated": np.array([1, 0, 1, 1]),
        "integers in two axes": (np.array([[0, 1, 1]]), slice(None), np.array([[3], [0]])),
        "booleans": np.array([[True, False, True, True], [False, False, True, False]]),
    }
    shape = (2, 4, 5)
    gathers = [_case("getitem", lambda x, i=index: x[i], f"[{name}]", "x", x=normal(*shape)) for name, index in indices.items()]
    scatters = [_case("scatter", lambda y, i=index: array.scatter(y, index=i, shape=shape), f"[{name}]", "y",
                      y=normal(*np.empty(shape)[index].shape)) for name, index in indices.items()]
    return gathers + scatters


def _reduction_cases() -> list[Case]:
    axes: list[tuple[str, dict[str, Any]]] = [
        ("axis=None", {"axis": None}),
        ("axis=1", {"axis": 1}),
        ("axis=(0, -1) keepdims", {"axis": (0, -1), "keepdims": True}),
        ("axis=-2 keepdims", {"axis": -2, "keepdims": True}),
    ]
    cases = []
    for variant, options in axes:
        for op in (reduce.sum, reduce.mean, reduce.var, reduce.max, reduce.logsumexp):
            name = op.__name__
            linear = "x" if name in ("sum", "mean") else ""
            make = distinct(2, 3, 4) if name == "max" else normal(2, 3, 4)
            cases.append(_case(name, lambda x, op=op, options=options: op(x, **options), variant, linear, x=make))
    cases.append(_case("var", lambda x: reduce.var(x, axis=1, ddof=1), "ddof=1", x=normal(2, 3, 4)))
    for softmax in (reduce.softmax, reduce.log_softmax):
        for axis in (-1, 0, (0, 2)):
            cases.append(_case(softmax.__name__, lambda x, op=softmax, axis=axis: op(x, axis=axis), f"axis={axis}",
                               x=normal(3, 2, 4)))
    return cases


_wide, _tall = normal(3, 4), normal(2, 3, 1)  # they broadcast to (2, 3, 4)

CASES: list[Case] = [
    # elementwise, two inputs
    _case("add", engine.add, "", "", a=normal(2, 3), b=normal(2, 3)),
    _case("add", engine.add, "broadcast", "", a=_wide, b=_tall),
    _case("subtract", engine.subtract, "broadcast", "", a=_wide, b=_tall),
    _case("multiply", engine.multiply, "", "a b", a=normal(2, 3), b=normal(2, 3)),
    _case("multiply", engine.multiply, "broadcast", "a b", a=_wide, b=_tall),
    _case("multiply", lambda a: a * a, "by itself", "", a=normal(2, 3)),
    _case("divide", engine.divide, "broadcast", "a", a=_wide, b=nonzero(2, 3, 1)),
    _case("divide", lambda b: 2 / b, "of a number", "", b=nonzero(2, 3)),
    _case("power", elementwise.power, "broadcast", "", a=positive(3, 4), b=_tall),
    _case("power", lambda a: a**3, "of 3", "", a=nonzero(3, 4)),
    _case("power", lambda b: 2**b, "of a number", "", b=normal(3, 4)),
    _case("maximum", elementwise.maximum, "broadcast", "", a=distinct(3, 4), b=distinct(2, 3, 1, start=0.05)),
    _case("minimum", elementwise.minimum, "broadcast", "", a=distinct(3, 4), b=distinct(2, 3, 1, start=0.05)),
    _case("where", lambda a, b: elementwise.where(MASK, a, b), "broadcast", "", a=_wide, b=_tall),
    # elementwise, one input
    _case("negative", engine.negative, "", "a", a=normal(2, 3)),
    _case("exp", elementwise.exp, x=normal(2, 3)),
    _case("log", elementwise.log, x=positive(2, 3)),
    _case("sqrt", elementwise.sqrt, x=positive(2, 3)),
    _case("abs", elementwise.abs, x=nonzero(2, 3)),
    _case("relu", elementwise.relu, x=nonzero(2, 3, 4)),
    _case("clip", lambda x: elementwise.clip(x, -0.47, 0.42), "both sides", x=distinct(3, 5)),
    _case("clip", lambda x: elementwise.clip(x, low=0.05), "from below", x=distinct(3, 5)),
    _case("clip", lambda x: elementwise.clip(x, high=0.05), "from above", x=distinct(3, 5)),
    _case("select", lambda x: elementwise.select(x, mask=MASK), "", "x", x=normal(3, 4)),
    # shapes
    _case("broadcast_to", lambda x: engine.broadcast_to(x, (2, 3, 4)), "", "x", x=normal(3, 1)),
    _case("sum_to", lambda x: engine.sum_to(x, (3, 1)), "", "x", x=normal(2, 3, 4)),
    _case("reshape", lambda x: array.reshape(x, (4, -1)), "", "x", x=normal(2, 3, 4)),
    _case("transpose", array.transpose, "reversed", "x", x=normal(2, 3, 4)),
    _case("transpose", lambda x: array.transpose(x, (1, -1, 0)), "(1, -1, 0)", "x", x=normal(2, 3, 4)),
    *_index_cases(),
    _case("concatenate", lambda a, b, c: array.concatenate([a, b, c], axis=1), "axis=1", "",
          a=normal(2, 1, 3), b=normal(2, 4, 3), c=normal(2, 2, 3)),
    _case("concatenate", lambda a, b: array.concatenate([a, b, a], axis=-1), "one twice, axis=-1", "",
          a=normal(2, 3), b=normal(2, 1)),
    _case("concatenate", lambda a: array.concatenate([[[1, 2, 3]], a]), "with a constant", "", a=normal(2, 3)),
    _case("pad", lambda x: array.pad(x, ((1, 0), (0, 2), (3, 1))), "zero", "x", x=normal(2, 3, 4)),
    _case("pad", lambda x: array.pad(x, ((1, 0), (0, 2), (3, 1)), "reflect"), "reflect", "x", x=normal(2, 3, 4)),
    _case("pad", lambda x: array.pad(x, ((1, 0), (0, 2), (5, 1)), "edge"), "edge", "x", x=normal(2, 3, 4)),
    # reductions
    *_reduction_cases(),
    # matrix products
    _case("matmul", linear.matmul, "1-D with 1-D", "a b", a=normal(4), b=normal(4)),
    _case("matmul", linear.matmul, "1-D with 2-D", "a b", a=normal(4), b=normal(4, 3)),
    _case("matmul", linear.matmul, "2-D with 1-D", "a b", a=normal(2, 4), b=normal(4)),
    _case("matmul", linear.matmul, "2-D with 2-D", "a b", a=normal(2, 4), b=normal(4, 3)),
    _case("matmul", linear.matmul, "square", "a b", a=normal(3, 3), b=normal(3, 3)),
    _case("matmul", linear.matmul, "batched", "a b", a=normal(5, 2, 4), b=normal(5, 4, 3)),
    _case("matmul", linear.matmul, "broadcast", "a b", a=normal(5, 1, 2, 4), b=normal(6, 4, 3)),
    _case("matmul", linear.matmul, "batched with 1-D", "a b", a=normal(5, 2, 4), b=normal(4)),
    # the convolution triangle
    *_triangle(),
    _conv_case(conv.conv1d, "stride 2, padding (1, 2)", normal(2, 7, 3), normal(4, 3, 5), stride=2, padding=(1, 2)),
    _conv_case(conv.conv1d, "groups 2, dilation 2", normal(2, 8, 4), normal(3, 2, 6), groups=2, dilation=2),
    _conv_case(conv.conv2d, "valid", normal(2, 5, 6, 3), normal(3, 2, 3, 4), padding="valid"),
    _conv_case(conv.conv2d, "stride and padding per axis", normal(2, 5, 6, 3), normal(3, 2, 3, 4),
               stride=(2, 1), padding=((1, 0), (0, 2))),
    _conv_case(conv.conv2d, "same, dilated, strided", normal(1, 6, 7, 2), normal(3, 2, 2, 3),
               padding="same", dilation=(1, 2), stride=(1, 3)),
    _conv_case(conv.conv2d, "depthwise", normal(2, 4, 5, 3), normal(2, 3, 1, 6), groups=3, padding=(0, 1)),
    _conv_case(conv.conv2d, "1x1", normal(2, 3, 4, 5), normal(1, 1, 5, 6)),
    _case("conv2d", lambda x, weight, bias: conv.conv2d(x, weight, bias, stride=(1, 2)), "bias", "",
          x=normal(2, 5, 6, 3), weight=normal(3, 2, 3, 4), bias=normal(4)),
    _conv_case(conv.conv3d, "stride and padding per axis", normal(2, 3, 5, 4, 2), normal(2, 1, 3, 2, 3),
               stride=(1, 2, 1), padding=(0, 1, (1, 0))),
    _conv_case(conv.conv3d, "groups 2, dilation", normal(1, 4, 3, 5, 4), normal(2, 2, 1, 2, 6), groups=2, dilation=(2, 1, 3)),
    _conv_case(conv.conv_transpose1d, "stride 3, padding (1, 0)", normal(2, 4, 5), normal(3, 2, 5), stride=3, padding=(1, 0)),
    _conv_case(conv.conv_transpose1d, "groups 2, dilation 2", normal(2, 3, 6), normal(3, 2, 6), groups=2, dilation=2),
    _conv_case(conv.conv_transpose2d, "stride and padding per axis", normal(2, 3, 4, 5), normal(3, 2, 2, 5),
               stride=(2, 1), padding=((1, 0), (0, 2))),
    _conv_case(conv.conv_transpose2d, "same, groups 2", normal(1, 2, 3, 4), normal(3, 4, 2, 4),
               padding="same", stride=(2, 3), groups=2),
    _case("conv_transpose2d", lambda x, weight, bias: conv.conv_transpose2d(x, weight, bias, stride=2), "bias", "",
          x=normal(2, 3, 4, 5), weight=normal(3, 2, 2, 5), bias=normal(2)),
    _conv_case(conv.conv_transpose3d, "stride and padding per axis", normal(1, 2, 3, 2, 4), normal(2, 1, 3, 3, 4),
               stride=(2, 1, 1), padding=(0, 0, (1, 2))),
    # windows
    *_window_adjoints(),
    _windows_case(pool.max_pool1d, "overlapping, padding", distinct(2, 7, 3), kernel_size=3, stride=2, padding=1),
    _windows_case(pool.max_pool2d, "", distinct(2, 4, 6, 3), kernel_size=2),
    _windows_case(pool.max_pool2d, "per axis, overlapping, ceil, padding", distinct(2, 5, 8, 3),
                  kernel_size=(2, 3), stride=(2, 1), padding=(1, 0), ceil_mode=True),
    _windows_case(pool.max_pool2d, "dilation", distinct(1, 6, 7, 2), kernel_size=(3, 2), stride=1, dilation=(2, 3)),
    _windows_case(pool.max_pool3d, "ceil", distinct(1, 3, 5, 4, 2), kernel_size=(2, 3, 1), stride=(1, 2, 3), ceil_mode=True),
    _windows_case(pool.avg_pool1d, "overlapping, padding", normal(2, 7, 3), linear="x", kernel_size=3, stride=2, padding=1),
    _windows_case(pool.avg_pool2d, "", normal(2, 4, 6, 3), linear="x", kernel_size=2),
    _windows_case(pool.avg_pool2d, "per axis, ceil, padding not counted", normal(2, 5, 8, 3), linear="x",
                  kernel_size=(2, 3), stride=(2, 1), padding=(1, 0), ceil_mode=True, count_include_pad=False),
    _windows_case(pool.avg_pool3d, "per axis", normal(1, 3, 5, 4, 2), linear="x",
                  kernel_size=(2, 3, 1), stride=(1, 2, 3), padding=(0, 1, 0)),
    _windows_case(pool.upsample_nearest, "1-D", normal(2, 3, 4), linear="x", scale=3),
    _windows_case(pool.upsample_nearest, "2-D per axis", normal(2, 3, 4, 2), linear="x", scale=(3, 2)),
    _windows_case(pool.upsample_nearest, "3-D", normal(1, 2, 3, 4, 2), linear="x", scale=(1, 3, 2)),
    # losses
    _case("mse", loss.mse, prediction=normal(3, 4), target=normal(3, 4)),
    _case("cross_entropy", lambda logits: loss.cross_entropy(logits, LABELS), logits=normal(5, 4)),
]
