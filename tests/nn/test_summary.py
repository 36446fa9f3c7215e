"""A summary's figures equal those computed by hand, its receptive fields what a gradient reaches, and it leaves no trace."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import tinyconv as tc
from tinyconv import nn
from tinyconv.nn.receptive_field import ReceptiveField, largest


def rng():
    return np.random.default_rng(0)


def figures(row):
    return row.output_shape, row.parameters, row.flops, row.receptive_field, row.stride


def lenet():
    return nn.Sequential(
        conv1=nn.Conv2d(1, 6, 5, padding=2, rng=rng()), relu1=nn.ReLU(), pool1=nn.AvgPool2d(2),
        conv2=nn.Conv2d(6, 16, 5, rng=rng()), relu2=nn.ReLU(), pool2=nn.AvgPool2d(2), flatten=nn.Flatten(),
        fc1=nn.Linear(400, 120, rng=rng()), tanh=nn.Tanh(), fc2=nn.Linear(120, 10, bias=False, rng=rng()))


def test_lenet_by_hand():
    found = nn.summary(lenet(), (1, 28, 28, 1))
    rows = {row.name: row for row in found.rows}
    assert list(rows) == ["conv1", "relu1", "pool1", "conv2", "relu2", "pool2", "flatten", "fc1", "tanh", "fc2"]
    assert [row.type for row in found.rows[:3]] == ["Conv2d", "ReLU", "AvgPool2d"]
    assert figures(rows["conv1"]) == ((1, 28, 28, 6), 156, 235_200, (5, 5), (1, 1))  # 2 * 28 * 28 * 6 * 25
    assert figures(rows["relu1"]) == ((1, 28, 28, 6), 0, 0, (5, 5), (1, 1))
    assert figures(rows["pool1"]) == ((1, 14, 14, 6), 0, 0, (6, 6), (2, 2))
    assert figures(rows["conv2"]) == ((1, 10, 10, 16), 2_416, 480_000, (14, 14), (2, 2))  # 2 * 10 * 10 * 16 * 150
    assert figures(rows["pool2"]) == ((1, 5, 5, 16), 0, 0, (16, 16), (4, 4))
    assert figures(rows["flatten"]) == ((1, 400), 0, 0, None, None)
    assert figures(rows["fc1"]) == ((1, 120), 48_120, 96_000, None, None)
    assert figures(rows["fc2"]) == ((1, 10), 1_200, 2_400, None, None)
    assert (found.parameters, found.flops) == (51_892, 813_600)
    assert nn.summary(lenet(), (3, 28, 28, 1)).flops == 3 * 813_600


def test_the_table_has_a_line_for_each_row_and_a_total():
    lines = str(nn.summary(lenet(), (1, 28, 28, 1))).splitlines()
    assert lines[0].split() == ["name", "type", "output", "shape", "parameters", "FLOPs", "field", "stride"]
    assert lines[2].split() == ["conv1", "Conv2d", "(1,", "28,", "28,", "6)", "156", "235,200", "5", "1"]
    assert lines[-1].split() == ["total", "51,892", "813,600"]
    assert len(lines) == 10 + 4
    assert len({line.index("FLOPs") + 5 if "FLOPs" in line else line.index("235,200") + 7 for line in (lines[0], lines[2])}) == 1


def test_depthwise_block_by_hand():
    net = nn.Sequential(depthwise=nn.Conv2d(8, 16, (3, 1), stride=2, padding=(1, 0), groups=8, bias=False, rng=rng()),
                        norm=nn.BatchNorm(16), act=nn.PReLU(16), pointwise=nn.Conv2d(16, 4, 1, rng=rng()),
                        pool=nn.GlobalAvgPool(), fc=nn.Linear(4, 3, rng=rng()))
    rows = {row.name: row for row in nn.summary(net, (2, 10, 7, 8)).rows}
    assert figures(rows["depthwise"]) == ((2, 5, 4, 16), 48, 2 * 2 * 5 * 4 * 16 * 3, (3, 1), (2, 2))
    assert figures(rows["norm"])[1:] == (32, 0, (3, 1), (2, 2))
    assert figures(rows["act"])[1] == 16
    assert figures(rows["pointwise"]) == ((2, 5, 4, 4), 68, 2 * 2 * 5 * 4 * 4 * 16, (3, 1), (2, 2))
    assert figures(rows["pool"]) == ((2, 4), 0, 0, (3 + 4 * 2, 1 + 3 * 2), None)
    assert figures(rows["fc"]) == ((2, 3), 15, 2 * 2 * 3 * 4, (11, 7), None)


def test_residual_and_concat_go_on_with_the_largest_path():
    body = nn.Sequential(a=nn.Conv2d(4, 8, 3, stride=2, padding=1, rng=rng()), b=nn.Conv2d(8, 8, 3, padding=1, rng=rng()))
    net = nn.Sequential(block=nn.Residual(body, nn.Conv2d(4, 8, 1, stride=2, rng=rng())),
                        fire=nn.Concat(one=nn.Conv2d(8, 2, 1, rng=rng()),
                                       three=nn.Conv2d(8, 3, (1, 3), padding="same", rng=rng())),
                        last=nn.Conv2d(5, 1, 3, rng=rng()))
    found = nn.summary(net, (1, 9, 8, 4))
    rows = {row.name: row for row in found.rows}
    assert list(rows) == ["block.body.a", "block.body.b", "block.shortcut", "fire.one", "fire.three", "last"]
    assert figures(rows["block.body.b"])[3:] == ((7, 7), (2, 2))
    assert figures(rows["block.shortcut"]) == ((1, 5, 4, 8), 40, 2 * 20 * 8 * 4, (1, 1), (2, 2))
    assert figures(rows["fire.one"])[3:] == ((7, 7), (2, 2))
    assert figures(rows["fire.three"])[3:] == ((7, 11), (2, 2))
    assert figures(rows["last"])[3:] == ((11, 15), (2, 2))
    assert found.parameters == sum(row.parameters for row in found.rows) == sum(p.size for p in net.parameters())


def test_signals_and_volumes_by_hand():
    net = nn.Sequential(conv=nn.Conv1d(2, 3, 5, dilation=2, rng=rng()), pool=nn.MaxPool1d(3, 2, dilation=2))
    one = nn.summary(net, (1, 20, 2))
    assert [figures(row) for row in one.rows] == [((1, 12, 3), 33, 2 * 12 * 3 * 10, (9,), (1,)), ((1, 4, 3), 0, 0, (13,), (2,))]
    three = nn.summary(nn.Conv3d(2, 4, (1, 2, 3), stride=(1, 2, 1), rng=rng()), (1, 3, 4, 5, 2))
    assert figures(three.rows[0]) == ((1, 3, 2, 3, 4), 52, 2 * 18 * 4 * 12, (1, 2, 3), (1, 2, 1))
    up = nn.summary(nn.ConvTranspose1d(4, 2, 3, stride=2, rng=rng()), (1, 5, 4))
    assert figures(up.rows[0]) == ((1, 11, 2), 26, 2 * 5 * 4 * 3 * 2, None, None)


def test_a_shared_layer_counts_its_parameters_once_and_its_work_twice():
    conv = nn.Conv1d(2, 2, 3, rng=rng())
    found = nn.summary(nn.Sequential(first=conv, again=conv), (1, 9, 2))
    assert [(row.name, row.parameters, row.flops) for row in found.rows] == [("first", 14, 168), ("first", 0, 120)]
    assert (found.parameters, found.flops) == (14, 288)
    assert found.rows[1].receptive_field == (5,)


class Scaled(nn.Module):
    """A module with a child and a parameter of its own."""

    def __init__(self):
        self.scale = tc.Parameter([2.0])
        self.conv = nn.Conv1d(1, 1, 2, rng=rng())

    def forward(self, x):
        return self.conv(x) * self.scale


def test_own_parameters_of_a_container_have_a_row_and_unknown_functions_end_the_field():
    found = nn.summary(nn.Sequential(scaled=Scaled(), relu=nn.ReLU()), (1, 4, 1))
    assert [(row.name, row.parameters, row.receptive_field) for row in found.rows] == [
        ("scaled.conv", 3, (2,)), ("scaled", 1, None), ("relu", 0, None)]


def test_elementwise_functions_keep_the_field_and_others_end_it():
    def pool():
        return nn.MaxPool1d(2)

    beside = nn.Concat(exp=tc.exp, same=lambda x: x, pad=nn.Tanh())
    known = nn.summary(nn.Sequential(a=pool(), relu=tc.relu, cat=beside, b=pool()), (1, 8, 1))
    assert [(row.name, row.receptive_field) for row in known.rows] == [("a", (2,)), ("cat.pad", (2,)), ("b", (4,))]
    flipped = nn.summary(nn.Sequential(a=pool(), flip=lambda x: tc.flip(x, axis=1), b=pool()), (1, 8, 1))
    assert [row.receptive_field for row in flipped.rows] == [(2,), None]
    assert nn.summary(nn.Residual(nn.InstanceNorm(2)), (1, 5, 2)).rows[0].receptive_field == (5,)
    assert nn.summary(nn.LayerNorm((4, 2)), (1, 5, 4, 2)).rows[0].receptive_field == (1, 4)


def test_summary_leaves_modes_buffers_and_generators_as_they_were():
    drop = nn.Dropout(0.5, rng=rng())
    net = nn.Sequential(norm=nn.BatchNorm(3), drop=drop, inner=nn.Sequential(relu=nn.ReLU()))
    net["inner"].eval()
    before, state = copy.deepcopy(net.state()), drop.rng.bit_generator.state
    nn.summary(net, (2, 5, 3))
    assert [m.training for _, m in net.named_modules()] == [True, True, True, False, False]
    assert drop.rng.bit_generator.state == state
    for name, array in net.state().items():
        np.testing.assert_array_equal(array, before[name])
    with pytest.raises(tc.ShapeError):
        nn.summary(net, (2, 5, 4))
    assert net.training
    assert nn.summary(net, (2, 5, 3)).rows[0].parameters == 6


@pytest.mark.parametrize("wrong", [3, (), (4,), (1, 0, 3), (1, 2.0, 3), "ab"])
def test_a_wrong_input_shape_is_an_error(wrong):
    with pytest.raises(tc.ShapeError, match="summary: input_shape is"):
        nn.summary(nn.ReLU(), wrong)


def positive(net):
    for parameter in net.parameters():
        parameter.assign(np.abs(parameter.data) + 0.1)
    return net


PROBED = {
    "strides": (lambda: nn.Sequential(a=nn.Conv2d(1, 2, (3, 2), stride=(2, 1), rng=rng()), p=nn.AvgPool2d(2),
                                      b=nn.Conv2d(2, 1, 3, dilation=(1, 2), rng=rng())), (1, 40, 36, 1)),
    "residual": (lambda: nn.Sequential(r=nn.Residual(nn.Conv2d(1, 1, 5, padding=2, rng=rng())), s=nn.AvgPool2d(3, 2)),
                 (1, 31, 31, 1)),
    "concat": (lambda: nn.Sequential(c=nn.Concat(a=nn.Conv2d(1, 1, 1, rng=rng()),
                                                   b=nn.Conv2d(1, 1, (3, 5), padding=(1, 2), rng=rng())),
                                     d=nn.Conv2d(2, 1, 2, rng=rng())), (1, 21, 25, 1)),
    "adaptive": (lambda: nn.Sequential(a=nn.Conv2d(1, 1, 3, rng=rng()), p=nn.AdaptiveAvgPool2d((4, 3))), (1, 22, 23, 1)),
}


@pytest.mark.parametrize("case", PROBED)
def test_receptive_field_is_what_a_gradient_reaches(case):
    build, shape = PROBED[case]
    net = positive(build())
    row = nn.summary(net, shape).rows[-1]
    x = tc.tensor(np.ones(shape, np.float32), requires_grad=True)
    y = net(x)
    middle = tuple(n // 2 for n in y.shape[1:-1])
    reached = []
    for step in (0, 1):
        seen = np.argwhere(tc.grad(y[0, middle[0] + step, middle[1] + step, 0], x).data[0, ..., 0])
        reached.append((seen.min(axis=0), seen.max(axis=0)))
    assert tuple(reached[0][1] - reached[0][0] + 1) == row.receptive_field
    assert tuple(reached[1][0] - reached[0][0]) == row.stride


def test_paths_of_different_stride_have_no_common_field():
    one, two = ReceptiveField((3, 5), (1, 1)), ReceptiveField((4, 1), (1, 1))
    assert largest([one, two]) == ReceptiveField((4, 5), (1, 1))
    assert largest([one, None]) is None
    assert largest([one, ReceptiveField((9, 9), (2, 1))]) is None
