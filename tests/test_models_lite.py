"""The lite CPM: shapes, size, where the center map enters, and a grid that a mirror leaves in place."""

import pytest
import torch

from cpm_edu.models import CPM
from cpm_edu.skeletons import COCO, LSP, SKELETONS, Skeleton

PAIR = Skeleton(name="pair", joints=("left_hand", "right_hand"))


def small(skeleton=PAIR, **options):
    """A seeded, narrow model in evaluation mode; its residual blocks are not the identity."""
    torch.manual_seed(0)
    narrow = dict(num_stages=3, input_size=(64, 48), features=16, width=16, image_features=8, kernel=3)
    model = CPM.lite(skeleton, **(narrow | options)).eval()
    for name, parameter in model.named_parameters():
        if parameter.ndim == 1:
            torch.nn.init.normal_(parameter, 1.0 if name.endswith("weight") else 0.0, 0.1)
    return model


def inputs(people=2, size=(64, 48), seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(people, 3, *size, generator=generator), torch.rand(
        people, 1, *size, generator=generator
    )


# ---- by hand


def conv(kernel, inputs, outputs):
    """Parameters of a convolution without bias and its batch norm."""
    return kernel * kernel * inputs * outputs + 2 * outputs


def test_parameter_count_of_the_default_by_hand():
    maps = 14 + 1
    trunk = (
        conv(4, 3, 32)
        + conv(4, 32, 48)
        + 2 * 2 * conv(3, 48, 48)
        + conv(4, 48, 112)
        + 3 * 2 * conv(3, 112, 112)
    )
    assert trunk == 874_560
    stage1 = conv(1, 112, 112) + (112 + 1) * maps
    assert stage1 == 14_463
    tap = conv(1, 112, 32)
    refinement = conv(7, 32 + maps + 1, 48) + 2 * conv(7, 48, 48) + conv(1, 48, 128) + (128 + 1) * maps
    assert (tap, refinement) == (3_648, 347_311)
    total = trunk + stage1 + 3 * (tap + refinement)
    assert total == 1_941_900
    assert sum(p.numel() for p in CPM.lite(LSP).parameters()) == total


def test_preprocess_by_hand():
    images = torch.tensor([0.0, 114.75, 255.0])[None, :, None, None].expand(1, 3, 8, 8)
    expected = [-114.75 / 63.75, 0.0, 140.25 / 63.75]
    assert small().preprocess(images)[0, :, 3, 3].tolist() == pytest.approx(expected)
    assert small().preprocess(images.byte()).dtype == torch.float32


@pytest.mark.parametrize(("people", "size"), [(0, (64, 48)), (2, (64, 48)), (1, (8, 8)), (1, (24, 136))])
def test_shapes(people, size):
    beliefs = small()(*inputs(people, size))
    assert beliefs.shape == (3, people, 3, size[0] // 8, size[1] // 8)
    assert beliefs.dtype == torch.float32


@pytest.mark.parametrize("name", SKELETONS)
def test_attributes(name):
    model = CPM.lite(SKELETONS[name], num_stages=2)
    assert (model.kind, model.stride, model.convention, model.flip_shift) == ("lite", 8, "center", False)
    assert model.has_background
    assert model.uses_center_map
    assert model.num_maps == SKELETONS[name].num_joints + 1
    assert model.input_size == (160, 160)


def test_joint_maps_leave_the_background_out():
    model = small()
    beliefs = model(*inputs())
    assert torch.equal(model.joint_maps(beliefs), beliefs[:, :, :2])


# ---- where the center map enters


def test_center_map_reaches_every_stage_but_the_first():
    model = small(num_stages=4)
    images, centers = inputs()
    centers.requires_grad_()
    for stage, beliefs in enumerate(model(images, centers)):
        (gradient,) = torch.autograd.grad(beliefs.sum(), centers, retain_graph=True, allow_unused=True)
        reached = gradient is not None and bool(gradient.any())
        assert reached == (stage > 0), f"stage {stage + 1}"


def test_center_map_enters_each_stage_by_itself():
    """Not only through the beliefs before it: with those cut off, the center map still matters."""
    model = small(num_stages=3)
    images, centers = inputs()
    for name, beliefs in model.belief_slices().items():
        model.get_parameter(name).data[:, beliefs] = 0
    with torch.no_grad():
        difference = (model(images, centers) - model(images, centers.flip(-1))).abs().amax((1, 2, 3, 4))
    assert difference[0] == 0
    assert difference[1] > 0
    assert difference[2] > 0


def test_belief_slices_are_where_the_previous_beliefs_enter():
    model = small(num_stages=3)
    images, centers = inputs()
    for name, beliefs in model.belief_slices().items():
        model.get_parameter(name).data[:, beliefs] = 0
    first = model(images, centers)[1:]
    model.stage1[1].bias.data += 1.0
    assert torch.equal(model(images, centers)[1:], first), "stage 1 no longer reaches the others"


# ---- the grid


def test_cell_is_centred_at_8c_plus_3_and_a_half():
    """With all weights positive and no ReLU in the way, the gradient's footprint is the receptive field."""
    model = small(num_stages=1, input_size=(320, 320))
    for parameter in model.parameters():
        parameter.data.abs_()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.fill_(-1.0)
    images = torch.rand(1, 3, 320, 320, requires_grad=True)
    beliefs = model(images, torch.zeros(1, 1, 320, 320))
    for row, column in ((19, 20), (21, 17)):
        (gradient,) = torch.autograd.grad(beliefs[0, 0, 0, row, column], images, retain_graph=True)
        touched = gradient[0].sum(0) > 0
        x, y = touched.any(0).nonzero().flatten(), touched.any(1).nonzero().flatten()
        assert (x[0] + x[-1]).item() / 2 == 8 * column + 3.5
        assert (y[0] + y[-1]).item() / 2 == 8 * row + 3.5
        assert x[0] > 0
        assert x[-1] < 319, "the footprint was cut at the border"


@pytest.mark.parametrize("size", [(64, 48), (40, 72)])
def test_mirrored_image_gives_mirrored_maps(size):
    """With kernels that are their own mirror image, nothing but the layout of the grid could break it."""
    model = small(num_stages=3, kernel=5).double()
    for parameter in model.parameters():
        if parameter.ndim == 4:
            parameter.data = (parameter.data + parameter.data.flip(-1)) / 2
    images, centers = (t.double() for t in inputs(size=size))
    mirrored = model(images.flip(-1), centers.flip(-1))
    torch.testing.assert_close(mirrored, model(images, centers).flip(-1), rtol=0, atol=1e-10)


def test_residual_blocks_begin_as_the_identity():
    from cpm_edu.models.lite import Residual

    block, x = Residual(4).train(), torch.rand(2, 4, 5, 5)
    assert torch.equal(block(x), x)


# ---- config and errors


@pytest.mark.parametrize(
    "options", [{}, {"kernel": 5, "width": 8, "image_features": 4, "input_size": [96, 64]}]
)
def test_config_rebuilds_the_model(options):
    model = small(COCO, **options)
    again = CPM.lite(COCO, **model.config())
    assert again.config() == model.config()
    assert again.input_size == model.input_size
    assert isinstance(again.input_size, tuple)
    shapes = [[(n, p.shape) for n, p in m.state_dict().items()] for m in (again, model)]
    assert shapes[0] == shapes[1]


def test_output_parameters_are_those_with_a_map_per_output():
    model = small()
    assert sorted(model.output_parameters()) == sorted(
        n for n, p in model.named_parameters() if p.shape[0] == model.num_maps
    )


@pytest.mark.parametrize("size", [(63, 48), (64, 44), (1, 1), (17, 33)])
def test_sizes_that_are_no_multiple_of_eight(size):
    with pytest.raises(ValueError, match=f"multiples of 8, not {size[0]} x {size[1]}"):
        small()(*inputs(1, size))


def test_missing_center_map():
    with pytest.raises(ValueError, match=r"a lite CPM needs center maps \(2, 1, 64, 48\): cpm_edu\.targets"):
        small()(inputs()[0])


def test_other_shapes():
    images, centers = inputs()
    with pytest.raises(ValueError, match=r"center maps must be \(2, 1, 64, 48\), not \(2, 1, 8, 6\)"):
        small()(images, centers[..., ::8, ::8])
    with pytest.raises(ValueError, match=r"images must be \(N, 3, H_in, W_in\), not \(2, 1, 64, 48\)"):
        small()(centers, centers)
    with pytest.raises(ValueError, match="at least one stage, not 0"):
        small(num_stages=0)


# ---- gradients


def test_every_parameter_learns():
    model = small().train()
    model(*inputs()).square().sum().backward()
    idle = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == []
