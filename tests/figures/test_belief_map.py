"""Figure 1: the joint's belief map, its numbers, and the reader's own function."""

from __future__ import annotations

import numpy as np
import pytest

from cpm_edu.figures.interactive.belief_map import belief_map, belief_map_frame, library_target
from cpm_edu.figures.interactive.frame import Raster, Rects, Texts


def my_target(joint_cells, size, sigma):
    rows, columns = np.mgrid[: size[0], : size[1]]
    return np.exp(-((columns - joint_cells[0]) ** 2 + (rows - joint_cells[1]) ** 2) / (2 * sigma**2))


def marks_of(frame, name, kind):
    [panel] = [panel for row in frame.rows for panel in row if panel.name == name]
    return [mark for mark in panel.marks if isinstance(mark, kind)]


def values_of(frame):
    return marks_of(frame, "map", Raster)[0].values


def test_a_joint_in_the_middle_of_a_cell_by_hand():
    frame = belief_map_frame((75.5, 59.5), 1.2)  # 8 * (9 + 1/2) - 1/2, 8 * (7 + 1/2) - 1/2
    values = values_of(frame)
    assert values.shape == (20, 20)
    assert values[7, 9] == 1
    assert values[7, 10] == pytest.approx(np.exp(-1 / 2.88), abs=1e-6)
    assert "cell (9.00, 7.00)" in frame.status
    assert "Brightest cell (9, 7): belief 1.00, its middle 0.0 pixels" in frame.status


def test_a_joint_at_a_corner_of_its_cell_is_5_7_pixels_off():
    frame = belief_map_frame((72.0, 56.0), 1.2)
    assert "its middle 4.9 pixels from the joint" in frame.status  # 3.5 in x and in y


def test_the_pink_frame_is_around_the_brightest_cell():
    for name in ("map", "near"):
        frames = marks_of(belief_map_frame((75.5, 59.5), 1.2), name, Rects)
        assert frames[-1].boxes == [(71.5, 55.5, 79.5, 63.5)], name


def test_numbers_are_hundredths_of_the_cells():
    [numbers] = marks_of(belief_map_frame((75.5, 59.5), 1.2), "near", Texts)
    assert len(numbers.texts) == 49
    assert numbers.texts[24] == "100"
    assert numbers.texts[23] == numbers.texts[25] == numbers.texts[17] == "71"


def test_msra_rounds_the_centre_and_stands_on_pixels():
    frame = belief_map_frame((75.5, 59.5), 1.2, "msra")  # 75.5 / 8 = 9.44, 59.5 / 8 = 7.44
    assert values_of(frame)[7, 9] == 1
    assert "cell (9.44, 7.44)" in frame.status
    assert "its middle 4.9 pixels" in frame.status  # (72, 56)
    assert marks_of(frame, "map", Raster)[0].box == (-4, -4, 156, 156)


def test_a_small_sigma_leaves_one_cell_and_less_than_one():
    frame = belief_map_frame((73.0, 59.5), 0.3)
    assert "1 of 400 cells" in frame.status
    assert values_of(frame).max() < 0.7


@pytest.mark.parametrize("joint", [(0.0, 0.0), (159.0, 0.0), (159.0, 159.0), (0.0, 159.0)])
@pytest.mark.parametrize("convention", ["center", "msra"])
def test_corners_of_the_crop(joint, convention):
    frame = belief_map_frame(joint, 1.2, convention)
    assert len(marks_of(frame, "near", Texts)[0].texts) == 49


def test_the_readers_function_is_used_and_agrees():
    assert belief_map_frame((70.0, 33.0), 1.7, "center", my_target).status == belief_map_frame((70.0, 33.0), 1.7).status  # fmt: skip
    given = library_target((9.3, 6.8), (20, 20), 1.2)
    assert given == pytest.approx(my_target((9.3, 6.8), (20, 20), 1.2), abs=1e-5)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (lambda j, size, s: my_target(j[::-1], size, s), "rows and columns have changed places"),
        (lambda j, size, s: my_target(j, size, s * 2**0.5), "differs from the package's map by up to 0."),
        (lambda j, size, s: my_target(j, (20, 21), s), "shape (20, 21); the map is (20, 20)"),
        (lambda j, size, s: np.full(size, np.nan), "NaN or infinite"),
        (lambda j, size, s: undefined, "NameError: name 'undefined' is not defined"),  # noqa: F821
    ],
)
def test_a_wrong_function_is_told(target, words):
    assert words in belief_map(target).status


def test_a_right_one_is_not_doubted():
    assert "But" not in belief_map(my_target).status


def test_each_thing_that_moves_changes_picture_and_words():
    figure = belief_map()
    for values in ({"joint": (20.0, 130.0)}, {"sigma": 2.4}, {"convention": "msra"}):
        words, picture = figure.status, figure.snapshot()
        figure.set(**values)
        assert figure.status != words
        assert figure.snapshot() != picture
    assert figure.state["joint"] == (20.0, 130.0)
