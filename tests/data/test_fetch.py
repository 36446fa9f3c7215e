"""Fetching from a server on this machine: the file comes whole and right, or nothing is left and one line says why."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest

import tinyconv as tc
from tests.data.publisher import GOOD, publisher
from tests.refusal import assert_refused
from tinyconv.data import fetch as fetching
from tinyconv.data import packs
from tinyconv.data.fetch import download, fetch
from tinyconv.data.prepare import CONVERTERS
from tinyconv.data.sources.entry import Entry, Original

SHA256 = hashlib.sha256(GOOD).hexdigest()
MD5 = hashlib.md5(GOOD).hexdigest()


@pytest.fixture
def server():
    with publisher() as running:
        yield running


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The cache folder, empty; TINYCONV_DATA names nothing."""
    monkeypatch.delenv("TINYCONV_DATA", raising=False)
    monkeypatch.setattr(packs, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def entry(*originals, **facts):
    return Entry("thing", "data", "a thing", "http://127.0.0.1/", "free", "nobody", originals[0].path if originals else "a/file",
                 "bytes", originals=originals, **facts)


def everything(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("checksum", [f"sha256:{SHA256}", f"md5:{MD5}"])
def test_a_good_file_takes_its_name_and_is_not_fetched_again(server, folder, checksum):
    thing = entry(Original(f"{server.url}/good", "a/file", checksum, len(GOOD)))
    said, pieces = [], []
    assert fetch(thing, said.append, pieces.append) == folder / "a/file"
    assert (folder / "a/file").read_bytes() == GOOD
    assert sum(pieces) == len(GOOD)
    assert said[0] == "thing: licence: free"
    assert fetch(thing, said.append) == folder / "a/file"
    assert server.asked == {"/good": 1}
    assert everything(folder) == ["a/file"]


def test_an_unverified_file_says_so_and_prints_its_sha256(server, folder):
    said = []
    fetch(entry(Original(f"{server.url}/good", "a/file")), said.append)
    assert [line for line in said if "unverified" in line and SHA256 in line]


@pytest.mark.parametrize(("path", "facts", "message"), [
    ("/good", {"checksum": f"sha256:{'0' * 64}"}, rf"gave the sha256 {SHA256}, expected 0{{64}}"),
    ("/good", {"checksum": f"md5:{'0' * 32}"}, rf"gave the md5 {MD5}, expected 0{{32}}"),
    ("/good", {"size": len(GOOD) + 1}, r"gave 256,000 of 256,001 bytes"),
    ("/good", {"size": 1000}, r"sends more than 1,000 bytes"),
    ("/endless", {"size": len(GOOD)}, r"sends more than 256,000 bytes"),
    ("/cut", {}, r"cannot be fetched \(the connection was cut\)"),
    ("/short", {"size": len(GOOD)}, r"gave 1,000 of 256,000 bytes"),
    ("/short", {"checksum": f"sha256:{SHA256}"}, r"gave the sha256 [0-9a-f]{64}, expected"),
    ("/empty", {}, r"gave an empty file"),
    ("/absent", {}, r"the server answered 404 Not Found"),
    ("/broken", {}, r"the server answered 500 Internal Server Error"),
    ("/circle", {}, r"cannot be fetched \(.*302"),
    ("/false-length", {}, r"cannot be fetched"),
    ("/part", {}, r"gave no file \(the server answered 206 Partial Content\)"),
    ("/chunks", {}, r"cannot be fetched \((Response ended prematurely|the connection was cut)\)"),
])
def test_a_bad_answer_is_one_line_and_leaves_nothing(server, folder, path, facts, message):
    with assert_refused(message):
        fetch(entry(Original(server.url + path, "a/file", **facts)), [].append)
    assert list(folder.iterdir()) == []


def test_a_folder_that_was_there_stays_when_nothing_comes(server, folder):
    (folder / "a").mkdir(parents=True)
    with pytest.raises(tc.DataError):
        fetch(entry(Original(f"{server.url}/absent", "a/b/c/file")), [].append)
    assert [path.relative_to(folder).as_posix() for path in folder.rglob("*")] == ["a"]


def test_an_endless_file_of_unknown_size_is_cut_off(server, folder, monkeypatch):
    monkeypatch.setattr(fetching, "LARGEST", 1_000_000)
    with pytest.raises(tc.DataError, match="sends more than 1,000,000 bytes"):
        fetch(entry(Original(f"{server.url}/endless", "a/file")), [].append)
    assert everything(folder) == []


def test_a_server_that_falls_silent_is_given_up(server, folder, monkeypatch):
    monkeypatch.setattr(fetching, "SECONDS", 0.2)
    with pytest.raises(tc.DataError, match=r"cannot be fetched \(.*timed out.*by hand"):
        fetch(entry(Original(f"{server.url}/waiting", "a/file")), [].append)
    assert everything(folder) == []


def test_no_server_is_one_line_that_says_where_to_put_the_file_by_hand(folder):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/file"
        with pytest.raises(tc.DataError, match=r"\(Connection refused\).* by hand") as caught:
            fetch(entry(Original(url, "a/file")), [].append)
    assert str(folder / "a/file") in str(caught.value)
    assert everything(folder) == []


@pytest.mark.parametrize("url", ["http://", "http://[::1/file", "http://127.0.0.1:99999/file"])
def test_an_address_that_is_none_is_one_line(folder, url):
    with pytest.raises(tc.DataError, match="cannot be fetched"):
        fetch(entry(Original(url, "a/file")), [].append)


def test_a_damaged_file_that_lies_there_is_fetched_again(server, folder):
    (folder / "a").mkdir(parents=True)
    (folder / "a/file").write_bytes(GOOD[:-1] + b"?")
    said = []
    fetch(entry(Original(f"{server.url}/good", "a/file", f"sha256:{SHA256}", len(GOOD))), said.append)
    assert (folder / "a/file").read_bytes() == GOOD
    assert any("is not the file that was published" in line for line in said)


def test_a_file_put_there_by_hand_is_not_fetched(folder):
    (folder / "a").mkdir(parents=True)
    (folder / "a/file").write_bytes(GOOD)
    thing = entry(Original("http://127.0.0.1:1/", "a/file", f"sha256:{SHA256}"))
    assert fetch(thing, [].append) == folder / "a/file"


def test_only_the_absent_one_of_several_files_is_fetched(server, folder):
    server.files["/other"] = b"other"
    thing = entry(Original(f"{server.url}/good", "a/file", f"sha256:{SHA256}"), Original(f"{server.url}/other", "b/other"))
    fetch(thing, [].append)
    (folder / "b/other").unlink()
    fetch(thing, [].append)
    assert server.asked == {"/good": 1, "/other": 2}
    assert everything(folder) == ["a/file", "b/other"]


def test_what_no_program_makes_is_said_in_one_line(folder):
    with pytest.raises(tc.DataError, match="file does not exist; no program makes it, put it there by hand: bytes"):
        fetch(entry(), [].append)


def test_a_pack_is_prepared_of_what_was_fetched_once(server, folder, monkeypatch):
    monkeypatch.setitem(CONVERTERS, "count", lambda paths: {"size": np.array(len(paths[0].read_bytes()))})
    thing = Entry("thing", "data", "", "", "free", "", "a/pack.npz", "", converter="count",
                  originals=(Original(f"{server.url}/good", "a/file"),))
    assert fetch(thing, [].append) == folder / "a/pack.npz"
    with np.load(folder / "a/pack.npz") as pack:
        assert pack["size"] == len(GOOD)
    (folder / "a/file").unlink()
    assert fetch(thing, [].append) == folder / "a/pack.npz"
    assert server.asked == {"/good": 1}


def test_an_unverified_download_that_cannot_be_prepared_does_not_stay(server, folder, monkeypatch):
    def refuse(paths):
        raise tc.DataError(f"{paths[0]} is a web page.")

    monkeypatch.setitem(CONVERTERS, "refuse", refuse)
    thing = Entry("thing", "data", "", "", "free", "", "a/pack.npz", "", converter="refuse",
                  originals=(Original(f"{server.url}/good", "a/file"), Original(f"{server.url}/good", "a/sure", f"md5:{MD5}")))
    with pytest.raises(tc.DataError, match="is a web page"):
        fetch(thing, [].append)
    assert everything(folder) == ["a/sure"]


def test_the_folder_that_is_named_comes_first_and_must_exist(server, folder, tmp_path, monkeypatch):
    thing = entry(Original(f"{server.url}/good", "a/file"))
    monkeypatch.setenv("TINYCONV_DATA", str(tmp_path / "named"))
    with pytest.raises(tc.DataError, match=r"TINYCONV_DATA names .*named, which is no folder"):
        fetch(thing, [].append)
    (tmp_path / "named").mkdir()
    assert fetch(thing, [].append) == tmp_path / "named/a/file"
    assert not folder.exists()


def test_a_named_folder_that_cannot_be_written_leaves_the_cache_folder(server, folder, tmp_path, monkeypatch):
    named = tmp_path / "named"
    named.mkdir()
    monkeypatch.setenv("TINYCONV_DATA", str(named))
    named.chmod(0o555)  # the superuser could write there, and is not meant to
    try:
        assert fetch(entry(Original(f"{server.url}/good", "a/file")), [].append) == folder / "a/file"
    finally:
        named.chmod(0o755)
    assert everything(named) == []


def test_a_named_folder_on_a_protected_disk_leaves_the_cache_folder(server, folder, tmp_path, monkeypatch):
    def protected(place):
        if place == tmp_path:
            raise tc.DataError("read-only file system")

    monkeypatch.setenv("TINYCONV_DATA", str(tmp_path))
    monkeypatch.setattr(fetching, "check_writable", protected)
    assert fetch(entry(Original(f"{server.url}/good", "a/file")), [].append) == folder / "a/file"


def test_a_cache_folder_that_cannot_be_made_is_named(server, folder):
    folder.write_text("a file in the way")
    with pytest.raises(tc.DataError, match=r"the folder .*cache cannot be made"):
        fetch(entry(Original(f"{server.url}/good", "a/file")), [].append)
    assert server.asked == {}


def test_a_protected_cache_folder_is_named(server, folder, monkeypatch):
    def protected(dir):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tinyconv.data.files.tempfile.TemporaryFile", protected)
    with pytest.raises(tc.DataError, match=r"cache cannot be written into \(Permission denied\)"):
        fetch(entry(Original(f"{server.url}/good", "a/file")), [].append)
    assert everything(folder) == []
    assert server.asked == {}


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a disk that is always full")
def test_a_full_disk_is_one_line_and_leaves_nothing(server, tmp_path, monkeypatch):
    whole_file = fetching.whole_file

    class Full(type(tmp_path)):
        def open(self, *args, **kwargs):
            return open("/dev/full", "wb")

    @contextlib.contextmanager
    def on_a_full_disk(path):
        with whole_file(path) as partial:
            yield Full(partial)

    monkeypatch.setattr(fetching, "whole_file", on_a_full_disk)
    with pytest.raises(tc.DataError, match=r"file cannot be written \(No space left on device\)"):
        download(Original(f"{server.url}/good", "file"), tmp_path / "file")
    assert everything(tmp_path) == []


PROGRAM = """
import sys
from pathlib import Path
from tinyconv.data.fetch import download
from tinyconv.data.sources.entry import Original
url, path, *signals = sys.argv[1:]
try:
    download(Original(url, "file"), Path(path), lambda size: print("piece", flush=True))
except KeyboardInterrupt:
    sys.exit(130)
"""


def start(url, path):
    """A process that has received its first piece and waits for more."""
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, url, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "piece\n"
    return process


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_interrupted_in_the_middle_nothing_is_left(server, tmp_path):
    process = start(f"{server.url}/waiting", tmp_path / "file")
    with process:
        assert len(everything(tmp_path)) == 1
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    assert everything(tmp_path) == []


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_killed_in_the_middle_no_file_has_the_name_and_the_next_attempt_cleans_up(server, tmp_path):
    for _ in range(2):
        process = start(f"{server.url}/waiting", tmp_path / "file")
        with process:
            process.kill()
            process.wait(30)
        left = everything(tmp_path)
        assert len(left) == 1
        assert left != ["file"]
    download(Original(f"{server.url}/good", "file"), tmp_path / "file")
    assert everything(tmp_path) == ["file"]
    assert (tmp_path / "file").read_bytes() == GOOD
