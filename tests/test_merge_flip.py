"""The flip merge: numbers by hand, its laws, edges, errors and gradients."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cpm_edu.decoding import decode_log_parabola, merge_flip
from cpm_edu.skeletons import COCO, LSP
from cpm_edu.targets import gaussian_maps

few = settings(max_examples=40, deadline=None)


def gaussians(centers, size, sigma):
    return gaussian_maps(torch.tensor(centers, dtype=torch.float32), size, sigma)


def random_maps(*shape, seed=0):
    """Normal noise."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# ---- by hand


def test_merge_flip_by_hand():
    maps = torch.zeros(1, 2, 1, 4)
    mirrored = torch.tensor([[[[1.0, 2, 3, 4]], [[5, 6, 7, 8]]]])
    assert (2 * merge_flip(maps, mirrored, (1, 0), shift=False)).tolist() == [
        [[[8, 7, 6, 5]], [[4, 3, 2, 1]]]
    ]
    assert (2 * merge_flip(maps, mirrored, (1, 0), shift=True)).tolist() == [[[[8, 8, 7, 6]], [[4, 4, 3, 2]]]]


# ---- laws


@few
@given(st.sampled_from([COCO, LSP]), st.booleans(), st.integers(0, 1000))
def test_mirroring_twice_changes_nothing(skeleton, background, seed):
    channels = skeleton.num_joints + background
    maps = random_maps(2, channels, 5, 7, seed=seed)
    zeros = torch.zeros_like(maps)
    once = 2 * merge_flip(zeros, maps, skeleton.flip_permutation, shift=False)
    twice = 2 * merge_flip(zeros, once, skeleton.flip_permutation, shift=False)
    assert torch.equal(twice, maps)
    assert not torch.equal(once, maps)


def test_merge_of_a_symmetric_network_changes_nothing():
    """If the mirrored pass sees exactly the mirrored world, the mean is the first pass."""
    permutation = list(LSP.flip_permutation)
    maps = random_maps(2, 15, 6, 8)
    mirrored = maps.flip(-1)[:, [*permutation, 14]]
    torch.testing.assert_close(merge_flip(maps, mirrored, permutation, shift=False), maps)


def test_background_keeps_its_place():
    maps = random_maps(1, 3, 4, 5)
    merged = merge_flip(torch.zeros_like(maps), maps, (1, 0), shift=False)
    assert torch.equal(2 * merged[:, 2], maps[:, 2].flip(-1))


def test_shift_mends_the_msra_convention():
    """Stride 8, joint on pixel 100 of a 192 px crop: cell 12.5; mirrored it stands on (191 - 100) / 8 = 11.375."""
    maps = gaussians([[[12.5, 8.0]]], (17, 24), 2.0)
    mirrored = gaussians([[[(191 - 100) / 8, 8.0]]], (17, 24), 2.0)
    zeros = torch.zeros_like(maps)
    shifted = decode_log_parabola(merge_flip(zeros, mirrored, (0,), shift=True))[0][0, 0, 0].item()
    plain = decode_log_parabola(merge_flip(zeros, mirrored, (0,), shift=False))[0][0, 0, 0].item()
    assert plain == pytest.approx(12.5 - 7 / 8, abs=1e-3)
    assert shifted == pytest.approx(12.5 + 1 / 8, abs=1e-3)


# ---- edges


def test_merge_flip_of_nothing():
    assert merge_flip(torch.zeros(0, 3, 4, 5), torch.zeros(0, 3, 4, 5), (0, 1, 2), shift=True).shape == (
        0,
        3,
        4,
        5,
    )
    assert merge_flip(torch.zeros(2, 0, 4, 5), torch.zeros(2, 0, 4, 5), (), shift=True).shape == (2, 0, 4, 5)
    assert merge_flip(torch.ones(1, 1, 1, 1), torch.ones(1, 1, 1, 1), (0,), shift=True).item() == 1.0


@pytest.mark.parametrize("size", [(1, 1), (17, 33), (46, 46)])
def test_memory_layout_and_dtype_do_not_matter(size):
    maps, mirrored = random_maps(2, 3, *size), random_maps(2, 3, *size, seed=1)
    expected = merge_flip(maps, mirrored, (1, 0, 2), shift=True)
    slanted = mirrored.transpose(-1, -2).contiguous().transpose(-1, -2)
    assert torch.equal(merge_flip(maps, slanted, (1, 0, 2), shift=True), expected)
    merged = merge_flip(maps.bfloat16(), mirrored.bfloat16(), (1, 0, 2), shift=True)
    assert merged.dtype == torch.float32
    torch.testing.assert_close(merged, expected, rtol=0, atol=0.02)  # 8 bits of a bfloat16


# ---- errors


def test_merge_flip_errors():
    maps = torch.zeros(1, 3, 4, 5)
    with pytest.raises(ValueError, match="differ in shape"):
        merge_flip(maps, maps[..., :4], (0, 1, 2), shift=False)
    for wrong in ((0,), (0, 0, 1), (0, 1, 3), (0, 1, 2, 3), (-1, 0, 1)):
        with pytest.raises(ValueError, match=r"each of 0\.\.J-1 once"):
            merge_flip(maps, maps, wrong, shift=False)
    with pytest.raises(TypeError, match="maps_of_mirrored"):
        merge_flip(maps, maps.long(), (0, 1, 2), shift=False)


# ---- gradients


def test_merge_flip_is_differentiable():
    a, b = random_maps(1, 3, 4, 5).requires_grad_(), random_maps(1, 3, 4, 5, seed=1).requires_grad_()
    merge_flip(a, b, (1, 0), shift=True).sum().backward()
    assert torch.equal(a.grad, torch.full_like(a, 0.5))
    # mirrored, the first column comes back as the last one, which the shift pushes out
    assert torch.equal(b.grad[..., -1], torch.ones(1, 3, 4))
    assert torch.equal(b.grad[..., 0], torch.zeros(1, 3, 4))
