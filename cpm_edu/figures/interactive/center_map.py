"""Two people in one crop: drag the center map, and the later stages answer for somebody else."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from ... import targets
from ...coords import Convention
from ...datasets.synthetic import Sample, synthetic_scene
from ...inference import crop_joints
from ...models import CPM
from ...skeletons import LSP, Skeleton
from ...weights import load_lite
from ..style import CENTER_COLOR
from .figure import Figure
from .frame import Dots, Frame, Handle, Line, Panel, Raster, Slider, Texts, Toggle
from .overlays import belief_marks, image_view, pose_marks, stage_bars

__all__ = ["center_map", "center_map_frame", "truth_of"]

SIDE = 250  # px of a picture on the screen
MIN_SCORE = 0.3  # lower peaks are not drawn
PERSON_COLORS = ("#7FB8D8", "#4CC09B", "#E8E17A", "#D9A6C2")  # pale, so that letters can be read on them
ALT = (
    "A crop with two people, A and B, a movable center and the pose that the network gives for it; the center map in "
    "cells; belief maps of stage 1 and of a later stage; bars with the PCK of A and of B at every stage."
)


def truth_of(scene: Sample, skeleton: Skeleton) -> np.ndarray:
    """(P, J, 2) true joints of a drawn scene in the order of a skeleton; NaN where it has no such joint or it lies outside."""
    truth = np.full((len(scene.joints_px), skeleton.num_joints, 2), np.nan, np.float32)
    for j, name in enumerate(skeleton.joints):
        if name in LSP.joints:
            k = LSP.index(name)
            truth[:, j] = np.where(scene.inside[:, k, None], scene.joints_px[:, k], np.nan)
    return truth


def shares(
    joints_px: np.ndarray, people_px: np.ndarray, truth_px: np.ndarray | None, torsos_px
) -> np.ndarray:
    """(P, T) percent of the joints that each stage (T, J, 2) places right for person p: PCK@0.2 by torso.

    Without a truth: the share of joints that lie nearer to the middle of person p than to anybody else's.
    """
    if truth_px is None:
        distances = np.linalg.norm(joints_px[None] - people_px[:, None, None], axis=-1)  # (P, T, J)
        return 100 * (distances == distances.min(0)).mean(-1)
    error = np.linalg.norm(joints_px[None] - truth_px[:, None], axis=-1) / np.reshape(torsos_px, (-1, 1, 1))
    known = np.isfinite(truth_px).all(-1)[:, None]  # (P, 1, J)
    return 100 * ((error <= 0.2) & known).sum(-1) / np.maximum(known.sum(-1), 1)


def center_map_frame(
    image: np.ndarray,
    center_cells: np.ndarray,
    belief_maps: np.ndarray,
    joints_px: np.ndarray,
    scores: np.ndarray,
    skeleton: Skeleton,
    *,
    center_px: tuple[float, float] | None,
    handle_px: tuple[float, float],
    sigma_px: float,
    people_px: np.ndarray,
    percent: np.ndarray,
    measure: str,
    stage: int,
    stride: int = 8,
    convention: Convention = "center",
) -> Frame:
    """What the stages of a pose machine answer for one center.

    Args:
        image: (H_in, W_in, 3) uint8 crop.
        center_cells: (H, W) center map as a stage gets it.
        belief_maps: (T, J, H, W) without the background.
        joints_px, scores: (T, J, 2), (T, J), the decoded peaks.
        center_px: the center asked with; None: a blank map.
        handle_px: where the handle stands.
        sigma_px: of the center map.
        people_px: (P, 2) the people's middles.
        percent: (P, T) of `shares`; `measure` says in a few words what it is.
        stage: 1..T, the stage shown.
    """
    view, size = image_view(image), (SIDE, round(SIDE * image.shape[0] / image.shape[1]))
    names = [chr(ord("A") + p) for p in range(len(people_px))]
    colors = [PERSON_COLORS[p % len(PERSON_COLORS)] for p in range(len(people_px))]
    shown = scores[stage - 1] >= MIN_SCORE
    crop = [Raster(image, smooth=True), *pose_marks(joints_px[stage - 1], skeleton, shown)]
    if center_px is not None:
        circle = np.linspace(0, 2 * np.pi, 60)
        for reach in (1, 2):
            points = np.asarray(center_px) + reach * sigma_px * np.stack([np.cos(circle), np.sin(circle)], 1)
            crop += [Line(points, "#ffffff", 4.0, opacity=0.6), Line(points, CENTER_COLOR, 2.0, (5, 4))]
    crop.append(Dots(people_px, colors, "square", 5.0))
    crop.append(Texts(people_px, names, "#ffffff", bold=True, back="#000000", offset_px=(9, -11)))
    peak = max(float(belief_maps.max()), 0.2)

    def beliefs(t: int) -> list:
        return belief_marks(image, belief_maps[t].max(0), peak=peak, stride=stride, convention=convention)

    pictures = [
        Panel("crop", size, view, crop, f"crop, center, and stage {stage}'s pose",
              describe=_pose_words(shown, center_px, names, people_px)),
        Panel("first", size, view, beliefs(0), "stage 1 sees the crop only",
              describe=f"Belief maps of stage 1, the highest belief {belief_maps[0].max():.2f}."),
        Panel("later", size, view, beliefs(stage - 1), f"stage {stage} sees the center map too",
              describe=f"Belief maps of stage {stage}, the highest belief {belief_maps[stage - 1].max():.2f}."),
    ]  # fmt: skip
    rows, columns = center_cells.shape
    cells = Panel(
        "center map", (round(140 * columns / rows), 140), (-0.5, -0.5, columns - 0.5, rows - 0.5),
        [Raster(center_cells, low=0, high=1)], "center map in cells",
        describe=f"The center map in cells, the highest {center_cells.max():.2f}.",
    )  # fmt: skip
    table = "; ".join(
        f"{name} {', '.join(f'{v:.0f}' for v in values)}" for name, values in zip(names, percent, strict=True)
    )
    bars = stage_bars(
        "shares", percent, names, colors, title=f"{measure}, percent", size_px=(3 * SIDE + 20 - round(140 * columns / rows), 140), stage=stage,
        top=100.0, form=".0f", describe=f"{measure} in percent by stage: {table}.",
    )  # fmt: skip
    handle = Handle(
        "center", "crop", handle_px, "center of the person meant", bounds=view, step=2.0, color=CENTER_COLOR,
        shape="plus", radius_px=11.0,
    )  # fmt: skip
    status = _status(center_px, sigma_px, names, people_px, percent, measure, stage, scores[stage - 1].mean())
    return Frame([pictures, [cells, bars]], status, [handle])


def _pose_words(shown, center_px, names: Sequence[str], people_px: np.ndarray) -> str:
    asked = "no center"
    if center_px is not None:
        nearest = names[int(np.linalg.norm(people_px - np.asarray(center_px), axis=1).argmin())]
        asked = f"the center nearest to {nearest}"
    return f"The crop with {len(names)} people, {asked}, and a pose of {int(shown.sum())} joints."


def _status(center_px, sigma_px, names, people_px, percent, measure, stage, height) -> str:
    if center_px is None:
        where = "No center: the map is zero everywhere."
    else:
        distances = np.linalg.norm(people_px - np.asarray(center_px), axis=1)
        where = f"Center with a sigma of {sigma_px:.1f} px, " + ", ".join(
            f"{d:.0f} px from the middle of {name}" for d, name in zip(distances, names, strict=True)
        ) + "."  # fmt: skip
    now = " and ".join(f"{v[stage - 1]:.0f} % of {name}" for v, name in zip(percent, names, strict=True))
    first = " and ".join(f"{v[0]:.0f}" for v in percent)
    return (
        f"{where} {measure} at stage {stage}: {now}; mean peak {height:.2f}. "
        f"Stage 1, which sees no center map: {first} wherever the center is."
    )


def center_map(
    model: CPM | None = None,
    image: np.ndarray | None = None,
    people_px=None,
    *,
    truth_px=None,
    torsos_px=None,
    draw_center: Callable[[torch.Tensor, tuple[int, int], float], torch.Tensor] | None = None,
) -> Figure:
    """Drag the center over a crop with several people; every stage's answer follows.

    Args:
        model: any CPM that uses a center map; None: the shipped lite model.
        image: (H_in, W_in, 3) uint8 crop of the model's input size; None: a drawn scene with two people.
        people_px: (P, 2) the people's middles in the crop.
        truth_px: (P, J, 2) their true joints, NaN where unknown; None: nobody knows them.
        torsos_px: (P,) lengths that PCK measures with; needed with `truth_px`.
        draw_center: your own center map: takes centers (1, 2), the size (H_in, W_in) and sigma_px, gives
            (1, 1, H_in, W_in); None: `cpm_edu.targets.center_map`.

    Raises:
        ValueError: a model without a center map, a crop of another size, or an image without its people.
    """
    model = load_lite() if model is None else model.eval()
    if not model.uses_center_map:
        raise ValueError(f"a {model.kind} CPM has no center map to move")
    if image is None:
        scene = synthetic_scene(195, seed=4, size=model.input_size, people=2)
        image, truth_px = scene.image, truth_of(scene, model.skeleton)
        people_px = np.stack([scene.person(p).center_px for p in range(2)])
        shoulder, hip = LSP.torso
        torsos_px = np.linalg.norm(scene.joints_px[:, shoulder] - scene.joints_px[:, hip], axis=-1)
    if image.shape[:2] != model.input_size or people_px is None:
        raise ValueError(
            f"the crop must be {model.input_size} (height, width) and come with people_px (P, 2)"
        )
    if truth_px is not None and torsos_px is None:
        raise ValueError("PCK needs torsos_px, one length a person")
    people_px = np.asarray(people_px, float)
    measure = "joints nearest to that person" if truth_px is None else "PCK@0.2"
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    pixels = model.preprocess(torch.from_numpy(image.copy()).permute(2, 0, 1)[None].to(device))
    drawn = draw_center or targets.center_map

    @torch.no_grad()
    def draw(state: dict) -> Frame:
        handle_px = state.get("center", tuple(people_px[0].tolist()))
        center_px = None if state["blank"] else handle_px
        asked = torch.tensor([center_px or (torch.nan, torch.nan)], dtype=torch.float32)
        centers = _checked(drawn(asked, model.input_size, state["sigma_px"]), model.input_size)
        beliefs = model(pixels, centers.to(device)).float()[:, 0]
        joints, scores = crop_joints(model, beliefs)
        joints = joints.cpu().numpy()
        return center_map_frame(
            image, torch.nn.functional.avg_pool2d(centers, model.stride)[0, 0].cpu().numpy(),
            model.joint_maps(beliefs).cpu().numpy(), joints, scores.cpu().numpy(), model.skeleton,
            center_px=center_px, handle_px=handle_px, sigma_px=state["sigma_px"], people_px=people_px,
            percent=shares(joints, people_px, truth_px, torsos_px), measure=measure, stage=int(state["stage"]),
            stride=model.stride, convention=model.convention,
        )  # fmt: skip

    usual = targets.CENTER_SIGMA_PX * model.input_size[0] / targets.CENTER_BOX_PX
    controls = [
        Slider("stage", "stage", min(2, model.num_stages), model.num_stages, model.num_stages),
        Slider("sigma_px", "sigma of the center map", 1.0, round(6 * usual), round(usual, 1), 0.1, unit="px"),
        Toggle("blank", "no center (blank map)", False),
    ]
    hint = "Drag the pink plus from one person to the other, or focus it and use the arrow keys."
    return Figure(draw, title="Whom does the network answer for?", alt=ALT, controls=controls, hint=hint)


def _checked(centers: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Center maps (1, 1, H_in, W_in) float32; ValueError with the shape that a student's function gave instead."""
    centers = torch.as_tensor(centers).float()
    if tuple(centers.shape) != (1, 1, *size):
        raise ValueError(f"your center map has shape {tuple(centers.shape)}, expected {(1, 1, *size)}")
    return centers
