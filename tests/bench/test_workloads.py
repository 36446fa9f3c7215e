"""The workloads: what they are made of, and that whoever builds one begins with the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

from tests.refusal import assert_refused
from tinyconv.bench.catalogue import WORKLOADS, chosen
from tinyconv.bench.rivals import ours
from tinyconv.bench.workload import CONTENT_LAYER, STYLE_LAYERS, Learning, Workload
from tinyconv.nn import Conv2d, Flatten, Linear, ReLU, Sequential


def small(task, learning=None):
    """A workload of each kind that takes a moment."""
    def net(rng):
        layers = {"conv": Conv2d(2, 3, 3, padding=1, rng=rng), "relu": ReLU()}
        if task == "paint":
            names = (*STYLE_LAYERS[:4], CONTENT_LAYER, STYLE_LAYERS[4])
            return Sequential(conv=layers["conv"], **{name: ReLU() for name in names})
        if task == "verify":
            from tinyconv.models.koch import difference

            return Sequential(**layers, flatten=Flatten(), difference=difference, score=Linear(60, 1, rng=rng))
        return Sequential(**layers, flatten=Flatten(), logits=Linear(60, 5, rng=rng))

    shape = (1 if task == "paint" else 6, 4, 5, 2)
    return Workload("small", "a small step", task, shape, net, classes=5, learning=learning)


@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=WORKLOADS)
def test_every_workload_has_a_sentence_and_learns_unless_it_infers(workload):
    assert len(workload.sentence.split()) > 8
    assert (workload.learning is None) == (workload.task == "infer")
    assert (workload.classes > 0) == (workload.task == "classify")


@pytest.mark.parametrize(("task", "others"), [
    ("classify", [((6,), np.dtype(np.int64))]), ("verify", [((3, 1), np.dtype(np.float32))]),
    ("paint", [((1, 4, 5, 2), np.dtype(np.float32))] * 2), ("infer", []),
])
def test_inputs_follow_from_the_task_and_are_the_same_for_all(task, others):
    workload = small(task)
    first, second = workload.inputs(), workload.inputs()
    assert [(a.shape, a.dtype) for a in first[1:]] == others
    assert (first[0].shape, first[0].dtype) == (workload.shape, np.dtype(np.float32))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def test_net_begins_with_the_same_weights_for_all():
    first, second = (small("classify").first_net().state() for _ in range(2))
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name])


@pytest.mark.parametrize("task", ["classify", "verify", "paint"])
@pytest.mark.parametrize("learning", [Learning("sgd", 0.05, 0.5), Learning("adam", 0.01)], ids=["sgd", "adam"])
def test_our_step_learns(task, learning):
    step = ours.build(small(task, learning), threads=1)
    losses = [step() for _ in range(8)]
    assert losses[-1] < losses[0]


def test_our_inference_gives_the_output():
    workload = small("infer")
    found = ours.build(workload, threads=1)()
    expected = workload.first_net().eval()(workload.inputs()[0])
    np.testing.assert_array_equal(found, expected.data)


def test_no_name_means_all_and_a_name_is_run_once():
    assert [workload.name for workload in chosen([])] == list(WORKLOADS)
    assert [workload.name for workload in chosen(["mlp", "volume", "mlp"])] == ["mlp", "volume"]


def test_unknown_workload_is_refused_with_what_may_have_been_meant():
    with assert_refused("did you mean omniglot"):
        chosen(["omnigolt"])
