"""What a submission may use, and what it did use."""

from __future__ import annotations

from dataclasses import dataclass

from .watchdog import Use

__all__ = ["Limits", "Spent"]

MIB = 1 << 20
SLACK = 8  # processes, among them the sandbox's own
ADDRESSES = 32 << 30  # bytes that may be mapped beyond; a CUDA build of torch maps gigabytes of its libraries


@dataclass(frozen=True)
class Limits:
    """Limits of one submission, over all its processes together.

    What the system itself refuses to a process is set a little lower than what the watchdog ends all for, so that the
    same submission meets the same limit each time.

    Args:
        call_s: processor seconds of one call; None takes the exercise's own `call_s`.
        start_s: processor seconds to run the submission's top-level statements before the first call.
        submission_s: processor seconds of everything together.
        patience: how many times as long may pass on the clock, so that a busy machine fails nobody.
        memory: bytes by engine ("numpy", "torch", "kernel"), shared pages counted once.
        processes: by engine, threads included.
        answer: bytes of what one call returns.
        files: bytes of the folder that can be written to, /tmp.
        inodes: files and folders in it.
    """

    call_s: float | None = None
    start_s: float = 8.0
    submission_s: float = 120.0
    patience: float = 3.0
    memory: tuple[int, int, int] = (1024 * MIB, 2048 * MIB, 3072 * MIB)
    processes: tuple[int, int, int] = (32, 32, 64)
    answer: int = 64_000_000
    files: int = 64 * MIB
    inodes: int = 20_000

    def of_each_process(self, engine: int) -> dict[str, int]:
        """For `resource.setrlimit`, by name: a process alone may not pass what all together may not."""
        memory = self.memory[engine]
        # a core of one byte is none, while a limit of 0 would still call a handler of crashes outside
        return {
            "RLIMIT_DATA": memory, "RLIMIT_AS": memory + ADDRESSES, "RLIMIT_CORE": 1, "RLIMIT_FSIZE": self.files,
            "RLIMIT_NOFILE": 128, "RLIMIT_MSGQUEUE": 0, "RLIMIT_SIGPENDING": 256, "RLIMIT_MEMLOCK": 1 * MIB,
            "RLIMIT_CPU": int(self.submission_s) + 1,
        }  # fmt: skip

    def together(self, engine: int, already_s: float) -> Use:
        """What the watchdog allows, `already_s` processor seconds having gone before."""
        seconds, memory = max(self.submission_s - already_s, 0.1), self.memory[engine]
        return Use(seconds, memory + memory // 4, self.processes[engine] + SLACK, self.inodes)


@dataclass
class Spent:
    """What a room used up to now: processor seconds, most bytes at once, and why its processes were last ended."""

    seconds: float = 0.0
    peak_bytes: int = 0
    why: str = ""
