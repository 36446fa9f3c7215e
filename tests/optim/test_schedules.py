"""Schedules at the steps where their values are known."""

from __future__ import annotations

import copy
import math
import pickle

import pytest

import tinyconv as tc
from tinyconv.optim import Cosine, StepDecay, WarmUp

COMBINED = WarmUp(Cosine(0.2, steps=100, floor=0.01), steps=10)


def test_step_decay_falls_at_its_steps_only():
    schedule = StepDecay(0.8, every=3, factor=0.5)
    assert [schedule(step) for step in range(8)] == [0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.2, 0.2]


def test_cosine_starts_at_the_rate_passes_its_middle_and_ends_at_the_floor():
    schedule = Cosine(0.3, steps=12, floor=0.1)
    assert schedule(0) == 0.3
    assert schedule(6) == pytest.approx(0.2, rel=1e-15)
    assert schedule(4) == pytest.approx(0.1 + 0.2 * 0.75, rel=1e-15)
    assert schedule(12) == schedule(13) == schedule(10**9) == 0.1


def test_warm_up_reaches_the_rate_with_its_last_step():
    assert [WarmUp(1.0, steps=4)(step) for step in range(6)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


def test_warm_up_and_a_schedule_are_multiplied():
    for step in (0, 3, 9, 10, 57, 100, 200):
        cosine = 0.01 + 0.19 * 0.5 * (1 + math.cos(math.pi * min(step, 100) / 100))
        assert COMBINED(step) == pytest.approx(cosine * min(1, (step + 1) / 10), rel=1e-15)


def test_warm_up_of_step_decay_of_a_fraction_of_a_step():
    schedule = WarmUp(StepDecay(1.0, every=2, factor=0.1), steps=2.5)
    assert [schedule(step) for step in range(5)] == pytest.approx([0.4, 0.8, 0.1, 0.1, 0.01], rel=1e-15)


@pytest.mark.parametrize("schedule", [StepDecay(0.1, 5), Cosine(0.1, 50), COMBINED], ids=lambda s: type(s).__name__)
def test_schedules_are_values_that_can_be_pickled_and_copied(schedule):
    for twin in (pickle.loads(pickle.dumps(schedule)), copy.deepcopy(schedule)):
        assert twin == schedule
        assert [twin(step) for step in range(60)] == [schedule(step) for step in range(60)]


@pytest.mark.parametrize(("make", "message"), [
    (lambda: StepDecay(0.1, every=0), "StepDecay: every is 0, expected a positive number"),
    (lambda: StepDecay(-0.1, every=1), "StepDecay: lr is -0.1"),
    (lambda: StepDecay(0.1, every=1, factor=0), "StepDecay: factor is 0"),
    (lambda: Cosine(math.nan, steps=1), "Cosine: lr is nan"),
    (lambda: Cosine(0.1, steps=0), "Cosine: steps is 0"),
    (lambda: Cosine(0.1, steps=9, floor=0.2), "Cosine: floor is 0.2, expected a rate from 0 to lr, 0.1"),
    (lambda: WarmUp(0.1, steps=0), "WarmUp: steps is 0"),
    (lambda: WarmUp(math.inf, steps=3), "WarmUp: then is inf"),
])
def test_impossible_schedules_are_refused(make, message):
    with pytest.raises(tc.GradientError, match=message):
        make()
