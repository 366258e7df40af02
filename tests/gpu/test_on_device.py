"""What only a real device can show: launches at full size, on other streams, with much shared memory.

The op tests (tests/test_*.py, backend "cuda") cover the rules; these cover launchers.cu where it leaves the
common path.
"""

from __future__ import annotations

import math

import pytest
import torch
from conftest import skip_or_fail

from cpm_edu.decoding import decode, merge_flip_decode
from cpm_edu.decoding_reference import decode_reference, merge_flip_decode_reference
from cpm_edu.kernels.libraries import load
from cpm_edu.kernels.ops import BackendUnavailable
from cpm_edu.losses import stage_loss, stage_loss_reference
from cpm_edu.targets import GaussianTargets, gaussian_targets, gaussian_targets_reference

PEOPLE, JOINTS = 512, 17
SIZES = [(64, 48), (46, 46), (17, 33)]


@pytest.fixture(scope="module", autouse=True)
def cuda():
    try:
        load("cuda")
    except BackendUnavailable as error:
        skip_or_fail("cuda", str(error))


def scene(size, people=PEOPLE, joints=JOINTS, seed=0):
    generator = torch.Generator().manual_seed(seed)
    centers = torch.rand(people, joints, 2, generator=generator) * torch.tensor([size[1], size[0]])
    maps = gaussian_targets_reference(centers, size, 2.0)
    maps += 0.01 * torch.randn(maps.shape, generator=generator)
    return centers.cuda(), maps.cuda()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("background", [False, True])
def test_cuda_targets_of_a_large_batch(size, background):
    centers, _ = scene(size)
    drawn = gaussian_targets(centers, size, 2.0, background=background, backend="cuda")
    expected = gaussian_targets_reference(centers, size, 2.0, background=background)
    torch.testing.assert_close(drawn, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("size", [(1024, 1024), (2, 12_000), (70_000, 3), (1, 60_000)])
def test_cuda_targets_of_large_maps(size):
    centers = torch.tensor([[[size[1] - 2.0, size[0] - 1.0]]], device="cuda")
    drawn = gaussian_targets(centers, size, 20.0, background=True, backend="cuda")
    expected = gaussian_targets_reference(centers, size, 20.0, background=True)
    torch.testing.assert_close(drawn, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_cuda_decoding_of_a_large_batch(size, layout, dtype):
    _, maps = scene(size)
    maps = maps.to(dtype).contiguous(memory_format=layout)
    joints, scores = decode(maps, "log_parabola", backend="cuda")
    expected, best = decode_reference(maps, "log_parabola")
    assert torch.equal(scores, best)
    torch.testing.assert_close(joints, expected, rtol=0, atol=1e-4)  # logf differs in its last bits
    order = [*range(1, JOINTS), 0]
    joints, _ = merge_flip_decode(maps, maps.flip(-1), order, shift=True, method="argmax", backend="cuda")
    expected, _ = merge_flip_decode_reference(maps, maps.flip(-1), order, shift=True, method="argmax")
    assert torch.equal(joints, expected)


def test_cuda_decoding_of_few_large_maps():
    _, maps = scene((368, 368), people=1, joints=14)
    joints, _ = decode(maps, "dark", backend="cuda")
    torch.testing.assert_close(joints, decode_reference(maps, "dark")[0], rtol=0, atol=1e-3)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("source", ["gaussian", "tensor"])
def test_cuda_loss_of_a_large_batch_is_right_and_the_same_twice(size, source):
    centers, maps = scene(size)
    weights = torch.rand(PEOPLE, JOINTS, device="cuda")
    targets = GaussianTargets(centers, torch.ones_like(weights), size, 2.0)
    full = targets.draw(backend="torch")
    stages = (maps + torch.rand(4, 1, 1, 1, 1, device="cuda")).requires_grad_()
    runs = []
    for _ in range(2):
        losses = stage_loss(stages, targets if source == "gaussian" else full, weights, backend="cuda")
        runs.append((losses.detach(), *torch.autograd.grad(losses.sum(), stages)))
    assert torch.equal(runs[0][0], runs[1][0])
    assert torch.equal(runs[0][1], runs[1][1])
    expected = stage_loss_reference(stages, full, weights)
    torch.testing.assert_close(runs[0][0], expected.detach(), rtol=1e-5, atol=0)
    (gradient,) = torch.autograd.grad(expected.sum(), stages)
    torch.testing.assert_close(runs[0][1], gradient, rtol=1e-5, atol=1e-12)


def test_cuda_loss_with_more_than_48_kib_of_shared_memory():
    joints, size = 40, (200, 160)  # the factors of 40 joints: 57,600 bytes
    centers, _ = scene(size, people=2, joints=joints)
    targets = GaussianTargets(centers, torch.ones(2, joints, device="cuda"), size, 2.0, background=True)
    stages = torch.rand(2, 2, joints + 1, *size, device="cuda")
    losses = stage_loss(stages, targets, backend="cuda")
    torch.testing.assert_close(
        losses, stage_loss_reference(stages, targets.draw(backend="torch")), rtol=1e-5, atol=0
    )


def test_cuda_shared_memory_that_no_device_has_is_refused():
    joints, size = 300, (400, 400)
    centers, _ = scene((8, 8), people=1, joints=joints)
    targets = GaussianTargets(centers, torch.ones(1, joints, device="cuda"), size, 2.0, background=True)
    with pytest.raises(Exception, match="shared memory"):
        stage_loss(torch.rand(1, 1, joints + 1, *size, device="cuda"), targets, backend="cuda")
    torch.cuda.synchronize()
    assert torch.ones(2, device="cuda").sum().item() == 2, "the refusal must leave the device usable"


def test_cuda_ops_run_on_the_current_stream():
    """Work queued behind a long copy on another stream: an op on the wrong stream would read old numbers."""
    size = (64, 48)
    centers, maps = scene(size)
    expected, _ = decode_reference(maps, "argmax")
    side = torch.cuda.Stream()
    changing, busy = torch.zeros_like(maps), torch.empty(2, 2**28, device="cuda")
    torch.cuda.synchronize()
    with torch.cuda.stream(side):
        for _ in range(5):
            busy[0].copy_(busy[1])
        changing.copy_(maps)
        joints, _ = decode(changing, "argmax", backend="cuda")
        drawn = gaussian_targets(centers, size, 2.0, backend="cuda")
        total = drawn.sum()
    side.synchronize()
    assert torch.equal(joints, expected)
    assert math.isclose(
        total.item(), gaussian_targets_reference(centers, size, 2.0).sum().item(), rel_tol=1e-4
    )


def test_cuda_graph_of_targets_and_decoding():
    """Nothing waits for the device or allocates behind torch's back, so a CUDA graph can hold the ops."""
    centers, maps = scene((46, 46), people=8)
    drawn = torch.empty_like(maps)
    weights = torch.ones(8, JOINTS, device="cuda")
    for _ in range(2):  # warm up: modules are loaded outside the capture
        torch.ops.cpm_edu.gaussian_targets_out(centers, weights, 2.0, math.inf, False, drawn)
        torch.ops.cpm_edu.decode(drawn, 0, torch.zeros(0, device="cuda"))
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        torch.ops.cpm_edu.gaussian_targets_out(centers, weights, 2.0, math.inf, False, drawn)
        joints, _ = torch.ops.cpm_edu.decode(drawn, 0, torch.zeros(0, device="cuda"))
    centers += 1.0
    graph.replay()
    expected, _ = decode_reference(gaussian_targets_reference(centers, (46, 46), 2.0), "argmax")
    assert torch.equal(joints, expected)
