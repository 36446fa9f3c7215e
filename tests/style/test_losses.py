"""The costs of style transfer against their definitions in the course."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.gradcheck import gradcheck
from tinyconv.style.losses import content_cost, gram, mean_gram, style_cost, total_variation

rng = np.random.default_rng(0)
A = rng.standard_normal((2, 3, 4, 5))
B = rng.standard_normal((2, 3, 4, 5))


def test_gram_is_the_double_sum_of_the_course():
    expected = np.zeros((2, 5, 5))
    for n, i, j, k, m in np.ndindex(2, 3, 4, 5, 5):
        expected[n, k, m] += A[n, i, j, k] * A[n, i, j, m]
    np.testing.assert_allclose(gram(A).data, expected, rtol=1e-12)


def test_gram_forgets_where_things_are():
    shuffled = A.reshape(2, 12, 5)[:, rng.permutation(12)].reshape(2, 4, 3, 5)
    np.testing.assert_allclose(gram(shuffled).data, gram(A).data, rtol=1e-12)


def test_style_cost_is_the_course_formula_for_pictures_of_one_size():
    height, width, channels = A.shape[1:]
    difference = gram(A).data - gram(B).data
    expected = (difference**2).sum() / (2 * height * width * channels) ** 2
    assert style_cost(mean_gram(A), B).item() == pytest.approx(expected, rel=1e-12)


def test_style_cost_does_not_depend_on_the_size_of_the_style_image():
    twice = np.concatenate([A, A], axis=1)
    assert style_cost(mean_gram(twice), B).item() == pytest.approx(style_cost(mean_gram(A), B).item(), rel=1e-12)


def test_costs_of_a_picture_with_itself_are_zero():
    assert style_cost(mean_gram(A), A).item() == 0
    assert content_cost(A, A).item() == 0


def test_total_variation_of_a_flat_picture_is_zero_and_of_a_step_is_its_share():
    flat = np.full((1, 4, 4, 3), 0.3)
    step = np.zeros((1, 4, 4, 1))
    step[:, :, 2:] = 1
    assert total_variation(flat).item() == 0
    assert total_variation(step).item() == pytest.approx(4 / 12)  # 4 of 12 horizontal neighbours differ by 1


@pytest.mark.parametrize("cost", [lambda x: content_cost(A, x), lambda x: style_cost(mean_gram(A), x)], ids=["content", "style"])
def test_costs_have_the_right_first_and_second_derivatives(cost):
    for order in (1, 2):
        report = gradcheck(cost, B, order=order, rng=np.random.default_rng(1))
        assert report.ok, str(report)


def test_layers_that_do_not_fit_are_named():
    with pytest.raises(tc.ShapeError, match="same layer"):
        style_cost(mean_gram(A), B[..., :4])
    with pytest.raises(tc.ShapeError, match="one shape"):
        content_cost(A, B[:, :2])
    with pytest.raises(tc.ShapeError, match=r"\(N, H, W, C\)"):
        gram(A[0])
