"""The command line: `cpm-edu demo | lab | predict | evaluate | train | bench | backends`."""

from __future__ import annotations

import argparse
import importlib
import os
import sys

from .kernels.toolchain import BackendUnavailable

__all__ = ["main"]

COMMANDS = ("demo", "lab", "predict", "evaluate", "train", "bench", "backends")
DESCRIPTION = """\
Convolutional Pose Machines, from a joint to a belief map to a pose.

Start with `cpm-edu demo` (a minute, no data needed), then `cpm-edu lab` for the notebooks."""


def build_parser() -> argparse.ArgumentParser:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="cpm-edu", description=DESCRIPTION, formatter_class=formatter)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        command = importlib.import_module(f"cpm_edu.commands.{name}")
        subparser = subparsers.add_parser(
            name,
            help=command.HELP,
            description=command.DESCRIPTION,
            epilog=command.EXAMPLES,
            formatter_class=formatter,
        )
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command; a mistake of the user's is one sentence on stderr and exit status 2.

    With CPM_EDU_DEBUG=1 the traceback is shown too.
    """
    options = build_parser().parse_args(arguments)
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
