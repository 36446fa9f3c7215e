"""no_grad() and debug(): what they switch, for whom, and what debug() finds."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import tinyconv as tc


def leaf(*values):
    return tc.tensor(np.array(values), requires_grad=True)


def test_no_grad_leaves_no_nodes_and_ends_with_its_block():
    x = leaf(1.0)
    with tc.no_grad():
        with tc.no_grad():
            assert not (x * 2).requires_grad
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad
    with pytest.raises(KeyError), tc.no_grad():
        raise KeyError
    assert (x * 2).requires_grad


def test_modes_belong_to_their_thread():
    x, seen = leaf(1.0), []
    inside, checked = threading.Event(), threading.Event()

    def hold():
        with tc.no_grad():
            seen.append((x * 2).requires_grad)
            inside.set()
            checked.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(10)
    seen.append((x * 2).requires_grad)
    checked.set()
    thread.join()
    assert seen == [False, True]


def test_threads_differentiate_at_once():
    results = {}

    def work(k):
        x = leaf(float(k))
        for _ in range(50):
            y = x
            for _ in range(20):
                y = y + x * 2
            results[k] = tc.grad(y, x).data.tolist()

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {k: [41] for k in range(4)}


def test_debug_names_a_forward_value_that_is_not_finite():
    x = tc.tensor(np.ones((2, 3)))
    with tc.debug(), pytest.raises(tc.GradientError, match=r"multiply: its output is inf at \(1, 2\)") as caught:
        x * np.array([[1, 1, 1], [1, 1, np.inf]])  # the line that made it
    assert "the line that made it" in str(caught.value).rstrip().splitlines()[-1]


def test_debug_shows_the_callers_line_last_for_operators_methods_and_functions():
    x = leaf(1.0, 2.0)
    for use in (lambda: x * np.nan,  # mark
                lambda: (x + 0).mean() * np.nan,  # mark
                lambda: tc.mean(tc.tensor([np.nan, 1.0])),  # mark
                lambda: tc.cross_entropy(tc.tensor([[np.nan, 1.0]]), [0])):  # mark
        with tc.debug(), pytest.raises(tc.GradientError, match="is nan at") as caught:
            use()
        assert str(caught.value).rstrip().splitlines()[-1].endswith("# mark")


def test_debug_names_a_gradient_that_is_not_finite_and_who_made_its_node():
    x = leaf(0.0, 4.0)
    with tc.debug(), np.errstate(divide="ignore"):
        y = tc.sqrt(x)  # the root of the evil
        with pytest.raises(tc.GradientError, match=r"sqrt: its gradient for x is inf at \(0,\)") as caught:
            y.sum().backward()
    assert str(caught.value).rstrip().splitlines()[-1].endswith("# the root of the evil")
    assert x.grad is None


def test_debug_tells_where_a_wrong_rule_was_used():
    @tc.primitive
    def shift(x):
        return x + 1

    shift.vjp(lambda g: g[:1])
    with pytest.raises(tc.GradientError, match=r"Run it under tc\.debug\(\) to see where it was created"):
        shift(leaf(1.0, 2.0)).sum().backward()
    with tc.debug():
        y = shift(leaf(1.0, 2.0))  # here
    with pytest.raises(tc.GradientError, match="the rule of shift") as caught:
        y.sum().backward()
    assert str(caught.value).rstrip().splitlines()[-1].endswith("# here")


def test_debug_traces_a_second_derivative_to_the_forward_line():
    x = leaf(1.0, 2.0)
    with tc.debug():
        y = (x**3).sum()  # the forward
        g = tc.grad(y, x, create_graph=True)
    assert g._node.trace.rstrip().endswith("# the forward")


def test_debug_around_the_backward_alone_still_finds_what_is_not_finite():
    x = leaf(0.0)
    y = tc.sqrt(x)
    with tc.debug(), np.errstate(divide="ignore"), pytest.raises(tc.GradientError, match=r"sqrt: its gradient for x is inf"):
        y.backward()


def test_debug_keeps_traces_only_inside_its_block():
    x = leaf(1.0)
    with tc.debug():
        assert "x * 2" in (x * 2)._node.trace
    assert (x * 2)._node.trace == ""


def test_finite_values_pass_debug_unchanged():
    x = leaf(1.0, 2.0)
    with tc.debug():
        y = tc.exp(x).sum()
        y.backward()
    np.testing.assert_allclose(x.grad, np.exp(x.data))
