"""What a student gets back: a page and its Markdown twin. Never a hidden input, an expected value of one, or the seed."""

from __future__ import annotations

import html
import re

from .page import Html, join, page, plain, prose, tag
from .records import Graded
from .results import Part, Parts, Result
from .table import number

__all__ = ["WORDS", "feedback_html", "feedback_markdown", "told"]

WORDS = {"pass": ("✓", "passed"), "fix": ("✗", "to fix"), "todo": ("○", "not written yet")}
HIDDEN = (
    "Your function is right in the cases that you have; a hidden case found this. Try the smallest sizes, a map that is "
    "not square, points on and beyond the border, and ties."
)
LINES = (("input", "input"), ("yours", "yours"), ("expected", "expected"))


def _status(status: str) -> Html:
    """An icon and a word, so that colour is not needed."""
    icon, word = WORDS[status]
    return tag("span", tag("span", f"{icon} ", aria_hidden="true"), word, class_=f"status {status}")


def feedback_html(result: Result, parts: Parts) -> str:
    """The page of one student."""
    record = result.record
    exercises = [part for part in parts.exercises if result.graded(part.id)]
    passed = sum(result.graded(part.id).status == "pass" for part in exercises)
    body = tag(
        "main",
        tag("p", "Feedback", class_="soft small"),
        tag("h1", f"{parts.assignment}: {parts.title}"),
        tag("p", record.student),
        tag(
            "ul",
            _figure(f"{number(result.total)} of {number(parts.most)}", "points" + _open(result)),
            _figure(f"{passed} of {len(exercises)}", "exercises passed"),
            class_="figures",
        ),
        _notes(result),
        tag("h2", "Exercises"),
        [_exercise(part, result) for part in exercises],
        [tag("h2", "Questions"), [_question(part, result) for part in parts.questions]]
        if parts.questions
        else None,
        _footer(result),
    )
    return page(
        f"{parts.assignment}: feedback for {record.student}",
        Html('<div class="narrow">'),
        body,
        Html("</div>"),
    )


def _figure(value: str, what: str) -> Html:
    return tag("li", tag("b", value), what)


def _open(result: Result) -> str:
    return "; questions are not graded yet" if result.open else ""


def _notes(result: Result) -> Html | None:
    notes = list(result.record.notes)
    if result.record.late:
        notes.insert(0, "Handed in late.")
    if not result.record.isolated:
        notes.append("Graded without a sandbox.")
    return (
        join(tag("h2", "About your file"), tag("ul", [tag("li", note) for note in notes])) if notes else None
    )


def _exercise(part: Part, result: Result) -> Html:
    graded = result.graded(part.id)
    points = result.points[part.id] or 0
    starred = " (extra)" if part.starred else ""
    return tag(
        "section",
        tag(
            "div",
            tag("h3", f"{part.id} · {part.title}"),
            tag(
                "span",
                _status(graded.status),
                f" · {number(points)} of {number(part.points)} points{starred}",
            ),
            class_="head",
        ),
        tag("div", prose(told(graded.message, part)), class_="message") if graded.message else None,
        _example(graded, part),
        _hints(part) if graded.status != "pass" else None,
        tag("ul", [tag("li", note) for note in graded.notes], class_="small soft") if graded.notes else None,
        _given(part, result),
        class_=f"card {graded.status}",
        id=part.id,
    )


def told(message: str, part: Part) -> str:
    """A message below a heading that says already which exercise it is."""
    short = re.sub(rf"^{re.escape(part.id)}\s*{re.escape(part.name)}: ", "", message)
    return short[:1].upper() + short[1:] if short != message else message


def _example(graded: Graded, part: Part) -> Html | None:
    if graded.status != "fix":
        return None
    if not graded.public:
        return None if graded.mistake == "not-judged" else tag("p", HIDDEN, class_="small soft")
    example = graded.example or {}
    rows = [
        tag("tr", tag("th", word, scope="row"), tag("td", tag("code", example[key])))
        for key, word in LINES
        if example.get(key)
    ]
    picture = None
    if graded.picture:
        picture = tag(
            "figure",
            tag(
                "img",
                src=f"data:image/png;base64,{graded.picture}",
                alt="Two maps in one colour scale: left what your function returns, right what is expected.",
            ),
            tag("figcaption", "Left: yours. Right: expected. One colour scale for both."),
        )
    return join(tag("table", tag("tbody", rows), class_="example") if rows else None, picture)


def _hints(part: Part) -> Html | None:
    """Each inside the one before: nobody sees the third by accident."""
    inner: Html | None = None
    for step, hint in reversed(list(enumerate(part.hints, 1))):
        inner = tag(
            "details", tag("summary", f"Hint {step}"), tag("div", prose(hint), inner, class_="inside")
        )
    return inner


def _given(part: Part, result: Result) -> Html | None:
    given = result.given.get(part.id)
    if given is None:
        return None
    comment = [": ", tag("span", given.comment)] if given.comment else "."
    return tag(
        "p",
        tag("b", f"Graded by a person, {number(given.points)} of {number(part.points)} points"),
        comment,
        class_="said",
    )


def _question(part: Part, result: Result) -> Html:
    text = result.record.texts.get(part.id, "").strip()
    points = result.points[part.id]
    state = "not graded yet" if points is None else f"{number(points)} of {number(part.points)} points"
    return tag(
        "section",
        tag("div", tag("h3", f"{part.id} · {part.title}"), tag("span", state), class_="head"),
        tag("p", "Your answer:", class_="soft small"),
        tag("pre", text) if text else tag("p", "No answer was found in your file.", class_="soft"),
        _given(part, result),
        class_="card pass" if points is not None and points >= part.points else "card",
        id=part.id,
    )


def _footer(result: Result) -> Html:
    record = result.record
    graded = f"Graded: {record.file} (SHA-256 begins with {record.digest}). " if record.file else ""
    return tag(
        "footer", graded, 'In the notebook, check("ex..", your_function) tries the public cases again.'
    )


# ---- Markdown


def feedback_markdown(result: Result, parts: Parts) -> str:
    """The same as text, for platforms that show Markdown; everything of the student's is escaped or fenced."""
    record = result.record
    lines = [f"# {parts.assignment}: {_md(parts.title)}", "", _md(record.student), ""]
    lines += [f"**{number(result.total)} of {number(parts.most)} points**{_open(result)}", ""]
    notes = (["Handed in late."] if record.late else []) + list(record.notes)
    lines += [f"* {_md(note)}" for note in notes] + ([""] if notes else [])
    for part in parts.exercises:
        if (graded := result.graded(part.id)) is None:
            continue
        icon, word = WORDS[graded.status]
        points = f"{number(result.points[part.id] or 0)} of {number(part.points)} points"
        lines += [f"## {icon} {part.id} · {_md(part.title)}: {word}, {points}", ""]
        if graded.message:
            lines += [_md(told(graded.message, part)), ""]
        if graded.status == "fix" and graded.public:
            example = [
                f"{word}: {graded.example[key]}" for key, word in LINES if (graded.example or {}).get(key)
            ]
            lines += _fenced("\n".join(example)) if example else []
        elif graded.status == "fix" and graded.mistake != "not-judged":
            lines += [HIDDEN, ""]
        if graded.status != "pass" and part.hints:
            lines += [f"Hint 1: {_md(part.hints[0])}", f'(`hint("{part.id}")` in the notebook goes on.)', ""]
        lines += [f"* {_md(note)}" for note in graded.notes] + ([""] if graded.notes else [])
        lines += _given_markdown(part, result)
    for part in parts.questions:
        points = result.points[part.id]
        state = "not graded yet" if points is None else f"{number(points)} of {number(part.points)} points"
        lines += [f"## {part.id} · {_md(part.title)}: {state}", ""]
        lines += _given_markdown(part, result)
    return "\n".join(lines).rstrip() + "\n"


def _given_markdown(part: Part, result: Result) -> list[str]:
    given = result.given.get(part.id)
    if given is None:
        return []
    return [f"**Graded by a person, {number(given.points)} points**: {_md(given.comment or '-')}", ""]


def _md(text: str) -> str:
    """One line in which nothing is markup, neither Markdown nor HTML."""
    text = html.escape(" ".join(plain(text).split()), quote=False)
    return re.sub(r"([\\`*_{}\[\]()#+!|~])", r"\\\1", text)


def _fenced(text: str) -> list[str]:
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [fence, plain(text), fence, ""]
