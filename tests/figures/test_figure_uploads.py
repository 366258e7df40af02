"""Files that come to a figure in pieces: whole, torn, endless, and from two browsers at once."""

from __future__ import annotations

import pytest
from wired_figures import ask, wired

from cpm_edu.figures.interactive.figure import Figure
from cpm_edu.figures.interactive.frame import Frame, Panel, Upload


def upload_figure(most_bytes: int = 100) -> Figure:
    def said(state):
        name, content = state["file"] or ("nothing", b"")
        return Frame([[Panel("p", (9, 9), (0, 0, 1, 1))]], f"{name}: {len(content)}")

    return wired(Figure(said, title="t", alt="a", controls=[Upload("file", "File", most_bytes=most_bytes)]))


def test_a_file_comes_in_pieces():
    figure = upload_figure()
    head = {"kind": "upload", "name": "file", "file": "a.jpg", "size": 5}
    message, _ = ask(figure, [memoryview(b"abc")], offset=0, **head)
    assert (message["kind"], message["received"]) == ("more", 3)
    message, _ = ask(figure, [memoryview(b"de")], offset=3, **head)
    assert message["status"] == "a.jpg: 5"
    assert figure.state["file"] == ("a.jpg", b"abcde")
    assert message["values"] == {"file": "a.jpg"}, "the bytes do not travel back"
    ask(figure, [memoryview(b"zzz")], offset=0, **head)  # given up after its first piece
    ask(figure, [memoryview(b"12345")], offset=0, **head)
    assert figure.state["file"] == ("a.jpg", b"12345"), "a new file begins at nothing"


def test_a_value_message_cannot_pose_as_a_file():
    figure = upload_figure()
    ask(figure, kind="set", values={"file": "x"})
    assert figure.state["file"] is None


def test_two_clients_send_a_file_at_once():
    figure = upload_figure()
    head = {"kind": "upload", "name": "file", "size": 4}
    for offset, part in ((0, b"12"), (2, b"34")):
        ask(figure, [b"ab"], offset=offset, file="a", **{**head, "from": "A"})
        ask(figure, [part], offset=offset, file="b", **{**head, "from": "B"})
        if offset:
            assert figure.state["file"] == ("b", b"1234")


@pytest.mark.parametrize("change", [{"offset": 3}, {"size": 10**9}])
def test_a_torn_or_endless_file_is_a_sentence(change):
    figure = upload_figure()
    head = {"kind": "upload", "name": "file", "file": "a", "size": 5, "offset": 0}
    message, _ = ask(figure, [b"abc"], **head | change)
    assert "choose it again" in message["error"]
    assert figure.state["file"] is None
