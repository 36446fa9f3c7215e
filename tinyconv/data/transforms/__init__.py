"""Random changes that keep a picture's meaning: what a network should not notice, it is shown while it learns.

Every transform takes `images`, float (N, H, W, C) or one (H, W, C), and draws from `rng` anew for each image of the batch; it
returns new arrays of the same dtype and never writes into its input. One picture is treated as a batch of one. The order of draws
is fixed: the same state of `rng`, the same result.
"""

from tinyconv.data.transforms.colour import colour, noise
from tinyconv.data.transforms.compose import compose
from tinyconv.data.transforms.crop import center_crop, flip, random_crop
from tinyconv.data.transforms.move import affine, elastic
from tinyconv.data.transforms.turn import turn

__all__ = ["affine", "elastic", "turn", "random_crop", "center_crop", "flip", "noise", "colour", "compose"]
