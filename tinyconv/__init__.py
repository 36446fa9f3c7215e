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
from tinyconv.ops.array import concatenate, pad, reshape, transpose
from tinyconv.ops.conv import conv1d, conv2d, conv3d, conv_transpose1d, conv_transpose2d, conv_transpose3d
from tinyconv.ops.elementwise import abs, clip, exp, log, maximum, minimum, power, relu, sqrt, where
from tinyconv.ops.linear import matmul
from tinyconv.ops.loss import cross_entropy, mse
from tinyconv.ops.pool import (
    avg_pool1d,
    avg_pool2d,
    avg_pool3d,
    max_pool1d,
    max_pool2d,
    max_pool3d,
    upsample_nearest,
)
from tinyconv.ops.reduce import log_softmax, logsumexp, max, mean, softmax, sum, var

__version__ = "0.1.0"

__all__ = [
    "DataError", "DtypeError", "GradientError", "KernelError", "Parameter", "ShapeError", "Tensor", "TinyconvError",
    "abs", "add", "avg_pool1d", "avg_pool2d", "avg_pool3d", "clip", "concatenate", "conv1d", "conv2d", "conv3d",
    "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "cross_entropy", "debug", "divide", "exp", "explain",
    "grad", "gradcheck", "log", "log_softmax", "logsumexp", "matmul", "max", "max_pool1d", "max_pool2d", "max_pool3d",
    "maximum", "mean", "minimum", "mse", "multiply", "negative", "nn", "no_grad", "optim", "pad", "power",
    "primitive", "relu", "reshape", "softmax", "sqrt", "subtract", "sum", "tensor", "transpose", "upsample_nearest",
    "use_kernel", "var", "where",
]
