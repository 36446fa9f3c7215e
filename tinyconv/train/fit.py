"""The training loop as a generator: one record an epoch, and nothing lost when it is interrupted."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from tinyconv.data.arguments import check_count
from tinyconv.data.files import check_writable
from tinyconv.engine import Array, Tensor, no_grad
from tinyconv.errors import DataError, TinyconvError
from tinyconv.kernels.scalars import is_real
from tinyconv.nn.module import Module
from tinyconv.optim import Optimizer, clip_grad_norm
from tinyconv.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint


@dataclass(frozen=True)
class Record:
    """What one epoch gave.

    Attributes
    ----------
    epoch, step : epochs and steps done when it ended, so that the first epoch is 1
    loss : mean over the epoch's batches, each measured before its own step
    lr : rate of the epoch's last step
    validation : what `validate` returned, or None
    best : whether no epoch before had so low a validation
    gradient_norm : mean norm before clipping; None without `clip_norm`
    seconds : spent on this epoch; records are compared without it
    """

    epoch: int
    step: int
    loss: float
    lr: float
    validation: float | None
    best: bool
    gradient_norm: float | None
    seconds: float = field(compare=False)


def fit(
    net: Module,
    optimizer: Optimizer,
    loss: Callable[[Any, Any], Tensor],
    batches: Callable[[], Iterable[Any]],
    *,
    epochs: int,
    validate: Callable[[Any], float] | None = None,
    patience: int | None = None,
    schedule: Callable[[int], float] | None = None,
    clip_norm: float | None = None,
    checkpoint: str | Path | None = None,
    generators: Mapping[str, np.random.Generator] | None = None,
    extra: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> Iterator[Record]:
    """Train `net` for `epochs` epochs; yields one `Record` after each.

    Nothing runs until the first record is asked for: `records = list(fit(...))`, or `for record in fit(...)`, which
    may be left at any time. A net in evaluation mode is put into train mode before an epoch; if it is in train mode,
    those of its parts that are not stay as they are (a frozen BatchNorm). At the end a run that validates leaves
    the net in the state of its best epoch.

    With `checkpoint`, all that the rest depends on is saved after each epoch, before its record is yielded, and if
    the file is there already, the run continues from it: first come the records of the epochs done before, then the
    epochs that are left, and every bit is as if nothing had happened. The file stays when the run is finished; with
    more `epochs` it goes on. (What the caller itself changes at a record is changed again then: leave rates to `schedule`.)

    Parameters
    ----------
    loss : (net, batch) -> one-element Tensor
    batches : called once per epoch, gives the epoch's batches in order, of any kind that `loss` understands
    validate : (net) -> number, lower is better; called after each epoch, in eval mode and without recording
    patience : stop after so many epochs in a row without a lower validation
    schedule : step number, from 0 -> rate of that step (tinyconv.optim.schedules); None leaves `optimizer.lr` alone
    clip_norm : see tinyconv.optim.clip_grad_norm
    checkpoint : path of a file, by custom `.npz`
    generators : {name: generator} that `batches`, `loss` or `validate` draw from; those of the net's own layers are
        found by themselves
    extra : what else makes this run what it is, for instance {"seed": 0}; a checkpoint with other values is refused
    progress : show a bar per epoch on stderr, if that is a terminal

    Raises
    ------
    DataError
        Arguments that make no sense; an epoch without a batch; a loss, rate or validation that is not one finite
        number (the last checkpoint stays as it is); a checkpoint that cannot be written, or belongs to another run.
    """
    _check_arguments(net, optimizer, epochs, patience, loss=loss, batches=batches, validate=validate, schedule=schedule)
    records: list[Record] = []
    best: Mapping[str, Array] | None = None
    if checkpoint is not None:
        check_writable(Path(checkpoint).parent)
        if Path(checkpoint).exists():
            done = load_checkpoint(checkpoint, net, optimizer, generators=generators, extra=extra)
            records, best, extra = _records(checkpoint, done, epochs), done.best, done.extra
            tqdm.write(f"continuing {checkpoint} after epoch {done.epoch}", file=sys.stderr)
    yield from records
    while len(records) < epochs and not _patience_is_over(records, patience):
        began = time.perf_counter()
        epoch, step = len(records) + 1, records[-1].step if records else 0
        if not net.training:
            net.train()
        losses, norms = [], []
        with _bar(batches(), f"epoch {epoch}/{epochs}", records, progress) as bar:
            for batch in bar:
                if schedule is not None:
                    optimizer.lr = _rate(schedule(step), step)
                value, norm = _step(net, optimizer, loss, batch, clip_norm, f"epoch {epoch}, step {step}")
                losses.append(value)
                norms.append(norm)
                step += 1
                bar.set_postfix(loss=f"{np.mean(losses[-100:]):.3g}", refresh=False)
        if not losses:
            raise DataError(f"fit: batches() gave no batch in epoch {epoch}; let it make a new iterable at each call.")
        validation = None if validate is None else _validation(net, validate, epoch)
        lowest = min((r.validation for r in records if r.validation is not None), default=math.inf)
        is_best = validation is not None and validation < lowest
        if is_best:
            best = {name: np.array(array) for name, array in net.state().items()}
        records.append(Record(epoch, step, float(np.mean(losses)), float(optimizer.lr), validation, is_best,
                              None if clip_norm is None else float(np.mean(norms)), time.perf_counter() - began))
        if checkpoint is not None:
            save_checkpoint(checkpoint, net, optimizer, generators=generators, epoch=epoch, step=step,
                            history=[asdict(record) for record in records], extra=extra, best=best)
        yield records[-1]
    if validate is not None and best is not None:
        net.load_state(best)


def _bar(batches: Iterable[Any], name: str, records: list[Record], progress: bool) -> Any:
    """`batches` behind a bar on stderr, if that is a terminal; as many are expected as the epoch before had."""
    before = records[-1].step - (records[-2].step if len(records) > 1 else 0) if records else None
    total = len(batches) if isinstance(batches, Sized) else before
    return tqdm(batches, desc=name, total=total, unit="step", disable=None if progress else True)


def _step(net: Module, optimizer: Optimizer, loss: Callable[[Any, Any], Tensor], batch: Any, clip_norm: float | None,
          place: str) -> tuple[float, float]:
    """One step: the loss before it, and the norm of its gradients."""
    optimizer.zero_grad()
    value = loss(net, batch)
    if not isinstance(value, Tensor) or value.size != 1:
        shape = value.shape if isinstance(value, Tensor) else type(value).__name__
        raise DataError(f"fit: loss(net, batch) gave {shape} at {place}, expected a tensor of one number.")
    if not math.isfinite(value.item()):
        raise DataError(f"fit: the loss is {value.item()} at {place}; the usual causes are a rate that is too large (try a "
                        "tenth, a warm-up or clip_norm), a log or a division at 0, and NaN in the data; tc.debug() finds it.")
    value.backward()
    norm = 0.0 if clip_norm is None else clip_grad_norm(optimizer.parameters, clip_norm)
    optimizer.step()
    return value.item(), norm


def _validation(net: Module, validate: Callable[[Any], float], epoch: int) -> float:
    modes = [(module, module.training) for _, module in net.named_modules()]
    net.eval()
    try:
        with no_grad():
            value = validate(net)
    finally:
        for module, training in modes:
            module.training = training
    try:
        number = float(value)
    except (TypeError, ValueError, TinyconvError):  # None, text, many numbers
        number = math.nan
    if not math.isfinite(number):
        got = value if is_real(value) else type(value).__name__
        raise DataError(f"fit: validate(net) is {got} after epoch {epoch}, expected a finite number, lower is better.")
    return number


def _rate(value: float, step: int) -> float:
    if not is_real(value) or not 0 <= value < math.inf:
        raise DataError(f"fit: schedule({step}) is {value!r}, expected a finite rate, 0 or more.")
    return float(value)


def _patience_is_over(records: list[Record], patience: int | None) -> bool:
    if patience is None:
        return False
    last = records[-patience:]
    return len(last) == patience and not any(record.best for record in last)


def _records(path: str | Path, done: Checkpoint, epochs: int) -> list[Record]:
    """The history of a checkpoint, which must be one that `fit` has written, and no longer than what is asked for."""
    types = {"epoch": (int,), "step": (int,), "loss": (float,), "lr": (float,), "validation": (float, type(None)),
             "best": (bool,), "gradient_norm": (float, type(None)), "seconds": (float,)}
    whole = len(done.history) == done.epoch and all(
        record.keys() == types.keys() and all(type(record[name]) in types[name] for name in types) and record["epoch"] == epoch
        for epoch, record in enumerate(done.history, 1))
    if not whole:
        raise DataError(f"{path} is a checkpoint, but not of tinyconv.train.fit: it lacks the records of its epochs.")
    if done.epoch > epochs:
        raise DataError(f"{path} has trained for {done.epoch} epochs, expected at most {epochs}; ask for more, or move it away.")
    return [Record(**record) for record in done.history]


def _check_arguments(net: object, optimizer: object, epochs: int, patience: int | None, **functions: object) -> None:
    if not isinstance(net, Module) or not isinstance(optimizer, Optimizer):
        raise DataError(f"fit: got {type(net).__name__} and {type(optimizer).__name__}, expected a module and an optimizer.")
    if not callable(functions["batches"]):
        raise DataError(f"fit: batches is {type(functions['batches']).__name__}, expected a function that gives an epoch's "
                        "batches; write `lambda: batches`.")
    for name, function in functions.items():
        if not callable(function) and (function is not None or name == "loss"):
            raise DataError(f"fit: {name} is {type(function).__name__}, expected a function.")
    check_count(epochs, "epochs", "fit", least=0)
    if patience is not None:
        check_count(patience, "patience", "fit")
        if functions["validate"] is None:
            raise DataError(f"fit: patience is {patience}, expected validate with it, which says what is better.")
