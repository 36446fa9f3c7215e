"""The cases of the convolution triangle, and of what is made of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinyconv.engine import Tensor
from tinyconv.gradcheck.case import Case
from tinyconv.gradcheck.catalogue.makers import case
from tinyconv.gradcheck.inputs import Maker, normal
from tinyconv.kernels import dispatch
from tinyconv.kernels.geometry import conv_geometry
from tinyconv.ops import conv, conv_fused, convolution


def _conv_case(op: Callable[..., Tensor], variant: str, x: Maker, weight: Maker, **options: Any) -> Case:
    """A convolution of `x` with `weight`, linear in both."""
    return case(op.__name__, lambda x, weight: op(x, weight, **options), variant, "x weight", x=x, weight=weight)


def _triangle() -> list[Case]:
    """The three contractions themselves, for one awkward convolution."""
    geometry = conv_geometry((2, 5, 7, 4), (3, 2, 2, 6), stride=(2, 1), padding=((1, 0), (0, 2)), dilation=(1, 2), groups=2)
    plan = dispatch.plan(geometry, None)
    x, weight, y = normal(*geometry.x_shape), normal(*geometry.weight_shape), normal(*geometry.y_shape)
    return [
        case("convolve", lambda x, weight: conv.convolve(x, weight, plan=plan), "", "x weight", x=x, weight=weight),
        *(case(op.name, lambda x, weight, bias, op=op: op(x, weight, bias, plan=plan), "", "", x=x, weight=weight,
               bias=normal(geometry.out_channels)) for op in (conv_fused.convolve_add, conv_fused.convolve_relu)),
        case("convolve_prelu", lambda *inputs: conv_fused.convolve_prelu(*inputs, plan=plan), "", "", x=x, weight=weight,
             bias=normal(geometry.out_channels), slope=normal(geometry.out_channels)),
        case("input_adjoint", lambda y, weight: conv.input_adjoint(y, weight, plan=plan), "", "y weight", y=y, weight=weight),
        case("weight_adjoint", lambda x, y: conv.weight_adjoint(x, y, plan=plan), "", "x y", x=x, y=y),
    ]


KEEPS: dict[str, tuple[str, ...]] = {
    "convolve": ("weight", "x"),
    "convolve_add": ("weight", "x", ""),
    "convolve_relu": ("out weight", "out x", "out"),
    "convolve_prelu": ("x weight bias slope",) * 4,
    "input_adjoint": ("weight", "y"),
    "weight_adjoint": ("y", "x"),
}

CASES: list[Case] = [
    *_triangle(),
    _conv_case(convolution.conv1d, "stride 2, padding (1, 2)", normal(2, 7, 3), normal(4, 3, 5), stride=2, padding=(1, 2)),
    _conv_case(convolution.conv1d, "groups 2, dilation 2", normal(2, 8, 4), normal(3, 2, 6), groups=2, dilation=2),
    _conv_case(convolution.conv2d, "valid", normal(2, 5, 6, 3), normal(3, 2, 3, 4), padding="valid"),
    _conv_case(convolution.conv2d, "stride and padding per axis", normal(2, 5, 6, 3), normal(3, 2, 3, 4),
               stride=(2, 1), padding=((1, 0), (0, 2))),
    _conv_case(convolution.conv2d, "same, dilated, strided", normal(1, 6, 7, 2), normal(3, 2, 2, 3),
               padding="same", dilation=(1, 2), stride=(1, 3)),
    _conv_case(convolution.conv2d, "depthwise", normal(2, 4, 5, 3), normal(2, 3, 1, 6), groups=3, padding=(0, 1)),
    _conv_case(convolution.conv2d, "1x1", normal(2, 3, 4, 5), normal(1, 1, 5, 6)),
    case("conv2d", lambda x, weight, bias: convolution.conv2d(x, weight, bias, stride=(1, 2)), "bias", "",
         x=normal(2, 5, 6, 3), weight=normal(3, 2, 3, 4), bias=normal(4)),
    case("conv2d", lambda x, weight, bias: convolution.conv2d(x, weight, bias, activation="relu"), "relu", "",
         x=normal(2, 4, 5, 3), weight=normal(3, 2, 3, 4), bias=normal(4)),
    case("conv2d", lambda x, weight, bias, slope: convolution.conv2d(x, weight, bias, activation=slope), "prelu", "",
         x=normal(2, 4, 5, 3), weight=normal(3, 2, 3, 4), bias=normal(4), slope=normal(4)),
    _conv_case(convolution.conv3d, "stride and padding per axis", normal(2, 3, 5, 4, 2), normal(2, 1, 3, 2, 3),
               stride=(1, 2, 1), padding=(0, 1, (1, 0))),
    _conv_case(convolution.conv3d, "groups 2, dilation", normal(1, 4, 3, 5, 4), normal(2, 2, 1, 2, 6),
               groups=2, dilation=(2, 1, 3)),
    _conv_case(convolution.conv_transpose1d, "stride 3, padding (1, 0)", normal(2, 4, 5), normal(3, 2, 5),
               stride=3, padding=(1, 0)),
    _conv_case(convolution.conv_transpose1d, "groups 2, dilation 2", normal(2, 3, 6), normal(3, 2, 6), groups=2, dilation=2),
    _conv_case(convolution.conv_transpose2d, "stride and padding per axis", normal(2, 3, 4, 5), normal(3, 2, 2, 5),
               stride=(2, 1), padding=((1, 0), (0, 2))),
    _conv_case(convolution.conv_transpose2d, "same, groups 2", normal(1, 2, 3, 4), normal(3, 4, 2, 4),
               padding="same", stride=(2, 3), groups=2),
    case("conv_transpose2d", lambda x, weight, bias: convolution.conv_transpose2d(x, weight, bias, stride=2), "bias", "",
         x=normal(2, 3, 4, 5), weight=normal(3, 2, 2, 5), bias=normal(2)),
    _conv_case(convolution.conv_transpose3d, "stride and padding per axis", normal(1, 2, 3, 2, 4), normal(2, 1, 3, 3, 4),
               stride=(2, 1, 1), padding=(0, 0, (1, 2))),
    _conv_case(convolution.conv_transpose1d, "output padding of less than the stride", normal(2, 4, 3), normal(3, 2, 3),
               stride=3, padding=(1, 0), output_padding=2),
    _conv_case(convolution.conv_transpose2d, "output padding of more than the stride", normal(1, 3, 2, 4), normal(3, 2, 1, 4),
               stride=(1, 2), dilation=(3, 4), padding=((0, 1), (2, 0)), output_padding=(2, 3), groups=2),
    _conv_case(convolution.conv_transpose3d, "output padding per axis", normal(1, 2, 3, 2, 2), normal(2, 1, 2, 3, 2),
               stride=(2, 1, 3), output_padding=(1, 0, 2)),
]
