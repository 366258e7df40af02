"""Decoding and the flip merge against numbers of mmpose."""

import numpy as np
import pytest
import torch

from cpm_edu import decoding
from cpm_edu.coords import apply_affine, px_from_cells
from cpm_edu.decoding import merge_flip, merge_flip_decode


@pytest.fixture(scope="module")
def decode(backend, device):
    """`decoding.decode` of an array by this backend."""

    def run(maps, method, **options):
        maps = torch.from_numpy(maps).to(device)
        return [t.cpu() for t in decoding.decode(maps, method, backend=backend, **options)]

    return run


def stride_of(golden):
    """(x, y) input pixels per cell; sizes in the files are width, height."""
    height, width = golden["heatmaps"].shape[-2:]
    return torch.from_numpy(golden["input_size"] / np.array([width, height])).float()


@pytest.mark.golden("decode_*.npz")
def test_argmax(golden_file, decode):
    golden = np.load(golden_file)
    joints, scores = decode(golden["heatmaps"], "argmax")
    np.testing.assert_array_equal(scores.numpy(), golden["vals"])
    found = golden["vals"] > 0  # mmpose marks the others with (-1, -1): test_plain
    np.testing.assert_array_equal(joints.numpy()[found], golden["locs"][found])


@pytest.mark.golden("decode_*.npz")
def test_plain(golden_file, decode):
    golden = np.load(golden_file)
    joints, scores = decode(golden["heatmaps"], "msra")
    np.testing.assert_array_equal(joints.numpy(), golden["refined_hm"])
    joints_px = px_from_cells(joints, stride_of(golden), "msra")
    np.testing.assert_array_equal(joints_px.numpy(), golden["plain_keypoints"])
    np.testing.assert_array_equal(scores.numpy(), golden["plain_scores"])


@pytest.mark.golden("decode_*.npz")
def test_dark(golden_file, decode):
    golden = np.load(golden_file)
    kernels = [int(key[4:-3]) for key in golden if key.startswith("dark") and key.endswith("_hm")]
    assert kernels, f"{golden_file.name} holds no dark<k>_hm"
    noise = golden["kinds"] == "random"
    for kernel in kernels:
        joints, scores = decode(golden["heatmaps"], "dark", blur_kernel=kernel)
        np.testing.assert_array_equal(scores.numpy(), golden[f"dark{kernel}_scores"])
        joints_px = px_from_cells(joints, stride_of(golden), "msra").numpy()
        error = np.abs(joints_px - golden[f"dark{kernel}_keypoints"])
        assert error[~noise].max() <= 2e-3, f"blur {kernel}"
        if noise.any():  # nothing bounds the step on noise; rounding grows with it
            assert (error[noise].max(-1) <= 1e-2).mean() >= 0.98, f"blur {kernel}, noise"


@pytest.mark.golden("flip_*.npz")
def test_flip(golden_file, backend, device):
    golden = np.load(golden_file)
    maps, mirrored = (
        torch.from_numpy(golden["heatmaps"]),
        torch.from_numpy(golden["heatmaps_of_flipped_input"]),
    )
    order = golden["flip_indices"].tolist()

    merged = merge_flip(maps, mirrored, order, shift=True)
    np.testing.assert_allclose(merged, golden["merged_shifted"], rtol=0, atol=1e-5)
    for key, shift in (("unflipped_shifted", True), ("unflipped_noshift", False)):
        back = 2 * merge_flip(torch.zeros_like(maps), mirrored, order, shift=shift)
        np.testing.assert_allclose(back[: len(golden[key])], golden[key], rtol=0, atol=1e-5)

    maps, mirrored = maps.to(device), mirrored.to(device)
    found = merge_flip_decode(maps, mirrored, order, shift=True, method="msra", backend=backend)
    joints, scores = (t.cpu() for t in found)
    joints_px = px_from_cells(joints, stride_of(golden), "msra")
    np.testing.assert_allclose(joints_px, golden["keypoints_input"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(scores, golden["scores"], rtol=0, atol=1e-5)


@pytest.mark.golden("flip_*.npz")
def test_joints_back_in_the_image(golden_file):
    """Crop to photo without rotation: image = crop / size * scale + center - scale / 2."""
    golden = np.load(golden_file)
    size, scale, center = (
        torch.from_numpy(golden[f"input_{k}"]).double() for k in ("size", "scale", "center")
    )
    matrix = torch.zeros(len(scale), 2, 3, dtype=torch.float64)
    matrix[:, 0, 0], matrix[:, 1, 1] = (scale / size).T
    matrix[:, :, 2] = center - scale / 2
    joints = apply_affine(matrix, torch.from_numpy(golden["keypoints_input"]))
    np.testing.assert_allclose(joints, golden["keypoints_image"], rtol=0, atol=1e-3)
