"""Rivals do what tinyconv does: the twins of every kind of layer and task, and who is chosen."""

from __future__ import annotations

import importlib
from dataclasses import replace

import numpy as np
import pytest

from tests.refusal import assert_refused
from tinyconv.bench import rivals
from tinyconv.bench.catalogue import WORKLOADS
from tinyconv.bench.rivals import EVERYBODY, RIVALS, ours
from tinyconv.bench.rivals.layouts import channels_first, out_in_kernel

SMALLER = {  # the same nets, on less
    "style-256": (1, 32, 32, 3), "cifar": (4, 32, 32, 3), "omniglot": (8, 28, 28, 1), "koch": (4, 105, 105, 1),
    "mobilefacenet-64": (3, 112, 96, 3), "mobilefacenet-train": (3, 112, 96, 3), "signal-15": (4, 100, 1),
    "volume": (3, 14, 14, 14, 1), "mlp": (64, 784),
}
REFUSED = {"onnxruntime": set(SMALLER) - {"mobilefacenet-64"}, "mygrad": {"mobilefacenet-64", "mobilefacenet-train"}}


def smaller(name):
    return replace(WORKLOADS[name], shape=SMALLER[name])


@pytest.mark.oracle
@pytest.mark.parametrize("name", SMALLER)
@pytest.mark.parametrize("rival", [name for name in EVERYBODY if name != "tinyconv"])
def test_rival_computes_what_tinyconv_computes(rival, name):
    contender, workload = EVERYBODY[rival], smaller(name)
    if not contender.takes_part(workload):
        pytest.skip(f"{rival} is no other rival for {name}")
    for package in contender.packages:
        pytest.importorskip(package, reason=f"{package} is a rival: pip install 'tinyconv[bench]'")
    build = importlib.import_module(f"tinyconv.bench.rivals.{contender.module}").build
    if name in REFUSED.get(rival, ()):
        with assert_refused():
            build(workload, 1, **contender.options)
        return
    step, own = build(workload, 1, **contender.options), ours.build(workload, 1)
    first, expected = step(), own()
    np.testing.assert_allclose(first, expected, rtol=1e-5, atol=1e-4 * np.max(np.abs(expected)) if np.ndim(expected) else 0)
    if workload.learning is not None:  # the second loss shows the gradients
        assert expected - own() == pytest.approx(first - step(), rel=1e-3, abs=1e-5 * expected)


def test_channels_come_first_at_the_border():
    assert channels_first(np.zeros((2, 5, 6, 3))).shape == (2, 3, 5, 6)
    assert channels_first(np.zeros((2, 7))).shape == (2, 7)
    weight = np.arange(24).reshape(2, 3, 4)
    assert out_in_kernel(weight).shape == (4, 3, 2)
    assert out_in_kernel(weight)[3, 1, 0] == weight[0, 1, 3]
    assert out_in_kernel(np.zeros((3, 4))).shape == (4, 3)
    assert out_in_kernel(np.arange(3)).tolist() == [0, 1, 2]


def installed(monkeypatch, *packages):
    monkeypatch.setattr(rivals.importlib.util, "find_spec", lambda name: object() if name in packages else None)


def test_whoever_is_installed_takes_part_and_a_line_names_the_extra_for_the_others(monkeypatch):
    installed(monkeypatch, "mygrad", "onnxruntime")
    found, absent = rivals.chosen(None)
    assert found == [*RIVALS["mygrad"]]
    assert [line.split(":")[1] for line in absent] == [" torch not installed; pip install 'tinyconv[bench]'.",
                                                       " onnx not installed; pip install 'tinyconv[bench]'."]


def test_rival_that_was_asked_for_must_be_installed(monkeypatch):
    installed(monkeypatch, "mygrad")
    assert rivals.chosen(["mygrad"]) == ([*RIVALS["mygrad"]], [])
    with assert_refused(r"torch is left out: torch not installed; pip install 'tinyconv\[bench\]'"):
        rivals.chosen(["mygrad", "torch"])


def test_unknown_rival_is_refused():
    with assert_refused("did you mean torch"):
        rivals.chosen(["troch"])
