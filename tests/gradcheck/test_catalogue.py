"""Every op has a case, every case is right, and a node keeps only what its live rules name."""

from __future__ import annotations

import weakref

import numpy as np
import pytest

import tinyconv as tc
from tinyconv.engine import tensor
from tinyconv.gradcheck import gradcheck
from tinyconv.gradcheck.case import check_case
from tinyconv.gradcheck.catalogue import CASES, KEEPS, cases_of

NOT_DIFFERENTIABLE = {"argmax", "debug", "explain", "grad", "max_pool_indices1d", "max_pool_indices2d", "max_pool_indices3d",
                      "no_grad", "one_hot", "primitive", "set_threads", "tensor", "use_kernel"}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case_is_right_in_both_orders_adjoint_backward_and_dtype(case):
    reports = list(check_case(case))
    assert len(reports) == 4 + bool(case.linear)
    assert all(report.ok for report in reports), "\n".join(str(report) for report in reports if not report.ok)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_element_of_the_gradient_is_right(case):
    arrays = case.arrays(np.random.default_rng(1))
    report = gradcheck(case.function, *arrays, full=True, rng=np.random.default_rng(2))
    assert report.ok, report
    assert all(finding.index is not None for finding in report.findings)


def test_every_primitive_has_a_case(primitives, nodes_of):
    used = {node.op for case in CASES for node in nodes_of(case.function(*case.leaves(np.random.default_rng(0))))}
    assert len(primitives) > 30
    assert [p.name for p in primitives if p not in used] == []


def public_functions_without_a_case():
    public = {name for name, value in vars(tc).items()
              if callable(value) and not isinstance(value, type) and not name.startswith("_")}
    return public - NOT_DIFFERENTIABLE - {case.op for case in CASES}


def test_every_public_function_of_tensors_has_a_case():
    assert public_functions_without_a_case() == set()


def test_a_new_public_function_without_a_case_is_noticed(monkeypatch):
    monkeypatch.setattr(tc, "half", lambda x: x * 0.5, raising=False)
    assert public_functions_without_a_case() == {"half"}


def test_every_public_name_is_exported_and_exists():
    assert sorted(set(tc.__all__)) == sorted(tc.__all__)
    assert {name for name in tc.__all__ if not hasattr(tc, name)} == set()
    assert NOT_DIFFERENTIABLE.issubset(tc.__all__)
    assert {case.op for case in CASES} & set(vars(tc)) <= set(tc.__all__)


def test_every_primitive_has_gradient_rules_and_a_name_of_its_own(primitives):
    fused = [p for p in primitives if p.composite and p.fast_rule]
    assert [p.name for p in primitives if len(p.rules) != len(p.inputs) and p not in fused] == []
    assert len({p.name for p in primitives}) == len(primitives)


def test_no_two_cases_have_one_name():
    assert len({str(case) for case in CASES}) == len(CASES)


def test_what_each_rule_keeps_is_declared_for_every_primitive(primitives):
    assert {p.name: len(p.inputs) for p in primitives} == {name: len(kept) for name, kept in KEEPS.items()}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_node_keeps_only_what_its_live_rules_name(case, nodes_of):
    arrays = case.arrays(np.random.default_rng(0))
    for live in range(len(arrays)):
        xs = [tensor(array, requires_grad=i == live) for i, array in enumerate(arrays)]
        nodes = nodes_of(case.function(*xs))
        assert nodes
        for node in nodes:
            rules = {0 if node.op.variadic else i for i, parent in enumerate(node.parents) if parent is not None}
            declared = {name for i in rules for name in KEEPS[node.op.name][i].split()}
            assert set(node.saved) & {"out", *node.op.inputs} == declared, node.op.name


def test_convolution_with_a_frozen_weight_keeps_no_feature_map():
    x = tensor(np.ones((1, 6, 6, 3)), requires_grad=True)
    weights = np.ones((3, 3, 3, 2))
    for live in (False, True):
        features = x + 1
        memory = weakref.ref(features.data)
        y = tc.conv2d(features, tensor(weights, requires_grad=live))
        del features
        assert (memory() is not None) == live
        assert y.requires_grad


def test_an_input_image_without_gradient_keeps_no_weight_alive():
    weight = tensor(np.ones((3, 3, 3, 2)), requires_grad=True) * 2
    memory = weakref.ref(weight.data)
    y = tc.conv2d(np.ones((1, 6, 6, 3)), weight)
    del weight
    assert memory() is None
    assert y.requires_grad


def test_an_unknown_op_names_those_spelled_alike():
    with pytest.raises(tc.DataError, match=r"'max_pool'.*max_pool2d"):
        cases_of("max_pool")
    assert {case.op for case in cases_of("relu")} == {"relu"}
    assert cases_of(None) == CASES
