"""The test cases that the `onnx` package ships for its operators, on our operations: channels first at the border only."""

from __future__ import annotations

import warnings
from collections import Counter
from typing import Any

import numpy as np
import pytest
from onnx import helper
from onnx.backend.test.case.node import collect_testcases

import tinyconv as tc

# Cases that tinyconv has no word for, and why.
LEFT_OUT = {
    "test_convtranspose_output_shape": "output_shape",
    "test_convtranspose_kernel_shape": "output_shape and output_padding",
    "test_convtranspose_pad": "output_padding",
    "test_averagepool_2d_dilations": "avg_pool has no dilation",
    "test_averagepool_3d_dilations_small": "avg_pool has no dilation",
    "test_averagepool_3d_dilations_large_count_include_pad_is_0_ceil_mode_is_True": "avg_pool has no dilation",
    "test_averagepool_3d_dilations_large_count_include_pad_is_0_ceil_mode_is_False": "avg_pool has no dilation",
    "test_averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_True": "avg_pool has no dilation",
    "test_averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_False": "avg_pool has no dilation",
    "test_maxpool_with_argmax_2d_precomputed_strides": "column-major indices are asked for; the values are those of another case",
    "test_reduce_max_bool_inputs": "tensors are real numbers",
    "test_reduce_max_empty_set_bool": "tensors are real numbers",
    "test_reduce_max_empty_set": "the largest of nothing is an error",
    "test_reduce_log_sum_exp_empty_set": "the largest of nothing is an error",
}
FOUR_DIGITS = "test_averagepool_2d_ceil_last_window_starts_on_pad"  # its expected values are written out with four digits
COUNTS = {"Conv": 6, "ConvTranspose": 8, "MaxPool": 18, "AveragePool": 14, "GlobalAveragePool": 2, "GlobalMaxPool": 2, "Relu": 1,
          "Softmax": 7, "LogSoftmax": 7, "MatMul": 7, "ReduceSum": 11, "ReduceMean": 8, "ReduceMax": 8, "ReduceLogSumExp": 8}


def cases() -> dict[str, Any]:
    """{name: case} of all cases of the operators above, each a graph of one node."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # onnx divides by zero on purpose
        found = collect_testcases()
    return {case.name: case for case in found
            if len(case.model.graph.node) == 1 and case.model.graph.node[0].op_type in COUNTS}


SHIPPED = cases()
CASES = {name: case for name, case in SHIPPED.items() if name not in LEFT_OUT}


def last(x: Any) -> Any:
    """Channels last."""
    return np.moveaxis(x, 1, -1)


def first(y: tc.Tensor) -> Any:
    """Channels first."""
    return np.moveaxis(y.data, -1, 1)


def steps(size: tuple[int, ...], kernel: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Stride, dilation and padding in our words."""
    stride = tuple(options.get("strides", (1,) * len(size)))
    dilation = tuple(options.get("dilations", (1,) * len(size)))
    pads = options.get("pads", (0,) * 2 * len(size))
    padding: Any = tuple(zip(pads[: len(size)], pads[len(size) :], strict=True))
    auto = options.get("auto_pad", b"NOTSET")
    if auto == b"SAME_UPPER":
        padding = "same"
    elif auto == b"SAME_LOWER":  # the odd pixel goes to the beginning
        totals = [max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
                  for n, k, s, d in zip(size, kernel, stride, dilation, strict=True)]
        padding = tuple((total - total // 2, total // 2) for total in totals)
    return {"stride": stride, "dilation": dilation, "padding": padding}


def conv(inputs: Any, options: dict[str, Any]) -> Any:
    x, weight, *bias = inputs
    ours = np.moveaxis(weight, (0, 1), (-1, -2))
    function = {3: tc.conv1d, 4: tc.conv2d, 5: tc.conv3d}[x.ndim]
    return first(function(last(x), ours, *bias, groups=options.get("group", 1), **steps(x.shape[2:], weight.shape[2:], options)))


def conv_transpose(inputs: Any, options: dict[str, Any]) -> Any:
    x, weight, *bias = inputs
    ours = np.moveaxis(weight, (0, 1), (-1, -2))  # (C_in, C_out / groups, *kernel) becomes (*kernel, C_out / groups, C_in)
    function = {3: tc.conv_transpose1d, 4: tc.conv_transpose2d, 5: tc.conv_transpose3d}[x.ndim]
    return first(function(last(x), ours, *bias, groups=options.get("group", 1), **steps(x.shape[2:], weight.shape[2:], options)))


def max_pool(inputs: Any, options: dict[str, Any]) -> Any:
    (x,) = inputs
    function = {3: tc.max_pool1d, 4: tc.max_pool2d, 5: tc.max_pool3d}[x.ndim]
    kernel = tuple(options["kernel_shape"])
    return first(function(last(x), kernel, ceil_mode=bool(options.get("ceil_mode", 0)), **steps(x.shape[2:], kernel, options)))


def average_pool(inputs: Any, options: dict[str, Any]) -> Any:
    (x,) = inputs
    function = {3: tc.avg_pool1d, 4: tc.avg_pool2d, 5: tc.avg_pool3d}[x.ndim]
    kernel = tuple(options["kernel_shape"])
    moved = steps(x.shape[2:], kernel, options)
    del moved["dilation"]
    return first(function(last(x), kernel, ceil_mode=bool(options.get("ceil_mode", 0)),
                          count_include_pad=bool(options.get("count_include_pad", 0)), **moved))


def reduction(function: Any) -> Any:
    def run(inputs: Any, options: dict[str, Any]) -> Any:
        x, *axes = inputs
        axis = tuple(int(a) for a in axes[0]) if axes and axes[0].size else tuple(options.get("axes", ())) or None
        if axis is None and options.get("noop_with_empty_axes", 0):
            axis = ()
        return function(x, axis=axis, keepdims=bool(options.get("keepdims", 1))).data

    return run


RUN = {
    "Conv": conv, "ConvTranspose": conv_transpose, "MaxPool": max_pool, "AveragePool": average_pool,
    "GlobalAveragePool": lambda inputs, options: tc.mean(inputs[0], axis=(2, 3), keepdims=True).data,
    "GlobalMaxPool": lambda inputs, options: tc.max(inputs[0], axis=(2, 3), keepdims=True).data,
    "Relu": lambda inputs, options: tc.relu(inputs[0]).data,
    "Softmax": lambda inputs, options: tc.softmax(inputs[0], axis=options.get("axis", -1)).data,
    "LogSoftmax": lambda inputs, options: tc.log_softmax(inputs[0], axis=options.get("axis", -1)).data,
    "MatMul": lambda inputs, options: tc.matmul(*inputs).data,
    "ReduceSum": reduction(tc.sum), "ReduceMean": reduction(tc.mean), "ReduceMax": reduction(tc.max),
    "ReduceLogSumExp": reduction(tc.logsumexp),
}


def check(case: Any) -> None:
    node = case.model.graph.node[0]
    options = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    assert case.data_sets
    for inputs, outputs in case.data_sets:
        got = RUN[node.op_type](inputs, options)
        assert got.shape == outputs[0].shape
        tolerance = 5e-4 if case.name == FOUR_DIGITS else 1e-5
        np.testing.assert_allclose(got, outputs[0], rtol=tolerance, atol=tolerance * np.abs(outputs[0]).max(initial=1e-3))


def kernels_of(name: str) -> tuple[str, ...]:
    return ("im2col", "direct") if "conv" in name else ("im2col",)


@pytest.mark.parametrize(("name", "kernel"), [(name, kernel) for name in CASES for kernel in kernels_of(name)])
def test_onnx_case_is_reproduced(name, kernel):
    with tc.use_kernel(kernel):
        check(CASES[name])


def test_every_case_of_the_package_runs_or_is_left_out_by_name():
    found = Counter(case.model.graph.node[0].op_type for case in CASES.values())
    missing = {op: (found[op], at_least) for op, at_least in COUNTS.items() if found[op] < at_least}
    assert LEFT_OUT.keys() <= SHIPPED.keys()
    assert not missing, f"operator: (cases found, expected at least) {missing}"
