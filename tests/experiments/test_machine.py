"""The machine is described by what a timing depends on, and by nothing that names it."""

import platform

import numpy as np

from tinyconv.experiments.machine import cores, machine, package_version


def test_machine_names_cores_and_versions():
    text = machine()
    assert f"{cores()} core" in text
    assert f"Python {platform.python_version()}" in text
    assert f"numpy {np.__version__}" in text


def test_machine_keeps_its_host_name_to_itself(monkeypatch):
    monkeypatch.setattr(platform, "node", lambda: "secret-host")
    assert "secret-host" not in machine()


def test_an_absent_package_has_no_version():
    assert package_version("no-such-package") == "absent"
