"""Pages of a graded class: nothing of a student's becomes markup, nothing hidden is shown, and they work without a server."""

import html.parser
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cpm_edu.course.grading.answers_sheet import answers_sheet
from cpm_edu.course.grading.feedback import feedback_html, feedback_markdown
from cpm_edu.course.grading.overrides import read_overrides
from cpm_edu.course.grading.page import Html, page, prose, tag
from cpm_edu.course.grading.records import Graded
from cpm_edu.course.grading.results import results_of
from cpm_edu.course.grading.summary import class_summary

from .graded_class import EVIL, PARTS, by_hand, record, result

sys.path.append(str(Path(__file__).parents[1] / "browser"))
import real_lab

BIDI = "\u202egnirts\u202c \x1b[31m \ud800 \x00"


def evil_record():
    """Every text that comes from a student holds markup."""
    graded = (
        Graded("ex01", "fix", "raises", f"ex01 cells: ValueError: {EVIL}.", {"input": EVIL, "yours": EVIL, "expected": EVIL}, True, "", (EVIL,)),
        Graded("ex02", "fix", "xy-swapped", "ex02 gaussian_map: swapped.", {"yours": EVIL, "expected": "HIDDEN"}, False),
        Graded("ex16", "todo", message=EVIL),
    )  # fmt: skip
    return record(
        EVIL,
        *graded,
        file=EVIL + BIDI,
        notes=(EVIL, BIDI),
        looks=("late",),
        late=True,
        texts={"a1q1": EVIL + BIDI},
    )


class Elements(html.parser.HTMLParser):
    def __init__(self, text: str):
        super().__init__()
        self.found, self.attributes, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, name, attributes):
        self.found.append(name)
        self.attributes += [(name, key, value) for key, value in attributes]


def pages_of(records, overrides=None):
    results = results_of(records, PARTS, overrides or {})
    return {
        "feedback": feedback_html(results[0], PARTS),
        "class_summary": class_summary(
            results,
            PARTS,
            links={r.student: "feedback.html" for r in records},
            warnings=[EVIL],
            answers="answers.html",
        ),
        "answers": answers_sheet(results, PARTS, overrides=EVIL),
    }


@pytest.mark.parametrize("name", ["feedback", "class_summary", "answers"])
def test_nothing_of_a_students_is_markup(name):
    """The elements are those of the same page with harmless texts; no handler, no address, no script of theirs."""
    text = pages_of([evil_record()])[name]
    text.encode()
    elements = Elements(text)
    assert elements.found.count("script") == (0 if name == "feedback" else 1)
    assert not [a for a in elements.attributes if a[1].startswith("on") or a[1] == "style"]
    addresses = {value for _, key, value in elements.attributes if key in ("href", "src", "action")}
    assert addresses <= {"feedback.html", "answers.html", "#a1q1"}
    assert EVIL not in text
    assert not re.search("[\x00\x1b\u202a-\u202e\ud800]", text)
    harmless = json.loads(json.dumps(EVIL).replace("<", "(").replace(">", ")"))
    assert harmless != EVIL


@pytest.mark.parametrize("name", ["feedback", "class_summary", "answers"])
def test_a_policy_forbids_what_is_not_ours(name):
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', pages_of([record()])[name])
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert ("script-src 'none'" in policy) == (name == "feedback")


def test_hidden_cases_are_not_in_the_feedback():
    evil = result("Ada", *evil_record().graded)
    for text in (feedback_html(evil, PARTS), feedback_markdown(evil, PARTS)):
        assert "HIDDEN" not in text
        assert "a hidden case found this" in text
    assert "seed" not in feedback_html(evil, PARTS).lower()


def test_markdown_stays_text():
    text = feedback_markdown(results_of([evil_record()], PARTS, {})[0], PARTS)
    text.encode()
    outside = re.sub(r"^(`{3,})\n.*?\n\1$", "", text, flags=re.S | re.M)
    assert "<script" not in outside
    assert not re.search(r"(?<!\\)\]\(javascript", outside)
    assert not re.search(r"(?<!\\)`\*\*x", outside)
    fenced = re.findall(r"^(`{3,})\n(.*?)\n\1$", text, flags=re.S | re.M)
    assert any(EVIL in inside for _, inside in fenced), "the example is shown as it was, in a fence"


def test_feedback_says_what_was_given_by_hand():
    overrides = by_hand("Ada", "ex02", 2.5, "the idea is right") | by_hand("Ada", "a1q1", 3)
    (one,) = results_of([record("Ada")], PARTS, overrides)
    for text in (feedback_html(one, PARTS), feedback_markdown(one, PARTS)):
        assert "the idea is right" in text
        assert "8.5 of 10" in text
        assert "not graded yet" not in text


def test_the_three_hints_open_one_after_the_other():
    text = feedback_html(result("Ada"), PARTS)
    assert text.count("<details>") == 6, "three for ex02, three for ex16, none for the passed one"
    assert re.search(
        r"Hint 1</summary>.*?Hint 2</summary>.*?Hint 3</summary>.*?</details>\s*</div></details>", text, re.S
    )


def test_mistakes_are_counted_by_name():
    swapped = Graded("ex02", "fix", "xy-swapped", "ex02 gaussian_map: x and y are swapped.")
    records = [record(f"s{k:02d}", swapped) for k in range(9)] + [record("t", Graded("ex02", "pass"))]
    text = class_summary(results_of(records, PARTS, {}), PARTS)
    row = re.search(r"<tr><td>ex02</td>.*?</tr>", text, re.S)[0]
    assert "xy-swapped" in row
    assert 'data-value="9"' in row
    assert "9 students" in row, "many names are folded"
    assert "X and y are swapped." in row
    assert "10 %" in text, "pass rate of ex02"


def test_text_is_escaped_unless_it_is_html():
    assert tag("p", "<", Html("<b>x</b>"), title='"') == '<p title="&quot;">&lt;<b>x</b></p>'
    assert "<title>&lt;/title&gt;</title>" in page("</title>", "x")


def test_prose():
    """As masters write: hard line ends, lists, code, bold."""
    assert prose(
        "a *b c* 2 * 3 * 4\n\n```python\nx[0] = 1  # `no`, **no**\n\ny < 2\n```\n\nend `f(*a)` `g(*b)`"
    ) == (
        "<p>a <em>b c</em> 2 * 3 * 4</p>"
        "<pre>x[0] = 1  # `no`, **no**\n\ny &lt; 2</pre>"
        "<p>end <code>f(*a)</code> <code>g(*b)</code></p>"
    )
    assert prose("one\ntwo `a<b` **c**\n\n* x\n  y\n* z\n\n1. p\n2. q") == (
        "<p>one two <code>a&lt;b</code> <strong>c</strong></p><ul><li>x y</li><li>z</li></ul><ol><li>p</li><li>q</li></ol>"
    )


# ---- in a browser


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    try:
        node, modules, chromium = real_lab.tools()
    except real_lab.Missing as error:
        if "browser" in os.environ.get("CPM_EDU_REQUIRE", "").split(","):
            pytest.fail(f"CPM_EDU_REQUIRE asks for browser, but {error}", pytrace=False)
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("pages")
    passed = [Graded(part.id, "pass") for part in PARTS.exercises]
    one = [
        Graded("ex01", "pass"),
        *(Graded(id, "todo", message="not written yet.") for id in ("ex02", "ex16")),
    ]
    records = [
        evil_record(),
        record("Ben", *passed),
        record("Cleo", *one),
        *(record(f"s{k}") for k in range(12)),
    ]
    for name, text in pages_of(records).items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    command = [node, str(Path(__file__).with_name("grade_pages.js")), str(modules), chromium, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) | {"folder": folder, "students": {r.student: r.id for r in records}}


@pytest.mark.browser
@pytest.mark.slow
def test_pages_in_a_browser(told):
    """Wide, narrow, light and dark: accessible, nothing cut off, no error, no request, no script of a student's."""
    assert told["axe"] == []
    assert told["wide"] == []
    assert told["errors"] == []
    assert told["asked"] == []
    assert told["hints"] == 3, "only the first hint of each exercise is visible at first"
    assert not told["injected"]
    assert told["refused"] >= 2, "the policy refused an added script and a picture from elsewhere"


@pytest.mark.browser
@pytest.mark.slow
def test_tables_are_sorted_and_searched_by_keyboard(told):
    most, direction = told["most_points_first"]
    assert most[0] == "Ben"
    assert direction == "descending"
    assert told["fewest_points_first"][-1] == "Ben"
    assert told["by_name"][1:] == ["Ben", "Cleo", *(f"s{k}" for k in range(12))]
    assert told["found"] == [["Ben"], "1 of 15 shown"]


@pytest.mark.browser
@pytest.mark.slow
def test_points_typed_into_the_sheet_come_back_as_overrides(told):
    assert told["count"] == "1 of 15 have points"
    assert told["kept"] == "2.5", "a reload loses nothing"
    assert told["hidden"]
    assert told["file"] == "A1_answers.csv"
    students = {re.sub("[\u202a-\u202e]", "", name): id for name, id in told["students"].items()}
    found, warnings = read_overrides([told["folder"] / "saved.csv"], students, {"a1q1"})
    assert not warnings
    (((student, exercise), override),) = found.items()
    assert (student, exercise) == (EVIL, "a1q1")
    assert (override.points, override.comment) == (2.5, '=1+1, "well"')
