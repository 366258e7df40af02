"""Arguments for a direct call of every op, shared by the tests of the ops."""

from __future__ import annotations

import math

import pytest
import torch

INF = math.inf
op = torch.ops.cpm_edu


def random(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def arguments(device, dtype=torch.float32) -> dict[str, tuple]:
    """Every op with something to work on."""
    maps, points = random(3, 2, 4, 17, 33), 40 * random(2, 4, 2)
    drawn, weights = torch.ones(2, 4), random(2, 4)
    none, taps = torch.zeros(0), torch.tensor([0.25, 0.5, 0.25])
    given = {
        "gaussian_targets": (points, drawn, 17, 33, 1.5, INF, True, dtype),
        "gaussian_targets_out": (points, drawn, 1.5, 4.5, False, torch.zeros(2, 4, 17, 33, dtype=dtype)),
        "decode": (maps[0].to(dtype), 3, none),
        "merge_flip_decode": (
            maps[0].to(dtype), maps[1].to(dtype), torch.tensor([1, 0, 2, 3], dtype=torch.int32), True, 4, taps,
        ),
        "stage_loss": (maps.to(dtype), maps[0], weights, 9.0, True),
        "gaussian_stage_loss": (maps.to(dtype), points, drawn, weights, 1.5, INF, False, 9.0, True),
        "scale_stages_": (maps.to(dtype), torch.tensor([1.0, 0.0, -2.0])),
    }  # fmt: skip
    return {
        name: tuple(a.to(device) if isinstance(a, torch.Tensor) else a for a in values)
        for name, values in given.items()
    }


NAMES = list(arguments("cpu"))
every_op = pytest.mark.parametrize("name", NAMES)
