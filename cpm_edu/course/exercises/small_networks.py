"""Networks of a few weights for exercises: their numbers are given, so torch's own random state stays as it was."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["as_tensor", "convolution", "random_convolution"]


def as_tensor(values) -> Tensor:
    """Numbers as a float32 tensor of their own."""
    return torch.as_tensor(values, dtype=torch.float32).detach().clone()


def convolution(weight, bias=None, **options) -> nn.Conv2d:
    """A convolution with these weights (out, in, k, k), frozen; options as of `nn.Conv2d`, such as padding."""
    weight = as_tensor(weight)
    outputs, inputs, *kernel = weight.shape
    layer = nn.utils.skip_init(nn.Conv2d, inputs, outputs, tuple(kernel), bias=bias is not None, **options)
    layer.weight.data = weight
    if bias is not None:
        layer.bias.data = as_tensor(bias)
    return layer.requires_grad_(False)


def random_convolution(
    rng: np.random.Generator, inputs: int, outputs: int, kernel: int, **options
) -> nn.Conv2d:
    """A frozen convolution whose outputs are about as large as its inputs."""
    weight = rng.normal(size=(outputs, inputs, kernel, kernel)) / np.sqrt(inputs * kernel**2)
    return convolution(weight, 0.3 * rng.normal(size=outputs), **options)
