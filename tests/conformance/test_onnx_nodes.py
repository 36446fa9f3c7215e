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
from tinyconv.ops.norm import batch_norm_with_statistics

# Cases that tinyconv has no word for, and why.
LEFT_OUT = {
    "test_averagepool_2d_dilations": "avg_pool has no dilation",
    "test_averagepool_3d_dilations_small": "avg_pool has no dilation",
    "test_averagepool_3d_dilations_large_count_include_pad_is_0_ceil_mode_is_True": "avg_pool has no dilation",
    "test_averagepool_3d_dilations_large_count_include_pad_is_0_ceil_mode_is_False": "avg_pool has no dilation",
    "test_averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_True": "avg_pool has no dilation",
    "test_averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_False": "avg_pool has no dilation",
    "test_reduce_max_bool_inputs": "tensors are real numbers",
    "test_reduce_max_empty_set_bool": "tensors are real numbers",
    "test_reduce_max_empty_set": "the largest of nothing is an error",
    "test_reduce_log_sum_exp_empty_set": "the largest of nothing is an error",
    "test_prelu_example": "prelu has one slope a channel, or one for all",
    "test_onehot_negative_indices": "a label that is no class number is an error",
    "test_onehot_out_of_range_indices": "a label that is no class number is an error",
    **dict.fromkeys(("test_l1normalization_axis_0", "test_l1normalization_axis_1", "test_l1normalization_axis_last"),
                    "l2_normalize divides by the Euclidean length"),
    **dict.fromkeys(("test_onehot_with_bfloat16_values", "test_einsum_batch_matmul_bfloat16", "test_einsum_sum_bfloat16",
                     "test_einsum_transpose_bfloat16"), "NumPy has no bfloat16"),
    **dict.fromkeys((f"test_argmax_{way}_{data}_select_last_index" for data in ("example", "random") for way in (
        "no_keepdims", "keepdims", "default_axis", "negative_axis_keepdims")), "argmax takes the first of equal values"),
    **dict.fromkeys(("test_training_dropout", "test_training_dropout_default", "test_training_dropout_mask",
                     "test_training_dropout_default_mask"), "another random generator chose what is left out"),
    **dict.fromkeys((f"test_resize_{case}" for case in (
        "upsample_scales_cubic", "upsample_scales_cubic_align_corners", "downsample_scales_cubic", "upsample_sizes_cubic",
        "downsample_scales_cubic_align_corners", "downsample_sizes_cubic", "upsample_scales_cubic_asymmetric",
        "upsample_scales_cubic_A_n0p5_exclude_outside", "downsample_scales_cubic_A_n0p5_exclude_outside",
        "downsample_scales_cubic_antialias", "downsample_sizes_cubic_antialias")), "cubic"),
    **dict.fromkeys((f"test_resize_downsample_{case}_linear_antialias" for case in ("scales", "sizes")), "nothing is smoothed"),
    **dict.fromkeys((f"test_resize_tf_crop_and_resize{case}" for case in ("", "_extrapolation_value", "_axes_2_3", "_axes_3_2")),
                    "a crop"),
    **dict.fromkeys((f"test_resize_{case}" for case in (
        "downsample_scales_linear", "downsample_scales_linear_align_corners", "downsample_scales_linear_half_pixel_symmetric",
        "upsample_scales_linear_half_pixel_symmetric")), "a scale that is no ratio of whole sizes"),
    "test_resize_downsample_sizes_linear_pytorch_half_pixel": "a single output stands at the first pixel, ours in the middle",
    **dict.fromkeys((f"test_resize_{case}" for case in (
        "downsample_sizes_nearest", "upsample_sizes_nearest_floor_align_corners",
        "upsample_sizes_nearest_round_prefer_ceil_asymmetric", "upsample_sizes_nearest_ceil_half_pixel")),
        "another rule for the nearest pixel"),
    **dict.fromkeys((f"test_resize_{way}_sizes_nearest_not_{case}" for way in ("upsample", "downsample")
                     for case in ("larger", "smaller")), "the size follows from an aspect ratio"),
}
FOUR_DIGITS = "test_averagepool_2d_ceil_last_window_starts_on_pad"  # its expected values are written out with four digits
COUNTS = {"Conv": 6, "ConvTranspose": 8, "MaxPool": 18, "AveragePool": 14, "GlobalAveragePool": 2, "GlobalMaxPool": 2, "Relu": 1,
          "Softmax": 7, "LogSoftmax": 7, "MatMul": 7, "ReduceSum": 11, "ReduceMean": 8, "ReduceMax": 8, "ReduceLogSumExp": 8,
          "LeakyRelu": 3, "PRelu": 1, "Sigmoid": 2, "Tanh": 2, "Softplus": 2, "Gelu": 4, "Pow": 8, "Abs": 1, "Exp": 2, "Log": 2,
          "Sqrt": 2, "Where": 2, "Concat": 12, "Einsum": 6, "OneHot": 3, "ArgMax": 8, "Gather": 4, "GatherElements": 3, "TopK": 7,
          "ReduceL2": 9, "LpNormalization": 3, "MaxUnpool": 2, "BatchNormalization": 4, "InstanceNormalization": 2,
          "LayerNormalization": 19, "GroupNormalization": 2, "LRN": 2, "Resize": 9, "Upsample": 1, "Dropout": 8}


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
    moved = steps(x.shape[2:], weight.shape[2:], options)
    extra = tuple(options.get("output_padding", (0,) * (x.ndim - 2)))
    if "output_shape" in options:  # where the output is to be larger than it would be
        extra = tuple(wanted - ((n - 1) * s + (k - 1) * d + 1) for wanted, n, s, k, d in zip(
            options["output_shape"], x.shape[2:], moved["stride"], weight.shape[2:], moved["dilation"], strict=True))
    return first(function(last(x), ours, *bias, groups=options.get("group", 1), output_padding=extra, **moved))


def max_pool(inputs: Any, options: dict[str, Any]) -> Any:
    (x,) = inputs
    function, places = {3: (tc.max_pool1d, tc.max_pool_indices1d), 4: (tc.max_pool2d, tc.max_pool_indices2d),
                        5: (tc.max_pool3d, tc.max_pool_indices3d)}[x.ndim]
    kernel = tuple(options["kernel_shape"])
    moved = {"ceil_mode": bool(options.get("ceil_mode", 0)), **steps(x.shape[2:], kernel, options)}
    chosen = np.moveaxis(places(last(x), kernel, **moved), -1, 1)
    if options.get("storage_order", 0):  # column by column
        chosen = np.ravel_multi_index(np.unravel_index(chosen, x.shape[2:])[::-1], x.shape[:1:-1])
    planes = np.arange(x.shape[0] * x.shape[1]).reshape(*x.shape[:2], *(1,) * (x.ndim - 2))
    return first(function(last(x), kernel, **moved)), chosen + planes * np.prod(x.shape[2:])


def max_unpool(inputs: Any, options: dict[str, Any]) -> Any:
    x, chosen, *wanted = inputs
    kernel = options["kernel_shape"]
    moved = steps(x.shape[2:], kernel, options)
    size = [(n - 1) * s + k - sum(pair) for n, s, k, pair in
            zip(x.shape[2:], moved["stride"], kernel, moved["padding"], strict=True)]
    function = {3: tc.max_unpool1d, 4: tc.max_unpool2d, 5: tc.max_unpool3d}[x.ndim]
    y = first(function(last(x), last(chosen % np.prod(size)), size))
    return np.pad(y, [(0, int(n) - m) for n, m in zip(wanted[0], y.shape, strict=True)]) if wanted else y


def batch_norm(inputs: Any, options: dict[str, Any]) -> Any:
    x, weight, bias, mean, var = inputs
    eps, old = options.get("epsilon", 1e-5), options.get("momentum", 0.9)
    if not options.get("training_mode", 0):
        return first(tc.batch_norm(last(x), weight, bias, mean=mean, var=var, eps=eps))
    y, new_mean, new_var = batch_norm_with_statistics(last(x), weight, bias, eps=eps)
    return first(y), old * mean + (1 - old) * new_mean, old * var + (1 - old) * new_var


def instance_norm(inputs: Any, options: dict[str, Any]) -> Any:
    x, weight, bias = inputs
    return first(tc.instance_norm(last(x), weight, bias, eps=options.get("epsilon", 1e-5)))


def group_norm(inputs: Any, options: dict[str, Any]) -> Any:
    x, weight, bias = inputs
    return first(tc.group_norm(last(x), options["num_groups"], weight, bias, eps=options.get("epsilon", 1e-5)))


def layer_norm(inputs: Any, options: dict[str, Any]) -> Any:
    x, weight, bias = inputs
    axes, eps = tuple(range(options.get("axis", -1) % x.ndim, x.ndim)), options.get("epsilon", 1e-5)
    mean, var = tc.mean(x, axis=axes, keepdims=True), tc.var(x, axis=axes, keepdims=True)
    return tc.layer_norm(x, weight, bias, axes=axes, eps=eps).data, mean.data, (1 / tc.sqrt(var + eps)).data


def local_response_norm(inputs: Any, options: dict[str, Any]) -> Any:
    alpha, beta, k = options.get("alpha", 1e-4), options.get("beta", 0.75), options.get("bias", 1.0)
    return first(tc.local_response_norm(last(inputs[0]), options["size"], alpha=alpha, beta=beta, k=k))


def resize(inputs: Any, options: dict[str, Any]) -> Any:
    x, *_, wanted = inputs
    scaled = wanted.dtype.kind == "f"
    axes = options.get("axes", range(x.ndim))
    size = dict(enumerate(x.shape)) | {a: int(n * x.shape[a]) if scaled else int(n) for a, n in zip(axes, wanted, strict=True)}
    out = tuple(size[a] for a in range(2, x.ndim))
    if options["mode"] == b"nearest":
        return first(tc.resize_nearest(last(x), out))
    align = options.get("coordinate_transformation_mode") == b"align_corners"
    return first(tc.resize_bilinear(last(x), out, align_corners=align))


def dropout(inputs: Any, options: dict[str, Any]) -> Any:
    x, *rest = inputs
    training = len(rest) > 1 and bool(rest[1])
    y = tc.dropout(x, float(rest[0]) if training else 0, np.random.default_rng(0)).data
    return y, y == x


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


def one_hot(inputs: Any, options: dict[str, Any]) -> Any:
    labels, classes, (off, on) = inputs
    coded = tc.one_hot(labels.astype(int), int(classes)) * float(on - off) + float(off)
    return np.moveaxis(coded.data, -1, options.get("axis", -1))


def top_k(inputs: Any, options: dict[str, Any]) -> Any:
    x, k = inputs
    sign = 1 if options.get("largest", 1) else -1  # the smallest are the largest of -x
    values, indices = tc.top_k(sign * x.astype(np.float32), int(k[0]), axis=options.get("axis", -1))
    return (values * sign).data, indices


RUN = {
    "Conv": conv, "ConvTranspose": conv_transpose, "MaxPool": max_pool, "AveragePool": average_pool,
    "GlobalAveragePool": lambda inputs, options: tc.global_avg_pool(last(inputs[0])).data[:, :, None, None],
    "GlobalMaxPool": lambda inputs, options: tc.global_max_pool(last(inputs[0])).data[:, :, None, None],
    "MaxUnpool": max_unpool, "BatchNormalization": batch_norm, "InstanceNormalization": instance_norm,
    "LayerNormalization": layer_norm, "GroupNormalization": group_norm, "LRN": local_response_norm, "Resize": resize,
    "Upsample": resize, "Dropout": dropout,
    "Relu": lambda inputs, options: tc.relu(inputs[0]).data,
    "Softmax": lambda inputs, options: tc.softmax(inputs[0], axis=options.get("axis", -1)).data,
    "LogSoftmax": lambda inputs, options: tc.log_softmax(inputs[0], axis=options.get("axis", -1)).data,
    "MatMul": lambda inputs, options: tc.matmul(*inputs).data,
    "ReduceSum": reduction(tc.sum), "ReduceMean": reduction(tc.mean), "ReduceMax": reduction(tc.max),
    "ReduceLogSumExp": reduction(tc.logsumexp), "ReduceL2": reduction(tc.norm),
    "LeakyRelu": lambda inputs, options: tc.leaky_relu(inputs[0], options.get("alpha", 0.01)).data,
    "PRelu": lambda inputs, options: tc.prelu(*inputs).data,
    "Sigmoid": lambda inputs, options: tc.sigmoid(inputs[0]).data,
    "Tanh": lambda inputs, options: tc.tanh(inputs[0]).data,
    "Softplus": lambda inputs, options: tc.softplus(inputs[0]).data,
    "Gelu": lambda inputs, options: tc.gelu(inputs[0], options.get("approximate", b"none").decode()).data,
    "Pow": lambda inputs, options: tc.power(*inputs).data,
    "Abs": lambda inputs, options: tc.abs(inputs[0]).data,
    "Exp": lambda inputs, options: tc.exp(inputs[0]).data,
    "Log": lambda inputs, options: tc.log(inputs[0]).data,
    "Sqrt": lambda inputs, options: tc.sqrt(inputs[0]).data,
    "Where": lambda inputs, options: tc.where(*inputs).data,
    "Concat": lambda inputs, options: tc.concatenate(inputs, axis=options["axis"]).data,
    "Einsum": lambda inputs, options: tc.einsum(options["equation"].decode(), *inputs).data,
    "OneHot": one_hot,
    "ArgMax": lambda inputs, options: tc.argmax(inputs[0], options.get("axis", 0), bool(options.get("keepdims", 1))),
    "Gather": lambda inputs, options: tc.tensor(inputs[0])[(slice(None),) * options.get("axis", 0) + (inputs[1],)].data,
    "GatherElements": lambda inputs, options: tc.take_along_axis(*inputs, axis=options.get("axis", 0)).data,
    "TopK": top_k,
    "LpNormalization": lambda inputs, options: tc.l2_normalize(inputs[0], axis=options.get("axis", -1)).data,
}


def check(case: Any) -> None:
    node = case.model.graph.node[0]
    options = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    assert case.data_sets
    for inputs, outputs in case.data_sets:
        result = RUN[node.op_type](inputs, options)
        tolerance = 5e-4 if case.name == FOUR_DIGITS else 1e-5
        results = result if isinstance(result, tuple) else (result,)
        for got, expected in zip(results[: len(outputs)], outputs, strict=True):  # the last outputs of an operator are optional
            assert got.shape == expected.shape
            np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance * np.abs(expected).max(initial=1e-3))


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
