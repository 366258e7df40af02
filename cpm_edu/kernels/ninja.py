"""Running ninja: no compiler outlives the process that asked for it, and errors are cut to what matters."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

__all__ = ["escaped", "failure", "run_ninja"]

# Ends what it started when its standard input closes: that is when this process is done with it, or is dead,
# be it by kill -9. Otherwise an orphaned compiler would run on.
_KEEPER = """
exec 3<&0
"$@" </dev/null 3<&- & job=$!
(read -r _ <&3; kill -TERM $job) >/dev/null 2>&1 & watch=$!
exec 3<&-
wait $job; status=$?
kill $watch 2>/dev/null
exit $status
"""


def run_ninja(command: list[str], folder: Path) -> tuple[str, bool]:
    """Output of ninja, and whether it failed."""
    keepers, ours = os.pipe()
    environment = {**os.environ, "LC_ALL": "C"}  # error messages in English, which `failure` reads
    with open(folder / "output", "wb") as output:
        process = subprocess.Popen(
            ["/bin/sh", "-c", _KEEPER, "sh", *command], cwd=folder, env=environment, stdin=keepers,
            stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    os.close(keepers)
    try:
        failed = process.wait() != 0
    finally:
        os.close(ours)
        process.wait()
    return (folder / "output").read_text(errors="replace"), failed


def escaped(command: list[str]) -> str:
    """A shell command as the value of a variable in a ninja file."""
    return shlex.join(command).replace("$", "$$")


_COMPLAINT = r"error|undefined reference|undefined symbol|multiple definition|cannot find"


def failure(name: str, output: str, workshop: Path) -> str:
    """The compiler's first error lines, and the command that printed them."""
    commands = [("ninja", [])]  # each that failed, with what it printed
    lines = iter(output.replace(f"{workshop}/", "").splitlines())  # the folder is gone when this is read
    for line in lines:
        if line.startswith("FAILED:"):
            commands.append((next(lines, "ninja"), []))
        elif re.match(r"\[\d+/\d+\] ", line):  # a command that did not fail
            commands.append(("", []))
        elif not line.startswith("ninja: build stopped"):
            commands[-1][1].append(line)
    failed = [entry for entry in commands[1:] if entry[0]] or commands[:1]
    complaints = [
        (command, told[i:])
        for command, told in failed
        for i, line in enumerate(told)
        if re.search(_COMPLAINT, line, re.IGNORECASE)
    ]
    command, told = (complaints or failed)[0]
    excerpt = "\n".join("  " + line for line in told[:12])
    return f"compiling {name} failed:\n{excerpt}\nwith the command\n  {command}"
