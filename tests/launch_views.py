"""What tests of the interactive microscope share: traced launches of its examples, and the words of a panel."""

from __future__ import annotations

from emulator_tools import require_compiler

from cpm_edu.figures.interactive.frame import Texts
from cpm_edu.figures.interactive.microscope import microscope_frame
from cpm_edu.figures.interactive.microscope_view import LaunchView
from cpm_edu.figures.interactive.specimens import EXAMPLES

ALONG, DOWN, ROW, RACING = EXAMPLES.values()


def view_of(specimen, block=64):
    require_compiler()
    trace, recorded = specimen.trace(block)
    return LaunchView(trace, specimen.shapes(), recorded=recorded)


def panel(frame, name):
    return next(p for row in frame.rows for p in row if p.name == name)


def words(panel):
    return [text for mark in panel.marks if isinstance(mark, Texts) for text in mark.texts]


def texts(specimen, name, block=64, **state):
    return words(panel(microscope_frame(view_of(specimen, block), **state), name))
