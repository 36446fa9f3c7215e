"""Each usual mistake, made on purpose, is called by its name; what is right or unknown is not called by any."""

from __future__ import annotations

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.engine import primitive, tensor
from tinyconv.gradcheck import gradcheck
from tinyconv.gradcheck.diagnosis import diagnose, diagnose_shape


def looks_like(report, position=0):
    assert not report.ok
    return report.findings[position].looks_like


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def affine(weight_rule=lambda g, x: x.transpose() @ g, bias_rule=lambda g: g.sum(axis=0)):
    """x @ w + b with the rules for w and b that a learner might write."""

    @primitive
    def affine(x, w, b):
        return x @ w + b

    affine.vjp(lambda g, w: g @ w.transpose(), weight_rule, bias_rule)
    return affine


def check_affine(op, features=3):
    return gradcheck(op, normal(5, 3), normal(3, features, seed=1), normal(features, seed=2))


def test_the_right_rules_are_called_nothing():
    report = check_affine(affine())
    assert report.ok
    assert [finding.looks_like for finding in report.findings] == ["", "", ""]


def test_wrong_sign():
    report = check_affine(affine(weight_rule=lambda g, x: -(x.transpose() @ g)), 4)
    assert looks_like(report, 1) == "a wrong sign: analytic = -numeric"
    assert report.findings[0].ok
    assert report.findings[2].ok


def test_constant_factor_is_named():
    text = looks_like(check_affine(affine(weight_rule=lambda g, x: (x.transpose() @ g) * 1.5), 4), 1)
    assert text == "a constant factor: analytic = 1.5 * numeric"


def test_wrong_sign_and_factor():
    text = looks_like(check_affine(affine(weight_rule=lambda g, x: (x.transpose() @ g) * -2), 4), 1)
    assert text == "a wrong sign and a constant factor: analytic = -2 * numeric"


def test_factor_of_an_elementwise_op_is_no_batch_mistake():
    @primitive
    def square(x):
        return x * x

    square.vjp(lambda g, x: g * x)
    assert looks_like(gradcheck(square, normal(2, 3))) == "a constant factor: analytic = 0.5 * numeric"


def test_forgotten_batch_sum_that_keeps_the_batch_axis():
    report = check_affine(affine(bias_rule=lambda g: g))
    assert not report.ok
    assert report.error == np.inf
    assert "rule of affine for b gave float64 (5, 3), expected float64 (3,)" in report.failure
    assert "a forgotten batch sum: the 5 samples" in report.failure


def test_forgotten_batch_sum_that_takes_one_sample():
    text = looks_like(check_affine(affine(bias_rule=lambda g: g[-1])), 2)
    assert text == "a forgotten batch sum: analytic is the share of sample 4 alone"


def test_forgotten_batch_sum_that_takes_the_mean():
    text = looks_like(check_affine(affine(bias_rule=lambda g: g.mean(axis=0))), 2)
    assert "a constant factor: analytic = 0.2 * numeric" in text
    assert "a forgotten batch sum" in text


def test_forgotten_division_by_the_batch_size():
    @primitive
    def mean_over_batch(x, w):
        return (x * w).mean(axis=0)

    mean_over_batch.vjp(lambda g, w, x_shape: tc.engine.broadcast_to(g * w, x_shape), lambda g, x: g * x.sum(axis=0))
    report = gradcheck(mean_over_batch, normal(4, 3), normal(3, seed=1))
    assert [finding.looks_like for finding in report.findings] == ["a constant factor: analytic = 4 * numeric"] * 2


def test_transposed_axes():
    text = looks_like(check_affine(affine(weight_rule=lambda g, x: g.transpose() @ x)), 1)
    assert text == "transposed axes: analytic = numeric.transpose(1, 0)"


def test_reshape_in_place_of_transpose():
    @primitive
    def turn(x):
        return x.transpose(1, 2, 0)

    turn.vjp(lambda g, x_shape: g.reshape(x_shape))
    assert "transposed axes" in looks_like(gradcheck(turn, normal(2, 3, 4)))


def test_transposed_axes_of_unequal_size_are_seen_in_the_shape():
    report = check_affine(affine(weight_rule=lambda g, x: g.transpose() @ x), 4)
    assert report.failure.endswith("It looks like transposed axes.")


def test_reversed_axes():
    @primitive
    def correlate(x, w):
        return np.convolve(x, w[::-1], "valid")

    correlate.vjp(lambda g, x, w: tensor(np.convolve(g.data, w.data)),
                  lambda g, x: tensor(np.correlate(x.data, g.data, "valid")[::-1]))
    report = gradcheck(correlate, normal(9), normal(4, seed=1))
    assert report.findings[0].ok
    assert looks_like(report, 1) == "reversed axes: analytic = np.flip(numeric, (0,))"


def test_missing_mask():
    @primitive
    def ramp(x):
        return np.maximum(x, 0)

    ramp.vjp(lambda g: g)
    x = np.array([[-1.0, 2.0, -0.5], [0.7, -2.0, 1.0]])
    assert looks_like(gradcheck(ramp, x)) == "a missing mask: 3 elements should get no gradient, and get one"


def test_missing_mask_where_nothing_is_active():
    @primitive
    def ramp(x):
        return np.maximum(x, 0)

    ramp.vjp(lambda g: g)
    assert looks_like(gradcheck(ramp, [-1.0, -2.0])) == "a missing mask: 2 elements should get no gradient, and get one"


def test_lost_gradient_is_a_forgotten_term():
    text = looks_like(gradcheck(lambda x, w: x * w.data, normal(2, 3), normal(2, 3, seed=1)), 1)
    assert text == "a forgotten term: analytic is zero everywhere"


def test_gradient_lost_at_some_elements_is_a_forgotten_term():
    @primitive
    def double(x):
        return 2 * x

    double.vjp(lambda g: g * np.array([2, 2, 0, 2]))
    assert looks_like(gradcheck(double, normal(4))) == "a forgotten term: 1 elements should get a gradient, and get none"


def test_swapped_rules():
    @primitive
    def product(a, b):
        return a * b

    product.vjp(lambda g, a: g * a, lambda g, b: g * b)
    report = gradcheck(product, normal(2, 3), normal(2, 3, seed=1))
    assert looks_like(report, 0) == "swapped rules: it is the gradient for b"
    assert looks_like(report, 1) == "swapped rules: it is the gradient for a"


def test_a_gradient_that_is_not_finite():
    @primitive
    def root(x):
        return np.sqrt(x * x)

    root.vjp(lambda g, x: tensor(np.full(x.shape, np.nan)))
    assert "not finite" in looks_like(gradcheck(root, [1.0, 2.0]))


def test_a_rule_that_returns_an_array():
    report = check_affine(affine(bias_rule=lambda g: g.data.sum(axis=0)))
    assert "a rule that works on arrays" in report.failure


def test_a_rule_whose_own_operations_fail_is_reported():
    report = check_affine(affine(weight_rule=lambda g, x: x @ g), 4)
    assert "matmul: shapes (5, 3) and (5, 4) do not fit" in report.failure


def test_an_unknown_mistake_gets_no_name():
    @primitive
    def cube(x):
        return x**3

    cube.vjp(lambda g, x: g * (3 * x * x + 1))
    assert looks_like(gradcheck(cube, normal(3, 4))) == "no mistake that is known here"


@pytest.mark.parametrize("shape", [(2,), (7,), (3, 3), (2, 3, 4), (1, 5)])
def test_unrelated_arrays_are_not_mislabelled(shape):
    for seed in range(50):
        analytic, other, *shares = np.random.default_rng(seed).standard_normal((5, *shape))
        assert diagnose(analytic, sum(shares), np.stack(shares), {"other": other}) == "no mistake that is known here"


def test_one_number_alone_does_not_prove_a_factor():
    assert diagnose(np.array([0.37]), np.array([1.0])) == "no mistake that is known here"
    assert diagnose(np.array([0.5]), np.array([1.0])) == "a constant factor: analytic = 0.5 * numeric"


@pytest.mark.parametrize(("got", "expected", "text"), [
    ((5, 3), (3,), "a forgotten batch sum"),
    ((3,), (5, 3), "a forgotten batch"),
    ((4, 3), (3, 4), "transposed axes"),
    ((2, 3, 4), (3, 1), "a forgotten sum over the axes along which the input was broadcast"),
    ((2, 4), (3, 5), "no mistake that is known here"),
    ((3, 4), (3, 4), "another dtype"),
    (None, (3,), "works on arrays"),
])
def test_shapes_name_their_mistake(got, expected, text):
    assert text in diagnose_shape(got, expected)
