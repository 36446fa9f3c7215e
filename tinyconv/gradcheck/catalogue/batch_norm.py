"""The cases of batch norm's fused operations."""

from __future__ import annotations

from tinyconv.engine import Tensor
from tinyconv.gradcheck.case import Case
from tinyconv.gradcheck.catalogue.makers import case
from tinyconv.gradcheck.inputs import distinct, normal, positive
from tinyconv.kernels import pooling
from tinyconv.kernels.geometry import pool_windows
from tinyconv.ops import batch_norm
from tinyconv.ops.standardize import moments


def _normalize(x: Tensor, weight: Tensor, bias: Tensor, slope: Tensor) -> Tensor:
    return batch_norm.normalize(x, weight, bias, slope, found=moments(x.data, (0, 1, 2), 1e-5))


def _normalize_and_pool(x: Tensor, weight: Tensor, bias: Tensor, slope: Tensor) -> Tensor:
    windows = pool_windows(x.shape, (2, 3), ceil_mode=True)
    return batch_norm.normalize_and_pool(x, weight, bias, slope, found=moments(x.data, (0, 1, 2), 1e-5), windows=windows,
                                         chosen=pooling.empty_choice(x.data, windows))


KEEPS: dict[str, tuple[str, ...]] = {
    "broken_line": ("x centre scale shift slope",) * 5,
    "normalize": ("x weight bias slope",) * 4,
    "normalize_and_pool": ("x weight bias slope",) * 4,
}

CASES: list[Case] = [
    case("broken_line", batch_norm.broken_line, "a slope for each channel",
         x=normal(2, 3, 4), centre=normal(4), scale=normal(4), shift=normal(4), slope=normal(4)),
    case("broken_line", batch_norm.broken_line, "one slope",
         x=normal(5, 3), centre=normal(3), scale=normal(3), shift=normal(3), slope=normal(1)),
    case("normalize", _normalize, "a slope for each channel",
         x=normal(2, 3, 2, 4), weight=normal(4), bias=normal(4), slope=normal(4)),
    case("normalize", _normalize, "one slope", x=normal(2, 3, 2, 4), weight=normal(4), bias=normal(4), slope=normal(1)),
    case("normalize_and_pool", _normalize_and_pool, "a slope for each channel",
         x=distinct(2, 5, 7, 3), weight=positive(3), bias=normal(3), slope=normal(3)),
]
