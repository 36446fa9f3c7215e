"""Training a VGG-like classifier on pictures of CIFAR-10's size."""

from __future__ import annotations

from tinyconv.bench.workload import Learning, Workload
from tinyconv.models.vgg import vgg_cifar10

WORKLOADS = (Workload(
    name="cifar",
    sentence="training step of VGG-13 (configuration B: two 3x3 convolutions with batch norm and ReLU in each of five stages, "
             "64 to 512 channels, max pools, one linear layer), 32 x 32 x 3, batch 128, cross entropy, SGD with momentum",
    task="classify", shape=(128, 32, 32, 3), net=vgg_cifar10, classes=10, learning=Learning("sgd", 2e-5, momentum=0.9),
),)
