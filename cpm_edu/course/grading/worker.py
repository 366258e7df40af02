"""Inside a room: run a submission's text, and answer the grader's calls. It knows no expected value.

`python -I -S -B worker.py`: requests come by standard input, answers go by standard output, both moved aside before
the submission's first line runs. Every exercise gets a process of its own, forked from this one.
"""

from __future__ import annotations

import builtins
import linecache
import os
import signal
import struct
import sys
import types
from contextlib import suppress

HEAD = struct.Struct("<8scI")  # the number of the question, its kind, bytes that follow
FILE = "your code"
MOST_MESSAGE = 2000  # characters


class Forbidden(RuntimeError):
    """The submission imports what holds the answer."""


class Ended(Exception):
    """The grader has closed the line."""


class Line:
    """The two pipes to the grader."""

    def __init__(self):
        self._in, self._out = os.dup(0), os.dup(1)  # not inherited by programs that the submission starts
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nothing, standard)
        os.close(nothing)

    def read(self) -> tuple[bytes, bytes, bytes]:
        """(number, kind, body) of the next question."""
        number, kind, size = HEAD.unpack(self._take(HEAD.size))
        return number, kind, self._take(size)

    def _take(self, size: int) -> bytes:
        parts = []
        while size:
            part = os.read(self._in, min(size, 1 << 20))
            if not part:
                raise Ended
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def write(self, number: bytes, kind: bytes, body: bytes):
        data = memoryview(HEAD.pack(number, kind, len(body)) + body)
        while data:
            data = data[os.write(self._out, data) :]


def main():
    line = Line()
    number, _, body = line.read()
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    setting = _setting(body)
    _limit_itself(setting["limits"])
    sys.path[:0] = setting["path"]
    import site

    site.setquit()  # exit() and quit(), as at home
    import wire

    if setting["engine"] != "numpy":
        import torch

        torch.set_num_threads(1)
    if setting["engine"] == "kernel":
        import cpm_edu.course.kernel_calls
        import cpm_edu.kernels.lab  # noqa: F401
    line.write(number, b"H", wire.encode(sys.version.split()[0]))
    with suppress(Ended):
        while True:
            number, _, body = line.read()
            _serve_apart(line, number, wire.decode(body), setting)


def _setting(body: bytes) -> dict:
    """The first message, in JSON: the folder of NumPy, which reads the others, is named in it."""
    import json

    return json.loads(body)


def _limit_itself(limits: dict[str, int]):
    """Limits of each process, below those of all together that the grader watches."""
    with suppress(ImportError):
        import resource

        for name, most in limits.items():
            which = getattr(resource, name, None)
            if which is not None:
                hard = resource.getrlimit(which)[1]
                most = most if hard == resource.RLIM_INFINITY else min(most, hard)
                resource.setrlimit(which, (most, most))


def _serve_apart(line: Line, number: bytes, exercise: dict, setting: dict):
    """Serve one exercise in a process of its own, and end all that it leaves behind."""
    if not hasattr(os, "fork"):
        Student(line, exercise, setting).serve(number)
        return
    child = os.fork()
    if child == 0:
        status = 1
        with suppress(Ended):
            Student(line, exercise, setting).serve(number)
            status = 0
        os._exit(status)
    _, status = os.waitpid(child, 0)
    # Only as the second or third process of a room of its own: elsewhere -1 means all processes of the user.
    while setting["alone"] and os.getpid() < 10:
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            break
    line.write(bytes(8), b"Z", struct.pack("<i", status))


class Student:
    """One exercise of a submission: the function that it defines, and calls of it."""

    def __init__(self, line: Line, exercise: dict, setting: dict):
        self._line, self._exercise, self._most = line, exercise, setting["answer"]
        self._function = None

    def serve(self, number: bytes):
        """Answer until the grader has no more questions to this exercise."""
        import wire

        self._answer(number, self._defined())
        while True:
            number, kind, body = self._line.read()
            if kind != b"C":
                return
            arguments = wire.decode(body)
            before = [wire.encode(argument) for argument in arguments]
            outcome = self._outcome(self._function, arguments)
            outcome["changed"] = [
                k for k, argument in enumerate(arguments) if _bytes_of(argument) != before[k]
            ]
            self._answer(number, outcome)

    def _answer(self, number: bytes, outcome: dict):
        import wire

        value = outcome.pop("value")
        try:
            body = wire.encode(value, self._most)
        except BaseException as error:  # also of an object that is no array when asked for it
            body, outcome = wire.encode(None), {**outcome, **_failure(error, self._exercise["id"])}
            outcome["line"] = 0
        head = wire.encode(outcome)
        self._line.write(number, b"R", struct.pack("<I", len(head)) + head + body)

    def _outcome(self, function, arguments) -> dict:
        try:
            value = function(*arguments)
        except BaseException as error:
            return {"value": None, **_failure(error, self._exercise["id"])}
        return {"value": value, "error": "", "message": "", "line": 0}

    def _defined(self) -> dict:
        """Run the text; the outcome is without error once there is a function (or the text of a kernel)."""
        name, source = self._exercise["name"], self._exercise["source"]
        if self._exercise["kind"] == "kernel":
            from cpm_edu.course.kernel_calls import kernel_function

            self._function = kernel_function(source)
            return {"value": None, "error": "", "message": "", "line": 0}
        if self._exercise["engine"] == "torch" and "optim" in source:
            import torch

            torch.optim.SGD(
                [torch.zeros(1, requires_grad=True)]
            )  # the first imports torch._dynamo, for seconds
        _forbid(self._exercise["packages"], self._exercise["forbids"])
        module = sys.modules["__main__"] = types.ModuleType("__main__")
        linecache.cache[FILE] = (len(source), None, source.splitlines(True), FILE)
        outcome = self._outcome(lambda: exec(compile(source, FILE, "exec"), module.__dict__), ())
        if outcome["error"]:
            return outcome
        found = module.__dict__.get(name)
        if found is None:
            return {**outcome, "error": "NotWritten", "message": f"there is no {name}"}
        if self._exercise["kind"] == "text":
            return {**outcome, "value": found}
        if not callable(found):
            message = f"{name} is a {type(found).__name__}, not a function"
            return {**outcome, "error": "TypeError", "message": message}
        self._function = found
        return outcome


def _bytes_of(value) -> bytes:
    import wire

    try:
        return wire.encode(value)
    except Exception:
        return b""


def _failure(error: BaseException, id: str) -> dict:
    """Class, message and line of an exception, whatever its own methods do."""
    try:
        message = str(error)[:MOST_MESSAGE]
    except BaseException:
        message = ""
    line = 0
    with suppress(BaseException):
        step = error.__traceback__
        while step is not None:
            if step.tb_frame.f_code.co_filename == FILE:
                line = step.tb_lineno
            step = step.tb_next
        if isinstance(error, SyntaxError) and error.filename == FILE:
            line, message = error.lineno or 0, error.msg
    name = type(error).__name__ if type(error).__name__.isidentifier() else "Error"
    if isinstance(error, NotImplementedError) and (not message or message.startswith(f"{id}:")):
        name = "NotWritten"
    return {"error": name[:100], "message": message, "line": line}


def _forbid(packages: list[str], forbidden: list[str]):
    """Make imports of these packages raise `Forbidden`, with the name of what was asked for."""
    ordinary = builtins.__import__

    def refuse(name: str):
        if name.partition(".")[0] in packages:
            known = any(name == f or f.startswith(name + ".") or name.startswith(f + ".") for f in forbidden)
            raise Forbidden(name if known else f"the library ({name})")

    def import_or_refuse(name, globals=None, locals=None, fromlist=(), level=0):
        if level == 0:
            refuse(f"{name}.{fromlist[0]}" if fromlist else name)
        return ordinary(name, globals, locals, fromlist, level)

    class Finder:
        @staticmethod
        def find_spec(name, path=None, target=None):
            refuse(name)

    builtins.__import__ = import_or_refuse
    sys.meta_path.insert(0, Finder)


if __name__ == "__main__":
    main()
