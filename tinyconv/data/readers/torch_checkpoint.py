"""PyTorch's checkpoints as arrays: the zip format and the one before it, read without PyTorch and without executing anything.

Both hold a pickle of Python's containers, in which a tensor is (storage, offset, size, stride), and the storages' bytes: as
members data/0, data/1, ... of the zip, or one after the other behind the pickle. Source: torch/serialization.py and
torch/_utils.py of PyTorch 2.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from numpy.typing import NDArray

from tinyconv.data.archives import open_archive
from tinyconv.data.files import first_bytes
from tinyconv.data.quoting import LONGEST_PATH, one_line
from tinyconv.data.readers.numpy_pickles import as_array, numpy_makers
from tinyconv.data.readers.pickles import Budget, load_pickle
from tinyconv.data.readers.torch_tensors import Storage, Storages, Tensor, tensor_makers
from tinyconv.data.readers.trees import collect
from tinyconv.data.tar import BLOCK, is_header
from tinyconv.errors import DataError

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001


def read_torch_checkpoint(path: str | Path) -> dict[str, NDArray[Any]]:
    """Read what `torch.save` wrote: a state_dict, or dictionaries and lists of tensors inside each other.

    Returns
    -------
    {"state_dict.layer.weight": array}: keys of nested dictionaries joined by dots, positions in lists counted from 0, a tensor
    that is all of the file under "tensor". Each array is its own, contiguous, in PyTorch's axis order and dtype, bfloat16 as
    float32. Tensors, parameters and NumPy's arrays are in; Python's numbers, texts and None are left out.

    Raises
    ------
    DataError
        No such file, no checkpoint, one before PyTorch 0.1.10 (a tar), a TorchScript program, damaged, cut short, written on a
        big-endian machine, a tensor that is sparse, quantized or outside its storage, or a pickle with a name or an
        instruction that tensors do not need, as when a whole module was saved.
    """
    path = Path(path)
    start = first_bytes(path, BLOCK, "a PyTorch checkpoint")
    what = one_line(path, LONGEST_PATH)
    if is_header(start):
        raise DataError(f"{what} is a tar, PyTorch's format before 0.1.10; load and save it with a PyTorch of the years since.")
    if start.startswith((b"PK\3\4", b"PK\5\6")):
        return _read_zip(path, what)
    if start.startswith(b"\x80"):
        with path.open("rb") as file:
            return _read_legacy(file, what, os.path.getsize(path))
    raise DataError(f"{what} is not a PyTorch checkpoint ({os.path.getsize(path):,} bytes).")


def _read_zip(path: Path, what: str) -> dict[str, NDArray[Any]]:
    budget = Budget(what, os.path.getsize(path))
    with open_archive(path, largest=budget.left, total=budget.left) as archive:
        pickles = [name for name in archive.sizes if name.endswith("/data.pkl") and name.count("/") == 1]
        if len(pickles) != 1:
            raise DataError(f"{what} is a zip, but not a PyTorch checkpoint: it holds {len(pickles)} data.pkl.")
        top = pickles[0].removesuffix("data.pkl")
        if f"{top}constants.pkl" in archive.sizes:
            raise DataError(f"{what} is a TorchScript program, expected a checkpoint; save its state_dict.")
        if f"{top}byteorder" in archive.sizes and archive.read(f"{top}byteorder") != b"little":
            raise DataError(f"{what} was not written on a little-endian machine; save it again on one.")
        content = archive.read(pickles[0])
        makers = {**numpy_makers(budget), **tensor_makers()}
        tree = load_pickle(io.BytesIO(content), what, len(content), makers, Storages(what))
        return _arrays(tree, budget, lambda storage: archive.read(f"{top}data/{storage.key}"))


def _read_legacy(file: BinaryIO, what: str, size: int) -> dict[str, NDArray[Any]]:
    """Five pickles (a magic number, a version, the machine, the object, the storages' keys), then the storages."""
    storages = Storages(what)

    def load(**options: Any) -> Any:
        return load_pickle(file, what, size - file.tell(), **options)

    if load(makers={}) != MAGIC:
        raise DataError(f"{what} is a pickle, but not a PyTorch checkpoint.")
    if load(makers={}) != PROTOCOL:
        raise DataError(f"{what} is a PyTorch checkpoint of an unknown version, expected {PROTOCOL}.")
    machine = load(makers={})
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise DataError(f"{what} was not written on a little-endian machine; save it again on one.")
    budget = Budget(what, size)
    tree = load(makers={**numpy_makers(budget), **tensor_makers()}, persistent=storages)
    places = _places(file, what, size, load(makers={}), storages)

    def read(storage: Storage) -> bytes:
        if storage.key not in places:
            raise DataError(f"{what} holds no storage {one_line(storage.key)}.")
        file.seek(places[storage.key])
        return file.read(storage.size)

    return _arrays(tree, budget, read)


def _places(file: BinaryIO, what: str, size: int, keys: Any, storages: Storages) -> dict[str, int]:
    """Where each storage's numbers begin: behind their count, eight bytes, little-endian."""
    places: dict[str, int] = {}
    if not isinstance(keys, list):
        raise DataError(f"{what} has no list of storages.")
    for key in keys:
        storage = storages.seen.get(key) if isinstance(key, str) else None
        if storage is None or key in places:
            raise DataError(f"{what} lists a storage that no tensor uses, or one twice.")
        count = int.from_bytes(file.read(8), "little")
        places[key] = file.tell()
        if count * storage.itemsize != storage.size:
            raise DataError(f"{what}: storage {one_line(key)} has {count:,} numbers, but its tensors say {storage.count:,}.")
        if places[key] + storage.size > size:
            raise DataError(f"{what} is cut short: storage {one_line(key)} ends behind the end of the file.")
        file.seek(storage.size, os.SEEK_CUR)
    return places


def _arrays(tree: Any, budget: Budget, read: Callable[[Storage], bytes]) -> dict[str, NDArray[Any]]:
    """The tree's arrays, flat; each storage is read once, however many tensors view it."""
    tree = tree if isinstance(tree, (dict, list, tuple)) else {"tensor": tree}
    found = collect(tree, budget.what, lambda name, value: value if isinstance(value, Tensor) else as_array(name, value))
    views: dict[Storage, list[str]] = {}
    for name, value in found.items():
        if isinstance(value, Tensor):
            views.setdefault(value.storage, []).append(name)
    for storage, names in views.items():
        content = read(storage)
        if len(content) != storage.size:
            raise DataError(f"{budget.what}: storage {one_line(storage.key)} is {len(content):,} bytes, "
                            f"but its tensors say {storage.size:,}.")
        for name in names:
            found[name] = found[name].build(content, budget)
    return found
