"""The widget: shows frames on a canvas, sends what the reader moves to the kernel, and draws anew."""

from __future__ import annotations

import base64
import html
import json
import textwrap
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import anywidget
import traitlets

from .controls import checked, first_value, held
from .frame import Control, Frame, Panel, Texts, Upload
from .layout import lay_out
from .static import frame_png
from .wire import Wire, palette_tables

__all__ = ["Figure"]

HERE = Path(__file__).parent
SCRIPTS = ("figure_paint.js", "figure_handles.js", "figure.js")
MOST_CONTROLS = 3
LONGEST = 300  # characters of an error
STATIC_NOTE = "A still picture; run the notebook to move things."


def _browser_code() -> str:
    """All scripts as one module: a widget's module cannot import a file beside it."""
    scripts = [(HERE / name).read_text(encoding="utf-8") for name in SCRIPTS]
    return "\n".join([f"const PALETTES = {json.dumps(palette_tables())};", *scripts])


class Figure(anywidget.AnyWidget):
    """A figure that the reader moves.

    Args:
        draw: from the state to a `Frame`. The state holds the value of every control, the (x, y) position of every
            handle (after the first frame) and what `state` adds. Called in the kernel, whenever something moves.
            A `ValueError` of it is shown as it is, another exception with its type's name; the last frame stays.
        title: above the figure.
        alt: what the figure shows, for those who cannot see it.
        controls: at most three.
        state: more values for `draw`, or other first values for controls and handles.
        hint: one line on how to use it.

    Raises:
        ValueError: no alt text, more than three controls, or two of one name.
    """

    _esm = _browser_code()
    _css = (HERE / "figure.css").read_text(encoding="utf-8")
    about = traitlets.Dict().tag(sync=True)
    _key = traitlets.Unicode().tag(sync=True)  # one store a figure in the browser

    def __init__(
        self,
        draw: Callable[[dict], Frame],
        *,
        title: str,
        alt: str,
        controls: Sequence[Control] = (),
        state: Mapping | None = None,
        hint: str = "",
    ) -> None:
        if not alt.strip():
            raise ValueError("a figure needs an alt text: what does it show?")
        names = [control.name for control in controls]
        if len(names) > MOST_CONTROLS or len(set(names)) < len(names):
            raise ValueError(f"a figure has at most {MOST_CONTROLS} controls of different names, not {names}")
        self._draw, self._alt, self._title = draw, alt, title
        self._controls = {control.name: control for control in controls}
        self._first = {name: first_value(control) for name, control in self._controls.items()}
        self._first.update(state or {})
        self._wire = Wire()
        self._uploads: dict[str, bytearray] = {}  # what came of a file so far, by who sends it
        self._frame: Frame | None = None
        self._error = ""
        self._png: tuple[Frame, bytes] | None = None
        self._restart()
        listed = [{"kind": type(c).__name__.lower(), **asdict(c)} for c in controls]
        about = {"title": title, "alt": alt, "hint": hint, "controls": listed}
        super().__init__(about=about, _key=uuid.uuid4().hex)
        self.on_msg(self._receive)

    # ---- for notebooks and tests

    @property
    def state(self) -> dict:
        """A copy of the state."""
        return dict(self._state)

    @property
    def frame(self) -> Frame:
        """The frame that is shown; if none could be drawn yet, an empty one."""
        return self._frame or _empty_frame(self._error)

    @property
    def status(self) -> str:
        """The sentence under the figure: the frame's, or what went wrong."""
        return self._error or self.frame.status

    def set(self, **values) -> None:
        """Move controls and handles, or change other values of the state, and draw anew.

        Raises:
            ValueError: the state has no such value, or a control cannot have it.
        """
        unknown = sorted(set(values) - set(self._state))
        if unknown:
            raise ValueError(f"the figure has no {', '.join(unknown)}; it has {', '.join(self._state)}")
        self._change(values)
        self._show()

    def reset(self) -> None:
        """Back to the first state."""
        self._restart()
        self._show()

    def snapshot(self) -> bytes:
        """What is shown now, as a PNG."""
        frame = self.frame
        if self._png is None or self._png[0] is not frame:
            self._png = frame, frame_png(frame)
        return self._png[1]

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle
        data["text/plain"] = f"{self._title}: {self.status}"
        data["text/html"] = self._static_html()
        return data, metadata

    def _static_html(self) -> str:
        """The picture with its words, for readers without a kernel."""
        picture = base64.b64encode(self.snapshot()).decode()
        width = lay_out(self.frame).width
        alt = html.escape(f"{self._alt} {self.status}", quote=True)
        return (
            f'<figure style="margin:0"><img alt="{alt}" width="{width}" style="max-width:100%;height:auto" '
            f'src="data:image/png;base64,{picture}">'
            f"<figcaption><b>{html.escape(self._title)}.</b> {html.escape(self.status)} {STATIC_NOTE}"
            "</figcaption></figure>"
        )

    # ---- drawing

    def _restart(self) -> None:
        self._state = dict(self._first)
        self._redraw()

    def _change(self, values: Mapping) -> None:
        handles = {handle.name: handle for handle in self.frame.handles}
        new = {}
        for name, value in values.items():
            if name in handles:
                value = held(handles[name], self.frame, value)
            elif name in self._controls:
                value = checked(self._controls[name], value)
            new[name] = value
        self._state.update(new)
        self._redraw()

    def _redraw(self) -> None:
        """Call `draw`; on an exception keep the last frame and say why."""
        try:
            frame = self._draw(dict(self._state))
            if not isinstance(frame, Frame):
                raise TypeError(f"the figure's function gave a {type(frame).__name__}, not a Frame")
            if not isinstance(frame.status, str):
                raise TypeError(f"a frame's status is a sentence, not {frame.status!r}")
            self._packed = self._wire.pack(frame)
        except (Exception, KeyboardInterrupt, SystemExit) as error:
            self._error = _sentence(error)
            return
        self._frame, self._error = frame, ""
        for handle in frame.handles:  # where `draw` says it is: it may have held it back
            self._state[handle.name] = (float(handle.at[0]), float(handle.at[1]))

    def _show(self, to: str = "", request: int = 0) -> None:
        """Send what is shown now to every view; `to` and `request` say whose question it answers."""
        if self._error:
            self._answer(to, request, error=self._error)
        else:
            self._answer(to, request, *self._packed)

    def _answer(
        self, to: str, request: int, message: Mapping | None = None, buffers: Sequence = (), error: str = ""
    ) -> None:
        values = {name: value for name, value in self._state.items() if name in self._controls}
        values = {name: value[0] if isinstance(value, tuple) else value for name, value in values.items()}
        head = {"kind": "frame", "to": to, "request": request, "error": error, "values": values}
        self.send({**head, **(message or {})}, list(buffers))

    # ---- messages from the browser

    def _receive(self, _widget, message: dict, buffers: list) -> None:
        to, request, kind = message.get("from", ""), message.get("request", 0), message.get("kind")
        if kind == "hello":  # a view that has nothing yet, or lost a raster
            self._wire.forget()
            self._packed = self._wire.pack(self.frame)
            self._answer(to, request, *self._packed)
            if self._error:
                self._show(to, request)
        elif kind == "reset":
            self._restart()
            self._show(to, request)
        elif kind == "set":
            self._take_values(message.get("values"))
            self._show(to, request)
        elif kind == "upload":
            self._take_upload(to, request, message, buffers)

    def _take_values(self, values: object) -> None:
        values = values if isinstance(values, Mapping) else {}
        files = {name for name, control in self._controls.items() if isinstance(control, Upload)}
        try:
            self._change({n: v for n, v in values.items() if n in self._state and n not in files})
        except (TypeError, ValueError, LookupError, OverflowError) as error:
            self._error = _sentence(error)

    def _take_upload(self, to: str, request: int, message: dict, buffers: list) -> None:
        """A file comes in pieces, each after the answer to the one before: a server refuses large messages."""
        control, size, offset = (
            self._controls.get(message.get("name")),
            message.get("size"),
            message.get("offset"),
        )
        if not isinstance(control, Upload) or not isinstance(size, int) or not isinstance(offset, int):
            return
        kept = self._uploads.setdefault(to, bytearray())
        if offset == 0:
            kept.clear()
        if offset == len(kept) and size <= control.most_bytes:
            kept += b"".join(bytes(part) for part in buffers)
            if len(kept) < size:
                self.send({"kind": "more", "to": to, "request": request, "received": len(kept)})
                return
        content = bytes(self._uploads.pop(to))
        if len(content) != size:
            self._error = f"The file did not arrive whole, or has more than {control.most_bytes:,} bytes; choose it again."
            self._show(to, request)
            return
        self._change({control.name: (str(message.get("file", "")), content)})
        self._show(to, request)


def _sentence(error: BaseException) -> str:
    """One line on what went wrong, of at most `LONGEST` characters."""
    text = textwrap.shorten(str(error), LONGEST, placeholder=" ...")
    if isinstance(error, KeyboardInterrupt):
        return "Interrupted; move something to draw again."
    if isinstance(error, ValueError):
        return text or "ValueError without a message"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _empty_frame(sentence: str) -> Frame:
    words = Texts([(240, 40)], ["nothing to show yet"], align="center", color="#555555")
    return Frame([[Panel("empty", (480, 80), (0, 0, 480, 80), [words], describe="Empty.")]], sentence)
