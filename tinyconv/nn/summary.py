"""What a net is made of: one run on zeros, and a row for each layer that ran."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyconv.engine import Primitive, Tensor, no_grad, tensor
from tinyconv.errors import ShapeError
from tinyconv.kernels.scalars import is_positive_int
from tinyconv.nn.combine import Concat, Residual
from tinyconv.nn.module import Module, Shape, observer
from tinyconv.nn.receptive_field import ReceptiveField, largest
from tinyconv.nn.sequential import Sequential


@dataclass(frozen=True)
class Row:
    """One call of one layer.

    Attributes
    ----------
    name, type : dotted name in the net, and class
    output_shape : with the batch axis
    parameters : numbers of its own; what was counted in a row above is not counted again
    flops : twice the multiply-adds of convolutions, transposed convolutions and linear layers for this batch, zeros of the
        padding included; bias, pooling, norms and activations count 0
    receptive_field, stride : pixels per spatial axis, see `ReceptiveField`; None where it is not defined, the stride also
        where no spatial axes are left
    """

    name: str
    type: str
    output_shape: Shape
    parameters: int
    flops: int
    receptive_field: Shape | None
    stride: Shape | None


@dataclass(frozen=True)
class Summary:
    """The rows in the order they ran, and their totals; str() is the table.

    Attributes
    ----------
    parameters : of the whole net, each counted once, whether it ran or not
    flops : of all rows
    """

    rows: tuple[Row, ...]
    parameters: int
    flops: int

    def __str__(self) -> str:
        head = ("name", "type", "output shape", "parameters", "FLOPs", "field", "stride")
        table = [head, *((row.name, row.type, str(row.output_shape), f"{row.parameters:,}", f"{row.flops:,}",
                          _per_axis(row.receptive_field), _per_axis(row.stride)) for row in self.rows)]
        table.append(("total", "", "", f"{self.parameters:,}", f"{self.flops:,}", "", ""))
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = ["  ".join(cell.ljust(width) if i < 3 else cell.rjust(width)
                           for i, (cell, width) in enumerate(zip(line, widths, strict=True))).rstrip() for line in table]
        rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


def summary(module: Module, input_shape: Shape) -> Summary:
    """Run the module once, in evaluation mode on zeros, and tell of each layer its shape, parameters, FLOPs and receptive field.

    A layer is a module without modules inside, or with parameters of its own. Receptive fields are followed from layer to
    layer, through Sequential, and at Residual and Concat the largest path goes on; after a function that is not
    elementwise as tc.relu is, after Flatten of more than one position, and after transposed convolution they are not defined.
    The module is left as it was: modes, buffers, generators.

    Parameters
    ----------
    input_shape : tuple of int
        Of one batch, for example (1, 28, 28, 1).

    Raises
    ------
    ShapeError
        What is no shape, or one that the module cannot take.
    """
    if not isinstance(input_shape, tuple | list) or len(input_shape) < 2 or not all(map(is_positive_int, input_shape)):
        raise ShapeError(f"summary: input_shape is {input_shape!r}, expected that of one batch, such as (1, 28, 28, 1).")
    if not isinstance(module, Module):
        raise ShapeError(f"summary: got {type(module).__name__}, expected a module; wrap functions in nn.Sequential.")
    parameters = module.parameters()
    x = tensor(np.zeros(input_shape, parameters[0].dtype if parameters else np.float32))
    run = _Run(module, x)
    with _left_alone(module), no_grad():
        module.eval()
        token = observer.set(run.see)
        try:
            module(x)
        finally:
            observer.reset(token)
    return Summary(tuple(run.rows), sum(p.size for p in parameters), sum(row.flops for row in run.rows))


class _Run:
    """What is known while the module runs: rows, and the receptive field of each value that a layer has made."""

    def __init__(self, module: Module, x: Tensor) -> None:
        self.names = {id(found): name for name, found in module.named_modules()}
        self.rows: list[Row] = []
        self.counted: set[int] = set()
        ones = (1,) * (x.ndim - 2)
        self.fields: dict[int, tuple[Tensor, ReceptiveField | None]] = {id(x): (x, ReceptiveField(ones, ones))}
        self.after: dict[int, ReceptiveField | None] = {}  # field after the last call of a module

    def see(self, layer: Any, x: Any, y: Tensor) -> None:
        """One call has ended; those within it have been seen before."""
        before = self.fields[id(x)][1] if id(x) in self.fields else None
        inner = [found for _, found in layer.named_modules() if found is not layer] if isinstance(layer, Module) else []
        field = self._field(layer, before, x, y, is_leaf=not inner)
        self.after[id(layer)] = field
        self.fields[id(y)] = (y, field)  # the value is kept, so that its id belongs to nobody else
        if isinstance(layer, Module):
            self._add_row(layer, inner, x, y, field)

    def _add_row(self, module: Module, inner: list[Module], x: Any, y: Tensor, field: ReceptiveField | None) -> None:
        elsewhere = {id(p) for found in inner for p in found.parameters()}
        own = [p for p in module.parameters() if id(p) not in elsewhere]
        if inner and not own:
            return
        fresh = [p for p in own if id(p) not in self.counted]
        self.counted.update(id(p) for p in fresh)
        self.rows.append(Row(
            self.names.get(id(module), ""), type(module).__name__, y.shape, sum(p.size for p in fresh),
            module.flops(x.shape if isinstance(x, Tensor) else np.shape(x), y.shape),
            None if field is None or not field.size else field.size,
            None if field is None or not field.size or len(field.size) != y.ndim - 2 else field.stride))

    def _field(self, module: Any, before: ReceptiveField | None, x: Any, y: Tensor, is_leaf: bool) -> ReceptiveField | None:
        if isinstance(module, Residual):
            shortcut = before if module.shortcut is None else self.after.get(id(module.shortcut))
            return largest([self.after.get(id(module.body)), shortcut])
        if isinstance(module, Concat):
            return largest([self.after.get(id(branch)) for branch in module.branches.values()])
        if isinstance(module, Sequential) or not is_leaf:
            return self.fields[id(y)][1] if id(y) in self.fields else None
        if y is x:
            return before
        if not isinstance(module, Module):
            return before if isinstance(module, Primitive) and module.elementwise else None
        window = module.window(x.shape) if before is not None else None
        return None if before is None or window is None else before.through(*window)


@contextmanager
def _left_alone(module: Module) -> Iterator[None]:
    """Whatever happens inside, modes, buffers and generators are afterwards as they were."""
    undo: list[Callable[[], None]] = []
    for _, found in module.named_modules():
        undo.append(_setter(found, "training", found.training))
    for buffer in module.buffers():
        undo.append(_setter(buffer, "data", buffer.data))
    for rng in module.generators().values():
        undo.append(_setter(rng.bit_generator, "state", rng.bit_generator.state))
    try:
        yield
    finally:
        for restore in undo:
            restore()


def _setter(owner: Any, name: str, value: Any) -> Callable[[], None]:
    return lambda: setattr(owner, name, value)


def _per_axis(sizes: Shape | None) -> str:
    """One number if all axes agree."""
    if not sizes:
        return "-"
    return str(sizes[0]) if len(set(sizes)) == 1 else " x ".join(map(str, sizes))
