"""What a cell of any layer of a pose machine listens to: the theoretical field, and the gradient of one crop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ...datasets.synthetic import synthetic_scene
from ...models import CPM
from ...models.lite import Residual
from ...receptive_field import INPUT, Field, layers_of
from ...targets import center_map

__all__ = ["Depth", "Listener", "depths_of", "listening_sides", "share_by_side", "side_holding"]


@dataclass(frozen=True)
class Depth:
    """A layer on the longest way from the image to the last belief maps.

    Args:
        stage: t = 1, 2, ...
        label: such as "9 x 9" or "pool 3/2"; "belief maps" at a stage's end.
        field: what a cell sees of the input, as if the image had no end.
        module: whose output this is.
        is_beliefs: whether the output is the stage's belief maps.
    """

    stage: int
    label: str
    field: Field
    module: nn.Module
    is_beliefs: bool = False


def depths_of(model: CPM) -> list[Depth]:
    """Every layer that widens the field, and the end of every stage, along the way through all stages.

    The way leads from the image to the beliefs of stage 1, from these to those of stage 2, and so on. 1 x 1 layers
    widen nothing and are left out. A residual block is one entry.

    Raises:
        ValueError: a model of another kind than "paper", "lite" or "mmpose".
    """
    depths, field = [], INPUT
    for stage, blocks in enumerate(_stage_blocks(model), start=1):
        for block in blocks:
            layers = layers_of(block.layers if isinstance(block, Residual) else block)
            for layer in layers:
                field = field.through(layer)
            last = block is blocks[-1]
            if last:
                depths.append(Depth(stage, "belief maps", field, block, is_beliefs=True))
            elif any(layer.kernel > 1 for layer in layers):
                depths.append(Depth(stage, _label(block), field, block))
    return depths


def _stage_blocks(model: CPM) -> list[list[nn.Module]]:
    """Modules of every stage in order; the input of stage t's first is, among others, the output of t - 1's last."""
    if model.kind == "paper":
        return [list(model.stage1), *(list(stage) for stage in model.refinements)]
    if model.kind == "lite":
        return [[*model.trunk, *model.stage1], *(list(stage) for stage in model.refinements)]
    if model.kind == "mmpose":
        later = zip(model.cpm_stages, model.out_convs, strict=True)
        return [list(model.stem), *([*refine.model, *out] for refine, out in later)]
    raise ValueError(
        f"cannot follow the layers of a {model.kind!r} CPM: this knows 'paper', 'lite' and 'mmpose'"
    )


def _label(block: nn.Module) -> str:
    if isinstance(block, Residual):
        return "residual"
    if isinstance(block, nn.MaxPool2d):
        return f"pool {block.kernel_size}/{block.stride}"
    conv = next(m for m in block.modules() if isinstance(m, nn.Conv2d))
    size = f"{conv.kernel_size[0]} x {conv.kernel_size[1]}"
    return size if conv.stride[0] == 1 else f"{size}, stride {conv.stride[0]}"


class Listener:
    """A network that has looked at one crop and can then be asked what any cell of any layer listened to.

    Args:
        model: any CPM that `depths_of` can follow; put into evaluation mode.
        image: (H_in, W_in, 3) uint8 crop.
        center_px: (x, y) of the person meant; None: the crop's middle.

    Attributes:
        depths: of the model.
        beliefs: (T, C, H, W) float32.

    Raises:
        ValueError: as `depths_of`, or a crop that the model does not take.
    """

    def __init__(self, model: CPM, image: np.ndarray, center_px=None) -> None:
        self.model, self.depths = model.eval(), depths_of(model)
        height, width = self.size = image.shape[:2]
        outputs: dict[nn.Module, Tensor] = {}
        hooks = [d.module.register_forward_hook(_keep(outputs)) for d in self.depths]
        try:
            pixels = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None]
            self._input = model.preprocess(pixels).detach().requires_grad_()
            center = ((width - 1) / 2, (height - 1) / 2) if center_px is None else center_px
            centers = center_map(torch.as_tensor(np.asarray(center, np.float32))[None], self.size)
            with torch.enable_grad():
                beliefs = model(self._input, centers if model.uses_center_map else None)
        finally:
            for hook in hooks:
                hook.remove()
        self.beliefs = beliefs[:, 0].detach().numpy()
        self._outputs = [outputs[depth.module] for depth in self.depths]
        generator = torch.Generator().manual_seed(0)
        signs = (torch.randint(0, 2, (o.shape[1],), generator=generator) for o in self._outputs)
        self._signs = [2.0 * sign - 1 for sign in signs]

    def cell_at(self, depth: int, point_px) -> tuple[int, int]:
        """(x, y) of the cell of a layer whose field's middle is nearest to a pixel."""
        field, (height, width) = self.depths[depth].field, self._outputs[depth].shape[2:]
        x, y = (round((float(v) - field.center_px) / field.stride_px) for v in point_px)
        return min(max(x, 0), width - 1), min(max(y, 0), height - 1)

    def footprint(self, depth: int, cell: tuple[int, int], joint: int) -> np.ndarray:
        """How much a small change of each pixel moves a cell of a layer.

        Belief maps are asked about one joint, other layers about a sum of all their channels with random signs
        (plain sums can cancel).

        Returns:
            (H_in, W_in) float32, |d cell / d pixel| summed over the colours.
        """
        x, y = cell
        channels = self._outputs[depth][0, :, y, x]
        value = channels[joint] if self.depths[depth].is_beliefs else channels @ self._signs[depth]
        (gradient,) = torch.autograd.grad(value, self._input, retain_graph=True)
        return gradient[0].abs().sum(0).numpy()


def _keep(outputs: dict[nn.Module, Tensor]) -> Callable:
    def hook(module: nn.Module, _inputs, output: Tensor) -> None:
        outputs[module] = output

    return hook


def share_by_side(footprint: np.ndarray, middle_px) -> np.ndarray:
    """Share (0..1) of a footprint within the square of side 1, 3, 5, ... around a pixel.

    Args:
        footprint: (H, W).
        middle_px: (x, y), rounded to a whole pixel.

    Returns:
        (K,) float64; entry k is for the square that reaches k pixels each way. The last entry is 1 (0 where the
        footprint is zero everywhere).
    """
    height, width = footprint.shape
    x, y = (round(float(v)) for v in middle_px)
    reach = np.maximum(np.abs(np.arange(height) - y)[:, None], np.abs(np.arange(width) - x)[None])
    rings = np.bincount(reach.ravel(), footprint.ravel().astype(np.float64))
    total = rings.sum()
    return np.cumsum(rings) / total if total > 0 else np.zeros_like(rings)


def side_holding(shares: np.ndarray, share: float = 0.9) -> int:
    """Side in pixels of the smallest centred square with that share of `share_by_side`'s footprint; 0 if there is none."""
    return int(np.searchsorted(shares, share - 1e-9)) * 2 + 1 if shares[-1] > 0 else 0


def listening_sides(
    model: CPM, joints: Sequence[str], *, size_px: int = 320, scenes: int = 2, share: float = 0.9
) -> list[tuple[int, float]]:
    """For every stage: its theoretical field, and the square that holds a share of what its beliefs listen to.

    Asks the cell in the middle of drawn scenes that are larger than the model's crop, whose edge would cut the
    field off.

    Args:
        joints: whose belief maps are asked.
        size_px: side of the scenes, a multiple of the stride.
        scenes: how many.
        share: 0..1 of the gradient.

    Returns:
        T pairs (field, mean side of the squares) in pixels.
    """
    found: dict[Depth, list[int]] = {}
    for index in range(scenes):
        scene = synthetic_scene(index, seed=9, size=(size_px, size_px), people=3)
        listener = Listener(model, scene.image, scene.center_px)
        for depth, layer in enumerate(listener.depths):
            cell = listener.cell_at(depth, (size_px / 2, size_px / 2))
            middle = [layer.field.center_of(v) for v in cell]
            for name in joints if layer.is_beliefs else ():
                footprint = listener.footprint(depth, cell, model.skeleton.index(name))
                found.setdefault(layer, []).append(side_holding(share_by_side(footprint, middle), share))
    return [(layer.field.size_px, float(np.mean(sides))) for layer, sides in found.items()]
