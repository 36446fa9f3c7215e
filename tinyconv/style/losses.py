"""What the course minimises: content cost, style cost by Gram matrices, and the total variation of the picture."""

from __future__ import annotations

from typing import Any

from tinyconv.engine import Tensor, as_tensor
from tinyconv.errors import ShapeError
from tinyconv.ops.elementwise import abs as absolute
from tinyconv.ops.linear import gram_matrix
from tinyconv.ops.reduce import mean
from tinyconv.ops.reduce import sum as total


def gram(a: Any) -> Tensor:
    """How often channels are active together: G[n, k, k'] = sum over i, j of a[n, i, j, k] * a[n, i, j, k'].

    Parameters
    ----------
    a : Tensor, (N, H, W, C)

    Returns
    -------
    Tensor, (N, C, C), symmetric. Source: the course, "Style cost function".

    >>> import numpy as np
    >>> gram(np.array([[[[1, 2]], [[3, 4]]]], np.float32)).data
    array([[[10., 14.],
            [14., 20.]]], dtype=float32)
    """
    a = as_tensor(a)
    if a.ndim != 4:
        raise ShapeError(f"gram: got activations of shape {a.shape}, expected (N, H, W, C).")
    return gram_matrix(a.reshape(a.shape[0], -1, a.shape[-1]))


def content_cost(content: Any, generated: Any) -> Tensor:
    """Mean square difference of two activations (N, H, W, C): what is where in the picture."""
    content, generated = as_tensor(content), as_tensor(generated)
    if content.shape != generated.shape:
        raise ShapeError(f"content_cost: activations {content.shape} and {generated.shape} must have one shape.")
    difference = generated - content
    return mean(difference * difference)


def style_cost(style_gram: Any, generated: Any) -> Tensor:
    """Distance between a style's mean Gram matrix and that of `generated`: which channels go together, nowhere in particular.

    1 / (2 C)^2 * sum over k, k' of (G_style / P_style - G_generated / P)^2, with P = H * W pixels: the course's
    1 / (2 H W C)^2 when both images have the same size.

    Parameters
    ----------
    style_gram : Tensor, (N, C, C)
        `mean_gram` of the style image's activation, computed once.
    generated : Tensor, (N, H, W, C)
    """
    style_gram, generated = as_tensor(style_gram), as_tensor(generated)
    channels = generated.shape[-1]
    if style_gram.shape[-2:] != (channels, channels):
        raise ShapeError(f"style_cost: a Gram matrix {style_gram.shape} does not fit activations {generated.shape}; "
                         "both must come from the same layer.")
    difference = mean_gram(generated) - style_gram
    return total(difference * difference) / (2 * channels) ** 2


def mean_gram(a: Any) -> Tensor:
    """`gram` divided by the number of pixels, so that pictures of different sizes compare."""
    a = as_tensor(a)
    return gram(a) / (a.shape[1] * a.shape[2])


def total_variation(image: Any) -> Tensor:
    """Mean absolute difference between neighbouring pixels of (N, H, W, C): noise costs, flat areas do not."""
    image = as_tensor(image)
    return mean(absolute(image[:, 1:] - image[:, :-1])) + mean(absolute(image[:, :, 1:] - image[:, :, :-1]))
