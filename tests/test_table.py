"""Table in a terminal, a notebook and a CSV file."""

import csv
import html.parser

import numpy as np
import pytest
import torch

from cpm_edu.metrics import Table


def table():
    return Table(
        ["joint", "PCK", "counted"],
        [["head", 0.96789, 1000], ["wrist", None, 7]],
        caption="PCK at 0.2",
        formats={"PCK": ".1%"},
    )


def test_text_is_aligned():
    assert str(table()).splitlines() == [
        "PCK at 0.2",
        "joint    PCK  counted",
        "-----  -----  -------",
        "head   96.8%     1000",
        "wrist      –        7",
    ]
    assert repr(table()) == str(table())


def test_csv_keeps_full_precision_and_leaves_missing_empty(tmp_path):
    assert table().csv() == "joint,PCK,counted\nhead,0.96789,1000\nwrist,,7\n"
    assert Table(["a", "b"], [[float("nan"), 1 / 3]]).csv() == f"a,b\n,{1 / 3!r}\n"
    table().to_csv(tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == table().csv().encode()
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]


def test_csv_quotes():
    text = Table(["a,b", "c"], [['say "x"', "two\nlines"]]).csv()
    assert list(csv.reader(text.splitlines(keepends=True))) == [["a,b", "c"], ['say "x"', "two\nlines"]]


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "out.csv"
    path.write_text("old")

    def full_disk(self, text, **_):
        with open(self, "w") as file:
            file.write(text[:5])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full_disk)
    with pytest.raises(OSError, match="No space"):
        table().to_csv(path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]


class Reader(html.parser.HTMLParser):
    """Tags with attributes, and the text of every cell."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data):
        if data.strip():
            self.texts.append(data)


def test_html_is_accessible():
    reader = Reader(table()._repr_html_())
    assert not reader.open
    assert reader.texts == [
        "PCK at 0.2",
        "joint",
        "PCK",
        "counted",
        "head",
        "96.8%",
        "1000",
        "wrist",
        "–",
        "7",
    ]
    scopes = [attributes.get("scope") for tag, attributes in reader.tags if tag == "th"]
    assert scopes == ["col", "col", "col", "row", "row"]
    assert [tag for tag, _ in reader.tags if tag == "caption"] == ["caption"]


def test_html_is_escaped():
    evil = '<script>alert("1")</script> & co'
    text = Table([evil], [[evil]], caption=evil)._repr_html_()
    assert "<script" not in text
    assert Reader(text).texts == [evil] * 3


def test_missing_values_and_other_numbers():
    rows = [[np.float32(np.nan), np.int64(3), True], [torch.tensor(0.123456), float("inf"), "n/a"], {"b": 2}]
    lines = str(Table(["a", "b", "c"], rows)).splitlines()
    assert [line.split() for line in lines[2:]] == [
        ["–", "3", "True"],
        ["0.1235", "inf", "n/a"],
        ["–", "2", "–"],
    ]


def test_values_without_rows_and_without_caption():
    empty = Table(["a", "b"], [])
    assert str(empty) == "a  b\n-  -"
    assert empty.csv() == "a,b\n"
    assert "<caption>" not in empty._repr_html_()
    assert len(empty) == 0


def test_line_breaks_do_not_break_the_text():
    assert len(str(Table(["a"], [["one\ntwo"]])).splitlines()) == 3


def test_columns():
    assert table().column("counted") == [1000, 7]
    with pytest.raises(ValueError, match="the table has"):
        table().column("nose")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["a", "a"], []), "different names"),
        (([], []), "different names"),
        ((["a", "b"], [[1]]), "row 0 has 1 values for 2 columns"),
        ((["a"], [{"b": 1}]), r"row 0 names columns \['b'\]"),
        ((["a"], [], {"b": ".1f"}), "formats names columns"),
        ((["a"], [[1.0]], {"a": ".1q"}), "column 'a': format"),
    ],
)
def test_bad_tables(arguments, message):
    columns, rows, *formats = arguments
    with pytest.raises(ValueError, match=message):
        Table(columns, rows, formats=formats[0] if formats else None)
