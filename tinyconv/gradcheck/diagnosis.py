"""Which usual mistake does a wrong gradient look like? Compare it with what each mistake would have given."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

import numpy as np

from tinyconv.engine import Array

CLOSE = 1e-5  # relative to the largest value: nearer than chance, farther than the error of a slope


def diagnose(analytic: Array, numeric: Array, shares: Array | None = None, others: Mapping[str, Array] | None = None) -> str:
    """Name the mistake that turns the right gradient into the wrong one.

    Parameters
    ----------
    analytic, numeric : ndarray, of the input's shape
        The gradient by the rules, which is wrong, and by small steps.
    shares : ndarray, (S, *shape), optional
        What each sample of the batch contributes to `numeric`.
    others : {name: ndarray}, optional
        The numeric gradients of the other inputs of this shape.
    """
    if not np.isfinite(analytic).all():
        return "a division by zero or an overflow: it is not finite"
    if not np.isfinite(numeric).all():
        return "a function that is not finite here: choose other inputs"
    shares = numeric[None] if shares is None else shares
    if (np.abs(shares) > CLOSE * np.abs(shares).max(initial=0)).sum(axis=0).max(initial=0) < 2:
        shares = shares[:0]  # no element is shared by samples: there is nothing to add up
    recognised = itertools.chain(_scaled(analytic, numeric, len(shares)), _one_share(analytic, shares), _moved(analytic, numeric),
                                 _swapped(analytic, others or {}), _masked(analytic, numeric))
    return next(recognised, "no mistake that is known here")


def diagnose_shape(got: tuple[int, ...] | None, expected: tuple[int, ...]) -> str:
    """Name the mistake that gives a gradient of shape `got` in place of `expected`."""
    if got is None:
        return "a rule that works on arrays: it takes tensors and returns a tensor"
    if got == expected:
        return "a constant of another dtype in the rule"
    if got[1:] == expected:
        return f"a forgotten batch sum: the {got[0]} samples of axis 0 each keep their share, add them up"
    if got == expected[1:]:
        return "a forgotten batch: the gradient of a single sample"
    if sorted(got) == sorted(expected):
        return "transposed axes"
    if len(got) >= len(expected) and all(e in (1, g) for e, g in zip(expected[::-1], got[::-1], strict=False)):
        return "a forgotten sum over the axes along which the input was broadcast"
    return "no mistake that is known here"


def _scaled(analytic: Array, numeric: Array, samples: int) -> Iterator[str]:
    """Zero, the wrong sign, or another constant factor."""
    if not analytic.any():
        yield "a forgotten term: analytic is zero everywhere"
    factor = float((analytic * numeric).sum() / max((numeric * numeric).sum(), 1e-300))
    if not _close(analytic, factor * numeric) or (numeric.size == 1 and not _is_simple(factor)):
        return
    if abs(factor + 1) < CLOSE:
        yield "a wrong sign: analytic = -numeric"
    if factor < 0:
        yield f"a wrong sign and a constant factor: analytic = {factor:.6g} * numeric"
    if samples > 1 and abs(factor * samples - 1) < CLOSE:
        yield (f"a constant factor: analytic = {factor:.6g} * numeric; the batch has {samples} samples: "
               "a forgotten batch sum, if the rule takes their mean")
    if samples > 1 and abs(factor / samples - 1) < CLOSE:
        yield (f"a constant factor: analytic = {factor:.6g} * numeric; the batch has {samples} samples: "
               "a forgotten division by their number")
    yield f"a constant factor: analytic = {factor:.6g} * numeric"


def _one_share(analytic: Array, shares: Array) -> Iterator[str]:
    """The gradient of one sample only."""
    for k, share in enumerate(shares):
        if _close(analytic, share):
            yield f"a forgotten batch sum: analytic is the share of sample {k} alone"


def _moved(analytic: Array, numeric: Array) -> Iterator[str]:
    """The right numbers in the wrong places."""
    axes = range(numeric.ndim)
    for order in itertools.permutations(axes):
        if _close(analytic, numeric.transpose(order).reshape(analytic.shape)):
            yield f"transposed axes: analytic = numeric.transpose{order}"
    for count in range(1, numeric.ndim + 1):
        for flipped in itertools.combinations(axes, count):
            if _close(analytic, np.flip(numeric, flipped)):
                yield f"reversed axes: analytic = np.flip(numeric, {flipped})"


def _swapped(analytic: Array, others: Mapping[str, Array]) -> Iterator[str]:
    """The gradient of another input."""
    for name, other in others.items():
        if _close(analytic, other):
            yield f"swapped rules: it is the gradient for {name}"


def _masked(analytic: Array, numeric: Array) -> Iterator[str]:
    """Right in some places, and wrongly zero, or wrongly not zero, in the others."""
    largest = max(np.abs(numeric).max(), np.abs(analytic).max())
    off, lost = np.abs(numeric) < CLOSE * largest, np.abs(analytic) < CLOSE * largest
    if off.any() and _agree(analytic[~off], numeric[~off]):
        yield f"a missing mask: {int((off & ~lost).sum())} elements should get no gradient, and get one"
    if lost.any() and not lost.all() and _agree(analytic[~lost], numeric[~lost]):
        yield f"a forgotten term: {int((lost & ~off).sum())} elements should get a gradient, and get none"


def _agree(a: Array, b: Array) -> bool:
    return a.size == 0 or _close(a, b)


def _close(a: Array, b: Array) -> bool:
    return a.shape == b.shape and bool(np.abs(a - b).max(initial=0) <= CLOSE * np.abs(b).max(initial=0))


def _is_simple(factor: float) -> bool:
    """Whether a single number can speak for a factor: a whole number, or one over a whole number."""
    return any(abs(f - round(f)) < CLOSE and round(f) != 0 for f in (factor, 1 / factor if factor else 0.0))
