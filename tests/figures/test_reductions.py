"""The pictures of the notebook on reductions: a tree is what shuffles do, a roof is what was measured."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from emulator_tools import require_compiler

from cpm_edu.figures.reductions import roofline_figure, tree_figure, tree_sums
from cpm_edu.kernels.lab import Kernel

VALUES = [3, 1, 7, 0, 4, 1, 6, 3]


def test_tree_by_hand():
    rows = tree_sums(VALUES)
    assert rows[0] == VALUES
    assert rows[1][:4] == [7, 2, 13, 3]
    assert rows[2][:2] == [20, 5]
    assert rows[3][0] == 25
    assert rows[1][4:] == [8, 2, 12, 6], "a lane without a partner adds its own number"
    assert tree_sums([5]) == [[5]]


@pytest.mark.cpp
def test_tree_is_what_shuffles_do():
    require_compiler()
    kernel = Kernel("""extern "C" __global__ void k(const float* x, float* out) {
      float v = x[threadIdx.x];
      for (int d = 4, row = 0; d > 0; d /= 2, ++row) {
        v += __shfl_down_sync(0xffu, v, d, 8);
        out[8 * row + threadIdx.x] = v;
      }
    }""")
    out = torch.zeros(3, 8)
    kernel.launch(1, 8, 0, torch.tensor(VALUES).float(), out)
    assert out.tolist() == tree_sums(VALUES)[1:]


def test_tree_wants_a_power_of_two():
    for values in ([], [1, 2, 3]):
        with pytest.raises(ValueError, match="power of two"):
            tree_sums(values)


def test_tree_figure_shows_every_number_and_colours_those_that_matter():
    [ax] = tree_figure(VALUES).axes
    shown = [t.get_text() for t in ax.texts]
    assert [t for t in shown if t.isdigit()] == [f"{v:g}" for row in tree_sums(VALUES) for v in row]
    coloured = [p for p in ax.patches if p.get_facecolor()[:3] != (1, 1, 1)]
    assert len(coloured) == 8 + 4 + 2 + 1


def test_roofline_says_which_bill_is_longer():
    """40 GB/s and 100 Gflop/s meet at 2.5 operations a byte: 0.25 reaches 10 at most, 100 reaches 100."""
    [ax] = roofline_figure(40, 100, {"left": (0.25, 5.0), "right": (100, 50.0)}).axes
    roof, *points = [t.get_text() for t in ax.get_legend().get_texts()]
    assert "40 GB/s" in roof
    assert "100 Gflop/s" in roof
    assert points == ["left: 50 % of the roof (memory)", "right: 50 % of the roof (arithmetic)"]
    line = ax.lines[0]
    np.testing.assert_allclose(line.get_ydata()[1:], 100)
    assert line.get_xdata()[1] == 2.5
    assert line.get_ydata()[0] == pytest.approx(line.get_xdata()[0] * 40)
