"""Gradescope: results.json of one submission, and the folder that becomes an autograder.

Format: "Autograder Specifications" of Gradescope's documentation.
"""

from __future__ import annotations

import json
from pathlib import Path

from .feedback import WORDS, told
from .results import Parts, Result
from .table import write_whole

__all__ = ["results_json", "write_autograder"]

SETUP = """\
#!/usr/bin/env bash
# Runs once, when Gradescope builds the image. Put cpm_edu's wheel beside this file.
set -e
apt-get update && apt-get install -y --no-install-recommends python3-venv g++ bubblewrap
python3 -m venv /autograder/venv
/autograder/venv/bin/pip install --no-cache-dir /autograder/source/cpm_edu-*.whl
"""
RUN = """\
#!/usr/bin/env bash
# Runs for every submission. Gradescope's container lets no sandbox start inside it, as a rule; then students' code
# runs beside this grader, the hidden seed included: such points are for practice, not for an exam.
grade() {{
  /autograder/venv/bin/cpm-edu grade /autograder/submission --assignment {assignment} --seed {seed} \\
    --jobs 1 --out /tmp/graded/grades.csv --gradescope /autograder/results/results.json "$@"
}}
grade || grade --not-isolated
"""


def results_json(result: Result, parts: Parts) -> bytes:
    """One test an exercise, as Gradescope reads them; questions are left to its manual grading."""
    tests = []
    for part in parts.exercises:
        graded = result.graded(part.id)
        if graded is None:
            continue
        lines = [told(graded.message, part)] if graded.message else []
        if graded.status == "fix" and graded.public:
            lines += [f"{name}: {text}" for name, text in (graded.example or {}).items()]
        points = result.points[part.id] or 0.0
        tests.append(
            {
                "number": part.id,
                "name": f"{part.id} {part.title}: {WORDS[graded.status][1]}",
                "score": points,
                "max_score": 0.0 if part.starred and not points else part.points,
                "status": "passed" if graded.status == "pass" else "failed",
                "output": "\n".join(lines),
                "output_format": "text",
                "visibility": "visible",
            }
        )
    notes = " ".join(result.record.notes)
    data = {"output": notes, "output_format": "text", "visibility": "visible", "tests": tests}
    return json.dumps(data, indent=1).encode()


def write_autograder(folder: Path, assignment: str, seed: int) -> None:
    """setup.sh and run_autograder; with the wheel beside them, zipped, they are what Gradescope asks for."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("setup.sh", SETUP), ("run_autograder", RUN.format(assignment=assignment, seed=seed))):
        write_whole(folder / name, text.encode())
        (folder / name).chmod(0o755)
