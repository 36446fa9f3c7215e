"""Training on signals: a heartbeat of 187 samples, and a longer one."""

from __future__ import annotations

from tinyconv.bench.workload import Learning, Workload
from tinyconv.models.convnet import signal_net

CLASSES = 5


def _training(kernel: int, length: int) -> Workload:
    return Workload(
        name=f"signal-{kernel}",
        sentence=f"training step of three 1-D convolutions of kernel {kernel} with ReLU (1-32-64-128 channels), mean over time "
                 f"and a linear layer, {length} samples, batch 64, cross entropy, SGD",
        task="classify", shape=(64, length, 1), net=lambda rng: signal_net(kernel, CLASSES, rng), classes=CLASSES,
        learning=Learning("sgd", 0.01),
    )


WORKLOADS = (_training(5, 187), _training(15, 1024))
