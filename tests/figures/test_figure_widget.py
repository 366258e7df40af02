"""The widget's side in the kernel: state, messages, errors, uploads, the still picture. The browser's is in tests/browser."""

from __future__ import annotations

import re
import sys

import numpy as np
import pytest
from wired_figures import ask, wired

from cpm_edu.figures.interactive.figure import Figure
from cpm_edu.figures.interactive.frame import (
    Button,
    Choice,
    Frame,
    Handle,
    Panel,
    Play,
    Raster,
    Slider,
    Toggle,
    Upload,
)
from cpm_edu.figures.interactive.wire import REMEMBERED, Wire

BACKDROP = Raster(np.arange(400.0).reshape(20, 20))


def draw(state: dict) -> Frame:
    """A spot over a backdrop that never changes; its own small map does."""
    x, y = state.get("spot", (3.0, 4.0))
    if state.get("level", 0) == 9:
        raise ValueError("nine is\ntoo much")
    if state.get("level", 0) == 8:
        raise KeyError("eight")
    own = Raster(np.full((2, 2), x), low=0, high=20)
    panel = Panel("map", (100, 100), (-0.5, -0.5, 19.5, 19.5), [BACKDROP, own])
    return Frame([[panel]], f"at {x:g}, {y:g}, {state.get('level')}", [Handle("spot", "map", (x, y), "spot")])


CONTROLS = [Slider("level", "Level", 0, 9, 2), Choice("kind", "Kind", ("a", "b"), "a"), Toggle("on", "On", False)]  # fmt: skip


@pytest.fixture
def figure():
    return wired(Figure(draw, title="A title", alt="A spot.", controls=CONTROLS, state={"extra": 5}))


# ---- the state


def test_the_first_state_by_hand(figure):
    assert figure.state == {"level": 2, "kind": "a", "on": False, "extra": 5, "spot": (3.0, 4.0)}
    assert figure.status == "at 3, 4, 2"
    assert len(figure.frame.rows) == 1


def test_every_control_has_its_first_value():
    controls = [Button("press", "Press"), Play("play", "Play"), Upload("file", "File")]
    assert Figure(draw, title="t", alt="a", controls=controls).state == {
        "press": 0, "play": 0, "file": None, "spot": (3.0, 4.0),
    }  # fmt: skip


def test_set_draws_anew_and_reset_goes_back(figure):
    figure.set(spot=(5, 6), level=3)
    assert figure.status == "at 5, 6, 3"
    assert figure.state["spot"] == (5.0, 6.0)
    figure.reset()
    assert figure.status == "at 3, 4, 2"


def test_the_state_is_a_copy(figure):
    figure.state["level"] = 5
    assert figure.state["level"] == 2


def test_state_gives_other_first_values():
    figure = Figure(draw, title="t", alt="a", controls=CONTROLS, state={"level": 4, "spot": (7.0, 8.0)})
    assert figure.status == "at 7, 8, 4"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"spot": (-9, 99)}, "at -0.5, 19.5, 2"),
        ({"spot": (np.nan, 6)}, "at 3, 6, 2"),
        ({"level": 99}, "nine is too much"),
        ({"level": 3.4}, "at 3, 4, 3"),
    ],
)
def test_values_are_held_within_their_ends(figure, values, expected):
    figure.set(**values)
    assert figure.status == expected


def test_handles_keep_to_their_axis_and_grid():
    def rails(state):
        panel = Panel("map", (100, 100), (0, 9, 9, 0))
        at = state.get("a", (1.0, 2.0)), state.get("b", (3.0, 3.0))
        return Frame(
            [[panel]],
            "",
            [
                Handle("a", "map", at[0], "a", axis="x", bounds=(1, 0, 5, 9)),
                Handle("b", "map", at[1], "b", snap=3),
            ],
        )

    figure = Figure(rails, title="t", alt="a")
    figure.set(a=(7, 7), b=(4.4, 7.6))
    assert (figure.state["a"], figure.state["b"]) == ((5.0, 2.0), (3.0, 9.0))


def test_draw_may_hold_a_handle_back():
    def wall(state):
        x, y = state.get("spot", (1.0, 1.0))
        handle = Handle("spot", "map", (min(x, 4.0), y), "spot")
        return Frame([[Panel("map", (100, 100), (0, 0, 9, 9))]], f"{x:g}", [handle])

    figure = Figure(wall, title="t", alt="a")
    figure.set(spot=(8, 8))
    assert figure.state["spot"] == (4.0, 8.0)


@pytest.mark.parametrize(
    ("values", "words"), [({"no": 1}, "has no no; it has level"), ({"kind": "c"}, "one of a, b")]
)
def test_a_value_that_cannot_be_is_told_in_the_cell(figure, values, words):
    with pytest.raises(ValueError, match=words):
        figure.set(**values)
    assert figure.status == "at 3, 4, 2"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"alt": " "}, "alt text"),
        ({"controls": [*CONTROLS, Button("more", "More")]}, "at most 3"),
        ({"controls": [CONTROLS[0], CONTROLS[0]]}, "different names"),
    ],
)
def test_a_figure_that_cannot_be(options, words):
    with pytest.raises(ValueError, match=words):
        Figure(draw, **{"title": "t", "alt": "a", **options})


# ---- errors


def test_an_error_is_a_sentence_and_the_last_frame_stays(figure):
    last = figure.frame
    figure.set(level=9)
    assert figure.status == "nine is too much"
    assert figure.frame is last
    message, buffers = figure.sent[-1]
    assert message["error"] == "nine is too much"
    assert "panels" not in message
    assert buffers == []
    figure.set(level=8)
    assert figure.status == "KeyError: 'eight'"
    figure.set(level=1)
    assert figure.status == "at 3, 4, 1"


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (lambda state: None, "TypeError: the figure's function gave a NoneType, not a Frame"),
        (lambda state: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda state: Frame([], ""), "a frame needs at least one panel"),
    ],
)
def test_a_figure_that_cannot_be_drawn_at_all_still_shows_why(broken, words):
    figure = wired(Figure(broken, title="t", alt="a"))
    assert figure.status == words
    assert words in figure._repr_mimebundle_()[0]["text/html"].replace("&#x27;", "'")
    figure.sent.clear()
    figure._receive(figure, {"kind": "hello", "from": "me"}, [])
    (shown, _), (told, _) = figure.sent
    assert shown["panels"]
    assert told["error"] == words


def test_an_interrupted_drawing_does_not_end_the_figure(figure):
    def interrupted(state):
        raise KeyboardInterrupt

    figure._draw, kept = interrupted, figure._draw
    message, _ = ask(figure, kind="set", values={"level": 4})
    assert message["error"].startswith("Interrupted")
    figure._draw = kept
    assert ask(figure, kind="set", values={"level": 4})[0]["status"] == "at 3, 4, 4"


# ---- messages


def test_an_answer_names_the_question(figure):
    message, buffers = ask(figure, kind="set", values={"level": 4, "unknown": 1})
    assert (message["kind"], message["to"], message["request"]) == ("frame", "me", 7)
    assert message["status"] == "at 3, 4, 4"
    assert message["values"] == {"level": 4, "kind": "a", "on": False}
    assert "unknown" not in figure.state
    assert all(isinstance(part, bytes) for part in buffers)


def test_a_long_error_is_cut():
    def draw(_state):
        raise ValueError("too long " * 200)

    status = Figure(draw, title="A glow", alt="Nothing.").status
    assert status.startswith("too long too long")
    assert len(status) <= 300


def test_a_bad_value_from_the_browser_is_a_sentence(figure):
    assert "one of a, b" in ask(figure, kind="set", values={"kind": "c"})[0]["error"]
    assert ask(figure, kind="set", values={"spot": None})[0]["error"]
    for values in ({"spot": [1]}, {"spot": {}}, {"spot": [10**400, 1]}, {"level": 10**400}):
        assert ask(figure, kind="set", values=values)[0]["error"], values
    assert ask(figure, kind="set", values={"kind": "b"})[0]["error"] == ""
    assert ask(figure, kind="set", values=None)[0]["kind"] == "frame"
    figure.sent.clear()
    for bad in ({}, {"name": "level", "offset": 0, "size": 3}, {"name": "no", "offset": 0, "size": 3}):
        figure._receive(figure, {"kind": "upload", **bad}, [b"abc"])
    assert figure.sent == []


def panel_frame(size=(9, 9), at=(0.0, 0.0), status="ok") -> Frame:
    return Frame([[Panel("p", size, (0, 0, 1, 1))]], status, [Handle("h", "p", at, "h")])


@pytest.mark.parametrize(
    ("drawn", "words"),
    [
        (lambda state: panel_frame(size=(10**5, 9)), "1 to 4000 pixels"),
        (lambda state: panel_frame(size=(0, 9)), "1 to 4000 pixels"),
        (lambda state: panel_frame(at=(np.nan, 0.0)), "'h' is nowhere"),
        (lambda state: panel_frame(status=None), "a sentence, not None"),
        (lambda state: sys.exit(3), "SystemExit: 3"),
    ],
)
def test_a_frame_that_cannot_be_shown_is_a_sentence(drawn, words):
    figure = Figure(drawn, title="t", alt="a")
    assert words in figure.status
    assert words in figure._repr_mimebundle_()[0]["text/html"].replace("&#x27;", "'")


def test_a_raster_is_sent_once_and_again_when_asked(figure):
    message, buffers = ask(figure, kind="hello")
    assert len(message["rasters"]) == 2
    assert [len(part) for part in buffers[1:]] == [400, 4]
    message, buffers = ask(figure, kind="set", values={"spot": [9, 9]})
    assert [len(part) for part in buffers[1:]] == [4], "the backdrop is there already"
    message, buffers = ask(figure, kind="hello")
    assert len(message["rasters"]) == len(buffers) - 1 == 2


def test_the_wire_forgets_what_a_browser_may_have_dropped():
    wire = Wire()
    frame = Frame([[Panel("map", (9, 9), (0, 0, 1, 1), [BACKDROP])]], "")
    assert len(wire.pack(frame)[0]["rasters"]) == 1
    for k in range(REMEMBERED):
        wire.pack(Frame([[Panel("map", (9, 9), (0, 0, 1, 1), [Raster(np.full((1, 1), k), low=0, high=99)])]], ""))  # fmt: skip
    assert len(wire.pack(frame)[0]["rasters"]) == 1


def test_equal_bytes_of_another_shape_or_palette_are_another_raster():
    values = np.zeros((2, 8), np.uint8)
    others = [values, values.reshape(8, 2), values.reshape(4, 4), values.reshape(2, 2, 4)]
    rasters = [*(Raster(v) for v in others), Raster(values, palette="gray")]
    panels = [Panel(f"{k}", (9, 9), (0, 0, 1, 1), [r]) for k, r in enumerate(rasters)]
    assert len(Wire().pack(Frame([panels], ""))[0]["rasters"]) == len(rasters)


def test_numbers_are_pixels_of_the_picture(figure):
    message, buffers = ask(figure, kind="hello")
    box = message["panels"][0]["marks"][0]["box"]
    numbers = np.frombuffer(buffers[0], np.float32)
    assert numbers[box[0] : box[0] + box[1]].tolist() == [10, 10, 110, 110]


# ---- where nothing moves


def test_the_still_picture_says_what_it_shows(figure):
    data, _ = figure._repr_mimebundle_()
    page = data["text/html"]
    [alt] = re.findall(r'<img alt="([^"]*)"', page)
    assert alt == "A spot. at 3, 4, 2"
    assert "<figcaption><b>A title.</b> at 3, 4, 2" in page
    assert "http" not in page, "it must show offline"
    assert data["text/plain"] == "A title: at 3, 4, 2"
    assert "application/vnd.jupyter.widget-view+json" in data
    figure.set(level=3)
    assert "at 3, 4, 3" in figure._repr_mimebundle_()[0]["text/html"]


def test_a_snapshot_is_a_png_and_follows(figure):
    first = figure.snapshot()
    assert first.startswith(b"\x89PNG")
    figure.set(spot=(15, 15))
    assert figure.snapshot() != first


def test_words_are_escaped():
    figure = Figure(draw, title="<b>", alt='a "quoted" <i>')
    page = figure._repr_mimebundle_()[0]["text/html"]
    assert "&lt;b&gt;" in page
    assert 'alt="a &quot;quoted&quot; &lt;i&gt;' in page
