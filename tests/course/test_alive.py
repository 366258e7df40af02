"""Pictures of a student's function: silent about a stub, not about a mistake."""

import pytest

from cpm_edu.course.alive import come_alive


def stub():
    raise NotImplementedError("ex02: write gaussian_map")


def test_a_stub_gives_one_sentence():
    sentence = come_alive(lambda: stub())
    assert "comes alive" in sentence.data
    assert "ex02: write gaussian_map" in sentence.data


def test_a_written_function_gives_its_picture():
    assert come_alive(lambda: [1, 2]) == [1, 2]


def test_a_mistake_is_not_hidden():
    with pytest.raises(IndexError, match="list index"):
        come_alive(lambda: [][0])
