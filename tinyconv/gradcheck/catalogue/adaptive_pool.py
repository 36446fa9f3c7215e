"""The cases of adaptive pooling."""

from __future__ import annotations

from tinyconv.gradcheck.case import Case
from tinyconv.gradcheck.catalogue.makers import options_case
from tinyconv.gradcheck.inputs import distinct, normal
from tinyconv.ops import adaptive_pool

KEEPS: dict[str, tuple[str, ...]] = {}

CASES: list[Case] = [
    options_case(adaptive_pool.adaptive_avg_pool1d, "shared pixels", normal(2, 7, 3), linear="x", output_size=4),
    options_case(adaptive_pool.adaptive_avg_pool2d, "larger and smaller", normal(2, 3, 7, 2), linear="x", output_size=(5, 2)),
    options_case(adaptive_pool.adaptive_avg_pool3d, "one axis kept", normal(1, 3, 4, 5, 2), linear="x", output_size=(2, None, 1)),
    options_case(adaptive_pool.adaptive_max_pool1d, "shared pixels", distinct(2, 7, 3), output_size=4),
    options_case(adaptive_pool.adaptive_max_pool2d, "larger and smaller", distinct(2, 3, 7, 2), output_size=(5, 2)),
    options_case(adaptive_pool.adaptive_max_pool2d, "windows apart", distinct(2, 4, 6, 2), output_size=(2, 3)),
    options_case(adaptive_pool.adaptive_max_pool3d, "one axis kept", distinct(1, 3, 4, 5, 2), output_size=(2, None, 1)),
]
