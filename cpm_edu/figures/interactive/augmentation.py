"""Augmentation: one matrix moves, turns, zooms and mirrors the picture, and the joints go through the same one.

The reader moves the crop's middle over the photo and pulls the arrow that was "up" there. The figure then shows what
usually goes wrong: the same steps in another order, and a mirrored person whose joints kept their names.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch

from ...coords import person_matrix
from ...datasets.crops import Sketch, paint
from ...datasets.people import Person
from ...datasets.synthetic import synthetic_scene
from ...skeletons import LSP, Skeleton
from ..style import COLORS, joint_colors
from .figure import Figure
from .frame import INK, Arrows, Choice, Dots, Frame, Handle, Line, Mark, Panel, Raster, Texts, Toggle
from .overlays import limb_marks

__all__ = ["augmentation", "augmentation_frame", "wrong_order"]

Matrix = Callable[..., np.ndarray]  # of the signature of `coords.person_matrix`

PICTURE_PX, NOTES_PX = (300, 300), (250, 300)
MARGIN = 0.13  # of its side, shown around a picture: joints that fell out are seen there
ARROW = 0.28  # of the crop's side: length of the arrow at zoom 1
ZOOMS = (0.4, 2.2)
UP_COLOR, BOX_COLOR, WRONG_COLOR = "#D55E00", "#CC79A7", "#D55E00"
RIGHT_ORDER, WRONG_ORDER = "the picture's matrix", "the wrong order"
MINE = "your matrix"
ALT = (
    "A drawn person with a turned square around him, the crop that the square cuts out, joints in both, and the 2 x 3 "
    "matrix between them with one joint worked out."
)


def wrong_order(
    center_px, scale_px, size, *, zoom: float = 1.0, rotation_deg: float = 0.0, mirror: bool = False
) -> np.ndarray:
    """(2, 3) of the usual mistake: the person is shifted to the middle of the crop *before* it is turned and zoomed.

    Arguments as of `coords.person_matrix`. Turning and zooming leave (0, 0) in its place, not the middle.
    """
    right = person_matrix(center_px, scale_px, size, zoom=zoom, rotation_deg=rotation_deg, mirror=mirror)
    shift = np.array([(size[1] - 1) / 2, (size[0] - 1) / 2]) - np.asarray(center_px, float)
    return np.column_stack([right[:, :2], right[:, :2] @ shift])


def augmentation_frame(
    person: Person,
    skeleton: Skeleton,
    *,
    size: tuple[int, int] = (160, 160),
    center_px: tuple[float, float] | None = None,
    up: tuple[float, float] | None = None,
    mirror: bool = False,
    swap: bool = False,
    joints_by: Matrix = person_matrix,
    hidden: np.ndarray | None = None,
    picture: np.ndarray | None = None,
) -> Frame:
    """The photo with the square that is cut out, the crop, and the numbers between them.

    Args:
        person: its `scale_px` is what the crop covers at zoom 1.
        size: (height, width) of the crop in pixels.
        center_px: the photo's pixel that becomes the crop's middle; None: the person's center.
        up: crop pixel at the tip of the arrow that starts in the crop's middle and points up in the photo; its
            length is the zoom. None: straight up at zoom 1.
        mirror: mirror the picture and the joints' places.
        swap: exchange the names of left and right.
        joints_by: the matrix of the joints, with the arguments of `coords.person_matrix`. The picture always goes by
            `person_matrix`.
        hidden: (J,) bool, joints that something covers.
        picture: `person.pixels()` where it is at hand.

    Raises:
        ValueError: `joints_by` returns something else than a (2, 3) matrix of finite numbers.
    """
    center = np.array(person.center_px if center_px is None else center_px, float)
    tip, zoom, tilt = _arrow(up, size)
    options = {"zoom": zoom, "rotation_deg": -tilt if mirror else tilt, "mirror": mirror}
    matrix = person_matrix(center, person.scale_px, size, **options)
    points_matrix = _checked(joints_by(center, person.scale_px, size, **options))
    names = list(skeleton.flip_permutation) if swap else list(range(skeleton.num_joints))
    hidden = np.zeros(skeleton.num_joints, bool) if hidden is None else hidden
    places = person.joints_px @ points_matrix[:, :2].T + points_matrix[:, 2]
    off_px = np.linalg.norm(places - (person.joints_px @ matrix[:, :2].T + matrix[:, 2]), axis=-1)
    known = person.labelled
    inside = _inside(places, size)
    crop = _crop_panel(person, matrix, places[names], known[names], hidden[names], skeleton, size, tip)
    photo = _photo_panel(
        person.pixels() if picture is None else picture, person, matrix, hidden, skeleton, size
    )
    worked = next((j for j in range(skeleton.num_joints) if known[j]), 0)
    notes = _notes_panel(points_matrix, person.joints_px[worked], places[worked], skeleton.joints[worked])
    wrong_names = _wrong_names(skeleton, known) if mirror != swap else 0
    status = _status(
        tilt, zoom, mirror, (inside & known).sum(), known.sum(), off_px[known].max(), wrong_names
    )
    middle = Handle(
        "center", "photo", tuple(center.tolist()), "middle of the crop, in the photo", color=BOX_COLOR,
        shape="plus", radius_px=10, step=2.0,
    )  # fmt: skip
    arrow = Handle(
        "up",
        "crop",
        tip,
        "tip of the arrow that was up in the photo: turn and zoom",
        step=2.0,
        color=UP_COLOR,
    )
    return Frame([[photo, crop, notes]], status, [middle, arrow])


def _arrow(up, size: tuple[int, int]) -> tuple[tuple[float, float], float, float]:
    """Tip of the arrow with its length kept within `ZOOMS`, the zoom, and the tilt in degrees to the left."""
    middle, unit = np.array([(size[1] - 1) / 2, (size[0] - 1) / 2]), ARROW * size[1]
    along = np.array([0.0, -unit]) if up is None else np.asarray(up, float) - middle
    length = float(np.hypot(*along))
    along = np.array([0.0, -1.0]) if length < 1e-6 else along / length
    zoom = min(max(length / unit, ZOOMS[0]), ZOOMS[1])
    tip = middle + along * zoom * unit
    return (float(tip[0]), float(tip[1])), zoom, math.degrees(math.atan2(-along[0], -along[1]))


def _checked(matrix) -> np.ndarray:
    matrix = np.asarray(matrix, float)
    if matrix.shape != (2, 3) or not np.isfinite(matrix).all():
        raise ValueError(
            f"the joints' matrix must be 2 x 3 finite numbers, not {matrix.shape}: {matrix.tolist()}"
        )
    return matrix


def _inside(places: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return ((places >= -0.5) & (places < np.array([size[1], size[0]]) - 0.5)).all(-1)


def _wrong_names(skeleton: Skeleton, known: np.ndarray) -> int:
    return int(sum(known[j] for pair in skeleton.flip_pairs for j in pair))


def _status(tilt, zoom, mirror, inside, known, off_px, wrong_names) -> str:
    turned = f"turned {abs(tilt):.0f} degrees to the {'left' if tilt > 0 else 'right'}"
    parts = [turned if abs(tilt) >= 0.5 else "not turned", f"zoom {zoom:.2f}"] + ["mirrored"] * mirror
    text = f"Picture: {', '.join(parts)}. {inside} of {known} joints lie in the crop. "
    text += "Joints: on the person" if off_px < 0.05 else f"Joints: up to {off_px:.1f} px beside the person"
    return text + (f", and {wrong_names} carry the wrong name." if wrong_names else ", every name right.")


# ---- panels


def _pose_marks(places, known, hidden, inside, skeleton: Skeleton) -> list[Mark]:
    """Limbs (left solid, right dashed), then joints: dot in sight, ring hidden, cross outside the crop."""
    marks = limb_marks(places, skeleton, known)
    colors = np.array(joint_colors(skeleton))
    for which, shape, radius in (
        (inside & ~hidden, "circle", 4.5), (inside & hidden, "ring", 4.5), (~inside, "cross", 5.0),
    ):  # fmt: skip
        chosen = which & known
        if chosen.any():
            marks.append(Dots(places[chosen], colors[chosen].tolist(), shape, radius, edge="#000000"))
    return marks


def _photo_panel(pixels, person: Person, matrix, hidden, skeleton: Skeleton, size) -> Panel:
    height, width = pixels.shape[:2]
    corners = np.array(
        [(-0.5, -0.5), (size[1] - 0.5, -0.5), (size[1] - 0.5, size[0] - 0.5), (-0.5, size[0] - 0.5)]
    )
    square = (corners - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    rim = MARGIN * max(width, height)
    shown = np.array([width + 2 * rim, height + 2 * rim])
    shown_px = np.array(PICTURE_PX) * shown / shown.max()
    everywhere = np.ones(skeleton.num_joints, bool)
    return Panel(
        "photo", (round(shown_px[0]), round(shown_px[1])),
        (-0.5 - rim, -0.5 - rim, width - 0.5 + rim, height - 0.5 + rim),
        [
            Raster(pixels, smooth=True),
            *_pose_marks(person.joints_px, person.labelled, hidden, everywhere, skeleton),
            Line(square, "#000000", 5.0, closed=True, opacity=0.5),
            Line(square, BOX_COLOR, 3.0, closed=True),
            Line(square[:2], UP_COLOR, 5.0),  # its upper edge
        ],
        title=f"photo, {width} x {height} px: drag the plus",
        describe="The photo with the person's joints and the square that becomes the crop, its upper edge marked.",
    )  # fmt: skip


def _crop_panel(person: Person, matrix, places, known, hidden, skeleton: Skeleton, size, tip) -> Panel:
    height, width = size
    rim = MARGIN * width
    middle = ((width - 1) / 2, (height - 1) / 2)
    edge = [(-0.5, -0.5), (width - 0.5, -0.5), (width - 0.5, height - 0.5), (-0.5, height - 0.5)]
    return Panel(
        "crop", PICTURE_PX, (-0.5 - rim, -0.5 - rim, width - 0.5 + rim, height - 0.5 + rim),
        [
            Raster(_crop_image(person, matrix, size), smooth=True),
            *_pose_marks(places, known, hidden, _inside(places, size), skeleton),
            Line(edge, BOX_COLOR, 2.0, closed=True),
            Line(edge[:2], UP_COLOR, 4.0),
            Arrows([middle], [tip], UP_COLOR, 4.0),
            Texts([(width / 2, height + rim / 2)], ["what lies out here, the network never sees"], size_px=12, align="center"),
        ],
        title=f"crop, {width} x {height} px: drag the ring",
        describe="The crop with the joints that the matrix puts there; an arrow shows what was up in the photo.",
    )  # fmt: skip


def _crop_image(person: Person, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(H_in, W_in, 3) uint8: what a data loader would make of this matrix."""
    sketch = Sketch(
        size, [person], [matrix], person.joints_px[None], person.labelled[None], np.zeros(2, np.float32)
    )
    return paint(sketch).image.round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).numpy()


def _number(value: float, digits: int = 1) -> str:
    return f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _plus(value: float, digits: int = 1) -> str:
    return f"{'+' if value >= 0 else chr(0x2212)} {abs(value):.{digits}f}"


def _notes_panel(matrix: np.ndarray, photo_px, crop_px, joint: str) -> Panel:
    """The matrix, one joint through it, and what the marks mean."""
    x, y = (_number(float(v)) for v in photo_px)
    mono = []
    for axis, (a, b, c) in enumerate(matrix.tolist()):
        mono.append((12 + 44 * axis, f"crop {'xy'[axis]} = {_number(a, 2):>5} · photo x"))
        mono.append((32 + 44 * axis, f"       {_plus(b, 2)} · photo y {_plus(c)}"))
        mono.append((138 + 20 * axis, f"{_number(a, 2)}·{x} {_plus(b, 2)}·{y} {_plus(c)}"))
    bold = [
        (118, f"{joint.replace('_', ' ')}: photo ({x}, {y})"),
        (180, f"goes to crop ({_number(crop_px[0])}, {_number(crop_px[1])})"),
    ]
    legend = [
        (16, 222, "circle", "in sight"),
        (16, 244, "ring", "hidden"),
        (16, 266, "cross", "outside"),
    ]
    marks: list[Mark] = [
        Texts([(4, y) for y, _ in mono], [t for _, t in mono], size_px=12, mono=True),
        Texts([(4, y) for y, _ in bold], [t for _, t in bold], size_px=12, bold=True),
        Line([(4, 201), (246, 201)], "#999999", 1.0),
        *(Dots([(x, y)], "#767676", shape, 4.5, edge=INK) for x, y, shape, _ in legend),
        Line([(110, 222), (144, 222)], COLORS["left"], 4.0),
        Line([(110, 244), (144, 244)], COLORS["right"], 4.0, (6.0, 4.0)),
        Line([(110, 266), (144, 266)], UP_COLOR, 4.0),
        Texts(
            [(30, 222), (30, 244), (30, 266), (152, 222), (152, 244), (152, 266)],
            [*(text for *_, text in legend), "person's left", "person's right", "upper edge"],
        ),
    ]  # fmt: skip
    return Panel(
        "matrix", NOTES_PX, (0, 0, 250, 300), marks, title="the joints' matrix", frame=False,
        describe=f"The 2 x 3 matrix {np.round(matrix, 2).tolist()} and {joint} through it.",
    )  # fmt: skip


# ---- the figure


def augmentation(
    person: Person | None = None,
    skeleton: Skeleton = LSP,
    *,
    matrix: Matrix | None = None,
    hidden: np.ndarray | None = None,
    size: tuple[int, int] = (160, 160),
) -> Figure:
    """The figure: move, turn and zoom the crop, mirror it, and send the joints through the wrong matrix.

    Args:
        person: None takes a drawn one.
        skeleton: the person's joints.
        matrix: your own function for the joints, with the arguments of `coords.person_matrix`; the picture always
            goes by that one, so that a wrong matrix leaves the joints beside the person.
        hidden: (J,) bool, joints that something covers.
        size: (height, width) of the crop.
    """
    if person is None:
        scene = synthetic_scene(13, seed=21, size=(240, 240), people=1)
        person, hidden = scene.person(), scene.visible[0] == 0
    ways = {RIGHT_ORDER if matrix is None else MINE: matrix or person_matrix, WRONG_ORDER: wrong_order}
    pixels, first_tip = (
        person.pixels(),
        ((size[1] - 1) / 2 - 0.12 * size[1], (size[0] - 1) / 2 - 0.32 * size[0]),
    )

    def draw(state: dict) -> Frame:
        return augmentation_frame(
            person, skeleton, size=size, center_px=state.get("center"), up=state.get("up", first_tip),
            mirror=state["mirror"], swap=state["swap"], joints_by=ways[state["order"]], hidden=hidden, picture=pixels,
        )  # fmt: skip

    return Figure(
        draw,
        title="One matrix for the picture and its joints",
        hint="Drag the plus in the photo and the ring in the crop (or focus one and use the arrow keys). Then mirror.",
        alt=ALT,
        controls=[
            Toggle("mirror", "mirror the picture", False),
            Toggle("swap", "swap the names left and right", False),
            Choice("order", "joints go by", list(ways), next(iter(ways))),
        ],
    )
