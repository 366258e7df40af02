"""The interactive microscope: what it says of a thread is what the trace holds, and numbers worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from emulator_tools import require_compiler
from launch_views import ALONG, DOWN, RACING, ROW, panel, texts, view_of, words

from cpm_edu.figures.interactive import specimens
from cpm_edu.figures.interactive.frame import Dots, Line, Rects
from cpm_edu.figures.interactive.layout import lay_out
from cpm_edu.figures.interactive.microscope import microscope, microscope_frame
from cpm_edu.figures.interactive.microscope_panels import LANE_COLORS, UNUSED
from cpm_edu.figures.interactive.microscope_view import LaunchView
from cpm_edu.figures.interactive.specimens import ALONG_ROWS, EXAMPLES, MAP, Specimen

# ---- numbers by hand


@pytest.mark.cpp
def test_thread_5_of_block_1_draws_cell_69():
    """Blocks of 64: i = 64 + 5 = 69. Rows of the map of threads are warps, so block 1 begins in row 2."""
    status = microscope_frame(view_of(ALONG), lane=5, warp=2, step=3).status
    assert "Thread 5 of block 1 (warp 0, lane 5; 7 blocks of 64) writes out[69] in line 8" in status
    assert "costs 4 sectors, as few as can be" in status


@pytest.mark.cpp
def test_down_the_columns_is_strided():
    """Cells 64 to 95 counted down columns of 20: column 3 from row 4, column 4 up to row 15. Thread 5: (3, 9) = 183.

    Column 3 lies in sector 20 y // 8 * .. of its row, rows 4 to 19; column 4 in rows 0 to 15: those of the rows 4 to
    15 share a sector unless it ends between columns 3 and 4, which it does in every second row (20 y % 8 = 4).
    """
    frame = microscope_frame(view_of(DOWN), lane=5, warp=2, step=3)
    cells = [(i % 20) * 20 + i // 20 for i in range(64, 96)]
    by_hand = len({cell // 8 for cell in cells})
    assert cells[5] == 183
    assert "writes out[183]" in frame.status
    assert f"costs {by_hand} sectors, where 4 would do" in frame.status
    assert by_hand == 26


@pytest.mark.cpp
def test_a_thread_a_row_needs_a_sector_a_lane():
    status = microscope_frame(view_of(ROW), lane=7, warp=0, step=5).status
    assert f"writes out[{7 * 20 + 2}] in line 8 (access 5 of 22)" in status
    assert "20 lanes, costs 20 sectors, where 3 would do" in status


@pytest.mark.cpp
def test_left_over_threads_touch_nothing():
    """7 blocks of 64 are 448 threads for 400 cells: 48 crosses, and the ring on one of them says so."""
    frame = microscope_frame(view_of(ALONG), lane=16, warp=12)
    assert "Thread 16 of block 6" in frame.status
    assert "touches nothing" in frame.status
    [crosses] = [m for m in panel(frame, "threads").marks if isinstance(m, Dots)]
    assert len(crosses.points) == 48
    assert "Another thread's request" in panel(frame, "request").title


@pytest.mark.cpp
def test_bank_turns_by_hand():
    """Lane t reads word 2 t: words 0 and 32, 2 and 34, ... share banks, so 2 turns; word 32 t: one bank, 32 turns."""
    for stride, turns in ((1, 1), (2, 2), (32, 32)):
        source = f"""extern "C" __global__ void k(float* out) {{
          __shared__ float s[1024];
          s[{stride} * threadIdx.x] = 1; __syncthreads(); out[threadIdx.x] = s[{stride} * threadIdx.x]; }}"""
        specimen = Specimen(source, (torch.zeros(32),))
        unit = f"{turns} bank turn{'s' * (turns > 1)}"
        assert f"costs {unit}" in microscope_frame(view_of(specimen, 32)).status
        assert f"{turns} turn{'s' * (turns > 1)} of the banks for 128 bytes" in texts(specimen, "request", 32)


@pytest.mark.cpp
def test_lanes_that_want_one_word_share_its_turn():
    source = """extern "C" __global__ void k(float* out) {
      __shared__ float s[1];
      if (threadIdx.x == 0) s[0] = 1;
      __syncthreads(); out[threadIdx.x] = s[0]; }"""
    status = microscope_frame(view_of(Specimen(source, (torch.zeros(32),)), 32), lane=9).status
    assert "reads shared word 0 in line 4 after barrier 1" in status
    assert "32 lanes, costs 1 bank turn" in status


@pytest.mark.cpp
def test_a_barrier_ends_a_race():
    """Before the barrier thread 0 writes alone; after it threads 1 and 2 race, in the same line."""
    source = """extern "C" __global__ void k(float* out) {
      __shared__ float s[1];
      int t = threadIdx.x;
      for (int r = 0; r < 2; ++r) {
        if (r ? t == 1 || t == 2 : t == 0) s[0] = t;
        __syncthreads();
      }
      out[t] = s[0]; }"""
    view = view_of(Specimen(source, (torch.zeros(32),)), 32)
    assert "race" not in microscope_frame(view, lane=0).status
    assert "thread 2 writes it too, in line 5" in microscope_frame(view, lane=1).status


@pytest.mark.cpp
def test_race_names_the_other_side():
    """Block of 64: in the tree thread 1's last store to s[1] meets thread 0's read in the step half = 1."""
    frame = microscope_frame(view_of(RACING), lane=1, warp=0, step=24)
    assert "writes shared word 1 in line 8 after barrier 1" in frame.status
    assert "thread 0 reads it too, in line 8, and nothing says who is first: a warp-race" in frame.status
    assert "■ a warp-race with thread 0" in words(panel(frame, "request"))
    diamonds = [m for m in panel(frame, "threads").marks if isinstance(m, Dots) and m.shape == "diamond"]
    assert [d.points.tolist() for d in diamonds] == [[[0, 0]]]
    crosses = [m for m in panel(frame, "memory").marks if isinstance(m, Dots) and m.shape == "cross"]
    assert crosses[0].points.tolist() == [[x, 0] for x in range(1, 32)], "s[0] is thread 0's own"


@pytest.mark.cpp
def test_keys_name_only_what_happens():
    plain, racing = (
        microscope_frame(view_of(ALONG), step=3),
        microscope_frame(view_of(RACING), lane=1, step=24),
    )
    assert panel(plain, "life").title == "What it touches (line below): ● reads ■ writes"
    assert panel(plain, "source").title.endswith("sectors a request")
    assert "white: idle here" not in " ".join(words(panel(plain, "threads")))
    assert "white: shared · bar: barrier · × race" in panel(racing, "life").title
    assert panel(racing, "source").title.endswith("sectors or bank turns a request")
    assert "white: idle here" in " ".join(words(panel(racing, "threads")))


@pytest.mark.cpp
def test_what_races_with_nobody_is_told_by_its_cost():
    status = microscope_frame(view_of(RACING), lane=3, warp=0, step=1).status
    assert "reads x[3] in line 5" in status
    assert "race" not in status


@pytest.mark.cpp
def test_square_block_names_x_and_y():
    source = (
        ALONG_ROWS.replace("int i = blockIdx.x * blockDim.x + threadIdx.x;\n", "")
        .replace(
            "if (i >= H * W) return;",
            "int x = blockIdx.x * 8 + threadIdx.x, y = blockIdx.y * 8 + threadIdx.y;",
        )
        .replace("int x = i % W, y = i / W;", "if (x >= W || y >= H) return;")
    )
    specimen = Specimen(source, MAP, threads=(20, 20))
    assert specimen.launch_shape((8, 8)) == ((3, 3), (8, 8))
    status = microscope_frame(view_of(specimen, (8, 8)), lane=13, warp=0, step=3).status
    assert "Thread 13 (x 5, y 1) of block 0" in status
    assert "writes out[25]" in status
    assert "costs 6 sectors, where 4 would do" in status


# ---- agreement with the trace


@pytest.mark.cpp
@pytest.mark.parametrize("name", EXAMPLES)
def test_mean_cost_of_all_requests_is_the_line_s(name):
    view = view_of(EXAMPLES[name], 128)
    for line, stats in view.costs.items():
        rows = np.flatnonzero(view.accesses["line"] == line)
        shared = view.accesses["argument"][rows] == -1
        rows = rows[
            (view.accesses["is_write"][rows] == (stats.action == "store"))
            & (shared == (stats.space == "shared"))
        ]
        seen = {}
        for row in rows:
            one = view.accesses[row]
            mine = view.accesses[
                (view.accesses["block"] == one["block"]) & (view.accesses["thread"] == one["thread"])
            ]
            number = int((mine["step"] <= one["step"]).sum())
            access = view.access(int(one["block"]), int(one["thread"]), number)
            assert access.row == row
            seen[tuple(access.lanes)] = access.units
        assert np.mean(list(seen.values())) == pytest.approx(stats.cost)


@pytest.mark.cpp
def test_memory_shows_whose_cells_and_what_moved_for_nothing():
    frame = microscope_frame(view_of(ROW), lane=4, warp=0, step=3)
    raster = panel(frame, "memory").marks[0].values
    assert raster.shape == (20, 20, 4)
    assert (raster[:, 0] == LANE_COLORS[:20]).all(), "cell (0, y) was written by lane y in this request"
    assert tuple(raster[0, 1][:3]) == tuple(bytes.fromhex(UNUSED[1:])), "its sector's other cells came along"
    [dots] = [m for m in panel(frame, "memory").marks if isinstance(m, Dots)]
    assert len(dots.points) == 20 * 8 - 20, "20 sectors of 8 cells, 20 cells asked for"


@pytest.mark.cpp
def test_cells_behind_the_end_are_shown():
    """Without a guard 48 of 448 threads write behind the 400 cells: two rows and a half of 20."""
    specimen = Specimen(ALONG_ROWS.replace("  if (i >= H * W) return;\n", ""), MAP, threads=400)
    frame = microscope_frame(view_of(specimen), lane=16, warp=12, step=3)
    assert "writes out[400] in line 7" in frame.status
    assert "out of bounds: out has 400 elements" in frame.status
    memory = panel(frame, "memory")
    assert memory.marks[0].values.shape == (23, 20, 4)
    [crosses] = [m for m in memory.marks if isinstance(m, Dots) and m.shape == "cross"]
    assert len(crosses.points) == 48
    assert any("out of bounds" in w for w in words(memory))


@pytest.mark.cpp
def test_life_of_a_thread():
    """The sum: read x, write s, barrier, then loads and stores of line 8; the ring stands on the chosen access."""
    frame = microscope_frame(view_of(RACING), lane=9, warp=0, step=2)
    life = panel(frame, "life")
    assert words(life) == ["5", "5", *["8"] * 6], "64 threads: thread 9 adds for half = 32 and 16"
    dots = {(m.shape, m.color): [x for x, _ in m.points] for m in life.marks if isinstance(m, Dots)}
    assert dots["circle", "#0072B2"] == [1]
    assert dots["square", "#ffffff"][:2] == [2, 5]
    [bar] = [m for m in life.marks if isinstance(m, Line)]
    assert bar.points[0][0] == 2.5
    assert frame.handles[1].at == (2.0, 0.0)


@pytest.mark.cpp
def test_long_life_is_shown_around_the_access():
    source = """extern "C" __global__ void k(float* x, int n) { for (int i = 0; i < n; ++i) x[i * 32 + threadIdx.x] = 1; }"""
    view = view_of(Specimen(source, (torch.zeros(90, 32), 90)), 32)
    frame = microscope_frame(view, lane=3, step=50)
    assert "38 to 62 of 90" in panel(frame, "life").title
    assert lay_out(frame).height == lay_out(microscope_frame(view_of(ALONG))).height
    assert frame.handles[1].bounds == (38, 0, 62, 0)
    assert "writes x[1571]" in frame.status


@pytest.mark.cpp
def test_tall_memory_is_shown_around_the_cell():
    """Row 70 of 100: 40 rows are shown, from row 50 on, so the frame stands 20 rows down."""
    source = """extern "C" __global__ void k(float* x) { x[70 * 32 + threadIdx.x] = 1; }"""
    memory = panel(microscope_frame(view_of(Specimen(source, (torch.zeros(100, 32),)), 32), lane=4), "memory")
    assert memory.title.startswith("x (a part)")
    assert memory.marks[0].values.shape == (40, 32, 4)
    [framed] = [m for m in memory.marks if isinstance(m, Rects)]
    assert framed.boxes == [(3.5, 19.5, 4.5, 20.5)]


@pytest.mark.cpp
def test_faulty_lines_have_their_sign():
    numbers = texts(RACING, "source")
    assert "! 8" in numbers
    assert "  7" in numbers


@pytest.mark.cpp
def test_words_stand_in_their_banks():
    """Lane t stores word 2 t: lanes 1 and 17 meet in bank 2, one above the other."""
    source = """extern "C" __global__ void k(float* out) {
      __shared__ float s[64];
      s[2 * threadIdx.x] = 1; __syncthreads(); out[threadIdx.x] = s[2 * threadIdx.x]; }"""
    request = panel(microscope_frame(view_of(Specimen(source, (torch.zeros(32),)), 32)), "request")
    words_shown = next(m for m in request.marks if isinstance(m, Rects) and m.edge == "#ffffff")
    at = [box[:2] for box in words_shown.boxes]
    assert at[1][0] == at[17][0] == 2.05
    assert at[17][1] > at[1][1]


# ---- every control and handle


@pytest.mark.cpp
def test_figure_changes_with_every_control_and_the_handle():
    require_compiler()
    figure = microscope()
    seen = [(figure.frame.status, figure.snapshot())]
    for change in (
        {"thread": (9.0, 0.0)}, {"kernel": "a thread a row"}, {"access": (4.0, 0.0)}, {"block": "256"},
        {"kernel": "a sum with a race"}, {"access": (9.0, 0.0)},
    ):  # fmt: skip
        figure.set(**change)
        now = figure.frame.status, figure.snapshot()
        assert now[0] != seen[-1][0], change
        assert now[1] != seen[-1][1], change
        seen.append(now)


@pytest.mark.cpp
def test_handle_stays_on_a_thread_that_exists():
    view = view_of(ROW, 40)  # one block of 40 threads: a warp of 32 and one of 8
    handle, _ = microscope_frame(view, lane=31, warp=9).handles
    assert handle.at == (7.0, 1.0)
    assert handle.bounds == (0, 0, 31, 1)


@pytest.mark.cpp
def test_every_panel_is_as_large_for_every_thread():
    view = view_of(ALONG)
    drawn = [microscope_frame(view, lane=lane, warp=warp) for lane, warp in ((0, 0), (16, 12))]
    drawn.append(microscope_frame(view_of(RACING), lane=5, warp=0, step=5))  # a race, and a long key
    assert len({lay_out(frame).height for frame in drawn}) == 1, "the page must not jump"
    sizes = [[(p.size_px, p.title.count("\n"), p.x_label) for row in f.rows for p in row] for f in drawn]
    assert sizes[0] == sizes[1]


def test_panels_fit_into_a_notebook():
    trace = next(iter(specimens._read_recordings(specimens.RECORDED).values()))
    layout = lay_out(microscope_frame(LaunchView(trace, {})))
    assert layout.width <= 920
