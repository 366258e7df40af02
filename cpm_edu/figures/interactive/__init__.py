"""Figures that a reader moves: pure functions from a state to a `Frame`, and a widget that shows frames.

A figure's file has `<name>_frame(...) -> Frame`, plain Python that a test can call, and `<name>(...) -> Figure`,
the same with handles and controls. `frame.py` says what a frame may hold; `static.py` draws it as a PNG and
`figure.js` on a canvas; `figure.py` is the widget between them.
"""
