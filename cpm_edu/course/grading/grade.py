"""Grade one submission: find its functions, call them in the sandbox, judge out here."""

from __future__ import annotations

import builtins
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..exercise import Exercise, Verdict
from ..judge import PUBLIC_SEED, judge
from ..map_picture import map_pixels, png_base64
from ..student_files import Extracted, StudentFile, read_student_bytes
from .archives import read_file
from .records import Graded, Record
from .sandbox import RoomFailed
from .submissions import Submission

__all__ = ["grade_submission"]

MAX_MESSAGE = 1_000  # characters
MAX_TEXT = 20_000
MAX_PICTURE = 64  # cells a side
PICTURE_SCALE = 6
LOOKS = {  # mistakes that say more about the submission than about the answer
    "delegates": "calls the library's answer",
    "ended": "ended its process",
    "too-slow": "ran out of time",
    "too-large": "returned far too much",
}


@dataclass(frozen=True)
class _Opened:
    """A file of a submission that can be read."""

    name: str
    digest: str
    file: StudentFile


def grade_submission(
    submission: Submission, exercises: Sequence[Exercise], isolation, *, slot: int, seed: int, key: str
) -> Record:
    """The record of a submission; whatever is in it, every exercise gets a verdict.

    Args:
        isolation: of `sandbox.find_isolation`, or `not_isolated`.
        slot: which of the rooms that run at the same time.
        seed: of the hidden cases.
        key: of the record.

    Raises:
        RoomFailed: the sandbox could not be started; the submission is not graded then.
    """
    opened, notes, looks = _open(submission, exercises)
    about = {
        "key": key,
        "student": submission.student,
        "id": submission.id,
        "isolated": bool(isolation.isolated),
        "late": submission.late,
    }
    if submission.late:
        looks.append("late")
    if opened is None:
        looks.append("nothing to grade")
        message = "no file that could be read"
        graded = tuple(Graded(e.id, "todo", message=f"{e.id} {e.name}: {message}.") for e in exercises)
        return Record(
            **about, file="", digest="", notes=tuple(notes), looks=tuple(looks), graded=graded, texts={}
        )
    with isolation.room(slot) as room:
        graded = tuple(_grade(exercise, opened.file, room, seed) for exercise in exercises)
    looks += [LOOKS[each.mistake] for each in graded if each.mistake in LOOKS]
    looks += ["could not be judged" for each in graded if each.mistake == "not-judged"]
    texts = {id: text[:MAX_TEXT] for id, text in opened.file.texts().items()}
    return Record(
        **about,
        file=opened.name,
        digest=opened.digest,
        notes=tuple(notes),
        looks=tuple(dict.fromkeys(looks)),
        graded=graded,
        texts=texts,
    )


def _open(
    submission: Submission, exercises: Sequence[Exercise]
) -> tuple[_Opened | None, list[str], list[str]]:
    """The file in which most is written, and what to say about the others."""
    notes, looks, candidates = list(submission.notes), [], []
    if any("leaves its zip" in note or "is a link" in note for note in notes):
        looks.append("odd paths in what was handed in")
    for place in submission.files:
        name = "/".join(place.parts[1:]) or place.name
        try:
            data = read_file(place)
            file = _read(data, name)
        except ValueError as error:
            notes.append(_sentence(name, error))
            continue
        written, found = _written(file, exercises)
        candidates.append(
            (
                (-written, -found, place.suffix != ".ipynb", place.parts),
                _Opened(name, hashlib.sha256(data).hexdigest()[:12], file),
            )
        )
    if not candidates:
        return None, notes, looks
    candidates.sort(key=lambda candidate: candidate[0])
    rank, chosen = candidates[0]
    if len(candidates) > 1:
        others = ", ".join(opened.name for _, opened in candidates[1:4])
        notes.append(
            f"Of {len(candidates)} files {chosen.name} was graded, the one with most answers (not: {others})."
        )
        if candidates[1][0][0] == rank[0] < 0:
            looks.append("several files with answers")
    notes += chosen.file.notes
    notes += [note[:1].upper() + note[1:] for note in chosen.file.skipped]
    if not (rank[0] or rank[1]):
        notes.append("It holds no function and no answer of this assignment.")
    return chosen, notes, looks


def _read(data: bytes, name: str) -> StudentFile:
    try:
        return read_student_bytes(data, name)
    except (RecursionError, MemoryError) as error:
        raise ValueError("is nested too deeply to be read") from error


def _sentence(name: str, error: ValueError) -> str:
    text = " ".join(str(error).split())[:MAX_MESSAGE].rstrip(".")
    return f"{text}." if text.startswith(name) else f"{name} {text}."


def _written(file: StudentFile, exercises: Sequence[Exercise]) -> tuple[int, int]:
    """How many answers a file holds that are no stubs, and how many functions at all; to choose among files."""
    found = [extracted for extracted in (_extract(file, e)[0] for e in exercises) if extracted is not None]
    answers = sum(bool(text.strip()) for text in file.texts().values())
    return sum(not extracted.stub for extracted in found) + answers, len(found)


def _extract(file: StudentFile, exercise: Exercise) -> tuple[Extracted | None, str]:
    """What of the file a function needs, or why there is nothing."""
    try:
        return file.source_of(exercise.name), ""
    except (LookupError, ValueError) as error:
        return None, str(error)
    except (RecursionError, MemoryError):
        return None, "the file is nested too deeply to be read."


def _grade(exercise: Exercise, file: StudentFile, room, seed: int) -> Graded:
    extracted, missing = _extract(file, exercise)
    if extracted is None:
        return Graded(exercise.id, "todo", message=f"{exercise.id} {exercise.name}: {missing}")
    said = {*file.notes, *file.skipped}  # once, above the exercises
    notes = tuple(note for note in extracted.notes if note not in said)
    try:
        verdict = judge(
            exercise, room.student(exercise, extracted.source), (PUBLIC_SEED, seed), extracted.where
        )
    except (RoomFailed, OSError):
        raise
    except Exception as error:  # what the student returned breaks the judge: wrong, and a person should know
        message = (
            f"{exercise.id} {exercise.name}: what your function returns cannot be compared with the answer."
        )
        why = {"judge": f"{type(error).__name__}: {error}"[:MAX_MESSAGE]}
        return Graded(exercise.id, "fix", "not-judged", message, why, public=False, notes=notes)
    return Graded(
        exercise.id,
        verdict.status,
        verdict.mistake,
        _message(verdict)[:MAX_MESSAGE],
        {name: text[:MAX_MESSAGE] for name, text in (verdict.example or {}).items()},
        verdict.public,
        _picture(verdict) if verdict.public else "",
        notes,
    )


def _message(verdict: Verdict) -> str:
    """To the student. A function that raises its arguments as text would carry hidden inputs out: not told."""
    if verdict.public:
        return verdict.message
    if verdict.mistake != "raises":
        return verdict.message.replace("; below is the first that is not.", ".")
    name = (verdict.example or {}).get("yours", "").partition(":")[0]
    error = name if isinstance(getattr(builtins, name, None), type) else "an error"
    start = verdict.message.partition(":")[0]
    return f"{start}: raises {error} in one of the hidden cases."


def _picture(verdict: Verdict) -> str:
    """Both maps side by side in one scale, yours left, as base64 of a PNG; "" where there are none."""
    if verdict.arrays is None or max(verdict.arrays[0].shape) > MAX_PICTURE:
        return ""
    yours, expected = (np.asarray(array, dtype=np.float64) for array in verdict.arrays)
    low, high = float(min(yours.min(), expected.min())), float(max(yours.max(), expected.max()))
    if not np.isfinite([low, high]).all():
        return ""
    gap = np.full((len(yours), 1, 3), 255, np.uint8)
    both = [map_pixels(yours, low, high), gap, map_pixels(expected, low, high)]
    return png_base64(np.hstack(both), PICTURE_SCALE)
