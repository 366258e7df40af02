"""Your photo: a picture from the reader's disk, a box to drag around the person, and the belief maps stage by stage."""

from __future__ import annotations

import io
import math
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ...coords import fit_aspect
from ...images import ImageError, load_image, open_image
from ...inference import pose_in_boxes
from ...models import CPM
from ...photos import PHOTOS
from ...weights import load_lite
from ..panels import MIN_SCORE
from ..style import COLORS, joint_sides, short_name
from .figure import Figure
from .frame import Choice, Frame, Handle, Line, Panel, Raster, Rects, Texts, Upload
from .overlays import belief_marks, image_view, pose_marks

__all__ = ["Picture", "read_picture", "your_photo", "your_photo_frame"]

MOST_SIDE = 1200  # of the photo that the model sees; crops are much smaller
SHOWN_SIDE = 400  # of the photo on the screen: as few bytes as look well
LEAST_SIDE = 16  # a smaller picture shows nobody
PHOTO_PX, CROP_PX, BARS_PX = 310, 260, 150  # panels on the screen
ROW_PX = 870
SLOW_S = 0.25  # a model slower than this is asked when the reader lets go
ALL = "all joints"
BOX_COLOR = "#D55E00"


@dataclass(frozen=True)
class Picture:
    """A photo as the figure holds it: `image` (H, W, 3) uint8, MOST_SIDE at most, and what it is called."""

    name: str
    image: np.ndarray
    box: tuple[float, float, float, float]  # x0, y0, x1, y1 at first

    @property
    def shown(self) -> np.ndarray:
        """The picture in the few pixels that the screen needs."""
        return np.asarray(_shrunk(Image.fromarray(self.image), SHOWN_SIDE))


def read_picture(name: str, content: bytes) -> Picture:
    """A file of the reader's as an upright picture, not larger than is needed.

    Raises:
        ImageError: no picture, a damaged one, one too small to show anybody, or one too large to open safely.
    """
    if not content:
        raise ImageError(f"{name}: the file is empty (0 bytes)")
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            image, _ = open_image(
                io.BytesIO(content), name, shrink=lambda size: _jpeg_times(max(size), MOST_SIDE)
            )
        except Image.DecompressionBombWarning:
            raise ImageError(f"{name}: too many pixels to open safely; make it smaller first") from None
        except MemoryError:
            raise ImageError(f"{name}: too large for this machine's memory; make it smaller first") from None
        except ImageError as error:
            if Path(name).suffix.lower() in (".heic", ".heif"):
                raise ImageError(
                    f"{name}: a HEIC photo cannot be read here; save it as JPEG or PNG first"
                ) from error
            raise
    pixels = np.asarray(_shrunk(image, MOST_SIDE))
    height, width = pixels.shape[:2]  # after shrinking: a long strip may have no height left
    if min(width, height) < LEAST_SIDE:
        raise ImageError(f"{name}: {width} x {height} pixels show nobody; at least {LEAST_SIDE} on each side")
    margin = 0.03 * min(width, height)
    return Picture(name, pixels, (margin, margin, width - 1 - margin, height - 1 - margin))


def _jpeg_times(side: int, most: int) -> int:
    """How many times smaller a JPEG of a side may be decoded: 1, 2, 4 or 8."""
    return max(times for times in (1, 2, 4, 8) if times == 1 or side / times >= most)


def _shrunk(image: Image.Image, most: int) -> Image.Image:
    share = most / max(image.size)
    if share >= 1:
        return image
    size = [max(round(side * share), 1) for side in image.size]
    return image.resize(size, Image.Resampling.BOX, reducing_gap=2.0)


def shipped_picture(name: str) -> Picture:
    """One of the package's own photos with the box of its person."""
    photo = PHOTOS[name]
    x, y, width, height = photo.box_xywh
    return Picture(name, load_image(photo.path), (x, y, x + width - 1, y + height - 1))


def your_photo_frame(picture: Picture, box: tuple[float, float, float, float], person: Mapping, model: CPM,
                     joint: str = ALL, *, on_release: bool = False) -> Frame:  # fmt: skip
    """A photo with a person's box, the crop with the pose, how sure every joint is, and the maps of all stages.

    Args:
        box: (x0, y0, x1, y1) in the picture's pixels.
        person: what `pose_in_boxes` says of that box.
        model: the one that was asked.
        joint: "all joints" (the highest belief of any), or a joint's name with spaces.
        on_release: of the handles.
    """
    maps, names = person["belief_maps"], [name.replace("_", " ") for name in model.skeleton.joints]
    beliefs = maps.max(1) if joint == ALL else maps[:, names.index(joint)]  # (T, H, W)
    peaks = maps.max((-1, -2))  # (T, J)
    sure = int((person["scores"] >= MIN_SCORE).sum())
    what = "the mean peak" if joint == ALL else f"the {joint}'s peak"
    heights = peaks.mean(1) if joint == ALL else peaks[:, names.index(joint)]
    where = ""
    if joint != ALL:
        x, y = person["joints"][names.index(joint)]
        where = f" at x = {x:.0f}, y = {y:.0f}"
    status = (
        f"{picture.name}: in the last of {len(maps)} stages {sure} of {len(names)} joints are believed more than "
        f"{MIN_SCORE}; {what} goes from {heights[0]:.2f} in stage 1 to {heights[-1]:.2f}{where}. "
        f"The box is {box[2] - box[0]:.0f} x {box[3] - box[1]:.0f} of {picture.image.shape[1]} x "
        f"{picture.image.shape[0]} pixels."
    )
    rows = [
        [_photo_panel(picture, box, model), _crop_panel(person, model), _sure_panel(person["scores"], names, model)],
        *_stage_rows(person["image"], beliefs, model, joint),
    ]  # fmt: skip
    return Frame(rows, status, _handles(box, picture.image.shape, on_release))


def your_photo(model: CPM | None = None, *, photo: str = "astronaut") -> Figure:
    """The figure.

    Args:
        model: any CPM; None takes the shipped one.
        photo: the package's photo that it begins with.
    """
    model = model or load_lite()
    first = shipped_picture(photo)
    began = time.perf_counter()
    answers = {(0, first.box): _ask(model, first, first.box)}
    slow = time.perf_counter() - began > SLOW_S
    now = {"upload": None, "picture": first, "box": first.box, "count": 0}

    def draw(state: dict) -> Frame:
        upload = state["photo"]
        if upload is not now["upload"]:
            picture = first if upload is None else read_picture(*upload)
            now.update(upload=upload, picture=picture, box=picture.box, count=now["count"] + 1)
        elif "box start" in state:
            now["box"] = _moved_box(now["box"], state, now["picture"].image.shape)
        else:  # after a reset
            now["box"] = now["picture"].box
        key = now["count"], now["box"]
        if key not in answers:
            answers.clear()  # the last one is enough: the joint is changed more often than the box
            answers[key] = _ask(model, now["picture"], now["box"])
        return your_photo_frame(
            now["picture"], now["box"], answers[key], model, state["joint"], on_release=slow
        )

    joints = (ALL, *(name.replace("_", " ") for name in model.skeleton.joints))
    return Figure(
        draw,
        title="Your photo",
        hint="Choose a photo and drag the corners of the box around one person, with a little room; the ring moves all of "
        "it. The photo goes to your kernel and nowhere else.",
        alt="A photo with a box around a person; the crop with the decoded pose; bars with the belief in every joint; "
        "and the belief maps of every stage over the crop.",
        controls=[Upload("photo", "Photo"), Choice("joint", "Maps of", joints, ALL)],
    )


def _ask(model: CPM, picture: Picture, box: tuple[float, float, float, float]) -> dict:
    x0, y0, x1, y1 = box
    return pose_in_boxes(model, picture.image, [(x0 + 0.5, y0 + 0.5, x1 - x0, y1 - y0)], padding=1.0)[0]


def _least_side(shape: tuple[int, ...]) -> float:
    """A box's smallest side: room for its three handles."""
    return max(0.12 * max(shape[:2]), 8.0)


def _moved_box(before: tuple[float, float, float, float], state: Mapping, shape: tuple[int, ...]):
    """The box after a handle was moved: the middle takes all of it along, a corner stays away from the other."""
    height, width = shape[:2]
    x0, y0, x1, y1 = before
    middle = (x0 + x1) / 2, (y0 + y1) / 2
    (new_x0, new_y0), (new_x1, new_y1) = state["box start"], state["box end"]
    dx, dy = (state["box middle"][k] - middle[k] for k in range(2))
    if math.hypot(dx, dy) > 1e-3:
        dx, dy = min(max(dx, -x0), width - 1 - x1), min(max(dy, -y0), height - 1 - y1)
        return x0 + dx, y0 + dy, x1 + dx, y1 + dy
    least_x, least_y = min(_least_side(shape), width - 1.0), min(_least_side(shape), height - 1.0)
    if (new_x0, new_y0) != (x0, y0):
        return min(new_x0, x1 - least_x), min(new_y0, y1 - least_y), x1, y1
    return x0, y0, max(new_x1, x0 + least_x), max(new_y1, y0 + least_y)


def _handles(
    box: tuple[float, float, float, float], shape: tuple[int, ...], on_release: bool
) -> list[Handle]:
    x0, y0, x1, y1 = box
    step = max(max(shape[:2]) / 200, 1.0)
    corners = [("box start", (x0, y0), "top left corner of the box"), ("box end", (x1, y1), "bottom right corner of the box")]  # fmt: skip
    handles = [
        Handle(name, "photo", at, label, None, step, color=BOX_COLOR, shape="square", radius_px=6.0, on_release=on_release)
        for name, at, label in corners
    ]  # fmt: skip
    middle = (x0 + x1) / 2, (y0 + y1) / 2
    return [
        *handles,
        Handle("box middle", "photo", middle, "the whole box", None, step, on_release=on_release),
    ]


def _photo_panel(picture: Picture, box: tuple[float, float, float, float], model: CPM) -> Panel:
    height, width = picture.image.shape[:2]
    zoom = PHOTO_PX / max(height, width)
    size = max(round(width * zoom), 24), max(round(height * zoom), 24)
    x0, y0, x1, y1 = box
    crop = fit_aspect(np.array([x1 - x0, y1 - y0]), model.input_size).numpy() / 2
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    cut = (x - crop[0], y - crop[1], x + crop[0], y + crop[1])
    corners = [(cut[0], cut[1]), (cut[2], cut[1]), (cut[2], cut[3]), (cut[0], cut[3])]
    marks = [
        Raster(picture.shown, (-0.5, -0.5, width - 0.5, height - 0.5), smooth=True),
        Line(corners, "#000000", 3.5, closed=True, opacity=0.5),
        Line(corners, "#ffffff", 1.5, (5, 4), closed=True),
        Rects([box], edge="#ffffff", edge_px=4.0),
        Rects([box], edge=BOX_COLOR, edge_px=2.0),
    ]
    return Panel(
        "photo", size, image_view(picture.image), marks, title=f"{short_name(picture.name, 30)}: drag the box",
        describe="The photo; the dashed square is what the network gets to see.",
    )  # fmt: skip


def _crop_panel(person: Mapping, model: CPM) -> Panel:
    crop = person["image"]
    size = CROP_PX, round(CROP_PX * crop.shape[0] / crop.shape[1])
    marks = [
        Raster(crop, smooth=True),
        *pose_marks(person["joints_px"], model.skeleton, person["scores"] >= MIN_SCORE),
    ]
    return Panel(
        "crop", size, image_view(crop), marks, title="The crop, and its pose",
        describe="The crop with the pose of the last stage; joints it does not believe in are left out.",
    )  # fmt: skip


def _sure_panel(scores: np.ndarray, names: list[str], model: CPM) -> Panel:
    sides = joint_sides(model.skeleton)
    count, top = len(names), max(1.0, float(scores.max()))
    boxes = [(0.0, j + 0.15, max(float(s), 0.0), j + 0.85) for j, s in enumerate(scores)]
    marks = [
        Rects(boxes, fill=[COLORS[side] for side in sides], edge="#333333"),
        Line([(MIN_SCORE, 0), (MIN_SCORE, count)], "#1b1b1b", 1.5, (4, 3)),
    ]
    listed = ", ".join(f"{name} {score:.2f}" for name, score in zip(names, scores, strict=True))
    return Panel(
        "sure", (BARS_PX, max(CROP_PX, 16 * count)), (0.0, 0.0, top, float(count)), marks,
        title="Belief in each joint", y_ticks=[(j + 0.5, name) for j, name in enumerate(names)],
        x_ticks=[(0, "0"), (MIN_SCORE, str(MIN_SCORE)), (1, "1")], describe=f"Beliefs: {listed}.",
    )  # fmt: skip


def _stage_rows(crop: np.ndarray, beliefs: np.ndarray, model: CPM, joint: str) -> list[list[Panel]]:
    """The stages' maps, all in one row, or in two where they would get too small."""
    stages = len(beliefs)
    columns = stages if stages <= 4 else math.ceil(stages / 2)
    side = min(200, (ROW_PX - 20 * (columns - 1)) // columns)
    size = side, round(side * crop.shape[0] / crop.shape[1])
    peak = max(float(beliefs.max()), 0.2)  # one scale for all: a surer stage looks brighter
    panels = []
    for t, belief in enumerate(beliefs):
        marks = belief_marks(crop, belief, peak=peak, stride=model.stride, convention=model.convention)
        marks.append(
            Texts(
                [(crop.shape[1] - 1, 0)], [f"peak {belief.max():.2f}"], "#ffffff", 12.0, "right", back="#000000aa",
                offset_px=(-6, 12),
            )
        )  # fmt: skip
        about = f"Belief map of stage {t + 1} for {joint}; its peak is {belief.max():.2f}."
        panels.append(
            Panel(
                f"stage {t + 1}",
                size,
                image_view(crop),
                marks,
                title=f"stage {t + 1}: {joint}",
                describe=about,
            )
        )
    return [panels[i : i + columns] for i in range(0, stages, columns)]
