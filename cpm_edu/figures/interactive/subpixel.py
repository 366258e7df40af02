"""Below one cell: where five decoders put a joint that the reader drags inside a cell.

The belief map is the ideal one, a Gaussian around the joint, so that every error seen here is the decoder's own; the
noise slider then makes it less ideal. All decoders look at the same map.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...coords import Convention, cells_from_px, px_from_cells
from ...decoding import decode
from ...targets import gaussian_targets
from .figure import Figure
from .frame import Arrows, Button, Dots, Frame, Handle, Line, Panel, Raster, Rects, Slider, Texts

__all__ = ["DecoderErrors", "decoder_errors", "soft_argmax", "subpixel", "subpixel_frame"]

CELLS, MIDDLE = 13, 6  # cells on a side of the map, and the one that is looked at
SIDE = 31  # joint positions tried along each side of the cell
AROUND = 0.45  # of the neighbouring cells that is in sight
MOST_PX = 8.0  # end of the error axis
BINS = 32
SHARPNESS = 20.0  # of the softmax in soft-argmax; 10 and 40 did worse on the shipped model's maps

Decoder = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Style:
    """How a decoder's marks look: told apart by shape and colour (Okabe and Ito)."""

    shape: str
    color: str


STYLES = {
    "argmax": Style("square", "#000000"),
    "quarter offset": Style("diamond", "#E69F00"),
    "log-parabola": Style("circle", "#009E73"),
    "DARK": Style("triangle", "#CC79A7"),
    "soft-argmax": Style("cross", "#0072B2"),
    "mine": Style("plus", "#D55E00"),
}


def _style(name: str) -> Style:
    return STYLES.get(name, STYLES["mine"])


def soft_argmax(belief_maps: Tensor, sharpness: float = SHARPNESS) -> Tensor:
    """Mean place (x, y) in cells, (N, J, 2), under the softmax of belief maps (N, J, H, W).

    Source: integral regression, Sun et al. 2018 (arXiv 1711.08229); the sharpness is ours.
    """
    height, width = belief_maps.shape[-2:]
    share = (sharpness * belief_maps).flatten(-2).softmax(-1).unflatten(-1, (height, width))
    x = (share.sum(-2) * torch.arange(width)).sum(-1)
    y = (share.sum(-1) * torch.arange(height)).sum(-1)
    return torch.stack([x, y], -1)


DECODERS: dict[str, Decoder] = {
    "argmax": lambda maps: decode(maps, "argmax")[0],
    "quarter offset": lambda maps: decode(maps, "quarter")[0],
    "log-parabola": lambda maps: decode(maps, "log_parabola")[0],
    "DARK": lambda maps: decode(maps, "dark")[0],
    "soft-argmax": soft_argmax,
}


@dataclass(frozen=True)
class DecoderErrors:
    """Errors of every decoder, in pixels, for joints on a grid all over one cell: name -> (SIDE * SIDE,)."""

    errors_px: Mapping[str, np.ndarray]

    def mean(self, name: str) -> float:
        return float(self.errors_px[name].mean())

    def worst(self, name: str) -> float:
        return float(self.errors_px[name].max())


def _maps(joints_cells: Tensor, sigma_cells: float, noise: float, seed: int) -> Tensor:
    """(N, 1, CELLS, CELLS) belief maps of joints (N, 1, 2), each with noise of its own."""
    maps = gaussian_targets(joints_cells, (CELLS, CELLS), sigma_cells)
    return maps + noise * torch.randn(maps.shape, generator=torch.Generator().manual_seed(seed))


def _decoded(name: str, decoder: Decoder, maps: Tensor) -> Tensor:
    """What a decoder, possibly the reader's own, makes of maps: (N, 1, 2) cells.

    Raises:
        ValueError: it returns something else.
    """
    found = decoder(maps)
    found = found[0] if isinstance(found, tuple) else found
    shape = (*maps.shape[:2], 2)
    if not isinstance(found, Tensor) or found.shape != shape:
        given = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
        raise ValueError(f"the decoder {name!r} must return a tensor {shape} of cells (x, y), not {given}")
    return found.detach().float()


def decoder_errors(
    *,
    sigma_cells: float,
    noise: float = 0.0,
    stride: int = 8,
    seed: int = 0,
    decoders: Mapping[str, Decoder] = DECODERS,
) -> DecoderErrors:
    """Errors of decoders for joints all over one cell, on ideal belief maps with noise added.

    Args:
        sigma_cells: of the Gaussian.
        noise: standard deviation of what is added to every cell; the peak is 1.
        stride: pixels per cell.
        seed: of the noise.
        decoders: name -> function from (N, J, H, W) to (N, J, 2) cells.
    """
    # an odd number of places between the edges: the cell's middle is one of them, a tie between two cells none
    places = (torch.arange(SIDE) + 0.5) / SIDE - 0.5 + MIDDLE
    joints = torch.stack(torch.meshgrid(places, places, indexing="xy"), -1).reshape(-1, 1, 2)
    maps = _maps(joints, sigma_cells, noise, seed)
    return DecoderErrors(
        {
            name: stride * (_decoded(name, decoder, maps) - joints).norm(dim=-1)[:, 0].numpy()
            for name, decoder in decoders.items()
        }
    )


def subpixel_frame(
    joint_px: tuple[float, float],
    *,
    sigma_cells: float = 1.2,
    noise: float = 0.0,
    seed: int = 0,
    stride: int = 8,
    convention: Convention = "center",
    decoders: Mapping[str, Decoder] = DECODERS,
    errors: DecoderErrors | None = None,
) -> Frame:
    """Nine cells of the map with the true joint and what every decoder answers; beside it, errors over the cell.

    Args:
        joint_px: (x, y) of the true joint in pixels.
        sigma_cells, noise, seed, stride, decoders: as of `decoder_errors`.
        convention: how pixels and cells correspond, see `cpm_edu.coords`.
        errors: `decoder_errors` of the same numbers where they are known already.
    """
    if errors is None:
        errors = decoder_errors(
            sigma_cells=sigma_cells, noise=noise, stride=stride, seed=seed, decoders=decoders
        )
    joint = cells_from_px(torch.tensor([[joint_px]]), stride, convention)  # (1, 1, 2)
    belief = _maps(joint, sigma_cells, noise, seed)
    answers = {
        name: px_from_cells(_decoded(name, decoder, belief), stride, convention)[0, 0].numpy()
        for name, decoder in decoders.items()
    }
    off = {name: float(np.hypot(*(place - np.array(joint_px)))) for name, place in answers.items()}
    return Frame(
        [[_cells_panel(belief[0, 0].numpy(), answers, stride, convention), _errors_panel(errors, off)]],
        _status(joint_px, off),
        [_joint_handle(joint_px, stride, convention)],
    )


def _edges(stride: int, convention: Convention) -> np.ndarray:
    """Pixels of the four edges of three cells around the middle one."""
    corners = torch.arange(MIDDLE - 1, MIDDLE + 3)[:, None].expand(-1, 2) - 0.5
    return px_from_cells(corners, stride, convention)[:, 0].numpy()


def _joint_handle(joint_px: tuple[float, float], stride: int, convention: Convention) -> Handle:
    edges = _edges(stride, convention)
    return Handle(
        "joint", "cells", joint_px, "true joint",
        bounds=(edges[1], edges[1], edges[2], edges[2]), step=stride / 32, color="#D55E00", radius_px=11,
    )  # fmt: skip


def _cells_panel(
    belief: np.ndarray, answers: Mapping[str, np.ndarray], stride: int, convention: Convention
) -> Panel:
    edges = _edges(stride, convention)
    low, high = edges[1] - AROUND * stride, edges[2] + AROUND * stride
    shown = slice(MIDDLE - 1, MIDDLE + 2)
    values = belief[shown, shown]
    start = answers.get("argmax")
    outer = (float(edges[0]), float(edges[0]), float(edges[-1]), float(edges[-1]))
    marks = [Raster(values, box=outer, low=0.0, high=1.0, opacity=0.45)]
    for edge in edges[1:-1]:
        marks.append(Line([(edge, low), (edge, high)], color="#ffffff", width_px=2))
        marks.append(Line([(low, edge), (high, edge)], color="#ffffff", width_px=2))
    # each value in the part of its cell that is in sight; the best cell's in a corner, away from the marks
    across = [(low + edges[1]) / 2, (edges[1] + edges[2]) / 2, (edges[2] + high) / 2]
    down = [across[0], edges[2] - 0.08 * stride, across[2]]
    marks.append(
        Texts(
            [(across[c], down[r] if c == 1 else across[r]) for r in range(3) for c in range(3)],
            [f"{value:.2f}" for value in values.flat],
            align="center",
        )
    )
    for name, place in answers.items():
        if start is not None and np.hypot(*(place - start)) > 0.06 * stride:
            marks.append(Arrows([start], [place], color=_style(name).color, width_px=1.6))
    for name, place in answers.items():
        marks.append(Dots([place], _style(name).color, shape=_style(name).shape, radius_px=6))
    ticks = [(float(edge), f"{edge:g}") for edge in edges[1:-1]]
    return Panel(
        "cells", (352, 352), (low, low, high, high), marks,
        title="The cell of the true joint (ring)",
        x_label="x in pixels", y_label="y in pixels", x_ticks=ticks, y_ticks=ticks,
        describe="A cell and the rims of its neighbours with their beliefs, a ring at the true joint, and a mark where "
        "each decoder puts it, with an arrow from the middle of the best cell.",
    )  # fmt: skip


def _errors_panel(errors: DecoderErrors, off: Mapping[str, float]) -> Panel:
    names = list(errors.errors_px)
    marks = []
    edges = np.linspace(0, MOST_PX, BINS + 1)
    for row, name in enumerate(names):
        style, base = _style(name), row + 0.86
        counts, _ = np.histogram(np.minimum(errors.errors_px[name], MOST_PX - 1e-6), edges)
        heights = 0.5 * counts / counts.max()
        bars = [(a, base - h, b, base) for a, b, h in zip(edges[:-1], edges[1:], heights, strict=True) if h]
        marks += [
            Line([(0, base), (MOST_PX, base)], color="#b0b0b0", width_px=1),
            Rects(bars, fill=style.color, edge="#ffffff", edge_px=0.5, opacity=0.55),
            Dots([(MOST_PX - 0.25, row + 0.2)], style.color, shape=style.shape, radius_px=6),
            Texts(
                [(MOST_PX - 0.25, row + 0.2)],
                [f"{name}: mean {errors.mean(name):.1f}, worst {errors.worst(name):.1f}"],
                align="right", offset_px=(-12, 0), size_px=12.5,
            ),
            Dots([(min(off[name], MOST_PX - 0.15), base)], style.color, shape=style.shape, radius_px=6),
        ]  # fmt: skip
    ticks = [(float(v), f"{v:g}" if v < MOST_PX else f"{v:g}+") for v in range(0, int(MOST_PX) + 1, 2)]
    return Panel(
        "errors", (416, 352), (-0.3, 0, MOST_PX, len(names)), marks,
        title=f"Errors of {SIDE * SIDE} joints all over the cell", x_label="error in pixels (mark: the joint at left)",
        x_ticks=ticks,
        describe="For every decoder a histogram of its error for joints everywhere in the cell, its mean and worst, "
        "and a mark at the error for the joint shown.",
    )  # fmt: skip


def _status(joint_px: tuple[float, float], off: Mapping[str, float]) -> str:
    errors = ", ".join(f"{name} {error:.1f}" for name, error in off.items())
    return f"True joint at x = {joint_px[0]:.2f}, y = {joint_px[1]:.2f}. Error in pixels: {errors}."


def subpixel(
    mine: Decoder | None = None,
    *,
    stride: int = 8,
    sigma_cells: float = 1.2,
    noise: float = 0.0,
    convention: Convention = "center",
) -> Figure:
    """Sub-pixel decoding: drag the true joint inside a cell and see where every decoder puts it.

    Args:
        mine: the reader's own decoder, shown beside the others: belief maps (N, J, H, W) -> joints (N, J, 2) in
            cells (or a pair that begins with them).
        stride: pixels per cell.
        sigma_cells: of the Gaussian at first; the shipped model was trained with 1.2.
        noise: added to every cell at first.
        convention: see `cpm_edu.coords`.
    """
    decoders = DECODERS if mine is None else DECODERS | {"mine": mine}
    middle = float(px_from_cells(torch.tensor(float(MIDDLE)), stride, convention))
    known: dict[tuple, DecoderErrors] = {}  # a dragged joint does not change the histograms

    def draw(state: dict) -> Frame:
        options = {"sigma_cells": state["sigma"], "noise": state["noise"], "seed": state["again"]}
        key = tuple(options.values())
        if key not in known:
            known.clear()
            known[key] = decoder_errors(**options, stride=stride, decoders=decoders)
        joint = state.get("joint", (middle + 0.36 * stride, middle - 0.28 * stride))
        return subpixel_frame(
            joint, **options, stride=stride, convention=convention, decoders=decoders, errors=known[key]
        )

    return Figure(
        draw,
        title="Below one cell",
        hint="Drag the ring inside its cell, or focus it and use the arrow keys. Then add noise.",
        alt="Nine cells of a belief map with a true joint in the middle cell and the answers of five decoders; beside "
        "it a histogram of each decoder's error for joints all over the cell.",
        controls=[
            Slider("sigma", "Sigma of the Gaussian", 0.4, 3.0, sigma_cells, 0.1, "cells"),
            Slider("noise", "Noise in every cell", 0.0, 0.2, noise, 0.01),
            Button("again", "Other noise"),
        ],
    )
