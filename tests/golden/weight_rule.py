"""Deterministic numbers without a random generator: the weights and inputs behind the golden files."""

from __future__ import annotations

import math

import numpy as np
import torch

INPUT_INDEX = 1_000_000
_GOLDEN_GAMMA = 0x9E3779B97F4A7C15
_SECOND_GAMMA = 0xD1B54A32D192ED03
_WRAP = (1 << 64) - 1


def uniform(seed: int, index: int, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers in [-1, 1), float64 of `shape` in C order: splitmix64 started at (seed, index)."""
    base = (seed * _GOLDEN_GAMMA + index * _SECOND_GAMMA) & _WRAP
    steps = np.arange(1, math.prod(shape) + 1, dtype=np.uint64)
    z = np.uint64(base) + steps * np.uint64(_GOLDEN_GAMMA)  # uint64 arrays wrap silently
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return ((z >> np.uint64(11)) * 2.0**-52 - 1.0).reshape(shape)


def fill(model: torch.nn.Module, seed: int) -> None:
    """Set every entry of the model's state dict by its position, name and shape."""
    state = model.state_dict()
    for index, (name, tensor) in enumerate(state.items()):
        u = uniform(seed, index, tuple(tensor.shape))
        if name.endswith("num_batches_tracked"):
            u = np.zeros(tensor.shape)
        elif tensor.ndim == 4:
            u = u * math.sqrt(6 / math.prod(tensor.shape[1:]))
        elif name.endswith("running_var"):
            u = 1 + 0.1 * np.abs(u)
        elif name.endswith("bn.weight"):
            u = 1 + 0.1 * u
        else:
            u = 0.1 * u
        state[name] = torch.from_numpy(u.astype(np.float32)).to(tensor.dtype)
    model.load_state_dict(state)


def input_images(seed: int, shape: tuple[int, int, int, int]) -> torch.Tensor:
    """(N, 3, H_in, W_in) float32 in [-2, 2)."""
    return torch.from_numpy((2 * uniform(seed, INPUT_INDEX, shape)).astype(np.float32))
