"""Encoders that know nothing and points on the sphere, for tests that need no faces."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from tinyconv.faces.encoder import Encoder, fingerprint
from tinyconv.models.face_encoder import face_encoder

SIZE, DIMENSION = (20, 16), 12


def encoder(seed: int = 0, **changes: object) -> Encoder:
    """A random net of 12 numbers for faces of 20x16."""
    net = face_encoder(SIZE, 3, np.random.default_rng(seed), embedding=DIMENSION, widths=(4, 6)).eval()
    made = Encoder(name="random", fingerprint=fingerprint(net, SIZE, "none"), size=SIZE, detects=False, good_for="tests.",
                   threshold=0.5, net=net)
    return replace(made, **changes)


def points(count: int, seed: int = 0, dimension: int = DIMENSION) -> np.ndarray:
    """float32 (count, dimension), random directions."""
    made = np.random.default_rng(seed).standard_normal((count, dimension))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def raw_bytes(folder: Path) -> bytes:
    """Everything in all files of a folder. Only while this process has no gallery open there: it would lose SQLite's locks."""
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))
