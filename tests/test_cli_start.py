"""The command line starts quickly: what a command does not need is not imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cpm_edu.cli import main


def test_help_does_not_wait_for_torch():
    code = """
import sys
from cpm_edu import cli
try:
    cli.main(["--help"])
except SystemExit:
    pass
assert "torch" not in sys.modules and "numpy" not in sys.modules, "imported for nothing"
assert not [name for name in sys.modules if name.startswith("cpm_edu.commands.")]
"""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for command in ("demo", "data", "recipes", "train"):
        assert f"    {command} " in done.stdout
    module = subprocess.run(
        [sys.executable, "-m", "cpm_edu", "--help"], env=environment, capture_output=True, text=True
    )
    assert module.stdout.startswith("usage: cpm-edu "), "python -m cpm_edu is the same"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "--init-form", "lite", "--out", "x"], "cpm-edu train: no argument --init-form; did you mean --init-from?"),
        (["evaluate", "photo.jpg"], "cpm-edu evaluate: no argument photo.jpg"),
        (["train"], "cpm-edu train: the following arguments are required: --out"),
        (["tarin"], "cpm-edu: argument COMMAND: invalid choice: 'tarin'"),
    ],
)  # fmt: skip
def test_a_misspelled_command_line_is_one_line(capsys, arguments, sentence):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.startswith(sentence), said
    assert said.count("\n") == 1, "no page of usage"
