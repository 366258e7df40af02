"""A class of assignment A1 as it might hand in: right, wrong, hostile, broken; and what everybody must get.

Every submission differs from a right one in one thing. Which one, and so the expected points and mistakes, is known
from the bank, from the first line of the hostile files, or from how the file is made here.
"""

from __future__ import annotations

import ast
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cpm_edu.course.exercises import exercises_of
from cpm_edu.course.release.overlay import assigned
from cpm_edu.course.release.student_edition import student_edition

from .bank_cells import Entry, entries
from .rooms import HOSTILE, hostile

EXERCISES = exercises_of("A1")
TARGET = "ex02"  # the exercise that the hostile submissions answer


@dataclass
class Student:
    """One submission.

    Args:
        points: expected, by exercise.
        mistakes: those of which one is expected, by exercise; none for a pass or a stub.
        look: a part of a reason for which it needs a look; "" if there need not be one.
    """

    kind: str
    points: dict[str, float] = field(default_factory=lambda: {e.id: e.points for e in EXERCISES})
    mistakes: dict[str, set[str]] = field(default_factory=dict)
    look: str = ""

    def fails(self, exercise: str, mistakes: set[str]) -> Student:
        self.points[exercise] = 0
        self.mistakes[exercise] = mistakes
        return self

    def nothing(self, look: str = "nothing to grade") -> Student:
        self.points = dict.fromkeys(self.points, 0)
        self.look = look
        return self


def simple(entry: Entry) -> bool:
    """It defines its function and nothing else, so that it can stand beside any other."""
    defined = [
        node for node in ast.parse(entry.source).body if not isinstance(node, ast.Import | ast.ImportFrom)
    ]
    return len(defined) == 1


RIGHT = {e.id: [entry for entry in entries(e) if entry.kind == "right" and simple(entry)] for e in EXERCISES}
WRONG = [entry for e in EXERCISES for entry in entries(e) if entry.kind == "wrong"]


def right(place: int) -> dict[str, str]:
    """A source for every exercise, in styles that differ from student to student."""
    return {id: found[place % len(found)].source for id, found in RIGHT.items()}


def write_class(folder: Path, count: int) -> dict[str, Student]:
    """Write `count` submissions below a folder, every kind at least once; returns what each must get."""
    builder = _Builder(folder)
    special = [getattr(builder, name) for name in sorted(dir(builder)) if name.startswith("as_")]
    names = sorted(file.stem for file in HOSTILE.glob("*.py"))
    few = count < len(special) + len(names) + 20
    if few:  # one of every kind of attack, not all of them
        names = [name for name in names if name in FEW]
    for make in special:
        builder.add(make.__name__.removeprefix("as_"), make)
    for name in names:
        builder.add(f"hostile_{name}", lambda place, name=name: builder.hostile(place, name))
    left = count - len(builder.students)
    step = max(1, len(WRONG) // max(1, left - left // 5))
    for entry in WRONG[::step][: left - left // 5]:
        builder.add(
            "wrong_" + entry.place.replace(":", "_"), lambda place, entry=entry: builder.wrong(place, entry)
        )
    while len(builder.students) < count:
        builder.add(f"right_{len(builder.students)}", builder.right)
    return builder.students


FEW = {
    "asks_the_library", "bombs_by_fork", "crashes", "endless_loop", "exits", "fills_the_disk", "forges_an_end",
    "hogs_memory", "leaves_a_daemon", "patches_the_worker", "prints_much", "steals_files", "writes_garbage_as_answer",
}  # fmt: skip


class _Builder:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.students: dict[str, Student] = {}
        edition = student_edition(assigned("A1"))
        self.notebook = json.loads(edition.files[edition.notebook])
        self.script = edition.files[edition.script]

    def add(self, kind: str, make: Callable[[int], Student]) -> None:
        place = len(self.students)
        self.name = f"{place:03d} {kind}"
        self.students[self.name] = make(place)

    def path(self, name: str) -> Path:
        """Below the student's own folder."""
        path = self.folder / self.name / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def released(self, sources: dict[str, str]) -> dict:
        """The released notebook with the functions written."""
        notebook = json.loads(json.dumps(self.notebook))
        for exercise in EXERCISES:
            if exercise.id not in sources:
                continue
            for cell in notebook["cells"]:
                if cell["cell_type"] == "code" and f"def {exercise.name}(" in "".join(cell["source"]):
                    cell["source"] = sources[exercise.id]
        return notebook

    def write(self, place: int, sources: dict[str, str]) -> None:
        """As a notebook, a .py file, or a zip of one: in turn."""
        script = "\n\n".join(f"# %% {id}\n{source}" for id, source in sources.items())
        if place % 3 == 0:
            self.path("A1_pixels_to_targets.ipynb").write_text(json.dumps(self.released(sources)))
        elif place % 3 == 1:
            self.path("a1.py").write_text(script)
        else:
            with zipfile.ZipFile(self.path("my work.zip"), "w") as archive:
                archive.writestr("A1/a1.py", script)

    def right(self, place: int) -> Student:
        self.write(place, right(place))
        return Student("right")

    def wrong(self, place: int, entry: Entry) -> Student:
        self.write(place, right(place) | {entry.exercise: entry.source})
        look = "calls the library's answer" if entry.mistake == "delegates" else ""
        return Student(f"wrong {entry}", look=look).fails(entry.exercise, {entry.mistake})

    def hostile(self, place: int, name: str) -> Student:
        source, expected = hostile(name)
        self.write(place, right(place) | {TARGET: source})
        student = Student(f"hostile {name}")
        return student if "pass" in expected else student.fails(TARGET, expected)

    # ---- one of each

    def as_stub(self, place: int) -> Student:
        self.path("A1.ipynb").write_text(json.dumps(self.notebook))
        self.path("a1.py").write_text(self.script)
        return Student("stub").nothing("")

    def as_garbage(self, place: int) -> Student:
        self.path("A1.ipynb").write_bytes(bytes(range(256)) * 400)
        return Student("garbage").nothing()

    def as_half_a_notebook(self, place: int) -> Student:
        self.path("A1.ipynb").write_text(json.dumps(self.released(right(place)))[:-500])
        return Student("half").nothing()

    def as_empty_file(self, place: int) -> Student:
        self.path("a1.py").write_bytes(b"")
        return Student("empty").nothing()

    def as_empty_folder(self, place: int) -> Student:
        (self.folder / self.name).mkdir(parents=True)
        return Student("nothing").nothing()

    def as_other_format(self, place: int) -> Student:
        self.path("A1.docx").write_bytes(b"PK no notebook")
        return Student("docx").nothing()

    def as_large_notebook(self, place: int) -> Student:
        """100 MB of printed output were saved with it."""
        notebook = self.released(right(place))
        notebook["cells"][-1]["outputs"] = [
            {"output_type": "stream", "name": "stdout", "text": "x" * 100_000_000}
        ]
        self.path("A1.ipynb").write_text(json.dumps(notebook))
        return Student("large").nothing()

    def as_deleted_cells(self, place: int) -> Student:
        notebook = self.released(right(place))
        gone = [c for c in notebook["cells"] if "def background_map(" not in "".join(c["source"])]
        assert len(gone) == len(notebook["cells"]) - 1
        notebook["cells"] = gone
        self.path("A1.ipynb").write_text(json.dumps(notebook))
        student = Student("deleted")
        student.points["ex03"] = 0
        return student

    def as_doubled_cells(self, place: int) -> Student:
        """A copy of the stub below the answer costs nothing; of two answers the last counts."""
        notebook = self.released(right(place))
        swapped = next(e for e in WRONG if e.exercise == "ex01" and simple(e))
        stubs = [c for c in self.notebook["cells"] if "def gaussian_map(" in "".join(c["source"])]
        again = [{**stubs[0], "source": swapped.source}, stubs[0]]
        notebook["cells"] += again
        self.path("A1.ipynb").write_text(json.dumps(notebook))
        return Student("doubled").fails("ex01", {swapped.mistake})

    def as_magics(self, place: int) -> Student:
        notebook = self.released(right(place))
        code = next(c for c in notebook["cells"] if c["cell_type"] == "code")
        for source in (
            "!pip install torch\n%matplotlib inline",
            "%%time\nx = 1",
            "this is no Python (",
            "while True: pass",
        ):
            notebook["cells"].insert(0, {**code, "source": source})
        self.path("A1 (Colab).ipynb").write_text(json.dumps(notebook))
        return Student("magics")

    def as_windows(self, place: int) -> Student:
        text = "\r\n\r\n".join(right(place).values()).replace("\n", "\r\n")
        self.path("ä 1.py").write_bytes(b"\xef\xbb\xbf" + text.encode())
        return Student("windows")

    def as_written_beside_the_stub(self, place: int) -> Student:
        self.path("A1.ipynb").write_text(json.dumps(self.notebook))
        self.path("a1.py").write_text("\n\n".join(right(place).values()))
        return Student("beside")

    def as_zip_that_climbs(self, place: int) -> Student:
        with zipfile.ZipFile(self.path("w.zip"), "w") as archive:
            archive.writestr("../../../climbed.py", "x = 1")
            archive.writestr("a1.py", "\n\n".join(right(place).values()))
        return Student("climbs", look="odd paths")

    def as_zip_bomb(self, place: int) -> Student:
        with zipfile.ZipFile(self.path("w.zip"), "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a1.py", b"0" * 200_000_000)
        return Student("bomb").nothing()

    def as_link(self, place: int) -> Student:
        self.path("notes.txt").write_text("see a1.py")
        self.path("a1.py").symlink_to("/etc/passwd")
        return Student("link").nothing()
