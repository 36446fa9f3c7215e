"""The wheel is tinyconv with its weights and nothing else, and paints a picture far from the repository."""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = "Scripts" if os.name == "nt" else "bin"

pytestmark = pytest.mark.slow


def run(*command: object, cwd: Path) -> str:
    """Run a command as a user would: without our path, without data packs."""
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "TINYCONV_DATA")}
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy: what an earlier build left in the checkout must not leak into it."""
    folder = tmp_path_factory.mktemp("source")
    leave = shutil.ignore_patterns("__pycache__", "*.egg-info", ".git", "build", "dist", "tour", ".*")
    shutil.copytree(ROOT, folder / "tinyconv", ignore=leave)
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, folder / "tinyconv", cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def prefix(wheel, tmp_path_factory):
    """A virtual environment with the wheel; the packages it needs are borrowed from the environment that runs the tests."""
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    python = folder / "venv" / SCRIPTS / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", wheel, cwd=folder)
    packages = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    (packages / "borrowed.pth").write_text("\n".join(site.getsitepackages()), encoding="utf-8")  # comes after the wheel's own
    return folder / "venv"


def test_wheel_holds_tinyconv_with_its_weights_and_nothing_else(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    inside = {name for name in names if not name.split("/")[0].endswith(".dist-info")}
    package = ROOT / "tinyconv"
    wanted = [path for pattern in ("**/*.py", "models/weights/*.npz", "experiments/results/*.json", "py.typed")
              for path in package.glob(pattern)]
    assert any(path.suffix == ".npz" for path in wanted), "the feature net's weights are missing from the source tree"
    assert inside == {path.relative_to(ROOT).as_posix() for path in wanted}
    assert any(name.endswith("LICENSE") for name in names - inside)


def test_wheel_stays_small_enough_to_ship(wheel):
    assert sum(item.file_size for item in zipfile.ZipFile(wheel).infolist() if item.filename.endswith(".npz")) <= 4 * 2**20


def test_wheel_says_what_it_needs_and_for_which_python(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("METADATA")]
        metadata = archive.read(name).decode().splitlines()
    needed = {line.split(">=")[0].removeprefix("Requires-Dist: ") for line in metadata
              if line.startswith("Requires-Dist: ") and "extra ==" not in line}
    assert needed == {"numpy", "numba", "pillow", "matplotlib", "tqdm", "pooch", "platformdirs"}
    assert "Requires-Python: >=3.10" in metadata
    extras = {line.removeprefix("Provides-Extra: ") for line in metadata if line.startswith("Provides-Extra: ")}
    assert extras == {"test", "notebooks", "dev", "bench", "oracle"}


def test_installed_tinyconv_is_the_wheel_and_brings_neither_lessons_nor_tests(prefix, tmp_path):
    program = "import importlib.util, tinyconv; print(tinyconv.__file__); print(importlib.util.find_spec('lessons'))"
    file, lessons = run(prefix / SCRIPTS / "python", "-c", program, cwd=tmp_path).split("\n")[:2]
    assert Path(file).is_relative_to(prefix)
    assert lessons == "None"


def test_installed_command_paints_a_picture_outside_the_repository(prefix, tmp_path):
    run(prefix / SCRIPTS / "tinyconv", "stylize", "--steps", 2, "--size", 48, "-o", "out.png", cwd=tmp_path)
    with Image.open(tmp_path / "out.png") as picture:
        assert (picture.format, picture.mode, max(picture.size)) == ("PNG", "RGB", 48)
        assert np.asarray(picture).std() > 10
    assert [path.name for path in tmp_path.iterdir()] == ["out.png"]
