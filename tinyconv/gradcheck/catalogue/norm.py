"""The cases of normalization: by the batch, the image, the group, the pixel, and by neighbouring channels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinyconv.engine import Tensor
from tinyconv.gradcheck.case import Case
from tinyconv.gradcheck.catalogue.makers import case, options_case
from tinyconv.gradcheck.inputs import Maker, distinct, normal, positive
from tinyconv.ops import norm


def _affine_case(op: Callable[..., Tensor], variant: str, x: Maker, *shape: int, **options: Any) -> Case:
    """A normalization with weight and bias of `shape`."""
    return case(op.__name__, lambda x, weight, bias: op(x, weight, bias, **options), variant,
                x=x, weight=normal(*shape), bias=normal(*shape))


RUNNING_MEAN, RUNNING_VAR = np.linspace(-1, 1, 4), np.linspace(0.5, 2, 4)

KEEPS: dict[str, tuple[str, ...]] = {}

CASES: list[Case] = [
    options_case(norm.batch_norm, "no weight", normal(3, 2, 5, 4)),
    options_case(norm.batch_norm, "no spatial axes, a large eps", normal(5, 3), eps=0.5),
    _affine_case(norm.batch_norm, "weight and bias", normal(2, 3, 2, 4), 4),
    _affine_case(norm.batch_norm, "relu", normal(2, 3, 2, 4), 4, activation="relu"),
    case("batch_norm", lambda x, slopes: norm.batch_norm(x, activation=slopes), "prelu", "",
         x=distinct(3, 5, 4), slopes=normal(1)),
    _affine_case(norm.batch_norm, "3-D", normal(2, 3, 2, 4, 3), 3),
    case("batch_norm", lambda x, mean, var: norm.batch_norm(x, mean=mean, var=var), "given mean and var", "",
         x=normal(2, 3, 4), mean=normal(4), var=positive(4)),
    case("batch_norm", lambda x, weight: norm.batch_norm(
        x, weight, mean=RUNNING_MEAN.astype(x.dtype), var=RUNNING_VAR.astype(x.dtype)), "running mean and var", "weight",
         x=normal(2, 3, 4), weight=normal(4)),
    options_case(norm.instance_norm, "1-D, no weight", normal(2, 5, 3)),
    _affine_case(norm.instance_norm, "weight and bias", normal(2, 3, 4, 5), 5),
    options_case(norm.layer_norm, "channels", normal(2, 3, 5)),
    _affine_case(norm.layer_norm, "all but the batch", normal(2, 3, 2, 4), 3, 2, 4, axes=(1, 2, 3)),
    _affine_case(norm.layer_norm, "axes (2, 0)", normal(3, 2, 4), 3, 4, axes=(2, 0)),
    case("group_norm", lambda x: norm.group_norm(x, 2), "no weight", x=normal(2, 5, 6)),
    case("group_norm", lambda x, weight, bias: norm.group_norm(x, 3, weight, bias), "weight and bias",
         x=normal(2, 3, 2, 6), weight=normal(6), bias=normal(6)),
    options_case(norm.local_response_norm, "size 3", normal(2, 3, 2, 5), size=3, alpha=0.7, beta=0.6, k=1.5),
    options_case(norm.local_response_norm, "even size, more than there are channels", normal(2, 3, 3), size=4, alpha=2.0),
]
