"""Training: one loop that yields a record an epoch, and checkpoints from which it continues to the bit."""

from tinyconv.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from tinyconv.train.fit import Record, fit

__all__ = ["Checkpoint", "Record", "fit", "load_checkpoint", "save_checkpoint"]
