"""Why targets cap the score: where a joint is, what is drawn for it, and what comes out again."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.figure import Figure

from ..coords import Convention, px_from_cells
from ..decoding import decode
from ..targets import belief_map_targets
from .style import BELIEF_CMAP

__all__ = ["decoded_places", "target_cap_figure"]

STRIDE, SIZE = 8, (6, 8)  # a map of 6 x 8 cells of 8 px
JOINT_PX = (28.6, 20.6)
KINDS = {  # convention, sigma in cells, unbiased, decoder; colours of Okabe and Ito
    "msra": ("msra", 1.0, False, "msra", "#D55E00", "-"),
    "msra, unbiased, DARK": ("msra", 1.0, True, "dark", "#009E73", "--"),
    "center, log-parabola": ("center", 1.2, False, "log_parabola", "#0072B2", ":"),
}
ALT = (
    "Three panels. Left: an msra target, whose peak stands in the middle of a cell, 3.4 px right and 3.4 px below the "
    "joint. Middle: a center target, whose peak stands on the joint. Right: decoded minus true place along x; a saw "
    "of 4 px height for msra, a flat line at 0 for the other two."
)


def decoded_places(
    joints_px, convention: Convention, sigma_cells: float, unbiased: bool, method: str
) -> tuple[np.ndarray, np.ndarray]:
    """Targets of single joints, and what a decoder makes of them.

    Args:
        joints_px: (N, 2) points (x, y) of a crop of 48 x 64 px.
        convention, sigma_cells, unbiased: as of `belief_map_targets`.
        method: as of `decode`.

    Returns:
        maps: (N, 6, 8) targets.
        found_px: (N, 2) decoded points.
    """
    joints = torch.as_tensor(np.asarray(joints_px, np.float32))[:, None]
    maps, _ = belief_map_targets(
        joints, torch.ones(joints.shape[:2]), size=SIZE, stride=STRIDE, sigma_cells=sigma_cells,
        convention=convention, unbiased=unbiased,
    )  # fmt: skip
    cells, _ = decode(maps, method=method)
    return maps[:, 0].numpy(), px_from_cells(cells, STRIDE, convention)[:, 0].numpy()


def target_cap_figure() -> Figure:
    """Two targets of one joint, and the error of decoding them for joints all along a row; `ALT` describes it."""
    figure = Figure(figsize=(9.6, 2.9), dpi=110, layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1, 1.35))
    for ax, name, title in (
        (left, "msra", "msra target: peak in a cell's middle"),
        (middle, "center, log-parabola", "center target: peak on the joint"),
    ):
        convention, sigma, unbiased, method, *_ = KINDS[name]
        [target], [found] = decoded_places([JOINT_PX], convention, sigma, unbiased, method)
        first = px_from_cells(torch.zeros(2), STRIDE, convention).numpy() - STRIDE / 2
        extent = (first[0], first[0] + STRIDE * SIZE[1], first[1] + STRIDE * SIZE[0], first[1])
        ax.imshow(target, cmap=BELIEF_CMAP, extent=extent, vmin=0, vmax=1)
        ax.plot(*JOINT_PX, marker="+", ms=13, mew=2, color="white", ls="", label="joint")
        ax.plot(*found, marker="o", ms=11, mfc="none", mec="black", mew=1.6, ls="", label="decoded")
        ax.set_title(title, fontsize=9)
        ax.set_xlabel("x, px", fontsize=8)
        ax.tick_params(labelsize=7)
    left.legend(fontsize=7, loc="lower left", framealpha=0.8, facecolor="#8899aa")
    x = np.linspace(17, 43, 521)
    for name, (*kind, color, style) in KINDS.items():
        _, found = decoded_places(np.stack([x, np.full_like(x, JOINT_PX[1])], 1), *kind)
        right.plot(x, found[:, 0] - x, color=color, ls=style, lw=2, label=name)
    right.set(xlabel="true x, px", ylim=(-5.5, 7.5))
    right.set_title("decoded x minus true x, px", fontsize=9)
    right.tick_params(labelsize=7)
    right.xaxis.label.set_size(8)
    right.grid(alpha=0.3)
    right.legend(fontsize=7.5, loc="upper right", ncols=1)
    return figure
