"""The widget of a question: a form, a place for the result, and two buttons."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anywidget
import traitlets

__all__ = ["Card"]

_HERE = Path(__file__).parent


class Card(anywidget.AnyWidget):
    """What the reader sees of a question. The kernel decides; the card shows.

    Traits:
        heading: the word above the question.
        question, result, note: HTML made from escaped text; an empty one is not shown.
        options: HTML of the choices; none: a number is asked for.
        unit: written behind the number.
        asking: True while an answer can be given, False where the result has replaced the form.
        can_skip: whether there is something to uncover without answering.
        said: what is filled in: the number's text, or the choice's place as text; "" is nothing.
        turn: counts the messages that were handled, so that the card knows when to stop waiting.

    The card sends {"do": "answer", "value": text}, {"do": "skip"} and {"do": "again"} to `handle`.
    """

    _esm = _HERE / "card.js"
    _css = _HERE / "card.css"
    heading = traitlets.Unicode().tag(sync=True)
    question = traitlets.Unicode().tag(sync=True)
    options = traitlets.List(traitlets.Unicode()).tag(sync=True)
    unit = traitlets.Unicode().tag(sync=True)
    asking = traitlets.Bool(True).tag(sync=True)
    can_skip = traitlets.Bool(True).tag(sync=True)
    said = traitlets.Unicode().tag(sync=True)
    result = traitlets.Unicode().tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)
    turn = traitlets.Int().tag(sync=True)

    def __init__(self, handle: Callable[[str, str], None], **traits) -> None:
        super().__init__(**traits)
        self._handle = handle
        self.on_msg(self._receive)

    def _receive(self, _widget, content, _buffers) -> None:
        try:
            self._handle(str(content.get("do", "")), str(content.get("value", "")))
        finally:
            self.turn += 1
