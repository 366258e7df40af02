"""The gallery of worst cases: who is shown, in which order, what is drawn, and what the page says in words."""

import re
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure
from tiny_people import TINY, TinyPeople

from cpm_edu.figures import gallery
from cpm_edu.figures.gallery import Case, cases_of, draw_case, gallery_figure, gallery_html, worst_cases


def make_case(error=0.5, name="photo.jpg, person 1", truth=True, **changes) -> Case:
    points = np.array([[10.0, 10], [20, 10], [30, 10], [20, 30], [30, 30]])
    off = points + np.array([[0, 0], [0, 3], [4, 0], [0, 12], [0, 0]])
    known = np.array([True, True, True, True, False])
    return Case(
        name=name, image=np.full((48, 40, 3), 90, np.uint8), window=(0, 0, 40, 40), found_px=off,
        truth_px=points if truth else None, labelled=known if truth else None, error=error, **changes,
    )  # fmt: skip


def drawn(case: Case):
    ax = Figure().add_subplot()
    draw_case(ax, case, TINY)
    return ax


def test_worst_first_and_nobody_who_does_not_count():
    errors = [0.1, np.nan, 0.9, 0.4, 0.9]
    assert worst_cases(errors, 3).tolist() == [2, 4, 3]
    assert worst_cases(errors, 99).tolist() == [2, 4, 3, 0]
    assert worst_cases([np.nan], 5).tolist() == []


def test_truth_and_prediction_differ_in_more_than_colour():
    ax = drawn(make_case())
    of = {}
    for line in ax.lines:
        of.setdefault(line.get_color(), set()).add(str(line.get_linestyle()))
    assert gallery.TRUTH_COLOR != gallery.FOUND_COLOR
    assert of[gallery.TRUTH_COLOR] == {"-"}
    assert of[gallery.FOUND_COLOR] == {"--"}, "dashed"
    truth, found = ax.collections
    assert len(truth.get_paths()[0].vertices) != len(found.get_paths()[0].vertices), "a dot and a cross"


def test_what_is_drawn_lies_where_the_joints_lie():
    case = make_case()
    truth, found = drawn(case).collections
    np.testing.assert_array_equal(found.get_offsets(), case.found_px)
    np.testing.assert_array_equal(np.asarray(truth.get_offsets())[:4], case.truth_px[:4])
    assert np.ma.getmaskarray(truth.get_offsets())[4].all() or np.isnan(truth.get_offsets()[4]).all()
    ax = drawn(make_case(truth=False))
    assert len(ax.collections) == 1, "the prediction alone"
    [shown] = ax.images
    assert list(shown.get_extent()) == [-0.5, 39.5, 42.5, -0.5], "pixels where they belong"


def test_a_window_beyond_the_picture():
    ax = drawn(replace(make_case(), window=(100, 100, 140, 140)))
    assert not ax.images
    assert ax.get_xlim() == (100, 140)
    assert ax.get_ylim() == (140, 100), "y down"


def test_the_words_name_the_farthest_joints():
    assert make_case().farthest(TINY) == "left hip 12 px, right shoulder 4 px, left shoulder 3 px"
    assert make_case().sentence(TINY) == (
        "photo.jpg, person 1: error 0.5. Farthest off: left hip 12 px, right shoulder 4 px, left shoulder 3 px."
    )
    assert make_case(truth=False).sentence(TINY).endswith("error 0.5. Nobody is annotated here.")


def test_page_is_whole_sorted_and_escaped():
    cases = [make_case(0.9, "first <b>"), make_case(0.4, 'second "quoted"'), make_case(0.1, "third")]
    page = gallery_html(cases, TINY, "A & B", "why < because")
    assert "http" not in page, "nothing is loaded from elsewhere"
    assert "<b>" not in page
    assert "A &amp; B" in page
    assert "why &lt; because" in page
    pictures = re.findall(r'<img src="data:image/(?:jpeg|png);base64,[^"]{500,}" alt="([^"]+)">', page)
    assert len(pictures) == 1 + 3, "a legend and three people, each with words"
    assert pictures[0].startswith("Legend")
    assert [words.split(":")[0] for words in pictures[1:]] == [
        "first &lt;b&gt;", "second &quot;quoted&quot;", "third",
    ]  # fmt: skip
    assert page.index("1. error 0.9") < page.index("2. error 0.4") < page.index("3. error 0.1")


def test_grid_has_a_place_for_everybody():
    for count, shape in ((1, (1, 1)), (6, (1, 6)), (8, (2, 6))):
        figure = gallery_figure([make_case(0.1 * i) for i in range(count)], TINY, "title")
        assert len(figure.axes) == shape[0] * shape[1]
        assert sum(bool(ax.get_title()) for ax in figure.axes) == count
        [legend] = figure.legends
        assert [text.get_text() for text in legend.get_texts()] == ["truth", "prediction", "error of a joint"]


def test_nothing_to_show_is_an_error():
    for make in (gallery_figure, gallery_html):
        with pytest.raises(ValueError, match="at least one case"):
            make([], TINY, "title")


def test_cases_of_a_data_set():
    people = TinyPeople(3, unlabelled=0.0)
    truth = np.stack([p.joints_px for p in people])
    labelled = np.array([[True] * 5, [False] * 5, [True] * 5])
    errors = np.array([0.2, 0.3, 0.5])
    worst = cases_of(people, [2, 1], truth + 1, truth, labelled, errors)
    assert [case.name for case in worst] == ["tiny 2", "tiny 1"]
    assert [case.error for case in worst] == [0.5, 0.3]
    assert worst[1].truth_px is None
    for case in worst:
        x1, y1, x2, y2 = case.window
        assert x2 - x1 == pytest.approx(y2 - y1), "square"
        assert (case.found_px > [x1, y1]).all()
        assert (case.found_px < [x2, y2]).all()
    np.testing.assert_array_equal(worst[0].image, people[2].image)


def test_a_long_name_shows_its_end():
    frame = "catch/A_long_name_of_a_clip_catch_f_cm_np1_ri_med_0/004.jpg"
    titles = [ax.get_title() for ax in gallery_figure([make_case(name=frame)], TINY, title="x").axes]
    assert any(title.endswith("ri_med_0/004.jpg") for title in titles), titles
