"""`tinyconv bench conv` prints the machine and a row for every contraction, and what it times is the right thing."""

from __future__ import annotations

import numpy as np
import pytest

from tinyconv.bench import conv
from tinyconv.cli.main import main
from tinyconv.kernels import dispatch
from tinyconv.kernels.geometry import conv_geometry

LAYER = "depthwise 3x3, small"


@pytest.fixture(autouse=True)
def without_torch(monkeypatch):
    """PyTorch is a rival for the developer who has it; these tests do not depend on it."""
    monkeypatch.setattr(conv, "torch", None)


def test_bench_prints_the_machine_and_three_rows_for_a_layer(capsys):
    assert main(["bench", "conv", "--repeat", "1", "--layer", LAYER]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[:3]] == ["machine", "threads", "seed"]
    assert f"numpy {np.__version__}" in lines[0]
    rows = [line for line in lines if line.startswith(LAYER)]
    assert [row[22:33].strip() for row in rows] == ["forward", "to input", "to weight"]
    assert all(row.split()[-2:] == ["direct", "-"] for row in rows)


def test_table_shows_medians_and_the_ratio_of_what_is_taken_to_pytorch():
    row = conv.Row(LAYER, "conv", conv_geometry((1, 9, 9, 2), (3, 3, 2, 4)), {"im2col": 2.0, "direct": 5.0, "torch": 4.0})
    header, line = conv.table([row]).splitlines()
    assert header.split()[3:] == ["im2col", "direct", "winograd", "winograd_f2", "torch", "table", "takes", "/", "torch"]
    assert line[33:].split() == ["0.0", "2.000", "5.000", "-", "-", "4.000", "im2col", "0.50"]


@pytest.mark.parametrize("contraction", conv.CONTRACTIONS)
def test_rivals_compute_the_same_thing(contraction):
    geometry = conv_geometry((1, 5, 6, 4), (3, 2, 2, 6), stride=(1, 2), padding=1, groups=2)
    rivals = conv._rivals(geometry, contraction)
    assert list(rivals) == ["im2col", "direct"]
    results = [call() for call in rivals.values()]
    np.testing.assert_allclose(results[0], results[1], atol=1e-5)
    assert results[0].dtype == np.float32


def test_winograd_takes_part_where_it_can():
    assert list(conv._rivals(conv_geometry((1, 5, 6, 4), (3, 3, 4, 6), padding=1), "conv")) == list(conv.KERNELS)


def test_every_layer_of_the_list_is_a_possible_convolution_and_the_table_uses_compiled_kernels():
    made = [conv_geometry(x_shape, weight_shape, **options) for x_shape, weight_shape, options in conv.LAYERS.values()]
    assert {dispatch.choose(geometry, np.float32) for geometry in made} == {"direct", "winograd"}


@pytest.mark.parametrize(("arguments", "message"), [
    (["conv", "--repeat", "0"], "--repeat is 0"),
    (["conv", "--layer", "1x1 128"], "did you mean 1x1 128-64, N=8"),
])
def test_impossible_wish_ends_with_one_line_and_code_two(arguments, message, capsys):
    assert main(["bench", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
