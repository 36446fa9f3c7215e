"""Foreign formats in, named arrays out: nothing a file holds is ever executed, and every fault is one line."""

from tinyconv.data.readers.cifar import read_cifar10
from tinyconv.data.readers.lfw import read_lfw, read_lfw_pairs
from tinyconv.data.readers.medmnist import read_medmnist
from tinyconv.data.readers.omniglot import read_omniglot, read_omniglot_runs
from tinyconv.data.readers.orl import read_orl
from tinyconv.data.readers.pickled_npy import read_pickled_npy
from tinyconv.data.readers.torch_checkpoint import read_torch_checkpoint

__all__ = [
    "read_omniglot", "read_omniglot_runs", "read_orl", "read_lfw", "read_lfw_pairs", "read_cifar10", "read_medmnist",
    "read_torch_checkpoint", "read_pickled_npy",
]
