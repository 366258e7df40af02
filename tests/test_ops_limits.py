"""The ops where they end: very large tensors, and calls that would reach outside their memory."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from conftest import compiled_backends_only
from op_arguments import arguments, op, random

from cpm_edu.decoding import decode, merge_flip_decode
from cpm_edu.losses import stage_loss
from cpm_edu.targets import gaussian_targets

# ---- large


@compiled_backends_only
def test_maps_further_than_2_to_the_31_elements_apart(backend, device):
    """Zeros of numpy's that nobody writes take no memory, so 4 GiB are cheap to point into."""
    if device.type == "cuda" and torch.cuda.mem_get_info()[0] < 6 << 30:
        pytest.skip("needs 5 GiB on the device")
    far = 2**31 + 64
    memory = torch.from_numpy(np.zeros(far + 256, np.int16)).view(torch.bfloat16).to(device)
    maps = memory.as_strided((2, 1, 16, 16), (far, 256, 16, 1))
    maps[0, 0, 2, 3], maps[1, 0, 7, 9] = 1.0, 2.0
    joints, scores = decode(maps, "argmax", backend=backend)
    assert joints[:, 0].tolist() == [[3.0, 2.0], [9.0, 7.0]]
    assert scores[:, 0].tolist() == [1.0, 2.0]
    joints, scores = merge_flip_decode(maps, maps, (0,), shift=False, method="argmax", backend=backend)
    assert joints[:, 0].tolist() == [[3.0, 2.0], [6.0, 7.0]], "of two equal halves the left one is taken"
    assert scores[:, 0].tolist() == [0.5, 1.0]


@compiled_backends_only
def test_more_than_2_to_the_31_elements_that_repeat(backend, device):
    maps = random(1, 1, 64, 64).to(device).expand(2**19 + 3, 1, 64, 64)  # 2^31 + 12288 elements
    expected = decode(maps[:1], backend=backend)
    joints, scores = decode(maps, backend=backend)
    assert joints.shape == (2**19 + 3, 1, 2)
    assert (joints == expected[0]).all()
    assert (scores == expected[1]).all()


@compiled_backends_only
def test_what_cannot_be_counted_is_refused_by_name(backend, device):
    huge = torch.zeros(1, 1, 1, 1, device=device).expand(1, 1, 2**16, 2**16)
    many = torch.zeros(1, 1, 1, 1, device=device).expand(1, 2**31, 1, 1)
    for maps in (huge, many):
        with pytest.raises(ValueError, match="too many: compiled ops count up to 2147483647"):
            decode(maps, backend=backend)
    with pytest.raises(ValueError, match="65536 x 65536 cells"):
        merge_flip_decode(huge, huge, (0,), shift=True, backend=backend)
    with pytest.raises(ValueError, match="65536 x 65536 cells"):
        stage_loss(huge[None], huge, backend=backend)
    with pytest.raises(ValueError, match="65536 x 65536 cells"):
        gaussian_targets(torch.zeros(1, 2, device=device), (2**16, 2**16), 1.0, backend=backend)
    with pytest.raises(RuntimeError, match=r"at most 2\^31 - 1"):
        op.decode(huge, 0, torch.zeros(0, device=device))


# ---- misuse


def test_tensors_on_two_devices(backend, device):
    maps = torch.zeros(1, 1, 1, 2, 2, device=device)
    with pytest.raises(ValueError, match="targets on meta and belief maps on"):
        stage_loss(maps, torch.zeros(1, 1, 2, 2, device="meta"), backend=backend)


@compiled_backends_only
@pytest.mark.parametrize(
    ("name", "position", "wrong", "message"),
    [
        ("gaussian_targets", 0, lambda t: t[..., :1], "centers must be"),
        ("gaussian_targets", 0, lambda t: t.double(), "centers must be float32"),
        (
            "gaussian_targets",
            0,
            lambda t: t.transpose(0, 1).contiguous().transpose(0, 1),
            "centers must be contiguous",
        ),
        ("gaussian_targets", 1, lambda t: t[:1], r"weights must be \(2, 4\), not \(1, 4\)"),
        ("gaussian_targets", 2, lambda _: -1, "must not be negative"),
        ("gaussian_targets", 7, lambda _: torch.float64, "dtype must be float32 or bfloat16"),
        (
            "gaussian_targets_out",
            5,
            lambda t: t[:, :3],
            r"out must be \(2, 4, 17, 33\), not \(2, 3, 17, 33\)",
        ),
        (
            "gaussian_targets_out",
            5,
            lambda t: t.transpose(-1, -2).contiguous().transpose(-1, -2),
            "out must be contig",
        ),
        ("decode", 0, lambda t: t[0], r"maps must be \(N, J, H, W\)"),
        ("decode", 0, lambda t: t.double(), "maps must be float32 or bfloat16"),
        ("decode", 0, lambda t: t[..., :0], "maps have no cells"),
        ("decode", 1, lambda _: 5, "no decoding method 5"),
        ("decode", 2, lambda t: torch.ones(3, device=t.device), "taps must be"),
        ("merge_flip_decode", 1, lambda t: t[:1], "mirrored must be"),
        ("merge_flip_decode", 1, lambda t: t.bfloat16(), "mirrored must be of the maps' type"),
        ("merge_flip_decode", 2, lambda t: t[:3], r"permutation must be \(4\), not \(3\)"),
        ("merge_flip_decode", 2, lambda t: t.long(), "permutation must be contiguous int32"),
        ("merge_flip_decode", 5, lambda t: t[:2], "K odd for DARK"),
        ("stage_loss", 0, lambda t: t[0], r"maps must be contiguous \(T, N, C, H, W\)"),
        ("stage_loss", 0, lambda t: t.transpose(-1, -2), "maps must be contiguous"),
        ("stage_loss", 1, lambda t: t.bfloat16(), "targets must be float32"),
        ("stage_loss", 2, lambda t: t[:, :2], "weights must be"),
        ("gaussian_stage_loss", 1, lambda t: t[:1], "weights must be|do not fit"),
        ("gaussian_stage_loss", 6, lambda _: True, "do not fit maps"),
        ("scale_stages_", 1, lambda t: t[:2], r"factors must be \(3\), not \(2\)"),
    ],
)
def test_direct_calls_are_checked_too(backend, device, name, position, wrong, message):
    given = list(arguments(device)[name])
    given[position] = wrong(given[position])
    with pytest.raises(RuntimeError, match=message):
        getattr(op, name)(*given)


@compiled_backends_only
def test_a_permutation_that_points_outside(backend, device):
    if backend == "cuda":
        pytest.skip("looking into it would stall the device; merge_flip_decode of cpm_edu.decoding looks")
    given = list(arguments(device)["merge_flip_decode"])
    for bad in (4, -1):
        given[2] = torch.tensor([0, 1, 2, bad], dtype=torch.int32)
        with pytest.raises(RuntimeError, match=f"permutation holds {bad}, which is no joint"):
            op.merge_flip_decode(*given)
