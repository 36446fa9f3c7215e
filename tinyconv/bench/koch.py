"""Training Koch's Siamese net, whose kernels are large."""

from __future__ import annotations

from tinyconv.bench.workload import Learning, Workload
from tinyconv.models.koch import koch_net

PAIRS = 32

WORKLOADS = (Workload(
    name="koch",
    sentence=f"training step of Koch's Siamese net on {PAIRS} pairs, that is {2 * PAIRS} drawings of 105 x 105 x 1 as one batch "
             "through one tower (10x10, 7x7, 4x4, 4x4 convolutions, ReLU, max pools, 4096 sigmoids), binary cross entropy, "
             "SGD with momentum",
    task="verify", shape=(2 * PAIRS, 105, 105, 1), net=koch_net, learning=Learning("sgd", 3e-4, momentum=0.5),
),)
