"""Stage by stage: the maps of a left and a right joint side by side, and a grey square to hide things with."""

from __future__ import annotations

import numpy as np
import torch

from ...coords import Convention, cells_from_px
from ...datasets.synthetic import synthetic_scene
from ...inference import crop_beliefs, crop_joints
from ...models import CPM
from ...skeletons import Skeleton
from ...weights import load_lite
from ..style import LEFT_COLOR, RIGHT_COLOR
from .center_map import truth_of
from .figure import Figure
from .frame import Choice, Dots, Frame, Handle, Panel, Raster, Rects, Slider, Texts
from .overlays import belief_marks, image_view, pose_marks, stage_bars

__all__ = ["belief_at", "covered", "joint_pairs", "refinement", "refinement_frame"]

SIDE = 260  # px of a picture on the screen
COVER_GREY = 114  # the lite model's mean grey: it preprocesses to 0
REACH_CELLS = 1  # a belief counts as being at a place if it lies in one of the 3 x 3 cells around it
ALT = (
    "A crop with the pose of one stage and a movable grey square; the belief maps of a left joint and of its right "
    "partner; bars with each map's belief at the left and at the right joint, stage by stage."
)


def covered(image: np.ndarray, middle_px: tuple[float, float], side_px: float) -> np.ndarray:
    """A copy of an (H, W, 3) uint8 picture with a grey square; a side below 1 px hides nothing."""
    image = image.copy()
    if side_px >= 1:
        x0, y0 = (max(round(v - side_px / 2), 0) for v in middle_px)
        x1, y1 = (max(round(v + side_px / 2), 0) for v in middle_px)
        image[y0:y1, x0:x1] = COVER_GREY
    return image


def joint_pairs(skeleton: Skeleton) -> dict[str, tuple[int, int]]:
    """Name -> (left, right) joint; a skeleton without mirror pairs: every joint with itself."""
    if not skeleton.flip_pairs:
        return {name.replace("_", " "): (j, j) for j, name in enumerate(skeleton.joints)}
    names = (skeleton.joints[left] for left, _ in skeleton.flip_pairs)
    words = [name.lower().replace("left", "").replace("_", " ").strip() or name for name in names]
    return dict(zip(words, skeleton.flip_pairs, strict=True))


def belief_at(
    belief_maps: np.ndarray, place_px, *, stride: int, convention: Convention = "center"
) -> np.ndarray:
    """Highest belief of (..., H, W) maps in the 3 x 3 cells around a pixel (x, y); NaN for an unknown place."""
    if not np.isfinite(place_px).all():
        return np.full(belief_maps.shape[:-2], np.nan)
    height, width = belief_maps.shape[-2:]
    place = np.rint(cells_from_px(np.asarray(place_px, float), stride, convention).numpy()).astype(int)
    x, y = np.clip(place, 0, [width - 1, height - 1]).tolist()
    near = belief_maps[
        ..., max(y - REACH_CELLS, 0) : y + REACH_CELLS + 1, max(x - REACH_CELLS, 0) : x + REACH_CELLS + 1
    ]
    return near.max((-1, -2))


def refinement_frame(
    image: np.ndarray,
    belief_maps: np.ndarray,
    joints_px: np.ndarray,
    scores: np.ndarray,
    skeleton: Skeleton,
    *,
    pair: tuple[int, int],
    stage: int,
    places_px: np.ndarray,
    known: bool,
    cover_px: tuple[float, float],
    cover_side: float,
    stride: int = 8,
    convention: Convention = "center",
) -> Frame:
    """What one stage believes of a left and a right joint, and how that changed over the stages.

    Args:
        image: (H_in, W_in, 3) uint8, as the network sees it.
        belief_maps: (T, J, H, W) without the background.
        joints_px, scores: (T, J, 2), (T, J), the decoded peaks.
        pair: (left, right) joint; twice the same for a joint without a partner.
        stage: 1..T.
        places_px: (J, 2) where the joints are; NaN where unknown.
        known: whether `places_px` is the truth, not a belief of the last stage.
        cover_px, cover_side: middle and side of the grey square in pixels.
    """
    view, size = image_view(image), (SIDE, round(SIDE * image.shape[0] / image.shape[1]))
    both = dict.fromkeys(pair)
    names = {j: skeleton.joints[j].replace("_", " ") for j in both}
    letters = ["L", "R"] if len(both) == 2 else [""]
    colors = [LEFT_COLOR, RIGHT_COLOR][: len(both)]
    places = places_px[list(both)]
    square = [(cover_px[0] - cover_side / 2 - 0.5, cover_px[1] - cover_side / 2 - 0.5,
               cover_px[0] + cover_side / 2 - 0.5, cover_px[1] + cover_side / 2 - 0.5)]  # fmt: skip
    pose = [
        Raster(image, smooth=True),
        *([Rects(square, edge="#ffffff", edge_px=1.5)] if cover_side >= 1 else []),
        *pose_marks(joints_px[stage - 1], skeleton, scores[stage - 1] >= 0.0),
    ]
    pictures = [
        Panel("crop", size, view, pose, f"crop, and the pose of stage {stage}",
              describe=f"The crop with the pose of stage {stage}; left limbs solid orange, right ones dashed blue."),
    ]  # fmt: skip
    beliefs = np.array([[belief_at(belief_maps[:, j], p, stride=stride, convention=convention) for p in places]
                        for j in both])  # (maps, places, T)  # fmt: skip
    top = max(float(np.nanmax(beliefs, initial=0.0)), 0.2)
    plots = []
    for j, at in zip(both, beliefs, strict=True):
        peak, word = max(float(belief_maps[:, j].max()), 0.2), "where it is" if known else "stage T's peak"
        marks = belief_marks(
            image, belief_maps[stage - 1, j], peak=peak, stride=stride, convention=convention
        )
        marks += [
            Dots(places, colors, "ring", 10.0),
            Dots(joints_px[stage - 1, [j]], "#ffffff", "cross", 6.0, "#000000"),
        ]
        marks.append(Texts(places, letters, colors, bold=True, back="#000000", offset_px=(13, -13)))
        x, y = joints_px[stage - 1, j]
        pictures.append(Panel(
            f"map {j}", size, view, marks, f"{names[j]}, stage {stage}: peak {scores[stage - 1, j]:.2f}",
            describe=f"Belief map of the {names[j]} at stage {stage}; its peak lies at x {x:.0f}, y {y:.0f}. "
            f"Rings: {word}.",
        ))  # fmt: skip
        plots.append(stage_bars(
            f"bars {j}", 100 * at, letters, colors, title=f"{names[j]}: 100 x belief at {', '.join(letters) or 'it'}",
            size_px=(SIDE, 110), stage=stage, top=100 * top, form=".0f",
            describe="; ".join(f"at {letter or 'the joint'} " + ", ".join(f"{v:.2f}" for v in values)
                               for letter, values in zip(letters, at, strict=True)),
        ))  # fmt: skip
    handle = Handle("cover", "crop", cover_px, "middle of the grey square", bounds=view, step=4.0, shape="square",
                    radius_px=6.0)  # fmt: skip
    return Frame(
        [pictures, [_key(stage, joints_px, places_px, known), *plots]],
        _status(names, pair, beliefs, joints_px, places_px, stage, known), [handle],
    )  # fmt: skip


def _key(stage: int, joints_px: np.ndarray, places_px: np.ndarray, known: bool) -> Panel:
    """How far all the peaks of each stage lie from where the joints are (or from the last stage's peaks)."""
    distance = np.linalg.norm(joints_px - places_px, axis=-1)  # (T, J)
    mean = np.array([np.nan if np.isnan(d).all() else np.nanmean(d) for d in distance])
    title = "mean error of all joints, px" if known else "px from stage T's peaks, all joints"
    return stage_bars(
        "errors", mean[None], [""], ["#999999"], title=title, size_px=(SIDE, 110), stage=stage,
        top=max(float(np.nanmax(mean, initial=0.0)), 1.0), form=".0f",
        describe=title + ": " + ", ".join(f"{m:.0f}" for m in mean),
    )  # fmt: skip


def _status(names, pair, beliefs, joints_px, places_px, stage: int, known: bool) -> str:
    sentences = []
    for k, (j, name) in enumerate(names.items()):
        at = [f"{value:.2f}" if np.isfinite(value) else "unknown" for value in beliefs[k, :, stage - 1]]
        believed = f"{name}'s map: {at[0]}"
        if len(names) == 2:
            believed = f"{name}'s map: {at[0]} at the left one, {at[1]} at the right one"
        error = float(np.linalg.norm(joints_px[stage - 1, j] - places_px[j]))
        where = "its joint" if known else "the last stage's"
        peak = (
            f"its peak is {error:.0f} px from {where}" if np.isfinite(error) else "where it is, nobody knows"
        )
        sentences.append(f"{believed}; {peak}.")
    return f"Stage {stage}. " + " ".join(s[0].upper() + s[1:] for s in sentences)


def refinement(
    model: CPM | None = None,
    image: np.ndarray | None = None,
    *,
    center_px=None,
    truth_px=None,
    joint: str | None = None,
    cover: tuple[float, float, float] | None = None,
) -> Figure:
    """Step through the stages of any pose machine; hide a part of the crop and see what the later stages make of it.

    Args:
        model: any CPM; None: the shipped lite model.
        image: (H_in, W_in, 3) uint8 crop of the model's input size; None: a drawn person seen from behind.
        center_px: (x, y) of the person meant; None: the crop's middle (the drawn person's own).
        truth_px: (J, 2) true joints, NaN where unknown; None: the last stage's peaks are the yardstick.
        joint: which pair comes first, "ankle" for example; None: the first there is (the drawn person's wrists).
        cover: (x, y, side) of the grey square at the start, in pixels.

    Raises:
        ValueError: a crop of another size, or no such joint.
    """
    model = load_lite() if model is None else model.eval()
    if image is None:
        scene = synthetic_scene(119, seed=4, size=model.input_size, people=1)
        image, center_px, truth_px = scene.image, scene.center_px, truth_of(scene, model.skeleton)[0]
        joint = joint or ("wrist" if "wrist" in joint_pairs(model.skeleton) else None)
    if image.shape[:2] != model.input_size:
        raise ValueError(f"the crop must be {model.input_size} (height, width), not {image.shape[:2]}")
    pairs = joint_pairs(model.skeleton)
    joint = joint or next(iter(pairs))
    if joint not in pairs:
        raise ValueError(f"there is no {joint!r} to look at; there are {', '.join(pairs)}")
    center = None if center_px is None else torch.as_tensor(np.asarray(center_px, np.float32))[None]
    height, width = model.input_size
    x, y, side = cover or (0.2 * width, 0.8 * height, 0.0)
    device = next((p.device for p in model.parameters()), torch.device("cpu"))

    def draw(state: dict) -> Frame:
        cover_px = state.get("cover", (x, y))
        seen = covered(image, cover_px, state["side"])
        pixels = torch.from_numpy(seen).permute(2, 0, 1)[None].to(device)
        beliefs = crop_beliefs(model, pixels, None if center is None else center.to(device))[:, 0].cpu()
        joints, scores = crop_joints(model, beliefs)
        places = joints[-1].numpy() if truth_px is None else truth_px
        return refinement_frame(
            seen, model.joint_maps(beliefs).numpy(), joints.numpy(), scores.numpy(), model.skeleton,
            pair=pairs[state["joint"]], stage=int(state["stage"]), places_px=places, known=truth_px is not None,
            cover_px=cover_px, cover_side=state["side"], stride=model.stride, convention=model.convention,
        )  # fmt: skip

    controls = [
        Slider("stage", "stage", 1, model.num_stages, 1),
        Choice("joint", "joint", list(pairs), joint),
        Slider("side", "side of the grey square", 0, round(0.4 * width), side, 2.0, unit="px"),
    ]
    hint = "Step through the stages; then make the grey square larger and drag it over a knee or an ankle."
    return Figure(draw, title="Look, and look again: left and right", alt=ALT, controls=controls, hint=hint)
