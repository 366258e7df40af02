"""What an assignment consists of: the course's master or one of an instructor's own, and the exercises it sets.

A private folder, the overlay, may hold `A1_words.py` (in the place of the course's A1), `A1_words__red.py` and
`A1_words__blue.py` (the seed picks one for the class), and `exercises/*.py` (see own_exercises.py). A file of
exercises whose name ends in `__red` counts only where the variant red was picked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...bundle import bundled_folder
from ..exercise import Exercise
from ..exercises import ASSIGNMENTS
from ..own_exercises import exercises_of_text, exercises_with, read_exercises
from .markers import without_hidden
from .master import Master, Question, read_master
from .percent import MasterError

__all__ = ["Assigned", "assigned", "assignments", "check_seed", "masters_folder", "own_files"]


@dataclass(frozen=True)
class Assigned:
    """What students of one assignment are asked.

    Args:
        name: "A1".
        title: a few words.
        exercises: those that its master sets, in its order, with what is hidden.
        questions: for people to grade; () where the master is not there.
        master: None in an installation without the clone and without an overlay.
        known: all exercises that there are, an instructor's own ones included.
        expected: those that the master must set.
        own: which of `known` are an instructor's.
    """

    name: str
    title: str
    exercises: tuple[Exercise, ...]
    questions: tuple[Question, ...]
    master: Master | None
    known: tuple[Exercise, ...]
    expected: tuple[Exercise, ...]
    own: tuple[Exercise, ...]

    @property
    def variant(self) -> str:
        """Which of several masters was picked; "" where there is one."""
        return self.master.variant if self.master else ""

    @property
    def core(self) -> tuple[Exercise | Question, ...]:
        """Exercises without a star, and questions: what minutes and points are summed over."""
        return (*(exercise for exercise in self.exercises if not exercise.starred), *self.questions)

    @property
    def points(self) -> int:
        """Of the core; a star is worth points on top."""
        return sum(part.points for part in self.core)

    @property
    def minutes(self) -> int:
        """Of the core."""
        return sum(part.minutes for part in self.core)


def masters_folder() -> Path | None:
    """notebooks/assignments of the clone; None where the package was installed from a wheel."""
    try:
        folder = bundled_folder("notebooks") / "assignments"
    except FileNotFoundError:
        return None
    return folder if folder.is_dir() else None


def assignments(overlay: Path | None = None) -> list[str]:
    """Names of all assignments, those of an overlay included, in order."""
    own = {path.name.partition("_")[0] for path in _masters(overlay)}
    return sorted({*ASSIGNMENTS, *own}, key=lambda name: int(name[1:]))


def assigned(name: str, overlay: Path | None = None, seed: int | None = None) -> Assigned:
    """What the students of an assignment are asked.

    Args:
        name: "A1".
        overlay: an instructor's private folder.
        seed: of the class; picks among variants, and is needed only then.

    Raises:
        ValueError: no such assignment or folder, a file that is wrong (`MasterError`), variants but no seed.
    """
    if overlay is not None and not Path(overlay).is_dir():
        raise ValueError(f"{overlay}: there is no such folder")
    if name not in assignments(overlay):
        raise ValueError(f"no assignment {name!r}; there are {', '.join(assignments(overlay))}")
    if seed is not None:
        check_seed(seed)
    own = _own_exercises(own_files(overlay, seed))
    known = exercises_with(own)
    here = tuple(exercise for exercise in known if exercise.assignment == name)
    path, private = _chosen(name, overlay, seed)
    if path is None:
        return Assigned(name, ASSIGNMENTS.get(name, name), here, (), None, known, here, own)
    master = read_master(path)
    expected = tuple(exercise for exercise in here if exercise in own) if private else here
    return Assigned(
        name,
        ASSIGNMENTS.get(name, master.title.removeprefix(f"{name} · ")),
        master.exercises(known),
        master.questions(known),
        master,
        known,
        expected,
        own,
    )


def _own_exercises(files: Sequence[Path]) -> tuple[Exercise, ...]:
    """Those of an overlay; the public cases of each are those of the file as students get it."""
    public = {}
    for path in files:
        text, problems = without_hidden(path.read_text(encoding="utf-8"), str(path))
        if problems:
            raise MasterError(problems)
        public |= {exercise.id: exercise.cases for exercise in exercises_of_text(text, path)}
    return tuple(replace(e, public_cases=public.get(e.id)) for e in read_exercises(files))


def check_seed(seed: int) -> None:
    """Refuse what is no seed of a class.

    Raises:
        ValueError: not a whole number from 1 on; 0 draws the cases that every student has.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 1:
        raise ValueError(
            f"the seed of a class is a whole number from 1 on, not {seed!r} (0 draws the public cases)"
        )


def own_files(overlay: Path | None, seed: int | None) -> list[Path]:
    """The files of exercises that count: all without `__`, and those of the variants that the seed picks."""
    if overlay is None:
        return []
    files = sorted(Path(overlay, "exercises").glob("*.py"))
    if not any("__" in path.stem for path in files):
        return files
    picked = {
        chosen.stem.partition("__")[2]
        for name in {path.name.partition("_")[0] for path in _masters(overlay)}
        if (chosen := _chosen(name, overlay, seed)[0]) is not None
    } - {""}
    return [path for path in files if "__" not in path.stem or path.stem.partition("__")[2] in picked]


def _masters(overlay: Path | None) -> list[Path]:
    return sorted(Path(overlay).glob("A[0-9]*_*.py")) if overlay is not None else []


def _chosen(name: str, overlay: Path | None, seed: int | None) -> tuple[Path | None, bool]:
    """The master of an assignment, and whether it is the overlay's."""
    own = [path for path in _masters(overlay) if path.name.partition("_")[0] == name]
    if own:
        return _pick(own, name, seed), True
    folder = masters_folder()
    found = sorted(folder.glob(f"{name}_*.py")) if folder else []
    if len(found) > 1:
        raise MasterError([f"{found[1]}: a second master of {name}, beside {found[0].name}"])
    return (found[0] if found else None), False


def _pick(variants: Sequence[Path], name: str, seed: int | None) -> Path:
    """The same seed and names always give the same one."""
    if len(variants) == 1:
        return variants[0]
    if seed is None:
        names = ", ".join(path.name for path in variants)
        raise ValueError(f"{name} has {len(variants)} variants ({names}); --seed picks one")
    digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
    return variants[int.from_bytes(digest[:8], "big") % len(variants)]
