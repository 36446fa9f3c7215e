"""Miners and losses against pytorch-metric-learning and PyTorch, which share no code with us: the same sets on random batches."""

from __future__ import annotations

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.metric.losses import contrastive_loss, soft_margin_triplet_loss, triplet_loss
from tinyconv.metric.miners import (
    all_triplets,
    batch_hard_triplets,
    easy_positive_triplets,
    easy_triplets,
    hard_triplets,
    semi_hard_triplets,
    violating_triplets,
)
from tinyconv.metric.prototypical import prototypical_loss
from tinyconv.metric.siamese import SiameseHead, siamese_loss

MISSING = "an oracle is missing: pip install 'tinyconv[oracle]'"
torch = pytest.importorskip("torch", reason=MISSING)
distances = pytest.importorskip("pytorch_metric_learning.distances", reason=MISSING)
losses = pytest.importorskip("pytorch_metric_learning.losses", reason=MISSING)
their_miners = pytest.importorskip("pytorch_metric_learning.miners", reason=MISSING)
reducers = pytest.importorskip("pytorch_metric_learning.reducers", reason=MISSING)
their_indices = pytest.importorskip("pytorch_metric_learning.utils.loss_and_miner_utils", reason=MISSING)

pytestmark = pytest.mark.oracle

BATCHES = 1000


@pytest.fixture(autouse=True)
def one_thread():
    """Thousands of tiny matrices: PyTorch's threads would wait for each other most of the time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Given(distances.BaseDistance):
    """Their miners compute distances from embeddings; this one hands them the matrix that ours got, in place of embeddings."""

    def forward(self, query_emb, ref_emb=None, *args, **kwargs):
        return query_emb

    def compute_mat(self, query_emb, ref_emb):
        return query_emb

    def pairwise_distance(self, query_emb, ref_emb):
        raise NotImplementedError


def random_batch(seed, ties):
    """(distances (N, N) float64, labels): classes of all sizes, one or several; with `ties` they are small whole numbers."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 25))
    labels = rng.integers(0, int(rng.integers(1, count + 1)), count)
    if ties:
        return rng.integers(0, 4, (count, count)).astype(float), labels
    e = rng.standard_normal((count, int(rng.integers(1, 6))))
    return tc.pairwise_distances(e, metric=str(rng.choice(["euclidean", "squared_euclidean", "cosine"]))).data, labels


def theirs(miner, d, labels):
    """The triplets of one of their miners, as a set."""
    miner.distance = Given()
    found = miner(torch.tensor(d), torch.tensor(labels))
    a, p, n = (found[i].tolist() for i in ((0, 1, 3) if len(found) == 4 else (0, 1, 2)))
    return set(zip(a, p, n, strict=True))


def ours(triplets):
    """The same of ours; no triplet comes twice."""
    rows = {tuple(row) for row in triplets.tolist()}
    assert len(rows) == len(triplets)
    return rows


def by_margin(kind, margin):
    return their_miners.TripletMarginMiner(margin=margin, type_of_triplets=kind)


BY_MARGIN = {
    "all": violating_triplets, "easy": easy_triplets, "semihard": semi_hard_triplets,
    "hard": lambda d, labels, margin: hard_triplets(d, labels),
}


@pytest.mark.parametrize("kind", BY_MARGIN)
@pytest.mark.parametrize("ties", [False, True], ids=["real", "ties"])
def test_miners_with_a_margin_choose_the_same_triplets(kind, ties):
    found = 0
    for seed in range(BATCHES):
        d, labels = random_batch(seed, ties)
        margin = float(np.random.default_rng([seed, 1]).choice([0.0, 1.0, 2.0] if ties else [0.05, 0.3, 1.0]))
        chosen = ours(BY_MARGIN[kind](d, labels, margin))
        assert chosen == theirs(by_margin(kind, margin), d, labels), seed
        found += len(chosen)
    assert found > 10 * BATCHES


def easy_positive(negative):
    """Their miner of the nearest positive and this kind of negative."""
    return lambda: their_miners.BatchEasyHardMiner(pos_strategy="easy", neg_strategy=negative)


BY_ANCHOR = {
    "batch hard": (batch_hard_triplets, their_miners.BatchHardMiner),
    "easy positive, hard": (lambda d, labels: easy_positive_triplets(d, labels, "hard"), easy_positive("hard")),
    "easy positive, semi-hard": (easy_positive_triplets, easy_positive("semihard")),
}


@pytest.mark.parametrize(("miner", "other"), BY_ANCHOR.values(), ids=BY_ANCHOR)
def test_miners_of_one_triplet_an_anchor_choose_the_same_triplets(miner, other):
    found = 0
    for seed in range(BATCHES):
        d, labels = random_batch(seed, ties=False)
        chosen = ours(miner(d, labels))
        assert chosen == theirs(other(), d, labels), seed
        found += len(chosen)
    assert found > 3 * BATCHES


@pytest.mark.parametrize(("miner", "other"), BY_ANCHOR.values(), ids=BY_ANCHOR)
def test_of_equal_distances_they_may_take_another_one_but_at_the_same_distances(miner, other):
    for seed in range(BATCHES):
        d, labels = random_batch(seed, ties=True)
        placed = [sorted((a, d[a, p], d[a, n]) for a, p, n in rows)
                  for rows in (ours(miner(d, labels)), theirs(other(), d, labels))]
        assert placed[0] == placed[1], seed


def test_all_triplets_are_theirs():
    for seed in range(BATCHES):
        _, labels = random_batch(seed, ties=False)
        expected = zip(*(i.tolist() for i in their_indices.get_all_triplets_indices(torch.tensor(labels))), strict=True)
        assert [tuple(row) for row in all_triplets(labels).tolist()] == list(expected)  # in the same order


# --- Losses ------------------------------------------------------------------------------------------------


def batch(seed=0, count=12, dim=5):
    rng = np.random.default_rng(seed)
    return 0.4 * rng.standard_normal((count, dim)), rng.integers(0, 4, count)  # near: their softplus is a line from 20 on


def check_gradients(loss, arrays, expected, leaves):
    """Value and gradients of our `loss` of `arrays` against their value `expected` of `leaves`."""
    x = [tc.tensor(a, requires_grad=True) for a in arrays]
    y = loss(*x)
    assert y.item() == pytest.approx(expected.item(), rel=1e-12)
    for a, b in zip(tc.grad(y, x), torch.autograd.grad(expected, leaves), strict=True):
        np.testing.assert_allclose(a.data, b.numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("metric", "other"), [
    ("euclidean", lambda: distances.LpDistance(normalize_embeddings=False)),
    ("squared_euclidean", lambda: distances.LpDistance(normalize_embeddings=False, power=2)),
])
@pytest.mark.parametrize(("reduction", "reducer"), [("mean", lambda: reducers.MeanReducer()),
                                                    ("mean_active", lambda: reducers.AvgNonZeroReducer())])
def test_triplet_losses_of_both_kinds_and_reductions(metric, other, reduction, reducer):
    for seed in range(20):
        e, labels = batch(seed)
        leaf = torch.tensor(e, requires_grad=True)
        triplets = all_triplets(labels)
        rows = tuple(torch.tensor(column.copy()) for column in triplets.T)
        hinge = losses.TripletMarginLoss(margin=0.7, distance=other(), reducer=reducer())
        check_gradients(lambda x, t=triplets: triplet_loss(x, t, 0.7, distance=metric, reduction=reduction), [e],
                        hinge(leaf, torch.tensor(labels), rows), [leaf])
        soft = losses.TripletMarginLoss(margin=0.0, smooth_loss=True, distance=other(), reducer=reducer())
        check_gradients(lambda x, t=triplets: soft_margin_triplet_loss(x, t, distance=metric, reduction=reduction), [e],
                        soft(leaf, torch.tensor(labels), rows), [leaf])


def test_cosine_triplet_loss():
    e, labels = batch()
    leaf, triplets = torch.tensor(e, requires_grad=True), all_triplets(labels)
    a, p, n = (leaf[column.copy()] for column in triplets.T)
    similar = torch.nn.functional.cosine_similarity
    expected = torch.relu(similar(a, n) - similar(a, p) + 0.4).mean()
    check_gradients(lambda x: triplet_loss(x, triplets, 0.4, distance="cosine"), [e], expected, [leaf])


def test_contrastive_loss_of_hadsell_chopra_and_lecun():
    e, labels = batch()
    x, y, same = e[:6], e[6:], labels[:6] == labels[6:]
    leaves = [torch.tensor(a, requires_grad=True) for a in (x, y)]
    d = torch.nn.functional.pairwise_distance(*leaves, eps=0)
    t = torch.tensor(same.astype(float))
    expected = (t * d**2 / 2 + (1 - t) * torch.relu(1.2 - d) ** 2 / 2).mean()
    assert 0 < same.sum() < 6
    check_gradients(lambda a, b: contrastive_loss(a, b, same, 1.2), [x, y], expected, leaves)


def test_prototypical_loss():
    rng = np.random.default_rng(0)
    support, queries, labels = rng.standard_normal((5, 3, 8)), rng.standard_normal((9, 8)), rng.integers(0, 5, 9)
    s, q = (torch.tensor(a, requires_grad=True) for a in (support, queries))
    logits = -0.3 * torch.cdist(q, s.mean(dim=1)) ** 2
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor(labels))
    check_gradients(lambda a, b: prototypical_loss(a, b, labels, scale=0.3), [support, queries], expected, [s, q])


@pytest.mark.parametrize("comparison", ["absolute_difference", "chi_square"])
def test_siamese_head_and_its_loss(comparison):
    e = np.random.default_rng(0).uniform(0.1, 2, (12, 5)).astype(np.float32)
    same = np.arange(6) % 3 == 0
    head = SiameseHead(5, comparison)
    leaf = torch.tensor(e.astype(float), requires_grad=True)
    x, y = leaf[:6], leaf[6:]
    seen = (x - y).abs() if comparison == "absolute_difference" else (x - y) ** 2 / (x + y)
    logits = seen @ torch.tensor(head.weight.data.astype(float))[:, 0]
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.tensor(same.astype(float)))
    ours_leaf = tc.tensor(e, requires_grad=True)
    loss = siamese_loss(head(ours_leaf), same)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    slope = torch.autograd.grad(expected, leaf)[0].numpy()
    np.testing.assert_allclose(tc.grad(loss, ours_leaf).data, slope, rtol=1e-4, atol=1e-6)
