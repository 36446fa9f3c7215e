"""README's second picture: one of everything that tinyconv draws by code, so that no lesson needs a download."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.makers.characters import alphabets
from tinyconv.data.makers.clips import clips
from tinyconv.data.makers.faces import procedural_faces
from tinyconv.data.makers.phantoms import lesions, shepp_logan
from tinyconv.data.makers.styles import STYLES, style
from tinyconv.viz import Picture, strip

SIZE, COLUMNS = 96, 9  # pixels of a tile, tiles of a row
CAPTION = "People, paintings, letters, phantoms and a moving clip, all drawn by code."


def made(seed: int = 0) -> Picture:
    """Two rows of faces, three pictures of each person; then styles, letters, two phantoms and a clip's last frame."""
    rng = np.random.default_rng(seed)
    faces, _ = procedural_faces(2 * COLUMNS // 3, 3, SIZE, rng)
    paintings = [style(name, SIZE, rng) for name in list(STYLES)[:4]]
    letters = [_grey(1 - letter) for letter in alphabets(1, 2, 1, SIZE, rng)[0, :, 0]]
    head = _grey(shepp_logan(SIZE)[..., 0])
    organ = _grey(lesions(1, SIZE, rng)[0][0, SIZE // 2, ..., 0])
    clip = clips(1, 4, SIZE, rng)[0][0, -1]
    tiles = [*faces, *paintings, *letters, head, organ, clip if clip.shape[-1] == 3 else _grey(clip[..., 0])]
    rows = [np.concatenate(tiles[start : start + COLUMNS], axis=1) for start in range(0, len(tiles), COLUMNS)]
    return strip([np.concatenate(rows)], caption=CAPTION)


def _grey(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W) of any range as RGB from black to white."""
    low, high = image.min(), image.max()
    return np.repeat(((image - low) / (high - low or 1))[..., None], 3, axis=2)
