"""Several transforms in a row, as one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.arguments import check_generator
from tinyconv.errors import DataError

Transform = Callable[[Any, np.random.Generator], NDArray[Any]]


def compose(*steps: Transform) -> Transform:
    """The transform that applies `steps` from left to right, all with the same generator.

    Parameters
    ----------
    *steps : functions of (images, rng); settings are bound with `functools.partial` or a lambda

    Returns
    -------
    function of (images, rng)

    Raises
    ------
    DataError
        No step, or one that cannot be called; when it runs, an `rng` that is no generator.

    Examples
    --------
    >>> from functools import partial
    >>> import numpy as np
    >>> from tinyconv.data.transforms import compose, flip, random_crop
    >>> augment = compose(partial(random_crop, size=28, padding=2), flip)
    >>> augment(np.zeros((8, 28, 28, 3), np.float32), np.random.default_rng(0)).shape
    (8, 28, 28, 3)
    """
    if not steps:
        raise DataError("compose: no step was given, expected at least one function of (images, rng).")
    for number, step in enumerate(steps):
        if not callable(step):
            raise DataError(f"compose: step {number} is {type(step).__name__}, expected a function of (images, rng): bind its "
                            "settings with functools.partial.")

    def composed(images: Any, rng: np.random.Generator) -> NDArray[Any]:
        check_generator(rng, "compose")
        for step in steps:
            images = step(images, rng)
        return images

    return composed
