"""The cases of distances between rows."""

from __future__ import annotations

from tinyconv.engine import Tensor
from tinyconv.gradcheck.case import Case
from tinyconv.gradcheck.catalogue.makers import case
from tinyconv.gradcheck.inputs import normal
from tinyconv.ops import distance

KEEPS: dict[str, tuple[str, ...]] = {
    "squared_distances": ("x y", "x y"),
}


def _of(metric: str) -> list[Case]:
    def between(x: Tensor, y: Tensor | None = None) -> Tensor:
        return distance.pairwise_distances(x, y, metric)

    def paired(x: Tensor, y: Tensor) -> Tensor:
        return distance.paired_distances(x, y, metric)

    return [case("pairwise_distances", between, metric, x=normal(3, 4), y=normal(5, 4)),
            case("pairwise_distances", between, f"{metric}, with itself", x=normal(4, 3)),
            case("paired_distances", paired, metric, x=normal(4, 3), y=normal(4, 3))]


CASES: list[Case] = [
    case("squared_distances", distance.squared_distances, x=normal(3, 4), y=normal(5, 4)),
    *(case for metric in distance.METRICS for case in _of(metric)),
]
