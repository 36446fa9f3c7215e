"""Convolution of any rank as one triangle: three contractions, six one-line rules.

    <convolve(x, w), g>  =  <x, input_adjoint(g, w)>  =  <w, weight_adjoint(x, g)>

Each of the three is linear in both arguments, and its gradients are the other two: derivatives of every
order stay inside the triangle. `ops/convolution.py` makes of it what users call, conv2d and its family.
"""

from __future__ import annotations

from tinyconv.engine import Array, primitive
from tinyconv.kernels import dispatch
from tinyconv.kernels.dispatch import Plan


@primitive
def convolve(x: Array, weight: Array, *, plan: Plan) -> Array:
    """y: the windows of x, each times the weight."""
    return dispatch.conv(x, weight, plan)


@primitive
def input_adjoint(y: Array, weight: Array, *, plan: Plan) -> Array:
    """What arrives at y, sent back to the pixels of x it came from."""
    return dispatch.input_adjoint(y, weight, plan)


@primitive
def weight_adjoint(x: Array, y: Array, *, plan: Plan) -> Array:
    """What arrives at y, sent back to the weight."""
    return dispatch.weight_adjoint(x, y, plan)


convolve.vjp(
    lambda g, weight, plan: input_adjoint(g, weight, plan=plan),
    lambda g, x, plan: weight_adjoint(x, g, plan=plan),
)
input_adjoint.vjp(
    lambda g, weight, plan: convolve(g, weight, plan=plan),
    lambda g, y, plan: weight_adjoint(g, y, plan=plan),
)
weight_adjoint.vjp(
    lambda g, y, plan: input_adjoint(y, g, plan=plan),
    lambda g, x, plan: convolve(x, g, plan=plan),
)
