"""The people that a model gets most wrong: truth and prediction in one picture each, as a PNG and as a web page."""

from __future__ import annotations

import base64
import html
import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..datasets.people import PeopleDataset
from ..skeletons import Skeleton
from .style import short_name

__all__ = ["Case", "cases_of", "draw_case", "gallery_figure", "gallery_html", "worst_cases"]

# Of Okabe and Ito's palette. Truth and prediction also differ in line and marker.
TRUTH_COLOR, FOUND_COLOR = "#009E73", "#E69F00"
TRUTH_LINE, FOUND_LINE, ERROR_LINE = "-", (0, (2.2, 1.4)), (0, (1, 1.6))
COLUMNS = 6
MIN_WINDOW_PX = 32.0
NAMED_JOINTS = 3


@dataclass(frozen=True, eq=False)
class Case:
    """One person of a gallery; points are (x, y) pixels of `image`.

    Args:
        name: what the data set calls the person.
        image: (H, W, 3) uint8 RGB.
        window: (x1, y1, x2, y2), the part of the image to show; it may reach beyond.
        found_px: (J, 2) predicted joints.
        truth_px: (J, 2) true joints; None where nobody annotated this person.
        labelled: (J,) bool, which of them are known; None with `truth_px`.
        error: how bad the prediction is, larger is worse.
    """

    name: str
    image: np.ndarray
    window: tuple[float, float, float, float]
    found_px: np.ndarray
    truth_px: np.ndarray | None
    labelled: np.ndarray | None
    error: float

    def farthest(self, skeleton: Skeleton) -> str:
        """The joints that are farthest off, such as "left wrist 120 px, right knee 80 px"."""
        if self.truth_px is None:
            return "nobody is annotated here"
        off = np.linalg.norm(np.asarray(self.found_px, float) - self.truth_px, axis=-1)
        off = np.where(self.labelled, off, -1.0)
        worst = [j for j in np.argsort(-off, kind="stable")[:NAMED_JOINTS] if off[j] >= 0]
        return ", ".join(f"{skeleton.joints[j].replace('_', ' ')} {off[j]:.0f} px" for j in worst)

    def sentence(self, skeleton: Skeleton) -> str:
        """The picture in words, for those who do not see it."""
        farthest = self.farthest(skeleton)
        known = f"Farthest off: {farthest}." if self.truth_px is not None else farthest.capitalize() + "."
        return f"{self.name}: error {self.error:.3g}. {known}"


def worst_cases(errors, count: int) -> np.ndarray:
    """Indices of the `count` largest errors, worst first; NaN does not count, ties keep their order."""
    errors = np.asarray(errors, np.float64)
    order = np.argsort(-np.where(np.isnan(errors), -np.inf, errors), kind="stable")
    return order[: min(count, int((~np.isnan(errors)).sum()))]


def cases_of(
    people: PeopleDataset,
    indices: Sequence[int],
    found_px: np.ndarray,
    truth_px: np.ndarray,
    labelled: np.ndarray,
    errors: np.ndarray,
) -> list[Case]:
    """Cases of a data set; reads their pictures.

    Args:
        indices: which people.
        found_px, truth_px: (N, J, 2) image pixels of all people.
        labelled: (N, J) bool; a person without a labelled joint is shown without truth.
        errors: (N,).
    """
    cases = []
    for index in map(int, indices):
        person, known = people[index], labelled[index]
        cases.append(
            Case(
                name=person.name, image=person.pixels(), error=float(errors[index]), found_px=found_px[index],
                window=window_around(np.concatenate([found_px[index], truth_px[index][known]])),
                truth_px=truth_px[index] if known.any() else None, labelled=known if known.any() else None,
            )
        )  # fmt: skip
    return cases


def window_around(points_px: np.ndarray) -> tuple[float, float, float, float]:
    """A square (x1, y1, x2, y2) with all points and some room around them."""
    low, high = points_px.min(0), points_px.max(0)
    half = max(0.58 * float((high - low).max()), MIN_WINDOW_PX / 2)
    x, y = (low + high) / 2
    return x - half, y - half, x + half, y + half


def draw_case(ax: Axes, case: Case, skeleton: Skeleton, *, linewidth: float = 1.8) -> None:
    """Truth solid with dots, prediction dashed with crosses, a dotted line from each true joint to its prediction."""
    x1, y1, x2, y2 = case.window
    ax.set_facecolor("#808080")
    ax.set_xticks([])
    ax.set_yticks([])
    left, top = max(int(x1) - 1, 0), max(int(y1) - 1, 0)
    part = case.image[top : max(int(y2) + 3, top + 1), left : max(int(x2) + 3, left + 1)]
    if part.size:
        edges = (left - 0.5, left + part.shape[1] - 0.5, top + part.shape[0] - 0.5, top - 0.5)
        ax.imshow(part, extent=edges, interpolation="bilinear")
    ax.set_xlim(x1, x2)
    ax.set_ylim(y2, y1)
    ax.set_aspect("equal")
    found = np.asarray(case.found_px, float)
    if case.truth_px is not None and case.labelled is not None:
        truth = np.where(np.asarray(case.labelled, bool)[:, None], case.truth_px, np.nan)
        for joint in np.flatnonzero(case.labelled):
            xy = np.stack([truth[joint], found[joint]]).T
            ax.plot(*xy, color="black", lw=linewidth * 0.6 + 1, alpha=0.35)
            ax.plot(*xy, color="white", lw=linewidth * 0.6, ls=ERROR_LINE)
        _draw_skeleton(ax, truth, skeleton, TRUTH_COLOR, TRUTH_LINE, "o", linewidth)
    _draw_skeleton(ax, found, skeleton, FOUND_COLOR, FOUND_LINE, "X", linewidth)


def _draw_skeleton(ax, joints, skeleton, color, line, marker, linewidth) -> None:
    for limb in skeleton.limbs:
        xy = joints[list(limb)].T
        if np.isfinite(xy).all():
            ax.plot(*xy, color="black", lw=linewidth + 1.2, alpha=0.5, solid_capstyle="round")
            ax.plot(*xy, color=color, lw=linewidth, ls=line, dash_capstyle="butt")
    size = (linewidth * 2.6) ** 2
    ax.scatter(*joints.T, s=size, c=color, marker=marker, edgecolors="black", linewidths=0.6, zorder=3)


def gallery_figure(cases: Sequence[Case], skeleton: Skeleton, title: str) -> Figure:
    """A grid of cases, in the order given.

    Returns:
        A matplotlib figure; `figure.savefig` writes it.

    Raises:
        ValueError: no cases.
    """
    if not cases:
        raise ValueError("a gallery needs at least one case")
    columns = min(COLUMNS, len(cases))
    rows = -(-len(cases) // columns)
    figure = Figure(
        figsize=(max(2.5 * columns, 5.5), 2.72 * rows + 0.85), dpi=110, layout="constrained"
    )  # wide enough for the legend
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for number, (ax, case) in enumerate(zip(axes, cases, strict=False), 1):
        draw_case(ax, case, skeleton)
        ax.set_title(f"{number}. error {case.error:.3g}\n{short_name(case.name)}", fontsize=7.5)
    for ax in axes[len(cases) :]:
        ax.set_axis_off()
    figure.suptitle(textwrap.fill(title, 24 * max(columns, 3)), fontsize=11)
    figure.legend(handles=_legend(), loc="outside lower center", ncols=3, fontsize=8.5, facecolor="#707070",
                  labelcolor="white", framealpha=1)  # fmt: skip
    return figure


def _legend() -> list[Line2D]:
    style = dict(lw=1.8, markeredgecolor="black", markeredgewidth=0.6, markersize=6)
    return [
        Line2D([], [], color=TRUTH_COLOR, ls=TRUTH_LINE, marker="o", label="truth", **style),
        Line2D([], [], color=FOUND_COLOR, ls=FOUND_LINE, marker="X", label="prediction", **style),
        Line2D([], [], color="white", ls=ERROR_LINE, lw=1.1, label="error of a joint"),
    ]


PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.45 system-ui, sans-serif; margin: 1.5rem auto; max-width: 76rem; padding: 0 1rem; }}
h1 {{ font-size: 1.35rem; }}
ol {{ list-style: none; padding: 0; display: grid; gap: 1.1rem; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); }}
figure {{ margin: 0; }}
img {{ width: 100%; height: auto; display: block; border-radius: 4px; }}
figcaption {{ font-size: .86rem; margin-top: .3rem; overflow-wrap: anywhere; }}
.legend img {{ width: 26rem; max-width: 100%; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{summary}</p>
<p class="legend"><img src="{legend}" alt="Legend: the truth is a solid green line with dots, the prediction a dashed orange line with crosses, a dotted white line leads from each true joint to its prediction."></p>
<ol>
{cards}
</ol>
</body>
</html>
"""


def gallery_html(cases: Sequence[Case], skeleton: Skeleton, title: str, summary: str = "") -> str:
    """The same as one self-contained web page: pictures embedded, each with its content in words.

    Args:
        title: the page's heading.
        summary: a sentence below it.

    Raises:
        ValueError: no cases.
    """
    if not cases:
        raise ValueError("a gallery needs at least one case")
    cards = []
    for number, case in enumerate(cases, 1):
        figure = Figure(figsize=(3.4, 3.4), dpi=110)
        draw_case(figure.add_axes([0, 0, 1, 1]), case, skeleton, linewidth=2.0)
        cards.append(
            f'<li><figure><img src="{_embedded(figure)}" alt="{html.escape(case.sentence(skeleton))}">'
            f"<figcaption><strong>{number}. error {case.error:.3g}</strong><br>"
            f"{html.escape(case.name)}<br>{html.escape(case.farthest(skeleton))}</figcaption></figure></li>"
        )
    legend = Figure(figsize=(4.6, 0.42), dpi=110)
    legend.legend(handles=_legend(), loc="center", ncols=3, fontsize=8.5, facecolor="#707070", labelcolor="white",
                  framealpha=1)  # fmt: skip
    return PAGE.format(
        title=html.escape(title), summary=html.escape(summary), legend=_embedded(legend, "png"),
        cards="\n".join(cards),
    )  # fmt: skip


def _embedded(figure: Figure, kind: str = "jpeg") -> str:
    """A figure as the data URL of a picture."""
    buffer = io.BytesIO()
    options = {"pil_kwargs": {"quality": 85}} if kind == "jpeg" else {"transparent": True}
    figure.savefig(buffer, format=kind, **options)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
