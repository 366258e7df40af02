"""A small overlay for the tests of release: assignment A9 with two exercises, one with hidden cases, and a question."""

from __future__ import annotations

import zipfile
from pathlib import Path

import cpm_edu.course

EXERCISES = """\
import numpy as np

from cpm_edu.course.exercise import Exercise, Mistake


def double_cases(rng):
    yield (1.0,)
    yield (-2.5,)
    ### BEGIN HIDDEN
    hidden_numbers = (7.25 * rng.random(), 1e6 + rng.random(), -3.75 * rng.random())
    for number in hidden_numbers:
        yield (number,)
    ### END HIDDEN


def corner_cases(rng):
    yield (np.array([[0.0, 1.0], [2.0, 3.0]]),)
    yield (rng.random((3, 5)),)


EXERCISES = (
    Exercise(
        id="ex91", assignment="A9", name="double", title="Twice a number", minutes=5, points=2,
        asks_for="your own product", cases=double_cases, reference=lambda x: x + x,
        mistakes=(Mistake("squared", "your function squares.", lambda x: x**2),),
        hints=("What is twice 3?", "Add or multiply.", "x + ..."), arguments=("x",),
    ),
    Exercise(
        id="ex92", assignment="A9", name="corner", title="The last corner", minutes=10, points=3,
        asks_for="your own corner", cases=corner_cases, reference=lambda array: array[-1, -1],
        mistakes=(Mistake("first", "that is the first one.", lambda array: array[0, 0]),),
        hints=("Where is the last row?", "Count from the end.", "array[-1, ...]"), starred=True,
    ),
)
"""

MASTER = '''\
# %% [markdown]
# # A9 · Two small things
#
# **Time:** 15 minutes. **Points:** 5, and 3 for the one with a star.

# %% tags=["setup"]
import numpy as np

from cpm_edu.course import check, hint, progress

# %% [markdown]
# ## ex91 · Twice a number (5 minutes, 2 points)
#
# Write `double(x)`.

# %%
def double(x):
    """Twice x."""
    ### BEGIN SOLUTION
    twice_of_it = x * 2.0 + 0.0 * abs(x)
    return twice_of_it
    ### END SOLUTION


# %%
check("ex91", double)

# %% [markdown]
# ## ex92* · The last corner (10 minutes, 3 points)
#
# Write `corner(array)`.

# %%
def corner(array):
    ### BEGIN SOLUTION
    return array[array.shape[0] - 1, array.shape[1] - 1]
    ### END SOLUTION


# %%
check("ex92", corner)

# %% [markdown]
# ## a9q1 · Explain: why two (10 minutes, 3 points)
#
# Why is it not three?

# %% [markdown]
# **Your answer (a9q1)**
#
# ### BEGIN SOLUTION
# Because twice means that a number is added to itself exactly once.
# ### END SOLUTION

# %% [markdown] tags=["instructor"]
# **Rubric.** 2 points for "once", 1 for "itself". Ask aloud: and half?

# %%
progress("A9")
'''


def write_overlay(folder: Path, *, master: str = MASTER, exercises: str = EXERCISES) -> Path:
    """An overlay below `folder`; `master` and `exercises` may hold planted mistakes."""
    (folder / "exercises").mkdir(parents=True, exist_ok=True)
    (folder / "A9_small_things.py").write_text(master, encoding="utf-8")
    (folder / "exercises" / "two.py").write_text(exercises, encoding="utf-8")
    return folder


def write_wheel(path: Path) -> Path:
    """A file that release takes for the package's wheel: no more in it than what is looked at."""
    course = Path(cpm_edu.course.__file__).parent
    with zipfile.ZipFile(path, "w") as wheel:
        for module in (course / "judge.py", *sorted((course / "exercises").glob("*.py"))):
            wheel.write(module, f"cpm_edu/course/{module.relative_to(course).as_posix()}")
    return path
