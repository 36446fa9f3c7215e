"""Clouds: noise whose spectrum falls with a power of the frequency."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def cloud(size: int, rng: np.random.Generator, power: float = 2.0) -> NDArray[np.float32]:
    """Gaussian noise with amplitude 1 / f^power, periodic: float32 (size, size), mean 0, standard deviation 1.

    The larger `power`, the smoother the cloud.
    """
    f = np.hypot(np.fft.fftfreq(size, 1 / size)[:, None], np.fft.rfftfreq(size, 1 / size)[None])
    weight = np.where(f > 0, 1 / np.maximum(f, 1) ** power, 0)
    field = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((size, size))) * weight, (size, size))
    return (field / field.std()).astype(np.float32)
