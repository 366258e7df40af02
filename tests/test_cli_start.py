"""The command line starts quickly: what a command does not need is not imported."""

import os
import subprocess
import sys
from pathlib import Path


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
