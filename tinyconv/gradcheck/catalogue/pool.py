"""The cases of windows: pooling, and what it is made of."""

from __future__ import annotations

import numpy as np

from tinyconv.gradcheck.case import Case
from tinyconv.gradcheck.catalogue.makers import case, options_case
from tinyconv.gradcheck.inputs import distinct, normal
from tinyconv.kernels import pooling
from tinyconv.kernels.geometry import pool_windows
from tinyconv.ops import pool


def _window_adjoints() -> list[Case]:
    """What pooling is made of, for one awkward set of windows."""
    windows = pool_windows((2, 5, 7, 3), (3, 2), stride=(2, 1), padding=(1, 0), ceil_mode=True)
    chosen = pooling.argmax(distinct(2, 5, 7, 3)(np.random.default_rng(0)), windows)
    x, y = normal(2, 5, 7, 3), normal(*chosen.shape)
    return [
        case("largest_in_windows", lambda x: pool.largest_in_windows(
            x, chosen=pooling.empty_choice(x.data, windows), windows=windows), x=distinct(2, 5, 7, 3)),
        case("gather_windows", lambda x: pool.gather_windows(x, chosen=chosen, windows=windows), "", "x", x=x),
        case("scatter_windows", lambda y: pool.scatter_windows(y, chosen=chosen, windows=windows), "", "y", y=y),
        case("sum_windows", lambda x: pool.sum_windows(x, windows=windows), "", "x", x=x),
        case("spread_windows", lambda y: pool.spread_windows(y, windows=windows), "", "y", y=y),
    ]


KEEPS: dict[str, tuple[str, ...]] = {
    "largest_in_windows": ("",),
    "gather_windows": ("",),
    "scatter_windows": ("",),
    "sum_windows": ("",),
    "spread_windows": ("",),
}

CASES: list[Case] = [
    *_window_adjoints(),
    options_case(pool.max_pool1d, "overlapping, padding", distinct(2, 7, 3), kernel_size=3, stride=2, padding=1),
    options_case(pool.max_pool2d, "", distinct(2, 4, 6, 3), kernel_size=2),
    options_case(pool.max_pool2d, "per axis, overlapping, ceil, padding", distinct(2, 5, 8, 3),
                 kernel_size=(2, 3), stride=(2, 1), padding=(1, 0), ceil_mode=True),
    options_case(pool.max_pool2d, "dilation", distinct(1, 6, 7, 2), kernel_size=(3, 2), stride=1, dilation=(2, 3)),
    options_case(pool.max_pool3d, "ceil", distinct(1, 3, 5, 4, 2), kernel_size=(2, 3, 1), stride=(1, 2, 3), ceil_mode=True),
    options_case(pool.avg_pool1d, "overlapping, padding", normal(2, 7, 3), linear="x", kernel_size=3, stride=2, padding=1),
    options_case(pool.avg_pool2d, "", normal(2, 4, 6, 3), linear="x", kernel_size=2),
    options_case(pool.avg_pool2d, "per axis, ceil, padding not counted", normal(2, 5, 8, 3), linear="x",
                 kernel_size=(2, 3), stride=(2, 1), padding=(1, 0), ceil_mode=True, count_include_pad=False),
    options_case(pool.avg_pool3d, "per axis", normal(1, 3, 5, 4, 2), linear="x",
                 kernel_size=(2, 3, 1), stride=(1, 2, 3), padding=(0, 1, 0)),
    options_case(pool.global_avg_pool, "2-D", normal(2, 3, 5, 4), linear="x"),
    options_case(pool.global_avg_pool, "3-D", normal(2, 3, 2, 4, 3), linear="x"),
    options_case(pool.global_max_pool, "1-D", distinct(3, 5, 2)),
    options_case(pool.global_max_pool, "2-D", distinct(2, 3, 5, 4)),
]
