"""A worker: it answers, has its own number of threads, and when it ends or takes too long, the reason is one line."""

from __future__ import annotations

import pytest

from tinyconv.bench import process
from tinyconv.bench.process import Gone, Process

ORDER = {"rival": "tinyconv", "workload": "mlp", "threads": 1}

ECHO = """
import json, os, sys
sys.stdout.write("{}\\n"); sys.stdout.flush()
for line in sys.stdin:
    do = json.loads(line)["do"]
    if do == "sleep":
        import time; time.sleep(60)
    if do == "fail":
        raise RuntimeError("no more\\nof this")
    if do == "refuse":
        print(json.dumps({"cannot": "it does not want to"}), flush=True)
    if do == "threads":
        print(json.dumps({"threads": os.environ["OMP_NUM_THREADS"], "extra": os.environ["EXTRA"]}), flush=True)
"""


@pytest.fixture
def echo(monkeypatch):
    """A process that does as it is told, in place of a worker."""
    monkeypatch.setattr(process, "PROGRAM", ECHO.replace("{", "{{").replace("}", "}}"))
    with Process("worker", {}, threads=3, environment={"EXTRA": "yes"}) as started:
        started.answer(limit=60)
        yield started


def test_worker_builds_and_takes_steps_and_turns():
    with Process("worker", ORDER, threads=1) as worker:
        assert set(worker.answer(limit=60)) == {"import_seconds", "build_seconds"}
        losses = [worker.ask("step", limit=60)["value"] for _ in range(3)]
        assert all(len(loss) == 1 for loss in losses)
        assert losses[2] < losses[1] < losses[0]
        assert worker.ask("forget", limit=60) == {}
        turn = worker.ask("turn", limit=60)
        assert turn["steps"] > 1
        assert 0 < turn["seconds"] < 1
        memory = worker.ask("memory", limit=60)
        assert set(memory) == {"peak_bytes", "before_bytes"}


def test_environment_is_the_workers_own(echo):
    assert echo.ask("threads", limit=60) == {"threads": "3", "extra": "yes"}


def test_late_answer_ends_the_worker(echo):
    with pytest.raises(Gone, match=r"^it took more than 0\.3 s$"):
        echo.ask("sleep", limit=0.3)
    with pytest.raises(Gone, match="it ended with code"):
        echo.ask("threads", limit=60)


def test_last_words_of_a_worker_that_ended_are_told(echo):
    with pytest.raises(Gone, match=r"^it ended with code 1: of this$"):
        echo.ask("fail", limit=60)


def test_refusal_is_told_as_it_is(echo):
    with pytest.raises(Gone, match=r"^it does not want to$"):
        echo.ask("refuse", limit=60)
