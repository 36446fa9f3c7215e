"""Sums of products against NumPy, label by label, and the equations that cannot be read."""

from __future__ import annotations

import numpy as np
import pytest

import tinyconv as tc

EQUATIONS = [
    ("ij,jk->ik", (2, 3), (3, 4)), ("ij,jk", (2, 3), (3, 4)), (" i j , j k -> i k ", (2, 3), (3, 4)),
    ("ba,ca", (2, 3), (4, 3)),
    ("ii", (3, 3)), ("ii->i", (3, 3)), ("iij->ji", (3, 3, 2)), ("iii->i", (2, 2, 2)), ("iji,jj->i", (3, 2, 3), (2, 2)),
    ("i,j", (2,), (3,)), ("ij->", (2, 3)), ("ij,ij->i", (2, 3), (2, 3)), ("ij,ij", (2, 3), (2, 3)),
    ("ji", (2, 3)), ("Ba", (2, 3)),
    ("...ij,...jk->...ik", (5, 1, 2, 3), (4, 3, 2)), ("...ij,jk->...ik", (5, 4, 2, 3), (3, 2)), ("...i,i", (2, 3), (3,)),
    ("i...->...", (3, 4, 5)), ("...,...", (3, 1), (4,)), ("...->...", (2, 3)), ("b...,b...->b...", (2, 3, 1), (2, 4)),
    ("i...j,j->...i", (2, 5, 3), (3,)), ("...i->i...", (4, 5, 3)), ("bhwc,bhwd->bcd", (2, 3, 4, 5), (2, 3, 4, 6)),
    ("ij,k->i", (2, 3), (4,)), ("ij,jk->ik", (2, 1), (3, 4)), ("ij,ij->ij", (2, 1), (1, 3)),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 5)),
    ("a,b,c->cab", (2,), (3,), (4,)), ("ij,jk,ik->j", (2, 3), (3, 4), (2, 4)), ("bn,anm,bm->ba", (2, 5), (3, 5, 4), (2, 4)),
    (",->", (), ()), ("i,->i", (3,), ()), ("->", ()), ("ij,kj->ik", (0, 3), (2, 3)), ("ij,jk->ik", (2, 0), (0, 3)),
    ("ij,jk->", (1, 1), (1, 1)), ("...,...->...", (), (2, 3)),
]


def tensors(shapes, **options):
    rng = np.random.default_rng(0)
    return [tc.tensor(np.asarray(rng.standard_normal(shape)), np.float64, **options) for shape in shapes]


@pytest.mark.parametrize(("equation", "shapes"), [(equation, shapes) for equation, *shapes in EQUATIONS], ids=str)
def test_einsum_is_numpys(equation, shapes):
    xs = tensors(shapes)
    expected = np.einsum(equation, *(x.data for x in xs))
    y = tc.einsum(equation, *xs)
    assert (y.shape, y.dtype) == (expected.shape, np.float64)
    np.testing.assert_allclose(y.data, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(("equation", "shapes"), [(equation, shapes) for equation, *shapes in EQUATIONS], ids=str)
def test_gradient_of_each_factor_is_the_product_of_the_others(equation, shapes):
    xs = tensors(shapes, requires_grad=True)
    y = tc.einsum(equation, *xs)
    seed = np.asarray(np.random.default_rng(1).standard_normal(y.shape))
    total = (seed * y.data).sum()
    for x, gradient in zip(xs, tc.grad(y, xs, seed=seed), strict=True):
        assert (gradient.data * x.data).sum() == pytest.approx(total, rel=1e-10, abs=1e-12)  # linear in each factor


def test_axes_under_an_ellipsis_that_the_output_lacks_are_summed():
    x = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(tc.einsum("...i->i", x).data, x.sum(axis=(0, 1)))


def test_one_tensor_twice_gets_both_shares():
    x = tc.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    assert tc.grad(tc.einsum("ij,ij->", x, x), x).data.tolist() == [[2, 4], [6, 8]]


def test_numbers_lists_and_arrays_are_factors():
    assert tc.einsum("i,->i", [1, 2], 3).data.tolist() == [3, 6]
    assert tc.einsum("ij,j", [[1, 2], [3, 4]], np.array([1, 1])).dtype == np.float32


def test_long_chains_never_build_the_product_of_all_sizes():
    xs = tensors([(300, 300)] * 4)
    expected = np.linalg.multi_dot([x.data for x in xs])
    np.testing.assert_allclose(tc.einsum("ab,bc,cd,de->ae", *xs).data, expected, rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize(("equation", "shapes", "what"), [
    ("ij,jk->ik", [(2, 3)], "has 2 groups of letters, got 1 tensors"),
    ("i", [], "has 1 groups of letters, got 0 tensors"),
    ("ij->ik", [(2, 3)], "'k' twice, or no input has it"),
    ("ij->ii", [(2, 3)], "'i' twice, or no input has it"),
    ("...i->i...j", [(2, 2)], "'j' twice, or no input has it"),
    ("i", [(2, 3)], r"names 1 axes, got a tensor of shape \(2, 3\)"),
    ("ijk->i", [(2,)], r"names 3 axes, got a tensor of shape \(2,\)"),
    ("...ij", [(2,)], r"names 2 axes, got a tensor of shape \(2,\)"),
    ("ij,jk", [(2, 3), (4, 5)], r"'j' of 'ij,jk' has the sizes \[3, 4\]"),
    ("...i,...i", [(2, 3), (4, 3)], r"has the sizes \[2, 4\]"),
    ("ii", [(2, 3)], "diagonal along 'i', got sizes 2 and 3"),
    ("ii", [(1, 3)], "diagonal along 'i', got sizes 1 and 3"),
    ("i.j", [(2, 3)], "expected letters"),
    ("i1", [(2, 3)], "expected letters"),
    ("ä", [(2,)], "expected letters"),
    ("......", [(2,)], "expected letters"),
    ("i->j->k", [(2,)], "expected letters"),
    ("i->i,i", [(2,)], "expected letters"),
    (b"i", [(2,)], "of type bytes, expected a string"),
    (["i"], [(2,)], "of type list, expected a string"),
])
def test_equation_that_does_not_fit_is_named(equation, shapes, what):
    with pytest.raises(tc.ShapeError, match=what):
        tc.einsum(equation, *(np.ones(shape) for shape in shapes))


def test_two_float_dtypes_do_not_mix():
    with pytest.raises(tc.DtypeError, match="einsum: got float32 and float64"):
        tc.einsum("i,i", np.ones(2), np.ones(2, np.float32))
