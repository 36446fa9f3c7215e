"""What counts as one whole number, and as one real number: Python's scalars and NumPy's alike."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np


def is_int(value: Any) -> bool:
    """Whether `value` is a whole number; True and False are not."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def is_positive_int(value: Any) -> bool:
    """Whether `value` is a whole number above 0."""
    return is_int(value) and bool(value > 0)


def is_real(value: Any) -> bool:
    """Whether `value` is a real number; True and False are 1 and 0, an array is none."""
    return isinstance(value, Real)
