"""The next batches are made in a second thread while the network trains on this one."""

from __future__ import annotations

import contextvars
import queue
import sys
import threading
import types
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from tinyconv.data.arguments import check_count
from tinyconv.errors import DataError

T = TypeVar("T")

GRACE = 5.0  # seconds that closing waits for the item at hand
POLL = 0.5  # seconds between two looks whether the thread is still there


def prefetch(iterable: Iterable[T], ahead: int = 2) -> Iterator[T]:
    """The items of `iterable`, in order, up to `ahead` of them computed in advance by a thread.

    The thread starts with the first item that is asked for, and it alone runs the source, with the modes (`numpy.errstate`,
    `tc.no_grad`) of whoever asks. It pays where the source spends its time in NumPy, Pillow, numba or files, which
    let another thread run meanwhile.

    However the loop ends, with `break`, an error, Ctrl-C or the iterator's `close()`, the thread finishes the item at hand
    and ends; a source that is a generator is closed, in the thread. Closing waits for that, at most 5 seconds; the
    interpreter's exit waits for nothing.

    **Checkpoints**: until the source has ended it has drawn from its generator for up to `ahead` items more than the loop has
    seen. A generator's state is that of the training after the last item of an epoch, not in its middle: prefetch
    one epoch at a time, and save between epochs.

    Parameters
    ----------
    iterable : what to run ahead; used by nobody else meanwhile
    ahead : how many items may wait, at least 1

    Returns
    -------
    iterator over the same items; an exception of the source is raised after the items before it, with the source's traceback

    Raises
    ------
    DataError
        Something that cannot be iterated, or a count below 1; in the loop, a thread that is gone (after a fork).

    Examples
    --------
    >>> list(prefetch(range(5)))
    [0, 1, 2, 3, 4]
    """
    ahead = check_count(ahead, "ahead", "prefetch")
    try:
        source = iter(iterable)
    except TypeError:
        raise DataError(f"prefetch: got {type(iterable).__name__}, expected something that can be iterated over.") from None
    return _items(source, ahead)


def _items(source: Iterator[T], ahead: int) -> Iterator[T]:
    # SimpleQueue, unlike a lock or a semaphore, may be used by a finalizer that interrupts its own use in the same thread.
    wanted: queue.SimpleQueue[None] = queue.SimpleQueue()
    ready: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
    stopped = threading.Event()
    for _ in range(ahead):
        wanted.put(None)
    work = contextvars.copy_context().run
    thread = threading.Thread(target=work, args=(_produce, source, wanted, ready, stopped), name="prefetch", daemon=True)
    try:
        thread.start()
        while True:
            kind, value = _next(ready, thread)
            if kind == "end":
                return
            if kind == "error":
                raise value
            wanted.put(None)
            yield value
            del value  # not kept while the next item is waited for
    finally:
        value = None  # an error would hold this frame, and this frame the error
        stopped.set()
        wanted.put(None)
        if thread is not threading.current_thread() and thread.is_alive() and not sys.is_finalizing():
            thread.join(GRACE)


def _produce(source: Iterator[Any], wanted: queue.SimpleQueue[None], ready: queue.SimpleQueue[tuple[str, Any]],
             stopped: threading.Event) -> None:
    """Make one item for each that is wanted, until the source ends, fails, or nobody wants more."""
    while True:
        wanted.get()
        if stopped.is_set():
            break
        try:
            ready.put(("item", next(source)))
        except StopIteration:
            ready.put(("end", None))
            return
        except BaseException as error:  # whatever it is, it belongs to the thread that runs the loop
            ready.put(("error", error))
            return
    if isinstance(source, types.GeneratorType):
        source.close()


def _next(ready: queue.SimpleQueue[tuple[str, Any]], thread: threading.Thread) -> tuple[str, Any]:
    while True:
        try:
            return ready.get(timeout=POLL)
        except queue.Empty:
            if not thread.is_alive() and ready.empty():
                raise DataError("prefetch: its thread is gone, as in a forked process; call prefetch in the process that loops "
                                "over it.") from None
