"""Crops of a whole batch painted at once, on the device that will use them.

The pictures of a batch have different sizes, so they travel as one row of bytes. Every crop pixel then asks four
pixels of its picture, as bilinear interpolation does, wherever that picture begins in the row. The result is that of
`crops.paint`, whose rules these are: fill outside, averaged blocks where the picture shrinks, a second person
beyond the seam.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from ..coords import after_shrinking, source_places
from .crops import PAD_VALUE, Part, Sketch

__all__ = ["PackedCrops", "pack_crops"]


@dataclass
class PackedCrops:
    """N crops that are read but not warped: L = N + M pictures, of which the last M lie beyond a seam.

    Args:
        pixels: (B, 3) uint8, the rows of all pictures one after the other.
        starts: (L,) int64, which of these pixels is a picture's first.
        sides: (L, 2) int64, (height, width).
        blocks: (L,) int64, side of the blocks of pixels to average.
        along_x: (L, 2, W_in) float32, the part of a source place (x, y), in blocks, that a crop's column gives.
        along_y: (L, 2, H_in) float32, the part that its row gives.
        divided: (M,) int64, which crops show a second picture.
        seams: (M, 4) float32, point and direction of `Seam`.
        gains: (N, 3) float32.
        offsets: (N,) float32.
        fill: what lies outside a picture.
    """

    pixels: Tensor
    starts: Tensor
    sides: Tensor
    blocks: Tensor
    along_x: Tensor
    along_y: Tensor
    divided: Tensor
    seams: Tensor
    gains: Tensor
    offsets: Tensor
    fill: float

    def __len__(self) -> int:
        return len(self.gains)

    def to(self, device: torch.device, *, non_blocking: bool = False) -> PackedCrops:
        return self._with(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> PackedCrops:
        return self._with(Tensor.pin_memory)

    def _with(self, change) -> PackedCrops:
        tensors = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "fill"}
        return replace(self, **{name: change(tensor) for name, tensor in tensors.items()})

    def paint(self) -> Tensor:
        """(N, 3, H_in, W_in) float32 RGB, 0..255, where the tensors are."""
        height, width = self.along_y.shape[-1], self.along_x.shape[-1]
        layers = self.along_x.new_empty(len(self.starts), height, width, 3)
        for block in self.blocks.unique().tolist():
            chosen = (self.blocks == block).nonzero()[:, 0]
            layers[chosen] = self._sampled(chosen, block)
        images, beyond = layers[: len(self)], layers[len(self) :]
        if len(self.divided):
            y = torch.arange(height, device=layers.device)[:, None]
            x = torch.arange(width, device=layers.device)
            point_x, point_y, to_x, to_y = self.seams[:, :, None, None].unbind(1)
            second = (x - point_x) * to_x + (y - point_y) * to_y > 0  # (M, H_in, W_in)
            images[self.divided] = torch.where(second[..., None], beyond, images[self.divided])
        images = images * self.gains[:, None, None, :] + self.offsets[:, None, None, None]
        return images.clamp_(0, 255).permute(0, 3, 1, 2).contiguous()

    def _sampled(self, chosen: Tensor, block: int) -> Tensor:
        """(l, H_in, W_in, 3): the chosen pictures, all averaged by the same blocks, at their places."""
        places = self.along_x[chosen][:, :, None, :] + self.along_y[chosen][..., None]  # (l, 2, H_in, W_in)
        corner = places.floor()
        right, down = (places - corner)[..., None].unbind(1)  # (l, H_in, W_in, 1) shares of the next block
        column, row = corner.long().unbind(1)
        total = 0.0
        for dy, share_y in ((0, 1 - down), (1, down)):
            for dx, share_x in ((0, 1 - right), (1, right)):
                total = total + self._mean(chosen, column + dx, row + dy, block) * (share_x * share_y)
        return total

    def _mean(self, chosen: Tensor, column: Tensor, row: Tensor, block: int) -> Tensor:
        """(l, H_in, W_in, 3): means of the blocks in these columns and rows, `fill` outside the picture."""
        start = self.starts[chosen][:, None, None]
        height, width = self.sides[chosen][:, :, None, None].unbind(1)
        inside = (column >= 0) & (row >= 0) & (column * block < width) & (row * block < height)
        total, count = 0.0, 0.0
        for dy in range(block):
            for dx in range(block):
                x, y = column * block + dx, row * block + dy
                here = inside & (x < width) & (y < height)  # the last block of a row may be a part of one
                index = torch.where(here, start + y * width + x, 0)
                total = total + self.pixels[index] * here[..., None]
                count = count + here
        return torch.where(inside[..., None], total / count.clamp(min=1)[..., None], self.fill)


def pack_crops(sketches: Sequence[Sketch], parts: Sequence[Sequence[Part]]) -> PackedCrops:
    """Crops to be painted later.

    Args:
        sketches: N of one size and convention.
        parts: what `visible_parts` gave for each.
    """
    divided = [n for n, sketch in enumerate(sketches) if sketch.seam is not None]
    shown = [of_one[0] for of_one in parts] + [parts[n][1] for n in divided]
    pixels = [part.pixels.reshape(-1, 3) for part in shown]
    lengths = np.array([len(p) for p in pixels])
    size = sketches[0].size
    matrices = torch.from_numpy(np.stack([part.matrix for part in shown]))
    blocks = torch.tensor([part.block for part in shown])
    for n, part in enumerate(shown):
        if part.block > 1:
            matrices[n] = after_shrinking(matrices[n], part.block)
    along_x, along_y = source_places(matrices.numpy(), size)
    seams = [np.concatenate([sketches[n].seam.point, sketches[n].seam.toward]) for n in divided]
    gains = [np.ones(3) if sketch.gain is None else sketch.gain for sketch in sketches]

    def tensor(values, dtype, *shape) -> Tensor:
        return torch.from_numpy(np.asarray(values, dtype).reshape(*shape))

    return PackedCrops(
        pixels=torch.from_numpy(np.concatenate(pixels)),
        starts=tensor(np.cumsum(lengths) - lengths, np.int64, -1),
        sides=tensor([part.pixels.shape[:2] for part in shown], np.int64, -1, 2),
        blocks=blocks,
        along_x=tensor(along_x, np.float32, -1, 2, size[1]),
        along_y=tensor(along_y, np.float32, -1, 2, size[0]),
        divided=tensor(divided, np.int64, -1),
        seams=tensor(seams, np.float32, -1, 4),
        gains=tensor(gains, np.float32, -1, 3),
        offsets=tensor([sketch.offset for sketch in sketches], np.float32, -1),
        fill=PAD_VALUE[sketches[0].convention],
    )
