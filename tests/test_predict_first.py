"""predict_first and hinge: what is said, what is kept, and what happens when something is broken."""

from __future__ import annotations

import json
import threading

import pytest
from ipywidgets import HTML, VBox
from matplotlib.figure import Figure as MatplotlibFigure

from cpm_edu.course import hinge, picture, predict_first
from cpm_edu.course.answers import answers_folder, read_answer, write_answer
from cpm_edu.course.predict import Hinge, Prediction, answers_itself
from cpm_edu.course.shown import call_and_collect, marked_up, shown_html
from cpm_edu.metrics import Table


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Answers of these tests lie in a folder of their own."""
    monkeypatch.setenv("CPM_EDU_ANSWERS", str(tmp_path / "answers"))
    return tmp_path / "answers"


def number(**changed) -> Prediction:
    options = dict(
        id="argmax-pixel", question="How far?", answer=4.0, choices=None, unit="px", show=None, because="Half a cell.",
        close=0.5,
    )  # fmt: skip
    return Prediction(**options | changed)


def choice(**changed) -> Prediction:
    return number(choices=["rises", "falls"], answer=lambda: "falls", close=None, unit="", **changed)


def ask(prediction) -> tuple:
    """The card and the place below it."""
    box = prediction.live()
    assert isinstance(box, VBox)
    return box.children


def send(card, do: str, value: str = "") -> None:
    card._receive(card, {"do": do, "value": value}, [])


# ---- what is said


def test_prediction_and_measurement_stand_side_by_side():
    card, below = ask(number(show=lambda: Table(["a"], [[1]])))
    assert card.asking
    assert card.result == ""
    assert below.children == ()
    send(card, "answer", "1")
    assert card.result == (
        "<p>You said <strong>1 px</strong>. Measured: <strong>4 px</strong>. Off by 3 px.</p><p>Half a cell.</p>"
    )
    assert not card.asking
    assert "<table>" in below.children[0].value


@pytest.mark.parametrize(
    ("said", "close", "verdict"),
    [("4", 0.5, "Close."), ("4.5", 0.5, "Close."), ("5", 0.5, "Off by 1 px."), ("4", None, "Exactly."),
     ("3", None, "The difference is 1 px.")],
)  # fmt: skip
def test_verdict_on_a_number(said, close, verdict):
    card, _ = ask(number(close=close))
    send(card, "answer", said)
    assert verdict in card.result


def test_verdict_on_a_choice():
    card, _ = ask(choice())
    send(card, "answer", "0")
    assert "<strong>rises</strong>. Measured: <strong>falls</strong>. Not as predicted." in card.result
    send(card, "again")
    assert (card.asking, card.result) == (True, "")
    send(card, "answer", "1")
    assert "As predicted." in card.result


def test_skipping_shows_the_measurement_and_keeps_nothing(folder):
    card, below = ask(number(show=lambda: "seen"))
    send(card, "skip")
    assert card.result.startswith("<p>Measured: <strong>4 px</strong>.</p>")
    assert "seen" in below.children[0].value
    assert not folder.exists()


def test_nothing_is_measured_or_shown_before_the_answer():
    called = []
    card, _ = ask(number(answer=lambda: called.append("answer") or 4, show=lambda: called.append("show")))
    assert called == []
    send(card, "answer", "4")
    assert called == ["answer", "show"]


def test_a_measurement_that_fails_becomes_a_sentence():
    card, below = ask(number(answer=lambda: 1 / 0))
    send(card, "answer", "4")
    assert card.result == "<p>Measuring failed: ZeroDivisionError: division by zero</p>"
    assert below.children == ()
    assert card.turn == 1, "the card must stop waiting"


def test_every_message_ends_the_waiting_even_a_nonsensical_one():
    card, _ = ask(number())
    for turn, (do, value) in enumerate([("skip", ""), ("again", ""), ("dance", ""), ("answer", "2")], 1):
        send(card, do, value)
        assert card.turn == turn
    with pytest.raises(ValueError, match="could not convert"):
        send(card, "answer", "many")
    assert card.turn == 5


def test_hinge_gives_every_choice_its_own_feedback():
    [card] = Hinge("oks-iou", "Is it?", {"yes": "No areas.", "no": "Gaussians."}, "no").live().children
    send(card, "answer", "0")
    assert card.result == "<p><strong>Not quite.</strong> No areas.</p>"
    send(card, "answer", "1")
    assert card.result == "<p><strong>Right.</strong> Gaussians.</p>"
    assert card.asking, "it can be answered again"


# ---- what is kept


def test_answer_is_shown_again_on_the_next_run(folder):
    card, _ = ask(number())
    send(card, "answer", "1.5")
    kept = json.loads((folder / "argmax-pixel.predict.json").read_text())
    assert kept["said"] == 1.5
    card, _ = ask(number())
    assert not card.asking
    assert card.said == "1.5"
    assert f"You said <strong>1.5 px</strong> on {kept['when']}." in card.result


def test_a_prediction_and_a_hinge_of_one_id_have_an_answer_each():
    send(ask(choice())[0], "answer", "1")
    [card] = Hinge("argmax-pixel", "Is it?", {"rises": "No.", "falls": "Yes."}, "falls").live().children
    assert card.said == ""


def test_hinge_is_shown_again_on_the_next_run():
    made = Hinge("oks-iou", "Is it?", {"yes": "No areas.", "no": "Gaussians."}, "no")
    send(made.live().children[0], "answer", "1")
    [card] = made.live().children
    assert card.said == "1"
    assert "You chose this on 2" in card.result


def test_answer_to_another_wording_is_asked_again(folder):
    send(ask(choice())[0], "answer", "1")
    card, _ = ask(number())
    assert card.asking, "a word is no answer to a question for a number"
    card, _ = ask(number(choices=["up", "down"], answer="up"))
    assert card.asking, "'falls' is not among the choices any more"


HUGE = '{"said": 1' + "0" * 400 + ', "when": "x"}'
DAMAGED = [
    "",
    "{",
    '{"said": 3}',
    '{"said": [1], "when": ""}',
    "[]",
    '{"said": true, "when": "x"}',
    "\x00\xff",
]


@pytest.mark.parametrize("text", [*DAMAGED, '{"said": NaN, "when": "x"}', HUGE])
def test_a_damaged_file_is_told_and_replaced(folder, text):
    folder.mkdir()
    path = folder / "argmax-pixel.predict.json"
    path.write_bytes(text.encode("latin-1"))
    card, _ = ask(number())
    assert card.asking
    assert str(path) in card.note
    assert "could not be read" in card.note
    send(card, "answer", "3")
    assert card.note == ""
    assert read_answer("argmax-pixel.predict")[0].said == 3


def test_where_nothing_can_be_written_the_answer_still_counts(folder, monkeypatch):
    monkeypatch.setenv("CPM_EDU_ANSWERS", "/proc/nowhere/answers")  # not even root can write there
    card, _ = ask(number())
    assert card.note == ""
    send(card, "answer", "4")
    assert "Close." in card.result
    assert "could not be kept in /proc/nowhere/answers" in card.note


def test_a_file_in_the_folders_place(folder):
    folder.write_text("I am a file")
    card, _ = ask(number())
    assert card.asking
    assert card.note == "", "nothing was ever kept there"
    send(card, "answer", "4")
    assert "could not be kept" in card.note
    assert folder.read_text() == "I am a file"


def test_two_notebooks_at_once_lose_no_answer(folder):
    troubles = []

    def answer_all(k: int) -> None:
        for n in range(20):
            troubles.append(write_answer(f"question-{n}.predict", float(k))[1])

    threads = [threading.Thread(target=answer_all, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == [""] * 160
    assert all(read_answer(f"question-{n}.predict")[0].said in range(8) for n in range(20))
    assert sorted(p.name for p in folder.iterdir()) == sorted(f"question-{n}.predict.json" for n in range(20))


def test_where_answers_go_by_default(monkeypatch, tmp_path):
    monkeypatch.delenv("CPM_EDU_ANSWERS")
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    assert answers_folder() == tmp_path / "cpm_edu" / "answers"


# ---- where nobody sits in front


class Shell:
    """What get_ipython() returns in a kernel."""

    def __init__(self, allow_stdin: bool) -> None:
        self.kernel = type("Kernel", (), {"_allow_stdin": allow_stdin})()


@pytest.mark.parametrize(
    ("env", "shell", "expected"),
    [({}, None, True), ({}, Shell(True), False), ({}, Shell(False), True), ({"CI": "true"}, Shell(True), True),
     ({"CI": "false"}, Shell(True), False), ({"CPM_EDU_ANSWER": "auto"}, Shell(True), True)],
)  # fmt: skip
def test_who_answers(monkeypatch, env, shell, expected):
    for name in ("CI", "CPM_EDU_ANSWER"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("cpm_edu.course.predict.get_ipython", lambda: shell)
    assert answers_itself() is expected


@pytest.fixture
def displayed(monkeypatch):
    """What was displayed, with a question that answers itself."""
    seen = []
    monkeypatch.setenv("CPM_EDU_ANSWER", "auto")
    monkeypatch.setattr("cpm_edu.course.predict.display", lambda data, **_: seen.append(data))
    return seen


def test_static_twin_of_a_prediction(displayed, folder):
    predict_first("a-b", "How *far*?", answer=4, unit="px", show=lambda: Table(["a"], [[1]]), because="So.")
    [data] = displayed
    question, fold = data["text/html"].split("<details>")
    assert "How <em>far</em>?" in question
    assert "4 px" not in question, "the answer is in the fold"
    assert "Measured: <strong>4 px</strong>" in fold
    assert "So." in fold
    assert "<table>" in fold
    assert data["text/plain"] == "Predict first: How *far*?"
    assert not folder.exists(), "a machine's answer is not kept"


def test_static_twin_of_a_hinge(displayed):
    hinge("a-b", "Is it?", choices={"yes": "No areas.", "no": "Gaussians."}, right="no")
    question, fold = displayed[0]["text/html"].split("<details>")
    assert "<li>yes</li><li>no</li>" in question
    assert "No areas." not in question
    assert "<em>no</em>: <strong>Right.</strong> Gaussians." in fold


def test_in_ci_a_failing_measurement_fails(displayed):
    for broken in ({"answer": lambda: 1 / 0}, {"answer": 4, "show": lambda: 1 / 0}):
        with pytest.raises(ZeroDivisionError):
            predict_first("a-b", "How far?", **broken)


def test_saved_notebook_shows_the_question():
    bundle = number().live()._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert "application/vnd.jupyter.widget-view+json" in data
    assert "How far?" in data["text/html"]
    assert "4" not in data["text/html"].replace("4px", "")


# ---- wrong questions


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: number(id="Argmax pixel"), "small letters, digits and dashes"),
        (lambda: number(id="../x"), "small letters, digits and dashes"),
        (lambda: number(answer="four"), "must be a finite number"),
        (lambda: number(answer=float("nan")), "must be a finite number"),
        (lambda: number(choices=["a", "b"], answer="c"), "'c' is none of the choices"),
        (lambda: number(choices=["a"], answer="a"), "at least two different choices"),
        (lambda: number(choices=["a", "a"], answer="a"), "at least two different choices"),
        (lambda: Hinge("x", "?", {"a": "b", "c": "d"}, "e"), "'e' is none of the choices"),
        (lambda: Hinge("x", "?", {"a": "b", "c": " "}, "a"), "no feedback for \\['c'\\]"),
    ],
)
def test_wrong_questions_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# ---- what is shown


def test_pictures_carry_their_text():
    figure = MatplotlibFigure(figsize=(1, 1))
    figure.subplots().set_title('Belief "map"')
    assert 'alt="a &quot;peak&quot;"' in shown_html(picture(figure, alt='a "peak"'))
    assert 'alt="Belief &quot;map&quot;"' in shown_html(figure)
    assert "data:image/png;base64,iVBOR" in shown_html(figure)


def test_widgets_stay_widgets():
    widget = HTML("alive")
    card, below = ask(number(show=lambda: [widget, "and words"]))
    send(card, "skip")
    assert below.children[0] is widget
    assert "<pre>and words</pre>" in below.children[1].value


def test_nothing_to_show():
    assert call_and_collect(None) == call_and_collect(lambda: None) == []


def test_markup_is_escaped_first():
    assert marked_up("`a < b` *not* **so**\n\nx * y * z") == (
        "<code>a &lt; b</code> <em>not</em> <strong>so</strong><br><br>x * y * z"
    )
    assert "<script>" not in marked_up("<script>")
