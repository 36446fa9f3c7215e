"""The training on CIFAR-10, without training: its batches, its schedule, its checkpoints."""

import json

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.cli.main import main
from tinyconv.data import packs
from tinyconv.experiments import cifar10
from tinyconv.experiments.registry import EXPERIMENTS
from tinyconv.experiments.results import Result, load_results
from tinyconv.nn import Linear, Sequential


def test_batches_are_shifted_and_flipped_copies_of_their_images():
    images = np.zeros((256, 32, 32, 3), np.uint8) + np.arange(256, dtype=np.uint8)[:, None, None, None]
    labels = np.arange(256)
    batches = list(cifar10._batches(images, labels, np.random.default_rng(0)))
    assert len(batches) == 2
    for pixels, classes in batches:
        assert pixels.dtype == np.float32
        np.testing.assert_allclose(pixels[:, 5, 5, 0] * 255, classes, atol=1e-4)
    assert sorted(np.concatenate([classes for _, classes in batches])) == list(range(256))


def test_learning_rate_warms_up_and_falls_to_nothing():
    rates = [cifar10._schedule(1000)(step) for step in range(1000)]
    assert np.argmax(rates) in range(45, 55)
    assert rates[0] < 0.05 * cifar10.LEARNING_RATE
    assert rates[-1] < 1e-5 * cifar10.LEARNING_RATE
    warm, half = 0.03 * 21 / 50, 0.5 * (1 + np.cos(np.pi * 20 / 1000))
    assert rates[20] == pytest.approx(warm * half, rel=1e-12)


@pytest.fixture
def few_images(monkeypatch):
    """Sixteen noise images as CIFAR-10, in batches of four; a net of one layer."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (16, 32, 32, 3), np.uint8), rng.integers(0, 10, 16)
    monkeypatch.setattr(cifar10, "load_cifar10", lambda: (images, labels, images, labels))
    monkeypatch.setattr(cifar10, "BATCH", 4)

    def one_layer(rng):
        layer = Linear(3, 10, rng=rng)
        return Sequential(mean=lambda x: tc.mean(x, axis=(1, 2)), logits=layer)

    monkeypatch.setattr(cifar10, "tiny_vgg", one_layer)


def test_an_interrupted_run_is_the_same_run(few_images, tmp_path, monkeypatch):
    net, accuracy, seconds = cifar10.train(0, tmp_path / "whole.npz", epochs=4)
    steps, loss = iter(range(100)), cifar10._loss

    def interrupted(net, batch):
        if next(steps) == 9:
            raise KeyboardInterrupt
        return loss(net, batch)

    monkeypatch.setattr(cifar10, "_loss", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cifar10.train(0, tmp_path / "left.npz", epochs=4)
    monkeypatch.setattr(cifar10, "_loss", loss)
    with pytest.raises(tc.DataError, match="the run has epochs 4, expected 5"):
        cifar10.train(0, tmp_path / "left.npz", epochs=5)
    with pytest.raises(tc.DataError, match="the run has seed 0, expected 1"):
        cifar10.train(1, tmp_path / "left.npz", epochs=4)
    again, same, _ = cifar10.train(0, tmp_path / "left.npz", epochs=4)
    assert same == accuracy
    assert seconds > 0
    for name, array in net.state().items():
        np.testing.assert_array_equal(again.state()[name], array)
    assert list(tmp_path.iterdir()) == []  # the work is done


def test_the_record_says_which_pixels_were_read(few_images, tmp_path, monkeypatch):
    monkeypatch.delenv("TINYCONV_DATA", raising=False)
    monkeypatch.setattr(packs, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(cifar10, "train", lambda seed, checkpoint: (None, 0.5, 1.0))
    assert cifar10.run(0, tmp_path / "c.npz", save_weights=False).data == "CIFAR-10, official pixels"
    (tmp_path / "cifar10").mkdir()
    (tmp_path / "cifar10" / "cifar10_jpg.zip").touch()
    assert cifar10.run(0, tmp_path / "c.npz", save_weights=False).data.startswith("CIFAR-10 as JPEG")


def test_another_seed_is_another_run(few_images, tmp_path):
    first, second = (cifar10.train(seed, tmp_path / "run.npz", epochs=1)[0].state() for seed in (0, 1))
    assert not np.array_equal(first["logits.weight"], second["logits.weight"])


def test_accuracy_counts_the_largest_logits():
    images = np.zeros((600, 32, 32, 3), np.uint8)
    labels = np.repeat([0, 1], 300)
    net = Sequential(logits=lambda x: tc.tensor(np.tile([0.1, 0.9], (len(x), 1))))
    assert cifar10.accuracy(net, images, labels) == 0.5


def test_without_data_one_line_says_what_is_expected(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TINYCONV_DATA", raising=False)
    monkeypatch.setattr(packs, "cache_folder", lambda: tmp_path)
    assert main(["reproduce", "cifar10"]) == 2
    assert "TINYCONV_DATA is not set" in capsys.readouterr().err
    monkeypatch.setenv("TINYCONV_DATA", str(tmp_path))
    assert main(["reproduce", "cifar10"]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_an_unknown_experiment_names_the_close_one(capsys):
    assert main(["reproduce", "cifar"]) == 2
    assert "did you mean cifar10?" in capsys.readouterr().err
    assert main(["reproduce", "list"]) == 0
    assert "cifar10" in capsys.readouterr().out
    assert main(["reproduce", "table"]) == 0
    assert "| cifar10 | test accuracy, % |" in capsys.readouterr().out


def test_the_lists_are_json_for_programs(capsys):
    assert main(["reproduce", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == EXPERIMENTS
    assert main(["reproduce", "table", "--json"]) == 0
    assert [Result(**facts) for facts in json.loads(capsys.readouterr().out)] == load_results()
