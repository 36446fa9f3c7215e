"""Procedural faces: as many people as wanted, each in as many views as wanted, to learn recognition from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.arguments import check_count, check_generator, check_number
from tinyconv.data.makers.people import Identity, identity
from tinyconv.data.makers.portrait import render
from tinyconv.data.makers.views import View, view

__all__ = ["Identity", "View", "identity", "view", "render", "procedural_faces"]


def procedural_faces(people: int, images: int, size: int, rng: np.random.Generator,
                     strength: float = 1.0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Pictures of invented people, `images` of each, in random pose, light, expression, clothes and place.

    Who it is shows in the face and hair alone: background, clothes and light are drawn anew for every picture, which makes raw
    pixels a poor guide (see `tinyconv reproduce procedural-faces`).

    Parameters
    ----------
    people, images : int
        How many people, and pictures of each; at least 1.
    size : int
        Height and width in pixels, at least 8.
    rng : numpy.random.Generator
        The same state gives the same pictures.
    strength : float
        How far pose and light stray: 0 frontal and even, 1 as in the wild.

    Returns
    -------
    faces : float32 array (people * images, size, size, 3), RGB in [0, 1]
        Person after person.
    labels : int64 array (people * images,)
        0 to people - 1.

    Raises
    ------
    DataError
        If a count is below 1, `size` below 8, one of them no integer, `strength` negative, or `rng` no Generator.

    Examples
    --------
    >>> faces, labels = procedural_faces(people=2, images=3, size=32, rng=np.random.default_rng(0))
    >>> faces.shape, labels.tolist()
    ((6, 32, 32, 3), [0, 0, 0, 1, 1, 1])
    """
    check_count(people, "people", "procedural_faces")
    check_count(images, "images", "procedural_faces")
    check_count(size, "size", "procedural_faces", least=8)
    check_number(strength, "strength", "procedural_faces", least=0)
    check_generator(rng, "procedural_faces")
    faces = []
    for _ in range(people):
        who = identity(rng)
        faces += [render(who, view(rng, strength), size) for _ in range(images)]
    return np.stack(faces), np.repeat(np.arange(people, dtype=np.int64), images)
