"""A workflow for GitHub Classroom: every push runs the public checks, one step and its points an exercise."""

from __future__ import annotations

from .overlay import Assigned

__all__ = ["WORKFLOW", "workflow"]

WORKFLOW = ".github/workflows/classroom.yml"
HEAD = """\
# The public checks of {name} after every push. The cases are those that students have: the grade comes from
# `cpm-edu grade`, which draws others. Set the variable PIP_EXTRA_INDEX_URL of the organisation to the index of
# PyTorch's CPU build (PyTorch's install page shows it): the default one is several GB.
name: Autograding Tests
on:
  - push
  - workflow_dispatch
permissions:
  checks: write
  actions: read
  contents: read
jobs:
  run-autograding-tests:
    runs-on: ubuntu-latest
    if: github.actor != 'github-classroom[bot]'
    env:
      PIP_EXTRA_INDEX_URL: ${{{{ vars.PIP_EXTRA_INDEX_URL }}}}
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - name: Install
        run: python -m pip install ./{wheel} pytest
"""
STEP = """\
      - name: "{title}"
        id: {id}
        uses: classroom-resources/autograding-command-grader@v1
        with:
          test-name: "{title}"
          setup-command: ""
          command: python -m pytest -q -k {id} {tests}
          timeout: 5
          max-score: {points}
"""
TAIL = """\
      - name: Autograding Reporter
        uses: classroom-resources/autograding-grading-reporter@v1
        env:
{results}
        with:
          runners: {runners}
"""


def workflow(assigned: Assigned, tests: str, wheel: str) -> str:
    """The text of the workflow file.

    Args:
        tests: name of the public test file.
        wheel: name of the wheel beside it.
    """
    steps, results = [], []
    for exercise in assigned.exercises:
        title = f"{exercise.id} {exercise.title}".replace("\\", "").replace('"', "'")
        steps.append(STEP.format(title=title, id=exercise.id, tests=tests, points=exercise.points))
        results.append(
            f"          {exercise.id.upper()}_RESULTS: ${{{{ steps.{exercise.id}.outputs.result }}}}"
        )
    runners = ",".join(exercise.id for exercise in assigned.exercises)
    tail = TAIL.format(results="\n".join(results), runners=runners)
    return HEAD.format(name=assigned.name, wheel=wheel) + "".join(steps) + tail
