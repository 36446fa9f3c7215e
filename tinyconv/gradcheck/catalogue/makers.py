"""How a case is written down: the op, its function, a word on what is special, and its inputs by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinyconv.engine import Tensor
from tinyconv.gradcheck.case import Case
from tinyconv.gradcheck.inputs import Maker


def case(op: str, function: Callable[..., Tensor], variant: str = "", linear: str = "", **inputs: Maker) -> Case:
    """The op called `op`; `linear` names the inputs in which it is linear, in one string."""
    return Case(op, variant, function, inputs, tuple(linear.split()))


def options_case(op: Callable[..., Tensor], variant: str, x: Maker, *, linear: str = "", **options: Any) -> Case:
    """An op of one input `x`, with keyword options."""
    return case(op.__name__, lambda x: op(x, **options), variant, linear, x=x)
