"""How a tensor looks in a PyTorch pickle: a view, by offset, size and stride, of a storage that lies elsewhere in the file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyconv.data.quoting import one_line
from tinyconv.data.readers.pickles import Budget, Maker, Name, plain_dict
from tinyconv.errors import DataError

LARGEST_NUMBER = 1 << 40  # of an offset, a size, a stride
MOST_AXES = 32

# PyTorch's types and how NumPy reads their bytes.
DTYPES = {"float32": "<f4", "float64": "<f8", "float16": "<f2", "bfloat16": "<u2", "int64": "<i8", "int32": "<i4",
          "int16": "<i2", "int8": "|i1", "uint8": "|u1", "bool": "|u1", "complex64": "<c8", "complex128": "<c16",
          "uint16": "<u2", "uint32": "<u4", "uint64": "<u8"}
STORAGES = {"FloatStorage": "float32", "DoubleStorage": "float64", "HalfStorage": "float16", "BFloat16Storage": "bfloat16",
            "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8", "ByteStorage": "uint8",
            "BoolStorage": "bool", "ComplexFloatStorage": "complex64", "ComplexDoubleStorage": "complex128",
            "UntypedStorage": "uint8"}


@dataclass(frozen=True)
class Storage:
    """A run of numbers in the file: its key there, the type of the numbers and how many they are."""

    key: str
    dtype: str
    count: int

    @property
    def itemsize(self) -> int:
        """Bytes of one number."""
        return np.dtype(DTYPES[self.dtype]).itemsize

    @property
    def size(self) -> int:
        """Bytes of all."""
        return self.count * self.itemsize


@dataclass(frozen=True)
class Slice:
    """A storage from number `start` on: before PyTorch 0.4 a storage could be a view of another."""

    storage: Storage
    start: int


@dataclass(frozen=True)
class Tensor:
    """Element (i, j, ...) is number offset + i stride[0] + j stride[1] + ... of a storage, counted in numbers of `dtype`;
    its conjugate or its negative where PyTorch has put that off."""

    storage: Storage
    dtype: str
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]
    conjugate: bool
    negative: bool

    def build(self, content: bytes, budget: Budget) -> NDArray[Any]:
        """The array of the storage's bytes, copied.

        Raises
        ------
        DataError
            A size or a stride that no tensor has, or an element outside the storage.
        """
        stored = np.dtype(DTYPES[self.dtype])
        numbers = (self.offset, *self.size, *self.stride)
        if len(self.size) != len(self.stride) or len(self.size) > MOST_AXES or not all(map(_is_small, numbers)):
            raise DataError(f"{budget.what} holds a tensor with an impossible offset, size or stride.")
        if math.prod(n for n in self.size if n) * stored.itemsize > LARGEST_NUMBER:
            raise DataError(f"{budget.what} holds a tensor of the impossible size {self.size}.")
        budget.spend(math.prod(self.size) * stored.itemsize * (2 if self.dtype == "bfloat16" else 1))
        if 0 in self.size:
            return self._as_numpy(np.empty(self.size, stored))
        last = self.offset + sum((n - 1) * step for n, step in zip(self.size, self.stride, strict=True))
        if last >= len(content) // stored.itemsize:
            raise DataError(f"{budget.what} holds a tensor that needs number {last:,} of storage {one_line(self.storage.key)}, "
                            f"which has {len(content) // stored.itemsize:,}.")
        flat = np.frombuffer(content, stored, len(content) // stored.itemsize)[self.offset :]
        steps = [step * stored.itemsize if n > 1 else 0 for n, step in zip(self.size, self.stride, strict=True)]
        return self._as_numpy(np.lib.stride_tricks.as_strided(flat, self.size, steps))

    def _as_numpy(self, array: NDArray[Any]) -> NDArray[Any]:
        if self.dtype == "bfloat16":  # the upper half of a float32
            own = (array.astype(np.uint32, order="C") << np.uint32(16)).view(np.float32)
        else:
            own = np.array(array, np.bool_ if self.dtype == "bool" else array.dtype.newbyteorder("="), order="C")
        own = np.conjugate(own, out=own) if self.conjugate else own
        return np.negative(own, out=own) if self.negative else own


class Storages:
    """The persistent ids of a checkpoint: ("storage", type, key, device, count), in the old format with a view behind."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.seen: dict[str, Storage] = {}

    def __call__(self, identity: Any) -> Slice:
        """The storage of one persistent id; the same key must always mean the same."""
        kind, name, key, _, count, *view = identity
        if kind != "storage" or not isinstance(name, Name) or not isinstance(key, str) or not _is_small(count):
            raise ValueError("a persistent id that is no storage")
        dtype = STORAGES.get(name.dotted.rpartition(".")[2])
        if dtype is None:
            raise DataError(f"{self.what} holds a storage of the type {one_line(name.dotted)}, which is not read.")
        storage = self.seen.setdefault(key, Storage(key, dtype, count))
        if storage != Storage(key, dtype, count):
            raise DataError(f"{self.what} describes storage {one_line(key)} in two ways.")
        start = view[0][1] if view and view[0] is not None else 0
        if not _is_small(start):
            raise ValueError("a view of a storage that begins nowhere")
        return Slice(storage, start)


def tensor_makers() -> dict[str, Maker | None]:
    """What stands for the names that a pickle of tensors uses."""
    makers: dict[str, Maker | None] = {
        "collections.OrderedDict": plain_dict,
        "torch.Size": tuple,
        "torch.device": lambda *where: None,
        "torch._utils._rebuild_tensor": _tensor,
        "torch._utils._rebuild_tensor_v2": _tensor,
        "torch._utils._rebuild_tensor_v3": _tensor_of_bytes,
        "torch._utils._rebuild_parameter": lambda data, *rest: data,
        "torch._utils._rebuild_parameter_with_state": lambda data, *rest: data,
        "torch.storage.UntypedStorage": None,
    }
    return {**makers, **dict.fromkeys(f"torch.{name}" for name in (*STORAGES, *DTYPES))}


def _tensor(place: Slice, offset: int, size: tuple[int, ...], stride: tuple[int, ...], grad: Any = False, hooks: Any = None,
            metadata: Any = None) -> Tensor:
    return _checked(place, place.storage.dtype, place.start + offset, size, stride, metadata)


def _tensor_of_bytes(place: Slice, offset: int, size: tuple[int, ...], stride: tuple[int, ...], grad: bool, hooks: Any,
                     dtype: Name, metadata: Any = None) -> Tensor:
    return _checked(place, dtype.dotted.removeprefix("torch."), offset, size, stride, metadata)


def _checked(place: Slice, dtype: str, offset: int, size: Any, stride: Any, metadata: Any) -> Tensor:
    """The tensor, if its parts are what they should be; `metadata` says what PyTorch does only when it reads the numbers."""
    flags = {} if metadata is None else metadata
    if not (isinstance(place.storage, Storage) and dtype in DTYPES and isinstance(size, tuple) and isinstance(stride, tuple)):
        raise ValueError("a tensor of other parts than storage, offset, size and stride")
    if not isinstance(flags, dict) or not set(flags) <= {"conj", "neg"} or (flags.get("neg") and dtype == "bool"):
        raise ValueError("a tensor with other metadata than whether it is conjugate or negative")
    return Tensor(place.storage, dtype, offset, size, stride, bool(flags.get("conj")), bool(flags.get("neg")))


def _is_small(number: Any) -> bool:
    return type(number) is int and 0 <= number <= LARGEST_NUMBER
