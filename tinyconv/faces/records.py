"""What a gallery knows and answers: whose encodings, how far, and who it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EncoderMark:
    """Which encoder a gallery's points come from: its name and fingerprint, (height, width) of its faces, numbers of a point."""

    name: str
    fingerprint: str
    size: tuple[int, int]
    dimension: int

    def __str__(self) -> str:
        return f"{self.name} ({self.fingerprint}, faces of {self.size[0]}x{self.size[1]})"


@dataclass(frozen=True)
class Calibration:
    """How a threshold was found: it takes this share of so many pairs of different people for one; when, in UTC."""

    false_match_rate: float
    pairs: int
    calibrated: str


@dataclass(frozen=True)
class Verification:
    """Whether a face is that of the claimed person: `same` if `distance` <= `threshold`, both squared, 0 to 4."""

    identity: str
    distance: float
    threshold: float
    same: bool


@dataclass(frozen=True)
class Identification:
    """Who is nearest, as (identity, squared distance), nearest first, and who it is; None: nobody is near enough."""

    candidates: tuple[tuple[str, float], ...]
    threshold: float
    recognized: str | None


@dataclass(frozen=True)
class Person:
    """Somebody in a gallery: how many encodings, and when the first and the last one came, in UTC."""

    identity: str
    images: int
    first: str
    last: str
