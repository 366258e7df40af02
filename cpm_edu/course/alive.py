"""Pictures of the student's own functions, which come alive once those are written."""

from __future__ import annotations

from collections.abc import Callable

from IPython.display import Markdown

__all__ = ["come_alive"]


def come_alive(draw: Callable[[], object]) -> object:
    """What `draw` returns, or a sentence while a function that it calls is still a stub.

    Args:
        draw: calls the student's function and shows or returns a picture of what it made. Any error but
            NotImplementedError goes on to the cell, where it helps.
    """
    try:
        return draw()
    except NotImplementedError as stub:
        what = f" ({stub})" if str(stub) else ""
        return Markdown(f"*This picture comes alive when the function above is written{what}.*")
