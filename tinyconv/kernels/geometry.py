"""The only shape arithmetic: what a window is, where it may stand, how many stands there are.

Everything is channels last: x is (N, *size, C), a weight is (*kernel_size, C_in // groups, C_out).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.errors import ShapeError
from tinyconv.kernels.scalars import is_int, is_positive_int

Shape = tuple[int, ...]
Pairs = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Windows:
    """Where a window of `kernel_size` stands on an image of `size`, one number per spatial axis.

    Attributes
    ----------
    padding : (before, after) per axis
    out : number of stands per axis
    """

    size: Shape
    kernel_size: Shape
    stride: Shape
    padding: Pairs
    dilation: Shape
    out: Shape

    def tap(self, offsets: Shape) -> tuple[slice, ...]:
        """The slices of a padded image that the window element at `offsets` sees, over all stands."""
        axes = zip(offsets, self.dilation, self.stride, self.out, strict=True)
        return tuple(slice(o * d, o * d + (n - 1) * s + 1, s) for o, d, s, n in axes)

    @property
    def reach(self) -> Shape:
        """Size of the padded image that the windows touch, at least as large as the padded image."""
        axes = zip(self.size, self.kernel_size, self.stride, self.padding, self.dilation, self.out, strict=True)
        return tuple(max(n + sum(p), (m - 1) * s + (k - 1) * d + 1) for n, k, s, p, d, m in axes)

    def inside_taps(self, axis: int, padded: bool = False) -> NDArray[np.bool_]:
        """Which taps of each stand along `axis` see the image or, with `padded`, the image with its padding: (out, kernel)."""
        before, after = self.padding[axis]
        starts = np.arange(self.out[axis]) * self.stride[axis] - before
        seen = starts[:, None] + np.arange(self.kernel_size[axis]) * self.dilation[axis]
        low, high = (-before, self.size[axis] + after) if padded else (0, self.size[axis])
        return (seen >= low) & (seen < high)

    @property
    def inside(self) -> tuple[slice, ...]:
        """The slices of the padded image that hold the image itself."""
        return tuple(slice(p[0], p[0] + n) for p, n in zip(self.padding, self.size, strict=True))


@dataclass(frozen=True)
class ConvGeometry(Windows):
    """Windows with channels: one convolution, as all three contractions see it."""

    batch: int
    in_channels: int
    out_channels: int
    groups: int

    @property
    def x_shape(self) -> Shape:
        return (self.batch, *self.size, self.in_channels)

    @property
    def weight_shape(self) -> Shape:
        return (*self.kernel_size, self.in_channels // self.groups, self.out_channels)

    @property
    def y_shape(self) -> Shape:
        return (self.batch, *self.out, self.out_channels)

    @property
    def flops(self) -> int:
        """Multiplications plus additions of one contraction."""
        return 2 * math.prod(self.y_shape) * math.prod(self.weight_shape[:-1])


def conv_geometry(
    x_shape: Shape, weight_shape: Shape, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> ConvGeometry:
    """The geometry of conv(x, weight); `padding` is an int, an int or a pair per axis, "same" or "valid"."""
    try:
        return _remembered(x_shape, weight_shape, stride, padding, dilation, groups)
    except TypeError:  # a list cannot be looked up
        return _conv_geometry(x_shape, weight_shape, stride, padding, dilation, groups)


def _conv_geometry(x_shape: Shape, weight_shape: Shape, stride: Any, padding: Any, dilation: Any, groups: int) -> ConvGeometry:
    name, channels = f"conv{len(weight_shape) - 2}d", x_shape[-1]
    _check_rank(name, x_shape, weight_shape)
    _check_groups(name, groups, channels, weight_shape[-1])
    if weight_shape[-2] * groups != channels:
        raise ShapeError(f"{name}: x has {channels} channels {x_shape} but weight expects {weight_shape[-2] * groups} "
                         f"{weight_shape}; check in_channels{' and groups' if groups > 1 else ''}.")
    windows = _windows(name, x_shape[1:-1], weight_shape[:-2], stride, padding, dilation)
    return ConvGeometry(**vars(windows), batch=x_shape[0], in_channels=channels,
                        out_channels=weight_shape[-1], groups=int(groups))


_remembered = functools.lru_cache(maxsize=1024, typed=True)(_conv_geometry)  # a net asks the same again at every step


def conv_transpose_geometry(
    y_shape: Shape, weight_shape: Shape, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1,
    output_padding: Any = 0,
) -> ConvGeometry:
    """The geometry of the convolution whose output has `y_shape` and whose input adjoint is wanted.

    Of the input sizes that give this output the smallest is taken, plus `output_padding`; with "same" it is size * stride.
    """
    name, rank = f"conv_transpose{len(weight_shape) - 2}d", len(weight_shape) - 2
    _check_rank(name, y_shape, weight_shape)
    _check_groups(name, groups, y_shape[-1], weight_shape[-1])
    if y_shape[-1] != weight_shape[-1]:
        raise ShapeError(f"{name}: x has {y_shape[-1]} channels {y_shape} but weight expects {weight_shape[-1]} "
                         f"{weight_shape}; its shape is that of the convolution it transposes, "
                         "(*kernel, out_channels // groups, in_channels).")
    strides, dilations = per_axis(name, "stride", stride, rank), per_axis(name, "dilation", dilation, rank)
    spans = [(n - 1) * s + (k - 1) * d + 1 for n, k, s, d in
             zip(y_shape[1:-1], weight_shape[:-2], strides, dilations, strict=True)]
    extra = per_axis(name, "output_padding", output_padding, rank, least=0)
    if isinstance(padding, str) and padding == "same":
        if any(extra):
            raise ShapeError(f"{name}: got output_padding {output_padding!r} with 'same', whose output is size * stride; "
                             "use 0, or give the padding in numbers.")
        size = tuple(n * s for n, s in zip(y_shape[1:-1], strides, strict=True))
    else:
        if any(more and more >= max(s, d) for more, s, d in zip(extra, strides, dilations, strict=True)):
            raise ShapeError(f"{name}: output_padding is {output_padding!r}, expected less than the stride {strides} "
                             f"or the dilation {dilations} of its axis.")
        pairs = _padding(name, padding, tuple(spans), weight_shape[:-2], strides, dilations)
        size = tuple(span - sum(pair) + more for span, pair, more in zip(spans, pairs, extra, strict=True))
    if min(size, default=1) < 1:
        raise ShapeError(f"{name}: x {y_shape} with padding {padding} leaves an image of {size}; use less padding.")
    x_shape = (y_shape[0], *size, weight_shape[-2] * groups)
    geometry = conv_geometry(x_shape, weight_shape, stride, padding, dilation, groups)
    return replace(geometry, out=y_shape[1:-1])  # an output_padding of a stride or more has room for more stands than there are


def pool_windows(
    x_shape: Shape, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    rank: int = 2, kind: str = "pool",
) -> Windows:
    """The windows of a pooling layer; with `ceil_mode` a last window may hang over the end of the padded image.

    `kind` is what errors call it: "max_pool", "avg_pool".
    """
    name = f"{kind}{rank}d"
    if len(x_shape) != rank + 2:
        axes = {1: "(N, L, C)", 2: "(N, H, W, C)", 3: "(N, D, H, W, C)"}[rank]
        raise ShapeError(f"{name}: got x of shape {x_shape}, expected {rank + 2} axes {axes}.")
    kernel = per_axis(name, "kernel_size", kernel_size, rank)
    windows = _windows(name, x_shape[1:-1], kernel, kernel if stride is None else stride, padding, dilation, ceil_mode)
    for axis, pair in enumerate(windows.padding):
        if not windows.inside_taps(axis).any(axis=1).all():
            raise ShapeError(f"{name}: padding {pair} on an axis of {windows.size[axis]} leaves a window of {kernel[axis]} "
                             "without a single pixel; use less padding.")
    return windows


def spatial_size(name: str, x_shape: Shape, size: Any) -> Shape:
    """The `size` that the function `name` should give each spatial axis of x: an int, or one per axis; None keeps an axis."""
    rank = len(x_shape) - 2
    if rank not in (1, 2, 3):
        raise ShapeError(f"{name}: got x of shape {x_shape}, expected (N, *size, C) with one, two or three spatial axes.")
    if isinstance(size, Sequence) and len(size) == rank:
        size = tuple(n if m is None else m for n, m in zip(x_shape[1:-1], size, strict=True))
    return per_axis(name, "the output size", x_shape[1:-1] if size is None else size, rank)


def per_axis(name: str, what: str, value: Any, rank: int, least: int = 1) -> Shape:
    """`value` of the option `what`, an int of at least `least` or one for each of `rank` axes, as one for each axis."""
    values = (value,) * rank if is_int(value) else tuple(value) if isinstance(value, Sequence) else (value,)
    if len(values) != rank or not all(is_int(v) and v >= least for v in values):
        kind = "positive" if least == 1 else "non-negative"
        raise ShapeError(f"{name}: {what} is {value!r}, expected a {kind} int, or one for each of {rank} axes.")
    return tuple(int(v) for v in values)


def _check_rank(name: str, x_shape: Shape, weight_shape: Shape) -> None:
    rank = len(weight_shape) - 2
    if rank not in (1, 2, 3) or len(x_shape) != rank + 2:
        raise ShapeError(f"{name}: got x {x_shape} and weight {weight_shape}, expected x (N, *size, C) and weight "
                         "(*kernel, C_in // groups, C_out) with one, two or three spatial axes each.")
    if min(weight_shape) < 1 or min(x_shape[1:]) < 1:
        raise ShapeError(f"{name}: got x {x_shape} and weight {weight_shape}, expected every size but the batch "
                         "to be at least 1.")


def _check_groups(name: str, groups: Any, channels: int, out_channels: int) -> None:
    if not is_positive_int(groups) or channels % groups or out_channels % groups:
        raise ShapeError(f"{name}: groups is {groups!r}, expected a positive int that divides {channels} and {out_channels} "
                         "channels.")


def _padding(name: str, padding: Any, size: Shape, kernel: Shape, stride: Shape, dilation: Shape) -> Pairs:
    rank = len(size)
    if isinstance(padding, str) and padding == "valid":
        return ((0, 0),) * rank
    if isinstance(padding, str) and padding == "same":  # output = ceil(size / stride); an odd pixel goes to the end
        totals = [max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
                  for n, k, s, d in zip(size, kernel, stride, dilation, strict=True)]
        return tuple((t // 2, t - t // 2) for t in totals)
    entries: Any = (padding,) * rank if is_int(padding) else padding
    if rank == 1 and isinstance(entries, Sequence) and len(entries) == 2 and all(map(is_int, entries)):
        entries = (entries,)  # one axis: its pair may stand alone
    pairs = [(e, e) if is_int(e) else e for e in entries] if isinstance(entries, list | tuple) else []
    good = [isinstance(p, Sequence) and len(p) == 2 and all(is_int(n) and n >= 0 for n in p) for p in pairs]
    if len(pairs) != rank or not all(good):
        raise ShapeError(f"{name}: padding is {padding!r}, expected a non-negative int, an int or a (before, after) "
                         f"pair for each of {rank} axes, 'same' or 'valid'.")
    return tuple((int(a), int(b)) for a, b in pairs)


def _windows(
    name: str, size: Shape, kernel: Shape, stride: Any, padding: Any, dilation: Any, ceil_mode: bool = False
) -> Windows:
    rank = len(size)
    strides, dilations = per_axis(name, "stride", stride, rank), per_axis(name, "dilation", dilation, rank)
    pairs = _padding(name, padding, size, kernel, strides, dilations)
    out = []
    for n, k, s, pair, d in zip(size, kernel, strides, pairs, dilations, strict=True):
        free = n + sum(pair) - (k - 1) * d - 1
        if free < 0:
            raise ShapeError(f"{name}: a window of {(k - 1) * d + 1} does not fit an image of {n} + {sum(pair)} padding; "
                             "use a smaller kernel or dilation, or more padding.")
        stands = -(-free // s) + 1 if ceil_mode else free // s + 1
        if ceil_mode and (stands - 1) * s >= n + pair[0]:
            stands -= 1  # a last window must begin inside the image or the padding before it
        out.append(stands)
    return Windows(size, kernel, strides, pairs, dilations, tuple(out))
