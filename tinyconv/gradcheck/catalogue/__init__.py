"""The catalogue: every op with the inputs and options at which its gradients are checked, and what each op keeps.

Sizes differ from axis to axis, kernels are not square, stride and padding differ per axis: two axes taken for one
another cannot hide. One module for each file of operations, each with two names:

- `CASES`: a list of `Case`;
- `KEEPS`: {primitive: for each of its rules, in their order, what a node keeps while that rule is live}. An input image
  or a frozen weight has no live rule: whatever only its rule names is not kept.
"""

from __future__ import annotations

import difflib

from tinyconv.errors import DataError
from tinyconv.gradcheck.case import Case
from tinyconv.gradcheck.catalogue import (
    activation,
    adaptive_pool,
    array,
    batch_norm,
    conv,
    core,
    distance,
    dropout,
    einsum,
    elementwise,
    gather,
    linear,
    loss,
    norm,
    pool,
    reduce,
    resize,
    standardize,
    unpool,
)

MODULES = (core, elementwise, activation, array, gather, reduce, linear, einsum, conv, pool, adaptive_pool, unpool, resize,
           standardize, batch_norm, norm, dropout, distance, loss)

CASES: list[Case] = [case for module in MODULES for case in module.CASES]
KEEPS: dict[str, tuple[str, ...]] = {name: kept for module in MODULES for name, kept in module.KEEPS.items()}


def cases_of(op: str | None) -> list[Case]:
    """The cases of one op, or all.

    Raises
    ------
    DataError
        No such op; names those that are spelled alike.
    """
    ops = sorted({case.op for case in CASES})
    if op is not None and op not in ops:
        close = difflib.get_close_matches(op, ops, n=4, cutoff=0.5) or ops
        raise DataError(f"no op is called {op!r}; expected for example {', '.join(close)}.")
    return [case for case in CASES if op in (None, case.op)]
