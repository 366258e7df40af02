"""Whose file is whose: a folder of files, a folder per student, or what Moodle and Canvas export.

Names of folders and files follow Moodle's mod/assign/classes/downloader.php and Canvas's lib/content_zipper.rb.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

from .archives import FileIn, list_files, read_file

__all__ = ["GRADED", "Class", "Submission", "find_submissions", "safe_names"]

GRADED = (".ipynb", ".py")
MAX_FILES = 20  # of one student that are looked at
_MOODLE = re.compile(
    r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?P<kind>file|onlinetext)(?:_(?P<rest>.*))?", re.S
)
_CANVAS = re.compile(
    r"(?:(?P<name>.+?)_)??(?:(?P<late>LATE)_)?(?P<id>\d+|anon_[0-9A-Za-z]+)_(?:(?P<file>\d+_.+)|(?P<text>(?:text|link)\.html))",
    re.S,
)
_COPY = re.compile(r"(.+?)(?: ?\(\d+\)| - copy| copy)", re.I)  # a second download of the same file
_NO_ANSWER = re.compile(r"(?:test_.*|conftest|setup)\.py", re.I)


@dataclass(frozen=True)
class Submission:
    """What one student (or group) handed in.

    Args:
        student: the name, unique in the class.
        id: the number by which the learning platform knows the student; "" where no platform was involved.
        files: notebooks and .py files that may hold the answers.
        late: the platform marked it.
        notes: what the instructor should know, complete sentences.
        folder: the name of its folder or file in the export; Moodle takes feedback back under it.
    """

    student: str
    id: str
    files: tuple[FileIn, ...]
    late: bool = False
    notes: tuple[str, ...] = ()
    folder: str = ""

    def digest(self) -> str:
        """Of everything that the grade depends on here, the files' bytes included."""
        digest = hashlib.sha256(repr((self.student, self.id, self.late, self.notes)).encode(errors="replace"))
        for file in self.files:
            try:
                data = hashlib.sha256(read_file(file)).hexdigest()
            except ValueError as error:
                data = str(error)
            digest.update(repr((file.parts, data)).encode(errors="replace"))
        return digest.hexdigest()


@dataclass(frozen=True)
class Class:
    """All submissions, by name, and the entries that belong to nobody."""

    submissions: tuple[Submission, ...]
    left_aside: tuple[str, ...]
    layout: str  # "moodle", "canvas", "folders", "files" or "file"


def find_submissions(place: Path) -> Class:
    """The submissions of a folder, a zip, or a single file.

    Raises:
        ValueError: there is none, or the zip cannot be read.
        FileNotFoundError: no such place.
    """
    if not place.exists():
        raise FileNotFoundError(2, "no such file or folder", str(place))
    if place.suffix.lower() in GRADED and place.is_file():
        file = FileIn((place.name,), place)
        return Class((Submission(place.stem, "", (file,), folder=place.name),), (), "file")
    listing = list_files(place)
    files, folders, left_out = list(listing.files), set(listing.folders), list(listing.left_out)
    while _is_wrapped(files, folders):
        files = [replace(file, parts=file.parts[1:]) for file in files]
        left_out = [(parts[1:], reason) for parts, reason in left_out if len(parts) > 1]
        folders = {file.parts[0] for file in files if len(file.parts) > 1}
    found = _group(files, folders, left_out)
    if not found.submissions:
        raise ValueError(
            f"{place} holds no submission: expected notebooks or .py files, a folder per student, or the zip that "
            "Moodle or Canvas exports"
        )
    return found


def _is_wrapped(files: list[FileIn], folders: set[str]) -> bool:
    """Whether everything lies in one folder that is no student's own."""
    if len(folders) != 1 or any(len(file.parts) == 1 for file in files):
        return False
    (name,) = folders
    inside = {file.parts[1]: len(file.parts) > 2 for file in files}
    if _MOODLE.fullmatch(name) or not inside:
        return False
    if any(_MOODLE.match(entry) or _CANVAS.fullmatch(entry) for entry in inside):
        return True
    return all(inside.values()) and len(inside) > 1


def _group(files: list[FileIn], folders: set[str], left_out: list) -> Class:
    """Entries of the top level to students."""
    entries = folders | {file.parts[0] for file in files} | {parts[0] for parts, _ in left_out if parts}
    top_files = {file.parts[0] for file in files if len(file.parts) == 1}
    answers = [name for name in top_files if _is_answer(name)]
    moodle = any(_MOODLE.match(entry) for entry in entries)
    canvas = not moodle and bool(answers) and all(_CANVAS.fullmatch(name) for name in answers)
    parts_of: dict[tuple[str, str], list[FileIn]] = defaultdict(list)
    about: dict[tuple[str, str], dict] = {}
    whose: dict[str, tuple[str, str]] = {}
    left_aside = []
    for entry in sorted(entries):
        name, id, late = entry, "", False
        if moodle and (match := _MOODLE.fullmatch(entry)):
            name, id = match["name"], match["id"]
        elif canvas and (match := _CANVAS.fullmatch(entry)):
            name, id, late = match["name"] or match["id"], match["id"], bool(match["late"])
        elif entry in top_files or entry not in folders:
            if not _is_answer(entry) and Path(entry).suffix.lower() != ".zip":
                left_aside.append(entry)
                continue
            name = _without_copy(Path(entry).stem, entries)
        whose[entry] = key = (name, id)
        known = about.setdefault(key, {"late": False, "folder": entry})
        known["late"] |= late
    for file in files:
        if file.parts[0] in whose:
            parts_of[whose[file.parts[0]]].append(file)
    names = defaultdict(int)
    for name, _ in about:
        names[name] += 1
    submissions = []
    for (name, id), known in about.items():
        mine = [(parts, reason) for parts, reason in left_out if parts and whose.get(parts[0]) == (name, id)]
        student = f"{name} ({id})" if names[name] > 1 and id else name
        submissions.append(_submission(student, id, parts_of[name, id], mine, **known))
    layout = "moodle" if moodle else "canvas" if canvas else "folders" if folders else "files"
    return Class(_with_unique_names(submissions), tuple(map(_readable, left_aside)), layout)


def _with_unique_names(submissions: list[Submission]) -> tuple[Submission, ...]:
    """By name; names that look the same get a number."""
    count: dict[str, int] = defaultdict(int)
    unique = []
    for submission in sorted(submissions, key=lambda s: (s.student, s.folder)):
        count[submission.student] += 1
        if (nth := count[submission.student]) > 1:
            submission = replace(submission, student=f"{submission.student} [{nth}]")
        unique.append(submission)
    return tuple(sorted(unique, key=lambda s: s.student))


def _submission(
    student: str, id: str, files: list[FileIn], left_out: list, *, late: bool, folder: str
) -> Submission:
    answers = [file for file in files if _is_answer(file.name)]
    notes = [f"{'/'.join(parts)} {reason}." for parts, reason in left_out[:5]]
    if len(answers) > MAX_FILES:
        notes.append(f"{len(answers)} notebooks and .py files; the first {MAX_FILES} were looked at.")
    if not answers:
        others = ", ".join(file.name for file in files[:3])
        notes.append("No notebook or .py file found" + (f"; there is {others}." if others else "."))
    answers.sort(key=lambda file: (len(file.parts), file.parts))
    return Submission(
        _readable(student), id, tuple(answers[:MAX_FILES]), late, tuple(map(_readable, notes)), folder
    )


def _is_answer(name: str) -> bool:
    return name.lower().endswith(GRADED) and not _NO_ANSWER.fullmatch(name)


def _without_copy(stem: str, entries: set[str]) -> str:
    """ "alice (1)" is alice's second download, where alice's first is there too."""
    match = _COPY.fullmatch(stem)
    if match and any(Path(entry).stem == match[1] for entry in entries):
        return match[1]
    return stem


def _readable(text: str) -> str:
    """A name that can be shown, written and compared: composed letters, no control or direction characters."""
    text = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode())
    text = "".join(
        c if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") else " " for c in text
    )
    return " ".join(text.split())[:200] or "(no name)"


def safe_names(students: list[str]) -> dict[str, str]:
    """A file name (without suffix) for every student: letters, digits, dashes; unique, also where case is ignored."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for student in sorted(students):
        plain = unicodedata.normalize("NFKC", student)
        name = re.sub(r"[^\w-]+", "_", plain).strip("_-")[:60] or "student"
        if re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d|index)", name):
            name += "_"
        if name.casefold() in taken or name != re.sub(r"[ ]", "_", student):
            name += "-" + hashlib.sha256(student.encode()).hexdigest()[:6]
        taken.add(name.casefold())
        names[student] = name
    return names
