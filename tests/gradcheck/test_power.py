"""The check has power: each gradient rule, made wrong on purpose, is rejected by every case of its op."""

from __future__ import annotations

import numpy as np
import pytest

from tinyconv.engine import Tensor
from tinyconv.gradcheck import gradcheck
from tinyconv.gradcheck.catalogue import CASES

WRONG = {"negated": lambda d: -d, "doubled": lambda d: 2 * d, "zeroed": lambda d: 0 * d}


def accepts(case):
    return gradcheck(case.function, *case.arrays(np.random.default_rng(0))).ok


@pytest.fixture(scope="module")
def endings(nodes_of):
    """(case, its last operation, the positions there with a gradient) of the cases that use that operation once."""
    found = []
    for case in CASES:
        y = case.function(*case.leaves(np.random.default_rng(0)))
        last, operations = y._node.op, [node.op for node in nodes_of(y)]
        live = {0 if last.variadic else i for i, parent in enumerate(y._node.parents) if parent is not None}
        if operations.count(last) == 1:
            found.append((case, last, live))
    return found


@pytest.fixture
def cases_ending_with(endings):
    """The cases whose last operation is a primitive, with a gradient at `position`: there a wrong rule must show."""
    return lambda primitive, position: [case for case, last, live in endings if last is primitive and position in live]


@pytest.mark.parametrize("mutation", WRONG)
def test_a_mutated_fast_rule_is_rejected(fast_rule, mutation, cases_ending_with, monkeypatch):
    primitive, position = fast_rule
    right, change, cases = primitive.fast_rule, WRONG[mutation], cases_ending_with(*fast_rule)

    def wrong(**values):
        shares = list(right(**values))
        shares[position] = None if shares[position] is None else np.asarray(change(shares[position]))
        return shares

    assert cases
    assert all(accepts(case) for case in cases)
    monkeypatch.setattr(primitive, "fast_rule", wrong)
    assert [str(case) for case in cases if accepts(case)] == []


@pytest.mark.parametrize("mutation", WRONG)
def test_a_mutated_rule_is_rejected(rule, mutation, cases_ending_with, monkeypatch):
    primitive, position = rule
    cases = cases_ending_with(primitive, position)
    assert cases
    assert all(accepts(case) for case in cases)
    right, change = primitive.rules[position], WRONG[mutation]
    rules = list(primitive.rules)
    rules[position] = lambda **values: Tensor(np.asarray(change(right(**values).data)))
    monkeypatch.setattr(primitive, "rules", tuple(rules))
    assert [str(case) for case in cases if accepts(case)] == []


def test_swapped_rules_are_rejected(rule, cases_ending_with, monkeypatch):
    primitive, position = rule
    if len(primitive.inputs) == 1 or primitive.name == "add":  # both rules of add are the same
        assert primitive.rules
        return
    monkeypatch.setattr(primitive, "rules", primitive.rules[::-1])
    monkeypatch.setattr(primitive, "names", primitive.names[::-1])
    all_live = [case for case in cases_ending_with(primitive, position) if len(case.inputs) == len(primitive.inputs)]
    assert all_live
    assert [str(case) for case in all_live if accepts(case)] == []
