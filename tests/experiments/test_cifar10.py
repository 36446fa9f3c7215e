"""The training on CIFAR-10, without training: its batches, its schedule, its checkpoints."""

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.cli.main import main
from tinyconv.experiments import cifar10
from tinyconv.models.tinyvgg import tiny_vgg
from tinyconv.nn import Sequential
from tinyconv.optim import SGD


def new_run(seed=0):
    net = tiny_vgg(np.random.default_rng(seed))
    return net, SGD(net.parameters(), 0.1, 0.9)


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
    rates = [cifar10._learning_rate(step, 1000) for step in range(1000)]
    assert np.argmax(rates) in range(45, 55)
    assert rates[0] < 0.05 * cifar10.LEARNING_RATE
    assert rates[-1] < 1e-5 * cifar10.LEARNING_RATE


def test_a_checkpoint_brings_back_weights_velocities_and_progress(tmp_path, capsys):
    net, optimizer = new_run()
    optimizer.velocity = [np.full(v.shape, 0.5, np.float32) for v in optimizer.velocity]
    path = tmp_path / "run.npz"
    cifar10._save(path, net, optimizer, {"seed": 0, "epochs": 8, "epoch": 3, "seconds": 12.5})
    other, other_optimizer = new_run(seed=1)
    assert cifar10._resume(path, other, other_optimizer, seed=0, epochs=8) == (3, 12.5)
    for name, array in net.state().items():
        np.testing.assert_array_equal(other.state()[name], array)
    assert all((v == 0.5).all() for v in other_optimizer.velocity)
    assert [p.name for p in tmp_path.iterdir()] == ["run.npz"]


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    net, optimizer = new_run()
    path = tmp_path / "run.npz"
    cifar10._save(path, net, optimizer, {"seed": 0, "epochs": 8, "epoch": 3, "seconds": 12.5})
    with pytest.raises(tc.DataError, match="seed 0 and 8 epochs, not 1 and 8"):
        cifar10._resume(path, net, optimizer, seed=1, epochs=8)
    np.savez(path, x=np.zeros(3))
    with pytest.raises(tc.DataError, match="not a checkpoint"):
        cifar10._resume(path, net, optimizer, seed=0, epochs=8)


def test_accuracy_counts_the_largest_logits():
    images = np.zeros((600, 32, 32, 3), np.uint8)
    labels = np.repeat([0, 1], 300)
    net = Sequential(logits=lambda x: tc.tensor(np.tile([0.1, 0.9], (len(x), 1))))
    assert cifar10.accuracy(net, images, labels) == 0.5


def test_without_data_one_line_says_what_is_expected(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TINYCONV_DATA", raising=False)
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
