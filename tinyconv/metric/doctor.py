"""The collapse doctor: watches a training by triplets, says what is wrong with it and what to change.

It sees embeddings, labels and losses, and knows the margin, since a loss means something only against the margin. It does
not see the rate, the net or the pictures.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinyconv.errors import ShapeError
from tinyconv.metric.signs import Signs, average, vital_signs

# The lines between well and ill. Chosen on the development seeds of `tinyconv reproduce collapse`, which its record leaves out.
LEAP = 3.5  # times the sampling error: the centre of a healthy cloud moves 0.5 to 2.5 from batch to batch
ORDERED = 0.8  # of the triplets in order: whatever happened, the training has recovered
AT_CHANCE = 0.6  # of the triplets in order: positives are no nearer than negatives
SHRUNK = 0.1  # of the widest d(a, n) that was seen
POINT = 1e-6  # of the mean squared length: what is left are rounding errors
FULL = 0.8  # of the room that embeddings of this length have
STANDS = 0.8  # of what one point for all costs: the loss has not left it
STILL = 1.25  # d(a, n) late over d(a, n) early in the window
ACTIVE = 0.8  # of the triplets cost something


@dataclass(frozen=True)
class Diagnosis:
    """What the doctor says.

    Attributes
    ----------
    name : "too early", "healthy", "learning rate too high", "labels are shuffled", "margin is 0", "margin too large" or
        "collapsed"
    evidence : what was seen, in numbers
    advice : what to change, in words; empty if nothing
    change : the same for a program: {"lr_factor": what to multiply the rate by}, {"margin": the new one},
        {"labels": "read again"} or {"mining": "semi-hard"}
    """

    name: str
    evidence: str
    advice: str = ""
    change: Mapping[str, float | str] = field(default_factory=dict)

    @property
    def alarm(self) -> bool:
        """Whether something is wrong."""
        return self.name not in ("too early", "healthy")

    def __str__(self) -> str:
        return f"{self.name}: {self.evidence}." + (f" {self.advice}." if self.advice else "")


class CollapseDoctor:
    """Looks at every step and remembers the last `window` of them, with the extremes of all.

    - A rate that is too high throws the whole cloud of embeddings elsewhere: its centre *leaps*, farther than drawing other
      people explains. A net may heal: once 8 of 10 triplets are in order, the leap is forgiven.
    - Shuffled labels leave positives no nearer than negatives, while the loss stays at the margin. Ask early: a large net
      learns wrong labels by heart in the end.
    - With a margin of 0 a smaller cloud costs less, so it *shrinks* and the loss goes to 0 with it; with a good margin and
      the hardest triplets it may shrink too, but then the loss stands at the margin: *collapsed*.
    - A margin that is too large is never reached: the embeddings have filled all room and stand still, most triplets still
      cost something, and people are pressed together into few directions.

    Parameters
    ----------
    margin : of the triplet loss, in squared distance, 0 or more
    chance : instead of a margin, the loss of one point for all where the loss has none: ln 2 for the soft-margin triplet and
        the Siamese logistic loss, ln n for a softmax over n. Faults of the margin are not looked for then.
    window : steps that a diagnosis looks back, and needs

    Raises
    ------
    ShapeError
        Both or neither of margin and chance, one that is not finite, negative or a chance of 0, or a window below 2.

    >>> doctor = CollapseDoctor(margin=0.2, window=20)
    >>> rng = np.random.default_rng(0)
    >>> labels = np.repeat(np.arange(8), 4)
    >>> for step in range(40):  # all faces are going to one point, and the loss to the margin
    ...     cloud = 1 + 0.6 ** step * (np.eye(8)[labels] + 0.3 * rng.standard_normal((32, 8)))
    ...     doctor.watch(cloud, labels, loss=0.2)
    >>> doctor.diagnose().name, doctor.diagnose().change
    ('collapsed', {'mining': 'semi-hard'})
    """

    def __init__(self, margin: float | None = None, *, chance: float | None = None, window: int = 50) -> None:
        one_point = margin if chance is None else chance
        if one_point is None or (margin is not None and chance is not None):
            raise ShapeError(f"CollapseDoctor: got margin {margin} and chance {chance}, expected one of the two: the margin of a "
                             "triplet loss, or the loss of one point for all, such as ln 2.")
        if not 0 <= one_point < math.inf or chance == 0:
            raise ShapeError(f"CollapseDoctor: got margin {margin} and chance {chance}, expected a finite margin of at least 0, "
                             "or a finite chance above 0.")
        if window < 2:
            raise ShapeError(f"CollapseDoctor: window is {window}, expected at least 2 steps.")
        self.one_point, self.window = float(one_point), window
        self.margin = math.nan if margin is None else self.one_point  # no sign is above or below NaN
        self.steps = 0
        self.recent: deque[Signs] = deque(maxlen=window)
        self._widest = self._best_order = self._leap = 0.0
        self._leapt = self._not_finite = 0  # at which step

    def watch(self, embeddings: Any, labels: Any, loss: float) -> None:
        """Look at one step: a batch's embeddings (N, D), before the step, its integer labels (N,) and its loss.

        Raises
        ------
        ShapeError
            Shapes that do not fit, or a batch without a triplet.
        """
        signs = vital_signs(embeddings, labels, loss, self.margin, self.recent[-1] if self.recent else None)
        self.steps += 1
        self.recent.append(signs)
        if not signs.finite and not self._not_finite:
            self._not_finite = self.steps
        self._widest = max(self._widest, signs.negative)
        if signs.leap > self._leap:
            self._leap, self._leapt = signs.leap, self.steps
        if len(self.recent) == self.window:
            self._best_order = max(self._best_order, float(np.mean([one.order for one in self.recent])))

    def diagnose(self) -> Diagnosis:
        """What is wrong now, if anything. Costs little beside a step: ask as often as you like."""
        if self._not_finite:
            return self._rate(f"loss or embeddings are not finite since step {self._not_finite}")
        if len(self.recent) < self.window:
            return Diagnosis("too early", f"{self.steps} of {self.window} steps seen")
        now = average(self.recent)
        against = f"the loss is {now.loss:.3g}, one point for all costs {self.one_point:.3g}"
        if now.active > ACTIVE and now.fullness > FULL and self._stands_still():
            return self._new_margin("margin too large",
                                    f"{now.active:.0%} of the triplets cost something, though the embeddings fill "
                                    f"{now.fullness:.0%} of their room, in {now.rank:.1f} directions, and d(a,n) stands still at "
                                    f"{now.negative:.3g}; the margin is {self.margin:.3g}")
        if self._leap > LEAP and now.order < ORDERED:
            return self._rate(f"at step {self._leapt} the centre of the embeddings moved {self._leap:.1f} times as far as "
                              f"drawing other people explains (healthy: about 1), and {now.order:.0%} of the triplets are in "
                              "order")
        if self._best_order < AT_CHANCE and now.fullness > POINT:
            return Diagnosis("labels are shuffled",
                             f"at best {self._best_order:.0%} of the triplets were in order, which is chance, with d(a,p) "
                             f"{now.positive:.3g} and d(a,n) {now.negative:.3g}; {against}",
                             "Read the labels again: they do not belong to these pictures", {"labels": "read again"})
        if now.negative <= SHRUNK * self._widest:
            shrunk = f"d(a,n) has shrunk from {self._widest:.3g} to {now.negative:.3g}; {against}"
            if self.margin < now.negative:
                return self._new_margin("margin is 0", f"{shrunk}, and {now.active:.0%} of the triplets cost something")
            if now.loss > STANDS * self.one_point:
                return Diagnosis("collapsed", shrunk, "Mine semi-hard triplets instead of the hardest ones",
                                 {"mining": "semi-hard"})
        return Diagnosis("healthy", f"{now.order:.0%} of the triplets are in order, d(a,p) is {now.positive:.3g} and d(a,n) "
                         f"{now.negative:.3g} in {now.rank:.1f} directions; {against}")

    def _rate(self, evidence: str) -> Diagnosis:
        return Diagnosis("learning rate too high", evidence, "Begin again with a tenth of the learning rate", {"lr_factor": 0.1})

    def _new_margin(self, name: str, evidence: str) -> Diagnosis:
        margin = float(f"{self._widest / 4:.1g}")
        return Diagnosis(name, evidence, f"Begin again with a margin of {margin:g}, a quarter of the widest d(a,n)",
                         {"margin": margin})

    def _stands_still(self) -> bool:
        negative = [one.negative for one in self.recent]
        half = self.window // 2
        return bool(np.mean(negative[half:]) < STILL * np.mean(negative[:half]))
