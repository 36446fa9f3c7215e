"""The cases of resizing."""

from __future__ import annotations

from tinyconv.gradcheck.case import Case
from tinyconv.gradcheck.catalogue.makers import case, options_case
from tinyconv.gradcheck.inputs import normal
from tinyconv.kernels import resampling
from tinyconv.ops import resize

KEEPS: dict[str, tuple[str, ...]] = {
    "resample": ("",),
}

CASES: list[Case] = [
    case("resample", lambda x: resize.resample(x, taps=resampling.linear(4, 7, False), axis=1), "linear", "x", x=normal(2, 4, 3)),
    case("resample", lambda x: resize.resample(x, taps=resampling.adaptive_sum(5, 3), axis=2), "sums", "x", x=normal(2, 3, 5)),
    options_case(resize.resize_bilinear, "1-D, larger", normal(2, 4, 3), linear="x", size=7),
    options_case(resize.resize_bilinear, "larger and smaller", normal(2, 3, 6, 2), linear="x", size=(5, 4)),
    options_case(resize.resize_bilinear, "corners aligned", normal(2, 3, 5, 2), linear="x", size=(7, 2), align_corners=True),
    options_case(resize.resize_bilinear, "to and from one pixel", normal(2, 1, 5, 2), linear="x", size=(3, 1),
                 align_corners=True),
    options_case(resize.resize_bilinear, "3-D", normal(1, 2, 3, 4, 2), linear="x", size=(3, 5, 2)),
    options_case(resize.resize_nearest, "1-D, smaller", normal(2, 7, 3), linear="x", size=4),
    options_case(resize.resize_nearest, "larger and smaller", normal(2, 3, 7, 2), linear="x", size=(5, 3)),
    options_case(resize.resize_nearest, "3-D, one axis kept", normal(1, 2, 3, 4, 2), linear="x", size=(3, None, 7)),
    options_case(resize.upsample_nearest, "1-D", normal(2, 3, 4), linear="x", scale=3),
    options_case(resize.upsample_nearest, "2-D per axis", normal(2, 3, 4, 2), linear="x", scale=(3, 2)),
    options_case(resize.upsample_nearest, "3-D", normal(1, 2, 3, 4, 2), linear="x", scale=(1, 3, 2)),
]
