"""A process that enrols people is killed at random moments: everybody it reported is there, and nobody is there in half."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.faces.invented import encoder, points
from tinyconv.faces.gallery import Gallery

ROOT = Path(__file__).resolve().parents[2]
IMAGES = 3  # of each person
ENROL = """
import sys
from tests.faces.invented import encoder, points
from tinyconv.faces.gallery import Gallery
with Gallery.open(sys.argv[1], encoder(), create=True) as gallery:
    print("open", flush=True)
    sys.stdin.readline()
    for number in range(25):
        gallery.enrol(f"{sys.argv[2]} {number}", points(2, seed=number))
"""


def enrol(gallery, number):
    gallery.enrol(f"person {number}", points(IMAGES, seed=number))


def people_in(path):
    """The numbers of all who are there; fails unless the file is sound and each has all pictures, the right ones."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = connection.execute("SELECT identity, vector FROM encoding ORDER BY id").fetchall()
    found = {}
    for identity, vector in rows:
        found.setdefault(int(identity.split()[1]), []).append(vector)
    for number, vectors in found.items():
        assert vectors == [point.tobytes() for point in points(IMAGES, seed=number)]
    return set(found)


def forked(work):
    """Fork a child that does `work(report)`: its process number, and the end of the pipe where its reports come out."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            work(lambda number: os.write(writing, b"%d\n" % number))
        finally:
            os._exit(1)
    os.close(writing)
    return child, os.fdopen(reading)


def killed_at_random(path, trials):
    """Kill a child after it has reported one to four people, and a random moment later; what all have left, as counts."""
    chance, expected, unreported, pace = random.Random(0), set(), 0, 0.01
    for _ in range(trials):
        first = max(expected, default=-1) + 1

        def work(report, first=first):
            with Gallery.open(path, encoder(), create=True) as gallery:
                for number in range(first, first + 10_000):
                    enrol(gallery, number)
                    report(number)

        child, pipe = forked(work)
        began, count = time.perf_counter(), chance.randint(1, 4)
        reported = [int(pipe.readline()) for _ in range(count)]
        pace = min(pace, (time.perf_counter() - began) / count)
        time.sleep(chance.uniform(0, 2 * pace))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        with pipe:
            reported += map(int, pipe.read().split())
        assert os.WIFSIGNALED(status), "the child ended by itself"
        found = people_in(path)
        expected |= set(reported)
        assert found - expected <= {max(expected) + 1}, "more than the one that was being enrolled"
        assert expected <= found, "somebody who was reported is lost"
        unreported, expected = unreported + len(found - expected), found
    return {"people": len(expected), "unreported": unreported}


def killed_at_every_step(path, images):
    """Kill a child when SQLite has come to its n-th instruction of an enrolment, for growing n, until one is finished."""
    with Gallery.open(path, encoder(), create=True) as gallery:
        gallery.enrol("Ada", points(2))
    kills, instructions = 0, 1
    while True:
        def work(report, instructions=instructions):
            with Gallery.open(path, encoder()) as gallery:
                gallery._database._connection.set_progress_handler(lambda: os.kill(os.getpid(), signal.SIGKILL), instructions)
                gallery.enrol("Grace", points(images, seed=1))
                gallery._database._connection.set_progress_handler(None, 0)
                report(images)

        child, pipe = forked(work)
        with pipe:
            reported = pipe.read()
        os.waitpid(child, 0)
        with Gallery.open(path) as gallery:
            found = {person.identity: person.images for person in gallery.list()}
        if reported:
            return {"kills": kills, "found": found}
        assert found == {"Ada": 2}
        kills, instructions = kills + 1, instructions + max(3, instructions // 2)


def run(*arguments):
    """Run this file's functions in a process of their own, which has one thread and forks safely."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, __file__, *map(str, arguments)], env=environment, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


needs_kill = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork, and no SIGKILL")


@needs_kill
def test_killed_at_any_moment_everybody_reported_is_there_and_nobody_in_half(tmp_path):
    counts = run("killed_at_random", tmp_path / "faces.db", 10)
    assert counts["people"] >= 10


@needs_kill
@pytest.mark.parametrize("images", [1, 40])
def test_killed_at_any_step_of_an_enrolment_none_of_it_is_there(tmp_path, images):
    counts = run("killed_at_every_step", tmp_path / "faces.db", images)
    assert counts["kills"] > 5
    assert counts["found"] == {"Ada": 2, "Grace": images}


@needs_kill
@pytest.mark.slow
def test_two_hundred_kills_lose_nobody(tmp_path):
    counts = run("killed_at_random", tmp_path / "faces.db", 200)
    assert counts["people"] >= 200
    assert counts["unreported"] > 0  # some were hit between the disk and the report


def test_two_processes_create_one_gallery_and_enrol_at_once(tmp_path):
    path, names = tmp_path / "faces.db", ("first", "second")
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    processes = [subprocess.Popen([sys.executable, "-c", ENROL, path, name], cwd=ROOT, text=True, **pipes) for name in names]
    assert [process.stdout.readline() for process in processes] == ["open\n", "open\n"]
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    ends = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], ends
    with Gallery.open(path) as gallery:
        assert {person.identity: person.images for person in gallery.list()} == {f"{n} {i}": 2 for n in names for i in range(25)}


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))))
