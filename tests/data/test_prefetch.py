"""The thread that works ahead keeps order, errors and generators, and is gone as soon as nobody wants its work."""

import gc
import itertools
import os
import subprocess
import sys
import threading
import traceback

import numpy as np
import pytest

import tinyconv as tc
from tests.refusal import assert_refused
from tinyconv.data.prefetch import prefetch
from tinyconv.data.samplers import shuffled

PATIENCE = 30  # seconds after which a test that waits has failed


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "prefetch"]


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    yield
    for thread in threads():
        thread.join(PATIENCE)
    assert not threads()


@pytest.mark.parametrize("ahead", [1, 2, 7, 500])
def test_order_and_number_of_the_items_are_kept(ahead):
    assert list(prefetch(range(100), ahead)) == list(range(100))


def test_what_was_none_or_an_exception_object_comes_as_an_item():
    items = [None, ValueError("an item"), StopIteration(), ("end", None)]
    assert list(prefetch(items)) == items


def test_an_empty_source_ends_at_once_and_an_ended_one_stays_ended():
    assert list(prefetch([])) == []
    items = prefetch([1])
    assert list(items) == [1]
    assert next(items, "over") == "over"


def test_nothing_runs_before_the_first_item_is_asked_for():
    started = []
    items = prefetch(started.append(1) or i for i in range(3))
    assert threads() == started == []
    items.close()
    assert started == []


def test_the_source_runs_in_one_other_thread_from_start_to_close():
    idents = []

    def source():
        try:
            for i in itertools.count():
                idents.append(threading.get_ident())
                yield i
        finally:
            idents.append(threading.get_ident())

    for item in prefetch(source()):
        if item == 5:
            break
    assert len(idents) >= 7
    assert len(set(idents)) == 1
    assert idents[0] != threading.get_ident()


def test_items_are_made_while_the_caller_works_and_never_more_than_ahead():
    made = threading.Semaphore(0)
    count = []

    def source():
        for i in range(20):
            count.append(i)
            yield i
            made.release()  # the item is handed over, and the next one is asked for

    items = prefetch(source(), ahead=3)
    assert next(items) == 0
    for _ in range(3):  # three more are asked for while nobody asks here
        assert made.acquire(timeout=PATIENCE)
    assert not made.acquire(timeout=0.05)
    assert count == [0, 1, 2, 3]
    assert list(items) == list(range(1, 20))


def test_an_error_comes_after_the_items_before_it_with_the_traceback_of_the_source():
    def breaks_here():
        raise ZeroDivisionError("in the source")

    def source():
        yield 1
        yield 2
        breaks_here()

    items = prefetch(source())
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(ZeroDivisionError, match="in the source") as caught:
        next(items)
    assert "breaks_here" in [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert next(items, "over") == "over"


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit, tc.DataError])
def test_errors_of_every_kind_reach_the_caller(error):
    def source():
        yield 1
        raise error

    items = prefetch(source())
    assert next(items) == 1
    with pytest.raises(error):
        next(items)


def test_an_error_leaves_no_cycle_for_the_collector():
    class Failure(Exception):
        pass

    def source():
        raise Failure
        yield

    gc.collect()
    gc.disable()
    try:
        with pytest.raises(Failure):
            next(prefetch(source()))
        alive = [thing for thing in gc.get_objects() if type(thing) is Failure]
    finally:
        gc.enable()
    assert alive == []


def endless(ended):
    try:
        yield from itertools.count()
    finally:
        ended.set()


def test_break_stops_the_thread_and_closes_the_source():
    ended = threading.Event()
    for item in prefetch(endless(ended)):
        if item == 3:
            break
    assert ended.wait(PATIENCE)


def test_an_error_in_the_loop_stops_the_thread():
    ended = threading.Event()

    def loop():
        for _ in prefetch(endless(ended)):
            raise RuntimeError("training failed")

    with pytest.raises(RuntimeError, match="training failed"):
        loop()
    assert ended.wait(PATIENCE)


def test_close_has_waited_for_the_source():
    ended = threading.Event()
    items = prefetch(endless(ended))
    next(items)
    items.close()
    assert ended.is_set()
    assert threads() == []


def test_garbage_collection_stops_the_thread_even_in_a_cycle():
    ended = threading.Event()
    items = prefetch(endless(ended))
    next(items)
    del items
    assert ended.wait(PATIENCE)
    ended.clear()
    cycle = [prefetch(endless(ended))]
    next(cycle[0])
    cycle.append(cycle)
    del cycle
    gc.collect()
    assert ended.wait(PATIENCE)


def test_a_prefetched_source_may_be_prefetched():
    assert list(prefetch(prefetch(range(50), 3))) == list(range(50))
    ended = threading.Event()
    items = prefetch(prefetch(endless(ended)))
    assert [next(items) for _ in range(4)] == [0, 1, 2, 3]
    items.close()
    assert ended.wait(PATIENCE)


def test_two_prefetches_run_side_by_side():
    together = zip(prefetch(range(50)), prefetch(range(50, 100)), strict=True)
    assert list(together) == list(zip(range(50), range(50, 100), strict=True))


def test_modes_of_the_caller_hold_in_the_source():
    def source():
        yield np.float64(1) / np.zeros(1)

    with np.errstate(divide="ignore"):
        assert list(prefetch(source())) == [[np.inf]]
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        list(prefetch(source()))


def test_a_whole_epoch_leaves_the_generator_where_it_would_be_without():
    def epoch(rng):
        for batch in shuffled(20, 6, rng):
            yield batch + rng.integers(100)

    plain, ahead = np.random.default_rng(4), np.random.default_rng(4)
    np.testing.assert_array_equal(np.concatenate(list(prefetch(epoch(ahead)))), np.concatenate(list(epoch(plain))))
    assert ahead.bit_generator.state == plain.bit_generator.state


def run(program):
    """What a program of its own prints; it hangs for `PATIENCE` seconds, and the test fails, if a thread holds it."""
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(path for path in sys.path if path))
    head = "import itertools, os, signal, sys, threading, time\nfrom tinyconv.data.prefetch import prefetch\n"
    command = [sys.executable, "-c", head + program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)
    return done.returncode, done.stdout, done.stderr


BLOCKED = """
def source():
    yield 1
    print("blocked", flush=True)
    threading.Event().wait()
items = prefetch(source())
next(items)
"""


def test_the_interpreter_ends_though_the_source_is_blocked_or_endless():
    assert run(BLOCKED + "time.sleep(0.1)") == (0, "blocked\n", "")
    assert run("items = prefetch(itertools.count())\nprint(next(items), next(items))") == (0, "0 1\n", "")


@pytest.mark.skipif(os.name != "posix", reason="sends a signal as POSIX has it")
def test_ctrl_c_ends_a_loop_that_waits_for_a_blocked_source():
    code, _, errors = run("import tinyconv.data.prefetch as module\nmodule.GRACE = 0.1\n" + BLOCKED + """
threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
try:
    next(items)
except KeyboardInterrupt:
    sys.exit(7)
""")
    assert (code, errors) == (7, "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_is_told_that_its_thread_is_gone():
    code, out, _ = run("""
import tinyconv as tc
items = prefetch(itertools.count(), ahead=1)
next(items), next(items)
time.sleep(0.1)
child = os.fork()
if child == 0:
    try:
        for _ in range(3):
            next(items)
    except tc.DataError as error:
        print(error, flush=True)
    os._exit(0)
os.waitpid(child, 0)
""")
    assert code == 0
    assert out == "prefetch: its thread is gone, as in a forked process; call prefetch in the process that loops over it.\n"


@pytest.mark.parametrize(("call", "message"), [
    (lambda: prefetch(3), "prefetch: got int, expected something that can be iterated over"),
    (lambda: prefetch([1], 0), "prefetch: ahead is 0, expected a whole number of at least 1"),
    (lambda: prefetch([1], 1.5), "prefetch: ahead is 1.5"),
    (lambda: prefetch([1], True), "prefetch: ahead is True")])
def test_a_wrong_argument_is_one_line_at_the_call(call, message):
    with assert_refused(message):
        call()
