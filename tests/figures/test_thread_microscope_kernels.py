"""The interactive microscope with wrong and odd kernels, and with recordings in place of a compiler."""

from __future__ import annotations

import pytest
import torch
from emulator_tools import require_compiler
from launch_views import DOWN, panel, view_of, words

from cpm_edu.figures.interactive import specimens
from cpm_edu.figures.interactive.frame import Line, Rects
from cpm_edu.figures.interactive.microscope import microscope, microscope_frame
from cpm_edu.figures.interactive.specimens import ALONG_ROWS, BLOCKS, EXAMPLES, MAP, Specimen, settled
from cpm_edu.figures.interactive.static import frame_png
from cpm_edu.kernels.build import BuildError

# ---- wrong kernels


@pytest.mark.cpp
@pytest.mark.parametrize(
    ("source", "arguments", "told"),
    [
        (
            'extern "C" __global__ void k(float* x) {\n  x[0] = y;\n}',
            (torch.zeros(3),),
            "line 2: 'y' was not declared",
        ),
        (
            'extern "C" __global__ void k(float* x) { x[0] = 1; }',
            (torch.zeros(3).int(),),
            "takes a float32 tensor",
        ),
        ('extern "C" __global__ void k(float* x) { x[0] = 1; }', (), "takes 1 arguments"),
        ("int main() {}", (), "there is no kernel"),
    ],
)
def test_wrong_kernel_gives_a_sentence(source, arguments, told):
    require_compiler()
    figure = microscope(Specimen(source, arguments))
    assert told.split("'")[0] in figure.frame.status
    assert frame_png(figure.frame)[:4] == b"\x89PNG"


@pytest.mark.cpp
@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("", "touches nothing"),
        ("x[threadIdx.x + 1000] = 1;", "writes x[1000]"),
        ("x[-1] = 1;", "writes x[-1]"),
        ("atomicAdd(x, 1.0f);", "updates x[0]"),
    ],
)
def test_odd_kernels_are_drawn(body, told):
    specimen = Specimen(f'extern "C" __global__ void k(float* x) {{ {body} }}', (torch.zeros(40),))
    frame = microscope_frame(view_of(specimen, 32))
    assert told in frame.status
    assert frame_png(frame)[:4] == b"\x89PNG"


def test_microscope_wants_something_to_look_at():
    with pytest.raises(ValueError, match="at least one specimen"):
        microscope({})


# ---- recordings


@pytest.mark.cpp
@pytest.mark.parametrize("name", EXAMPLES)
def test_recordings_are_what_the_compiler_gives(name):
    require_compiler()
    recordings = specimens._read_recordings(specimens.RECORDED)
    for block in BLOCKS:
        specimen = EXAMPLES[name]
        trace, recorded = specimen.trace(block)
        assert not recorded
        kept = recordings[specimen._key(block)]
        fresh = settled(trace)
        same = [n for n in kept.accesses.dtype.names if n != "place"]
        cure = "python -m cpm_edu.figures.interactive.specimens"
        assert (kept.accesses[same] == fresh.accesses[same]).all(), cure
        assert kept.report() == fresh.report(), cure
        assert [str(f) for f in kept.faults] == [str(f) for f in fresh.faults], cure


def test_without_a_compiler_recordings_are_shown_and_labelled(monkeypatch):
    monkeypatch.setattr(specimens, "_kernel", lambda *a: _NoCompiler(*a))
    figure = microscope()
    assert "Recorded launch: there is no compiler here" in figure.frame.status
    assert "writes out[5]" in figure.frame.status
    assert panel(figure.frame, "source").title.startswith("Recorded launch")
    same = microscope(Specimen(f"\n{ALONG_ROWS}\n", MAP, threads=400))
    assert "writes out[5]" in same.frame.status, "blank lines around a text make no other kernel"
    own = microscope(Specimen(ALONG_ROWS.replace("4.5f", "8.0f"), MAP, threads=400))
    assert "cannot be built here, and is not recorded: there is no compiler" in own.frame.status


@pytest.mark.cpp
def test_without_a_compiler_recordings_come_before_old_libraries(monkeypatch):
    specimen = EXAMPLES["along the rows"]
    assert not specimen.trace(64)[1]
    monkeypatch.setattr(specimens, "find_compiler", lambda: None)
    trace, recorded = specimen.trace(64)
    assert recorded
    assert {s.line for s in trace.lines()} == {5, 8}


class _NoCompiler(specimens.Kernel):
    def trace(self, *_, **__):
        raise BuildError("there is no compiler")


@pytest.mark.cpp
def test_source_marks_the_line_and_its_cost():
    frame = microscope_frame(view_of(DOWN), step=3)
    source = panel(frame, "source")
    assert any("■ 20.6" in w for w in words(source))
    assert "● no fault found in this launch" in words(source)
    [box] = [m for m in source.marks if isinstance(m, Rects)]
    assert len(box.boxes) == 1
    assert any(isinstance(m, Line) for m in source.marks)
