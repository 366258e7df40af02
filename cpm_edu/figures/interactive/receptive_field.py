"""Receptive field: how the theoretical box grows from layer to layer, and where in it a cell really listens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import matplotlib
import numpy as np

from ...datasets.synthetic import synthetic_scene
from ...models import CPM
from ...skeletons import LSP
from ..style import BELIEF_CMAP
from .example_networks import example_networks
from .figure import Figure
from .frame import INK, Choice, Dots, Frame, Handle, Line, Panel, Raster, Rects, Slider, Texts
from .listening import Listener, depths_of, share_by_side, side_holding

__all__ = ["Footprint", "receptive_field", "receptive_field_frame"]

THEORY_COLOR, LISTENS_COLOR = "#D55E00", "#0072B2"  # Okabe and Ito: vermilion and blue
SCENE, SEED = 232, 4  # the drawn crop that is listened to, as in the first notebook
HEAT_CELLS = 80  # the picture of a gradient has about so many squares along a side
MARGIN = 0.22  # of the crop's side, shown around it: where the padding is
HINT = (
    "Drag the ring to another cell, the square on the curve to another side length, and step through the layers. "
    "Keys: focus a handle, then the arrows."
)


@dataclass(frozen=True)
class Footprint:
    """What one cell of one layer listens to.

    Args:
        values: (H_in, W_in) size of the gradient at every pixel.
        middle_px: (x, y) middle of the cell's field.
        theory_px: side of the theoretical field.
        cell: (x, y).
        what: such as "stage 2, belief maps, left ankle".
    """

    values: np.ndarray
    middle_px: tuple[float, float]
    theory_px: int
    cell: tuple[int, int]
    what: str


def receptive_field_frame(
    image: np.ndarray,
    footprint: Footprint,
    fields_px: Sequence[int],
    depth: int,
    *,
    cell_px: tuple[float, float],
    side_px: float,
    stage_ends: Mapping[int, int] | None = None,
    name: str = "the network",
    step_px: float = 8.0,
) -> Frame:
    """The crop with gradient and boxes; the gradient's share by square; the field by layer.

    Args:
        image: (H_in, W_in, 3) uint8 crop.
        footprint: of the cell shown.
        fields_px: theoretical side after every layer, in order.
        depth: which of them `footprint` is of.
        cell_px: (x, y) where the reader's ring is.
        side_px: side of the reader's square around the field's middle.
        stage_ends: index of a stage's last layer -> side of the square that holds 90 % there.
        name: of the network.
        step_px: how far an arrow key moves the ring.
    """
    shares = share_by_side(footprint.values, footprint.middle_px)
    side = _odd(side_px)
    holds, ninety = _share_at(shares, side), side_holding(shares)
    area = f" ({_percent((ninety / footprint.theory_px) ** 2)} of its area)" if ninety else ""
    status = (
        f"{name}, {footprint.what}, cell {footprint.cell}: the theoretical field is {footprint.theory_px} px wide; "
        f"a square of {ninety} px{area} holds 90 % of the gradient, your {side} px hold {_percent(holds)}."
    )
    cell = Handle("cell", "crop", cell_px, "cell that listens", bounds=_edges(image), step=step_px, color=INK)
    square = Handle(
        "side", "share", (float(side), 100 * holds), "side of your square in pixels", axis="x", step=2.0,
        color=LISTENS_COLOR, shape="square", radius_px=7.0,
    )  # fmt: skip
    panels = [
        _crop_panel(image, footprint, side),
        _share_panel(image, footprint, shares, side, ninety),
        _growth_panel(fields_px, depth, stage_ends or {}, ninety, max(image.shape[:2])),
    ]
    return Frame([panels], status, [cell, square])


def _crop_panel(image: np.ndarray, footprint: Footprint, side: int) -> Panel:
    height, width = image.shape[:2]
    margin = MARGIN * max(height, width)
    view = (-0.5 - margin, -0.5 - margin, width - 0.5 + margin, height - 0.5 + margin)
    grey = np.repeat(0.45 * image.mean(-1, keepdims=True) + 60, 3, -1).astype(np.uint8)
    theory = _square(footprint.middle_px, footprint.theory_px)
    outside = [s for s, beyond in zip(theory, view, strict=True) if abs(s) > abs(beyond)]
    note = "the field ends outside this view" if len(outside) == 4 else "padding: zeros"
    return Panel(
        "crop",
        (300, round(300 * (view[3] - view[1]) / (view[2] - view[0]))),
        view,
        [
            Rects([view], fill="#efefef"),
            Raster(grey),
            Raster(_heat(footprint.values), box=(-0.5, -0.5, width - 0.5, height - 0.5)),
            Line(_corners(theory), THEORY_COLOR, 3.0, closed=True),
            Line(_corners(_square(footprint.middle_px, side)), "#ffffff", 3.5, closed=True),
            Line(_corners(_square(footprint.middle_px, side)), LISTENS_COLOR, 2.5, (7, 4), closed=True),
            Texts([(view[0], view[1])], [note], "#444444", offset_px=(7, 13)),
        ],
        title="Gradient: yellow moves the cell most",
        describe=f"A dimmed crop with the gradient's heat around cell {footprint.cell}, the theoretical box, solid, "
        "and the reader's square, dashed.",
    )


def _share_panel(image, footprint: Footprint, shares: np.ndarray, side: int, ninety: int) -> Panel:
    end = 1.06 * max(footprint.theory_px, *image.shape[:2])
    sides = 2.0 * np.arange(len(shares)) + 1
    curve = np.stack([np.append(sides, max(end, sides[-1])), 100 * np.append(shares, shares[-1])], 1)
    right = footprint.theory_px > 0.6 * end
    marks = [
        Line([(footprint.theory_px, 0), (footprint.theory_px, 108)], THEORY_COLOR, 3.0),
        Texts(
            [(footprint.theory_px, 8)], [f"theory {footprint.theory_px} px"], THEORY_COLOR,
            align="right" if right else "left", offset_px=(-6 if right else 6, 0), back="#ffffff",
        ),
        Line([(0, 90), (end, 90)], "#999999", 1.0, (4, 4)),
        Line([(side, 0), (side, 100 * _share_at(shares, side))], LISTENS_COLOR, 1.5, (5, 3)),
        Line(curve, INK, 2.5),
    ]  # fmt: skip
    if ninety:
        marks += [
            Dots([(ninety, 90)], INK, "diamond", 5.5),
            Texts([(ninety, 90)], [f"90 %: {ninety} px"], INK, offset_px=(9, 13), back="#ffffff"),
        ]
    return Panel(
        "share",
        (230, 258),
        (0, 108, end, 0),
        marks,
        title="How much a square holds",
        x_label="side of the square in pixels",
        y_label="gradient inside in percent",
        x_ticks="auto",
        y_ticks="auto",
        describe="Share of the gradient inside a centred square, by its side; a vertical line marks the theoretical field.",
    )


def _growth_panel(fields_px, depth: int, stage_ends: Mapping[int, int], ninety: int, crop_px: int) -> Panel:
    count, top = len(fields_px), 1.4 * max(fields_px[-1], crop_px)  # room for three lines of legend
    theory = [(k + 1.0, float(f)) for k, f in enumerate(fields_px)]
    ends = [(k + 1.0, float(s)) for k, s in sorted(stage_ends.items())]
    ticks = [(k + 1.0, str(n)) for n, k in enumerate(sorted(stage_ends), start=1)]
    marks = [
        Line([(0, crop_px), (count + 1, crop_px)], "#999999", 1.0, (4, 4)),
        Texts([(0, crop_px)], [f"crop {crop_px} px"], "#555555", offset_px=(5, -9), back="#ffffff"),
        Line(theory, THEORY_COLOR, 2.5),
        Dots(theory, THEORY_COLOR, "square", 3.0, edge=None),
        Line(ends, LISTENS_COLOR, 2.0, (6, 4)),
        Dots(ends, LISTENS_COLOR, "circle", 4.5),
        Line([(depth + 1, 0), (depth + 1, top)], "#bbbbbb", 1.0),
        Dots([theory[depth]], THEORY_COLOR, "square", 6.5),
        Dots([(depth + 1, ninety)], INK, "diamond", 6.0),
        Texts(
            [(0, top * (1 - line / 258)) for line in (14, 31, 48)], ["■ theory", "● 90 % square, cell in the middle", "◆ 90 % square, your cell"],
            [THEORY_COLOR, LISTENS_COLOR, INK], offset_px=(6, 0),
        ),
    ]  # fmt: skip
    return Panel(
        "growth",
        (210, 258),
        (0, top, count + 1, 0),
        marks,
        title="Field by layer",
        x_label="layers (numbers: ends of stages)",
        y_label="pixels",
        x_ticks=ticks,
        y_ticks="auto",
        describe="Theoretical side after every layer, and the side that holds 90 percent of the gradient at each stage's end.",
    )


def receptive_field(
    networks: CPM | Mapping[str, CPM] | None = None,
    *,
    image: np.ndarray | None = None,
    center_px: tuple[float, float] | None = None,
    joint: str | None = None,
    cell_px: tuple[float, float] | None = None,
) -> Figure:
    """Step through a network's layers: the theoretical box beside what a cell really listens to.

    Args:
        networks: any CPM, or several by name; None: `example_networks()`.
        image: (H_in, W_in, 3) uint8 crop for all of them; None draws one of each network's own size.
        center_px: of the person meant in `image`; None: its middle.
        joint: whose belief map is asked at a stage's end; None: the skeleton's "left_ankle", or else its first.
        cell_px: where the listening cell is at first; None: the drawn joint, or the middle of `image`.

    Raises:
        ValueError: no network, or one whose layers cannot be followed.
    """
    networks = example_networks() if networks is None else networks
    networks = {networks.kind: networks} if isinstance(networks, CPM) else dict(networks)
    if not networks:
        raise ValueError("the figure needs at least one network")

    @lru_cache(maxsize=2)  # a graph that can be asked again takes some ten MB
    def look(name: str) -> _Look:
        return _Look(networks[name], image, center_px, joint, cell_px)

    first = next(iter(networks))
    deepest = max(len(depths_of(network)) for network in networks.values())

    def draw(state: dict) -> Frame:
        name = state.get("network", first)
        looked = look(name)
        depths = looked.listener.depths
        depth = min(int(state["layer"]), len(depths)) - 1
        at = state.get("cell", looked.start_px)
        footprint = looked.footprint(depth, looked.listener.cell_at(depth, at))
        side = state.get("side", (footprint.theory_px / 2, 0.0))[0]
        fields = [d.field.size_px for d in depths]
        step = float(depths[depth].field.stride_px)
        return receptive_field_frame(
            looked.image, footprint, fields, depth, cell_px=at, side_px=side, stage_ends=looked.stage_ends(),
            name=name, step_px=step,
        )  # fmt: skip

    start = next(k for k, d in enumerate(look(first).listener.depths) if d.is_beliefs)
    controls = [Slider("layer", "Layer", 1, deepest, start + 1)]
    if len(networks) > 1:
        controls = [Choice("network", "Network", tuple(networks), first), *controls]
    return Figure(
        draw,
        title="Receptive field: what theory allows, what a cell listens to",
        alt="A crop with the gradient of one cell as heat inside the theoretical field's box; a curve of the "
        "gradient's share inside a square by its side; the theoretical field's growth from layer to layer.",
        controls=controls,
        hint=HINT,
    )


class _Look:
    """One network, its crop, and footprints that were asked for before."""

    def __init__(self, network: CPM, image, center_px, joint: str | None, cell_px) -> None:
        joints = network.skeleton.joints
        chosen = joint or ("left_ankle" if "left_ankle" in joints else joints[0])
        self.joint, self.joint_name = network.skeleton.index(chosen), chosen.replace("_", " ")
        if image is None:
            scene = synthetic_scene(SCENE, seed=SEED, size=network.input_size, people=2)
            image, center_px = scene.image, scene.center_px
            drawn = scene.joints_px[0][LSP.index(chosen)] if chosen in LSP.joints else center_px
            cell_px = tuple(float(v) for v in drawn) if cell_px is None else cell_px
        self.image = image
        middle = ((image.shape[1] - 1) / 2, (image.shape[0] - 1) / 2)
        self.middle, self.start_px = middle, middle if cell_px is None else cell_px
        self.listener = Listener(network, image, center_px)
        self._kept: dict = {}

    def footprint(self, depth: int, cell: tuple[int, int]) -> Footprint:
        """The footprint of a cell, asked for once."""
        if (depth, cell) not in self._kept:
            if len(self._kept) > 64:  # each has as many numbers as the crop has pixels
                self._kept.clear()
            layer = self.listener.depths[depth]
            what = f"{self.joint_name}'s map" if layer.is_beliefs else f"layer {depth + 1}: {layer.label}"
            self._kept[depth, cell] = Footprint(
                self.listener.footprint(depth, cell, self.joint),
                tuple(layer.field.center_of(v) for v in cell),
                layer.field.size_px,
                cell,
                f"stage {layer.stage}, {what}",
            )
        return self._kept[depth, cell]

    @lru_cache(maxsize=1)  # noqa: B019 - dies with the figure
    def stage_ends(self) -> dict[int, int]:
        """Side that holds 90 % of the gradient of the cell in the middle, at the end of every stage."""
        ends = {}
        for depth, layer in enumerate(self.listener.depths):
            if layer.is_beliefs:
                found = self.footprint(depth, self.listener.cell_at(depth, self.middle))
                ends[depth] = side_holding(share_by_side(found.values, found.middle_px))
        return ends


# ---- small geometry


def _odd(side_px: float) -> int:
    """The nearest square that has a middle pixel."""
    return max(2 * round((side_px - 1) / 2) + 1, 1)


def _share_at(shares: np.ndarray, side: int) -> float:
    return float(shares[min((side - 1) // 2, len(shares) - 1)])


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 or share == 0 else "under 1 %"


def _square(middle_px, side: float) -> tuple[float, float, float, float]:
    (x, y), half = middle_px, side / 2
    return x - half, y - half, x + half, y + half


def _corners(box) -> list[tuple[float, float]]:
    x1, y1, x2, y2 = box
    return [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]


def _edges(image: np.ndarray) -> tuple[float, float, float, float]:
    return 0.0, 0.0, image.shape[1] - 1.0, image.shape[0] - 1.0


def _heat(values: np.ndarray) -> np.ndarray:
    """Gradient as colours, square by square: the square root, so that the faint shows, and clear where nothing is."""
    block = max(1, round(max(values.shape) / HEAT_CELLS))
    height, width = (side // block * block for side in values.shape)
    cells = values[:height, :width].reshape(height // block, block, width // block, block).mean((1, 3))
    shown = np.sqrt(cells / max(float(cells.max()), 1e-30))
    rgba = matplotlib.colormaps[BELIEF_CMAP](shown)
    rgba[..., 3] = np.clip(1.7 * shown, 0, 0.92)
    return (255 * rgba).round().astype(np.uint8)
