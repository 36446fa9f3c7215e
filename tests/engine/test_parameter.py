"""A parameter is the one tensor that changes: by assign, counted by its version."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import tinyconv as tc


def test_assign_copies_casts_and_counts():
    p = tc.Parameter([1.0, 2.0])
    before = p.data
    source = np.array([3.5, 4.5])
    p.assign(source)
    source[:] = 0
    assert p.data.tolist() == [3.5, 4.5]
    assert p.dtype == np.float32
    assert p.version == 1
    assert before.tolist() == [1, 2]
    p.assign([1, 2])
    assert p.version == 2
    assert not p.data.flags.writeable


def test_assign_without_a_copy_takes_over_an_array_of_its_own_dtype():
    p = tc.Parameter([1.0, 2.0])
    before, mine = p.data, np.array([3.0, 4.0], np.float32)
    p.assign(mine, copy=False)
    assert p.data is mine
    assert not mine.flags.writeable
    assert p.version == 1
    assert before.tolist() == [1, 2]
    other = np.array([5.0, 6.0])
    p.assign(other, copy=False)
    assert (p.dtype, p.data.tolist()) == (np.float32, [5, 6])
    assert other.flags.writeable
    with pytest.raises(tc.ShapeError, match="got shape"):
        p.assign(np.ones(3, np.float32), copy=False)


def test_assign_refuses_another_shape_and_keeps_the_value():
    p = tc.Parameter([1.0, 2.0])
    for wrong in ([1, 2, 3], [[1, 2]], 1.0):
        with pytest.raises(tc.ShapeError, match=r"Parameter\.assign: got shape .*, expected \(2,\)"):
            p.assign(wrong)
    with pytest.raises(tc.GradientError, match=r"t\.data"):
        p.assign(tc.tensor([1.0, 2.0]))
    assert p.data.tolist() == [1, 2]
    assert p.version == 0


def test_requires_grad_is_switched_on_and_off():
    p = tc.Parameter([1.0, 2.0])
    (p * 3).sum().backward()
    p.requires_grad = True
    assert p.grad.tolist() == [3, 3]
    p.requires_grad = False
    assert p.grad is None
    assert not (p * 3).requires_grad
    p.requires_grad = True
    assert p.grad is None
    (p * 2).sum().backward()
    assert p.grad.tolist() == [2, 2]
    assert not tc.Parameter([1.0], requires_grad=False).requires_grad


def test_a_plain_tensor_cannot_be_switched():
    with pytest.raises(AttributeError):
        tc.tensor([1.0]).requires_grad = True


def test_integers_become_float32_and_complex_is_refused():
    assert tc.Parameter(np.arange(3)).dtype == np.float32
    assert tc.Parameter(np.ones(3)).dtype == np.float64
    with pytest.raises(tc.DtypeError, match="Parameter: got complex128 values"):
        tc.Parameter(np.ones(3, complex))


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))])
def test_a_copy_is_a_leaf_of_its_own(duplicate):
    p = tc.Parameter(np.array([1.0, 2.0]))
    (p * 5).sum().backward()
    twin = duplicate(p)
    assert isinstance(twin, tc.Parameter)
    assert twin.grad is None
    assert not twin.data.flags.writeable
    p.grad = None
    (p * twin).sum().backward()
    assert p.grad.tolist() == twin.grad.tolist() == [1, 2]
    twin.assign([7, 7])
    assert p.data.tolist() == [1, 2]
    assert (p.version, twin.version, duplicate(twin).version) == (0, 1, 1)
    assert not duplicate(tc.Parameter([1.0], requires_grad=False)).requires_grad


def test_a_deep_copy_keeps_sharing():
    p = tc.Parameter([1.0])
    first, second = copy.deepcopy([p, p])
    assert first is second is not p
