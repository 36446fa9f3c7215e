"""`tinyconv gradcheck`: one line a case, exit code 1 for a wrong gradient, 2 for a wrong word."""

from __future__ import annotations

import pytest

from tinyconv.cli.main import main
from tinyconv.gradcheck.catalogue import cases_of
from tinyconv.ops.elementwise import relu


def test_one_line_a_case_with_error_orders_seed_and_time(capsys):
    assert main(["gradcheck", "max_pool2d", "--seed", "3"]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert len(lines) == len(cases_of("max_pool2d"))
    assert all(line.startswith("right  max_pool2d") for line in lines)
    assert all("orders 1, 2" in line and "worst relative error" in line for line in lines)
    assert last.startswith(f"{len(lines)} of {len(lines)} cases right; seed 3, ")


def test_full_check_of_one_op(capsys):
    assert main(["gradcheck", "matmul", "--full"]) == 0
    assert "adjoint" in capsys.readouterr().out


def test_a_wrong_gradient_is_reported_with_exit_code_one(capsys, monkeypatch):
    right = relu.rules[0]
    monkeypatch.setattr(relu, "rules", (lambda **values: -right(**values),))
    assert main(["gradcheck", "relu"]) == 1
    out = capsys.readouterr().out
    assert "WRONG  relu" in out
    assert "It looks like a wrong sign" in out
    assert "0 of 1 cases right" in out


def test_an_unknown_op_gives_one_line_and_exit_code_two(capsys):
    assert main(["gradcheck", "con2d"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "tinyconv gradcheck: no op is called 'con2d'; expected for example conv2d, conv3d, conv1d.\n"


@pytest.mark.parametrize("seed", ["-1", "x", "1.5", ""])
def test_a_wrong_seed_gives_exit_code_two(seed, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["gradcheck", "relu", f"--seed={seed}"])
    assert stop.value.code == 2
    assert "not a whole number" in capsys.readouterr().err
