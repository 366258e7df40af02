"""The Convolutional Pose Machine as its authors released it.

    image --> stage 1 ------------------------------------> beliefs 1
      |                                                        |
      +-----> image features --> 5x5 -->[features, beliefs 1, center]--> stage 2 --> beliefs 2
                     |                                                                  |
                     +---------> 5x5 -->[features, beliefs 2, center]--> stage 3 --> ...

Stage 1 judges a joint by what surrounds it; each later stage also sees where the other joints were
believed to be, and whose joints are asked for. The two image paths have weights of their own.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from ..skeletons import Skeleton
from .cpm import CPM

__all__ = ["PaperCPM"]

INPUT_SIZE = (368, 368)  # crop_size_y, crop_size_x in genProto.py
WEIGHT_STD = 0.01  # weight_filler in genProto.py
STAGE1_LR_FACTOR = 5.0  # lr_m in genProto.py
BIAS_LR_FACTOR = 2.0  # lr_m * 2 in genProto.py, with decay_mult 0


class PaperCPM(CPM):
    """The network of `genProto.py`, layer by layer.

    With C = J + 1 maps (the last is the background), full width and the default T = 6, the weights and
    biases of the convolutions (kernel * kernel * in * out + out) add up to 30,040,896 + 78,598 C:

        stage 1          9x9 3>128 31,232; 2 x 9x9 128>128 2,654,464; 5x5 128>32 102,432;
                         9x9 32>512 1,327,616; 1x1 512>512 262,656; 1x1 512>C 513 C
                         = 4,378,400 + 513 C
        image features   9x9 3>128 31,232; 2 x 9x9 128>128 2,654,464
                         = 2,685,696, shared by stages 2..T
        each later stage 5x5 128>32 102,432; 11x11 (32 + C + 1)>128 511,232 + 15,488 C;
                         2 x 11x11 128>128 3,965,184; 1x1 128>128 16,512; 1x1 128>C 129 C
                         = 4,595,360 + 15,617 C

    So LSP (J = 14) has 31,219,866 parameters, MPII (16) 31,377,062, COCO (17) 31,455,660.

    Args:
        skeleton: the J joints.
        num_stages: T; 6 as released.
        pool_kernel: 3 as released (3x3, stride 2, no padding, ceil mode), or 2 as in the paper's figure 2.
            The receptive field is 167 and 407 px after stages 1 and 2 with 3, 160 and 400 px with 2.
        width: channels of the wide layers, a multiple of 4; 128 as released. The 512-channel layers take
            4 * width, the image features that enter a stage width / 4.
        input_size: (height, width) of the crop in pixels.

    Raises:
        ValueError: an unknown pooling, a width that is no multiple of 4, or fewer than one stage.

    Source: Wei et al. 2016, figure 2; training/genProto.py and testing/src/applyModel.m of the release.
    """

    kind = "paper"
    stride = 8
    has_background = True
    uses_center_map = True
    convention = "center"
    flip_shift = False

    def __init__(
        self,
        skeleton: Skeleton,
        *,
        num_stages: int = 6,
        pool_kernel: int = 3,
        width: int = 128,
        input_size: tuple[int, int] = INPUT_SIZE,
    ) -> None:
        super().__init__(skeleton, num_stages=num_stages, input_size=input_size)
        if pool_kernel not in (2, 3):
            raise ValueError(
                f"pool_kernel must be 3 (released) or 2 (the paper's figure), not {pool_kernel!r}"
            )
        if width < 4 or width % 4:
            raise ValueError(f"width must be a positive multiple of 4, not {width!r}")
        self.pool_kernel = pool_kernel
        self.width = width
        features, maps = width // 4, self.num_maps
        self.stage1 = nn.Sequential(
            OrderedDict(
                **_image_layers(width, pool_kernel),
                conv4=_conv(width, features, 5),
                relu4=nn.ReLU(),
                conv5=_conv(features, 4 * width, 9),
                relu5=nn.ReLU(),
                drop5=nn.Dropout(0.5),
                conv6=_conv(4 * width, 4 * width, 1),
                relu6=nn.ReLU(),
                drop6=nn.Dropout(0.5),
                conv7=_conv(4 * width, maps, 1),
            )
        )
        later = range(num_stages - 1)  # entry i belongs to stage i + 2
        self.image_features = nn.Sequential(OrderedDict(_image_layers(width, pool_kernel))) if later else None
        self.stage_features = nn.ModuleList(
            nn.Sequential(OrderedDict(conv4=_conv(width, features, 5), relu4=nn.ReLU())) for _ in later
        )
        self.refinements = nn.ModuleList(_refinement(features + maps + 1, width, maps) for _ in later)
        self.center_pool = nn.AvgPool2d(9, stride=8, ceil_mode=True)

    def config(self) -> dict:
        return {**super().config(), "pool_kernel": self.pool_kernel, "width": self.width}

    def preprocess(self, images: Tensor) -> Tensor:
        """Pixels to network input: RGB is swapped to the BGR of the release, then value / 256 - 0.5.

        Args:
            images: (N, 3, H_in, W_in) RGB, uint8 or float, values 0..255.

        Returns:
            (N, 3, H_in, W_in) float32 in [-0.5, 0.5), channels blue, green, red.
        """
        return images.flip(1).float() / 256 - 0.5

    def stages(self, images: Tensor, center_maps: Tensor | None) -> list[Tensor]:
        height, width = images.shape[2:]
        # For other remainders Caffe's rounding gives the image and the center map different cell counts.
        if min(height, width) < 8 or height % 8 > 1 or width % 8 > 1:
            raise ValueError(f"image sides must be a multiple of 8 px (or one more), not {height} x {width}")
        beliefs = [self.stage1(images)]
        if self.num_stages > 1:
            image_features = self.image_features(images)
            center = self.center_pool(center_maps).to(image_features)
            for reduce, refine in zip(self.stage_features, self.refinements, strict=True):
                beliefs.append(refine(torch.cat([reduce(image_features), beliefs[-1], center], 1)))
        return beliefs

    def parameter_groups(self, lr: float = 8e-5, weight_decay: float = 5e-4) -> list[dict]:
        """Optimizer groups with the release's rates: stage 1 learns 5 x faster, biases 2 x and undecayed.

        Args:
            lr: base learning rate; the release's belongs to its loss (`stage_loss`, "euclidean") and batch 16.
            weight_decay: for weights.

        Returns:
            Up to four dicts with "name", "params", "lr" and "weight_decay", as torch.optim takes them. The
            release uses SGD with momentum 0.9 and multiplies the rate by 0.333 every 136,106 steps.

        Source: genProto.py (param of every convolution, getSolverPrototxt).
        """
        groups: dict[str, dict] = {}
        for name, parameter in self.named_parameters():
            first, bias = name.startswith("stage1."), name.endswith("bias")
            key = f"{'stage 1' if first else 'later stages'}, {'biases' if bias else 'weights'}"
            rate = lr * (STAGE1_LR_FACTOR if first else 1.0) * (BIAS_LR_FACTOR if bias else 1.0)
            options = {"name": key, "lr": rate, "weight_decay": 0.0 if bias else weight_decay}
            groups.setdefault(key, {**options, "params": []})["params"].append(parameter)
        return list(groups.values())

    def belief_slices(self) -> dict[str, slice]:
        first = self.width // 4
        slices = slice(first, first + self.num_maps)
        return {f"refinements.{i}.conv1.weight": slices for i in range(self.num_stages - 1)}

    def output_parameters(self) -> list[str]:
        outputs = ["stage1.conv7", *(f"refinements.{i}.conv5" for i in range(self.num_stages - 1))]
        return [f"{name}.{what}" for name in outputs for what in ("weight", "bias")]


def _conv(inputs: int, outputs: int, kernel: int) -> nn.Conv2d:
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
    nn.init.normal_(conv.weight, std=WEIGHT_STD)
    nn.init.zeros_(conv.bias)
    return conv


def _image_layers(width: int, pool_kernel: int) -> dict[str, nn.Module]:
    """Three times 9x9 convolution and pooling: 368 -> 184 -> 92 -> 46."""
    layers: dict[str, nn.Module] = {}
    for i, inputs in enumerate((3, width, width), start=1):
        layers[f"conv{i}"] = _conv(inputs, width, 9)
        layers[f"relu{i}"] = nn.ReLU()
        # 2x2 rounds down, as 3x3 in ceil mode does: n -> floor(n / 2) either way.
        layers[f"pool{i}"] = nn.MaxPool2d(pool_kernel, stride=2, ceil_mode=pool_kernel == 3)
    return layers


def _refinement(inputs: int, width: int, maps: int) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            conv1=_conv(inputs, width, 11),
            relu1=nn.ReLU(),
            conv2=_conv(width, width, 11),
            relu2=nn.ReLU(),
            conv3=_conv(width, width, 11),
            relu3=nn.ReLU(),
            conv4=_conv(width, width, 1),
            relu4=nn.ReLU(),
            conv5=_conv(width, maps, 1),
        )
    )
