"""The center map: whose joints the network is asked for (its shapes and errors: test_targets.py)."""

import math

import pytest
import torch

from cpm_edu.targets import center_map


def test_center_map_by_hand():
    maps = center_map(torch.tensor([[5.0, 2.0]]), (8, 12), sigma_px=2.0)
    assert maps.shape == (1, 1, 8, 12)
    assert maps[0, 0, 2, 5] == 1.0, "(x, y) = (5, 2)"
    assert maps[0, 0, 2, 9].item() == pytest.approx(math.exp(-2))


def test_center_map_sigma_follows_the_height():
    maps = center_map(torch.tensor([[100.0, 100.0]]), (368, 368))
    assert maps[0, 0, 100, 121].item() == pytest.approx(math.exp(-0.5)), "21 px at 368"
    maps = center_map(torch.tensor([[50.0, 50.0]]), (184, 100))
    assert maps[0, 0, 71, 50].item() == pytest.approx(math.exp(-2)), "10.5 px at a height of 184"


def test_center_map_of_nan_is_blank():
    maps = center_map(torch.tensor([[math.nan, math.nan], [3.0, math.nan], [3.0, 3.0]]), (7, 7), sigma_px=1.0)
    assert maps.amax((1, 2, 3)).tolist() == [0.0, 0.0, 1.0]
