"""The threshold of PCK: circles of tolerance on people, and the curve that they belong to.

One set of predictions, three yardsticks. Moving the threshold grows every circle; changing the yardstick changes
them person by person, which is why PCKs with different yardsticks do not compare.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from ...metrics.benchmarks import box_sizes, torso_sizes
from ...metrics.pck import pck_curve
from ...models import CPM
from ...skeletons import Skeleton
from ..style import joint_sides
from .figure import Figure
from .frame import INK, Choice, Dots, Frame, Handle, Line, Panel, Raster, Rects, Slider, Texts

__all__ = ["JudgedPeople", "judged_people", "pck_share", "pck_threshold", "pck_threshold_frame"]

HIT, MISS = "#0072B2", "#D55E00"  # Okabe and Ito: blue and vermilion
YARDSTICKS = {
    "torso": "left shoulder to right hip",
    "head": "neck to head top",
    "box": "longer side of the box",
}
DASHES = {"torso": (), "head": (7.0, 4.0), "box": (2.0, 3.0)}
MOST = 0.5  # the largest threshold shown
THRESHOLDS = np.linspace(0, MOST, 51)
SHOWN, FIRST = 3, 13  # of the drawn people, three whole ones whose torsos differ
PICTURE_PX, CURVE_PX, BARS_PX = (262, 262), (544, 216), (262, 216)
PLACES = [f"person {n}" for n in range(SHOWN)]
TURN = np.stack([np.cos(np.linspace(0, 2 * np.pi, 33)), np.sin(np.linspace(0, 2 * np.pi, 33))], 1)

Score = Callable[[np.ndarray, np.ndarray, np.ndarray, float], float]


@dataclass(frozen=True, eq=False)
class JudgedPeople:
    """Predictions beside the truth.

    Args:
        images: N pictures (H, W, 3) uint8.
        pred_px, truth_px: (N, J, 2) pixels of these pictures.
        boxes_xyxy: (N, 4) boxes of the people.
        skeleton: their joints.
    """

    images: tuple[np.ndarray, ...]
    pred_px: np.ndarray
    truth_px: np.ndarray
    boxes_xyxy: np.ndarray
    skeleton: Skeleton

    def __post_init__(self) -> None:
        if len(self.images) < SHOWN:
            raise ValueError(f"the figure shows {SHOWN} people; {len(self.images)} were given")
        if self.pred_px.shape != self.truth_px.shape or len(self.truth_px) != len(self.images):
            raise ValueError(
                f"{len(self.images)} pictures, predictions {self.pred_px.shape} and truth {self.truth_px.shape} do not fit"
            )

    @property
    def lengths(self) -> dict[str, np.ndarray]:
        """Yardstick -> (N,) pixels: of `YARDSTICKS` those that the skeleton knows."""
        found = {}
        if self.skeleton.torso is not None:
            found["torso"] = torso_sizes(self.truth_px, self.skeleton)
        if {"head_top", "neck"} <= set(self.skeleton.joints):
            ends = [self.skeleton.index(name) for name in ("head_top", "neck")]
            found["head"] = np.hypot(*(self.truth_px[:, ends[0]] - self.truth_px[:, ends[1]]).T)
        return found | {"box": box_sizes(self.boxes_xyxy)}


def judged_people(model: CPM | None = None, *, count: int = 24, seed: int = 7) -> JudgedPeople:
    """Drawn people, and where a model with the joints of LSP sees their joints; None: the shipped model."""
    import torch

    from ...datasets.synthetic import SyntheticPeople, synthetic_scene
    from ...inference import predict_crops
    from ...weights import load_lite

    model = load_lite() if model is None else model
    model.skeleton.require_same(SyntheticPeople.skeleton, "drawn people")
    scenes = [synthetic_scene(i, seed=seed, size=model.input_size, people=1) for i in range(count)]
    images = torch.from_numpy(np.stack([scene.image for scene in scenes])).permute(0, 3, 1, 2)
    joints, _ = predict_crops(model, images, torch.from_numpy(np.stack([s.center_px for s in scenes])))
    return JudgedPeople(
        images=tuple(scene.image for scene in scenes),
        pred_px=joints[-1].numpy(),
        truth_px=np.stack([scene.joints_px[0] for scene in scenes]),
        boxes_xyxy=np.stack([scene.boxes_xyxy[0] for scene in scenes]),
        skeleton=model.skeleton,
    )


def pck_share(pred: np.ndarray, truth: np.ndarray, lengths: np.ndarray, threshold: float) -> float:
    """PCK as a share 0..1: joints (N, J, 2) whose error is at most threshold x their person's length (N,)."""
    return float(pck_curve(pred, truth, normalizer=lengths, thresholds=[threshold], comparison="<=")[0])


def pck_threshold_frame(
    people: JudgedPeople,
    *,
    threshold: float = 0.2,
    yardstick: str = "torso",
    first: int = 0,
    score: Score = pck_share,
    curves: dict[str, np.ndarray] | None = None,
) -> Frame:
    """Three people with their circles; below, PCK over the threshold and PCK by joint.

    Args:
        threshold: 0..0.5 of the yardstick.
        yardstick: a key of `people.lengths`.
        first: the first person shown.
        score: (pred (N, J, 2), truth (N, J, 2), lengths (N,), threshold) -> share of correct joints 0..1.
        curves: `pck_curves(people, score)` where they are known already.

    Raises:
        ValueError: an unknown yardstick, or a score that is no number between 0 and 1.
    """
    lengths = people.lengths
    if yardstick not in lengths:
        raise ValueError(f"there is no yardstick {yardstick!r} here, but {', '.join(lengths)}")
    curves = pck_curves(people, score) if curves is None else curves
    errors = np.linalg.norm(people.pred_px - people.truth_px, axis=-1)  # (N, J)
    hits = errors / lengths[yardstick][:, None] <= threshold
    value = _checked(score(people.pred_px, people.truth_px, lengths[yardstick], threshold))
    others = {
        name: _checked(score(people.pred_px, people.truth_px, lengths[name], threshold)) for name in lengths
    }
    first = int(np.clip(first, 0, len(people.images) - SHOWN))
    pictures = [
        _picture(people, n, place, hits[n], threshold * lengths[yardstick][n])
        for n, place in zip(range(first, first + SHOWN), PLACES, strict=True)
    ]
    curve = _curve(curves, yardstick, threshold, value)
    handle = Handle(
        "threshold", "curve", (threshold, 100 * value), "threshold of PCK", bounds=(0, 0, MOST, 100), step=0.01,
        snap=0.01, axis="x", color=INK, shape="circle", radius_px=8,
    )  # fmt: skip
    return Frame(
        [pictures, [curve, _bars(people.skeleton, hits)]],
        _status(hits, value, threshold, yardstick, lengths[yardstick][first : first + SHOWN], others),
        [handle],
    )


def pck_curves(people: JudgedPeople, score: Score = pck_share) -> dict[str, np.ndarray]:
    """Yardstick -> (51,) share of correct joints at the thresholds 0, 0.01, ..., 0.5."""
    return {
        name: np.array(
            [_checked(score(people.pred_px, people.truth_px, length, float(t))) for t in THRESHOLDS]
        )
        for name, length in people.lengths.items()
    }


def _checked(value) -> float:
    try:
        value = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"the score is {type(value).__name__}, not one number between 0 and 1") from None
    if not 0 <= value <= 1:
        raise ValueError(f"the score is {value:.4g}, not a share between 0 and 1")
    return value


def _picture(people: JudgedPeople, n: int, place: str, hits: np.ndarray, radius: float) -> Panel:
    image, pred, truth = people.images[n], people.pred_px[n], people.truth_px[n]
    height, width = image.shape[:2]
    pale = (110 + 0.57 * image.mean(-1, keepdims=True)).repeat(3, -1).astype(np.uint8)
    scale = PICTURE_PX[0] / width
    marks = [Raster(pale)]
    for which, color, dash in ((hits, HIT, ()), (~hits, MISS, (5.0, 3.0))):
        if which.any() and radius > 0:
            marks.append(Line(_circles(truth[which], radius), color, 2.0, dash))
    if hits.any():
        marks.insert(1, Dots(truth[hits], HIT, "circle", max(radius * scale, 0.5), None, opacity=0.2))
        marks.append(Dots(pred[hits], HIT, "circle", 3.5))
    if (~hits).any():
        ties = np.stack([truth[~hits], pred[~hits], np.full_like(pred[~hits], np.nan)], 1).reshape(-1, 2)
        marks += [Line(ties, MISS, 1.5), Dots(pred[~hits], MISS, "cross", 5.0)]
    view = (-0.5, -0.5, width - 0.5, height - 0.5)
    return Panel(
        place, PICTURE_PX, view, marks, title=f"person {n + 1}, radius {radius:.1f} px: {hits.sum()}/{len(hits)}",
        describe=f"Person {n + 1}: a circle of {radius:.1f} px around every true joint; {hits.sum()} of {len(hits)} "
        "predictions lie inside (blue dots), the others outside (vermilion crosses).",
    )  # fmt: skip


def _circles(centers: np.ndarray, radius: float) -> np.ndarray:
    loops = centers[:, None] + radius * TURN  # (K, 33, 2)
    return np.concatenate([loops, np.full((len(loops), 1, 2), np.nan)], 1).reshape(-1, 2)


def _curve(curves: dict[str, np.ndarray], yardstick: str, threshold: float, value: float) -> Panel:
    chosen = np.stack([THRESHOLDS, 100 * curves[yardstick]], 1)
    area = np.concatenate([chosen, [[MOST, 0], [0, 0]]])
    marks = [
        Line(area, HIT, 0.0, closed=True, fill=HIT, opacity=0.1),
        Line([(threshold, 0), (threshold, 100 * value), (0, 100 * value)], "#767676", 1.5, (3.0, 3.0)),
    ]
    for name, curve in curves.items():
        color, width = (HIT, 3.0) if name == yardstick else ("#767676", 1.6)
        marks.append(Line(np.stack([THRESHOLDS, 100 * curve], 1), color, width, DASHES[name]))
    return Panel(
        "curve", CURVE_PX, (0, 104, MOST, 0), [*marks, *_legend(curves, yardstick, threshold)],
        title="share of joints inside their circles, all people", x_label="threshold, in yardsticks",
        y_label="PCK, percent", x_ticks="auto", y_ticks=[(v, str(v)) for v in (0, 25, 50, 75, 100)],
        describe=f"PCK over the threshold, one line a yardstick; by {yardstick} it is {100 * value:.1f} percent at "
        f"{threshold:.2f}.",
    )  # fmt: skip


def _legend(curves: dict[str, np.ndarray], yardstick: str, threshold: float) -> list[Line | Texts]:
    """In the corner that a PCK curve leaves empty: each line, its yardstick, and its PCK at the threshold."""
    marks = []
    for row, (name, curve) in enumerate(curves.items()):
        y, chosen = 32 - 11 * row, name == yardstick
        color = HIT if chosen else "#595959"
        words = f"{name} ({YARDSTICKS[name]}): {100 * np.interp(threshold, THRESHOLDS, curve):.1f}"
        marks.append(Line([(0.21, y), (0.242, y)], color, 3.0 if chosen else 1.6, DASHES[name]))
        marks.append(Texts([(0.25, y)], [words], color, 12, bold=chosen, back="#E6F1F8"))
    return marks


@cache
def _joint_groups(skeleton: Skeleton) -> dict[str, list[int]]:
    """Name without its side -> joint indices, in the skeleton's order."""
    groups: dict[str, list[int]] = {}
    for j, (joint, side) in enumerate(zip(skeleton.joints, joint_sides(skeleton), strict=True)):
        name = joint.replace("_", " ")
        if side != "middle":
            name = name.replace("left", "").replace("right", "").strip() or name
        groups.setdefault(name, []).append(j)
    return groups


def _bars(skeleton: Skeleton, hits: np.ndarray) -> Panel:
    shares = {name: 100 * hits[:, members].mean() for name, members in _joint_groups(skeleton).items()}
    ranked = sorted(shares.items(), key=lambda item: -item[1])
    boxes = [(0, row + 0.08, value, row + 0.92) for row, (_, value) in enumerate(ranked)]
    marks = [Rects(boxes, fill="#A6CDE5")]
    for x, align, words in (
        (2, "left", [name for name, _ in ranked]), (98, "right", [f"{v:.0f}" for _, v in ranked]),
    ):  # fmt: skip
        marks.append(Texts([(x, row + 0.5) for row in range(len(ranked))], words, size_px=12, align=align))
    return Panel(
        "bars", BARS_PX, (0, 0, 100, len(ranked)), marks, title="by joint, percent",
        describe="PCK by joint: " + ", ".join(f"{name} {value:.0f}" for name, value in ranked) + " percent.",
    )  # fmt: skip


def _status(hits, value, threshold, yardstick, radii, others) -> str:
    circles = ", ".join(f"{threshold * length:.1f}" for length in radii)
    found, counted = 100 * hits.mean(), f"{hits.sum()} of {hits.size} joints inside"
    text = f"{threshold:.2f} x {yardstick}: circles of {circles} px, {counted}: PCK {100 * value:.1f} %."
    if abs(100 * value - found) > 0.05:
        text += f" The circles say {found:.1f} %."
    rest = " and ".join(
        f"{100 * share:.1f} % by {name}" for name, share in others.items() if name != yardstick
    )
    return f"{text} The same predictions have {rest}."


def pck_threshold(
    people: JudgedPeople | None = None, *, model: CPM | None = None, score: Score = pck_share
) -> Figure:
    """The figure: drag the dot on the curve, choose the yardstick, look at other people.

    Args:
        people: None takes 24 drawn people, found by `model`.
        model: with the joints of LSP; None: the shipped one. Not used where `people` are given.
        score: a PCK of your own, as of `pck_threshold_frame`.
    """
    people = judged_people(model) if people is None else people
    known: dict[str, dict[str, np.ndarray]] = {}

    def draw(state: dict) -> Frame:
        if not known:
            known["curves"] = pck_curves(people, score)
        return pck_threshold_frame(
            people, threshold=state.get("threshold", (0.2, 0.0))[0], yardstick=state["yardstick"],
            first=int(state["first"]) - 1, score=score, curves=known["curves"],
        )  # fmt: skip

    return Figure(
        draw,
        title="How far may a joint be off? PCK, its threshold and its yardstick",
        hint="Drag the black dot, or focus it and press the arrow keys; then change the yardstick. Filled blue circles hold their joint, dashed ones do not: the cross is where the model pointed.",
        alt="Three people with a circle of tolerance around every true joint; below, the share of joints inside over the "
        "threshold, one curve a yardstick, and that share for every kind of joint as bars.",
        controls=[
            Choice("yardstick", "yardstick", list(people.lengths), next(iter(people.lengths))),
            Slider("first", "first person shown", 1, len(people.images) - SHOWN + 1, min(FIRST, len(people.images) - SHOWN + 1)),
        ],
    )  # fmt: skip
