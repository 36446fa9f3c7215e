"""What every transform takes: a batch of float pictures, or one, which is a batch of one."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from tinyconv.data.arguments import check_images
from tinyconv.errors import DataError

Array = NDArray[Any]


def on_batches(transform: Callable[..., Array]) -> Callable[..., Array]:
    """Let a function of float (N, H, W, C), N >= 0, also take one picture (H, W, C), and refuse everything else."""

    @functools.wraps(transform)
    def either(images: Any, *args: Any, **kwargs: Any) -> Array:
        array = check_images(images, transform.__name__)
        return transform(array, *args, **kwargs) if array.ndim == 4 else transform(array[None], *args, **kwargs)[0]

    return either


def check_unit_range(images: Array, what: str) -> None:
    """Fail where a value is outside [0, 1] or NaN: clipping would destroy a picture in another range without a word."""
    if images.size and not (images.min() >= 0 and images.max() <= 1):
        raise DataError(f"{what}: values run from {images.min():.4g} to {images.max():.4g}, expected [0, 1]; "
                        "change pictures first and normalize them afterwards.")
