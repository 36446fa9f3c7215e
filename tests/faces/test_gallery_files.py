"""What is no gallery, or a damaged one, is refused in one line and left as it is."""

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing

import pytest

import tinyconv as tc
from tests.faces.invented import encoder, points
from tests.refusal import assert_refused
from tinyconv.faces import database
from tinyconv.faces.database import Database
from tinyconv.faces.gallery import Gallery


@pytest.fixture
def path(tmp_path):
    with Gallery.open(tmp_path / "faces.db", encoder(), create=True) as gallery:
        for number in range(30):
            gallery.enrol(f"person {number}", points(2, seed=number))
    return tmp_path / "faces.db"


def change(path, statement):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()


def test_absent_files_and_folders_are_named(tmp_path):
    with assert_refused("faces.db does not exist, expected a gallery; enrol somebody first"):
        Gallery.open(tmp_path / "faces.db")
    with assert_refused("nowhere does not exist"):
        Gallery.open(tmp_path / "nowhere" / "faces.db", encoder(), create=True)
    with assert_refused("is a folder, expected a gallery"):
        Gallery.open(tmp_path, encoder(), create=True)
    with assert_refused("cannot be read"):
        Gallery.open("a\0b", encoder(), create=True)
    with assert_refused("a new gallery needs an encoder"):
        Gallery.open(tmp_path / "faces.db", create=True)
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(os.name != "posix", reason="other systems do not allow such names")
@pytest.mark.parametrize("name", ["a?mode=ro#b %41.db", "Zo\u00eb's\nfaces.db", os.fsdecode(b"caf\xe9.db"), ":memory:"])
def test_any_name_of_a_file_will_do(tmp_path, name):
    with Gallery.open(tmp_path / name, encoder(), create=True) as gallery:
        assert gallery.enrol("Ada", points(1)) == 1
    assert os.listdir(tmp_path) == [name]


@pytest.mark.skipif(os.name != "posix", reason="this system has no pipes with a name")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "faces.db")
    with assert_refused("not a regular file"):
        Gallery.open(tmp_path / "faces.db", encoder(), create=True)


@pytest.mark.parametrize("content", [b"hello", b"PK\3\4" * 500, b"SQLite format 3\0" + b"\xff" * 5000])
def test_files_of_another_kind_are_refused_and_left_as_they_are(tmp_path, content):
    path = tmp_path / "faces.db"
    path.write_bytes(content)
    for create in (False, True):
        with assert_refused("is no gallery|is damaged"):
            Gallery.open(path, encoder(), create=create)
    assert path.read_bytes() == content
    assert os.listdir(tmp_path) == ["faces.db"]


def test_a_database_of_another_program_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "notes.db"
    change(path, "CREATE TABLE notes (text)")
    before = path.read_bytes()
    with assert_refused("is a database of another program"):
        Gallery.open(path, encoder(), create=True)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["notes.db"]


def test_an_empty_file_becomes_a_gallery_only_if_asked(tmp_path):
    path = tmp_path / "faces.db"
    path.touch()
    with assert_refused("is empty, expected a gallery"):
        Gallery.open(path, encoder())
    assert path.read_bytes() == b""
    with Gallery.open(path, encoder(), create=True) as gallery:
        assert gallery.enrol("Ada", points(1)) == 1


def test_a_creation_that_was_cut_short_is_taken_up(tmp_path, monkeypatch):
    path = tmp_path / "faces.db"
    monkeypatch.setattr(database, "TABLES", database.TABLES + "THIS IS NO SQL;\n")
    with assert_refused("faces.db"):
        Gallery.open(path, encoder(), create=True)
    monkeypatch.undo()
    with assert_refused("is empty, expected a gallery"):
        Gallery.open(path, encoder())
    with Gallery.open(path, encoder(), create=True) as gallery:
        assert gallery.list() == ()


def test_who_comes_second_in_creating_a_gallery_takes_the_first_ones(tmp_path, monkeypatch):
    path, looks = tmp_path / "faces.db", []

    def is_ours(self, connection, kept=Database._is_ours):
        looks.append(kept(self, connection))
        if len(looks) == 2:  # just before it would make the tables
            monkeypatch.undo()
            with Gallery.open(path, encoder(), create=True) as first:
                first.enrol("Ada", points(1))
        return looks[-1]

    monkeypatch.setattr(Database, "_is_ours", is_ours)
    with Gallery.open(path, encoder(), create=True) as second:
        assert looks == [False, False]
        assert [person.identity for person in second.list()] == ["Ada"]


def test_a_gallery_of_a_newer_tinyconv_is_refused(path):
    change(path, "PRAGMA user_version = 2")
    with assert_refused("has gallery format 2, expected at most 1; .* upgrade this one"):
        Gallery.open(path, encoder())


@pytest.mark.parametrize("statement", ["DROP TABLE encoding", "DROP TABLE gallery", "DELETE FROM gallery",
                                       "UPDATE gallery SET dimension = 'many'", "UPDATE gallery SET height = 0"])
def test_a_gallery_whose_tables_are_wrong_is_damaged(path, statement):
    change(path, statement)
    with assert_refused("is damaged"), Gallery.open(path, encoder()) as gallery:
        gallery.identify(points(1)[0])


@pytest.mark.parametrize("value", ["x'00'", "zeroblob(48)", "'text'", "7", "randomblob(48)"])
def test_encodings_that_were_never_enrolled_are_never_compared(path, value):
    change(path, f"UPDATE encoding SET vector = {value} WHERE identity = 'person 7'")
    with Gallery.open(path, encoder()) as gallery:
        for call in (lambda: gallery.identify(points(1)[0]), lambda: gallery.verify(points(1)[0], "person 7"),
                     lambda: gallery.export(path.with_suffix(".json"))):
            with assert_refused("is damaged"):
                call()
    assert os.listdir(path.parent) == ["faces.db"]


def fault_of(path):
    """What is said of it when everything is read, or None; only errors of the family are caught."""
    try:
        with Gallery.open(path, encoder()) as gallery:
            gallery.identify(points(1)[0])
    except tc.TinyconvError as error:
        return str(error)


def test_damaged_pages_are_told_or_harmless(path):
    sound, told = path.read_bytes(), 0
    for start in range(100, len(sound), 997):
        path.write_bytes(sound[:start] + bytes(64) + sound[start + 64 :])
        for leftover in ("-wal", "-shm"):
            path.with_name(path.name + leftover).unlink(missing_ok=True)
        fault = fault_of(path)
        assert fault is None or (fault.isprintable() and "faces.db" in fault)
        told += fault is not None
    assert told > 3


def test_every_commit_waits_for_the_disk_and_no_encoding_goes_to_a_temporary_file(path):
    with Gallery.open(path) as gallery:
        connection = gallery._database._connection
        settings = {name: connection.execute(f"PRAGMA {name}").fetchone()[0]
                    for name in ("journal_mode", "synchronous", "fullfsync", "secure_delete", "temp_store")}
    assert settings == {"journal_mode": "wal", "synchronous": 2, "fullfsync": 1, "secure_delete": 1, "temp_store": 2}


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="permissions do not bind this user")
def test_a_folder_that_cannot_be_written_is_told(path):
    path.parent.chmod(0o500)
    try:
        with assert_refused("must be writable"):
            Gallery.open(path, encoder()).identify(points(1)[0])
    finally:
        path.parent.chmod(0o700)


def test_a_file_that_cannot_be_written_is_told(path):
    with Gallery.open(path, encoder()) as gallery:
        gallery._database._connection.execute("PRAGMA query_only = ON")
        with assert_refused(r"cannot be opened \(attempt to write a readonly database\); the file .* must be writable"):
            gallery.enrol("Ada", points(1))


def test_a_place_without_write_ahead_log_is_refused(tmp_path, monkeypatch):
    class Elsewhere(sqlite3.Connection):
        def execute(self, statement, *values):
            return super().execute(statement.replace("journal_mode = WAL", "journal_mode = DELETE"), *values)

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **named: connect(*a, **named, factory=Elsewhere))
    with assert_refused("without write-ahead log"):
        Gallery.open(tmp_path / "faces.db", encoder(), create=True)


def test_who_wants_to_write_waits_for_their_turn_but_not_for_ever(path, monkeypatch):
    with Gallery.open(path) as gallery, Gallery.open(path) as other:
        monkeypatch.setattr(database, "PATIENCE", 0.0)
        gallery._database._connection.execute("PRAGMA busy_timeout = 0")
        with other._database.writing(), assert_refused("is busy: another process has kept it"):
            gallery.enrol("Ada", points(1))
        monkeypatch.undo()
        waiting = threading.Thread(target=gallery.enrol, args=("Ada", points(1)))
        with other._database.writing():
            waiting.start()
            waiting.join(timeout=0.1)
            assert waiting.is_alive()
        waiting.join()
        assert "Ada" in {person.identity for person in other.list()}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_must_open_the_gallery_itself(path):
    program = """
import os, sys
from tests.faces.invented import encoder
from tinyconv.errors import DataError
from tinyconv.faces.gallery import Gallery
gallery = Gallery.open(sys.argv[1], encoder())
child = os.fork()
if child == 0:
    try:
        gallery.list()
    except DataError as error:
        gallery.close()
        os._exit(7 if "open the gallery again in the child" in str(error) else 1)
    os._exit(1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), len(gallery.list()))
"""
    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=False,
                          env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, sys.path))})
    assert done.stdout.split() == ["7", "30"], done.stderr
