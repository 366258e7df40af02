"""Stage loss: both normalizations by hand, masks, shapes, errors, gradients."""

import numpy as np
import pytest
import torch
from conftest import compiled_backends_only

from cpm_edu import losses
from cpm_edu.targets import GaussianTargets

SIZES = [(1, 1), (17, 33), (46, 46)]


@pytest.fixture(scope="module")
def stage_loss(backend, device):
    """`losses.stage_loss` by this backend; tensors are moved to its device, the loss back."""

    def run(beliefs, targets, weights=None, **options):
        weights = None if weights is None else weights.to(device)
        moved = (beliefs.to(device), targets.to(device), weights)
        return losses.stage_loss(*moved, backend=backend, **options).cpu()

    return run


@pytest.fixture(scope="module")
def exact(backend):
    """Type and relative tolerance to compare sums in: plain torch is checked in float64."""
    return (torch.float64, 1e-12) if backend == "torch" else (torch.float32, 2e-6)


def random_case(*, stages=3, people=2, maps=4, size=(17, 33), dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    beliefs = torch.randn(stages, people, maps, *size, generator=generator, dtype=dtype)
    targets = torch.rand(stages, people, maps, *size, generator=generator, dtype=dtype)
    weights = torch.rand(stages, people, maps, generator=generator, dtype=dtype)
    return beliefs, targets, weights


# ---- by hand


def test_mean_by_hand(stage_loss):
    beliefs = torch.tensor([1.0, 2.0, 3.0, 4.0]).view(1, 1, 2, 1, 2)  # one stage, one person, 2 maps of 1 x 2
    targets = torch.zeros(1, 2, 1, 2)
    assert stage_loss(beliefs, targets).tolist() == [(1 + 4 + 9 + 16) / 4]
    weights = torch.tensor([[1.0, 0.0]])
    assert stage_loss(beliefs, targets, weights).tolist() == [(1 + 4) / 4], (
        "masked maps stay in the denominator"
    )
    weights = torch.tensor([[0.5, 2.0]])
    assert stage_loss(beliefs, targets, weights).tolist() == [(0.5 * 5 + 2 * 25) / 4], (
        "weights are not squared"
    )


def test_euclidean_by_hand(stage_loss):
    beliefs = torch.tensor([1.0, 2.0, 3.0, 4.0]).view(1, 2, 1, 1, 2)  # two people
    targets = torch.ones(2, 1, 1, 2)
    assert stage_loss(beliefs, targets, normalization="euclidean").tolist() == [(0 + 1 + 4 + 9) / (2 * 2)]


def test_every_stage_has_its_own_number(stage_loss):
    beliefs = torch.tensor([1.0, 2.0, 3.0]).view(3, 1, 1, 1, 1)
    assert stage_loss(beliefs, torch.zeros(1, 1, 1, 1)).tolist() == [1.0, 4.0, 9.0]
    targets = torch.tensor([1.0, 0.0, 1.0]).view(3, 1, 1, 1, 1)
    assert stage_loss(beliefs, targets).tolist() == [0.0, 4.0, 4.0]
    weights = torch.tensor([1.0, 0.5, 0.0]).view(3, 1, 1)
    assert stage_loss(beliefs, targets, weights).tolist() == [0.0, 2.0, 0.0]


# ---- agreement with the plain formula


@pytest.mark.parametrize("size", SIZES)
def test_against_numpy(stage_loss, exact, size):
    dtype, tolerance = exact
    beliefs, targets, weights = random_case(size=size, dtype=dtype)
    square = weights.double().numpy()[..., None, None] * (beliefs - targets).double().numpy() ** 2
    np.testing.assert_allclose(
        stage_loss(beliefs, targets, weights), square.mean((1, 2, 3, 4)), rtol=tolerance
    )
    np.testing.assert_allclose(
        stage_loss(beliefs, targets, weights, normalization="euclidean"),
        square.sum((1, 2, 3, 4)) / 4,
        rtol=tolerance,
    )


@pytest.mark.parametrize("normalization", ["mean", "euclidean"])
def test_shared_targets_and_weights_equal_repeated_ones(stage_loss, normalization):
    beliefs, targets, weights = random_case()
    shared = stage_loss(beliefs, targets[0], weights[0], normalization=normalization)
    repeated = stage_loss(
        beliefs, targets[:1].expand_as(targets), weights[:1].expand_as(weights), normalization=normalization
    )
    assert torch.equal(shared, repeated)
    ones = stage_loss(beliefs, targets, torch.ones_like(weights), normalization=normalization)
    assert torch.equal(stage_loss(beliefs, targets, normalization=normalization), ones)


def test_order_of_people_and_maps_does_not_matter(stage_loss, exact):
    dtype, tolerance = exact
    beliefs, targets, weights = random_case(people=3, dtype=dtype)
    people, maps = torch.tensor([2, 0, 1]), torch.tensor([3, 1, 0, 2])
    permuted = stage_loss(*(t[:, people][:, :, maps] for t in (beliefs, targets, weights)))
    torch.testing.assert_close(permuted, stage_loss(beliefs, targets, weights), rtol=tolerance, atol=0)


def gaussian_case(size, patch_sigmas, background, device):
    """Three people of four joints, some off the map, one not drawn and without a place."""
    centers = torch.rand(3, 4, 2, generator=torch.Generator().manual_seed(0)) * 40 - 4
    drawn = torch.ones(3, 4)
    centers[1, 2], drawn[1, 2] = torch.nan, 0.0
    return GaussianTargets(centers.to(device), drawn.to(device), size, 1.7, patch_sigmas, background)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("patch_sigmas", [None, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gaussians_need_not_be_drawn(backend, device, dtype, patch_sigmas, background, size):
    gaussians = gaussian_case(size, patch_sigmas, background, device)
    beliefs = torch.randn(2, *gaussians.shape, generator=torch.Generator().manual_seed(1))
    beliefs, weights = beliefs.to(device, dtype), torch.rand(gaussians.shape[:2]).to(device)
    found = losses.stage_loss(beliefs, gaussians, weights, backend=backend)
    assert found.dtype == torch.float32
    expected = losses.stage_loss_reference(beliefs, gaussians.draw(backend="torch"), weights)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=0)


# ---- edges


@pytest.mark.parametrize("normalization", ["mean", "euclidean"])
@pytest.mark.parametrize(("people", "maps"), [(0, 3), (2, 0)])
def test_empty_is_zero_not_nan(stage_loss, normalization, people, maps):
    beliefs, targets, weights = random_case(people=people, maps=maps)
    assert stage_loss(beliefs, targets, weights, normalization=normalization).tolist() == [0.0, 0.0, 0.0]


def test_non_contiguous(stage_loss):
    beliefs, targets, weights = random_case(size=(6, 8))
    expected = stage_loss(beliefs, targets, weights)
    moved = [t.movedim(-3, -1).contiguous().movedim(-1, -3) for t in (beliefs, targets)]
    assert not moved[0].is_contiguous()
    # another order of sums
    torch.testing.assert_close(stage_loss(*moved, weights), expected, rtol=1e-6, atol=0)


# ---- errors


@pytest.mark.parametrize(
    ("beliefs", "targets", "weights", "message"),
    [
        ((2, 3, 4, 5), (2, 3, 4, 5), None, r"belief maps must be \(T, N, C, H, W\), not \(2, 3, 4, 5\)"),
        ((1, 2, 3, 4, 5), (2, 3, 5, 4), None, r"targets \(2, 3, 5, 4\) do not fit"),
        ((1, 2, 3, 4, 5), (2, 1, 4, 5), None, r"targets \(2, 1, 4, 5\) do not fit"),
        ((1, 2, 3, 4, 5), (2, 3, 4, 5), (3, 2), r"weights \(3, 2\) do not fit"),
        ((1, 2, 3, 4, 5), (2, 3, 4, 5), (2, 3, 1, 1), r"weights \(2, 3, 1, 1\) do not fit"),
    ],
)
def test_shapes_that_do_not_fit(stage_loss, beliefs, targets, weights, message):
    weights = None if weights is None else torch.ones(weights)
    with pytest.raises(ValueError, match=message):
        stage_loss(torch.zeros(beliefs), torch.zeros(targets), weights)


def test_unknown_normalization(stage_loss):
    with pytest.raises(ValueError, match='"mean" or "euclidean", not \'sum\''):
        stage_loss(torch.zeros(1, 1, 1, 1, 1), torch.zeros(1, 1, 1, 1), normalization="sum")


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("belief_maps", [torch.zeros(1, 1, 1, 1)]),
        ("targets", None),
        ("targets", np.zeros((1, 1, 1, 1))),
        ("belief_maps", np.zeros((1, 1, 1, 1, 1))),
        ("weights", np.zeros((1, 1))),
        ("weights", 1.0),
    ],
)
def test_what_is_no_tensor_is_named(backend, name, wrong):
    given = {"belief_maps": torch.zeros(1, 1, 1, 1, 1), "targets": torch.zeros(1, 1, 1, 1), name: wrong}
    with pytest.raises(TypeError, match=f"{name} must be a torch.Tensor.*, not {type(wrong).__name__}"):
        losses.stage_loss(**given, backend=backend)
    with pytest.raises(TypeError, match=f"{name} must be a torch.Tensor"):
        losses.stage_loss_reference(**given)


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int32, torch.int64])
def test_weights_may_be_bools_and_whole_numbers(stage_loss, dtype):
    beliefs, targets, _ = random_case()
    weights = torch.tensor([[1, 0, 1, 1], [0, 1, 0, 1]])
    found = stage_loss(beliefs, targets, weights.to(dtype))
    assert torch.equal(found, stage_loss(beliefs, targets, weights.float()))


@compiled_backends_only
def test_a_type_that_is_refused_is_named(backend, device):
    maps, targets, weights = (t.to(device) for t in random_case())
    for name, given in (
        ("float64 belief_maps", (maps.double(), targets, weights)),
        ("int64 targets", (maps, targets.long(), weights)),
        ("float16 weights", (maps, targets, weights.half())),
    ):
        with pytest.raises(ValueError, match=f"takes float32 and bfloat16, not {name}; "):
            losses.stage_loss(*given, backend=backend)


# ---- gradients


@pytest.mark.parametrize("normalization", ["mean", "euclidean"])
def test_gradients_of_all_three_in_plain_torch(normalization):
    beliefs, targets, weights = random_case(stages=2, maps=2, size=(2, 3), dtype=torch.float64)
    leaves = [t.requires_grad_() for t in (beliefs, targets, weights)]
    assert torch.autograd.gradcheck(lambda *a: losses.stage_loss(*a, normalization=normalization), leaves)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("normalization", ["mean", "euclidean"])
def test_gradient_to_the_maps_is_that_of_plain_torch(stage_loss, normalization, dtype, size):
    beliefs, targets, weights = random_case(size=size)
    factors = torch.tensor([1.0, 0.0, -2.5])
    grads = []
    for function in (stage_loss, losses.stage_loss_reference):
        leaf = beliefs.to(dtype).requires_grad_()
        (function(leaf, targets[0], weights, normalization=normalization) * factors).sum().backward()
        grads.append(leaf.grad)
    assert grads[0].dtype == dtype
    if dtype == torch.bfloat16:
        differ = (grads[0] != grads[1])[
            0
        ]  # factor 1: rounded once, so that only a last bit may differ, rarely
        assert differ.sum() <= 2 + differ.numel() // 100
    # rounded to 8 bits twice: once as a gradient, once after the factor
    torch.testing.assert_close(*grads, rtol=1e-5 if dtype == torch.float32 else 2**-7, atol=0)


@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("patch_sigmas", [None, 3])
def test_gradient_against_gaussians(backend, device, patch_sigmas, background):
    gaussians = gaussian_case((17, 33), patch_sigmas, background, device)
    beliefs = torch.randn(3, *gaussians.shape, generator=torch.Generator().manual_seed(1)).to(device)
    grads = []
    for targets in (gaussians, gaussians.draw(backend="torch")):
        leaf = beliefs.clone().requires_grad_()
        losses.stage_loss(leaf, targets, backend=backend).sum().backward()
        grads.append(leaf.grad)
    torch.testing.assert_close(*grads, rtol=1e-5, atol=1e-6 / beliefs[0].numel())


def test_gradient_by_hand(stage_loss):
    beliefs = torch.tensor([3.0, 5.0]).view(1, 1, 2, 1, 1).requires_grad_()
    weights = torch.tensor([[1.0, 0.0]])
    stage_loss(beliefs, torch.ones(1, 2, 1, 1), weights).sum().backward()
    assert beliefs.grad.flatten().tolist() == [2 * (3 - 1) / 2, 0.0], "a masked map learns nothing"
    beliefs.grad = None
    stage_loss(beliefs, torch.ones(1, 2, 1, 1), weights, normalization="euclidean").sum().backward()
    assert beliefs.grad.flatten().tolist() == [3.0 - 1.0, 0.0], "Caffe's half cancels the exponent"


def test_inside_torch_func_auto_is_plain_torch_and_a_named_backend_refuses(backend, device):
    maps, targets, weights = (t.to(device) for t in random_case(size=(3, 4)))

    def total(leaf, backend):
        return losses.stage_loss(leaf, targets, weights, backend=backend).sum()

    expected = torch.func.grad(total)(maps, "torch")
    assert torch.equal(torch.func.grad(total)(maps, "auto"), expected)
    if backend != "torch":
        with pytest.raises(ValueError, match=f'"{backend}" gives no gradient to torch.func transforms; '):
            torch.func.grad(total)(maps, backend)
