"""Arrays as compiled code wants them: compiled once for each layout and writability it meets, it is made to meet one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def plain(array: Array) -> Array:
    """`array` itself if it is read-only, C-contiguous and aligned, else a read-only view of it, or of a copy that is."""
    flags = array.flags
    if flags.c_contiguous and flags.aligned and not flags.writeable:
        return array
    view = np.require(array, requirements=["C_CONTIGUOUS", "ALIGNED"]).view()
    view.flags.writeable = False
    return view
