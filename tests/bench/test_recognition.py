"""The timings of recognition: that what they time gives what it should, on small sizes."""

import numpy as np

from tinyconv.bench import recognition
from tinyconv.cli.main import main
from tinyconv.metric.miners import semi_hard_triplets
from tinyconv.ops.distance import pairwise_distances


def test_table_names_all_that_was_timed_and_what_came_out(monkeypatch, capsys):
    monkeypatch.setattr(recognition, "BATCH", 24)
    monkeypatch.setattr(recognition, "ENCODINGS", 900)
    assert main(["bench", "recognition"]) == 0
    conditions, head, semi_hard, batch_hard, identify, remove = capsys.readouterr().out.splitlines()
    assert "seed 0" in conditions
    assert "median" in head
    assert "semi-hard triplets of 24" in semi_hard
    assert "24 triplets" in batch_hard  # one for each anchor
    assert remove.endswith("100 encodings of the last")
    assert identify.endswith("person 700, distance 0")  # of the eighth point asked for, which is in the gallery


def test_every_turn_is_kept_but_the_first(monkeypatch):
    times, last = recognition._timed(lambda turn: turn, 3)
    assert (len(times), last) == (3, 3)


def test_points_of_the_miners_are_neither_told_apart_nor_alike():
    rng = np.random.default_rng(0)
    (semi_hard, _) = recognition._miners(rng, 1)
    count = int(semi_hard.found.split()[0].replace(",", ""))
    labels = np.repeat(np.arange(recognition.BATCH // 4), 4)
    every = len(labels) * 3 * (len(labels) - 4)
    assert 0.01 * every < count < 0.99 * every
    assert len(semi_hard_triplets(pairwise_distances(np.eye(8), metric="squared_euclidean").data, np.arange(8) // 2, 0.2)) == 0
