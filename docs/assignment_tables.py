"""Tables of minutes and points in assignments.md: `python docs/assignment_tables.py` writes them from the masters."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from cpm_edu.course.release.overlay import assigned, assignments  # noqa: E402
from cpm_edu.course.release.words import course_table  # noqa: E402

PAGE = HERE / "assignments.md"
BEGIN = "<!-- written by `python docs/assignment_tables.py` -->\n"
END = "<!-- end of the tables -->\n"


def with_tables(page: str) -> str:
    """The page with the tables of this clone's masters."""
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    tables = course_table([assigned(name) for name in assignments()])
    return f"{before}{BEGIN}\n{tables}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(PAGE)
