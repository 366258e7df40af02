"""The ops as torch sees them: schemas, fakes, gradients, torch.compile, threads and tiny numbers."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from conftest import compiled_backends_only
from op_arguments import INF, NAMES, arguments, every_op, op, random

from cpm_edu.decoding import METHODS, decode, merge_flip_decode
from cpm_edu.kernels import libraries, ops
from cpm_edu.losses import stage_loss, stage_loss_reference
from cpm_edu.targets import GaussianTargets, gaussian_targets


def results(value) -> list[torch.Tensor]:
    return [] if value is None else [value] if isinstance(value, torch.Tensor) else list(value)


# ---- by hand


@compiled_backends_only
def test_scale_stages_by_hand(backend, device):
    for dtype in (torch.float32, torch.bfloat16):
        maps = torch.tensor([[1.0, 2.0], [3.0, math.nan], [5.0, INF]], device=device, dtype=dtype)
        op.scale_stages_(maps, torch.tensor([1.0, 2.0, 0.5], device=device))
        assert maps[0].tolist() == [1.0, 2.0]
        assert maps[1, 0] == 6.0
        assert maps[1, 1].isnan()
        assert maps[2].tolist() == [2.5, INF]


# ---- what torch demands of an op


@every_op
@compiled_backends_only
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.filterwarnings("ignore:.torch.jit.script_method. is deprecated:DeprecationWarning")
def test_opcheck(backend, device, name, dtype):
    given = list(arguments(device, dtype)[name])
    if "loss" in name:
        given[0].requires_grad_()
    done = torch.library.opcheck(getattr(op, name), tuple(given))
    assert set(done.values()) == {"SUCCESS"}


def test_every_op_is_checked():
    assert sorted(schema.partition("(")[0] for schema in ops.SCHEMAS) == sorted(NAMES)


@every_op
@compiled_backends_only
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_fake_results_look_like_real_ones(backend, device, name, dtype):
    given = arguments(device, dtype)[name]
    real = results(getattr(op, name)(*given))
    with torch._subclasses.FakeTensorMode(allow_non_fake_inputs=True) as mode:
        pretended = [mode.from_tensor(a) if isinstance(a, torch.Tensor) else a for a in given]
        fake = results(getattr(op, name)(*pretended))
    assert len(real) == len(fake)
    for r, f in zip(real, fake, strict=True):
        assert (r.shape, r.dtype, r.device, r.stride()) == (f.shape, f.dtype, f.device, f.stride())


# ---- gradients


def loss_case(device, dtype=torch.float32):
    maps = random(3, 2, 4, 17, 33).to(device, dtype).requires_grad_()
    gaussians = GaussianTargets(
        (40 * random(2, 4, 2)).to(device), torch.ones(2, 4, device=device), (17, 33), 1.5
    )
    return maps, gaussians, random(2, 4, seed=1).to(device)


@compiled_backends_only
@pytest.mark.parametrize("described", [False, True])
@pytest.mark.parametrize("factors", [[1.0, 1.0, 1.0], [2.0, 0.0, -1.0]])
def test_a_graph_may_be_walked_twice(backend, device, factors, described):
    maps, gaussians, weights = loss_case(device)
    targets = gaussians if described else gaussians.draw(backend="torch")
    factors = torch.tensor(factors, device=device)
    expected = torch.autograd.grad((stage_loss_reference(maps, targets, weights) * factors).sum(), maps)[0]
    total = (stage_loss(maps, targets, weights, backend=backend) * factors).sum()
    first = torch.autograd.grad(total, maps, retain_graph=True)[0]
    torch.testing.assert_close(first, expected, rtol=1e-5, atol=1e-9)
    first.fill_(7.0)  # it is the caller's
    second = torch.autograd.grad(total, maps)[0]
    torch.testing.assert_close(second, expected, rtol=1e-5, atol=1e-9)


@compiled_backends_only
@pytest.mark.parametrize("described", [False, True])
def test_second_derivatives(backend, device, described):
    maps, gaussians, weights = loss_case(device)
    targets = gaussians if described else gaussians.draw(backend="torch")
    seconds = []
    for loss in (
        stage_loss(maps, targets, weights, backend=backend),
        stage_loss_reference(maps, targets, weights),
    ):
        (gradient,) = torch.autograd.grad((loss**2).sum(), maps, create_graph=True)
        seconds.append(torch.autograd.grad(gradient.square().sum(), maps)[0])
    torch.testing.assert_close(*seconds, rtol=1e-4, atol=1e-12)


@compiled_backends_only
def test_gradient_is_made_only_where_one_is_wanted(backend, device, monkeypatch):
    maps, gaussians, weights = loss_case(device)
    wanted = []
    call = ops.call
    monkeypatch.setattr(ops, "call", lambda name, *given: wanted.append(given[-1]) or call(name, *given))
    for targets in (gaussians, gaussians.draw(backend="torch")):
        stage_loss(maps, targets, weights, backend=backend)
        stage_loss(maps.detach(), targets, weights, backend=backend)
        with torch.no_grad():
            assert not stage_loss(maps, targets, weights, backend=backend).requires_grad
    assert [w for w in wanted if isinstance(w, bool)] == [True, False, False] * 2


@compiled_backends_only
def test_maps_changed_behind_the_graph_are_noticed(backend, device):
    maps, gaussians, weights = loss_case(device)
    leaf = maps.detach().requires_grad_()
    middle = leaf * 1
    total = stage_loss(middle, gaussians, weights, backend=backend).sum()
    with torch.no_grad():
        middle.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        total.backward()


@compiled_backends_only
def test_named_backends_refuse_gradients_that_they_lack(backend, device):
    maps, gaussians, weights = loss_case(device)
    drawn = gaussians.draw(backend="torch")
    with pytest.raises(ValueError, match="gives no gradient to weights"):
        stage_loss(maps, drawn, weights.requires_grad_(), backend=backend)
    with pytest.raises(ValueError, match="gives no gradient to targets"):
        stage_loss(maps, drawn.requires_grad_(), backend=backend)
    stage_loss(maps, drawn, weights, backend="auto").sum().backward()
    assert drawn.grad is not None
    assert weights.grad is not None


# ---- torch.compile


def everything(maps, points, weights, out, backend):
    """One function through all public entries."""
    drawn = gaussian_targets(points, (17, 33), 1.5, weights=weights, patch_sigmas=3, backend=backend)
    gaussian_targets(points, (17, 33), 1.5, background=True, out=out, backend=backend)
    described = GaussianTargets(points, weights, (17, 33), 1.5)
    losses = stage_loss(maps, drawn, weights, backend=backend) + stage_loss(maps, described, backend=backend)
    joints = [decode(maps[0], method, backend=backend)[0] for method in METHODS]
    joints.append(merge_flip_decode(maps[0], maps[1], (1, 0, 2, 3), shift=True, backend=backend)[0])
    return losses, torch.stack(joints), out + 0


@compiled_backends_only
@pytest.mark.filterwarnings("ignore:.torch.jit.script_method. is deprecated:DeprecationWarning")
@pytest.mark.parametrize("compiler", ["aot_eager", pytest.param("inductor", marks=pytest.mark.slow)])
def test_torch_compile_of_everything_without_a_graph_break(backend, device, compiler):
    torch._dynamo.reset()
    compiled = torch.compile(everything, fullgraph=True, backend=compiler)
    for seed in (0, 1):
        maps = random(3, 2, 4, 17, 33, seed=seed).to(device)
        points, weights = 30 * random(2, 4, 2, seed=seed).to(device), torch.ones(2, 4, device=device)
        found, expected = [], []
        for function, results in ((compiled, found), (everything, expected)):
            leaf = maps.clone().requires_grad_()
            values = function(leaf, points, weights, torch.zeros(2, 5, 17, 33, device=device), backend)
            values[0].sum().backward()
            results += [*(v.detach() for v in values), leaf.grad]
        for a, b in zip(found, expected, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-9)


@compiled_backends_only
def test_a_library_may_be_loaded_while_torch_compile_traces(backend, device, monkeypatch):
    for name in ("_loaded", "_failed", "loading_seconds"):
        monkeypatch.setattr(libraries, name, {})
    torch._dynamo.reset()
    compiled = torch.compile(lambda maps: decode(maps)[0] + 1, fullgraph=True, backend="aot_eager")
    assert compiled(torch.zeros(1, 1, 3, 3, device=device)).tolist() == [[[1.0, 1.0]]]
    assert backend in libraries.loading_seconds


# ---- the same numbers whatever the threads


@compiled_backends_only
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_results_do_not_depend_on_threads_or_run(backend, device, dtype):
    maps = random(2, 13, 5, 46, 46).to(device, dtype)
    points, weights = (50 * random(13, 5, 2)).to(device), random(13, 5).to(device)
    described = GaussianTargets(points, weights, (46, 46), 2.0)

    def run():
        leaf = maps.clone().requires_grad_()
        losses = stage_loss(leaf, described, weights, backend=backend)
        shared = stage_loss(leaf, maps[0].float(), weights, backend=backend)
        (losses.sum() + 3 * shared.sum()).backward()
        decoded = [t for m in METHODS for t in decode(maps[0], m, backend=backend)]
        drawn = gaussian_targets(points, (46, 46), 2.0, background=True, dtype=dtype, backend=backend)
        return [losses.detach(), shared.detach(), leaf.grad, drawn, *decoded]

    threads = torch.get_num_threads()
    try:
        expected = run()
        for count in (1, 2, 5, 1):
            torch.set_num_threads(count)
            for a, b in zip(run(), expected, strict=True):
                assert torch.equal(a, b), f"{count} threads"
    finally:
        torch.set_num_threads(threads)


@compiled_backends_only
def test_many_python_threads_at_once(backend, device):
    cases = [random(3, 5, 17, 33, seed=seed).to(device) for seed in range(8)]
    expected = [decode(maps, "dark", backend=backend) for maps in cases]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda maps: decode(maps, "dark", backend=backend), cases * 5))
    for i, (joints, _) in enumerate(found):
        assert torch.equal(joints, expected[i % 8][0])


@compiled_backends_only
def test_subnormal_numbers_survive(backend, device):
    """-ffast-math would flush them to zero in the whole process, torch's own functions included."""
    run_all = arguments(device)
    for name in NAMES:
        getattr(op, name)(*run_all[name])
    tiny = torch.full((1 << 20,), 1e-40)
    assert (tiny * 1).ne(0).all(), "in this thread or in torch's worker threads"
    with ThreadPoolExecutor(2) as pool:
        assert all(pool.map(lambda _: (torch.tensor(1e-40) * 1).item() > 0, range(8)))
    maps = torch.full((1, 1, 5, 5), 1e-42, device=device)
    maps[..., 2, 3] = 2e-42
    joints, scores = decode(maps, backend=backend)
    assert joints[0, 0, :1].tolist() == [3.0]
    assert scores.item() == maps.max().item() > 0
