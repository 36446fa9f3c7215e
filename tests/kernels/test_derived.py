"""What is derived from a weight is made once for as long as it stays, and never for another one."""

from __future__ import annotations

import gc

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.kernels import derived, direct

X = np.random.default_rng(0).standard_normal((2, 10, 10, 96)).astype(np.float32)
WEIGHT = np.random.default_rng(1).standard_normal((3, 3, 96, 96)).astype(np.float32)


@pytest.fixture
def packed(monkeypatch):
    """The weights that were packed, in order."""
    seen = []
    original = direct.panels
    monkeypatch.setattr(direct, "panels", lambda weight, *rest, **named: seen.append(weight) or original(weight, *rest, **named))
    return seen


def test_value_is_made_once_for_each_key_and_dies_with_its_array():
    array, made = np.zeros(3), []
    for key in ("a", "b", "a"):
        derived.of(array)(key, lambda: made.append(1) or len(made))
    assert len(made) == 2
    before = len(derived._kept)
    del array
    gc.collect()
    assert len(derived._kept) == before - 1


@pytest.mark.parametrize("kernel", ["direct", "winograd"])
def test_frozen_weight_is_packed_once_for_both_directions(kernel, packed):
    weight = tc.Parameter(WEIGHT, requires_grad=False)
    for _ in range(3):
        x = tc.tensor(X, requires_grad=True)
        tc.conv2d(x, weight, padding=1, kernel=kernel).sum().backward()
    assert len(packed) == 2


def test_small_weight_is_used_as_it_lies(packed):
    tc.conv2d(X, tc.Parameter(WEIGHT[:, :, :, :64].copy()), padding=1, kernel="direct")
    assert packed == []


def test_weight_that_learns_is_packed_anew_each_time(packed):
    weight = tc.Parameter(WEIGHT)
    for _ in range(3):
        tc.conv2d(X, weight, padding=1, kernel="direct")
    assert len(packed) == 3


@pytest.mark.parametrize("kernel", ["direct", "winograd"])
def test_new_value_of_a_frozen_parameter_is_used(kernel):
    weight = tc.Parameter(WEIGHT, requires_grad=False)
    first = tc.conv2d(X, weight, padding=1, kernel=kernel)
    weight.assign(2 * WEIGHT)
    second = tc.conv2d(X, weight, padding=1, kernel=kernel)
    np.testing.assert_allclose(second.data, 2 * first.data, rtol=1e-4, atol=1e-3)


def test_one_weight_serves_convolutions_of_different_windows():
    weight = tc.Parameter(WEIGHT, requires_grad=False)
    for options in ({}, {"stride": 2}, {"dilation": 2}, {"padding": 1}, {"stride": (1, 2), "padding": 1}):
        for kernel in ("direct", "im2col"):
            x = tc.tensor(X, requires_grad=True)
            tc.conv2d(x, weight, kernel=kernel, **options).sum().backward()
            if kernel == "direct":
                expected = x.grad
        np.testing.assert_allclose(x.grad, expected, rtol=1e-3, atol=1e-3)


def test_winograd_forms_do_not_share_what_they_derive():
    weight = tc.Parameter(WEIGHT, requires_grad=False)
    results = [tc.conv2d(X, weight, padding=1, kernel=kernel).data for kernel in ("winograd", "winograd_f2", "direct")]
    np.testing.assert_allclose(results[0], results[2], atol=1e-3)
    np.testing.assert_allclose(results[1], results[2], atol=1e-3)
