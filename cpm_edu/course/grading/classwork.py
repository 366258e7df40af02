"""Grade a class: several submissions at the same time, and none twice."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from .orphans import end_orphans
from .records import Graded, Record, digest_of_code, key_of, read_record, remove_parts, write_record
from .submissions import Submission

__all__ = ["Work", "grade_class"]


@dataclass(frozen=True)
class Work:
    """What is the same for a whole class.

    Args:
        assignment: "A1".
        seed: of the hidden cases, from 1 on.
        records: the folder in which finished submissions are kept.
        overlay: an instructor's private folder.
        isolated: run in the sandbox; False only where the instructor typed --not-isolated.
        hide: folders that no submission may see, wherever they lie.
    """

    assignment: str
    seed: int
    records: Path
    overlay: Path | None = None
    isolated: bool = True
    hide: tuple[Path, ...] = ()

    def key(self, submission: Submission) -> str:
        """Of the record that this submission must get."""
        return key_of(
            submission.digest(), self.assignment, self.seed, self.isolated, digest_of_code(self.overlay)
        )


def grade_class(
    work: Work,
    submissions: Sequence[Submission],
    *,
    jobs: int,
    again: Iterable[str] = (),
    done: Callable[[Record], None] = lambda record: None,
) -> list[Record]:
    """A record for every submission, in order; what was graded before and is unchanged is taken from its file.

    Args:
        jobs: how many submissions run at the same time, each in a process of its own.
        again: students whose record does not count.
        done: called after each.

    Raises:
        RoomFailed: the sandbox could not be started; what was finished is kept.
    """
    work.records.mkdir(parents=True, exist_ok=True)
    remove_parts(work.records)
    end_orphans()
    again = set(again)
    keys = {submission.student: work.key(submission) for submission in submissions}
    records: dict[str, Record] = {}
    waiting = []
    for submission in submissions:
        kept = None if submission.student in again else read_record(work.records, submission.student)
        if kept is not None and kept.key == keys[submission.student]:
            records[submission.student] = kept
            done(kept)
        else:
            waiting.append(submission)
    for record in _in_processes(work, waiting, keys, jobs):
        records[record.student] = record
        done(record)
    return [records[submission.student] for submission in submissions]


def _in_processes(
    work: Work, waiting: Sequence[Submission], keys: dict[str, str], jobs: int
) -> Iterator[Record]:
    """Records as they come. A submission that ends the process of its grader twice gets a record that says so."""
    finished = set()
    try:
        for record in _pool(work, waiting, keys, jobs):
            finished.add(record.student)
            yield record
        return
    except BrokenProcessPool:
        left = [submission for submission in waiting if submission.student not in finished]
    for submission in left:  # one at a time: whoever it was cannot touch the others
        try:
            yield from _pool(work, [submission], keys, 1)
        except BrokenProcessPool:
            record = _failed(work, submission, keys[submission.student])
            write_record(work.records, record)
            yield record


def _pool(work: Work, waiting: Sequence[Submission], keys: dict[str, str], jobs: int) -> Iterator[Record]:
    if not waiting:
        return
    context = multiprocessing.get_context("spawn")
    slots = context.SimpleQueue()
    jobs = max(1, min(jobs, len(waiting)))
    for slot in range(jobs):
        slots.put(slot)
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(
        jobs, mp_context=context, initializer=_start, initargs=(work, slots, os.getpid())
    )
    try:
        futures = [pool.submit(_grade_one, submission, keys[submission.student]) for submission in waiting]
        for future in as_completed(futures):
            yield future.result()
    except BaseException:  # also Ctrl-C: a student's endless loop is not waited for
        for process in set(multiprocessing.active_children()) - before:
            process.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _failed(work: Work, submission: Submission, key: str) -> Record:
    from ..release.overlay import assigned

    exercises = assigned(work.assignment, work.overlay, work.seed).exercises
    note = "Reading or judging this submission ended the grader's own process, twice; it was not graded."
    return Record(
        key=key,
        student=submission.student,
        id=submission.id,
        file="",
        digest="",
        isolated=work.isolated,
        late=submission.late,
        notes=(*submission.notes, note),
        looks=("could not be graded",),
        graded=tuple(Graded(e.id, "todo", message=f"{e.id} {e.name}: not graded.") for e in exercises),
        texts={},
    )


# ---- in the worker processes


_here: dict = {}


def _start(work: Work, slots, parent: int) -> None:
    """Prepare a worker: it dies with the grader, uses one core, and has a room of its own."""
    _die_with(parent)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the grader stops its workers itself
    import torch

    from ..release.overlay import assigned
    from .sandbox import find_isolation, not_isolated

    torch.set_num_threads(1)
    _here["work"], _here["slot"] = work, slots.get()
    _here["exercises"] = assigned(work.assignment, work.overlay, work.seed).exercises
    _here["isolation"] = find_isolation(hide=work.hide) if work.isolated else not_isolated()


def _grade_one(submission: Submission, key: str) -> Record:
    from .grade import grade_submission

    work = _here["work"]
    record = grade_submission(
        submission, _here["exercises"], _here["isolation"], slot=_here["slot"], seed=work.seed, key=key
    )
    write_record(work.records, record)
    return record


def _die_with(parent: int) -> None:
    """The kernel kills this process when the one that started it ends; only Linux can."""
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(1)
