"""Checkpoints: everything the rest of a training depends on, in one file that is whole at every moment.

The file is an `.npz`: the arrays under `net.NAME`, `optimizer.NAME` and `best.NAME`, and all else as one JSON text, an
entry of the same file called `json` (its UTF-8 bytes). Two files could not be renamed at once; one can, so whoever is
killed at any instant leaves either the checkpoint before or this one, never halves of both. No pickle is ever read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinyconv.data.arrays import read_npz
from tinyconv.data.files import whole_file
from tinyconv.data.quoting import one_line
from tinyconv.data.states import mismatches
from tinyconv.engine import Array
from tinyconv.errors import DataError
from tinyconv.nn.module import Module
from tinyconv.optim.optimizer import Optimizer
from tinyconv.train.generators import generator_fault, generator_state, set_generator_state

FORMAT = 1
Generators = Mapping[str, np.random.Generator]


@dataclass(frozen=True)
class Checkpoint:
    """How far a training has come.

    Attributes
    ----------
    epoch, step : epochs finished and steps taken
    history : one record per epoch, as JSON objects
    extra : what the caller wanted to be kept, as a JSON object
    best : state of the net when it was best, {name: array}; None if nobody kept one
    """

    epoch: int
    step: int
    history: Sequence[Mapping[str, Any]]
    extra: Mapping[str, Any]
    best: Mapping[str, Array] | None


def save_checkpoint(path: str | Path, net: Module, optimizer: Optimizer, *, generators: Generators | None = None, epoch: int = 0,
                    step: int = 0, history: Sequence[Mapping[str, Any]] = (), extra: Mapping[str, Any] | None = None,
                    best: Mapping[str, Array] | None = None) -> None:
    """Write the net's parameters and buffers, the optimizer's moments, steps and rate, and every generator's state.

    Parameters
    ----------
    path : where; what is there is replaced in one move when everything is written
    net : its own generators (`net.generators()`, those of Dropout layers) are kept too
    generators : {name: generator} that the training draws from besides
    epoch, step, history, extra, best : see `Checkpoint`

    Raises
    ------
    DataError
        The place cannot be written, a number is not finite (a ruined net must not replace a sound checkpoint), or
        `history` or `extra` hold what JSON cannot say.
    """
    arrays = _named("net", net.state()) | _named("optimizer", optimizer.state()) | _named("best", best or {})
    if ruined := [name for name, array in arrays.items() if not np.isfinite(array).all()]:
        raise DataError(f"{path} is not written: {', '.join(ruined)} have values that are not finite.")
    text = _json(path, {
        "format": FORMAT, "epoch": epoch, "step": step, "optimizer": _description(optimizer),
        "generators": {name: generator_state(rng) for name, rng in _all_generators(net, generators).items()},
        "history": list(history), "extra": dict(extra or {}),
    })
    with whole_file(path) as partial, partial.open("wb") as file:
        np.savez(file, json=np.frombuffer(text.encode(), np.uint8), **arrays)


def load_checkpoint(path: str | Path, net: Module, optimizer: Optimizer, *, generators: Generators | None = None,
                    extra: Mapping[str, Any] | None = None) -> Checkpoint:
    """Bring net, optimizer and generators to where `save_checkpoint` was called; everything is checked before anything changes.

    Parameters
    ----------
    extra : entries that the checkpoint's own must equal, such as {"seed": 0}; None asks for none

    Raises
    ------
    DataError
        No such file, damaged, no checkpoint, or one of another net, optimizer or run: every difference is named.
    """
    arrays = read_npz(path)
    saved = _read_json(path, arrays.pop("json", None))
    state = {kind: _without(kind, arrays) for kind in ("net", "optimizer", "best")}
    rngs = _all_generators(net, generators)
    wanted = json.loads(_json(path, extra or {}))
    faults = [f"net: {fault}" for fault in mismatches(net.state(), state["net"])]
    faults += [f"best: {fault}" for fault in (mismatches(net.state(), state["best"]) if state["best"] else [])]
    faults += [f"{name} is not expected" for name in arrays if name.partition(".")[0] not in state]
    faults += _differences("optimizer", _description(optimizer), saved["optimizer"])
    faults += [f"optimizer: {fault}" for fault in optimizer.faults(state["optimizer"])]
    faults += [f"generator {name} is missing" for name in rngs if name not in saved["generators"]]
    faults += [f"generator {name} is not expected" for name in saved["generators"] if name not in rngs]
    faults += [f"generator {name} {fault}" for name in rngs.keys() & saved["generators"].keys()
               if (fault := generator_fault(rngs[name], saved["generators"][name]))]
    faults += _differences("the run", wanted, {name: value for name, value in saved["extra"].items() if name in wanted})
    if faults:
        raise DataError(f"{path} is a checkpoint of another training: {one_line('; '.join(sorted(faults)), 100_000)}; "
                        "move it away, or build what it was saved from.")
    net.load_state(state["net"])
    optimizer.load_state(state["optimizer"])
    for name, rng in rngs.items():
        set_generator_state(rng, saved["generators"][name])
    return Checkpoint(saved["epoch"], saved["step"], saved["history"], saved["extra"], state["best"] or None)


def _description(optimizer: Optimizer) -> dict[str, Any]:
    return {"class": type(optimizer).__name__, **optimizer.settings}


def _all_generators(net: Module, given: Generators | None) -> dict[str, np.random.Generator]:
    return _named("net", net.generators()) | _named("run", given or {})


def _named(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{kind}.{name}": value for name, value in values.items()}


def _without(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {name[len(kind) + 1 :]: value for name, value in values.items() if name.startswith(f"{kind}.")}


def _differences(what: str, expected: Mapping[str, Any], got: Mapping[str, Any]) -> list[str]:
    return [f"{what} has {name} {got.get(name)!r}, expected {expected.get(name)!r}"
            for name in {**expected, **got} if expected.get(name) != got.get(name)]


def _json(path: str | Path, value: Any) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: a checkpoint keeps what JSON can say and finite numbers only ({one_line(error)}).") from error


def _read_json(path: str | Path, content: Array | None) -> dict[str, Any]:
    """The JSON part, with the types that it must have."""
    if content is None or content.dtype != np.uint8 or content.ndim != 1:
        raise DataError(f"{path} is not a checkpoint: it has no entry 'json'.")
    try:
        saved = json.loads(content.tobytes().decode())
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not a checkpoint: its entry 'json' is damaged ({one_line(error)}).") from None
    if not isinstance(saved, dict) or saved.get("format") != FORMAT:
        found = saved.get("format") if isinstance(saved, dict) else None
        raise DataError(f"{path} has checkpoint format {one_line(repr(found))}, expected {FORMAT}.")
    types = {"epoch": int, "step": int, "optimizer": dict, "generators": dict, "history": list, "extra": dict}
    wrong = [name for name, kind in types.items() if type(saved.get(name)) is not kind]
    wrong += [name for name in ("epoch", "step") if name not in wrong and saved[name] < 0]
    if wrong or not all(isinstance(record, dict) for record in saved["history"]):
        raise DataError(f"{path} is not a whole checkpoint: {', '.join(wrong) or 'history'} cannot be what was saved.")
    return saved
