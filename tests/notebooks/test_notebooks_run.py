"""Every notebook runs from a clean kernel, in time, without network, GPU or compiler, and keeps its word."""

from __future__ import annotations

import pytest
from notebook_files import claims_of, each, execute

MAX_SECONDS, MAX_SECONDS_TO_PICTURE = 90, 10


@pytest.mark.slow
@each
def test_notebook_runs_in_time_and_keeps_its_word(source):
    run = execute.execute(source, claims=claims_of(source).read_text(encoding="utf-8"))
    assert run.seconds < MAX_SECONDS, f"{source.stem} took {run.seconds:.0f} s"
    assert run.first_picture_s is not None, "a notebook has a picture"
    assert run.first_picture_s <= MAX_SECONDS_TO_PICTURE, (
        f"the first picture came {run.first_picture_s:.1f} s after the first code cell began"
    )
    assert run.written == [], "a notebook writes no files beside itself"
    outputs = [o for cell in run.notebook.cells if cell.cell_type == "code" for o in cell.outputs]
    warnings = [o.text for o in outputs if o.output_type == "stream" and o.name == "stderr"]
    assert warnings == [], f"warnings that a student would see: {warnings}"
    pictures = [o for o in outputs if "image/png" in o.get("data", {})]
    texts = [o.get("metadata", {}).get("image/png", {}).get("alt") for o in pictures]
    assert all(texts), "a picture without alt text: use show(figure, alt=...)"
