"""The cases of dropout: the generator is made anew at each call, so that the same elements are left out."""

from __future__ import annotations

import numpy as np

from tinyconv.gradcheck.case import Case
from tinyconv.gradcheck.catalogue.makers import case
from tinyconv.gradcheck.inputs import normal
from tinyconv.ops.dropout import dropout

KEEPS: dict[str, tuple[str, ...]] = {}

CASES: list[Case] = [
    case("dropout", lambda x: dropout(x, 0.4, np.random.default_rng(7)), "rate 0.4", "x", x=normal(3, 4, 5)),
    case("dropout", lambda x: dropout(x, 0.9, np.random.default_rng(7)), "rate 0.9", "x", x=normal(20, 5)),
]
