"""The student's pose machine: the paper's structure, small enough to train on a laptop and to ship.

Kept from Wei et al.: stages with weights of their own, large kernels on stride-8 maps, the center map into
every stage from 2 on, a background map, a loss on every stage. Ours: one image trunk for all stages,
residual blocks and batch norm (so that it trains from scratch in hours), 7 x 7 instead of 11 x 11.
Every stride-2 layer has an even kernel, so cell c is centred at 8c + 3.5 px like a 2 x 2 pool's, a mirrored
image gives mirrored maps, and the flip test needs no shift.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..coords import Convention
from ..skeletons import Skeleton
from .cpm import CPM

__all__ = ["LiteCPM"]

MEAN_RGB = (
    114.75,
    114.75,
    114.75,
)  # 0.45 and 0.25 of 255: grey, since the data sets' own means are close to it
STD_RGB = (63.75, 63.75, 63.75)


def conv_bn_relu(in_maps: int, out_maps: int, kernel: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_maps, out_maps, kernel, stride, (kernel - 1) // 2, bias=False),
        nn.BatchNorm2d(out_maps),
        nn.ReLU(inplace=True),
    )


class Residual(nn.Module):
    """x + two 3 x 3 convolutions of x; the identity at the start of training."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            conv_bn_relu(maps, maps, 3), nn.Conv2d(maps, maps, 3, padding=1, bias=False), nn.BatchNorm2d(maps)
        )
        nn.init.zeros_(self.layers[-1].weight)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.layers(x))


class LiteCPM(CPM):
    """A CPM of about 2 million parameters for 160 x 160 px crops (20 x 20 cells).

    Args:
        skeleton: the J joints.
        num_stages: T.
        input_size: (height, width) in pixels, multiples of 8.
        features: channels of the image features at stride 8.
        width: channels inside a refinement stage.
        image_features: image channels that a refinement stage reads (32 in the paper).
        kernel: kernel size of a refinement stage's three large convolutions, odd.
        convention: how its maps are taught and read; "msra" is for comparisons with mmpose's targets.
    """

    kind = "lite"

    def __init__(
        self,
        skeleton: Skeleton,
        *,
        num_stages: int = 4,
        input_size: tuple[int, int] = (160, 160),
        features: int = 112,
        width: int = 48,
        image_features: int = 32,
        kernel: int = 7,
        convention: Convention = "center",
    ) -> None:
        super().__init__(skeleton, num_stages=num_stages, input_size=input_size)
        self.features, self.width, self.image_features, self.kernel = features, width, image_features, kernel
        self.convention = convention
        maps = self.num_maps
        self.trunk = nn.Sequential(
            conv_bn_relu(3, 32, 4, 2),
            conv_bn_relu(32, 48, 4, 2), Residual(48), Residual(48),
            conv_bn_relu(48, features, 4, 2), Residual(features), Residual(features), Residual(features),
        )  # fmt: skip
        self.stage1 = nn.Sequential(conv_bn_relu(features, features, 1), nn.Conv2d(features, maps, 1))
        self.image_taps = nn.ModuleList(
            conv_bn_relu(features, image_features, 1) for _ in range(num_stages - 1)
        )
        self.refinements = nn.ModuleList(
            nn.Sequential(
                conv_bn_relu(image_features + maps + 1, width, kernel),
                conv_bn_relu(width, width, kernel),
                conv_bn_relu(width, width, kernel),
                conv_bn_relu(width, 128, 1),
                nn.Conv2d(128, maps, 1),
            )
            for _ in range(num_stages - 1)
        )

    def config(self) -> dict:
        own = ("features", "width", "image_features", "kernel", "convention")
        return super().config() | {name: getattr(self, name) for name in own}

    def preprocess(self, images: Tensor) -> Tensor:
        mean = torch.tensor(MEAN_RGB, device=images.device)[:, None, None]
        std = torch.tensor(STD_RGB, device=images.device)[:, None, None]
        return (images.float() - mean) / std

    def stages(self, images: Tensor, center_maps: Tensor | None) -> list[Tensor]:
        height, width = images.shape[-2:]
        if height % self.stride or width % self.stride:
            raise ValueError(
                f"the lite CPM takes sizes that are multiples of {self.stride}, not {height} x {width}"
            )
        features = self.trunk(images)  # (N, features, H, W)
        centers = F.avg_pool2d(center_maps, self.stride).to(features)  # (N, 1, H, W)
        beliefs = [self.stage1(features)]
        for tap, refine in zip(self.image_taps, self.refinements, strict=True):
            beliefs.append(refine(torch.cat([tap(features), beliefs[-1], centers], 1)))
        return beliefs

    def belief_slices(self) -> dict[str, slice]:
        beliefs = slice(self.image_features, self.image_features + self.num_maps)
        return {f"refinements.{t}.0.0.weight": beliefs for t in range(self.num_stages - 1)}

    def output_parameters(self) -> list[str]:
        heads = ["stage1.1", *(f"refinements.{t}.4" for t in range(self.num_stages - 1))]
        return [f"{head}.{kind}" for head in heads for kind in ("weight", "bias")]
