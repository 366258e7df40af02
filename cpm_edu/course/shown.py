"""What a question shows once it is answered: any object, as HTML that needs no kernel, or as the widget it is."""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Callable
from contextlib import nullcontext

from IPython import get_ipython
from IPython.core.formatters import DisplayFormatter
from IPython.display import Image
from IPython.utils.capture import capture_output
from ipywidgets import HTML, Widget
from matplotlib.figure import Figure as MatplotlibFigure

__all__ = ["call_and_collect", "marked_up", "picture", "shown_html", "shown_widget"]


def picture(figure: MatplotlibFigure, *, alt: str) -> Image:
    """A matplotlib figure as something to show, with a text for those who cannot see it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return Image(buffer.getvalue(), format="png", alt=alt)


def call_and_collect(show: Callable[[], object] | None) -> list:
    """What a function returns and what it displays or prints, in that order."""
    if show is None:
        return []
    with capture_output() if get_ipython() else nullcontext() as captured:
        things = show()
    things = list(things) if isinstance(things, list | tuple) else [things]
    things = [thing for thing in things if thing is not None]
    if captured is not None:
        things += list(captured.outputs)
        things += [text for text in (captured.stdout,) if text.strip()]
    return things


def shown_widget(thing: object) -> Widget:
    """The widget itself, or one that holds the thing's HTML."""
    if isinstance(thing, Widget):
        return thing
    # Lab styles tables below this class only
    return HTML(f'<div class="jp-RenderedHTMLCommon cpm-shown">{shown_html(thing)}</div>')


def shown_html(thing: object) -> str:
    """One thing as HTML: by its own text/html, else as a picture with its alternative text, else as plain text."""
    if isinstance(thing, str):
        return f"<pre>{html.escape(thing)}</pre>"
    if isinstance(thing, MatplotlibFigure):
        thing = picture(thing, alt=_titles(thing))
    if isinstance(getattr(thing, "data", None), dict):  # collected while the function ran
        data, metadata = thing.data, thing.metadata or {}
    else:
        data, metadata = DisplayFormatter().format(thing)
    if "text/html" in data:
        return data["text/html"]
    if "image/svg+xml" in data:
        return data["image/svg+xml"]
    for kind in ("image/png", "image/jpeg"):
        if kind in data:
            return _image_html(
                kind, data[kind], metadata.get(kind, {}).get("alt", "") or metadata.get("alt", "")
            )
    return f"<pre>{html.escape(data.get('text/plain', repr(thing)))}</pre>"


def _image_html(kind: str, data: bytes | str, alt: str) -> str:
    text = base64.b64encode(data).decode() if isinstance(data, bytes) else "".join(data.split())
    return f'<img src="data:{kind};base64,{text}" alt="{html.escape(alt or "a picture")}" style="max-width: 100%">'


def _titles(figure: MatplotlibFigure) -> str:
    titles = [figure.get_suptitle(), *(axes.get_title() for axes in figure.axes)]
    return "; ".join(" ".join(title.split()) for title in titles if title) or "a plot"


def marked_up(text: str) -> str:
    """Plain text with `code`, **bold**, *emphasis* and blank lines as HTML; everything else is escaped."""
    text = html.escape(text.strip(), quote=False)
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", text)
    text = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", text)
    text = re.sub(r"\*([^*\s][^*]*)\*", r"<em>\1</em>", text)
    return "<br><br>".join(part.strip() for part in re.split(r"\n\s*\n", text))
