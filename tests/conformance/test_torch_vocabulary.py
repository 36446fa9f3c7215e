"""Joining, gathering, lengths, losses, distances and sums of products, values and gradients of both orders, against PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinyconv as tc
from tests.conformance.oracle import DTYPES, assert_close, check_same

torch = pytest.importorskip("torch", reason="PyTorch is the oracle: pip install torch")
functional = torch.nn.functional
pytestmark = pytest.mark.oracle

INDICES = np.array([[[0, 2, 2, 1, 0, 1]], [[1, 1, 0, 0, 2, 2]]])  # (2, 1, 6)
LABELS = [[0, 1, 0.3], [1, 0, 0.8]]
Shapes = list[tuple[int, ...]]

CASES: dict[str, tuple[Callable[..., Any], Callable[..., Any], Shapes]] = {
    "stack": (lambda a, b: tc.stack([a * a, b, a], axis=1), lambda a, b: torch.stack([a * a, b, a], 1), [(3, 4), (3, 4)]),
    "stack, last": (lambda a, b: tc.stack([a, b * a], axis=-1), lambda a, b: torch.stack([a, b * a], -1), [(3, 4), (3, 4)]),
    "stack of scalars": (lambda a, b: tc.stack([a, b * a]), lambda a, b: torch.stack([a, b * a]), [(), ()]),
    "flip": (lambda x: tc.flip(x * x, axis=1), lambda x: torch.flip(x * x, (1,)), [(2, 3, 4)]),
    "flip of two axes": (lambda x: tc.flip(x * x, axis=(0, -1)), lambda x: torch.flip(x * x, (0, 2)), [(2, 3, 4)]),
    "take_along_axis": (lambda x: tc.take_along_axis(x * x, INDICES.repeat(4, 1), axis=2),
                        lambda x: torch.take_along_dim(x * x, torch.tensor(INDICES.repeat(4, 1)), 2), [(2, 4, 3)]),
    "take_along_axis, broadcast": (lambda x: tc.take_along_axis(x * x, INDICES, axis=-1),
                                   lambda x: torch.take_along_dim(x * x, torch.tensor(INDICES), -1), [(2, 4, 3)]),
    "take_along_axis of the largest": (
        lambda x: tc.take_along_axis(x * x, tc.argmax(x, axis=1, keepdims=True), axis=1),
        lambda x: torch.take_along_dim(x * x, torch.argmax(x, 1, keepdim=True), 1), [(2, 4, 3)]),
    "top_k": (lambda x: tc.top_k(x * x, 3)[0], lambda x: torch.topk(x * x, 3).values, [(2, 4, 5)]),
    "top_k of axis 0": (lambda x: tc.top_k(x * x, 2, axis=0)[0], lambda x: torch.topk(x * x, 2, 0).values, [(4, 3)]),
    "norm": (tc.norm, lambda x: torch.linalg.vector_norm(x), [(3, 4)]),
    "norm over axis 1": (lambda x: tc.norm(x, axis=1, keepdims=True),
                         lambda x: torch.linalg.vector_norm(x, dim=1, keepdim=True), [(2, 3, 4)]),
    "norm over two axes": (lambda x: tc.norm(x, axis=(0, -1)), lambda x: torch.linalg.vector_norm(x, dim=(0, 2)), [(2, 3, 4)]),
    "l2_normalize": (tc.l2_normalize, lambda x: functional.normalize(x, dim=-1), [(3, 4)]),
    "l2_normalize over axis 1": (lambda x: tc.l2_normalize(x, axis=1), lambda x: functional.normalize(x, dim=1), [(2, 3, 4)]),
    "l2_normalize of short vectors": (lambda x: tc.l2_normalize(x * x, eps=2),
                                      lambda x: functional.normalize(x * x, dim=-1, eps=2), [(5, 3)]),
    "bce_with_logits": (lambda x: tc.bce_with_logits(x, LABELS),
                        lambda x: functional.binary_cross_entropy_with_logits(x, torch.tensor(LABELS, dtype=x.dtype)), [(2, 3)]),
    "bce_with_logits, live targets": (
        lambda x, t: tc.bce_with_logits(x, tc.sigmoid(t)),
        lambda x, t: functional.binary_cross_entropy_with_logits(x, torch.sigmoid(t)), [(2, 3, 4), (2, 3, 4)]),
    "huber": (tc.huber, lambda a, b: functional.huber_loss(a, b), [(3, 4), (3, 4)]),
    "huber, delta 0.4": (lambda a, b: tc.huber(a, b, delta=0.4), lambda a, b: functional.huber_loss(a, b, delta=0.4),
                         [(3, 4), (3, 4)]),
    "kl_divergence": (lambda a, b: tc.kl_divergence(tc.log_softmax(a), tc.softmax(b)),
                      lambda a, b: functional.kl_div(torch.log_softmax(a, -1), torch.softmax(b, -1), reduction="batchmean"),
                      [(5, 4), (5, 4)]),
    "kl_divergence with three axes": (
        lambda a, b: tc.kl_divergence(tc.log_softmax(a), tc.softmax(b)),
        lambda a, b: functional.kl_div(torch.log_softmax(a, -1), torch.softmax(b, -1), reduction="batchmean"),
        [(2, 3, 4), (2, 3, 4)]),
    "kl_divergence with zeros": (
        lambda a: tc.kl_divergence(a, LABELS),
        lambda a: functional.kl_div(a, torch.tensor(LABELS, dtype=a.dtype), reduction="batchmean"), [(2, 3)]),
    "euclidean": (tc.pairwise_distances, lambda x, y: (x[:, None] - y).square().sum(-1).sqrt(), [(3, 4), (5, 4)]),
    "squared euclidean": (lambda x, y: tc.pairwise_distances(x, y, metric="squared_euclidean"),
                          lambda x, y: (x[:, None] - y).square().sum(-1), [(3, 4), (5, 4)]),
    "cosine": (lambda x, y: tc.pairwise_distances(x, y, metric="cosine"),
               lambda x, y: 1 - functional.cosine_similarity(x[:, None], y[None], dim=-1), [(3, 4), (5, 4)]),
    "squared euclidean, one matrix": (lambda x: tc.pairwise_distances(x, metric="squared_euclidean"),
                                      lambda x: (x[:, None] - x).square().sum(-1), [(4, 3)]),
    "cosine, one matrix": (lambda x: tc.pairwise_distances(x, metric="cosine"),
                           lambda x: 1 - functional.cosine_similarity(x[:, None], x[None], dim=-1), [(4, 3)]),
    "distances in one dimension": (lambda x, y: tc.pairwise_distances(x, y, "squared_euclidean"),
                                   lambda x, y: (x[:, None] - y).square().sum(-1), [(1, 1), (2, 1)]),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CASES)
def test_operation_and_its_gradients_of_both_orders(name, dtype):
    ours, theirs, shapes = CASES[name]
    rng = np.random.default_rng(11)
    check_same(ours, theirs, [rng.standard_normal(shape) for shape in shapes], dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_euclidean_distances_of_one_matrix_and_their_gradient(dtype):
    x = np.random.default_rng(12).standard_normal((6, 4))
    check_same(lambda x: tc.pairwise_distances(x), lambda x: torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist"), [x],
               dtype, second_order=False)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("logit", [-1000.0, -40.0, 0.0, 40.0, 1000.0])
@pytest.mark.parametrize("target", [0.0, 0.25, 1.0])
def test_bce_of_a_certain_logit(logit, target, dtype):
    check_same(lambda x: tc.bce_with_logits(x, [target]),
               lambda x: functional.binary_cross_entropy_with_logits(x, torch.tensor([target], dtype=x.dtype)),
               [np.array([logit])], dtype, second_order=False)


EQUATIONS: list[tuple[str, Shapes]] = [
    ("ij,jk->ik", [(2, 3), (3, 4)]),
    ("ij,jk", [(2, 3), (3, 4)]),
    ("ij,kj->ki", [(2, 3), (4, 3)]),
    ("bij,bjk->bik", [(5, 2, 3), (5, 3, 4)]),
    ("nhwc,nhwd->ncd", [(2, 3, 4, 5), (2, 3, 4, 6)]),
    ("bqhd,bkhd->bhqk", [(2, 3, 4, 5), (2, 6, 4, 5)]),
    ("...ij,...jk->...ik", [(5, 1, 2, 3), (4, 3, 2)]),
    ("i...,i...->...", [(3, 2, 1), (3, 4)]),
    ("...c,c->...", [(2, 3, 4), (4,)]),
    ("i,j->ij", [(3,), (4,)]),
    ("i,i", [(3,), (3,)]),
    ("ij->ji", [(2, 3)]),
    ("ij->j", [(2, 3)]),
    ("ij->", [(2, 3)]),
    ("ii", [(3, 3)]),
    ("ii->i", [(3, 3)]),
    ("bii->bi", [(2, 3, 3)]),
    ("ij,k->i", [(2, 3), (4,)]),
    ("ij,jk->ik", [(2, 1), (3, 4)]),
    ("bn,anm,bm->ba", [(2, 5), (3, 5, 4), (2, 4)]),
    ("ij,jk,kl,lm->mi", [(2, 3), (3, 4), (4, 2), (2, 3)]),
    ("a,b,c->cab", [(2,), (3,), (4,)]),
    ("ij,jk->ik", [(0, 3), (3, 2)]),
    ("ij,jk->ik", [(2, 0), (0, 3)]),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("equation", "shapes"), EQUATIONS, ids=lambda value: str(value))
def test_einsum_and_its_gradients_of_both_orders(equation, shapes, dtype):
    rng = np.random.default_rng(13)
    check_same(lambda *xs: tc.einsum(equation, *xs), lambda *xs: torch.einsum(equation, *xs),
               [rng.standard_normal(shape) for shape in shapes], dtype)


def random_equation(rng: np.random.Generator) -> tuple[str, Shapes]:
    """Up to three groups of up to four of five letters, without repetition in a group, and a random output."""
    sizes = dict(zip("abcde", (2, 3, 4, 5, 1), strict=True))
    groups = ["".join(rng.permutation(list(sizes))[: rng.integers(0, 5)]) for _ in range(rng.integers(1, 4))]
    letters = sorted(set("".join(groups)))
    output = "".join(rng.permutation(letters)[: rng.integers(0, len(letters) + 1)]) if letters else ""
    return f"{','.join(groups)}->{output}", [tuple(sizes[letter] for letter in group) for group in groups]


@pytest.mark.parametrize("seed", range(60))
def test_einsum_of_random_equations(seed):
    rng = np.random.default_rng([seed, 14])
    equation, shapes = random_equation(rng)
    check_same(lambda *xs: tc.einsum(equation, *xs), lambda *xs: torch.einsum(equation, *xs),
               [rng.standard_normal(shape) for shape in shapes], np.float64)


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_hot_and_argmax(dtype):
    labels = np.random.default_rng(15).integers(0, 7, (3, 4))
    ours = tc.one_hot(labels, 7, dtype)
    assert_close(ours.data, functional.one_hot(torch.tensor(labels), 7).numpy().astype(dtype), dtype)
    x = np.random.default_rng(16).integers(-3, 3, (4, 5, 6)).astype(dtype)  # with ties
    for axis in (None, 0, 1, -1):
        for keepdims in (False, True):
            if axis is not None or not keepdims:
                np.testing.assert_array_equal(tc.argmax(x, axis, keepdims),
                                              torch.argmax(torch.tensor(x), axis, keepdim=keepdims).numpy())


def test_top_k_of_distinct_values_chooses_the_same_indices():
    x = np.random.default_rng(17).permutation(60).reshape(3, 4, 5).astype(float)
    for axis, k in [(0, 2), (1, 4), (-1, 3), (2, 0)]:
        np.testing.assert_array_equal(tc.top_k(x, k, axis)[1], torch.topk(torch.tensor(x), k, axis).indices.numpy())
