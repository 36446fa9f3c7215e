"""A course that runs and a framework you can read: ConvNets by hand in NumPy and Numba."""

from tinyconv import gradcheck, nn, optim
from tinyconv.engine import (
    Parameter,
    Tensor,
    add,
    debug,
    divide,
    grad,
    multiply,
    negative,
    no_grad,
    primitive,
    subtract,
    tensor,
)
from tinyconv.errors import DataError, DtypeError, GradientError, KernelError, ShapeError, TinyconvError
from tinyconv.kernels.dispatch import explain, use_kernel
from tinyconv.kernels.threads import set_threads
from tinyconv.ops.activation import gelu, leaky_relu, prelu, sigmoid, softplus, tanh
from tinyconv.ops.adaptive_pool import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
)
from tinyconv.ops.array import concatenate, flip, pad, reshape, stack, transpose
from tinyconv.ops.convolution import conv1d, conv2d, conv3d, conv_transpose1d, conv_transpose2d, conv_transpose3d
from tinyconv.ops.distance import paired_distances, pairwise_distances
from tinyconv.ops.dropout import dropout
from tinyconv.ops.einsum import einsum
from tinyconv.ops.elementwise import abs, clip, exp, log, maximum, minimum, power, relu, sqrt, where
from tinyconv.ops.gather import argmax, one_hot, take_along_axis, top_k
from tinyconv.ops.linear import matmul
from tinyconv.ops.loss import bce_with_logits, cross_entropy, huber, kl_divergence, mse
from tinyconv.ops.norm import batch_norm, group_norm, instance_norm, layer_norm, local_response_norm
from tinyconv.ops.pool import (
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    global_avg_pool,
    global_max_pool,
    max_pool1d,
    max_pool2d,
    max_pool3d,
)
from tinyconv.ops.reduce import l2_normalize, log_softmax, logsumexp, max, mean, norm, softmax, sum, var
from tinyconv.ops.resize import resize_bilinear, resize_nearest, upsample_nearest
from tinyconv.ops.unpool import (
    max_pool_indices1d,
    max_pool_indices2d,
    max_pool_indices3d,
    max_unpool1d,
    max_unpool2d,
    max_unpool3d,
)

__version__ = "0.1.0"

__all__ = [
    "DataError", "DtypeError", "GradientError", "KernelError", "Parameter", "ShapeError", "Tensor", "TinyconvError",
    "abs", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d",
    "adaptive_max_pool2d", "adaptive_max_pool3d", "add", "argmax", "avg_pool1d", "avg_pool2d", "avg_pool3d",
    "batch_norm", "bce_with_logits", "clip", "concatenate", "conv1d", "conv2d", "conv3d", "conv_transpose1d",
    "conv_transpose2d", "conv_transpose3d", "cross_entropy", "debug", "divide", "dropout", "einsum", "exp", "explain",
    "flip", "gelu", "global_avg_pool", "global_max_pool", "grad", "gradcheck", "group_norm", "huber", "instance_norm",
    "kl_divergence", "l2_normalize", "layer_norm", "leaky_relu", "local_response_norm", "log", "log_softmax",
    "logsumexp", "matmul", "max", "max_pool1d", "max_pool2d", "max_pool3d", "max_pool_indices1d", "max_pool_indices2d",
    "max_pool_indices3d", "max_unpool1d", "max_unpool2d", "max_unpool3d", "maximum", "mean", "minimum", "mse",
    "multiply", "negative", "nn", "no_grad", "norm", "one_hot", "optim", "pad", "paired_distances", "pairwise_distances", "power",
    "prelu", "primitive", "relu", "reshape", "resize_bilinear", "resize_nearest", "set_threads", "sigmoid", "softmax",
    "softplus", "sqrt", "stack", "subtract", "sum", "take_along_axis", "tanh", "tensor", "top_k", "transpose",
    "upsample_nearest", "use_kernel", "var", "where",
]
