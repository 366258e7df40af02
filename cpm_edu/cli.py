"""The command line: `cpm-edu demo | lab | predict | data | recipes | train | evaluate | check | release | grade | bench | backends`."""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import sys
from typing import NoReturn

from .kernels.toolchain import BackendUnavailable

__all__ = ["main"]

# A command is imported when it is used, so that help does not wait for torch.
COMMANDS = {
    "demo": "a minute with the shipped model: people found, stage by stage",
    "lab": "copy the notebooks into a folder of yours and open JupyterLab there",
    "predict": "find the joints of people in your photos",
    "data": "the data sets: which are here, where their files must lie, how to get them",
    "recipes": "the published results and every number behind them",
    "train": "train a pose machine; stop and resume at will",
    "evaluate": "measure a model: PCK by stage and by joint, or a published benchmark",
    "check": "check your answers to an assignment, in a notebook or a .py file",
    "release": "write what students receive of the assignments: notebooks, stubs, public tests, the wheel",
    "grade": "grade what students handed in: points, feedback, and what the class got wrong",
    "bench": "time the compiled ops, the data pipeline and the lite model, against other packages",
    "backends": "what can compute here: torch, C++, CUDA; what was built, and what is missing",
}
DESCRIPTION = """\
Convolutional Pose Machines, from a joint to a belief map to a pose.

Start with `cpm-edu demo` (a minute, no data needed), then `cpm-edu lab` for the notebooks."""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without a page of usage before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} ({self.prog} --help says what there is)\n")

    def refuse(self, unknown: list[str]) -> NoReturn:
        """Arguments that no option is for, with the nearest option."""
        options = [name for action in self._actions for name in action.option_strings]
        near = difflib.get_close_matches(unknown[0].partition("=")[0], options, 1)
        self.error(f"no argument {unknown[0]}" + (f"; did you mean {near[0]}?" if near else ""))


def build_parser(used: str | None = None) -> _Parser:
    """The parser that knows the options of the command in use, and of the others the name."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = _Parser(prog="cpm-edu", description=DESCRIPTION, formatter_class=formatter)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, meaning in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=meaning, formatter_class=formatter)
        if name == used:
            command = importlib.import_module(f"cpm_edu.commands.{name}")
            subparser.description, subparser.epilog = command.DESCRIPTION, command.EXAMPLES
            command.add_arguments(subparser)
            subparser.set_defaults(run=command.run, refuse=subparser.refuse)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command; a mistake of the user's is one sentence on stderr and exit status 2.

    With CPM_EDU_DEBUG=1 the traceback is shown too.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    used = next(iter(arguments), None)
    options, unknown = build_parser(used).parse_known_args(arguments)
    if unknown:
        options.refuse(unknown)
    try:
        return options.run(options)
    except KeyboardInterrupt:
        print("cpm-edu: interrupted", file=sys.stderr)
        return 130
    except (ValueError, OSError, BackendUnavailable) as error:
        if os.environ.get("CPM_EDU_DEBUG") == "1":
            raise
        print(f"cpm-edu {options.command}: {_sentence(error)}", file=sys.stderr)
        return 2


def _sentence(error: Exception) -> str:
    """The message without Python's "[Errno 17]"."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


if __name__ == "__main__":
    sys.exit(main())
