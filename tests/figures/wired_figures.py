"""A widget whose messages a test writes and reads, without a browser."""

from __future__ import annotations

from cpm_edu.figures.interactive.figure import Figure


def wired(figure: Figure) -> Figure:
    """The figure with what it sends kept in `figure.sent`, a list of (message, buffers)."""
    figure.sent = []
    figure.send = lambda message, buffers=None: figure.sent.append((message, buffers or []))
    return figure


def ask(figure: Figure, buffers=(), **message) -> tuple[dict, list]:
    """What the figure answers to a message of the browser."""
    figure.sent.clear()
    figure._receive(figure, {"from": "me", "request": 7, **message}, list(buffers))
    return figure.sent[-1]
