"""A room: where the code of one submission runs, one exercise after the other."""

from __future__ import annotations

import json
import queue
import secrets
import signal
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ..exercise import Call, Exercise, Outcome
from . import wire
from .environment import SOLVERS
from .limits import Limits, Spent
from .watchdog import TOO_LONG, Watchdog
from .worker import HEAD

__all__ = ["ENGINES", "Room", "RoomFailed"]

ENGINES = ("numpy", "torch", "kernel")
STARTS_S = 120.0  # on the clock, for a machine under load
OVERHEAD = 64 << 10  # bytes of an answer beside its numbers


class RoomFailed(RuntimeError):
    """The room itself did not start; no fault of the submission."""


class Room:
    """The processes of one submission; use it in a `with`, in the thread that made it.

    Args:
        start: (engine) -> `Started`.
        limits: of all processes together.
    """

    def __init__(self, start: Callable[[str, Limits], Any], limits: Limits):
        self._start, self.limits, self.spent = start, limits, Spent()
        self._process: _Process | None = None

    def __enter__(self) -> Room:
        return self

    def __exit__(self, *_):
        self.close(self._process)
        self._process = None

    def student(self, exercise: Exercise, source: str) -> Call:
        """A call of the submission's function; its text runs at the first.

        A call never raises for what the submission does: after its death each one answers with the same outcome.

        Raises (a call):
            RoomFailed: the room did not start.
            wire.NotSendable: an argument is of a kind that cannot be sent.
        """
        return _Student(self, exercise, source)

    def process(self, engine: str) -> _Process:
        """A living process of this engine; one of another engine ends."""
        process = self._process
        if process is None or process.engine != engine or process.over is not None:
            self.close(process)
            self._process = self.new_process(engine)
        return self._process

    def new_process(self, engine: str) -> _Process:
        return _Process(self._start(engine, self.limits), engine, self.limits, self.spent.seconds)

    def close(self, process: _Process | None):
        """End one process, and note what it used."""
        if process is None or process.closed:
            return
        process.close()
        self.spent.seconds += process.seconds
        self.spent.peak_bytes = max(self.spent.peak_bytes, process.watchdog.peak_bytes)
        if process.over is not None:
            self.spent.why = process.over.message


class _Student:
    """Calls of one exercise's function."""

    def __init__(self, room: Room, exercise: Exercise, source: str):
        self._room, self._exercise, self._source = room, exercise, source
        self._process: _Process | None = None
        self._over: Outcome | None = None  # no further call can change it

    def __call__(self, *arguments: Any) -> Outcome:
        if self._over is not None:
            return self._over
        body = wire.encode(list(arguments))
        if self._room.spent.seconds >= self._room.limits.submission_s:
            self._over = Outcome(error="TookTooLong", message=TOO_LONG)
            return self._over
        outcome = Outcome()
        if self._process is None or self._process.serves is not self:
            outcome = self._begin()
            if outcome.error:
                self._over = outcome
        if self._over is None:
            seconds = self._room.limits.call_s or self._exercise.call_s
            says = f"a call took longer than {seconds:g} s: an endless loop?"
            outcome = self._process.ask(b"C", body, seconds, says)
        if self._process is not None and self._process.over is not None:
            self._over = outcome
            self._room.close(self._process)
        return outcome

    def _begin(self) -> Outcome:
        engine = self._exercise.engine
        if engine != "kernel":
            self._process = self._room.process(engine)
            return self._run(self._process, "function", self._source)
        # The text is taken where the submission's Python runs, the kernel runs where it never did.
        apart = self._room.new_process("numpy")
        try:
            text = self._run(apart, "text", self._source)
        finally:
            self._room.close(apart)
        if text.error == "NotSendable" or (not text.error and not isinstance(text.value, str)):
            kind = text.message if text.error else f"of type {type(text.value).__name__}"
            message = f"{self._exercise.name} is {kind}, asked for the text of a kernel"
            return Outcome(error="TypeError", message=message)
        if text.error:
            return text
        self._process = self._room.process(engine)
        return self._run(self._process, "kernel", text.value)

    def _run(self, process: _Process, kind: str, source: str) -> Outcome:
        exercise, seconds = self._exercise, self._room.limits.start_s
        packages = {*SOLVERS, *(name.partition(".")[0] for name in exercise.forbids)} - {"numpy", "torch"}
        begun = {
            "id": exercise.id, "name": exercise.name, "kind": kind, "source": source, "engine": process.engine,
            "packages": sorted(packages), "forbids": list(exercise.forbids),
        }  # fmt: skip
        says = f"the lines outside of {exercise.name} took longer than {seconds:g} s"
        return process.begin(self, wire.encode(begun), seconds, says)


class _Process:
    """One worker, and the two ends of the pipes to it."""

    def __init__(self, started: Any, engine: str, limits: Limits, already_s: float):
        self.engine, self._started, self._limits = engine, started, limits
        self.over: Outcome | None = None
        self.serves: object | None = None
        self.closed = False
        self._answers: queue.SimpleQueue = queue.SimpleQueue()
        self._asked = threading.Semaphore(0)  # an answer is read for each question; a flood stays in the pipe
        self._number = b""
        self._reader = threading.Thread(target=self._read, name="answers of a room", daemon=True)
        self._reader.start()
        self.watchdog: Watchdog | None = None
        self._greet(engine)
        self._began_s = started.measure(0).seconds  # Python and its imports are not the submission's time
        most = limits.together(ENGINES.index(engine), already_s - self._began_s)
        self.watchdog = Watchdog(lambda: started.measure(most.bytes), most, limits.patience, self._end)
        self.watchdog.start()

    @property
    def seconds(self) -> float:
        """Of a processor, used by the submission."""
        return max(self.watchdog.last.seconds - self._began_s, 0.0)

    def _greet(self, engine: str):
        self._number = secrets.token_bytes(8)
        setting = {**self._started.setting, "engine": engine, "answer": self._limits.answer + OVERHEAD}
        body = json.dumps(setting).encode()
        with suppress(OSError):
            self._send(b"I", body)
        try:
            kind, _ = self._answers.get(timeout=STARTS_S)
        except queue.Empty:
            kind = b""
        if kind != b"H":
            complaint = self._started.complaint()
            self.close()
            raise RoomFailed(f"Python did not start in the room: {complaint}")

    def begin(self, who: object, body: bytes, seconds: float, says: str) -> Outcome:
        """The next exercise: run its text."""
        if self.serves is not None:
            self.ask(b"E", b"", self._limits.start_s, "its processes did not end")
        self.serves = who
        return self.ask(b"S", body, seconds, says)

    def ask(self, kind: bytes, body: bytes, seconds: float, says: str) -> Outcome:
        """The outcome of one question; `over` is set if it was the last."""
        if self.over is not None:
            return self.over
        self._number = secrets.token_bytes(8)  # an answer written beforehand does not carry it
        self.watchdog.allow(seconds, says)
        with suppress(OSError):
            self._send(kind, body)
        answer, found = self._answers.get()
        self.watchdog.wait()
        if answer == b"Z" and kind == b"E":
            return Outcome()
        if answer == b"R" and kind != b"E":
            outcome = _outcome(found)
            if outcome is not None:
                return outcome
        if self.over is None:
            self._end("Ended", _last_words(answer, found))
        return self.over

    def _send(self, kind: bytes, body: bytes):
        self._asked.release()
        pipe = self._started.popen.stdin
        pipe.write(HEAD.pack(self._number, kind, len(body)) + body)
        pipe.flush()

    def _read(self):
        """Answers into the queue, until the other side is gone or writes what no worker writes."""
        pipe = self._started.popen.stdout
        most = self._limits.answer + 4 * OVERHEAD
        last = b""
        with suppress(OSError, ValueError):
            while self._asked.acquire() and len(head := pipe.read(HEAD.size)) == HEAD.size:
                number, kind, size = HEAD.unpack(head)
                if size > most or kind not in (b"H", b"R", b"Z") or (kind != b"Z" and number != self._number):
                    last = b"?"
                    break
                body = pipe.read(size)
                if len(body) < size:
                    break
                self._answers.put((kind, body))
        self._answers.put((last, b""))

    def _end(self, error: str, why: str):
        """End all processes; the first reason counts."""
        if self.over is None:
            self.over = Outcome(error=error, message=why)
        self._started.kill()
        self._answers.put((b"", b""))

    def close(self):
        """End all its processes and wait until nothing is left."""
        self.closed = True
        if self.watchdog is not None:
            self.watchdog.stop()
            self.watchdog.join()
        self._started.kill()
        self._asked.release()
        self._started.close()
        self._reader.join(timeout=5)


def _outcome(body: bytes) -> Outcome | None:
    """What a worker says came of a call; None if no worker wrote this."""
    try:
        size = struct.unpack_from("<I", body)[0]
        found = wire.decode(memoryview(body)[4 : 4 + size])
        error, message, line = found["error"], found["message"], found["line"]
        changed = tuple(found.get("changed", ()))
        value = wire.decode(memoryview(body)[4 + size :])
    except (wire.Garbled, struct.error, KeyError, TypeError, AttributeError):
        return None
    if not (isinstance(error, str) and isinstance(message, str) and type(line) is int):
        return None
    if not all(type(k) is int and 0 <= k < 100 for k in changed) or (error and not error.isidentifier()):
        return None
    return Outcome(None if error else value, error[:100], message[:2000], max(line, 0), changed)


def _last_words(answer: bytes, body: bytes) -> str:
    """How the process of an exercise ended: of its wait status, where there is one."""
    if answer == b"":
        return "it was killed"
    if answer != b"Z" or len(body) != 4:
        return "its answer is unreadable"
    status = struct.unpack("<i", body)[0]
    if status & 0x7F:
        with suppress(ValueError):
            return f"it was ended by {signal.Signals(status & 0x7F).name}"
    return f"exit code {status >> 8 & 0xFF}"
