"""What holds for every verb: exit codes, and one line for every expected end."""

import subprocess
import sys

import pytest

from tinyconv.cli.main import VERBS, main


def test_a_reader_who_leaves_early_gets_no_traceback():
    code = ("import sys; from tinyconv.cli import main as m; m.VERBS = {'chatter': 'talk'};"
            "import types; t = types.ModuleType('tinyconv.cli.chatter'); t.add_arguments = lambda parser: None;"
            "t.run = lambda arguments: [print('x' * 80) for _ in range(100000)] and 0;"
            "sys.modules['tinyconv.cli.chatter'] = t; sys.exit(m.main(['chatter']))")
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "x" * 80 + "\n"
        process.stdout.close()
        errors = process.stderr.read()
    assert errors == ""
    assert process.returncode == 141


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([verb, "--help"])
    assert stopped.value.code == 0
    assert VERBS[verb].split()[0] in capsys.readouterr().out.lower()


def test_an_error_is_one_line_whatever_a_path_holds(monkeypatch, capsys):
    monkeypatch.setenv("TINYCONV_DATA", "no\nsuch\nfolder")
    assert main(["data", "fetch", "orl"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
