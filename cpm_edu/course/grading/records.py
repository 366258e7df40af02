"""What one submission got, kept as a file: a grader that was killed goes on where it was.

A record counts only for the very submission, exercises, library and seed that it was made from: its key is a digest of
all of them. It is written beside and renamed, so there is never half of one.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, fields
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = [
    "Graded",
    "Record",
    "digest_of_code",
    "file_of",
    "key_of",
    "read_record",
    "remove_parts",
    "write_record",
]

_PACKAGE = Path(__file__).parents[2]


@dataclass(frozen=True)
class Graded:
    """One exercise of one submission.

    Args:
        status: "pass", "fix" or "todo".
        mistake, message: see `Verdict`.
        example: lines "input", "yours" and "expected"; {} if there is none.
        public: every student has the case of the example; only then it goes into the feedback.
        picture: "yours" and "expected" side by side as base64 of a PNG; "" if there is none.
        notes: on how the function was found in the file.
    """

    exercise: str
    status: str
    mistake: str = ""
    message: str = ""
    example: dict[str, str] | None = None
    public: bool = True
    picture: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Record:
    """One submission.

    Args:
        key: see `key_of`.
        file: that was graded, as the student named it; "" if there was none.
        digest: the first letters of the SHA-256 of its bytes.
        isolated: it ran in a sandbox.
        notes: for instructor and student, complete sentences.
        looks: why a person should look at it, a few words each; for the instructor only.
        graded: one an exercise.
        texts: answers to the questions, by id.
    """

    key: str
    student: str
    id: str
    file: str
    digest: str
    isolated: bool
    late: bool
    notes: tuple[str, ...]
    looks: tuple[str, ...]
    graded: tuple[Graded, ...]
    texts: dict[str, str]


def key_of(*parts: object) -> str:
    """A digest of the parts' texts."""
    return hashlib.sha256("\n".join(map(repr, parts)).encode(errors="replace")).hexdigest()


@cache
def digest_of_code(overlay: Path | None = None) -> str:
    """Of this package's source, the overlay's, and the versions of what it computes with."""
    digest = hashlib.sha256()
    for folder in (_PACKAGE, *([overlay] if overlay else [])):
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
            digest.update(path.read_bytes())
    for name in ("numpy", "torch"):
        try:
            digest.update(version(name).encode())
        except PackageNotFoundError:  # from source
            digest.update(b"?")
    return digest.hexdigest()


def file_of(folder: Path, student: str) -> Path:
    """Where the record of a student is kept."""
    return folder / f"{hashlib.sha256(student.encode(errors='replace')).hexdigest()[:24]}.json"


def write_record(folder: Path, record: Record) -> None:
    """Keep a record; the old one stays whole until the new one is."""
    path = file_of(folder, record.student)
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        text = json.dumps(asdict(record), ensure_ascii=True, indent=1)
        with open(part, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def read_record(folder: Path, student: str) -> Record | None:
    """The record of a student; None where there is none that can be read."""
    try:
        kept = json.loads(file_of(folder, student).read_text(encoding="utf-8"))
        record = Record(
            **kept
            | {
                "notes": tuple(kept["notes"]),
                "looks": tuple(kept["looks"]),
                "graded": tuple(Graded(**each | {"notes": tuple(each["notes"])}) for each in kept["graded"]),
            }
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return record if record.student == student and _is_whole(record) else None


def _is_whole(record: Record) -> bool:
    texts = all(
        isinstance(getattr(record, field.name), str) for field in fields(record) if field.type == "str"
    )
    return texts and all(graded.status in ("pass", "fix", "todo") for graded in record.graded)


def remove_parts(folder: Path) -> None:
    """Halves that a killed grader left."""
    for part in folder.glob("*.part"):
        part.unlink(missing_ok=True)
