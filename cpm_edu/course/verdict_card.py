"""A verdict as HTML: pass, to fix or to do by word, icon and colour; what differs; hints in folds."""

from __future__ import annotations

import html
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from .exercise import Exercise, Verdict
from .map_picture import map_pixels, png_base64
from .shown import marked_up
from .verdict_text import ICONS, WORDS

__all__ = ["card", "hints_html", "verdict_html"]

SIDE_PX = 150  # of a picture's longer side


def card(body: str, kind: str = "") -> str:
    """A card that carries its style, so that it looks the same in every kind of notebook and after saving."""
    extra = f" cpm-check-{kind}" if kind else ""
    return f'<style>{_style()}</style><div class="cpm-check{extra}">{body}</div>'


def verdict_html(verdict: Verdict, exercise: Exercise, *, printed: str = "", below: str = "") -> str:
    """The card of one verdict.

    Args:
        printed: what the student's function printed.
        below: one more sentence, small.
    """
    word = f'<span class="cpm-word"><span aria-hidden="true">{ICONS[verdict.status]}</span> {WORDS[verdict.status]}</span>'
    head = f"{word} <strong>{exercise.id}</strong> <code>{exercise.name}</code>"
    parts = [f'<p class="cpm-verdict">{head} · {html.escape(exercise.title)}</p>']
    if verdict.status == "pass":
        parts.append(f"<p>{verdict.cases} cases, all right.</p>")
    else:
        message = verdict.message.removeprefix(f"{exercise.id} {exercise.name}: ")
        parts.append(f"<p>{marked_up(message[:1].upper() + message[1:])}</p>")
    if verdict.example:
        shown = [w for w in ("input", "yours", "expected") if w in verdict.example]
        items = (f"<dt>{w}</dt><dd>{html.escape(verdict.example[w])}</dd>" for w in shown)
        parts.append(f"<dl>{''.join(items)}</dl>")
    if verdict.arrays is not None:
        parts.append(_maps(*verdict.arrays))
    if printed.strip():
        text = html.escape(printed.strip())
        parts.append(f"<details><summary>What your code printed</summary><pre>{text}</pre></details>")
    if verdict.status != "pass":
        parts.append(hints_html(exercise.hints))
    if below:
        parts.append(f'<p class="cpm-small">{html.escape(below)}</p>')
    return card("".join(parts), verdict.status)


def hints_html(hints: Sequence[str]) -> str:
    """Hints, each in the fold of the one before."""
    inner = ""
    for number in range(len(hints), 0, -1):
        text = f"<p>{marked_up(hints[number - 1])}</p>"
        inner = f"<details><summary>Hint {number} of {len(hints)}</summary>{text}{inner}</details>"
    return inner


def _maps(yours: np.ndarray, expected: np.ndarray) -> str:
    """Both maps in the colours of one range, and how far they are apart."""
    low, high = float(min(yours.min(), expected.min())), float(max(yours.max(), expected.max()))
    apart = np.abs(yours - expected)
    row, column = (int(k) for k in np.unravel_index(apart.argmax(), apart.shape))
    pictures = [
        _picture(yours, low, high, "yours", f"{yours.min():.3g} to {yours.max():.3g}"),
        _picture(expected, low, high, "expected", f"{expected.min():.3g} to {expected.max():.3g}"),
        _picture(
            apart,
            0.0,
            float(apart.max()),
            "difference",
            f"up to {apart.max():.3g} at row {row}, column {column}",
        ),
    ]
    return f'<div class="cpm-maps">{"".join(pictures)}</div>'


def _picture(values: np.ndarray, low: float, high: float, word: str, says: str) -> str:
    scale = max(1, SIDE_PX // max(values.shape))
    step = max(1, -(-max(values.shape) * scale // (2 * SIDE_PX)))
    data = png_base64(map_pixels(values, low, high), scale, step)
    size = " x ".join(map(str, values.shape))
    text = html.escape(f"{word}: {says}")
    return (
        f'<figure><img src="data:image/png;base64,{data}" alt="map of {size}, {text}">'
        f"<figcaption><strong>{word}</strong><br>{html.escape(says)}</figcaption></figure>"
    )


@cache
def _style() -> str:
    return (Path(__file__).parent / "check.css").read_text(encoding="utf-8")
