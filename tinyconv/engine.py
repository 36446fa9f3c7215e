"""The autograd engine: values that remember how they were made, and one walk that differentiates them.

Read in order: a `Tensor` is an immutable array with, if it needs a gradient, a `Node`; a `Primitive` turns
arrays into an array and leaves a node behind; `_walk` visits nodes from the youngest to the oldest. That is
all: an operation can only use values that exist already, so birth order is topological order.
"""

from __future__ import annotations

import contextlib
import functools
import heapq
import inspect
import itertools
import operator
import os
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from tinyconv.errors import DtypeError, GradientError, RuleError, ShapeError

Array = NDArray[Any]
Rule = Callable[..., "Tensor"]
FastRule = Callable[..., "Sequence[Array | None]"]

_OWN_FILES = (__file__, os.path.join(os.path.dirname(__file__), "ops", ""))  # a traceback ends before them

_births = itertools.count()
_node_of = operator.attrgetter("_node")
_recording: ContextVar[bool] = ContextVar("recording", default=True)
_debugging: ContextVar[str | None] = ContextVar("debugging", default=None)  # "", or inside a rule: who made its node


class Node:
    """Where a value stands in the graph: its birth, its maker, and, for a leaf, its gradient.

    A node never refers to its own tensor, only to older nodes and to the values its live rules name:
    there are no reference cycles, and what no rule needs is released at once.
    """

    __slots__ = ("birth", "grad", "op", "parents", "shapes", "saved", "versions", "trace", "__weakref__")

    def __init__(self, op: Primitive | None = None, inputs: Sequence[Tensor] = (), saved: dict[str, Any] | None = None) -> None:
        self.birth = next(_births)
        self.grad: Array | None = None
        self.op = op  # None: a leaf
        self.parents = tuple([t._node for t in inputs])  # None: an input that needs no gradient
        self.shapes = tuple([t._data.shape for t in inputs])
        self.saved = saved  # what the live rules name; None for a leaf, and once backward() freed it
        self.versions = [(t, t.version) for t in inputs if isinstance(t, Parameter)]  # the parameters used, as they were
        self.trace = ""  # under tc.debug(): who made it


class Tensor:
    """An immutable array that may take part in differentiation.

    Attributes
    ----------
    data : ndarray, read-only
    grad : ndarray or None
        Sum of the gradients of every `backward()` since it was last set to None; leaves only.
    """

    __slots__ = ("_data", "_node", "__weakref__")
    __array_ufunc__ = None  # array * tensor reaches our operator

    # Attached by tinyconv.ops, beside the functions they call.
    sum: Callable[..., Tensor]
    mean: Callable[..., Tensor]
    reshape: Callable[..., Tensor]
    transpose: Callable[..., Tensor]
    __pow__: Callable[[Tensor, Any], Tensor]
    __rpow__: Callable[[Tensor, Any], Tensor]
    __matmul__: Callable[[Tensor, Any], Tensor]
    __rmatmul__: Callable[[Tensor, Any], Tensor]
    __getitem__: Callable[[Tensor, Any], Tensor]

    def __init__(self, data: Array, node: Node | None = None) -> None:
        data.setflags(write=False)
        self._data = data
        self._node = node

    @property
    def data(self) -> Array:
        return self._data

    @property
    def requires_grad(self) -> bool:
        return self._node is not None

    @property
    def grad(self) -> Array | None:
        return None if self._node is None else self._node.grad

    @grad.setter
    def grad(self, value: Array | None) -> None:
        if self._node is None:
            raise GradientError("grad: this tensor needs no gradient; create it with requires_grad=True.")
        array = None if value is None else np.asarray(value)
        if array is not None and (array.shape, array.dtype) != (self.shape, self.dtype):
            raise ShapeError(f"grad: got {array.dtype} {array.shape}, expected {self.dtype} {self.shape}.")
        self._node.grad = array

    @property
    def shape(self) -> tuple[int, ...]:
        return self._data.shape

    @property
    def ndim(self) -> int:
        return self._data.ndim

    @property
    def size(self) -> int:
        return self._data.size

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._data.dtype

    def item(self) -> float:
        """The value of a one-element tensor as a Python float."""
        if self.size != 1:
            raise ShapeError(f"item: got a tensor of shape {self.shape}, expected size 1; reduce it, or take t.data.")
        return float(self._data.item())

    def backward(self, seed: Any = None) -> None:
        """Add d(self)/d(leaf) to the `.grad` of every leaf, and free the graph.

        Parameters
        ----------
        seed : array of self.shape, optional
            The gradient that arrives from outside; 1 for a one-element tensor.

        Raises
        ------
        GradientError
            Nothing needs a gradient; the graph was freed; a parameter changed since its forward.
        ShapeError
            No seed for a tensor of many elements, or a seed of another shape.
        """
        with no_grad():
            found = _walk(self, seed, free=True)
        for node, g in found.items():
            node.grad = g.data if node.grad is None else Tensor(np.asarray(node.grad + g.data)).data

    def __reduce__(self) -> Any:
        if self._node is not None and self._node.op is not None:
            raise GradientError(f"copy: a result of {self._node.op.name} {self.shape} cannot be copied or pickled with its "
                                "graph; copy its values: tc.tensor(t.data).")
        return tensor, (self._data, self.dtype, self.requires_grad)  # copies, deep copies and pickles are leaves of their own

    def __repr__(self) -> str:
        note = ", requires_grad=True" if self.requires_grad else ""
        return f"{type(self).__name__.lower()}({np.array2string(self._data, separator=', ')}, {self.dtype}{note})"

    def __len__(self) -> int:
        if self.ndim == 0:
            raise ShapeError("len: a tensor of shape () has no first axis; its number is t.item().")
        return len(self._data)

    def __float__(self) -> float:
        return self.item()

    def __bool__(self) -> bool:
        raise GradientError("a tensor in a boolean test has no gradient; test its number: `t.item() > 0`.")

    def __eq__(self, other: object) -> bool:
        raise GradientError("tensor == x is ambiguous: compare values with `t.data == x`, identity with `t is x`.")

    __hash__ = object.__hash__

    def __setitem__(self, index: Any, value: Any) -> None:
        raise GradientError("tensors are immutable: build a new one with tc.where or tc.concatenate, "
                            "or give a Parameter a new value with .assign(array).")

    def __array__(self, *args: Any, **kwargs: Any) -> Array:
        raise GradientError("a tensor is not an array and would lose its gradient: use a tc function, or t.data.")

    def __add__(self, other: Any) -> Tensor:
        return add(self, other)

    def __sub__(self, other: Any) -> Tensor:
        return subtract(self, other)

    def __mul__(self, other: Any) -> Tensor:
        return multiply(self, other)

    def __truediv__(self, other: Any) -> Tensor:
        return divide(self, other)

    def __neg__(self) -> Tensor:
        return negative(self)

    def __rsub__(self, other: Any) -> Tensor:
        return subtract(other, self)

    def __rtruediv__(self, other: Any) -> Tensor:
        return divide(other, self)

    __radd__, __rmul__ = __add__, __mul__


class Parameter(Tensor):
    """A leaf that an optimizer may change: `assign` gives it a new value and raises `version`."""

    __slots__ = ("version",)

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        super().__init__(_real_array(data, "Parameter").copy(), Node() if requires_grad else None)
        self.version = 0

    @property
    def requires_grad(self) -> bool:
        return self._node is not None

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        if wanted != self.requires_grad:
            self._node = Node() if wanted else None

    def assign(self, value: Any, copy: bool = True) -> None:
        """Replace the value by a copy of `value`, an array of the same shape, in this parameter's dtype.

        Without `copy` an array of this dtype becomes the value itself, and read-only: give one that nobody else will write to.
        """
        array = _real_array(value, "Parameter.assign", self.dtype).astype(self.dtype, copy=copy)
        if array.shape != self.shape:
            raise ShapeError(f"Parameter.assign: got shape {array.shape}, expected {self.shape}.")
        array.setflags(write=False)
        self._data = array
        self.version += 1

    def __reduce__(self) -> Any:
        return Parameter, (self._data, self.requires_grad), (None, {"version": self.version})


def tensor(a: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor with a copy of `a`. Float arrays keep their dtype; lists and integers become float32.

    >>> tensor([1, 2], requires_grad=True)
    tensor([1., 2.], float32, requires_grad=True)
    """
    array = _real_array(a.data if isinstance(a, Tensor) else a, "tensor", dtype)
    return Tensor(array.copy(), Node() if requires_grad else None)


def as_tensor(a: Any) -> Tensor:
    """`a` itself if it is a tensor, else a constant tensor with a copy of it."""
    return a if isinstance(a, Tensor) else tensor(a)


def _real_array(a: Any, what: str, dtype: Any = None) -> Array:
    """`a` as a float array: floats as they are, the rest as `dtype` or float32."""
    if type(a) is np.ndarray and a.dtype.kind == "f" and a.dtype.isnative and (dtype is None or dtype is a.dtype):
        return a
    try:
        array = np.asarray(a)
        dtype = None if dtype is None else np.dtype(dtype)
    except (TypeError, ValueError) as error:  # rows of several lengths; no dtype of NumPy's
        raise DtypeError(f"{what}: got {type(a).__name__}, dtype {dtype!r}, expected numbers, a float dtype; {error}") from error
    if array.dtype.kind not in "fiub":
        raise DtypeError(f"{what}: got {array.dtype} values, expected real numbers.")
    is_float_array = array.dtype.kind == "f" and isinstance(a, np.ndarray | np.generic)
    wanted = np.dtype(dtype if dtype is not None else array.dtype if is_float_array else np.float32).newbyteorder("=")
    if wanted.kind != "f":
        raise DtypeError(f"{what}: dtype {wanted} is not a float dtype; labels and indices stay NumPy arrays.")
    return array.astype(wanted, copy=False)


# --- Modes -----------------------------------------------------------------------------------------------


def no_grad() -> contextlib.AbstractContextManager[None]:
    """Within this block operations leave no nodes."""
    return _mode(_recording, False)


def recording() -> bool:
    """Whether operations leave nodes here: False within `no_grad()`."""
    return _recording.get()


def debugging() -> bool:
    """Whether operations remember their callers here: True within `debug()`."""
    return _debugging.get() is not None


def debug() -> contextlib.AbstractContextManager[None]:
    """Within this block every operation remembers the line that called it, and values and gradients must be finite."""
    return _mode(_debugging, "")


@contextlib.contextmanager
def _mode(variable: ContextVar[Any], value: Any) -> Iterator[None]:
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)


# --- Primitives ------------------------------------------------------------------------------------------


class Primitive:
    """An array function with one gradient rule per input.

    Arguments without a default are differentiable inputs, the others are static. A rule is a function of
    what its signature names: `g` (the gradient that arrives), `out`, an input, `<input>_shape`, or a static
    argument. With `def f(*xs)` one rule serves every input and may also name `index` and `shapes`.

    A fused primitive has a fast rule on arrays, too. It serves where nothing is recorded; derivatives of higher order are left
    to the rules on tensors, or to `composite`, the same function made of other operations.
    """

    def __init__(self, forward: Callable[..., Any], elementwise: bool = False, composite: Any = None) -> None:
        self.forward, self.elementwise, self.composite = forward, elementwise, composite
        functools.update_wrapper(self, forward)  # to inspect.signature and doctest it is its forward
        self.__name__, self.name = forward.__name__, forward.__name__.strip("_")
        parameters = list(inspect.signature(forward).parameters.values())
        self.variadic = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        inputs = [p for p in parameters if p.default is p.empty and p.kind is not p.KEYWORD_ONLY]
        self.inputs = tuple(p.name for p in inputs)
        self.shape_names = tuple(f"{name}_shape" for name in self.inputs)
        self.statics = {p.name: p.default for p in parameters if p not in inputs}
        self.reserved = {"g", "out", "index", "shapes"} if self.variadic else {"g", "out"}
        if taken := {*self.reserved, "live"}.intersection(p.name for p in parameters):
            raise GradientError(f"{self.name}: the argument {sorted(taken)} means something else in a rule; rename it.")
        self.rules: tuple[Rule, ...] = ()
        self.names: tuple[frozenset[str], ...] = ()  # for each input, what its rule names and a node therefore keeps
        self.fast_rule: FastRule | None = None
        self.fast_names: frozenset[str] = frozenset()

    def __reduce__(self) -> str:
        return self.__name__  # copies are the primitive itself, a pickle holds its name, as for any function

    def vjp(self, *rules: Rule) -> None:
        """Declare the rules, one per input: what arrives at the output, taken back to that input."""
        if len(rules) != len(self.inputs):
            raise GradientError(f"{self.name}.vjp: got {len(rules)} rules for the inputs {self.inputs}.")
        self.rules, self.names = rules, tuple(self._named_by(rule, "vjp", self.reserved) for rule in rules)

    def fast(self, rule: FastRule) -> None:
        """Declare the rule on arrays, one for all inputs, which the walk runs where it does not record.

        It may name what rules may (`g`, `out` and inputs are arrays here) and `live`, a tuple of bool: which inputs want a
        gradient. It returns a list with an array for each of these, None for the others. What a node keeps is still decided by
        the rules on tensors: an input that they do not name is None here. With a composite instead of them it keeps all inputs.
        A static argument may be a buffer that the forward fills, such as the indices it chose; it is kept if a rule names it.
        """
        if not self.rules and self.composite is None:
            raise GradientError(f"{self.name}.fast: higher orders need {self.name}.vjp(...) before it, or a composite.")
        self.fast_rule, self.fast_names = rule, self._named_by(rule, "fast", (self.reserved - {"index"}) | {"live"})
        if not self.rules:
            self.names = (self.fast_names.union(self.inputs, self.statics),) * len(self.inputs)

    def _named_by(self, rule: Callable[..., Any], kind: str, own: set[str]) -> frozenset[str]:
        names = frozenset(inspect.signature(rule).parameters)
        known = {*own, *self.inputs, *self.shape_names, *self.statics}
        if unknown := names - known:
            raise GradientError(f"{self.name}.{kind}: a rule names {sorted(unknown)}; it may name {sorted(known)}.")
        return names

    def __call__(self, *args: Any, **statics: Any) -> Tensor:
        count = len(args) if self.variadic else len(self.inputs)
        if len(args) < count:  # an input may be given by name; Python itself reports a missing or unknown one
            args += tuple(statics.pop(name) for name in self.inputs[len(args) :] if name in statics)
        inputs, rest = as_tensors(self.name, *args[:count]), args[count:]
        try:
            out = np.asarray(self.forward(*[t._data for t in inputs], *rest, **statics))
        except ValueError as error:
            if not self.elementwise or "broadcast" not in str(error):
                raise
            shapes = " and ".join(str(t.shape) for t in inputs)
            raise ShapeError(f"{self.name}: shapes {shapes} do not broadcast; {str(error).strip()}.") from error
        if inputs and inputs[0]._data.dtype != out.dtype:
            raise DtypeError(f"{self.name}: its forward gave {out.dtype} for {inputs[0].dtype} inputs, expected the same dtype.")
        node = None
        if _recording.get() and any(map(_node_of, inputs)):
            if rest or statics:
                statics = {**self.statics, **dict(zip(self.statics, rest, strict=False)), **statics}
            node = Node(self, inputs, self._kept(inputs, out, statics or self.statics))
        if (origin := _debugging.get()) is not None:
            trace = origin or _caller()
            if node is not None:
                node.trace = trace
            if not origin:  # what a rule computes is checked as a whole, by `pull`
                _check_finite(out, f"{self.name}: its output", trace)
        return Tensor(out, node)

    def _kept(self, inputs: list[Tensor], out: Array, statics: dict[str, Any]) -> dict[str, Any]:
        """What a node keeps: that which its live rules name, and nothing else."""
        if not self.names:
            raise GradientError(f"{self.name} has no gradient rules; declare them with {self.name}.vjp(...).")
        values: dict[str, Any] = {self.inputs[0]: tuple(inputs)} if self.variadic else dict(zip(self.inputs, inputs, strict=True))
        values.update(statics, out=out)
        rules = zip(itertools.cycle(self.names), inputs, strict=False)  # a variadic primitive has one for all
        named = [name for names, t in rules if t._node is not None for name in names]
        named += [name for name in self.fast_names if name in statics]
        return {name: values[name] for name in named if name in values}

    def pull(self, node: Node, live: tuple[bool, ...], g: Tensor) -> list[Tensor | None]:
        """The gradient `g` of the output, taken back to the inputs that are `live`; None for the others."""
        values: dict[str, Any] = {"g": g, "live": live, "shapes": node.shapes}
        values.update(zip(self.shape_names, node.shapes, strict=False), **(node.saved or {}))
        with contextlib.nullcontext() if _debugging.get() is None else _mode(_debugging, node.trace or "  outside tc.debug()\n"):
            if self.fast_rule is not None and not _recording.get():
                shares = self._by_fast_rule(self.fast_rule, node, values)
            elif self.rules:
                if "out" in values:
                    values["out"] = Tensor(values["out"], node)
                shares = [self._by_rule(i, values) if wanted else None for i, wanted in enumerate(live)]
            else:
                shares = self._by_composite(node, live, values)
            return [self._fitting(node, i, g, share) if live[i] else None for i, share in enumerate(shares)]

    def _by_fast_rule(self, rule: FastRule, node: Node, values: dict[str, Any]) -> list[Any]:
        arrays = {name: value._data if isinstance(value := values.get(name), Tensor) else value for name in self.fast_names}
        if self.variadic and (xs := arrays.get(self.inputs[0])) is not None:
            arrays[self.inputs[0]] = [t.data for t in xs]
        shares = rule(**arrays)
        got, count = len(shares) if isinstance(shares, tuple | list) else type(shares).__name__, len(node.parents)
        if got != count:
            raise RuleError(f"the fast rule of {self.name} gave {got}, expected a list of {count} gradients.{_created(node)}")
        return [None if share is None else Tensor(np.asarray(share)) for share in shares]

    def _by_rule(self, position: int, values: dict[str, Any]) -> Any:
        if self.variadic:
            values, position = {**values, "index": position}, 0
        return self.rules[position](**{name: values[name] for name in self.names[position]})

    def _by_composite(self, node: Node, live: tuple[bool, ...], values: dict[str, Any]) -> list[Any]:
        """Its gradient at copies of the inputs, as one of these may be another's ancestor, or both may be one tensor."""
        inputs, g = values[self.inputs[0]] if self.variadic else [values[name] for name in self.inputs], values["g"]
        copies = [broadcast_to(t, t.shape) if wanted else t for t, wanted in zip(inputs, live, strict=True)]
        y = self.composite(*copies, **{name: values[name] for name in self.statics})
        if not isinstance(y, Tensor) or (y.shape, y.dtype) != (g.shape, g.dtype):
            raise _rule_error(f"the composite of {self.name}", y, g.shape, g.dtype, node)
        shares = iter(grad(y, [t for t, wanted in zip(copies, live, strict=True) if wanted], create_graph=True, seed=g))
        return [next(shares) if wanted else None for wanted in live]

    def _fitting(self, node: Node, position: int, g: Tensor, share: Any) -> Tensor:
        """What a rule gave for one input, if it has this input's shape and dtype."""
        expected = node.shapes[position]
        if self.elementwise and isinstance(share, Tensor) and share.shape == g.shape != expected:
            share = sum_to(share, expected)
        name = f"{self.inputs[0]}[{position}]" if self.variadic else self.inputs[position]
        if not isinstance(share, Tensor) or share._data.shape != expected or share._data.dtype != g._data.dtype:
            raise _rule_error(f"the rule of {self.name} for {name}", share, expected, g.dtype, node)
        if _debugging.get() is not None:
            _check_finite(share.data, f"{self.name}: its gradient for {name}", node.trace)
        return share


@overload
def primitive(forward: Callable[..., Any]) -> Primitive: ...
@overload
def primitive(*, elementwise: bool = ..., composite: Rule | None = ...) -> Callable[[Callable[..., Any]], Primitive]: ...
def primitive(forward: Callable[..., Any] | None = None, *, elementwise: bool = False, composite: Rule | None = None) -> Any:
    """Make a `Primitive` of an array function; with `elementwise` the walk sums broadcast axes back.

    `composite(*inputs, **statics)` is the same function, written with operations on tensors, for a primitive whose only rule is
    its `fast` one: derivatives of higher order are taken through it.
    """
    if forward is None:
        return lambda f: Primitive(f, elementwise, composite)
    return Primitive(forward)


def as_tensors(name: str, *values: Any) -> list[Tensor]:
    """The inputs of the operation `name` as tensors of one float dtype; numbers, lists and integer arrays adopt it."""
    dtypes = {v.dtype for v in values if isinstance(v, Tensor) or (isinstance(v, np.ndarray) and v.ndim and v.dtype.kind == "f")}
    if len(dtypes) > 1:
        names = " and ".join(sorted(str(d) for d in dtypes))
        raise DtypeError(f"{name}: got {names}, expected one float dtype; convert one with tc.tensor(x, dtype=...).")
    dtype = dtypes.pop() if dtypes else np.dtype(np.float32)
    return [v if isinstance(v, Tensor) else Tensor(_real_array(v, name, dtype).copy()) for v in values]


def _caller() -> str:
    """The stack of calls, its last line the one that called an operation."""
    frames = traceback.extract_stack()
    while len(frames) > 1 and frames[-1].filename.startswith(_OWN_FILES):
        frames.pop()
    return "".join(traceback.format_list(frames))


def _check_finite(array: Array, what: str, trace: str) -> None:
    if not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise GradientError(f"{what} is {array[where]} at {where}. Created at:\n{trace}")


def _rule_error(what: str, got: Any, shape: tuple[int, ...], dtype: np.dtype[Any], node: Node) -> RuleError:
    found, text = (got.shape, f"{got.dtype} {got.shape}") if isinstance(got, Tensor) else (None, type(got).__name__)
    return RuleError(f"{what} gave {text}, expected {dtype} {shape}.{_created(node)}", found, shape)


def _created(node: Node) -> str:
    return f" Created at:\n{node.trace}" if node.trace else " Run it under tc.debug() to see where it was created."


# --- The walk --------------------------------------------------------------------------------------------


def _walk(y: Tensor, seed: Any, wanted: set[Node] | None = None, free: bool = False) -> dict[Node, Tensor]:
    """Gradients of `y` at the `wanted` nodes, or at every leaf.

    A heap hands out the youngest node first. By then every younger user of its value has added its share,
    so each node is visited once: cost is linear in edges, and no recursion limits the depth.
    """
    if y._node is None:
        raise GradientError("backward: nothing here needs a gradient; create a leaf with requires_grad=True.")
    on_path = None if wanted is None else _leading_to(wanted, y._node)
    pending = {y._node: _seed(y, seed)}
    heap = [(-y._node.birth, y._node)]
    found = {}
    while heap:
        _, node = heapq.heappop(heap)
        g = pending.pop(node)
        if node.op is None if wanted is None else node in wanted:
            found[node] = g
        if node.op is None:
            continue
        _check_still_valid(node, node.op)
        live = tuple([parent is not None and (on_path is None or parent in on_path) for parent in node.parents])
        for parent, share in zip(node.parents, node.op.pull(node, live, g) if any(live) else (), strict=False):
            if parent is None or share is None:
                continue
            if parent not in pending:
                heapq.heappush(heap, (-parent.birth, parent))
            pending[parent] = add(pending[parent], share) if parent in pending else share
        if free:
            node.saved, node.versions = None, []
    return found


def _seed(y: Tensor, seed: Any) -> Tensor:
    if seed is None:
        if y.size != 1:
            raise ShapeError(f"backward: got a tensor of shape {y.shape} and no seed; reduce it with .sum() "
                             "or give a seed, an array of that shape.")
        return Tensor(np.ones(y.shape, y.dtype))
    seed = seed if isinstance(seed, Tensor) else Tensor(_real_array(seed, "backward", y.dtype).astype(y.dtype))
    if (seed.shape, seed.dtype) != (y.shape, y.dtype):
        raise ShapeError(f"backward: got a seed of {seed.dtype} {seed.shape}, expected {y.dtype} {y.shape}.")
    return seed


def _check_still_valid(node: Node, op: Primitive) -> None:
    if node.saved is None:
        raise GradientError(f"backward a second time through {op.name}: the first one freed the graph; "
                            "compute the loss again, or use tc.grad, which keeps the graph.")
    for parameter, version in node.versions:
        if parameter.version != version:
            raise GradientError(f"{op.name} used a parameter {parameter.shape} that has changed since "
                                f"(version {version}, now {parameter.version}); compute the loss again.{_created(node)}")


def _leading_to(wanted: set[Node], root: Node) -> set[Node]:
    """The nodes on a path from `root` back to a wanted node."""
    ancestors, stack = {root}, [root]
    oldest = min((node.birth for node in wanted), default=0)
    while stack:
        for parent in stack.pop().parents:
            if parent is not None and parent not in ancestors and parent.birth >= oldest:
                ancestors.add(parent)
                stack.append(parent)
    leading = set(wanted)
    for node in sorted(ancestors, key=lambda node: node.birth):
        if not leading.isdisjoint(node.parents):
            leading.add(node)
    return leading


@overload
def grad(y: Tensor, xs: Tensor, create_graph: bool = False, seed: Any = None) -> Tensor: ...
@overload
def grad(y: Tensor, xs: Sequence[Tensor], create_graph: bool = False, seed: Any = None) -> list[Tensor]: ...
def grad(y: Tensor, xs: Any, create_graph: bool = False, seed: Any = None) -> Any:
    """The gradients dy/dx as tensors; the graph is kept, `.grad` is untouched.

    Parameters
    ----------
    xs : Tensor or sequence of Tensor
        One tensor gives one gradient, a sequence a list. A tensor that y does not depend on gets zeros.
    create_graph : bool
        Record the gradient's own graph, so that it can be differentiated again.
    seed : array of y.shape, optional
        The gradient that arrives from outside; 1 for a one-element y.

    >>> x = tensor([3.0], requires_grad=True)
    >>> slope = grad((x * x * x).sum(), x, create_graph=True)
    >>> slope.item(), grad(slope, x).item()
    (27.0, 18.0)
    """
    targets = [xs] if isinstance(xs, Tensor) else list(xs) if isinstance(xs, Sequence) else [xs]
    if wrong := [type(t).__name__ for t in (y, *targets) if not isinstance(t, Tensor)]:
        raise GradientError(f"grad: got {', '.join(wrong)}, expected tensors: y, and one x or a list of them.")
    for i, x in enumerate(targets):
        if x._node is None:
            raise GradientError(f"grad: input {i} of shape {x.shape} needs no gradient; "
                                "create it with requires_grad=True.")
    with _mode(_recording, create_graph):
        found = _walk(y, seed, {x._node for x in targets if x._node is not None})
    results = [found[x._node] if x._node in found else Tensor(np.zeros(x.shape, x.dtype)) for x in targets]
    return results[0] if isinstance(xs, Tensor) else results


# --- The core operators: what the walk and Python's own signs need ---------------------------------------


@primitive
def broadcast_to(x: Array, shape: tuple[int, ...] = ()) -> Array:
    """Repeat `x` along new and length-one axes, as NumPy does."""
    return np.broadcast_to(x, shape)


@primitive
def sum_to(x: Array, shape: tuple[int, ...] = ()) -> Array:
    """Sum `x` over the axes along which `shape` would be broadcast: the adjoint of `broadcast_to`."""
    lead = x.ndim - len(shape)
    axes = tuple(range(lead)) + tuple(i + lead for i, n in enumerate(shape) if n == 1 and x.shape[i + lead] != 1)
    return sum_over(x, axes).reshape(shape)


LONG = 1024  # more float32 numbers than this are not added up one after the other
BLOCKS = 256


def sum_over(x: Array, axes: tuple[int, ...]) -> Array:
    """Sum of an array over `axes`, these kept as 1, without a long chain of rounding errors.

    NumPy adds in pairs only along contiguous memory; over the pixels of images (N, H, W, 3) it adds one after the other, and
    the mean of a million float32 values has three digits. So it is one axis after the other, a long one in blocks. The first
    axis comes first, whose rows are long: that is as fast as NumPy or, with few channels, many times faster.
    """
    if len(axes) == x.ndim and x.flags.forc:
        return np.asarray(x.sum(keepdims=True))
    for axis in sorted(axes):
        while (n := x.shape[axis]) > LONG and axis < x.ndim - 1:
            head, tail = np.split(x, [n - n % BLOCKS], axis)
            blocks = head.reshape(*x.shape[:axis], BLOCKS, n // BLOCKS, *x.shape[axis + 1 :])
            x = np.concatenate([blocks.sum(axis=axis), tail], axis)
        x = x.sum(axis=axis, keepdims=True)
    return x


broadcast_to.vjp(lambda g, x_shape: sum_to(g, shape=x_shape))
sum_to.vjp(lambda g, x_shape: broadcast_to(g, shape=x_shape))


@primitive(elementwise=True)
def add(a: Array, b: Array) -> Array:
    """Elementwise sum; shapes broadcast as in NumPy."""
    return a + b


@primitive(elementwise=True)
def subtract(a: Array, b: Array) -> Array:
    """Elementwise difference; shapes broadcast as in NumPy."""
    return a - b


@primitive(elementwise=True)
def multiply(a: Array, b: Array) -> Array:
    """Elementwise product; shapes broadcast as in NumPy."""
    return a * b


@primitive(elementwise=True)
def divide(a: Array, b: Array) -> Array:
    """Elementwise quotient; shapes broadcast as in NumPy."""
    return a / b


@primitive(elementwise=True)
def negative(a: Array) -> Array:
    """Elementwise -a."""
    return -a


add.vjp(lambda g: g, lambda g: g)
subtract.vjp(lambda g: g, lambda g: -g)
multiply.vjp(lambda g, b: g * b, lambda g, a: g * a)
divide.vjp(lambda g, b: g / b, lambda g, out, b: -(g * out / b))
negative.vjp(lambda g: -g)
