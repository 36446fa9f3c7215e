"""The training loop: what it yields, when it stops, and that an interruption leaves no trace in the numbers."""

from __future__ import annotations

import copy
import io
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.nn import BatchNorm, Dropout, Linear, Module, Sequential
from tinyconv.optim import SGD, Adam, AdamW, Cosine, RMSProp, WarmUp
from tinyconv.train import Record, fit, load_checkpoint

ROOT = Path(__file__).resolve().parents[2]
X = np.random.default_rng(0).standard_normal((24, 3)).astype(np.float32)
Y = (X[:, :1] * 2 - X[:, 1:2] ** 2).astype(np.float32)
OPTIMIZERS = {
    "momentum": lambda p: SGD(p, lr=0.02, momentum=0.9),
    "adam": lambda p: Adam(p, lr=0.02),
    "adamw": lambda p: AdamW(p, lr=0.02),
    "rmsprop": lambda p: RMSProp(p, lr=0.01, momentum=0.5, centered=True),
}


def squares(net, batch):
    return ((net(batch[0]) - batch[1]) ** 2).mean()


def validation(net):
    return squares(net, (X[:9], Y[:9])).item()


class Run:
    """A net with dropout and batch norm, an optimizer, shuffled batches, and how they are fitted."""

    def __init__(self, seed=0, make=OPTIMIZERS["adam"]):
        rng = np.random.default_rng(seed)
        self.net = Sequential(enter=Linear(3, 8, rng=rng), norm=BatchNorm(8), relu=tc.relu,
                              drop=Dropout(0.3, rng=np.random.default_rng(seed + 1)), out=Linear(8, 1, rng=rng))
        self.optimizer, self.rng = make(self.net.parameters()), np.random.default_rng(seed + 2)

    def batches(self):
        order = self.rng.permutation(len(X))
        for start in range(0, len(X), 6):
            yield X[order[start : start + 6]], Y[order[start : start + 6]]

    def fit(self, epochs=6, **options):
        return fit(self.net, self.optimizer, options.pop("loss", squares), options.pop("batches", self.batches), epochs=epochs,
                   generators={"shuffle": self.rng}, **{"progress": False, "validate": validation, "clip_norm": 1.0,
                                                        "schedule": WarmUp(Cosine(0.05, 24), 3)} | options)

    def everything(self):
        arrays = {f"net {k}": a for k, a in self.net.state().items()}
        arrays |= {f"optimizer {k}": a for k, a in self.optimizer.state().items()}
        states = {k: repr(g.bit_generator.state) for k, g in {**self.net.generators(), "shuffle": self.rng}.items()}
        return {k: (a.dtype.str, a.shape, a.tobytes()) for k, a in arrays.items()} | states


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("stop", [1, 3, 6])
def test_a_run_that_was_left_and_continued_is_the_same_to_the_bit(tmp_path, make, stop):
    path = tmp_path / "run.npz"
    whole = Run(0, make)
    records = list(whole.fit())
    for record in Run(0, make).fit(checkpoint=path):
        if record.epoch == stop:
            break
    continued = Run(5, make)  # other weights, other generators: all of it comes from the file
    assert list(continued.fit(checkpoint=path)) == records
    assert continued.everything() == whole.everything()
    assert os.listdir(tmp_path) == ["run.npz"]


def test_a_run_left_in_the_middle_of_an_epoch_is_the_same_to_the_bit(tmp_path):
    path, whole = tmp_path / "run.npz", Run()
    records = list(whole.fit())
    steps = iter(range(100))

    def interrupted(net, batch):
        if next(steps) == 10:
            raise KeyboardInterrupt
        return squares(net, batch)

    with pytest.raises(KeyboardInterrupt):
        list(Run().fit(checkpoint=path, loss=interrupted))
    continued = Run(5)
    assert list(continued.fit(checkpoint=path)) == records
    assert continued.everything() == whole.everything()


@pytest.mark.parametrize("steps", [2, 9])
def test_a_killed_process_is_continued_to_the_bit(tmp_path, steps):
    script = ("import os, signal, sys\n"
              f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
              "from test_fit import Run, squares\n"
              "seen = iter(range(100))\n"
              "def fatal(net, batch):\n"
              f"    if next(seen) == {steps}:\n"
              "        os.kill(os.getpid(), signal.SIGKILL)\n"
              "    return squares(net, batch)\n"
              "list(Run().fit(checkpoint=sys.argv[1], loss=fatal))\n")
    path, whole = tmp_path / "run.npz", Run()
    done = subprocess.run([sys.executable, "-c", script, str(path)], env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False,
                          capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert path.exists() == (steps > 4)
    records, continued = list(whole.fit()), Run()
    assert list(continued.fit(checkpoint=path)) == records
    assert continued.everything() == whole.everything()


def test_checkpoints_validation_and_clipping_that_never_bites_change_no_step():
    plain, watched = Run(), Run()
    losses = [record.loss for record in plain.fit(validate=None, clip_norm=None)]
    assert [record.loss for record in watched.fit(clip_norm=1e9)] == losses


def test_a_finished_checkpoint_goes_on_with_more_epochs(tmp_path):
    path, whole = tmp_path / "run.npz", Run()
    records = list(whole.fit(9))
    assert list(Run().fit(5, checkpoint=path)) == records[:5]
    done = Run(3)
    assert list(done.fit(5, checkpoint=path)) == records[:5]
    continued = Run(4)
    assert list(continued.fit(9, checkpoint=path)) == records
    assert continued.everything() == whole.everything()
    with pytest.raises(tc.DataError, match="has trained for 9 epochs, expected at most 4"):
        next(Run().fit(4, checkpoint=path))


def test_a_checkpoint_of_another_seed_or_schedule_is_refused_if_extra_says_so(tmp_path):
    path = tmp_path / "run.npz"
    list(Run().fit(2, checkpoint=path, extra={"seed": 0}))
    with pytest.raises(tc.DataError, match="the run has seed 0, expected 1"):
        list(Run().fit(3, checkpoint=path, extra={"seed": 1}))
    list(Run().fit(3, checkpoint=path, extra={"seed": 0}))
    other = Run()
    assert load_checkpoint(path, other.net, other.optimizer, generators={"shuffle": other.rng}).extra == {"seed": 0}


def test_records_count_epochs_and_steps_and_show_rate_loss_and_norm():
    seen = []

    def watched(net, batch):
        value = squares(net, batch)
        seen.append(value.item())
        return value

    records = list(Run().fit(3, loss=watched))
    assert [(r.epoch, r.step) for r in records] == [(1, 4), (2, 8), (3, 12)]
    for i, record in enumerate(records):
        assert record.loss == pytest.approx(np.mean(seen[4 * i : 4 * i + 4]), rel=1e-12)
        assert record.lr == WarmUp(Cosine(0.05, 24), 3)(4 * i + 3)
        assert record.gradient_norm > 0
        assert record.seconds > 0
    assert records[0] == replace(records[0], seconds=1e9)
    bare = next(Run().fit(1, validate=None, clip_norm=None, schedule=None))
    assert bare == Record(1, 4, bare.loss, 0.02, None, False, None, 0.0)


def test_nothing_runs_before_the_first_record_is_asked_for():
    run = Run()
    before = run.everything()
    records = run.fit(batches=lambda: pytest.fail("too early"))
    assert run.everything() == before
    records.close()


def test_fit_learns():
    records = list(Run().fit(40, schedule=None))
    assert records[-1].loss < 0.6 * records[0].loss


def from_list(values):
    given = iter(values)
    return lambda net: next(given)


def test_early_stopping_waits_for_its_patience_and_brings_the_best_back():
    run, states = Run(), []
    for record in run.fit(20, validate=from_list([5, 3, 4, 2, 2, 6, 3, 1]), patience=3):
        states.append({k: a.copy() for k, a in run.net.state().items()})
        assert record.best == (record.epoch in (1, 2, 4))
    assert len(states) == 7
    for name, array in run.net.state().items():
        np.testing.assert_array_equal(array, states[3][name])
    assert any(not np.array_equal(states[3][k], states[6][k]) for k in states[3])


def test_patience_and_the_best_state_survive_a_checkpoint(tmp_path):
    path, values, whole = tmp_path / "run.npz", [5, 3, 4, 2, 2, 6, 3, 1], Run()
    records = list(whole.fit(20, validate=from_list(values), patience=3))
    for record in Run().fit(20, validate=from_list(values), patience=3, checkpoint=path):
        if record.epoch == 6:
            break
    continued = Run(8)
    assert list(continued.fit(20, validate=from_list(values[6:]), patience=3, checkpoint=path)) == records
    assert continued.everything() == whole.everything()
    done = Run(9)  # nothing is left to do: neither validate nor batches is called
    assert list(done.fit(20, validate=from_list([]), patience=3, checkpoint=path, batches=list)) == records
    assert done.everything() == whole.everything()
    assert [r.best for r in Run().fit(8, validate=from_list(values[7:]), patience=4, checkpoint=path)][-1]


def test_without_patience_the_best_state_is_kept_too():
    run, states = Run(), []
    for _ in run.fit(3, validate=from_list([2, 1, 3])):
        states.append({k: a.copy() for k, a in run.net.state().items()})
    for name, array in run.net.state().items():
        np.testing.assert_array_equal(array, states[1][name])


def test_validation_runs_in_eval_mode_and_leaves_no_graph():
    run, seen = Run(), []

    def watched(net):
        output = net(X[:3])
        seen.append((net.training, output.requires_grad, np.array_equal(output.data, net(X[:3]).data)))
        return 1.0

    def loss(net, batch):
        assert net.training
        return squares(net, batch)

    list(run.fit(2, validate=watched, loss=loss))
    assert seen == [(False, False, True)] * 2
    assert run.net.training


def test_a_net_in_evaluation_mode_is_put_into_train_mode_and_its_frozen_parts_stay_out_of_it():
    run = Run()
    run.net.eval()
    next(run.fit())
    assert all(module.training for _, module in run.net.named_modules())
    run.net["norm"].eval()
    statistics = [buffer.data for buffer in run.net["norm"].buffers()]
    assert len(list(run.fit(2))) == 2
    assert not run.net["norm"].training
    assert run.net["drop"].training
    for before, after in zip(statistics, run.net["norm"].buffers(), strict=True):
        np.testing.assert_array_equal(before, after.data)


def test_train_mode_is_restored_when_validation_fails():
    run = Run()
    with pytest.raises(ZeroDivisionError):
        list(run.fit(1, validate=lambda net: 1 / 0))
    assert run.net.training
    assert (run.net(X) * 1).requires_grad


def test_a_generator_left_early_leaves_no_mode_behind():
    run = Run()
    records = run.fit(5)
    next(records)
    assert run.net(X).requires_grad
    next(records)
    records.close()
    assert run.net(X).requires_grad


def test_two_trainings_may_take_turns():
    turns, alone = [Run(0), Run(1)], [Run(0), Run(1)]
    pairs = list(zip(turns[0].fit(3), turns[1].fit(3), strict=True))
    for i, run in enumerate(alone):
        assert [pair[i] for pair in pairs] == list(run.fit(3))
        assert run.everything() == turns[i].everything()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_loss_that_is_not_finite_stops_with_its_place_and_causes_and_the_checkpoint_stays(tmp_path, value):
    path, steps = tmp_path / "run.npz", iter(range(100))

    def ruined(net, batch):
        return squares(net, batch) * (value if next(steps) == 6 else 1.0)

    with pytest.raises(tc.DataError, match=r"the loss is -?(nan|inf) at epoch 2, step 6; the usual causes are a rate"):
        list(Run().fit(checkpoint=path, loss=ruined))
    other = Run()
    assert load_checkpoint(path, other.net, other.optimizer, generators={"shuffle": other.rng}).epoch == 1


@pytest.mark.parametrize(("options", "message"), [
    ({"batches": list}, r"batches\(\) gave no batch in epoch 1; let it make a new iterable at each call"),
    ({"batches": [1, 2]}, "batches is list, expected a function"),
    ({"epochs": -1}, "epochs is -1, expected a whole number of at least 0"),
    ({"epochs": 2.5}, "epochs is 2.5, expected a whole number"),
    ({"patience": 0}, "patience is 0, expected a whole number of at least 1"),
    ({"patience": 2, "validate": None}, "patience is 2, expected validate with it"),
    ({"loss": lambda net, batch: net(batch[0])}, r"loss\(net, batch\) gave \(6, 1\) at epoch 1, step 0, expected a tensor of"),
    ({"loss": lambda net, batch: 3.0}, "gave float at epoch 1, step 0"),
    ({"validate": lambda net: float("nan")}, r"validate\(net\) is nan after epoch 1, expected a finite number, lower is better"),
    ({"schedule": lambda step: -1.0}, r"schedule\(0\) is -1.0, expected a finite rate"),
    ({"clip_norm": 0}, "max_norm is 0"),
])
def test_arguments_that_make_no_sense_are_refused(options, message):
    with pytest.raises(tc.TinyconvError, match=message):
        list(Run().fit(**options))


def test_an_iterator_that_is_used_up_is_named():
    run = Run()
    used = run.batches()
    with pytest.raises(tc.DataError, match="gave no batch in epoch 2"):
        list(run.fit(2, batches=lambda: used))


def test_a_folder_that_is_not_there_is_named_before_the_training(tmp_path):
    with pytest.raises(tc.DataError, match="nowhere does not exist"):
        next(Run().fit(checkpoint=tmp_path / "nowhere" / "run.npz", batches=lambda: pytest.fail("too late")))


def test_no_epochs_give_no_records_and_change_nothing():
    run = Run()
    before = run.everything()
    assert list(run.fit(0)) == []
    assert run.everything() == before


def test_a_net_without_layers_of_ours_and_float64_works(tmp_path):
    class Line(Module):
        def __init__(self):
            self.slope = tc.Parameter(np.zeros(1))

        def forward(self, x):
            return x * self.slope

    nets = [Line(), Line()]
    x = np.linspace(-1, 1, 8)
    for net, epochs in zip(nets, ((5,), (2, 5)), strict=True):
        for count in epochs:
            records = list(fit(net, SGD(net.parameters(), 0.3, 0.5), lambda net, x: ((net(x) - 3 * x) ** 2).mean(), lambda: [x],
                               epochs=count, checkpoint=tmp_path / f"{len(epochs)}.npz", progress=False))
            net = copy.deepcopy(net)
        assert records[-1].loss < records[0].loss
    assert nets[0].slope.dtype == np.float64
    first, second = ((tmp_path / f"{n}.npz") for n in (1, 2))
    with np.load(first) as a, np.load(second) as b:
        for name in set(a.files) - {"json"}:
            np.testing.assert_array_equal(a[name], b[name])


class Terminal(io.StringIO):
    """A stderr that says it is a terminal."""

    def isatty(self):
        return True


def test_a_bar_is_shown_on_a_terminal_only(capsys, monkeypatch):
    list(Run().fit(1, progress=True))
    assert capsys.readouterr() == ("", "")
    for progress in (False, True):
        terminal = Terminal()
        monkeypatch.setattr(sys, "stderr", terminal)
        list(Run().fit(2, progress=progress))
        shown = terminal.getvalue()
        assert ("epoch 1/2" in shown, "epoch 2/2: 100%" in shown, "loss=" in shown) == (progress, progress, progress)


def test_continuing_is_said_on_stderr(tmp_path, capsys):
    path = tmp_path / "run.npz"
    list(Run().fit(2, checkpoint=path))
    assert capsys.readouterr().err == ""
    list(Run().fit(3, checkpoint=path))
    assert capsys.readouterr().err == f"continuing {path} after epoch 2\n"


def test_arguments_of_another_type_are_refused_in_one_line():
    run = Run()
    for fault, options in (("validate is int", {"validate": 3}), ("schedule is str", {"schedule": "a"}),
                           ("schedule.0. is None", {"schedule": lambda step: None}),
                           ("validate.net. is NoneType", {"validate": lambda net: None}),
                           ("validate.net. is ndarray", {"validate": lambda net: np.ones(3)})):
        with pytest.raises(tc.DataError, match=f"fit: {fault}"):
            list(run.fit(1, **options))
    with pytest.raises(tc.DataError, match="fit: loss is NoneType, expected a function"):
        list(fit(run.net, run.optimizer, None, list, epochs=1))
    with pytest.raises(tc.DataError, match="fit: got function and NoneType, expected a module and an optimizer"):
        list(fit(squares, None, squares, list, epochs=1))
