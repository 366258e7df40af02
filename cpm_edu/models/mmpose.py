"""OpenMMLab's variant of the Convolutional Pose Machine, whose published checkpoints load.

It differs from the paper's: batch norm after every convolution but the last of a stage, padded pooling, no
background map, and no center map - the crop around a person says whose joints are asked for. The attribute
names are mmpose's, because they are the names in its checkpoints.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from ..skeletons import COCO, Skeleton
from .cpm import CPM

__all__ = ["MmposeCPM"]

# Mean and standard deviation of RGB values 0..255: data_preprocessor of mmpose's six CPM configs.
RGB_MEAN = (123.675, 116.28, 103.53)
RGB_STD = (58.395, 57.12, 57.375)
WEIGHT_STD = 0.001
WIDTH = 128
FEATURES = 32


class MmposeCPM(CPM):
    """mmpose's `CPM` backbone with its parameterless `CPMHead`.

    31,304,166 parameters for COCO's 17 joints and 6 stages, 31,225,568 for MPII's 16, 31,146,970 for
    JHMDB's 15. `state_dict()` names are mmpose's without the leading "backbone.".

    Args:
        skeleton: the J joints; C = J, there is no background map.
        num_stages: T.
        input_size: (height, width) of the crop in pixels; None takes that of mmpose's config: 256 x 192
            for COCO, else 368 x 368. Any size runs; a side of n px gives ceil(n / 8) cells.

    Source: mmpose 759b39c, mmpose/models/backbones/cpm.py.
    """

    kind = "mmpose"
    stride = 8
    has_background = False
    uses_center_map = False
    convention = "msra"
    flip_shift = True

    def __init__(
        self, skeleton: Skeleton, *, num_stages: int = 6, input_size: tuple[int, int] | None = None
    ) -> None:
        if input_size is None:
            input_size = (256, 192) if skeleton.joints == COCO.joints else (368, 368)
        super().__init__(skeleton, num_stages=num_stages, input_size=input_size)
        maps = self.num_maps
        self.stem = nn.Sequential(
            *_image_layers(),
            _conv_norm_relu(WIDTH, FEATURES, 5),
            _conv_norm_relu(FEATURES, 512, 9),
            _conv_norm_relu(512, 512, 1),
            _output(512, maps),
        )
        later = range(num_stages - 1)  # entry i belongs to stage i + 2
        self.middle = nn.Sequential(*_image_layers())
        self.cpm_stages = nn.ModuleList(_refinement(FEATURES + maps) for _ in later)
        self.middle_conv = nn.ModuleList(nn.Sequential(_conv_norm_relu(WIDTH, FEATURES, 5)) for _ in later)
        self.out_convs = nn.ModuleList(
            nn.Sequential(_conv_norm_relu(WIDTH, WIDTH, 1), _output(WIDTH, maps)) for _ in later
        )

    def preprocess(self, images: Tensor) -> Tensor:
        """RGB (N, 3, H_in, W_in), uint8 or float, values 0..255 -> float32, (value - mean) / std per channel."""
        images = images.float()
        mean = images.new_tensor(RGB_MEAN)[:, None, None]
        std = images.new_tensor(RGB_STD)[:, None, None]
        return (images - mean) / std

    def stages(self, images: Tensor, center_maps: Tensor | None) -> list[Tensor]:
        """T tensors (N, J, H, W). `center_maps` is ignored: this variant has no input for it."""
        beliefs = [self.stem(images)]
        if self.num_stages > 1:
            middle = self.middle(images)
            for reduce, refine, predict in zip(
                self.middle_conv, self.cpm_stages, self.out_convs, strict=True
            ):
                beliefs.append(predict(refine(torch.cat([beliefs[-1], reduce(middle)], 1))))
        return beliefs

    def belief_slices(self) -> dict[str, slice]:
        names = [f"cpm_stages.{i}.model.0.conv.weight" for i in range(self.num_stages - 1)]
        return {name: slice(0, self.num_maps) for name in names}

    def output_parameters(self) -> list[str]:
        outputs = ["stem.9.conv", *(f"out_convs.{i}.1.conv" for i in range(self.num_stages - 1))]
        return [f"{name}.{what}" for name in outputs for what in ("weight", "bias")]


def _image_layers() -> list[nn.Module]:
    """Three times 9x9 convolution and padded pooling; a side of n px ends with ceil(n / 8) cells."""
    layers: list[nn.Module] = []
    for inputs in (3, WIDTH, WIDTH):
        layers += [_conv_norm_relu(inputs, WIDTH, 9), nn.MaxPool2d(3, stride=2, padding=1)]
    return layers


def _conv_norm_relu(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    nn.init.normal_(conv.weight, std=WEIGHT_STD)
    return nn.Sequential(OrderedDict(conv=conv, bn=nn.BatchNorm2d(outputs), relu=nn.ReLU()))


def _output(inputs: int, maps: int) -> nn.Sequential:
    """The last layer of a stage: a bare 1x1 convolution, with bias."""
    conv = nn.Conv2d(inputs, maps, 1)
    nn.init.normal_(conv.weight, std=WEIGHT_STD)
    nn.init.zeros_(conv.bias)
    return nn.Sequential(OrderedDict(conv=conv))


def _refinement(inputs: int) -> nn.Sequential:
    """The three 11x11 layers of a later stage."""
    layers = (_conv_norm_relu(n, WIDTH, 11) for n in (inputs, WIDTH, WIDTH))
    return nn.Sequential(OrderedDict(model=nn.Sequential(*layers)))
