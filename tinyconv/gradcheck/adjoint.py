"""A linear function and its gradient rule are adjoint: <A x, g> = <x, A* g>, for any x and g, in any dtype."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinyconv.engine import Tensor, grad, tensor
from tinyconv.gradcheck.check import SEED, function_name, input_names
from tinyconv.gradcheck.report import Finding, Report


def adjoint_check(f: Callable[..., Tensor], *inputs: Any, linear: Sequence[int] | None = None,
                  rng: np.random.Generator | None = None, tolerance: float | None = None, name: str | None = None,
                  names: Sequence[str] | None = None) -> Report:
    """Check <f(x), g> = <x, f* g> with a random g, where f* is the gradient rule of `f`, taken at another point than x.

    Parameters
    ----------
    f : function of tensors, linear in each of the inputs that `linear` names while the others are held fixed
    inputs : float arrays or tensors; they keep their dtype
    linear : positions of those inputs, by default all
    rng, name, names : as in `gradcheck`
    tolerance : float, optional
        Largest difference, relative to |f(x)| |g|; by default 1000 times the dtype's rounding.

    Returns
    -------
    Report
        `numeric` is <f(x), g>, `analytic` is <x, f* g>.
    """
    rng = np.random.default_rng(SEED) if rng is None else rng
    xs = [tensor(x) for x in inputs]
    names = input_names(f, len(xs)) if names is None else names
    value = f(*xs).data
    g = rng.standard_normal(value.shape).astype(value.dtype)
    numeric = _inner(value, g)
    limit = 1000 * float(np.finfo(value.dtype).eps) if tolerance is None else tolerance
    findings = []
    for position in range(len(xs)) if linear is None else linear:
        x = xs[position]
        elsewhere = tensor(rng.standard_normal(x.shape), x.dtype, requires_grad=True)
        back = grad(f(*xs[:position], elsewhere, *xs[position + 1 :]), elsewhere, seed=g)
        analytic = _inner(x.data, back.data)
        error = abs(analytic - numeric) / max(float(np.linalg.norm(value) * np.linalg.norm(g)), 1e-300)
        looks_like = "" if error <= limit else "a rule that is not the adjoint of its function, or a function that is not linear"
        findings.append(Finding(names[position], position, x.shape, None, analytic, numeric, error, error <= limit, looks_like))
    return Report(function_name(f) if name is None else name, "adjoint identity", tuple(findings))


def _inner(a: Any, b: Any) -> float:
    return float((a.astype(np.float64) * b).sum())
