"""Convolution fused with what follows it: a bias, ReLU or PReLU on the way out of the kernel."""

from __future__ import annotations

from tinyconv.engine import Array, Tensor, primitive, sum_to
from tinyconv.kernels import dispatch, pointwise
from tinyconv.kernels.dispatch import Plan
from tinyconv.ops.activation import prelu
from tinyconv.ops.conv import input_adjoint, weight_adjoint
from tinyconv.ops.elementwise import select


@primitive
def convolve_add(x: Array, weight: Array, bias: Array, *, plan: Plan) -> Array:
    """`convolve`, and a number for each output channel added on the way."""
    return dispatch.conv(x, weight, plan, bias)


@primitive
def convolve_relu(x: Array, weight: Array, bias: Array, *, plan: Plan) -> Array:
    """`convolve_add`, and negative values set to 0 on the way."""
    return dispatch.conv(x, weight, plan, bias, "relu")


def _convolve_prelu_of_operations(x: Tensor, weight: Tensor, bias: Tensor, slope: Tensor, *, plan: Plan) -> Tensor:
    return prelu(convolve_add(x, weight, bias, plan=plan), slope)


@primitive(composite=_convolve_prelu_of_operations)
def convolve_prelu(x: Array, weight: Array, bias: Array, slope: Array, *, plan: Plan) -> Array:
    """`convolve_add`, and negative values times a slope for each channel on the way; the way back convolves again."""
    return dispatch.conv(x, weight, plan, bias, slope)


convolve_add.vjp(
    lambda g, weight, plan: input_adjoint(g, weight, plan=plan),
    lambda g, x, plan: weight_adjoint(x, g, plan=plan),
    lambda g, bias_shape: sum_to(g, bias_shape),
)
convolve_relu.vjp(
    lambda g, out, weight, plan: input_adjoint(select(g, mask=out.data > 0), weight, plan=plan),
    lambda g, out, x, plan: weight_adjoint(x, select(g, mask=out.data > 0), plan=plan),
    lambda g, out, bias_shape: sum_to(select(g, mask=out.data > 0), bias_shape),
)


def _convolve_add_rule(g: Array, live: tuple[bool, ...], x: Array, weight: Array, plan: Plan) -> list[Array | None]:
    """All gradients of `convolve_add`, on arrays."""
    return [dispatch.input_adjoint(g, weight, plan) if live[0] else None,
            dispatch.weight_adjoint(x, g, plan) if live[1] else None,
            pointwise.column_sums(g) if live[2] else None]


def _convolve_relu_rule(g: Array, live: tuple[bool, ...], out: Array, x: Array, weight: Array, plan: Plan) -> list[Array | None]:
    """All gradients of `convolve_relu`: what arrives is cut where the output is 0, once for all."""
    g, bias = pointwise.masked(g, out, "relu", bias=live[2])
    return [*_convolve_add_rule(g, (*live[:2], False), x, weight, plan)[:2], bias]


def _convolve_prelu_rule(g: Array, live: tuple[bool, ...], x: Array, weight: Array, bias: Array, slope: Array,
                         plan: Plan) -> list[Array | None]:
    """All gradients of `convolve_prelu`; what was bent is computed again."""
    y = dispatch.conv(x, weight, plan, bias)
    g_y, sums = pointwise.bend_adjoint(g, y, pointwise.broken_line(y, slope=slope))
    assert g_y is not None
    shares = _convolve_add_rule(g_y, (*live[:2], False), x, weight, plan)[:2]
    return [*shares, sums[0].astype(x.dtype), sums[2].astype(x.dtype)]


convolve_add.fast(_convolve_add_rule)
convolve_relu.fast(_convolve_relu_rule)
convolve_prelu.fast(_convolve_prelu_rule)
