"""The collapse doctor on clouds of embeddings whose story is known: no training."""

import itertools
import math

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.metric import signs as signs_module
from tinyconv.metric.doctor import CollapseDoctor
from tinyconv.metric.signs import vital_signs

LABELS = np.repeat(np.arange(12), 3)
DIM, STEPS = 16, 60


def people(rng, width, noise, shuffled=False):
    """A batch: 12 people at random directions of length `width`, three pictures each, `noise` apart."""
    cloud = np.repeat(rng.standard_normal((12, DIM)) * width / math.sqrt(DIM), 3, axis=0)
    cloud = cloud + rng.standard_normal((36, DIM)) * noise / math.sqrt(DIM)
    return rng.permutation(cloud) if shuffled else cloud


def unit(cloud):
    return cloud / np.linalg.norm(cloud, axis=1, keepdims=True)


def hinge(cloud, margin, hardest=False):
    """The triplet loss by its definition, over the triplets that cost something or over each anchor's hardest."""
    d = ((cloud[:, None] - cloud[None]) ** 2).sum(axis=2)
    same = LABELS[:, None] == LABELS
    if hardest:
        return np.maximum(np.where(same, d, -np.inf).max(1) - np.where(same, np.inf, d).min(1) + margin, 0).mean()
    costs = (d[:, :, None] - d[:, None, :] + margin)[same[:, :, None] & ~np.eye(36, dtype=bool)[:, :, None] & ~same[:, None, :]]
    return costs[costs > 0].mean() if (costs > 0).any() else 0.0


def story(clouds, margin=0.3, hardest=False):
    """What the doctor says at the end of it."""
    doctor = CollapseDoctor(margin)
    for cloud in clouds:
        doctor.watch(cloud.astype(np.float32), LABELS, hinge(cloud, margin, hardest))
    return doctor.diagnose()


def learning(rng, steps=STEPS):
    """A net's embeddings around a common direction, whose people move apart and become narrower."""
    for t in np.linspace(0, 1, steps):
        yield unit(people(rng, 0.5 + t, 0.8 - 0.5 * t) + (1 - t) * np.eye(DIM)[0])


def shrinking(rng, least):
    for t in np.minimum(np.arange(STEPS) / 15, 1):
        yield np.eye(DIM)[0] + least**t * people(rng, 0.5, 0.5)


@pytest.mark.parametrize("seed", range(10))
def test_a_cloud_that_sorts_itself_is_healthy_at_every_step(seed):
    doctor = CollapseDoctor(0.3)
    for step, cloud in enumerate(learning(np.random.default_rng(seed), 150), 1):
        doctor.watch(cloud, LABELS, hinge(cloud, 0.3))
        assert doctor.diagnose().name == ("too early" if step < 50 else "healthy")
        assert not doctor.diagnose().alarm
        assert not doctor.diagnose().change


def test_a_cloud_thrown_elsewhere_in_one_step_means_a_rate_too_high():
    rng = np.random.default_rng(0)
    diagnosis = story([unit(people(rng, 0.4, 0.6) + np.eye(DIM)[0 if step < 3 else 1]) for step in range(STEPS)])
    assert diagnosis.name == "learning rate too high"
    assert diagnosis.change == {"lr_factor": 0.1}
    assert "step 4" in diagnosis.evidence


def test_a_leap_is_forgiven_when_the_people_are_told_apart_again():
    rng = np.random.default_rng(0)
    thrown = [unit(people(rng, 0.3, 0.5) + 5 * np.eye(DIM)[i]) for i in (0, 1)]
    assert story([*thrown, *(unit(people(rng, 1.0, 0.2)) for _ in range(STEPS))]).name == "healthy"


@pytest.mark.parametrize("broken", ["loss", "embeddings", "too large to square"])
def test_what_is_no_number_means_a_rate_too_high_at_once(broken):
    cloud, doctor = people(np.random.default_rng(0), 1, 1), CollapseDoctor(0.3)
    doctor.watch(cloud, LABELS, 0.3)
    bad = cloud * {"loss": 1, "embeddings": np.nan, "too large to square": 1e200}[broken]
    doctor.watch(bad, LABELS, np.inf if broken == "loss" else 0.3)
    doctor.watch(cloud, LABELS, 0.3)
    assert doctor.diagnose().name == "learning rate too high"
    assert "not finite since step 2" in doctor.diagnose().evidence


def test_positives_no_nearer_than_negatives_mean_shuffled_labels():
    rng = np.random.default_rng(0)
    diagnosis = story([unit(people(rng, 1, 0.3, shuffled=True)) for _ in range(STEPS)])
    assert diagnosis.name == "labels are shuffled"
    assert diagnosis.change == {"labels": "read again"}


def test_shuffled_labels_are_named_though_the_cloud_shrinks_with_them():
    rng = np.random.default_rng(0)
    assert story([np.eye(DIM)[0] + rng.permutation(cloud) for cloud in shrinking(rng, 1e-2)]).name == "labels are shuffled"


@pytest.mark.parametrize("margin", [0.0, 1e-6])
def test_a_cloud_that_shrinks_and_costs_less_has_no_margin(margin):
    diagnosis = story(shrinking(np.random.default_rng(0), 1e-2), margin)
    assert diagnosis.name == "margin is 0"
    assert 0.05 < diagnosis.change["margin"] < 0.5
    assert str(diagnosis.change["margin"]) in diagnosis.advice


def test_a_margin_of_0_alone_is_no_alarm():
    assert story(learning(np.random.default_rng(0)), 0.0).name == "healthy"


def test_a_cloud_that_shrinks_while_the_loss_stands_at_the_margin_has_collapsed():
    diagnosis = story(shrinking(np.random.default_rng(0), 1e-2), 0.3, hardest=True)
    assert diagnosis.name == "collapsed"
    assert diagnosis.change == {"mining": "semi-hard"}
    assert "one point for all costs 0.3" in diagnosis.evidence


def test_one_point_from_the_first_step_on_has_collapsed():
    assert story([np.ones((36, DIM))] * STEPS).name == "collapsed"


def test_a_margin_that_nobody_can_reach_is_too_large():
    rng = np.random.default_rng(0)
    diagnosis = story([unit(people(rng, 1, 0.5)) for _ in range(STEPS)], margin=4.0)
    assert diagnosis.name == "margin too large"
    assert diagnosis.change["margin"] == pytest.approx(0.5, rel=0.3)


def test_a_margin_not_reached_yet_is_no_alarm():
    rng = np.random.default_rng(0)
    assert story([people(rng, 1 + t / 20, 0.5) for t in range(STEPS)], margin=40.0).name == "healthy"


def test_without_a_margin_the_loss_is_held_against_ln_2():
    rng = np.random.default_rng(0)
    standing, falling = CollapseDoctor(chance=math.log(2)), CollapseDoctor(chance=math.log(2))
    for cloud in shrinking(rng, 1e-2):
        standing.watch(cloud, LABELS, 0.69)
        falling.watch(cloud, LABELS, 0.1)
    assert standing.diagnose().name == "collapsed"
    assert falling.diagnose().name == "healthy"
    assert "0.693" in falling.diagnose().evidence


def test_a_diagnosis_reads_as_sentences():
    told = str(story([np.ones((36, DIM))] * STEPS))
    assert told.startswith("collapsed: d(a,n) has shrunk")
    assert told.endswith("Mine semi-hard triplets instead of the hardest ones.")


def test_signs_are_those_of_the_definition():
    rng = np.random.default_rng(3)
    labels, margin = np.array([4, 1, 4, 4, 1, 9, 2, 2]), 0.8
    x, before = rng.standard_normal((8, 3)) + 1, rng.standard_normal((8, 3))
    d = ((x[:, None] - x[None]) ** 2).sum(axis=2)
    triplets = [(a, p, n) for a, p, n in itertools.product(range(8), repeat=3) if a != p and labels[a] == labels[p] != labels[n]]
    gaps = np.array([d[a, n] - d[a, p] for a, p, n in triplets])
    eigenvalues = np.linalg.eigvalsh(np.cov(x.T))
    found = vital_signs(x, labels, 0.7, margin, vital_signs(before, labels, 0.7, margin))
    assert found.positive == pytest.approx(np.mean([d[a, p] for a, p in {t[:2] for t in triplets}]))
    assert found.negative == pytest.approx(d[labels[:, None] != labels].mean())
    assert found.active == pytest.approx((gaps < margin).mean())
    assert found.order == pytest.approx((gaps > 0).mean())
    assert found.rank == pytest.approx(eigenvalues.sum() ** 2 / (eigenvalues**2).sum())
    assert found.fullness == pytest.approx(x.var(axis=0).sum() / (x**2).sum(axis=1).mean())
    error = 2 * min(x.var(axis=0).sum(), before.var(axis=0).sum()) / 4  # of four people
    assert found.leap == pytest.approx(np.linalg.norm(x.mean(axis=0) - before.mean(axis=0)) / math.sqrt(error))
    assert found.loss == 0.7


def test_rank_counts_the_directions_of_a_cloud():
    wide = np.diag([1.0] * 5 + [0] * 11)
    for cloud, rank in ((np.vstack([wide[:5], -wide[:5]]), 5), (np.vstack([wide[:1], -wide[:1]] * 5), 1), (np.ones((10, 16)), 0)):
        assert vital_signs(cloud, np.arange(10) // 2, 0.1).rank == pytest.approx(rank)


def test_leaps_of_a_cloud_that_stays_are_about_one():
    rng = np.random.default_rng(0)
    leaps, before = [], None
    for _ in range(200):
        before = vital_signs(people(rng, 1, 0), LABELS, 0.1, 0.2, before)
        leaps.append(before.leap)
    assert math.isnan(leaps[0])
    assert np.mean(leaps[1:]) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("images", [2, 4])
def test_a_large_batch_is_judged_by_a_sample_of_its_triplets(images, monkeypatch):
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(60 // images), images)
    x = np.repeat(rng.standard_normal((60 // images, 8)), images, axis=0) + 0.7 * rng.standard_normal((60, 8))
    found = []
    for anchors, pairs in ((20, 20), (60, 60 * images)):
        monkeypatch.setattr(signs_module, "ANCHORS", anchors)
        monkeypatch.setattr(signs_module, "PAIRS", pairs)
        found.append(vital_signs(x, labels, 0.1, 4.0))
    sample, whole = found
    assert sample.rank == pytest.approx(whole.rank)
    for sign in ("positive", "negative", "active", "order"):
        assert getattr(sample, sign) != getattr(whole, sign)
        assert getattr(sample, sign) == pytest.approx(getattr(whole, sign), rel=0.15, abs=0.1)


@pytest.mark.parametrize("labels", [np.arange(6), np.zeros(6, int), np.empty(0, int)])
def test_a_batch_without_a_triplet_is_refused(labels):
    with pytest.raises(tc.ShapeError, match=r"has no triplet.*p_by_k"):
        vital_signs(np.ones((len(labels), 2)), labels, 0.1)


@pytest.mark.parametrize(("embeddings", "labels"), [
    (np.ones(4), [0, 0, 1, 1]), (np.ones((4, 2)), [0, 0, 1]), (np.ones((4, 2)), [0.0, 0.0, 1.0, 1.0]),
])
def test_labels_and_embeddings_that_do_not_fit_are_refused_and_forgotten(embeddings, labels):
    doctor = CollapseDoctor(0.3)
    with pytest.raises(tc.ShapeError, match=r"expected \(N, D\) and integers \(N,\)"):
        doctor.watch(embeddings, labels, 0.1)
    assert doctor.steps == 0


@pytest.mark.parametrize(("arguments", "said"), [
    ({}, "one of the two"), ({"margin": 0.2, "chance": 0.7}, "one of the two"), ({"margin": -0.1}, "margin of at least 0"),
    ({"margin": math.nan}, "finite margin"), ({"chance": 0.0}, "chance above 0"), ({"chance": math.inf}, "finite chance"),
    ({"margin": 0.2, "window": 1}, "at least 2 steps"),
])
def test_a_doctor_who_knows_no_loss_is_refused(arguments, said):
    with pytest.raises(tc.ShapeError, match=said):
        CollapseDoctor(**arguments)
