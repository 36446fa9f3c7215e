"""Neural style transfer: one step on the picture, through VGG-19 and back."""

from __future__ import annotations

from tinyconv.bench.workload import Learning, Workload
from tinyconv.models.vgg import vgg19_features


def _painting(side: int) -> Workload:
    return Workload(
        name=f"style-{side}",
        sentence=f"style step on one {side} x {side} picture: VGG-19 to conv5_1 (frozen, random He weights, max pools), five "
                 "mean-Gram style costs, content cost at conv4_2, backward to the picture, SGD",
        task="paint", shape=(1, side, side, 3), net=vgg19_features, learning=Learning("sgd", 1.0),
    )


WORKLOADS = (_painting(256), _painting(512))
