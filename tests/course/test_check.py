"""check, hint and progress: what is displayed, for right, wrong and unwritten answers and for wrong use."""

from __future__ import annotations

import re
import sys

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell

from cpm_edu.course import check, hint, progress
from cpm_edu.course import verdict_card as cards
from cpm_edu.course.exercise import Verdict
from cpm_edu.course.exercises import exercises_of, find
from cpm_edu.course.progress import keep_state, kept_states, minutes_left
from cpm_edu.course.verdict_text import verdict_text

from .bank_cells import entries

module = sys.modules["cpm_edu.course.check"]  # the function hides it


def written(kind="right", id="ex02"):
    """The function of the bank's first answer of that kind, or the text of a kernel."""
    entry = next(e for e in entries(id) if kind in (e.kind, e.mistake))
    scope = {}
    exec(entry.source, scope)
    return scope[find(id).name]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CPM_EDU_ANSWERS", str(tmp_path / "answers"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "answers"


@pytest.fixture
def shown(monkeypatch):
    """What is displayed in a notebook: a list of (html, text)."""
    found = []
    monkeypatch.setattr(module, "get_ipython", lambda: object())
    monkeypatch.setattr(
        module,
        "display",
        lambda data, raw: found.append((data["text/html"], data["text/plain"])),
    )
    return found


def test_right_wrong_and_unwritten_in_words(capsys):
    check("ex02", written("xy-swapped"))
    wrong = capsys.readouterr().out
    assert wrong.startswith("✗ to fix: ex02 gaussian_map: ")
    assert "did x and y change places?" in wrong
    assert [line.split(":")[0].strip() for line in wrong.splitlines()[1:]] == ["input", "yours", "expected"]
    check("ex02", written())
    right = capsys.readouterr().out
    assert re.match(
        r"✓ pass: ex02 gaussian_map\. \d+ cases, all right\.\nA1: 1 of 6 done, about \d+ minutes left\.",
        right,
    )

    def gaussian_map(*given):
        raise NotImplementedError("ex02: write gaussian_map")

    check("ex02", gaussian_map)
    assert capsys.readouterr().out == "○ to do: ex02 gaussian_map: not written yet.\n"


@pytest.mark.parametrize("id", ["EX2", "ex02", "2", "gaussian_map", " ex02 "])
def test_an_id_is_understood(id, capsys):
    check(id, written())
    assert "pass: ex02" in capsys.readouterr().out


MISUSE = {
    "nothing": (
        lambda f: check(),
        'check takes the exercise and your function: check("ex02", gaussian_map).',
    ),
    "no answer": (lambda f: check("ex02"), 'check needs your answer too: check("ex02", gaussian_map).'),
    "only the function": (lambda f: check(f), 'check needs your answer too: check("ex02", gaussian_map).'),
    "swapped": (lambda f: check(f, "ex02"), 'The other way round, please: check("ex02", gaussian_map).'),
    "quoted": (lambda f: check("ex02", "gaussian_map"), "Give the function itself, without quotes"),
    "called": (lambda f: check("ex02", f(np.zeros(2), (5, 7), 1.0)), "without brackets behind gaussian_map"),
    "None": (lambda f: check("ex02", None), "without brackets behind gaussian_map"),
    "of another": (
        lambda f: check("ex03", f),
        'gaussian_map belongs to ex02; for ex03 it is check("ex03", background_map).',
    ),
    "unknown": (lambda f: check("ex99", f), "There is no exercise 'ex99'. There are ex01, ex02"),
    "misspelt": (lambda f: check("gausian_map", f), "Did you mean gaussian_map?"),
    "a number too much": (lambda f: check("ex02", f, 3), "check takes two things"),
    "a function for a kernel": (lambda f: check("ex22", f), "ex22 is a kernel; check takes its text"),
    "a list": (lambda f: check(["ex02"], f), "There is no exercise"),
    "hint of nothing": (lambda f: hint("ex77"), "There is no exercise 'ex77'"),
    "hint": (lambda f: hint(), "Which exercise?"),
    "progress": (lambda f: progress("A9"), "There is no assignment 'A9'; there are A1, A2"),
}


@pytest.mark.parametrize("name", MISUSE)
def test_wrong_use_is_a_sentence(name, capsys):
    use, says = MISUSE[name]

    def gaussian_map(*given):
        return written()(*given)

    use(gaussian_map)
    out = capsys.readouterr().out
    assert says in out
    assert out.count("\n") == 1


def test_progress_is_kept(capsys, folder):
    check("ex02", written())
    check("ex03", lambda belief_maps: belief_maps)
    progress("a1")
    table = capsys.readouterr().out.splitlines()[-7:]
    assert [line.split("  ")[0] for line in table[:3]] == ["○ not tried", "✓ done", "✗ to fix"]
    a1 = exercises_of("A1")
    assert table[-1].startswith(
        f"1 of 6 done, about {sum(e.minutes for e in a1) - find('ex02').minutes} minutes left."
    )
    check("ex02", written("xy-swapped"))
    assert kept_states(a1)["ex02"] == "fix", "the newest verdict counts"
    (folder / "ex02.check.json").write_text("{")
    assert kept_states(a1)["ex02"] == "todo", "a damaged file costs one line of the table"
    assert sorted(p.name for p in folder.iterdir()) == ["ex02.check.json", "ex03.check.json"]
    everything = dict.fromkeys([e.id for e in exercises_of("A4")], "todo")
    assert minutes_left(exercises_of("A4"), everything) == sum(
        e.minutes for e in exercises_of("A4") if not e.starred
    )


def test_progress_that_cannot_be_kept_is_said(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CPM_EDU_ANSWERS", str(tmp_path / "file" / "answers"))
    check("ex02", written())
    out = capsys.readouterr().out
    assert "pass: ex02" in out
    assert "Your progress could not be kept in" in out
    assert keep_state("ex02", "pass") != ""


def test_the_card(shown):
    check("ex02", written("xy-swapped"))
    page, text = shown[0]
    assert text.startswith("✗ to fix: ex02")
    assert '<span aria-hidden="true">✗</span> to fix' in page, "a word and an icon, not colour alone"
    for part in ("<dt>input</dt>", "<dt>yours</dt>", "<dt>expected</dt>"):
        assert part in page
    assert page.count("<details>") == 3
    assert re.search(
        r"Hint 1 of 3</summary>.*<details><summary>Hint 2 of 3</summary>.*<details><summary>Hint 3 of 3", page
    )
    alts = re.findall(r'alt="([^"]*)"', page)
    assert [alt.split(", ")[1].split(":")[0] for alt in alts] == ["yours", "expected", "difference"]
    assert all(alt.startswith("map of 5 x 7") for alt in alts)
    assert "http" not in page
    check("ex02", written())
    assert "cpm-check-pass" in shown[1][0]
    assert "Hint" not in shown[1][0]
    hint("ex02")
    assert shown[2][1].count("hint") == 3
    progress()
    assert shown[3][0].count("<tr>") == len([e for a in range(1, 8) for e in exercises_of(f"A{a}")]) + 1


def test_what_students_write_is_escaped(shown):
    def gaussian_map(*given):
        print("<script>alert(1)</script>")
        raise ValueError("<img src=x onerror=alert(1)> & `code`")

    check("ex02", gaussian_map)
    page = shown[0][0]
    assert "<script>" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page
    assert "What your code printed" in page
    assert "your code printed:\n  | <script>" in shown[0][1]


@pytest.mark.parametrize("shape", [(5, 5), (17, 33), (46, 46), (400, 600), (5, 2000)])
def test_pictures_of_any_size(shape):
    maps = np.zeros(shape), np.ones(shape)
    verdict = Verdict("ex02", "fix", "wrong-value", "ex02 gaussian_map: no.", {}, maps, 1)
    page = cards.verdict_html(verdict, find("ex02"))
    assert page.count("<img") == 3
    assert len(page) < 40_000


def test_a_verdict_without_an_example():
    verdict = Verdict("ex02", "fix", "delegates", "ex02 asks for your own.", None)
    assert verdict_text(verdict, find("ex02")) == "✗ to fix: ex02 gaussian_map: ex02 asks for your own."


def test_where_loops_are_not_stopped_it_says_so_first(monkeypatch, capsys):
    monkeypatch.setattr(module, "time_is_limited", lambda: False)
    monkeypatch.setattr(module, "_warned", [])
    check("ex02", written())
    check("ex02", written())
    out = capsys.readouterr().out
    assert out.count("Endless loops cannot be stopped here.") == 1
    assert out.index("Endless") < out.index("pass")
    assert out.count("pass: ex02") == 2


def test_settings_of_the_reader_do_not_matter(capsys):
    old = np.seterr(all="raise")
    try:
        with np.printoptions(precision=1, threshold=3):
            check("ex02", written("xy-swapped"))
            check("ex02", written())
    finally:
        np.seterr(**old)
    assert "pass: ex02" in capsys.readouterr().out


def test_a_notebook_that_hides_names():
    """`check`, `np`, `sum`, `print` and sys.stdout taken by the student; the check that was imported goes on."""
    shell = InteractiveShell.instance()
    try:
        shell.run_cell("from cpm_edu.course import check as tried\nimport sys, builtins")
        entry = next(e for e in entries("ex02") if e.words == "loops")
        shell.run_cell(entry.source)
        result = shell.run_cell(
            "sum = 3; list = None; print = None; check = 7\nkept = sys.stdout\nsys.stdout = None\ntried('ex02', gaussian_map)\nsys.stdout = kept"
        )
        assert result.success
        assert kept_states([find("ex02")]) == {"ex02": "pass"}
    finally:
        InteractiveShell.clear_instance()
