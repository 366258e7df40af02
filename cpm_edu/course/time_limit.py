"""A time limit on Python code that runs in this process, also on code that swallows every exception.

SIGALRM raises `TimeIsUp` in the main thread. Where the code catches it (`except:` in an endless loop) the exception
notices that it was thrown away, and is raised again at the next line, which is outside that `try`; so it climbs out of
any number of them. Neither one long call of a compiled function can be broken into, nor a recursion without end whose
every level catches what comes of it: there the reader has to restart the kernel.
"""

from __future__ import annotations

import signal
import sys
import threading
import time

__all__ = ["TimeIsUp", "TimeLimit", "time_is_limited"]

REPEAT_S = 0.01


class TimeIsUp(BaseException):
    """Raised in code that took too long."""

    def __init__(self, limit: TimeLimit | None = None):
        super().__init__()
        self._limit = limit

    def __del__(self):
        limit = getattr(self, "_limit", None)
        if limit is not None and limit.running:
            limit.raise_at_next_line(sys._getframe().f_back)


def time_is_limited() -> bool:
    """False on Windows, and outside the main thread: there an endless loop is not stopped."""
    return hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()


class TimeLimit:
    """`with limit: ...` as often as you like, `seconds` in all; the body raises `TimeIsUp` when they are over.

    The body sets `running` to False, in a `finally`, as soon as what is limited has ended; after that nothing is
    raised. Where time is not limited the block just runs.
    """

    def __init__(self, seconds: float):
        self.left = seconds
        self.running = False
        self._is_set = False
        self._rings = 0

    @property
    def is_over(self) -> bool:
        """Whether `TimeIsUp` was raised in the body."""
        return self._rings > 0

    def __enter__(self) -> TimeLimit:
        self._start = time.monotonic()
        self._trace = sys.gettrace()
        self.running = True
        if time_is_limited():
            self._handler = signal.signal(signal.SIGALRM, self._ring)
            self._timer = signal.setitimer(signal.ITIMER_REAL, max(self.left, 1e-3), REPEAT_S)
            self._is_set = True
        return self

    def __exit__(self, *_) -> None:
        self.running = False
        spent = time.monotonic() - self._start
        self.left -= spent
        if self._is_set:
            self._is_set = False
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._handler if self._handler is not None else signal.SIG_DFL)
            if self._timer[0]:  # somebody else's alarm goes on
                signal.setitimer(signal.ITIMER_REAL, max(self._timer[0] - spent, 1e-3), self._timer[1])
        if sys.gettrace() is not self._trace:
            sys.settrace(self._trace)

    def _ring(self, _signal, frame) -> None:
        if not self.running:
            return
        self._rings += 1
        if self._rings % 2:
            raise TimeIsUp(self)
        self.raise_at_next_line(frame)  # an exception that was kept, not thrown away, has not noticed

    def raise_at_next_line(self, frame) -> None:
        """Raise again in this frame or a caller of it, whichever comes to a new line first."""
        while frame is not None and frame.f_code.co_filename != __file__:
            frame.f_trace = self._on_line
            frame = frame.f_back
        sys.settrace(self._on_line)

    def _on_line(self, frame, event, _argument):
        if self.running and event == "line" and frame.f_code.co_filename != __file__:
            raise TimeIsUp(self)
        return self._on_line
