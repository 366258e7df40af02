"""Predict first: a question that covers a figure or a number until the reader has answered or skipped it.

Being wrong first is how it sticks. Nothing here is graded; answers stay on this machine (`answers.py`). Where nobody
sits in front (CI, `jupyter execute`, plain Python, CPM_EDU_ANSWER=auto) a question answers itself: what is then
displayed is its static twin, HTML with the answer in a fold, which also is what documentation shows.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from IPython import get_ipython
from IPython.display import display
from ipywidgets import VBox

from .answers import Answer, read_answer, write_answer
from .card import Card
from .shown import call_and_collect, marked_up, shown_html, shown_widget

__all__ = ["answers_itself", "hinge", "predict_first"]

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def predict_first(
    id: str,
    question: str,
    *,
    answer: object,
    choices: Sequence[object] | None = None,
    unit: str = "",
    show: Callable[[], object] | None = None,
    because: str = "",
    close: float | None = None,
) -> None:
    """Ask before showing, then put the prediction beside the measurement. Displays itself.

    Args:
        id: of the answer's file: small letters, digits and dashes.
        question: text; `code`, *emphasis*, **bold** and blank lines are understood.
        answer: the value, or a function without arguments that measures it when it is revealed: a number, or one
            of `choices`.
        choices: what the reader chooses from; None asks for a number.
        unit: behind the number.
        show: function that returns what stays covered until then: a widget, a matplotlib figure (better:
            `picture(figure, alt=...)`), a table, anything that a notebook displays, or a list of those.
        because: one to three sentences beside the result.
        close: largest difference that counts as close; None: no judgement.

    Raises:
        ValueError: an id of other characters, fewer than two or repeated choices, an answer that is none of them
            or no finite number.
        Exception: where nobody sits in front, whatever `answer` or `show` raise; else it becomes a sentence.
    """
    asked = Prediction(id, question, answer, choices, unit, show, because, close)
    if answers_itself():
        _display_html(asked.heading, asked.question, asked.options, asked.folded(), asked.plain())
    else:
        display(asked.live())


def hinge(id: str, question: str, *, choices: Mapping[str, str], right: str) -> None:
    """One question that tells two ways of thinking apart: every choice has its own feedback. Displays itself.

    Args:
        id, question: as of `predict_first`; the two may share an id.
        choices: from what can be chosen to the feedback it gets.
        right: the choice that is right.

    Raises:
        ValueError: an id of other characters, fewer than two choices, one without feedback, `right` is none.
    """
    asked = Hinge(id, question, dict(choices), right)
    if answers_itself():
        _display_html(asked.heading, asked.question, asked.options, asked.folded(), asked.plain())
    else:
        display(asked.live())


def answers_itself() -> bool:
    """True where nobody could answer: CI, CPM_EDU_ANSWER=auto, no notebook, or a notebook run by a program."""
    if os.environ.get("CPM_EDU_ANSWER", "").lower() == "auto":
        return True
    if os.environ.get("CI", "").lower() not in ("", "0", "false"):
        return True
    kernel = getattr(get_ipython(), "kernel", None)
    # programs that execute notebooks announce that they cannot type; Jupyter, VS Code and Colab can
    return kernel is None or not getattr(kernel, "_allow_stdin", True)


@dataclass(frozen=True)
class Prediction:
    """A checked `predict_first`: what is asked, measured and said about it."""

    id: str
    question: str
    answer: object
    choices: Sequence[object] | None
    unit: str
    show: Callable[[], object] | None
    because: str
    close: float | None

    heading = "Predict first"

    def __post_init__(self) -> None:
        _check_id(self.id)
        if self.choices is not None:
            _check_choices(self.id, self.options)
        if not callable(self.answer):
            self.measured()

    @property
    def options(self) -> list[str]:
        return [] if self.choices is None else [str(choice) for choice in self.choices]

    def measured(self) -> str | float:
        """The answer, measured if it is a function: one of the options, or a finite number."""
        value = self.answer() if callable(self.answer) else self.answer
        if self.choices is not None:
            if str(value) not in self.options:
                raise ValueError(f"{self.id}: the answer {value!r} is none of the choices {self.options}")
            return str(value)
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number):
            raise ValueError(f"{self.id}: the answer must be a finite number, not {value!r}; or give choices")
        return number

    def worded(self, value: str | float) -> str:
        """A value with its unit, as text."""
        if isinstance(value, str):
            return value
        unit = f" {self.unit}" if self.unit else ""
        return f"{value:.4g}{unit}" if abs(value) < 10_000 else f"{value:,.0f}{unit}"

    def verdict(self, said: str | float, measured: str | float) -> str:
        """How the two compare, in words."""
        if isinstance(measured, str) or isinstance(said, str):
            return "As predicted." if said == measured else "Not as predicted."
        off = abs(said - measured)
        if self.close is None:
            return f"The difference is {self.worded(off)}." if off else "Exactly."
        return "Close." if off <= self.close else f"Off by {self.worded(off)}."

    def result(self, measured: str | float, kept: Answer | None, *, now: bool) -> str:
        """HTML of the sentence that compares, and the reason."""
        text = f"Measured: **{self.worded(measured)}**."
        if kept is not None:
            when = "" if now else f" on {kept.when}"
            text = f"You said **{self.worded(kept.said)}**{when}. {text} {self.verdict(kept.said, measured)}"
        return "".join(f"<p>{marked_up(part)}</p>" for part in (text, self.because) if part)

    def folded(self) -> str:
        """HTML of what the static twin hides in its fold."""
        result = self.result(self.measured(), None, now=True)
        return result + "".join(shown_html(thing) for thing in call_and_collect(self.show))

    def plain(self) -> str:
        return f"{self.heading}: {self.question}"

    def live(self) -> VBox:
        """The card, with an empty place below it for what is covered."""
        below = VBox()
        name = f"{self.id}.predict"

        def tell(kept: Answer | None, *, now: bool) -> None:
            try:
                measured = self.measured()
                things = [shown_widget(thing) for thing in call_and_collect(self.show)]
            except Exception as error:
                card.result = f"<p>{marked_up(f'Measuring failed: {type(error).__name__}: {error}')}</p>"
            else:
                card.result = self.result(measured, kept, now=now)
                below.children = things
            card.asking = False

        def handle(do: str, value: str) -> None:
            if do == "answer":
                said = self.options[int(value)] if self.options else float(value)
                kept, card.note = write_answer(name, said)
                card.said = value
                tell(kept, now=True)
            elif do == "skip":
                tell(None, now=True)
            elif do == "again":
                card.result, card.note, below.children, card.asking = "", "", (), True

        card = Card(
            handle,
            heading=self.heading,
            question=marked_up(self.question),
            options=[marked_up(option) for option in self.options],
            unit=self.unit,
        )
        kept, card.note = read_answer(name)
        if kept is not None and self.fits(kept):
            card.said = str(self.options.index(kept.said)) if self.options else f"{kept.said:g}"
            tell(kept, now=False)
        return _Question([card, below], self)

    def fits(self, kept: Answer) -> bool:
        """False for an answer given to another wording of this question."""
        return kept.said in self.options if self.options else isinstance(kept.said, int | float)


@dataclass(frozen=True)
class Hinge:
    """A checked `hinge`."""

    id: str
    question: str
    choices: dict[str, str]
    right: str

    heading = "Check yourself"

    def __post_init__(self) -> None:
        _check_id(self.id)
        _check_choices(self.id, self.options)
        if self.right not in self.choices:
            raise ValueError(f"{self.id}: {self.right!r} is none of the choices {self.options}")
        if silent := [choice for choice, feedback in self.choices.items() if not feedback.strip()]:
            raise ValueError(f"{self.id}: no feedback for {silent}")

    @property
    def options(self) -> list[str]:
        return list(self.choices)

    def feedback(self, choice: str) -> str:
        """What a choice is told, as text: a word first, so that colour is not needed."""
        return f"**{'Right.' if choice == self.right else 'Not quite.'}** {self.choices[choice]}"

    def folded(self) -> str:
        items = (f"<li>{marked_up(f'*{c}*: {self.feedback(c)}')}</li>" for c in self.options)
        return f"<ul>{''.join(items)}</ul>"

    def plain(self) -> str:
        return f"{self.heading}: {self.question}"

    def live(self) -> VBox:
        """The card; it can be answered as often as the reader likes."""
        name = f"{self.id}.hinge"

        def tell(kept: Answer, *, now: bool) -> None:
            when = "" if now else f"You chose this on {kept.when}. "
            card.result = f"<p>{marked_up(when + self.feedback(kept.said))}</p>"

        def handle(do: str, value: str) -> None:
            if do == "answer":
                kept, card.note = write_answer(name, self.options[int(value)])
                card.said = value
                tell(kept, now=True)

        card = Card(
            handle,
            heading=self.heading,
            question=marked_up(self.question),
            options=[marked_up(option) for option in self.options],
            can_skip=False,
        )
        kept, card.note = read_answer(name)
        if kept is not None and kept.said in self.choices:
            card.said = str(self.options.index(kept.said))
            tell(kept, now=False)
        return _Question([card], self)


class _Question(VBox):
    """A question on the screen; where no kernel runs, its text."""

    def __init__(self, children, asked: Prediction | Hinge) -> None:
        super().__init__(children)
        self._asked = asked

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        asked = self._asked
        data["text/html"] = _twin(asked.heading, asked.question, asked.options, "")
        data["text/plain"] = asked.plain()
        return bundle


def _check_id(id: str) -> None:
    if not isinstance(id, str) or not _ID.fullmatch(id):
        raise ValueError(f"an id has small letters, digits and dashes, such as 'argmax-pixel', not {id!r}")


def _check_choices(id: str, options: list[str]) -> None:
    if len(options) < 2 or len(set(options)) < len(options):
        raise ValueError(f"{id}: at least two different choices are needed, not {options}")


def _display_html(heading: str, question: str, options: list[str], folded: str, plain: str) -> None:
    html = _twin(heading, question, options, folded)
    display({"text/html": html, "text/plain": plain}, raw=True)


def _twin(heading: str, question: str, options: list[str], folded: str) -> str:
    """HTML without a widget: the question, the choices, and the answer in a fold."""
    items = "".join(f"<li>{marked_up(option)}</li>" for option in options)
    parts = [
        f"<p><strong>{heading}.</strong> {marked_up(question)}</p>",
        f"<ul>{items}</ul>" if items else "",
        f"<details><summary>Open after answering</summary>{folded}</details>"
        if folded
        else "<p>Run this cell to answer.</p>",
    ]
    return f'<div class="cpm-question">{"".join(parts)}</div>'
