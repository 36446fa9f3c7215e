"""Checkpoints bring everything back to the bit, or are refused in one line before anything has changed."""

from __future__ import annotations

import json
import os
import pickle
import zipfile

import numpy as np
import pytest

import tinyconv as tc
from tests.refusal import assert_refused
from tinyconv.nn import BatchNorm, Dropout, Linear, Sequential
from tinyconv.optim import LBFGS, SGD, Adam
from tinyconv.train import load_checkpoint, save_checkpoint

BIT_GENERATORS = [np.random.PCG64, np.random.PCG64DXSM, np.random.MT19937, np.random.Philox, np.random.SFC64]


def new_net(seed=0, width=5):
    rng = np.random.default_rng(seed)
    return Sequential(enter=Linear(3, width, rng=rng), norm=BatchNorm(width), drop=Dropout(0.5, rng=rng),
                      out=Linear(width, 1, rng=rng))


class Training:
    """A net, its optimizer and a generator, some steps from their start."""

    def __init__(self, seed=0, steps=0, make=Adam, width=5, lr=1e-2, **options):
        self.net = new_net(seed, width)
        self.optimizer, self.rng = make(self.net.parameters(), lr=lr, **options), np.random.default_rng(seed + 50)
        self.walk(steps)

    def walk(self, steps):
        for _ in range(steps):
            x = self.rng.standard_normal((8, 3)).astype(np.float32)
            self.optimizer.zero_grad()
            (self.net.train()(x) ** 2).mean().backward()
            self.optimizer.step()

    def save(self, path, **more):
        save_checkpoint(path, self.net, self.optimizer, generators={"data": self.rng}, **more)

    def load(self, path, **more):
        return load_checkpoint(path, self.net, self.optimizer, generators={"data": self.rng}, **more)

    def everything(self):
        arrays = {f"net {k}": a for k, a in self.net.state().items()}
        arrays |= {f"optimizer {k}": a for k, a in self.optimizer.state().items()}
        states = {k: repr(g.bit_generator.state) for k, g in {**self.net.generators(), "data": self.rng}.items()}
        return {k: (a.dtype.str, a.shape, a.tobytes()) for k, a in arrays.items()} | states


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "run.npz"
    Training(steps=4).save(path, epoch=2, step=4, history=[{"loss": 0.1}, {"loss": 1 / 3}], extra={"seed": 0, "tags": ("a", "b")},
                           best=new_net(7).state())
    return path


@pytest.mark.parametrize(("make", "options"), [(Adam, {}), (SGD, {"momentum": 0.9, "nesterov": True})])
def test_what_was_saved_comes_back_to_the_bit_and_goes_on_the_same(tmp_path, make, options):
    first, second = Training(0, 3, make, **options), Training(1, 5, make, lr=0.7, **options)
    assert first.everything() != second.everything()
    first.save(tmp_path / "run.npz")
    second.load(tmp_path / "run.npz")
    assert second.everything() == first.everything()
    first.walk(3)
    second.walk(3)
    assert second.everything() == first.everything()


def test_progress_comes_back_as_json_says_it(saved):
    found = Training(3).load(saved)
    assert (found.epoch, found.step) == (2, 4)
    assert found.history == [{"loss": 0.1}, {"loss": 1 / 3}]
    assert found.extra == {"seed": 0, "tags": ["a", "b"]}
    for name, array in new_net(7).state().items():
        np.testing.assert_array_equal(found.best[name], array)


def test_a_checkpoint_without_best_state_or_progress_has_none(tmp_path):
    Training().save(tmp_path / "run.npz")
    found = Training().load(tmp_path / "run.npz", extra={})
    assert (found.epoch, found.step, found.history, found.extra, found.best) == (0, 0, [], {}, None)


@pytest.mark.parametrize("kind", BIT_GENERATORS)
def test_every_kind_of_generator_draws_on_where_it_was(tmp_path, kind):
    first, second = Training(), Training()
    first.rng, second.rng = np.random.Generator(kind(3)), np.random.Generator(kind(4))
    first.rng.integers(0, 7, 5, dtype=np.uint32)  # half a word is left over
    first.rng.standard_normal(3)
    first.save(tmp_path / "run.npz")
    second.load(tmp_path / "run.npz")
    np.testing.assert_array_equal(first.rng.integers(0, 9, 50, dtype=np.uint32), second.rng.integers(0, 9, 50, dtype=np.uint32))
    np.testing.assert_array_equal(first.rng.standard_normal(700), second.rng.standard_normal(700))


def test_lbfgs_comes_back_with_its_curvature(tmp_path):
    first, second = Training(make=LBFGS), Training(1, make=LBFGS)
    x = np.random.default_rng(0).standard_normal((8, 3)).astype(np.float32)
    for _ in range(4):
        first.optimizer.step(lambda: (first.net.eval()(x) ** 2).mean())
    first.save(tmp_path / "run.npz")
    second.load(tmp_path / "run.npz")
    for training in (first, second):
        training.optimizer.step(lambda t=training: (t.net.eval()(x) ** 2).mean())
    assert first.everything() == second.everything()


def test_the_file_has_the_name_it_was_given_and_nothing_lies_beside_it(tmp_path):
    for name in ("run", "run.ckpt", "run.npz"):
        Training().save(tmp_path / name)
        Training(1).load(str(tmp_path / name))
    assert sorted(os.listdir(tmp_path)) == ["run", "run.ckpt", "run.npz"]


def refused(path, training, match, **more):
    before = training.everything()
    with assert_refused(match) as caught:
        training.load(path, **more)
    assert training.everything() == before
    return str(caught.value)


def test_a_checkpoint_of_another_net_is_refused_with_every_difference(saved):
    text = refused(saved, Training(width=6), "is a checkpoint of another training")
    assert "net: enter.weight has shape (3, 5), expected (3, 6)" in text
    assert "net: out.weight has shape (5, 1), expected (6, 1)" in text
    assert "best: enter.bias has shape (5,), expected (6,)" in text
    assert "optimizer: mean.0 has shape (3, 5), expected (3, 6)" in text


def test_a_checkpoint_of_another_optimizer_is_refused(saved):
    text = refused(saved, Training(make=SGD), "optimizer has class 'Adam', expected 'SGD'")
    assert "optimizer: velocity.0 is missing" in text
    assert "optimizer: square.0 is not expected" in text
    refused(saved, Training(betas=(0.8, 0.999)), "optimizer has beta1 0.9, expected 0.8")


def test_a_checkpoint_of_another_run_is_refused(saved):
    refused(saved, Training(), "the run has seed 0, expected 1", extra={"seed": 1})
    refused(saved, Training(), "the run has fold None, expected 3", extra={"seed": 0, "fold": 3})
    assert Training().load(saved, extra={"tags": ("a", "b")}).epoch == 2


def test_missing_unexpected_and_other_generators_are_named(saved):
    training = Training()
    before = training.everything()
    with pytest.raises(tc.DataError, match=r"generator run.crop is missing; generator run.data is not expected"):
        load_checkpoint(saved, training.net, training.optimizer, generators={"crop": np.random.default_rng()})
    assert training.everything() == before
    training.rng = np.random.Generator(np.random.Philox(0))
    refused(saved, training, "generator run.data is 'PCG64', expected 'Philox'")


def test_a_ruined_net_does_not_replace_a_sound_checkpoint(saved):
    training = Training(steps=4)
    before = saved.read_bytes()
    bias = dict(training.net.named_parameters())["out.bias"]
    bias.assign([np.nan])
    with pytest.raises(tc.DataError, match=r"is not written: net.out.bias have values that are not finite"):
        training.save(saved)
    assert saved.read_bytes() == before
    assert os.listdir(saved.parent) == ["run.npz"]


@pytest.mark.parametrize("extra", [{"when": object()}, {"loss": float("nan")}, {"a": np.zeros(2)}])
def test_what_json_cannot_say_is_refused_before_the_file_is_touched(tmp_path, extra):
    with pytest.raises(tc.DataError, match="a checkpoint keeps what JSON can say"):
        Training().save(tmp_path / "run.npz", extra=extra)
    assert os.listdir(tmp_path) == []


def test_an_absent_file_a_folder_and_an_absent_folder_are_named(tmp_path):
    refused(tmp_path / "none.npz", Training(), "none.npz")
    refused(tmp_path, Training(), tmp_path.name)
    with pytest.raises(tc.DataError, match=r"run.npz cannot be written \(No such file or directory\)"):
        Training().save(tmp_path / "nowhere" / "run.npz")


def test_truncated_at_any_length_it_is_refused(saved, tmp_path):
    content = saved.read_bytes()
    for length in [0, 1, 4, 100, *range(200, len(content), 971), len(content) - 23, len(content) - 1]:
        (tmp_path / "cut.npz").write_bytes(content[:length])
        refused(tmp_path / "cut.npz", Training(), "cut.npz")


def test_a_changed_byte_is_noticed_or_harmless(saved, tmp_path):
    content, chance = bytearray(saved.read_bytes()), np.random.default_rng(0)
    original = Training(9)
    original.load(saved)
    for position in chance.integers(0, len(content), 150):
        changed = content.copy()
        changed[position] ^= 1 << int(chance.integers(8))
        (tmp_path / "changed.npz").write_bytes(changed)
        training = Training(9)
        before = training.everything()
        error = None
        try:
            training.load(tmp_path / "changed.npz")
        except tc.DataError as refusal:
            error = str(refusal)
        assert training.everything() == (original.everything() if error is None else before)  # harmless: a date, an unread flag
        assert "\n" not in (error or "")


class Bomb:
    """Unpickling this would raise."""

    def __reduce__(self):
        return exec, ("raise SystemExit('executed')",)


def test_pickles_are_never_executed(saved, tmp_path):
    bomb = np.empty(1, object)
    bomb[0] = Bomb()
    np.savez(tmp_path / "bomb.npz", json=bomb)
    refused(tmp_path / "bomb.npz", Training(), "never executed")
    (tmp_path / "raw.npz").write_bytes(pickle.dumps(Bomb()))
    refused(tmp_path / "raw.npz", Training(), "not a readable .npz file")


def test_a_foreign_npz_is_refused(tmp_path):
    for content in ({"x": np.zeros(3)}, {"json": np.zeros(3)}, {"json": np.frombuffer(b"{", np.uint8)},
                    {"json": np.frombuffer(b"\xff\xfe", np.uint8)}, {"json": np.array("{}")}):
        np.savez(tmp_path / "foreign.npz", **content)
        refused(tmp_path / "foreign.npz", Training(), "is not a checkpoint")
    for text in (b"[]", b"3", b"{}", b'{"format": 99}'):
        np.savez(tmp_path / "foreign.npz", json=np.frombuffer(text, np.uint8))
        refused(tmp_path / "foreign.npz", Training(), "has checkpoint format .*, expected 1")


def rewritten(path, change):
    """The checkpoint with its JSON changed by `change`, which edits the decoded object."""
    with np.load(path) as entries:
        arrays = dict(entries)
    value = json.loads(arrays.pop("json").tobytes())
    change(value)
    np.savez(path, json=np.frombuffer(json.dumps(value).encode(), np.uint8), **arrays)


@pytest.mark.parametrize(("change", "match"), [
    (lambda v: v.pop("epoch"), "epoch cannot be what was saved"),
    (lambda v: v.update(epoch=-1), "epoch cannot be"),
    (lambda v: v.update(step=True), "step cannot be"),
    (lambda v: v.update(history=[1]), "history cannot be"),
    (lambda v: v.update(generators=[]), "generators cannot be"),
    (lambda v: v.update(optimizer={}), "optimizer has class None, expected 'Adam'"),
    (lambda v: v["generators"].update({"run.data": 7}), "generator run.data is 7"),
    (lambda v: v["generators"].update({"run.data": {"bit_generator": "a\nb"}}), r"generator run.data is 'a\\nb'"),
    (lambda v: v["generators"]["run.data"].pop("state"), "generator run.data has a state that no generator can have"),
    (lambda v: v["generators"]["run.data"]["state"].update(state=1 << 200), "no generator can have"),
    (lambda v: v["generators"]["run.data"]["state"].update(state=-1), "no generator can have"),
    (lambda v: v["generators"]["run.data"]["state"].update(inc="x"), "no generator can have"),
])
def test_a_tampered_json_is_refused(saved, change, match):
    rewritten(saved, change)
    refused(saved, Training(), match)


def test_numbers_that_are_not_finite_are_refused(saved):
    with np.load(saved) as entries:
        arrays = dict(entries)
    np.savez(saved, **arrays | {"net.out.bias": np.full(1, np.inf, np.float32), "optimizer.lr": np.array(np.nan)})
    text = refused(saved, Training(), "net: out.bias has values that are not finite")
    assert "optimizer: lr has values that are not finite" in text


def test_unknown_entries_and_doubles_are_refused(saved):
    with zipfile.ZipFile(saved, "a") as archive, archive.open("stranger.npy", "w") as file:
        np.lib.format.write_array(file, np.zeros(2))
    refused(saved, Training(), "stranger is not expected")
