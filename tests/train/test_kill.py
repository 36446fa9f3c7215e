"""A process that saves checkpoints without a pause is killed at random moments: what it leaves is always whole."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.nn import Module
from tinyconv.optim import Adam
from tinyconv.train import load_checkpoint, save_checkpoint

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork, and no SIGKILL")


class Weights(Module):
    """A net of two arrays, big enough that writing them takes several writes."""

    def __init__(self):
        self.first, self.second = tc.Parameter(np.zeros((64, 64))), tc.Parameter(np.zeros(30_000, np.float32))


class Training:
    """Everything a checkpoint holds, told by the number of the save and by nothing else."""

    def __init__(self):
        self.net = Weights()
        self.optimizer, self.rng = Adam(self.net.parameters()), np.random.default_rng()

    def become(self, number):
        for p in self.net.parameters():
            p.assign(np.full(p.shape, number))
        for arrays in self.optimizer.moments.values():
            for array in arrays:
                array[...] = number
        self.optimizer.steps = number
        self.rng.bit_generator.state = np.random.default_rng(number).bit_generator.state

    def save(self, path, number):
        self.become(number)
        save_checkpoint(path, self.net, self.optimizer, generators={"rng": self.rng}, epoch=number, step=number,
                        history=[{"number": number}] * 3, extra={"number": number})

    def load(self, path):
        """The number of the save; fails unless all that was loaded belongs to it."""
        found = load_checkpoint(path, self.net, self.optimizer, generators={"rng": self.rng})
        number = found.epoch
        assert (found.step, found.history, found.extra) == (number, [{"number": number}] * 3, {"number": number})
        assert all((array == number).all() for array in self.net.state().values())
        state = self.optimizer.state()
        assert state.pop("lr") == 1e-3
        assert all((array == number).all() for array in state.values())
        assert self.rng.bit_generator.state == np.random.default_rng(number).bit_generator.state
        return number


def one_trial(path, training, first, saves, delay):
    """Fork a child that saves from number `first` on, kill it `delay` seconds after it has reported `saves` saves: the
    last number it reported."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            for number in range(first, first + 10_000):
                training.save(path, number)
                os.write(writing, b"%d\n" % number)
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        reported = [pipe.readline() for _ in range(saves)]
        time.sleep(delay)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        reported += pipe.read().split()
    assert os.WIFSIGNALED(status), "the child ended by itself"
    return int(reported[-1]) if reported else first - 1


def many_trials(folder, trials):
    """What `trials` kills have left, as counts."""
    path, training, chance = folder / "run.npz", Training(), random.Random(0)
    last, asked, unfinished, pace = -1, 0, 0, 0.0
    for trial in range(trials):
        began = time.perf_counter()
        training.save(path, last + 1)
        pace = time.perf_counter() - began  # of this moment: the kill falls into the save that follows, or the next
        wanted = trial % 3
        reported = one_trial(path, training, last + 2, wanted, chance.uniform(0, 2 * pace))
        found = training.load(path)
        assert found in (reported, reported + 1), f"reported {reported}, found {found}"
        assert found >= last + 1 + wanted
        left = len(os.listdir(folder))
        assert left <= 2, "unfinished files pile up"
        asked, unfinished, last = asked + wanted, unfinished + left - 1, found
    training.save(path, last + 1)
    return {"trials": trials, "saves": last + 1 - trials, "asked": asked, "unfinished": unfinished, "left": os.listdir(folder)}


def killed(folder, trials):
    """Run the trials in a process of their own, which has one thread and forks safely."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, __file__, str(folder), str(trials)], env=environment, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_killed_at_any_moment_the_checkpoint_is_the_last_reported_or_the_next(tmp_path):
    counts = killed(tmp_path, 30)
    assert counts["trials"] == 30
    assert counts["saves"] >= counts["asked"] == 30
    assert counts["unfinished"] > 0  # some were hit while they wrote
    assert counts["left"] == ["run.npz"]


@pytest.mark.slow
def test_a_thousand_kills_lose_nothing(tmp_path):
    counts = killed(tmp_path, 1000)
    assert counts["trials"] == 1000
    assert counts["saves"] >= counts["asked"] == 999
    assert counts["unfinished"] > 100
    assert counts["left"] == ["run.npz"]


if __name__ == "__main__":
    print(json.dumps(many_trials(Path(sys.argv[1]), int(sys.argv[2]))))
