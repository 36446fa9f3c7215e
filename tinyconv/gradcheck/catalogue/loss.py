"""The cases of losses."""

from __future__ import annotations

import numpy as np

from tinyconv.gradcheck.case import Case
from tinyconv.gradcheck.catalogue.makers import case
from tinyconv.gradcheck.inputs import distinct, normal, probability
from tinyconv.ops import loss

PARTLY = [[0, 1, 0.3], [1, 0, 0.8]]  # a list takes the dtype of the tensor it meets
LABELS = np.array([2, 0, 3, 2, 1])

KEEPS: dict[str, tuple[str, ...]] = {  # the others are made of other operations
    "cross_entropy": ("logits",),
}

CASES: list[Case] = [
    case("mse", loss.mse, prediction=normal(3, 4), target=normal(3, 4)),
    case("huber", loss.huber, prediction=distinct(3, 4), target=distinct(3, 4, start=0.05)),
    case("huber", lambda prediction, target: loss.huber(prediction, target, delta=0.3), "delta 0.3",
         prediction=distinct(3, 4), target=distinct(3, 4, start=0.05)),
    case("cross_entropy", lambda logits: loss.cross_entropy(logits, LABELS), logits=normal(5, 4)),
    case("bce_with_logits", lambda logits: loss.bce_with_logits(logits, PARTLY), "constant targets", logits=normal(2, 3)),
    case("bce_with_logits", loss.bce_with_logits, logits=normal(2, 3), targets=probability(2, 3)),
    case("kl_divergence", lambda log_q: loss.kl_divergence(log_q, PARTLY), "with zeros", log_q=normal(2, 3)),
    case("kl_divergence", loss.kl_divergence, log_q=normal(2, 3, 4), p=probability(2, 3, 4)),
]
