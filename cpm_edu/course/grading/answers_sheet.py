"""answers.html: what students wrote to the questions, beside the rubric, with places for points and a comment."""

from __future__ import annotations

from collections.abc import Sequence

from .page import Html, join, page, prose, tag
from .results import Part, Parts, Result
from .table import number

__all__ = ["answers_sheet"]


def answers_sheet(results: Sequence[Result], parts: Parts, *, overrides: str) -> str:
    """The page for hand grading.

    Args:
        overrides: name of the instructor's file, for the sentence on what to do with what is saved.
    """
    questions = parts.questions
    file = f"{parts.assignment}_answers.csv"
    return page(
        f"{parts.assignment}: answers to grade",
        tag(
            "main",
            tag("p", "Answers to grade by hand, for instructors", class_="soft small"),
            tag("h1", f"{parts.assignment}: {parts.title}"),
            tag(
                "p",
                f"Give points beside each answer, then save them as {file} and run the same grade command again with ",
                tag("code", f"--overrides {overrides} {file}"),
                ". Nothing is sent anywhere; what you type is kept in this browser until you save it, where the browser "
                "allows a page of a file to do so.",
            ),
            tag(
                "div",
                tag("button", f"Save {file}", type="button", class_="act", id="save", data_file=file),
                tag("label", tag("input", type="checkbox", id="anonymous"), " Hide names"),
                tag("span", id="told", role="status", class_="soft small"),
                class_="tools",
            ),
            tag("nav", tag("p", "Questions: ", _links(questions)), class_="noprint", aria_label="Questions")
            if len(questions) > 1
            else None,
            [_question(part, results) for part in questions],
        ),
        script=True,
    )


def _links(questions: Sequence[Part]) -> Html:
    return join(
        [
            [", " if place else "", tag("a", part.id, href=f"#{part.id}")]
            for place, part in enumerate(questions)
        ]
    )


def _question(part: Part, results: Sequence[Result]) -> Html:
    written = sum(bool(_text(result, part)) for result in results)
    rubric = [
        tag("h3", "The question"), prose(part.text) if part.text else None,
        tag("h3", "Points"), prose(part.rubric) if part.rubric else None,
        tag("details", tag("summary", "A sample answer"), prose(part.sample)) if part.sample else None,
    ] if part.text or part.rubric else [
        tag("p", "The rubric stands in the instructor's master of the assignment, which is not here."),
    ]  # fmt: skip
    numbered = [(result, place) for place, result in enumerate(results, 1)]
    return tag(
        "section",
        tag("h2", f"{part.id} · {part.title} ({number(part.points)} points)"),
        tag("p", f"{written} of {len(results)} wrote something.", class_="soft small"),
        tag(
            "div",
            tag(
                "div",
                [_answer(part, *one) for one in numbered if _text(one[0], part)],
                _silent(part, numbered),
            ),
            tag("aside", rubric, class_="rubric", aria_label=f"Rubric of {part.id}", tabindex="0"),
            class_="answers",
        ),
        id=part.id,
    )


def _silent(part: Part, numbered: Sequence[tuple[Result, int]]) -> Html | None:
    """Who wrote nothing, folded away, with 0 points filled in."""
    silent = [one for one in numbered if not _text(one[0], part)]
    if not silent:
        return None
    said = f"{len(silent)} wrote nothing that was found: 0 points are filled in"
    return tag("details", tag("summary", said), [_answer(part, *one) for one in silent])


def _text(result: Result, part: Part) -> str:
    return result.record.texts.get(part.id, "").strip()


def _answer(part: Part, result: Result, place: int) -> Html:
    text, given = _text(result, part), result.given.get(part.id)
    points = number(given.points) if given else "" if text else "0"
    # Two labels of one page must differ for those who hear them: the student's place is in them, not the name.
    about = f"of answer {place} to {part.id}"
    return tag(
        "article",
        tag("div", tag("h3", tag("span", result.student, class_="who")), tag("span", f"answer {place}", class_="soft small"), class_="head"),
        tag("pre", text) if text else tag("p", "No answer was found in the file.", class_="soft"),
        tag(
            "div",
            tag(
                "label", f"points (0 to {number(part.points)})",
                tag("input", type="number", class_="points", min=0, max=number(part.points), step="0.5", value=points, aria_label=f"points {about}"),
            ),
            tag(
                "label", "comment for the student",
                tag("input", type="text", class_="comment", value=given.comment if given else "", aria_label=f"comment {about}"),
                class_="wide",
            ),
            class_="give",
            data_give=True, data_student=result.student, data_exercise=part.id,
        ),
        class_="card" + (" pass" if given else ""),
    )  # fmt: skip
