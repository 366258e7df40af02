"""The flip test: what has to be done to the maps of a mirrored picture before they may be averaged.

Two passes of one model, over a picture and over its mirror image, are kept; the three switches only change how the
second is brought back. One joint's maps are shown, and PCK over all people says what each switch is worth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...coords import Convention, mirror_points, px_from_cells
from ...decoding import decode, merge_flip
from ...models import CPM
from ...skeletons import Skeleton
from .figure import Figure
from .frame import INK, Dots, Frame, Handle, Line, Panel, Raster, Rects, Texts, Toggle

__all__ = [
    "TwoPasses",
    "drawn_passes",
    "flip_scores",
    "flip_test",
    "flip_test_frame",
    "pck_of_maps",
    "two_passes",
]

CHOSEN, CROSS = "#0072B2", "#D55E00"  # Okabe and Ito: blue and vermilion
DRAWN = range(16, 64)  # which drawn people; the one shown first is among them
SEED, SHOWN, JOINT = 9, 33, "left_wrist"
THRESHOLD = 0.2  # of the torso
PICTURE_PX = 196

Merge = Callable[..., Tensor]


@dataclass(frozen=True, eq=False)
class TwoPasses:
    """Last-stage belief maps of N people, from their pictures and from the mirrored pictures as they came out.

    Args:
        images: (N, H_in, W_in, 3) uint8.
        maps, maps_of_mirrored: (N, J, H, W) float32, without the background.
        truth_px: (N, J, 2) pixels; NaN where unknown.
        torso_px: (N,) left shoulder to right hip.
        skeleton, stride, convention, flip_shift: of the model.
    """

    images: np.ndarray
    maps: Tensor
    maps_of_mirrored: Tensor
    truth_px: np.ndarray
    torso_px: np.ndarray
    skeleton: Skeleton
    stride: int
    convention: Convention
    flip_shift: bool


def two_passes(model: CPM, images: Tensor, center_px: Tensor, truth_px: np.ndarray) -> TwoPasses:
    """Run a model on crops and on their mirror images.

    Args:
        images: (N, 3, H_in, W_in) RGB, 0..255.
        center_px: (N, 2) crop pixels of the people meant.
        truth_px: (N, J, 2) crop pixels in the order of the model's skeleton; NaN where unknown.

    Raises:
        ValueError: the skeleton says of no joints that they are the torso's ends.
    """
    from ...inference import crop_beliefs

    if model.skeleton.torso is None:
        raise ValueError("PCK of the torso is measured, but the model's skeleton has none")
    center_of_mirrored = mirror_points(center_px, images.shape[-1])
    maps, back = (
        model.joint_maps(crop_beliefs(model, pictures, centers)[-1]).contiguous()
        for pictures, centers in ((images, center_px), (images.flip(-1), center_of_mirrored))
    )
    shoulder, hip = (truth_px[:, end] for end in model.skeleton.torso)
    return TwoPasses(
        images=images.permute(0, 2, 3, 1).round().byte().numpy(),
        maps=maps,
        maps_of_mirrored=back,
        truth_px=truth_px,
        torso_px=np.hypot(*(shoulder - hip).T),
        skeleton=model.skeleton,
        stride=model.stride,
        convention=model.convention,
        flip_shift=model.flip_shift,
    )


def drawn_passes(model: CPM | None = None, *, drawn: Sequence[int] = DRAWN, seed: int = SEED) -> TwoPasses:
    """`two_passes` over drawn scenes of two people, the first of whom is meant.

    Args:
        model: None is the shipped one; joints that the drawings lack have no truth.
        drawn: which scenes.
        seed: of the scenes.
    """
    from ...datasets.synthetic import SyntheticPeople, synthetic_scene
    from ...weights import load_lite

    model = load_lite() if model is None else model
    scenes = [synthetic_scene(i, seed=seed, size=model.input_size, people=2) for i in drawn]
    known = SyntheticPeople.skeleton
    truth = np.full((len(scenes), model.skeleton.num_joints, 2), np.nan, np.float32)
    for j, name in enumerate(model.skeleton.joints):
        if name in known.joints:
            truth[:, j] = [scene.joints_px[0, known.index(name)] for scene in scenes]
            truth[[not scene.inside[0, known.index(name)] for scene in scenes], j] = np.nan
    images = torch.from_numpy(np.stack([scene.image for scene in scenes])).permute(0, 3, 1, 2)
    return two_passes(model, images, torch.from_numpy(np.stack([s.center_px for s in scenes])), truth)


def _joints(passes: TwoPasses, maps: Tensor) -> np.ndarray:
    """(N, J, 2) pixels of maps (N, J, H, W)."""
    cells, _ = decode(maps.contiguous(), "msra" if passes.convention == "msra" else "log_parabola")
    return px_from_cells(cells, passes.stride, passes.convention).numpy()


def pck_of_maps(passes: TwoPasses, maps: Tensor) -> float:
    """PCK@0.2 of the torso, in percent, of maps (N, J, H, W) for the people of `passes`."""
    errors = np.linalg.norm(_joints(passes, maps) - passes.truth_px, axis=-1)  # (N, J)
    known = np.isfinite(errors)
    return 100 * float((errors <= THRESHOLD * passes.torso_px[:, None])[known].mean())


def _merged(passes: TwoPasses, merge: Merge, *, swap: bool, shift: bool) -> Tensor:
    """Mean of both passes by the library's function or the reader's.

    Raises:
        ValueError: the reader's returns something else than maps.
    """
    order = passes.skeleton.flip_permutation if swap else range(passes.maps.shape[1])
    mean = merge(passes.maps, passes.maps_of_mirrored, list(order), shift=shift)
    if not isinstance(mean, Tensor) or mean.shape != passes.maps.shape:
        given = tuple(mean.shape) if isinstance(mean, Tensor) else type(mean).__name__
        raise ValueError(f"merge must return maps {tuple(passes.maps.shape)}, not {given}")
    return mean.detach().float()


# the ways of merging that the switches reach: (flip, swap, shift)
WAYS = [(False, False, False), *((True, swap, shift) for swap in (False, True) for shift in (False, True))]


def flip_scores(passes: TwoPasses, merge: Merge = merge_flip) -> list[float]:
    """`pck_of_maps` for one pass, and for two: as they are, shifted, swapped, swapped and shifted."""
    return [
        pck_of_maps(passes, _merged(passes, merge, swap=swap, shift=shift) if flip else passes.maps)
        for flip, swap, shift in WAYS
    ]


def flip_test_frame(
    passes: TwoPasses,
    *,
    flip: bool = True,
    swap: bool = True,
    shift: bool = False,
    joint: int = 0,
    person: int = 0,
    pick_px: tuple[float, float] | None = None,
    merge: Merge = merge_flip,
    scores: Sequence[float] | None = None,
) -> Frame:
    """Picture, one joint's map from both passes, their mean, and PCK over all people for each way of merging.

    Args:
        passes: of `two_passes` or `drawn_passes`.
        flip: whether the second pass is used at all.
        swap: whether left and right maps of the second pass change places.
        shift: whether the second pass moves one cell to the right.
        joint, person: what is shown.
        pick_px: (x, y) pixels of the ring that picks the joint; None: on the joint.
        merge: `merge_flip`, or a function of the reader's with its arguments.
        scores: `flip_scores(passes, merge)` where they are known already.
    """
    one = passes.maps
    mean = _merged(passes, merge, swap=swap, shift=shift) if flip else one
    truth = passes.truth_px[person, joint]
    shown = {"first": one, "back": 2 * mean - one if flip else None, "mean": mean}
    found = {k: None if m is None else _joints(passes, m)[person, joint] for k, m in shown.items()}
    name = passes.skeleton.joints[joint].replace("_", " ")
    titles = {
        "first": "Pass 1: the picture",
        "back": "Pass 2: mirrored back" if flip else "Pass 2: not used",
        "mean": "What is decoded" if not flip else "Mean: what is decoded",
    }
    panels = [
        _picture_panel(passes, person, joint),
        *(
            _map_panel(passes, key, titles[key], None if m is None else m[person, joint], truth, found[key])
            for key, m in shown.items()
        ),
    ]
    pick = tuple(float(v) for v in np.nan_to_num(truth)) if pick_px is None else pick_px
    ring = Handle("pick", "picture", pick, "joint whose maps are shown", step=2.0)
    scores = flip_scores(passes, merge) if scores is None else scores
    way = (flip, swap and flip, shift and flip)
    errors = {k: None if f is None else float(np.hypot(*(f - truth))) for k, f in found.items()}
    return Frame(
        [panels, [_scores_panel(scores, way, len(passes.images))]],
        _status(name, errors, scores[0], scores[WAYS.index(way)], way),
        [ring],
    )


def _said(way: tuple[bool, bool, bool]) -> str:
    flip, swap, shift = way
    if not flip:
        return "one pass"
    parts = ["swapped" if swap else "not swapped", *(["shifted by a cell"] if shift else [])]
    return f"two passes, {', '.join(parts)}"


def _picture_panel(passes: TwoPasses, person: int, joint: int) -> Panel:
    image = passes.images[person]
    height, width = image.shape[:2]
    pale = (0.75 * image + 0.25 * 255).astype(np.uint8)
    truth = passes.truth_px[person]
    known = truth[np.isfinite(truth).all(1)]
    return Panel(
        "picture", (PICTURE_PX, PICTURE_PX * height // width), (-0.5, -0.5, width - 0.5, height - 0.5),
        [
            Raster(pale, smooth=True), Dots(known, "#ffffff", radius_px=3, edge=INK),
            Dots([truth[joint]], CHOSEN, shape="circle", radius_px=5),
        ],
        title="Drag the ring to a joint",
        describe="The picture of a person with the true joints as dots; the one shown is larger.",
    )  # fmt: skip


def _map_panel(passes: TwoPasses, key: str, title: str, belief: Tensor | None, truth, found) -> Panel:
    height, width = passes.images.shape[1:3]
    marks = [Texts([(width / 2, height / 2)], ["switched off"], align="center", color="#444444")]
    if belief is not None:
        rows, columns = belief.shape
        corners = px_from_cells(
            torch.tensor([[-0.5, -0.5], [columns - 0.5, rows - 0.5]]), passes.stride, passes.convention
        )
        marks = [
            Raster(belief.numpy(), box=tuple(corners.flatten().tolist()), low=0.0, high=1.0),
            Dots([truth], "#ffffff", shape="ring", radius_px=8, edge=None),
            Dots([found], CROSS, shape="cross", radius_px=6),
        ]
    return Panel(
        key, (PICTURE_PX, PICTURE_PX * height // width), (-0.5, -0.5, width - 0.5, height - 0.5), marks,
        title=title, describe="A belief map; ring: the true joint; cross: where the map is decoded to.",
    )  # fmt: skip


def _scores_panel(scores: Sequence[float], now: tuple[bool, bool, bool], people: int) -> Panel:
    rows = range(len(WAYS))
    chosen = [way == now for way in WAYS]
    marks = [
        Rects(
            [(0, row + 0.15, scores[row], row + 0.85) for row in rows],
            fill=[CHOSEN if c else "#c9d3d9" for c in chosen],
        ),
        Line([(scores[0], 0), (scores[0], len(WAYS))], color=INK, width_px=1, dash_px=(4, 3)),
    ]
    for row in rows:
        words = ("▶ " if chosen[row] else "") + _said(WAYS[row])
        color = "#ffffff" if chosen[row] else INK
        marks += [
            Texts([(0, row + 0.5)], [words], color, 12.5, bold=chosen[row], offset_px=(8, 0)),
            Texts(
                [(scores[row], row + 0.5)], [f"{scores[row]:.1f} %"], INK, 12.5, bold=chosen[row],
                back="#ffffff", offset_px=(8, 0),
            ),
        ]  # fmt: skip
    return Panel(
        "scores", (4 * PICTURE_PX + 60, 140), (0, 0, 100, len(WAYS)), marks,
        title=f"PCK@0.2 of the torso over {people} people (dashed: one pass)",
        describe="; ".join(f"{_said(way)}: {score:.1f} percent" for way, score in zip(WAYS, scores, strict=True)),
    )  # fmt: skip


def _status(name: str, errors: dict, one: float, now: float, way: tuple[bool, bool, bool]) -> str:
    if not way[0]:
        return f"One pass: the {name} is off by {errors['first']:.1f} px; PCK over all people {one:.1f} %."
    change = now - one
    return (
        f"The {name} is off by {errors['first']:.1f} px in pass 1, {errors['back']:.1f} px in pass 2 and "
        f"{errors['mean']:.1f} px in the mean ({_said(way)}); PCK over all people {now:.1f} %, "
        f"{abs(change):.1f} points {'above' if change >= 0 else 'below'} one pass."
    )


def flip_test(
    model: CPM | None = None,
    *,
    passes: TwoPasses | None = None,
    merge: Merge = merge_flip,
    person: int | None = None,
) -> Figure:
    """The flip test: switch off what brings the mirrored pass back, one step at a time.

    Args:
        model: any CPM; None is the shipped one.
        passes: of `two_passes` or `drawn_passes` where they are there already.
        merge: the reader's own `merge_flip`.
        person: which of the people is shown; None: one on which much changes.
    """
    passes = drawn_passes(model) if passes is None else passes
    person = min(SHOWN, len(passes.images) - 1) if person is None else person
    truth = passes.truth_px[person]
    known = np.flatnonzero(np.isfinite(truth).all(1))
    first = passes.skeleton.index(JOINT) if JOINT in passes.skeleton.joints else int(known[0])
    first = first if first in known else int(known[0])
    scores: list[float] = []  # switching must not decode everything again

    def draw(state: dict) -> Frame:
        if not scores:
            scores.extend(flip_scores(passes, merge))
        pick = state.get("pick", tuple(truth[first].tolist()))
        nearest = int(known[np.argmin(np.hypot(*(truth[known] - np.array(pick)).T))])
        return flip_test_frame(
            passes,
            flip=state["flip"],
            swap=state["swap"],
            shift=state["shift"],
            joint=nearest,
            person=person,
            pick_px=pick,
            merge=merge,
            scores=scores,
        )

    return Figure(
        draw,
        title="The flip test",
        hint="Switch the steps on and off. Drag the ring, or focus it and use the arrow keys, for another joint.",
        alt="A picture with its joints, one joint's belief map from the picture, from its mirror image brought back, "
        "and their mean; below, bars of PCK for every way of merging the two passes.",
        controls=[
            Toggle("flip", "Use the mirrored pass", True),
            Toggle("swap", "Swap left and right maps", False),
            Toggle("shift", "Shift it by one cell", passes.flip_shift),
        ],
    )
