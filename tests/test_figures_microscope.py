"""The microscope's figures show what the trace holds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from emulator_tools import require_compiler
from matplotlib.figure import Figure

from cpm_edu.figures.microscope import draw_lines, draw_owners, draw_request, draw_timeline, kernel_figure
from cpm_edu.figures.microscope_style import GOOD, THREAD_CMAP, WASTE
from cpm_edu.kernels.lab import Kernel

pytestmark = pytest.mark.cpp

REVERSE = r"""extern "C" __global__ void reverse(const float* x, float* out, int stride) {
  __shared__ float s[64];
  const int t = threadIdx.x;
  s[t] = x[blockIdx.x * 64 + t];
  BARRIER
  if (t < 60) out[(blockIdx.x * 64 + t) * stride] = s[63 - t];
}"""


def traced(barrier=True, stride=1):
    require_compiler()
    source = REVERSE.replace("BARRIER", "__syncthreads();" if barrier else "")
    return Kernel(source).trace(2, 64, 0, torch.rand(128), torch.zeros(128 * stride), stride)


def axes():
    return Figure(figsize=(6, 3)).add_subplot()


def words(ax):
    return [text.get_text() for text in ax.texts]


def test_owners_are_coloured_and_numbered_by_thread():
    ax = axes()
    draw_owners(ax, traced(), "out", (8, 16))
    colors = ax.images[0].get_array()
    assert colors.shape == (8, 16, 3)
    np.testing.assert_allclose(colors[0, 5], THREAD_CMAP(0.08 + 0.87 * 5 / 31)[:3])
    np.testing.assert_allclose(colors[1, 5], THREAD_CMAP(0.08 + 0.87 * 21 / 31)[:3])
    assert words(ax).count("17") == 2, "thread 17 of both blocks"
    assert "60" not in words(ax), "threads 60 to 63 write nothing"
    assert (colors[3, 12:] == 1).all()
    assert {"b0", "b1"} <= set(words(ax))


def test_owners_show_a_part_of_a_large_argument():
    ax = axes()
    draw_owners(ax, traced(stride=8), "out", (32, 32))
    assert ax.images[0].get_array().shape == (16, 24, 3)
    assert "top left part" in ax.get_title("left")
    ax = axes()
    draw_owners(ax, traced(), "x", (8, 16), write=False, window=(2, 3))
    assert ax.images[0].get_array().shape == (2, 3, 3)
    assert "read by" in ax.get_title("left")


def test_table_of_lines_has_costs_and_signs():
    ax = axes()
    draw_lines(ax, traced(stride=8))
    text = words(ax)
    assert "  s[t] = x[blockIdx.x * 64 + t];" in text
    assert "  __syncthreads();" in text, "short stretches between are shown"
    assert "ideal 4" in text or "ideal 3.8" in text
    assert "■" in text, "the strided store is wasteful"
    assert "●" in text
    widths = {
        round(p.get_width(), 2)
        for p in ax.patches
        if p.get_facecolor()[:3] == pytest.approx((0.835, 0.369, 0), abs=0.01)
    }
    assert widths, f"a bar in {WASTE}"


def test_table_marks_faulty_lines():
    sound, racy = axes(), axes()
    draw_lines(sound, traced())
    draw_lines(racy, traced(barrier=False))
    assert words(sound).count("!") == 0
    assert words(racy).count("!") == 2


def test_timeline_parts_epochs_and_rings_the_race():
    sound, racy = axes(), axes()
    draw_timeline(sound, traced())
    draw_timeline(racy, traced(barrier=False))
    assert words(sound) == ["barrier\nline 5"]
    assert words(racy) == []
    rings = [c for c in racy.collections if len(c.get_sizes()) and c.get_sizes()[0] == 130]
    assert len(rings) == 1
    assert len(rings[0].get_offsets()) == 2
    labels = [label.get_text() for label in racy.get_yticklabels()]
    assert labels[0] == "thread 0"
    assert len(labels) == 8
    assert labels[-1] != "thread 7", "the other side of the race is among the threads"
    assert "race" in [text.get_text() for text in racy.get_legend().get_texts()]
    assert "race" not in [text.get_text() for text in sound.get_legend().get_texts()]


def test_timeline_of_chosen_threads_and_waits():
    ax = axes()
    source = """extern "C" __global__ void k(float* out) {
  if (threadIdx.x < 2) out[threadIdx.x] = 1;
  __syncthreads();
  out[threadIdx.x + 4] = 2;
}"""
    require_compiler()
    draw_timeline(ax, Kernel(source).trace(1, 4, 0, torch.zeros(8)), threads=[0, 3])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["thread 0", "thread 3"]
    waits = [line for line in ax.lines if line.get_color() == "#999999"]
    assert [line.get_ydata()[0] for line in waits] == [1], "only thread 3 waits"


@pytest.mark.parametrize(("stride", "sectors", "share"), [(1, 4, 100), (8, 32, 12)])
def test_request_counts_sectors(stride, sectors, share):
    ax = axes()
    draw_request(ax, traced(stride=stride), 6, write=True)
    assert f"{sectors} sectors are fetched for 128 bytes: {share} % of them are used" in words(ax)
    assert words(ax)[:2].count("sectors\n(32 bytes)") == 1


def test_request_counts_bank_turns():
    source = """extern "C" __global__ void k(float* out, int pitch) {
  extern __shared__ float s[];
  s[threadIdx.x * pitch] = 1;
  out[threadIdx.x] = s[threadIdx.x * pitch];
}"""
    require_compiler()
    for pitch, sentence in ((1, "one turn"), (4, "4 turns")):
        ax = axes()
        draw_request(ax, Kernel(source).trace(1, 32, 4 * 32 * pitch, torch.zeros(32), pitch), 3)
        assert any(text.startswith(sentence) for text in words(ax))
    with pytest.raises(ValueError, match="accessed nothing in line 2"):
        draw_request(axes(), traced(), 2)


@pytest.mark.parametrize("barrier", [True, False])
def test_whole_figure_is_drawn(barrier):
    figure = kernel_figure(traced(barrier), "out", (8, 16), title="turned around")
    figure.canvas.draw()
    heads = [text.get_text() for text in figure.texts]
    assert heads[0] == "turned around"
    if barrier:
        assert heads[1] == "● no fault found in this launch"
        assert figure.texts[1].get_color() == GOOD
    else:
        assert heads[1] == "■ shared-race in lines 4 and 6"
        assert figure.texts[1].get_color() == WASTE


def test_trace_without_accesses():
    require_compiler()
    trace = Kernel('extern "C" __global__ void k(float* out) { }').trace(1, 32, 0, torch.zeros(4))
    kernel_figure(trace, "out", (2, 2)).canvas.draw()
    assert trace.lines() == []
