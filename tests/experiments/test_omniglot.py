"""The experiments on handwritten characters: their protocol, tried on points whose answer is known. No training."""

import json

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.experiments import mining, omniglot, omniglot_episodes, omniglot_lake
from tinyconv.train import Record


def packed(drawings):
    return np.packbits(drawings.astype(np.uint8), axis=-1)


def test_small_pictures_are_means_of_two_and_a_half_pixels():
    ink = np.random.default_rng(0).integers(0, 2, (3, 105, 105))
    small = omniglot.small(packed(ink))
    assert small.shape == (3, 42, 42, 1)
    assert small.dtype == np.float32
    first = ink[:, :2, :2].sum(axis=(1, 2)) + (ink[:, 2, :2].sum(axis=1) + ink[:, :2, 2].sum(axis=1)) / 2 + ink[:, 2, 2] / 4
    np.testing.assert_allclose(small[:, 0, 0, 0], first / 6.25, rtol=1e-6)
    np.testing.assert_allclose(small.mean(axis=(1, 2, 3)), ink.mean(axis=(1, 2)), rtol=1e-5)


def test_a_character_on_its_side_is_another_one_of_another_alphabet():
    drawings = np.random.default_rng(0).random((3, 2, 4, 4, 1))
    turned, alphabets = omniglot.with_quarter_turns(drawings, np.array([0, 1, 1]))
    assert turned.shape == (12, 2, 4, 4, 1)
    np.testing.assert_array_equal(turned[3], np.rot90(drawings[0], axes=(1, 2)))
    assert len(set(alphabets)) == 8  # two alphabets, four ways up
    np.testing.assert_array_equal(alphabets[[1, 4, 7, 10]], alphabets[[2, 5, 8, 11]])


def test_episodes_have_40_characters_of_two_alphabets_or_of_all():
    alphabets = np.repeat(np.arange(10), 25)
    kinds = []
    for characters, drawings in omniglot.episodes(alphabets, 200, np.random.default_rng(0)):
        assert len(set(characters.ravel())) == 40
        assert all(len(set(row)) == 4 and max(row) < 20 for row in drawings)
        kinds.append(len(set(alphabets[characters.ravel()])))
    within = np.array(kinds) == 2
    assert abs(within.mean() - omniglot.WITHIN) < 0.1
    assert min(np.array(kinds)[~within]) > 4


def test_alphabets_too_small_for_an_episode_take_part_in_the_mixed_ones_only():
    alphabets = np.concatenate([np.repeat(np.arange(3), 20), np.full(19, 3)])
    for characters, _ in omniglot.episodes(alphabets, 50, np.random.default_rng(0)):
        found = set(alphabets[characters.ravel()])
        assert len(found) != 2 or 3 not in found


def test_an_undecided_encoder_costs_the_logarithm_of_40():
    same = np.zeros((160, 42, 42, 1), np.float32)
    loss = omniglot.episode_loss(omniglot.encoder(np.random.default_rng(0)).eval(), same)
    assert loss.item() == pytest.approx(np.log(40), rel=1e-5)


def test_nearest_is_that_of_every_distance():
    rng = np.random.default_rng(0)
    examples, queries = rng.random((2, 7, 3)), rng.random((2, 5, 3))
    squares = np.square(queries[:, :, None] - examples[:, None]).sum(axis=-1)
    np.testing.assert_array_equal(omniglot.nearest(examples, queries), squares.argmin(axis=-1))


def test_points_are_means_over_the_drawing_and_its_views(monkeypatch):
    monkeypatch.setattr(omniglot, "MOVE", lambda x, rng: x + 1)
    monkeypatch.setattr(omniglot, "VIEWS", 3)
    net = tc.nn.Sequential(mean=tc.nn.GlobalAvgPool())
    drawings = np.random.default_rng(0).random((2, 3, 42, 42, 1), np.float32)
    points = omniglot.embed(net, drawings, np.random.default_rng(0))
    np.testing.assert_allclose(points[..., 0], drawings.mean(axis=(2, 3, 4)) + 3 / 4, rtol=1e-5)


def test_clusters_are_recognised_and_noise_is_chance():
    rng = np.random.default_rng(0)
    centres = 100 * np.stack(np.divmod(np.arange(30), 6), axis=1)
    clusters = centres[:, None] + rng.random((30, 20, 2))
    assert (omniglot_episodes.accuracies(clusters, 20, rng) == 1).all()
    noise = omniglot_episodes.accuracies(rng.random((30, 20, 2)), 5, rng)
    assert len(noise) == 1000
    assert abs(noise.mean() - 1 / 5) < 0.02


def test_error_of_trials_is_the_share_of_wrong_answers(tmp_path, monkeypatch):
    answer = np.stack([np.random.default_rng(run).permutation(20) for run in range(20)])
    train = np.zeros((20, 20, 105, 105), np.uint8)
    train[:, np.arange(20), :, 5 * np.arange(20)] = 1  # a line for each character, at its own place
    test = np.take_along_axis(train, answer[:, :, None, None], axis=1)
    shown = answer.copy()
    shown[3, :5] = np.roll(shown[3, :5], 1)  # five drawings belong to others than their trial says
    monkeypatch.setattr(omniglot_lake, "load", lambda name: {"train": packed(train), "test": packed(test), "answer": shown})
    monkeypatch.setattr(omniglot_lake, "trained", lambda seed, checkpoint: (tc.nn.Sequential(flat=tc.nn.Flatten()), 1.0))
    monkeypatch.setattr(omniglot, "VIEWS", 0)
    result = omniglot_lake.run(0, tmp_path / "c.npz")
    assert result.measured == 100 * 5 / 400
    assert result.also == {"the worst of the 20 runs": 25.0}


def test_validation_of_mining_is_the_error_of_one_shot_recognition():
    net = tc.nn.Sequential(flat=tc.nn.Flatten())
    alphabets = np.repeat([0, 1], [20, 21])
    rng = np.random.default_rng(0)
    clusters = 10 * rng.random((41, 1, 3, 3, 1)) + 1e-3 * rng.random((41, 4, 3, 3, 1))
    assert mining.one_shot_error(net, clusters.astype(np.float32), alphabets) == 0
    noise = rng.random((41, 4, 3, 3, 1), np.float32)
    assert abs(mining.one_shot_error(net, noise, alphabets) - 19 / 20) < 0.05


def test_mining_compares_three_miners_over_five_seeds_and_draws_them(tmp_path, monkeypatch, capsys):
    errors = {"random": 0.4, "semi-hard": 0.2, "hard": 0.3}

    def train(drawings, unseen, name, seed, checkpoint):
        return [Record(1, 50, 1.0, 1e-3, errors[name] + 0.01 * seed / epoch, False, None, 1.0) for epoch in range(1, 9)]

    monkeypatch.setattr(mining, "train", train)
    monkeypatch.setattr(mining, "characters", lambda name: (np.zeros((60, 20, 1, 1, 1)), np.repeat(np.arange(30), 2)))
    monkeypatch.setattr(mining, "FOLDER", tmp_path)
    result = mining.run(0, tmp_path / "c.npz")
    assert result.seeds == (0, 1, 2, 3, 4)
    assert result.measured == pytest.approx(20.2, abs=0.06)
    assert (result.also["random"], result.also["hard"]) == pytest.approx((40.2, 30.2), abs=0.06)
    assert (tmp_path / "mining.png").read_bytes().startswith(b"\x89PNG")
    assert capsys.readouterr().err.count("seed ") == 5
    json.loads(result.json())
