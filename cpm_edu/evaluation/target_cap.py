"""What a perfect network would score: the joints that come out when targets themselves are decoded.

A network cannot be taught more than its targets hold. The "msra" targets move every joint to the middle of a cell, up
to half a stride away in x and in y, before a single weight is learnt; "center" targets keep the place exactly.
docs/targets_cap.md has the numbers.
"""

from __future__ import annotations

import numpy as np
import torch

from ..coords import Convention, apply_affine, crop_matrix, fit_aspect, px_from_cells
from ..datasets.annotated import AnnotatedPeople
from ..decoding import decode
from ..inference import joints_in_image
from ..targets import belief_map_targets

__all__ = ["decode_targets"]


def decode_targets(
    people: AnnotatedPeople,
    size: tuple[int, int],
    *,
    sigma_cells: float,
    convention: Convention = "center",
    unbiased: bool = False,
    method: str | None = None,
    stride: int = 8,
) -> np.ndarray:
    """The joints of a network whose belief maps equal its targets, through the plain crops and back.

    Args:
        people: labelled people; no picture is read.
        size: (height, width) of the crops in pixels.
        sigma_cells, convention, unbiased: as of `belief_map_targets`.
        method: of `decode`; None: "log_parabola" for "center", "msra" for "msra".
        stride: crop pixels per cell.

    Returns:
        (N, J, 2) image pixels; anything where a joint is not labelled.
    """
    records = people.records
    center, scale, joints = (
        torch.from_numpy(np.stack([getattr(r, name) for r in records])).double()
        for name in ("center_px", "scale_px", "joints_px")
    )
    labelled = torch.from_numpy(np.stack([record.labelled for record in records]))
    matrices = crop_matrix(center, fit_aspect(scale, size), size, convention=convention)
    crop_px = apply_affine(matrices, joints).float()
    maps, _ = belief_map_targets(
        crop_px, labelled, size=(size[0] // stride, size[1] // stride), stride=stride, sigma_cells=sigma_cells,
        convention=convention, unbiased=unbiased,
    )  # fmt: skip
    cells, _ = decode(maps, method=method or ("msra" if convention == "msra" else "log_parabola"))
    return joints_in_image(px_from_cells(cells, stride, convention)[None], matrices)[0].numpy()
