"""Convolution and transposed convolution in one, two and three dimensions: what users call."""

from __future__ import annotations

from typing import Any

from tinyconv.engine import Tensor, as_tensors, recording
from tinyconv.errors import KernelError, ShapeError
from tinyconv.kernels import dispatch
from tinyconv.kernels.geometry import conv_geometry, conv_transpose_geometry
from tinyconv.ops.activation import prelu
from tinyconv.ops.conv import convolve, input_adjoint
from tinyconv.ops.conv_fused import convolve_add, convolve_prelu, convolve_relu
from tinyconv.ops.elementwise import relu


def conv1d(x: Any, weight: Any, bias: Any = None, *, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
           groups: int = 1, activation: Any = None, kernel: str | None = None) -> Tensor:
    """Convolution of signals: see `conv2d`, with x (N, L, C_in) and weight (kernel, C_in // groups, C_out)."""
    return _conv(1, x, weight, bias, stride, padding, dilation, groups, activation, kernel)


def conv2d(x: Any, weight: Any, bias: Any = None, *, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
           groups: int = 1, activation: Any = None, kernel: str | None = None) -> Tensor:
    """Convolution of images (cross-correlation, as in every ConvNet): windows of x times the weight, plus bias.

    y[n, i, j, c] = bias[c] + sum over u, v, k of
    x[n, i * stride + u * dilation - padding, j * stride + v * dilation - padding, k] * weight[u, v, k, c]

    Parameters
    ----------
    x : Tensor, (N, H, W, C_in)
    weight : Tensor, (kernel height, kernel width, C_in // groups, C_out)
    bias : Tensor, (C_out,), optional
    stride, dilation : positive int, or one per axis
    padding : non-negative int, an int or a (before, after) pair per axis, "same" (output = ceil(size / stride),
        an odd pixel goes to the end) or "valid" (none); the padding is zeros
    groups : channels are split into so many groups that do not see each other
    activation : None, "relu", or Tensor (C_out,) or (1,), the slopes of `prelu`
        What y goes through, in the same pass where that is faster.
    kernel : "reference", "im2col", "direct", "winograd" or "winograd_f2", for this call and its gradients; by default
        `use_kernel` or a table chooses, see `explain`

    Returns
    -------
    Tensor, (N, H_out, W_out, C_out) with H_out = floor((H + padding - dilation * (kernel - 1) - 1) / stride) + 1

    Raises
    ------
    ShapeError, DtypeError, KernelError

    Source: the course, "Convolutions over volume"; Dumoulin & Visin 2016, "A guide to convolution arithmetic".

    >>> import numpy as np
    >>> edges = np.array([1.0, 0, -1] * 3, np.float32).reshape(3, 3, 1, 1)
    >>> conv2d(np.ones((1, 6, 6, 1), np.float32), edges).shape
    (1, 4, 4, 1)
    """
    return _conv(2, x, weight, bias, stride, padding, dilation, groups, activation, kernel)


def conv3d(x: Any, weight: Any, bias: Any = None, *, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
           groups: int = 1, activation: Any = None, kernel: str | None = None) -> Tensor:
    """Convolution of volumes and clips: see `conv2d`, with x (N, D, H, W, C_in) and weight (*kernel, C_in // groups, C_out)."""
    return _conv(3, x, weight, bias, stride, padding, dilation, groups, activation, kernel)


def conv_transpose1d(x: Any, weight: Any, bias: Any = None, *, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
                     groups: int = 1, output_padding: Any = 0, kernel: str | None = None) -> Tensor:
    """The adjoint of `conv1d`: see `conv_transpose2d`."""
    return _conv_transpose(1, x, weight, bias, stride, padding, dilation, groups, output_padding, kernel)


def conv_transpose2d(x: Any, weight: Any, bias: Any = None, *, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
                     groups: int = 1, output_padding: Any = 0, kernel: str | None = None) -> Tensor:
    """The adjoint of `conv2d` with the same weight: <conv2d(a, w), b> = <a, conv_transpose2d(b, w)>.

    Parameters
    ----------
    x : Tensor, (N, H, W, C_in)
    weight : Tensor, (*kernel, C_out // groups, C_in)
        The shape of the convolution that is transposed: that one reads C_out channels and makes C_in.
    bias : Tensor, (C_out,), optional
    stride, padding, dilation, groups, kernel : as in `conv2d`; padding is cut off
    output_padding : non-negative int, or one per axis
        Rows and columns more at the end: a convolution with a stride gives several sizes of image the same output, and this
        tells which of them is wanted. Less than the stride or the dilation of its axis, and 0 with "same".

    Returns
    -------
    Tensor, (N, H_out, W_out, C_out) with H_out = (H - 1) * stride + dilation * (kernel - 1) + 1 - padding + output_padding,
    where padding is both sides'; with "same" padding H * stride

    Raises
    ------
    ShapeError, DtypeError, KernelError

    Source: Zeiler et al. 2010, "Deconvolutional Networks"; Dumoulin & Visin 2016, "A guide to convolution arithmetic".
    """
    return _conv_transpose(2, x, weight, bias, stride, padding, dilation, groups, output_padding, kernel)


def conv_transpose3d(x: Any, weight: Any, bias: Any = None, *, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
                     groups: int = 1, output_padding: Any = 0, kernel: str | None = None) -> Tensor:
    """The adjoint of `conv3d`: see `conv_transpose2d`."""
    return _conv_transpose(3, x, weight, bias, stride, padding, dilation, groups, output_padding, kernel)


def _conv(rank: int, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int,
          activation: Any, kernel: str | None) -> Tensor:
    x, weight = _checked(f"conv{rank}d", rank, x, weight)
    plan = dispatch.plan(conv_geometry(x.shape, weight.shape, stride, padding, dilation, groups), kernel, _stays(weight))
    if bias is not None:
        x, weight, bias = as_tensors(f"conv{rank}d", x, weight, bias)
        _check_bias(bias, weight.shape[-1])
    if activation is None:
        return convolve(x, weight, plan=plan) if bias is None else convolve_add(x, weight, bias, plan=plan)
    if isinstance(activation, str):
        if activation != "relu":
            raise KernelError(f"conv{rank}d: got activation={activation!r}, expected None, 'relu', or PReLU's slopes.")
        return relu(convolve(x, weight, plan=plan)) if bias is None else convolve_relu(x, weight, bias, plan=plan)
    if bias is not None and activation.shape == bias.shape and not recording():
        return convolve_prelu(x, weight, bias, activation, plan=plan)
    return prelu(convolve(x, weight, plan=plan) if bias is None else convolve_add(x, weight, bias, plan=plan), activation)


def _stays(weight: Tensor) -> bool:
    """Whether what is derived from a weight is worth keeping: it is frozen, or nothing is recorded that could change it."""
    return not weight.requires_grad or not recording()


def _conv_transpose(rank: int, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int,
                    output_padding: Any, kernel: str | None) -> Tensor:
    x, weight = _checked(f"conv_transpose{rank}d", rank, x, weight)
    geometry = conv_transpose_geometry(x.shape, weight.shape, stride, padding, dilation, groups, output_padding)
    y = input_adjoint(x, weight, plan=dispatch.plan(geometry, kernel, _stays(weight)))
    if bias is None:
        return y
    y, bias = as_tensors(f"conv_transpose{rank}d", y, bias)
    _check_bias(bias, y.shape[-1])
    return y + bias


def _checked(name: str, rank: int, x: Any, weight: Any) -> list[Tensor]:
    x, weight = as_tensors(name, x, weight)
    if x.ndim != rank + 2 or weight.ndim != rank + 2:
        raise ShapeError(f"{name}: got x {x.shape} and weight {weight.shape}, expected {rank + 2} axes each: "
                         "x (N, *size, C), weight (*kernel, C_in // groups, C_out).")
    return [x, weight]


def _check_bias(bias: Tensor, channels: int) -> None:
    if bias.shape != (channels,):
        raise ShapeError(f"convolution: bias has shape {bias.shape}, expected ({channels},), one per output channel.")
