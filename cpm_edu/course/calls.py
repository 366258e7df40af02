"""Call a student's function in this process: whatever it does, an `Outcome` comes of it.

The twin of a room in the sandbox, for `check` and the public tests. It protects a student from a slip, not a grader
from an attack: an endless loop, a print in a loop, an argument changed in place, the library's answer.
"""

from __future__ import annotations

import builtins
import io
import signal
import sys
import warnings
from collections.abc import Callable
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np

from .exercise import Exercise, Forbidden, NotWritten, Outcome
from .forbidden import forbidding
from .plain import NotSendable, TooLarge, is_same, kind_of, plain_value
from .time_limit import TimeIsUp, TimeLimit, time_is_limited

__all__ = ["SECONDS", "LocalCall", "local_call", "local_source"]

SECONDS = 1.7  # for all calls of one check, which as a whole takes less than two
KERNEL_SECONDS = 30.0  # a first kernel builds the emulator; endless kernels are stopped inside
MEMORY = 1024**3  # bytes that a function may take
PRINTED = 2_000  # characters that are kept of what is printed
MESSAGE = 300  # characters of an error's text
SOURCE = "<your code>"


def local_call(exercise: Exercise, answer: Any, *, seconds: float | None = None) -> LocalCall:
    """A `Call` of the student's function, or of the kernel whose text it is.

    Args:
        exercise: says what is forbidden and how long a call may take.
        answer: the function; for an exercise of engine "kernel" the text.
        seconds: for all calls together; None: `SECONDS`, for a kernel `KERNEL_SECONDS`.
    """
    return LocalCall(exercise, lambda: answer, seconds)


def local_source(exercise: Exercise, source: str, *, seconds: float | None = None) -> LocalCall:
    """The same from the text that defines it; what goes wrong while it is executed is the outcome of every call."""

    def find():
        scope = {"__name__": "__main__", "__builtins__": builtins}
        exec(compile(source, SOURCE, "exec", dont_inherit=True), scope)
        if exercise.name not in scope:
            raise NotWritten(f"{exercise.name} is not defined")
        return scope[exercise.name]

    return LocalCall(exercise, find, seconds)


class LocalCall:
    """Calls one student's function, with a limit on the time of all calls.

    Attributes:
        printed: what it printed, the first characters.
        places: line -> where that is, in words, for lines outside the function itself.
    """

    def __init__(self, exercise: Exercise, find: Callable[[], Any], seconds: float | None):
        self.seconds = seconds or (KERNEL_SECONDS if exercise.engine == "kernel" else SECONDS)
        self.places: dict[int, str] = {}
        self._exercise = exercise
        self._find = find
        self._limit = TimeLimit(self.seconds)
        self._function: Callable | None = None
        self._failed: Outcome | None = None
        self._prints = _Prints()

    @property
    def printed(self) -> str:
        return self._prints.text

    def __call__(self, *arguments: Any) -> Outcome:
        if self._failed is None and self._function is None:
            self._failed = self._prepare()
        if self._failed is not None:
            return self._failed
        given = None if self._exercise.may_change else deepcopy(arguments)
        outcome = self._run(lambda: plain_value(self._function(*arguments)))
        if given is None:
            return outcome
        changed = tuple(k for k, (a, b) in enumerate(zip(given, arguments, strict=True)) if not is_same(a, b))
        return Outcome(outcome.value, outcome.error, outcome.message, outcome.line, changed)

    def where(self, line: int) -> str:
        return self.places.get(line, f"line {line} of your code")

    def _prepare(self) -> Outcome | None:
        """Find the function; the outcome of every call if that fails."""
        found = self._run(self._find)
        if found.error:
            return found
        self._function = found.value
        if self._exercise.engine == "kernel":
            from .kernel_calls import kernel_function

            found = self._run(lambda: kernel_function(found.value))
            self._function = found.value
        elif not callable(self._function):
            return Outcome(error="TypeError", message=f"{self._exercise.name} is {kind_of(self._function)}")
        return found if found.error else None

    def _run(self, do: Callable[[], Any]) -> Outcome:
        """The outcome of one action of the student's code."""
        error: BaseException | None = None
        value = None
        references = (self._exercise.reference,) if self._exercise.forbids else ()
        with _own_surroundings(self._prints), forbidding(self._exercise.forbids, references) as touched:
            try:
                with self._limit as limit:
                    try:
                        value = do()
                    finally:
                        limit.running = False
            except KeyboardInterrupt:  # the reader's, not the function's
                raise
            except BaseException as raised:
                error = raised
        if self._limit.is_over and not isinstance(error, TimeIsUp):  # swallowed on the way out
            error = TimeIsUp()
        if touched and not isinstance(error, TimeIsUp):
            return Outcome(error="Forbidden", message=touched[0])
        return Outcome(value) if error is None else self._of_error(error)

    def _of_error(self, error: BaseException) -> Outcome:
        line = self._line(error)
        message = " ".join(_text(error).split())
        message = message if len(message) <= MESSAGE else message[:MESSAGE] + "…"
        if isinstance(error, TimeIsUp):
            return Outcome(
                error="TookTooLong", message=f"took longer than {self.seconds:g} s: an endless loop?"
            )
        if isinstance(error, NotImplementedError) and (
            isinstance(error, NotWritten) or not message or message.startswith(f"{self._exercise.id}:")
        ):
            return Outcome(error="NotWritten", message=message, line=line)
        names = {Forbidden: "Forbidden", NotSendable: "NotSendable", TooLarge: "TooLarge"}
        return Outcome(error=names.get(type(error), type(error).__name__), message=message, line=line)

    def _line(self, error: BaseException) -> int:
        """The line of the student's own text where it happened; 0 if unknown."""
        own = getattr(self._function, "__globals__", None)
        line, trace = 0, error.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            if code.co_filename == SOURCE:
                line = trace.tb_lineno
            elif own is not None and trace.tb_frame.f_globals is own:
                line = trace.tb_lineno
                self.places[line] = f"line {line} of the cell that defines {code.co_name}"
            trace = trace.tb_next
        return line


# ---- around a call


class _Prints(io.TextIOBase):
    """Keeps the first characters of what is written."""

    def __init__(self):
        self.text = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        room = PRINTED - len(self.text)
        if room > 0:
            self.text += text[:room]
        return len(text)


class _Once(io.TextIOBase):
    """Warnings of every call, each kept once."""

    def __init__(self, prints: _Prints):
        self._prints = prints

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if text not in self._prints.text:
            self._prints.write(text)
        return len(text)


@contextmanager
def _own_surroundings(prints: _Prints):
    """Prints are kept apart; what the function changes of the process's settings is set back."""
    with (
        _bounded_memory(),
        _set_back(),
        _one_thread(),
        redirect_stdout(prints),
        redirect_stderr(_Once(prints)),
    ):
        yield


@contextmanager
def _one_thread():
    """As in grading: exercises are too small for two, which on a busy machine wait for each other."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def _bounded_memory():
    """On Linux, `MEMORY` more than the process has now: a list without end is a MemoryError, not a dead machine."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        bound = pages * resource.getpagesize() + MEMORY
        ends = [b for b in (soft, hard) if b != resource.RLIM_INFINITY]
        resource.setrlimit(resource.RLIMIT_AS, (min([bound, *ends]), hard))
    except (ImportError, OSError, ValueError):
        yield
        return
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@contextmanager
def _set_back():
    limit, handler = sys.getrecursionlimit(), None
    if time_is_limited():
        handler = signal.getsignal(signal.SIGINT)
    try:
        with (
            warnings.catch_warnings(),
            np.errstate(divide="warn", over="warn", under="ignore", invalid="warn"),
        ):
            warnings.simplefilter("default")
            yield
    finally:
        sys.setrecursionlimit(limit)
        if handler is not None and signal.getsignal(signal.SIGINT) is not handler:
            signal.signal(signal.SIGINT, handler)


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return ""
