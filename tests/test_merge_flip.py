"""The flip merge: numbers by hand, its laws, edges, errors and gradients."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cpm_edu.decoding import (
    METHODS,
    decode,
    decode_log_parabola,
    merge_flip,
    merge_flip_decode,
    merge_flip_decode_reference,
)
from cpm_edu.skeletons import COCO, LSP
from cpm_edu.targets import gaussian_targets

few = settings(max_examples=40, deadline=None)


def gaussians(centers, size, sigma):
    return gaussian_targets(torch.tensor(centers, dtype=torch.float32), size, sigma)


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


def test_merge_flip_decode_by_hand(backend, device):
    maps = torch.tensor([[[[0.0, 4, 0, 0]], [[0.0, 0, 0, 2]]]], device=device)
    mirrored = torch.tensor([[[[9.0, 0, 0, 0]], [[0.0, 0, 5, 0]]]], device=device)
    # map 0 gets mirrored map 1 as 0 5 0 0; map 1 gets mirrored map 0 as 0 0 0 9
    joints, scores = merge_flip_decode(maps, mirrored, (1, 0), shift=False, method="argmax", backend=backend)
    assert joints.tolist() == [[[1.0, 0.0], [3.0, 0.0]]]
    assert scores.tolist() == [[4.5, 5.5]]
    joints, scores = merge_flip_decode(maps, mirrored, (1, 0), shift=True, method="argmax", backend=backend)
    assert joints.tolist() == [[[2.0, 0.0], [3.0, 0.0]]]  # 0 4 5 0 and 0 0 0 2, halved
    assert scores.tolist() == [[2.5, 1.0]]


# ---- agreement of the one-pass version with merging, then decoding


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shift", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (1, 2), (17, 33), (46, 46)])
def test_merge_flip_decode_is_merge_then_decode(backend, device, method, shift, size):
    maps, mirrored = random_maps(3, 5, *size), random_maps(3, 5, *size, seed=1)
    maps[0, 0], mirrored[0, 1] = torch.nan, torch.nan
    maps[1, 2, 0, 0] = torch.inf
    maps, mirrored = maps.to(device), mirrored.to(device).transpose(-1, -2).contiguous().transpose(-1, -2)
    order = (1, 0, 3, 2)  # the last is a background map
    options = {"shift": shift, "method": method}
    for a, b in ((maps, mirrored), (maps.bfloat16(), mirrored.bfloat16())):
        joints, scores = merge_flip_decode(a, b, order, backend=backend, **options)
        expected, values = merge_flip_decode_reference(a, b, order, **options)
        torch.testing.assert_close(scores, values, rtol=0, atol=0, equal_nan=True)
        # DARK on noise: what rounds differently is thrown far, see test_ops_fuzz
        tolerance = {"dark": 2e-2, "log_parabola": 1e-5}.get(method, 0)
        torch.testing.assert_close(joints, expected, rtol=0, atol=tolerance)
        again = decode(merge_flip(a, b, order, shift=shift), method, backend=backend)
        torch.testing.assert_close(joints, again[0], rtol=0, atol=tolerance)


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


def test_merge_flip_decode_of_nothing(backend, device):
    for shape in ((0, 3, 4, 5), (2, 0, 4, 5)):
        maps = torch.zeros(shape, device=device)
        joints, scores = merge_flip_decode(maps, maps, range(shape[1]), shift=True, backend=backend)
        assert joints.shape == (*shape[:2], 2)
        assert scores.shape == shape[:2]


def test_merge_flip_decode_errors(backend, device):
    maps = torch.zeros(1, 3, 4, 5, device=device)
    with pytest.raises(ValueError, match="differ in shape"):
        merge_flip_decode(maps, maps[..., :4], (0, 1, 2), shift=False, backend=backend)
    with pytest.raises(ValueError, match=r"each of 0\.\.J-1 once"):
        merge_flip_decode(maps, maps, (0, 0, 1), shift=False, backend=backend)
    with pytest.raises(ValueError, match="unknown decoding method 'darkest'"):
        merge_flip_decode(maps, maps, (0, 1, 2), shift=False, method="darkest", backend=backend)
    with pytest.raises(TypeError, match="one type and device"):
        merge_flip_decode(maps, maps.bfloat16(), (0, 1, 2), shift=False, backend=backend)
    with pytest.raises(TypeError, match="blur_kernel"):
        merge_flip_decode(maps, maps, (0, 1, 2), shift=False, backend=backend, blur_kernel=3)


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


@pytest.mark.parametrize(
    ("permutation", "shift", "message"),
    [
        (None, True, "permutation must be a sequence of ints, not None"),
        (3, True, "permutation must be a sequence of ints, not 3"),
        ((0.0, 1.0), True, "permutation must be a sequence of ints, not "),
        ("01", True, "permutation must be a sequence of ints, not '01'"),
        ((0, 1), "no", "shift must be True or False, not 'no'"),
        ((0, 1), None, "shift must be True or False, not None"),
    ],
)
def test_wrong_kinds_are_named(backend, device, permutation, shift, message):
    maps = torch.zeros(1, 2, 3, 3, device=device)
    with pytest.raises(TypeError, match=message):
        merge_flip(maps, maps, permutation, shift=shift)
    with pytest.raises(TypeError, match=message):
        merge_flip_decode(maps, maps, permutation, shift=shift, backend=backend)
