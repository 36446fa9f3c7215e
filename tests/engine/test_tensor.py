"""Tensors are immutable values: what goes in, what comes out, and what is refused with the fix."""

from __future__ import annotations

import copy
import operator
import pickle

import numpy as np
import pytest

import tinyconv as tc


def test_float_arrays_keep_their_dtype_and_the_rest_becomes_float32():
    for dtype in (np.float16, np.float32, np.float64, np.longdouble):
        assert tc.tensor(np.ones(3, dtype)).dtype == dtype
    for value in ([1, 2], [1.5, 2], 3, 2.5, np.ones(3, int), np.ones(2, bool), np.ones(3, np.uint8)):
        assert tc.tensor(value).dtype == np.float32
    assert tc.tensor([1, 2], dtype=np.float64).dtype == np.float64
    assert tc.tensor(np.ones(3), dtype="float32").dtype == np.float32


def test_foreign_byte_order_becomes_native():
    x = tc.tensor(np.arange(3, dtype=">f4"))
    assert x.dtype.isnative
    assert (x + tc.tensor([1.0, 1.0, 1.0])).data.tolist() == [1, 2, 3]


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))])
def test_a_copy_of_a_tensor_is_a_leaf_of_its_own(duplicate):
    x = tc.tensor(np.array([2.0, 3.0]), requires_grad=True)
    twin = duplicate(x)
    (x * twin * twin).sum().backward()
    assert x.grad.tolist() == [4, 9]
    assert twin.grad.tolist() == [8, 18]
    assert not duplicate(tc.tensor([1.0])).requires_grad


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_tensor_with_a_graph_refuses_to_be_copied(duplicate):
    x = tc.tensor([2.0, 3.0], requires_grad=True)
    for holder in (x * 2, [x * 2]):
        if holder.__class__ is list and duplicate is copy.copy:
            continue  # a shallow copy of a list copies no tensor
        with pytest.raises(tc.GradientError, match=r"a result of multiply \(2,\) .*: tc\.tensor\(t\.data\)\.$"):
            duplicate(holder)
    with tc.no_grad():
        duplicate(x * 2)
    duplicate(tc.tensor([1.0]) * 2)
    duplicate(tc.tensor((x * 2).data))


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda f: pickle.loads(pickle.dumps(f))])
def test_a_copy_of_a_primitive_is_the_primitive(duplicate):
    assert duplicate(tc.relu) is tc.relu


def test_a_tensor_of_a_tensor_is_a_new_constant():
    x = tc.tensor([1.0, 2.0], requires_grad=True)
    copy = tc.tensor(x * 2, dtype=np.float64)
    assert copy.data.tolist() == [2, 4]
    assert not copy.requires_grad


@pytest.mark.parametrize("value", [[1 + 2j], np.ones(2, complex), "text", None, [object()]])
def test_what_is_no_real_number_is_refused(value):
    with pytest.raises(tc.DtypeError, match=r"tensor: got .* values, expected real numbers"):
        tc.tensor(value)


@pytest.mark.parametrize("dtype", [int, bool, complex, np.uint8])
def test_a_dtype_that_is_no_float_is_refused(dtype):
    with pytest.raises(tc.DtypeError, match="is not a float dtype; labels and indices stay NumPy arrays"):
        tc.tensor([1, 2], dtype=dtype)


def test_changing_the_source_changes_nothing():
    source = np.array([1.0, 2.0])
    x, p = tc.tensor(source), tc.Parameter(source)
    p.assign(source)
    source[:] = 9
    assert x.data.tolist() == p.data.tolist() == [1, 2]
    assert source.flags.writeable


def test_a_constant_array_is_protected_from_later_mutation():
    x = tc.tensor(np.array([1.0, 2.0]), requires_grad=True)
    constant = np.array([3.0, 4.0])
    y = (x * constant + tc.concatenate([x, constant])[:2]).sum()
    constant[:] = 100
    y.backward()
    assert x.grad.tolist() == [4, 5]


def test_a_condition_and_an_index_are_protected_from_later_mutation():
    x = tc.tensor(np.array([1.0, 2.0, 3.0]), requires_grad=True)
    condition, index, both = np.array([True, False, True]), np.array([0, 0, 2]), [1, 2]
    y = tc.where(condition, x, 0).sum() + x[index].sum() + (x * x)[(both,)].sum()
    condition[:], index[:], both[0] = False, 1, 0
    y.backward()
    assert x.grad.tolist() == [1 + 2, 4, 1 + 1 + 6]


def test_data_is_read_only():
    x = tc.tensor([[1.0, 2.0]], requires_grad=True)
    x.sum().backward()
    for array in (x.data, (x * 2).data, x[0].data, x.reshape(2).data, x.grad, tc.Parameter([1.0]).data):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    with pytest.raises(AttributeError):
        x.data = np.ones((1, 2))


def test_assigning_into_a_tensor_names_the_fix():
    x = tc.tensor([1.0, 2.0])
    with pytest.raises(tc.GradientError, match=r"tensors are immutable.*tc\.where.*assign"):
        x[0] = 5
    with pytest.raises(tc.GradientError, match="tensors are immutable"):
        x[0] += 5


def test_a_boolean_test_names_the_fix():
    x = tc.tensor([1.0])
    for use in (bool, operator.not_, lambda t: t and 1, lambda t: 1 if t else 2):
        with pytest.raises(tc.GradientError, match=r"boolean test.*t\.item\(\) > 0"):
            use(x)


def test_comparing_with_equals_names_the_fix():
    x = tc.tensor([1.0])
    for use in (lambda: x == tc.tensor([1.0]), lambda: x == 1, lambda: x != 1, lambda: np.ones(1) == x, lambda: x in [1, 2]):
        with pytest.raises(tc.GradientError, match=r"t\.data == x.*t is x"):
            use()


def test_a_tensor_is_not_an_array():
    x = tc.tensor([1.0, 2.0])
    for use in (np.asarray, np.array, np.exp, lambda t: np.add(np.ones(2), t), lambda t: np.stack([t, t])):
        with pytest.raises((tc.GradientError, TypeError)):
            use(x)
    with pytest.raises(tc.GradientError, match=r"use a tc function, or t\.data"):
        np.asarray(x)


def test_tensors_hash_by_identity():
    a, b = tc.tensor([1.0]), tc.tensor([1.0])
    names = {a: "a", b: "b"}
    assert names[a] == "a"
    assert names[b] == "b"
    assert len({a, a, b}) == 2


def test_python_signs_reach_our_operators_from_either_side():
    x, array = tc.tensor([1.0, 2.0]), np.array([3.0, 4.0], np.float32)
    cases = [(operator.add, [4, 6]), (operator.sub, [2, 2]), (operator.mul, [3, 8]), (operator.truediv, [3, 2]),
             (operator.pow, [3, 16])]
    for sign, expected in cases:
        for other in (array, tc.tensor(array)):
            y = sign(other, x)
            assert isinstance(y, tc.Tensor)
            assert y.data.tolist() == expected
    assert (array @ x).data.tolist() == 11
    assert (x @ array).data.tolist() == 11
    assert (-x).data.tolist() == [-1, -2]
    assert (2 - x).data.tolist() == [1, 0]
    assert (2 / x).data.tolist() == [2, 1]
    assert (2**x).data.tolist() == [2, 4]
    assert ([3, 4] * x).data.tolist() == [3, 8]


def test_an_array_cannot_swallow_a_tensor_in_place():
    array = np.ones(2, np.float32)
    with pytest.raises(TypeError):
        array += tc.tensor([1.0, 2.0])
    assert array.tolist() == [1, 1]


def test_scalars_of_any_kind_adopt_the_dtype():
    for dtype in (np.float16, np.float32, np.float64):
        x = tc.tensor(np.array([1, 2], dtype))
        for scalar in (2, 2.0, True, np.float64(2), np.float32(2), np.int64(2), np.array(2.0), np.array(2), np.bool_(True)):
            for y in (x * scalar, scalar * x, x + scalar, scalar - x, x / scalar, x**scalar, tc.maximum(x, scalar)):
                assert isinstance(y, tc.Tensor)
                assert y.dtype == dtype


def test_integer_arrays_and_lists_adopt_the_dtype():
    for dtype in (np.float32, np.float64):
        x = tc.tensor(np.array([[1, 2]], dtype))
        for other in (np.array([3, 4]), [3, 4], [3.0, 4.0], np.array([True, False]), np.array([1, 2], np.uint8)):
            assert (x * other).dtype == (x @ np.array([3, 4])).dtype == tc.matmul(x, other).dtype == dtype
    images = np.ones((1, 3, 3, 1), np.uint8)
    assert tc.conv2d(images, tc.tensor(np.ones((2, 2, 1, 1)))).dtype == np.float64
    assert tc.conv2d(images, tc.tensor([[[[1.0]]]]), [1]).dtype == np.float32


def test_two_float_dtypes_do_not_mix():
    single, double = tc.tensor([1.0]), tc.tensor([1.0], dtype=np.float64)
    for use in (lambda: single + double, lambda: np.ones(1) * single, lambda: tc.concatenate([single, double]),
                lambda: tc.matmul(single, np.ones(1)), lambda: tc.where([True], single, double),
                lambda: tc.conv1d(np.ones((1, 2, 1)), tc.tensor(np.ones((1, 1, 1), np.float32)))):
        with pytest.raises(tc.DtypeError, match=r"got float32 and float64, expected one float dtype; convert one with tc"):
            use()


def test_shapes_that_do_not_broadcast_are_named():
    with pytest.raises(tc.ShapeError, match=r"multiply: shapes \(2,\) and \(3,\) do not broadcast"):
        tc.tensor([1.0, 2.0]) * tc.tensor([1.0, 2.0, 3.0])
    with pytest.raises(tc.ShapeError, match=r"\(2,\) \(3,\) \(3,\)"):
        tc.where([True, False], np.ones(3), np.ones(3))


def test_item_float_len_and_iteration():
    x = tc.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    assert tc.tensor([[2.5]]).item() == float(tc.tensor(2.5)) == 2.5
    assert isinstance(tc.tensor(2.5).item(), float)
    assert len(x) == 3
    assert [row.data.tolist() for row in x] == [[1, 2], [3, 4], [5, 6]]
    assert (x.shape, x.ndim, x.size) == ((3, 2), 2, 6)
    with pytest.raises(ValueError, match="size 1"):
        x.item()


def test_repr_shows_kind_values_dtype_and_gradient():
    assert repr(tc.tensor([1, 2])) == "tensor([1., 2.], float32)"
    assert repr(tc.Parameter([1.0])) == "parameter([1.], float32, requires_grad=True)"


def test_a_gradient_is_set_only_in_the_shape_and_dtype_of_its_tensor():
    x = tc.tensor([1.0, 2.0], requires_grad=True)
    x.grad = np.array([1, 2], np.float32)
    assert x.grad.tolist() == [1, 2]
    x.grad = None
    assert x.grad is None
    for wrong in (np.ones(3, np.float32), np.ones(2), 1.0):
        with pytest.raises(tc.ShapeError, match=r"expected float32 \(2,\)"):
            x.grad = wrong
    assert tc.tensor([1.0]).grad is None
    with pytest.raises(tc.GradientError, match="needs no gradient"):
        tc.tensor([1.0]).grad = np.ones(1, np.float32)


def test_gradient_of_a_scalar_can_be_scaled():
    x = tc.tensor(2.0, requires_grad=True)
    (x * 3).backward()
    x.grad = x.grad * 0.5
    assert isinstance(x.grad, np.ndarray)
    assert x.grad.tolist() == 1.5


@pytest.mark.parametrize("values", [[[1, 2], [3]], np.array([1j]), None, "a"], ids=["ragged", "complex", "none", "text"])
def test_what_are_no_numbers_is_refused_everywhere(values):
    with pytest.raises(tc.DtypeError, match="tensor: got"):
        tc.tensor(values)
    with pytest.raises(tc.DtypeError, match=r"Parameter\.assign: got"):
        tc.Parameter([1.0]).assign(values)
    with pytest.raises(tc.DtypeError, match="backward: got"):
        (tc.tensor([1.0], requires_grad=True) * 2).backward([None] if values is None else values)


def test_a_dtype_that_numpy_does_not_know_is_refused():
    with pytest.raises(tc.DtypeError, match="'float7'"):
        tc.tensor([1.0], dtype="float7")


def test_grad_wants_tensors():
    x = tc.tensor([1.0], requires_grad=True)
    for y, xs, got in ((1.0, x, "float"), (x * 2, np.ones(1), "ndarray"), (x * 2, [x, 3], "int"), (x * 2, None, "NoneType")):
        with pytest.raises(tc.GradientError, match=f"grad: got {got}, expected tensors"):
            tc.grad(y, xs)


def test_a_tensor_without_axes_has_no_length():
    with pytest.raises(tc.ShapeError, match="len: a tensor of shape"):
        len(tc.tensor(1.0))
