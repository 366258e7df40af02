"""The owner map of large and of long arguments, and the mark of atomics."""

from __future__ import annotations

import pytest
import torch
from emulator_tools import require_compiler
from matplotlib.figure import Figure

from cpm_edu.figures.microscope import draw_owners, draw_timeline
from cpm_edu.kernels.lab import Kernel

pytestmark = pytest.mark.cpp


def drawn(source, grid, block, *arguments, shape):
    require_compiler()
    left, right = Figure().subplots(1, 2)
    trace = Kernel(source).trace(grid, block, 0, *arguments)
    draw_owners(left, trace, "out", shape)
    draw_timeline(right, trace)
    return left, right


def test_long_row_is_wrapped_and_atomics_have_their_mark():
    source = """__global__ void k(float* out, int* c, int n) {
      const int i = blockIdx.x * blockDim.x + threadIdx.x; if (i < n) { out[i] = i; atomicAdd(c, 1); } }"""
    owners, timeline = drawn(source, 5, 8, torch.zeros(37), torch.zeros(1).int(), 37, shape=(1, 37))
    assert owners.images[0].get_array().shape[:2] == (3, 16)
    assert [label.get_text() for label in owners.get_yticklabels()] == ["0", "16", "32"]
    assert [text.get_text() for text in timeline.get_legend().get_texts()] == [
        "global store",
        "global atomic",
    ]


def test_large_map_shows_its_blocks():
    source = """__global__ void k(float* out, int h, int w) {
      const int x = blockIdx.x * 16 + threadIdx.x, y = blockIdx.y * 16 + threadIdx.y; if (x < w && y < h) out[y * w + x] = 1; }"""
    owners, _ = drawn(source, (5, 4), (16, 16), torch.zeros(50, 70), 50, 70, shape=(50, 70))
    assert owners.images[0].get_array().shape[:2] == (50, 70)
    assert {f"b{i}" for i in range(20)} <= {text.get_text() for text in owners.texts}
