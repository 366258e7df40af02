"""Object keypoint similarity: how much an error costs depends on the joint, and what AP makes of it.

Around every true joint a ring where its similarity is one half: tiny at an eye, wide at a hip. Below, twenty
detections by rank, the threshold that calls them hits, and the precision and recall that follow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np

from ...metrics.oks import joint_similarities
from ...skeletons import COCO
from .figure import Figure
from .frame import INK, Dots, Frame, Handle, Line, Panel, Raster, Rects, Texts, Toggle
from .oks_detections import (
    OFFSETS_PX,
    Detections,
    average_precision,
    detections,
    joint_similarity,
    pycocotools_ap,
)

__all__ = ["oks_figure", "oks_frame"]

VIEW = (59.5, 19.5, 359.5, 344.5)
COLORS = {"left_eye": "#0072B2", "left_wrist": "#D55E00", "left_hip": "#009E73"}  # Okabe and Ito
DASHES = {"left_eye": (), "left_wrist": (8.0, 4.0), "left_hip": (2.0, 3.0)}
OKS_THRESHOLDS = tuple(np.linspace(0.5, 0.95, 10).round(2).tolist())
MOVED = tuple(OFFSETS_PX)
FAR_PX = 60.0
TURN = np.stack([np.cos(np.linspace(0, 2 * np.pi, 41)), np.sin(np.linspace(0, 2 * np.pi, 41))], 1)

Similarity = Callable[[np.ndarray, float, float], np.ndarray]


def oks_frame(
    data: Detections,
    *,
    moved: Mapping[str, tuple[float, float]],
    threshold: float = 0.5,
    swapped: bool = False,
    similarity: Similarity = joint_similarity,
    reference: Callable[[np.ndarray], float] | None = None,
) -> Frame:
    """The person with rings, similarity over distance; the ranked detections, precision and recall.

    Args:
        moved: joint -> predicted (x, y) of the first person; all its other joints are exact.
        threshold: OKS from which a detection is a hit.
        swapped: left and right joints of the prediction change names.
        similarity: (distance_px, area, sigma) -> 0..1, for arrays of distances.
        reference: (N, 17, 2) predictions -> AP, shown beside ours; None shows none.

    Raises:
        ValueError: a similarity that does not give one number between 0 and 1 for each distance.
    """
    pose = data.truth_px.copy()
    for name, place in moved.items():
        pose[COCO.index(name)] = place
    pred = data.pred_px.copy()
    pred[0] = pose[list(COCO.flip_permutation)] if swapped else pose
    distances = np.linalg.norm(pred - data.truth_px, axis=-1)  # (N, 17)
    columns = [_checked(similarity, distances[:, j], data.area, s) for j, s in enumerate(COCO.oks_sigmas)]
    parts = np.stack(columns, 1)
    oks = parts.mean(1)
    order = np.argsort(-data.scores, kind="stable")
    results = {t: average_precision(oks[order] >= t) for t in OKS_THRESHOLDS}
    threshold = min(OKS_THRESHOLDS, key=lambda t: abs(t - threshold))
    mean = float(np.mean([ap for ap, _, _ in results.values()]))
    beside = None if reference is None else reference(pred)
    curves = {name: _curve_of(similarity, data.area, name) for name in MOVED}
    rank = int(np.flatnonzero(order == 0)[0])
    rows = [
        [_picture(data, pred[0], similarity, swapped), _similarity_panel(curves, distances[0], parts[0])],
        [_ranks(oks[order], rank, threshold), _precision_recall(results, threshold, mean, beside)],
    ]
    handles = [
        Handle(
            name,
            "person",
            tuple(map(float, place)),
            f"predicted {_words(name)}",
            step=1.0,
            color=COLORS[name],
        )
        for name, place in moved.items()
    ]
    handles.append(
        Handle("threshold", "ranks", (len(order) + 0.9, threshold), "OKS threshold", axis="y", color=INK,
               bounds=(0, 0.5, len(order) + 2, 0.95), step=0.05, snap=0.05, shape="circle", radius_px=8)
    )  # fmt: skip
    errors = ", ".join(
        f"{_words(n)} {distances[0, j]:.1f} px: {parts[0, j]:.2f}"
        for n, j in zip(MOVED, _indices(), strict=True)
    )
    verdict = "a hit" if oks[0] >= threshold else "a miss"
    text = f"{'Left and right swapped. ' if swapped else ''}Similarity of {errors}. OKS {oks[0]:.2f}, {verdict} at "
    text += f"{threshold:.2f}; the boxes' IoU {_box_iou(pose, data.truth_px):.2f}. AP at {threshold:.2f}: "
    text += f"{results[threshold][0]:.3f}, mean of ten thresholds {mean:.3f}"
    return Frame(rows, text + ("." if beside is None else f", by pycocotools {beside:.3f}."), handles)


def _indices() -> list[int]:
    return [COCO.index(name) for name in MOVED]


def _words(name: str) -> str:
    return name.replace("_", " ")


def _checked(similarity: Similarity, distances: np.ndarray, area: float, sigma: float) -> np.ndarray:
    values = np.asarray(similarity(distances, area, sigma), np.float64)
    if values.shape != distances.shape or not ((values >= 0) & (values <= 1)).all():
        raise ValueError(
            f"the similarity of {len(distances)} distances must be as many numbers between 0 and 1, not {values}"
        )
    return values


@lru_cache(64)
def _curve_of(similarity: Similarity, area: float, name: str) -> np.ndarray:
    """(K, 2) distance and similarity of a joint."""
    distances = np.linspace(0, FAR_PX, 121)
    return np.stack([distances, _checked(similarity, distances, area, COCO.oks_sigmas[COCO.index(name)])], 1)


@lru_cache(256)
def _reach(similarity: Similarity, area: float, sigma: float, level: float) -> float:
    """Largest distance in pixels at which a joint still has this similarity."""
    distances = np.linspace(0, 2 * FAR_PX, 481)
    enough = _checked(similarity, distances, area, sigma) >= level
    return float(distances[enough][-1]) if enough.any() else 0.0


def _box_iou(a: np.ndarray, b: np.ndarray) -> float:
    """Of the boxes around two poses (J, 2)."""
    low, high = np.maximum(a.min(0), b.min(0)), np.minimum(a.max(0), b.max(0))
    shared = np.clip(high - low, 0, None).prod()
    return float(shared / (np.ptp(a, 0).prod() + np.ptp(b, 0).prod() - shared))


# ---- the panels


def _picture(data: Detections, pred: np.ndarray, similarity: Similarity, swapped: bool) -> Panel:
    pale = (120 + 0.53 * data.image.mean(-1, keepdims=True)).repeat(3, -1).astype(np.uint8)
    truth, marks = data.truth_px, [Raster(pale)]
    for j, name in enumerate(COCO.joints):
        rings = [(0.5, "#333333", 1.0, 0.55)]
        if name in MOVED:
            rings = [
                (0.1, COLORS[name], 1.0, 1.0),
                (0.5, COLORS[name], 2.4, 1.0),
                (0.9, COLORS[name], 1.0, 1.0),
            ]
        for level, color, width, opacity in rings:
            radius = _reach(similarity, data.area, COCO.oks_sigmas[j], level)
            marks.append(Line(truth[j] + radius * TURN, color, width, opacity=opacity))
    marks.append(Dots(truth, INK, "circle", 2.5))
    off = np.linalg.norm(pred - truth, axis=-1) > 0.5
    if off.any():
        ties = np.stack([truth[off], pred[off], np.full_like(pred[off], np.nan)], 1).reshape(-1, 2)
        marks.append(Line(ties, INK, 1.2, (3.0, 3.0)))
    title = "left and right have changed names" if swapped else "rings: similarity 0.9, 0.5 (thick), 0.1"
    return Panel(
        "person", (300, 325), VIEW, marks, title=title,
        describe="A person with a ring around each of 17 joints: small at eyes and nose, larger at wrists, largest at hips.",
    )  # fmt: skip


def _similarity_panel(curves: dict[str, np.ndarray], distances: np.ndarray, parts: np.ndarray) -> Panel:
    marks = [Line([(0, 0.5), (FAR_PX, 0.5)], "#B0B0B0", 1.0)]
    for row, (name, j) in enumerate(zip(MOVED, _indices(), strict=True)):
        marks.append(Line(curves[name], COLORS[name], 2.5, DASHES[name]))
        at = min(distances[j], FAR_PX), parts[j]
        marks.append(Dots([at], COLORS[name], "circle", 6.5))
        y = 0.97 - 0.08 * row
        marks.append(Line([(26.5, y), (31.5, y)], COLORS[name], 2.5, DASHES[name]))
        words = f"{_words(name)} (sigma {COCO.oks_sigmas[j]}): {parts[j]:.2f}"
        marks.append(Texts([(32.5, y)], [words], INK, 13))
    return Panel(
        "similarity", (450, 290), (0, 1.04, FAR_PX, 0), marks, title="what a joint brings to OKS",
        x_label="distance to the true joint, pixels", y_label="similarity", x_ticks="auto",
        y_ticks=[(v, f"{v:g}") for v in (0, 0.25, 0.5, 0.75, 1)],
        describe="Similarity falls with distance, fastest for the eye, slowest for the hip.",
    )  # fmt: skip


def _ranks(oks: np.ndarray, rank: int, threshold: float) -> Panel:
    boxes = [(n + 0.62, 0, n + 1.38, value) for n, value in enumerate(oks)]
    hits = oks >= threshold
    marks = [
        Rects(
            boxes, fill=[COLORS["left_eye"] if hit else "#FFFFFF" for hit in hits], edge=COLORS["left_eye"]
        ),
        Line([(0, threshold), (len(oks) + 2, threshold)], INK, 1.5, (5.0, 3.0)),
        Texts([(rank + 1, oks[rank] + 0.04)], ["▼"], INK, 12, "center", bold=True),
    ]
    return Panel(
        "ranks", (300, 150), (0, 1.14, len(oks) + 2, 0), marks, title=f"{hits.sum()} of {len(hits)} are hits (▼ the person above)",
        x_label="rank, the surest first", y_label="OKS", x_ticks=[(1, "1"), (10, "10"), (20, "20")],
        y_ticks=[(v, f"{v:g}") for v in (0, 0.5, 1)],
        describe=f"OKS of {len(oks)} detections by rank; {hits.sum()} reach {threshold:.2f}. The person above has rank {rank + 1}.",
    )  # fmt: skip


def _precision_recall(results, threshold: float, mean: float, beside: float | None) -> Panel:
    marks = []
    for t, (_, recall, precision) in results.items():
        if t != threshold:
            marks.append(Line(_outline(recall, precision), "#C4C4C4", 1.2))
    ap, recall, precision = results[threshold]
    line = _outline(recall, precision)
    marks.append(Line([*line, (0, 0)], "#0072B2", 0.0, closed=True, fill="#0072B2", opacity=0.12))
    marks.append(Line(line, "#0072B2", 2.5))
    words = [f"AP at OKS {threshold:.2f}: {ap:.3f}", f"mean of ten thresholds: {mean:.3f}"]
    words += [] if beside is None else [f"the same by pycocotools: {beside:.3f}"]
    marks.append(Texts([(0.03, 0.4 - 0.14 * k) for k in range(len(words))], words, INK, 13, back="#FFFFFF"))
    return Panel(
        "precision_recall", (450, 150), (0, 1.08, 1.02, 0), marks, title="precision and recall (grey: the other thresholds)",
        x_label="recall: share of people found", y_label="precision", x_ticks="auto",
        y_ticks=[(v, f"{v:g}") for v in (0, 0.5, 1)],
        describe=f"Precision over recall at OKS {threshold:.2f}; the area, AP, is {ap:.3f}.",
    )  # fmt: skip


def _outline(recall: np.ndarray, precision: np.ndarray) -> list[tuple[float, float]]:
    """The staircase under which AP is the area."""
    points, before = [], 0.0
    for r, p in zip(recall.tolist(), precision.tolist(), strict=True):
        if r > before:  # a miss leaves the recall where it was
            points += [(before, p), (r, p)]
            before = r
    return [*points, (before, 0.0)]


# ---- the figure


def oks_figure(data: Detections | None = None, *, similarity: Similarity = joint_similarity) -> Figure:
    """The figure: drag an eye, a wrist and a hip; drag the OKS threshold; swap left and right.

    Args:
        data: None takes `detections()`.
        similarity: a similarity of your own, as of `oks_frame`; pycocotools keeps its own.
    """
    data = detections() if data is None else data
    known: dict[int, float] = {}

    def reference(pred_px: np.ndarray) -> float:
        # AP changes only where a person passes one of the ten thresholds, so that eleven numbers are all there are.
        own = joint_similarities(pred_px[:1], data.truth_px[None], areas=[data.area]).mean()
        passed = sum(bool(own >= t) for t in OKS_THRESHOLDS)
        if passed not in known:
            known[passed] = pycocotools_ap(data, pred_px)
        return known[passed]

    def draw(state: dict) -> Frame:
        starts = {name: tuple(data.truth_px[COCO.index(name)] + OFFSETS_PX[name]) for name in MOVED}
        return oks_frame(
            data, moved={name: state.get(name, start) for name, start in starts.items()},
            threshold=state.get("threshold", (0.0, 0.75))[1], swapped=state["swapped"], similarity=similarity,
            reference=reference,
        )  # fmt: skip

    return Figure(
        draw,
        title="OKS: five pixels on an eye are not five pixels on a hip",
        hint="Drag the coloured rings (eye, wrist, hip), or focus one and press the arrow keys; drag the black dot at the "
        "dashed line to move the OKS threshold.",
        alt="A person with rings of equal similarity around 17 joints, beside it similarity over distance for eye, wrist and "
        "hip; below, twenty detections by rank with their OKS and a threshold, and precision over recall.",
        controls=[Toggle("swapped", "call left right and right left", False)],
    )  # fmt: skip
