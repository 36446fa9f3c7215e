"""The cases of values that are chosen, then gathered."""

from __future__ import annotations

import numpy as np

from tinyconv.gradcheck.case import Case
from tinyconv.gradcheck.catalogue.makers import case
from tinyconv.gradcheck.inputs import distinct, normal
from tinyconv.ops import gather

REPEATED = np.array([[[0, 2, 2, 1]], [[1, -1, 0, 0]]])  # (2, 1, 4)

KEEPS: dict[str, tuple[str, ...]] = {}  # an index, then `getitem`

CASES: list[Case] = [
    case("take_along_axis", lambda x: gather.take_along_axis(x, REPEATED, axis=-1), "repeated, broadcast", "x",
         x=normal(2, 5, 3)),
    case("take_along_axis", lambda x: gather.take_along_axis(x, REPEATED[:1], axis=1), "axis=1", "x", x=normal(1, 3, 4)),
    case("top_k", lambda x: gather.top_k(x, 2)[0], x=distinct(3, 5)),
    case("top_k", lambda x: gather.top_k(x, 3, axis=1)[0], "all of axis 1", x=distinct(2, 3, 4)),
]
