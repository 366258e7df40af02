"""Where a reader's answers are kept: one small JSON file a question, on this machine only.

One file each, replaced as a whole: two notebooks at once cannot overwrite each other's answers, and a damaged file
costs one answer. What cannot be read or written becomes a sentence for the reader; it never stops a notebook.
"""

from __future__ import annotations

import json
import math
import os
import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jupyter_core.paths import jupyter_data_dir

__all__ = ["Answer", "answers_folder", "keep", "read_answer", "write_answer"]


@dataclass(frozen=True)
class Answer:
    """What was said, a number or one of the choices, and when: "2026-03-14 15:09", local time."""

    said: str | float
    when: str


def answers_folder() -> Path:
    """CPM_EDU_ANSWERS, else cpm_edu/answers in the user's Jupyter data folder (it need not exist)."""
    given = os.environ.get("CPM_EDU_ANSWERS")
    return Path(given).expanduser() if given else Path(jupyter_data_dir()) / "cpm_edu" / "answers"


def read_answer(name: str) -> tuple[Answer | None, str]:
    """The answer kept under a name such as "argmax-pixel.predict", if any, and what to tell the reader."""
    path = answers_folder() / f"{name}.json"
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        said, when = kept["said"], kept["when"]
        if isinstance(said, bool) or not isinstance(said, str | int | float) or not isinstance(when, str):
            raise TypeError(f"{kept} is no answer")
        if not isinstance(said, str) and not math.isfinite(said):
            raise ValueError(f"{said} is no number to compare with")
        return Answer(said, when), ""
    except FileNotFoundError:
        return None, ""
    except NotADirectoryError:
        return None, ""  # writing will say so
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return None, f"An earlier answer could not be read from {path}; answering again replaces it."


def write_answer(name: str, said: str | float) -> tuple[Answer, str]:
    """Keep an answer; returns it with its time, and what to tell the reader where it could not be kept."""
    answer = Answer(said, datetime.now().strftime("%Y-%m-%d %H:%M"))
    why = keep(name, {"said": answer.said, "when": answer.when})
    if why:
        why = (
            f"Your answer could not be kept in {answers_folder()} ({why}), so you will be asked again next time. "
            "CPM_EDU_ANSWERS names another folder."
        )
    return answer, why


def keep(name: str, kept: dict) -> str:
    """Write NAME.json into the answers' folder, as a whole or not at all; why it could not be, else ""."""
    folder = answers_folder()
    part = folder / f".{name}.{os.getpid()}.{threading.get_ident()}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            part.write_text(json.dumps(kept), encoding="utf-8")
            os.replace(part, folder / f"{name}.json")
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        return error.strerror or type(error).__name__
    return ""
