"""Who is removed is gone: no byte of an encoding, a name or a source is left in the file or its log, or the gallery says so."""

import contextlib
import random
import sqlite3
import subprocess
import sys

import numpy as np
import pytest

import tinyconv as tc
from tests.faces.invented import encoder, points, raw_bytes
from tests.refusal import assert_refused
from tinyconv.faces import database
from tinyconv.faces.gallery import Gallery

NAME, SOURCE = "Ada Lovelace of London", "portraits/ada-by-carpenter.jpg"
TRACES = (NAME.encode(), SOURCE.encode(), *(point.astype("<f4").tobytes() for point in points(3)))
READER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
if sys.argv[2] == "reads":
    connection.execute("BEGIN")
print(connection.execute("SELECT count(*) FROM encoding").fetchone()[0], flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def another_process(path, what):
    """A process that "waits" with the gallery open, or "reads" in a transaction that it does not end."""
    pipes = dict.fromkeys(("stdin", "stdout"), subprocess.PIPE)
    reader = subprocess.Popen([sys.executable, "-c", READER, path, what], text=True, **pipes)
    try:
        assert int(reader.stdout.readline()) > 0
        yield
    finally:
        reader.communicate("", timeout=30)


@pytest.fixture
def path(tmp_path):
    """A gallery in which Ada, three pictures, is one of five."""
    with Gallery.open(tmp_path / "faces.db", encoder(), create=True) as gallery:
        for number in range(4):
            gallery.enrol(f"person {number}", points(2, seed=number + 1))
        gallery.enrol(NAME, points(3), [SOURCE] * 3)
    assert all(trace in raw_bytes(tmp_path) for trace in TRACES)
    return tmp_path / "faces.db"


def traces_left(path):
    content = raw_bytes(path.parent)
    return [trace for trace in TRACES if trace in content]


def test_no_byte_of_who_is_removed_is_left(path):
    with Gallery.open(path) as gallery:
        assert gallery.remove(NAME) == 3
        assert [person.images for person in gallery.list()] == [2] * 4
        assert not gallery.owes_purge
    assert traces_left(path) == []


def test_no_byte_is_left_in_the_log_of_who_came_and_went_while_another_process_has_the_gallery_open(path):
    with another_process(path, "waits"):
        with Gallery.open(path) as gallery:
            gallery.enrol("Grace", points(2, seed=9))  # the log holds older pages, Ada among them
            gallery.remove(NAME)
        assert len(list(path.parent.iterdir())) == 3  # the file, its log and the log's index
        assert traces_left(path) == []


def test_the_files_while_the_gallery_stays_open_hold_no_byte_either(path):
    program = ("import sys\nfrom tinyconv.faces.gallery import Gallery\ngallery = Gallery.open(sys.argv[1])\n"
               f"gallery.remove({NAME!r})\nprint('removed', flush=True)\nsys.stdin.read()\ngallery.close()\n")
    child = subprocess.Popen([sys.executable, "-c", program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "removed\n"
        assert traces_left(path) == []
    finally:
        child.communicate("", timeout=30)


def test_what_the_trees_left_in_corners_of_other_pages_goes_too(path):
    chance, people = random.Random(0), {}
    with contextlib.closing(sqlite3.connect(path)) as connection:  # thousands in one transaction; the gallery takes one for each
        connection.execute("PRAGMA secure_delete = ON")
        for _ in range(2000):
            name, vectors = f"person-{chance.getrandbits(32):08x}", [chance.randbytes(48) for _ in range(chance.randint(1, 3))]
            people[name] = vectors
            connection.executemany("INSERT INTO encoding (identity, source, enrolled, vector) VALUES (?, ?, '2026', ?)",
                                   [(name, f"pictures/{name}", vector) for vector in vectors])
        connection.commit()
        gone = chance.sample(sorted(people), 1000)
        connection.executemany("DELETE FROM encoding WHERE identity = ?", [(name,) for name in gone])
        connection.commit()
    assert any(name.encode() in raw_bytes(path.parent) for name in gone)  # although secure_delete was on
    with Gallery.open(path) as gallery:
        gallery.remove(NAME)
    content = raw_bytes(path.parent)
    assert not any(trace in content for name in gone for trace in (name.encode(), *people[name]))
    assert all(trace in content for name in people.keys() - set(gone) for trace in (name.encode(), *people[name]))


def test_a_reader_in_the_way_is_told_and_the_next_opening_finishes_the_removal(path):
    with another_process(path, "reads"):
        with Gallery.open(path) as gallery:
            with assert_refused("is removed from .* but the old bytes are still in the file: another process reads it"):
                gallery.remove(NAME, patience=0)
            assert gallery.owes_purge
            assert not gallery.purge(patience=0)
            assert NAME not in {person.identity for person in gallery.list()}
            assert gallery.identify(points(3)[0]).candidates[0][1] > 0.01
            with assert_refused("nobody in"):
                gallery.verify(points(3)[0], NAME)
        with Gallery.open(path) as gallery:
            assert gallery.owes_purge
        assert traces_left(path) != []
    with Gallery.open(path) as gallery:
        assert not gallery.owes_purge
        assert gallery.purge()
    assert traces_left(path) == []


def test_a_reader_that_ends_in_time_only_delays_the_removal(path, monkeypatch):
    with contextlib.ExitStack() as reader:
        reader.enter_context(another_process(path, "reads"))
        found = []

        def purged(connection, purged=database._purged):
            found.append(purged(connection))
            reader.close()
            return found[-1]

        monkeypatch.setattr(database, "_purged", purged)
        with Gallery.open(path) as gallery:
            assert gallery.remove(NAME, patience=60) == 3
    assert found == [False, True]
    assert traces_left(path) == []


@pytest.mark.parametrize("moment", ["_purged", "_log_is_empty"])
def test_a_removal_that_is_interrupted_is_finished_by_the_next_opening(path, monkeypatch, moment):
    def interrupt(*_):
        raise KeyboardInterrupt

    with Gallery.open(path) as gallery:
        with monkeypatch.context() as patch:
            patch.setattr(database, moment, interrupt)
            with pytest.raises(KeyboardInterrupt):
                gallery.remove(NAME)
        assert gallery.owes_purge
    with Gallery.open(path) as gallery:
        assert not gallery.owes_purge
    assert traces_left(path) == []


def test_removal_during_a_purge_is_still_owed_after_it(path, monkeypatch):
    with Gallery.open(path) as gallery, Gallery.open(path) as other:
        def remove_meanwhile(connection, purged=database._purged):
            done = purged(connection)
            with other._database.writing() as meanwhile:
                meanwhile.execute("DELETE FROM encoding WHERE identity = 'person 1'")
                meanwhile.execute("UPDATE gallery SET removals = removals + 1")
            return done

        monkeypatch.setattr(database, "_purged", remove_meanwhile)
        gallery.remove(NAME)
        assert gallery.owes_purge
        monkeypatch.undo()
        assert other.purge()
        assert not gallery.owes_purge


def test_others_are_found_as_before_after_a_removal(path):
    with Gallery.open(path, encoder()) as gallery:
        gallery.identify(points(1)[0])
        gallery.remove("person 1")
        for number in (0, 2, 3):
            for point in points(2, seed=number + 1):
                assert gallery.identify(point, top_k=1).candidates == ((f"person {number}", 0.0),)
        gallery.enrol("person 1", points(2, seed=2))  # and may come back
        assert gallery.identify(points(2, seed=2)[1]).candidates[0] == ("person 1", 0.0)
        np.testing.assert_array_equal([person.images for person in gallery.list()], [3, 2, 2, 2, 2])


def test_unknown_name_removes_nothing(path):
    with Gallery.open(path) as gallery, pytest.raises(tc.DataError, match="did you mean Ada Lovelace of London"):
        gallery.remove("Ada Lovelace of Londn")
    assert len(traces_left(path)) == len(TRACES)
