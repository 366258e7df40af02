"""Targets against numbers of mmpose's MSRAHeatmap."""

import numpy as np
import pytest
import torch

from cpm_edu.targets import belief_map_targets


def encode(golden, backend, device, *, unbiased):
    """(maps (N, K, H, W), weights (N, K)); sizes in the files are width, height."""
    width, height = golden["heatmap_size"].tolist()
    maps, weights = belief_map_targets(
        torch.from_numpy(golden["keypoints"][:, 0]).to(device),
        torch.from_numpy(golden["keypoints_visible"][:, 0]).to(device),
        size=(height, width),
        stride=(golden["input_size"] / golden["heatmap_size"]).tolist(),
        sigma_cells=float(golden["sigma"]),
        convention="msra",
        unbiased=unbiased,
        backend=backend,
    )
    return maps.cpu().numpy(), weights.cpu().numpy()


@pytest.mark.golden("targets_*.npz")
@pytest.mark.parametrize("kind", ["biased", "unbiased"])
def test_targets(golden_file, kind, backend, device):
    golden = np.load(golden_file)
    maps, weights = encode(golden, backend, device, unbiased=kind == "unbiased")
    np.testing.assert_array_equal(weights, golden[f"{kind}_weights"])
    stored = golden[f"{kind}_heatmaps"]
    np.testing.assert_allclose(maps[: len(stored)], stored, rtol=0, atol=1e-6)
    np.testing.assert_allclose(maps.max((-2, -1)), golden[f"{kind}_max"], rtol=0, atol=1e-6)
    sums = maps.sum((-2, -1), dtype=np.float64)
    np.testing.assert_allclose(sums, golden[f"{kind}_sum"], rtol=1e-6, atol=1e-6 * np.sqrt(maps[0, 0].size))
    if f"{kind}_nnz" in golden:
        np.testing.assert_array_equal((maps > 0).sum((-2, -1)), golden[f"{kind}_nnz"])


@pytest.mark.golden("targets_*.npz")
def test_the_file_reaches_the_quirks(golden_file):
    """Otherwise agreement would say little: border joints, dropped weights and odd visibilities occur."""
    golden = np.load(golden_file)
    visible, weights = golden["keypoints_visible"][:, 0], golden["biased_weights"]
    assert ((visible >= 0.5) & (weights == 0)).any(), "no joint lies off the map"
    assert ((weights > 0) & (golden["biased_max"] < 1)).any(), "no patch is cut by the border"
