"""`tinyconv data` and `tinyconv weights` as a user meets them: paths on standard output, or one line and exit code 2."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.data.publisher import GOOD, publisher
from tinyconv.cli.main import main
from tinyconv.data import packs
from tinyconv.data.registry import ENTRIES, entries
from tinyconv.data.sources.entry import Entry, Original

SHA256 = hashlib.sha256(GOOD).hexdigest()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder that TINYCONV_DATA names, empty as the cache folder."""
    monkeypatch.setenv("TINYCONV_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(packs, "cache_folder", lambda: tmp_path / "cache")
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def server():
    with publisher() as running:
        yield running


@pytest.fixture
def register(monkeypatch):
    """Add an entry of one original to the registry."""

    def add(url, checksum=None, size=None, name="thing"):
        path = f"a/{name}"
        monkeypatch.setitem(ENTRIES, name, Entry(
            name, "data", "a thing", "http://127.0.0.1/", "free for all", "nobody", path, "bytes",
            originals=(Original(url, path, checksum, size),)))

    return add


def put(folder, name):
    path = folder / ENTRIES[name].path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"content")
    return path


@pytest.mark.parametrize("kind", ["data", "weights"])
def test_list_names_everything_of_its_kind_and_says_what_is_there(kind, folder, capsys):
    present = entries(kind)[0]
    path = put(folder, present.name)
    assert main([kind, "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: line for line in lines if not line.startswith(" ")}
    assert list(rows) == [entry.name for entry in entries(kind)]
    assert "  present  " in rows[present.name]
    assert lines[lines.index(rows[present.name]) + 1].strip() == str(path)
    for entry in entries(kind)[1:]:
        assert "  absent " in rows[entry.name]
        assert entry.title in rows[entry.name]
    assert len(lines) == len(rows) + 1


def test_list_says_what_is_verified_unverified_and_put_there_by_hand(folder, capsys):
    assert main(["data", "list"]) == 0
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "170.05 MB  verified " in rows["cifar10"]
    assert " unverified " in rows["orl"]
    assert " by hand " in rows["mitbih"]
    assert " unknown " in rows["lfw-deepfunneled"]


def test_list_licences_gives_licence_and_citation_of_each(folder, capsys):
    assert main(["weights", "list", "--licences"]) == 0
    out = capsys.readouterr().out
    for entry in entries("weights"):
        assert f"licence: {entry.licence}\n" in out
        assert f"cite: {entry.citation}\n" in out


def test_list_json_is_one_list_of_all_that_is_known(folder, capsys):
    path = put(folder, "orl")
    assert main(["data", "list", "--json"]) == 0
    known = {facts["name"]: facts for facts in json.loads(capsys.readouterr().out)}
    assert list(known) == [entry.name for entry in entries("data")]
    assert (known["orl"]["present"], known["orl"]["trust"]) == (str(path), "unverified")
    assert (known["cifar10"]["present"], known["cifar10"]["originals"][0]["size"]) == (None, 170052171)


def test_path_prints_the_path_alone(folder, capsys):
    path = put(folder, "orl")
    assert main(["data", "path", "orl"]) == 0
    assert capsys.readouterr() == (f"{path}\n", "")


@pytest.mark.parametrize(("arguments", "message"), [
    (["data", "path", "orl"], "orl_faces.npz; get it with `tinyconv data fetch orl`"),
    (["weights", "path", "mtcnn"], "get it with `tinyconv weights fetch mtcnn`"),
    (["data", "path", "orrl"], "data set 'orrl' is unknown; did you mean orl?"),
    (["data", "fetch", "mitbih"], "no program makes it, put it there by hand"),
    (["data", "fetch", "mitbih", "orrl"], "'orrl' is unknown"),
    (["data", "fetch", "mtcnn"], "mtcnn is a set of weights, expected a data set; say `tinyconv weights`"),
    (["weights", "fetch", "orl"], "orl is a data set, expected a set of weights; say `tinyconv data`"),
])
def test_what_cannot_be_is_one_line_and_exit_code_2(arguments, message, folder, capsys):
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.startswith(f"tinyconv {arguments[0]}: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["data"], ["data", "fetch"], ["data", "path"], ["data", "steal", "orl"], ["weights"]])
def test_a_missing_or_unknown_action_is_exit_code_2(arguments, folder, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: tinyconv" in capsys.readouterr().err


def test_help_says_where_packs_lie(folder, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["data", "--help"])
    assert caught.value.code == 0
    assert "TINYCONV_DATA" in capsys.readouterr().out


def test_fetch_shows_the_licence_first_and_prints_the_path(server, folder, register, capsys):
    register(f"{server.url}/good", f"sha256:{SHA256}", len(GOOD))
    for _ in range(2):
        assert main(["data", "fetch", "thing"]) == 0
        out, err = capsys.readouterr()
        assert out == f"{folder / 'a/thing'}\n"
        assert err in (f"thing: licence: free for all\nthing: {server.url}/good\n", "")
    assert server.asked == {"/good": 1}
    assert (folder / "a/thing").read_bytes() == GOOD


def test_fetch_says_that_a_file_is_unverified(server, folder, register, capsys):
    register(f"{server.url}/good")
    assert main(["data", "fetch", "thing"]) == 0
    assert f"is unverified: no checksum is known of it, and its sha256 is {SHA256}" in capsys.readouterr().err


def test_fetch_of_several_stops_at_the_first_that_fails_and_keeps_what_came(server, folder, register, capsys):
    for name, path in (("one", "/good"), ("two", "/absent"), ("three", "/good")):
        register(server.url + path, name=name)
    assert main(["data", "fetch", "one", "two", "three"]) == 2
    out, err = capsys.readouterr()
    assert out == f"{folder / 'a/one'}\n"
    assert err.splitlines()[-1] == (
        f"tinyconv data: {server.url}/absent cannot be fetched (the server answered 404 Not Found); try again later, or put the "
        f"file at {folder / 'a/two'} by hand.")
    assert [path.name for path in (folder / "a").iterdir()] == ["one"]


PROGRAM = """
import sys
from tinyconv.cli.main import main
from tinyconv.data.registry import ENTRIES
from tinyconv.data.sources.entry import Entry, Original
ENTRIES["thing"] = Entry("thing", "data", "", "", "free", "", "a/thing", "", originals=(Original(sys.argv[1], "a/thing"),))
sys.exit(main(["data", "fetch", "thing"]))
"""


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_ctrl_c_leaves_nothing_and_exits_with_130(server, folder):
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, f"{server.url}/waiting"], stderr=subprocess.PIPE, text=True)
    with process:
        for _ in range(3000):  # until something has been written
            if any(path.stat().st_size for path in folder.glob("a/.*")):
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "tinyconv data: interrupted."
    assert list(folder.iterdir()) == []


def test_stylize_takes_squeezenet_from_its_pack_where_it_is_there(folder, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    path = put(folder, "squeezenet1_1")
    assert main(["stylize", "--size", "40", "--steps", "1"]) == 2
    assert f"{path} is not a readable .npz file" in capsys.readouterr().err
