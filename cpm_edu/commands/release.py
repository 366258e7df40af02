"""cpm-edu release: what students receive of the assignments, from their masters."""

from __future__ import annotations

from pathlib import Path

from ..course.release import Plan, release

DESCRIPTION = """\
Write to OUT what students receive: of every assignment the notebook, the same as a Python file and the public tests,
a README, and the wheel to install. Run it in a clone: masters are not in the installed package.

Before OUT appears every master has passed and every stub has not; unbalanced markers, a solution that also stands
elsewhere, minutes or points that differ from the exercise are mistakes, each with its file and line. The same masters
and options always give the same bytes. docs/instructors.md tells the whole way from here to the grades."""
EXAMPLES = """\
examples:
  cpm-edu release handout                                    all assignments
  cpm-edu release handout A1 A2 --instructor solutions       two of them; solutions and rubrics apart
  cpm-edu release handout A1 --overlay private --seed 48151  your own variants and exercises
  cpm-edu release repositories --github-classroom            one template repository an assignment"""


def add_arguments(parser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for the students' edition")
    parser.add_argument("names", nargs="*", metavar="A1", help="assignments (default: all)")
    parser.add_argument(
        "--instructor", type=Path, metavar="OUT2", help="also write solved notebooks, rubrics, oral questions"
    )
    parser.add_argument("--force", action="store_true", help="replace an earlier release in OUT and OUT2")
    own = parser.add_argument_group("your own variants")
    own.add_argument(
        "--overlay", type=Path, metavar="PRIVATE", help="folder of your own masters and exercises"
    )
    own.add_argument(
        "--seed",
        type=int,
        metavar="S",
        help="a whole number known to you only: picks variants; grade with the same",
    )
    wheel = parser.add_mutually_exclusive_group()
    wheel.add_argument("--wheel", type=Path, metavar="FILE", help="hand out this wheel (default: build one)")
    wheel.add_argument(
        "--no-wheel", action="store_true", help="students have the package already, as on a hub"
    )
    parser.add_argument(
        "--github-classroom", action="store_true",
        help="every assignment's folder is a template repository: wheel, README and a workflow that runs the checks",
    )  # fmt: skip


def run(options) -> int:
    plan = Plan(
        names=tuple(options.names),
        overlay=options.overlay,
        seed=options.seed,
        wheel=options.wheel,
        no_wheel=options.no_wheel,
        github_classroom=options.github_classroom,
    )
    release(plan, options.out, options.instructor, force=options.force)
    print(f"for students: {options.out}")
    if options.instructor:
        print(f"for you alone: {options.instructor}")
    return 0
