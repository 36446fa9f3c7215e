"""`tinyconv stylize` as a user meets it: a picture comes out, or one line and exit code 2 and nothing else."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tinyconv.cli.main import main

SMALL = ["--size", "40", "--steps", "2", "--weights", "own"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pixels = np.random.default_rng(0).integers(0, 256, (30, 44, 3), dtype=np.uint8)
    Image.fromarray(pixels).save("content.png")
    Image.fromarray(pixels[::-1]).save("style.jpg")
    return tmp_path


def test_two_files_give_a_third(folder, capsys):
    assert main(["stylize", "content.png", "style.jpg", "-o", "out.png", *SMALL]) == 0
    assert "out.png: the picture of step" in capsys.readouterr().out
    with Image.open("out.png") as out:
        assert (out.size, out.mode) == ((40, 27), "RGB")


def test_without_arguments_the_photograph_and_the_painting_are_embedded(folder):
    assert main(["stylize", *SMALL]) == 0
    with Image.open("stylized.png") as out:
        assert max(out.size) == 40


def test_seed_decides_the_picture(folder):
    for name, seed in (("a.png", "1"), ("b.png", "1"), ("c.png", "2")):
        assert main(["stylize", "content.png", "style.jpg", "-o", name, "--seed", seed, *SMALL]) == 0
    assert (folder / "a.png").read_bytes() == (folder / "b.png").read_bytes()
    assert (folder / "a.png").read_bytes() != (folder / "c.png").read_bytes()


def write_wrong_weights(folder):
    np.savez(folder / "other.npz", weight=np.zeros(3))
    (folder / "text.npz").write_text("not an archive")
    (folder / "empty.png").touch()
    whole = (folder / "content.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    Image.fromarray(np.full((40, 40), np.nan, np.float32)).save(folder / "nan.tif")
    (folder / "file").touch()


@pytest.mark.parametrize(("arguments", "message"), [
    (["absent.png"], "absent.png does not exist"),
    (["empty.png"], "empty.png is not a picture (0 bytes)"),
    (["cut.png"], "cut.png cannot be read"),
    (["nan.tif"], "nan.tif has pixels of Pillow's mode F"),
    (["."], ". is a folder"),
    (["content.png", "file"], "file is not a picture"),
    (["-o", "."], ". is a folder"),
    (["-o", "no/where.png"], "the folder no does not exist"),
    (["-o", "file/out.png"], "file does not exist"),
    (["-o", "out.txt"], "has the ending '.txt'"),
    (["content.png", "style.jpg", "--weights", "other.npz"], "does not hold the weights of SqueezeNet 1.1"),
    (["content.png", "style.jpg", "--weights", "text.npz"], "text.npz is not a readable .npz file"),
    (["content.png", "style.jpg", "--weights", "absent.npz"], "absent.npz does not exist"),
    (["--size", "5"], "--size is 5, expected 32"),
    (["--steps", "0"], "--steps is 0"),
    (["--seed", "-1"], "--seed -1"),
    (["content.png", "style.jpg", "--style-weight", "nan"], "expected finite numbers"),
    (["content.png", "style.jpg", "--noise", "1.5"], "noise is 1.5"),
])
def test_bad_input_gives_one_line_exit_code_2_and_no_file(folder, capsys, arguments, message):
    write_wrong_weights(folder)
    before = sorted(os.listdir(folder))
    assert main(["stylize", *SMALL[:4], *arguments]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert message in lines[-1]
    assert len([line for line in lines if line.startswith("tinyconv stylize:")]) == 1
    assert sorted(os.listdir(folder)) == before


@pytest.mark.parametrize("arguments", [["stylize", "--optimizer", "sgd"], ["stylize", "--size", "big"], ["paint"], []])
def test_bad_words_exit_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_ctrl_c_keeps_the_best_picture_so_far(folder):
    options = ["-o", "kept.png", "--size", "64", "--steps", "100000", "--weights", "own"]
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    with subprocess.Popen([sys.executable, "-m", "tinyconv", "stylize", *options], stderr=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": root}) as process:
        seen = ""
        while "2/100000" not in seen:
            seen += process.stderr.read(1)
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert "interrupted after" in out
    with Image.open("kept.png") as kept:
        assert max(kept.size) == 64
    assert sorted(p.name for p in folder.iterdir()) == ["content.png", "kept.png", "style.jpg"]
