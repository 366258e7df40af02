"""The paper's network: sizes, wiring, receptive field, learning-rate rule."""

from __future__ import annotations

import pytest
import torch

from cpm_edu.models import CPM
from cpm_edu.receptive_field import layers_of, paper_paths, receptive_field
from cpm_edu.skeletons import COCO, LSP, MPII
from cpm_edu.targets import center_map

WIDTH = 4  # one feature channel, 16 where the release has 512


def small(skeleton=LSP, **options) -> CPM:
    torch.manual_seed(0)
    return CPM.paper(skeleton, width=WIDTH, **options).eval()


@torch.no_grad()
def make_positive(model: CPM) -> CPM:
    """Every weight positive, and every layer an average: no ReLU cuts, nothing cancels."""
    for name, parameter in model.named_parameters():
        parameter.fill_(0.0 if name.endswith("bias") else 1 / parameter[0].numel())
    return model.double()


def footprint(model: CPM, size: int, stage: int, cell: int, wrt: str) -> tuple[int, int, int, int]:
    """First and last row and column of the input that send a gradient to one cell of one stage.

    A max-pool passes its gradient to one pixel of its window only. On a ramp that is always the far end, so
    the ramp and its reverse together reach both ends of the field.
    """
    model = model.float()  # the smallest gradient is about 1e-20, and float64 takes ten times as long
    touched = torch.zeros(size, size, dtype=torch.bool)
    slope = torch.linspace(1, 2, size)
    for ramp in (slope, slope.flip(0)):
        image = (ramp[:, None] + ramp[None, :]).expand(1, 3, size, size).clone().requires_grad_()
        center = torch.ones(1, 1, size, size, requires_grad=True)
        model(image, center)[stage - 1, 0, :, cell, cell].sum().backward()
        gradient = image.grad if wrt == "image" else center.grad
        touched |= (gradient[0] != 0).any(0)
    rows, columns = touched.any(1).nonzero()[:, 0], touched.any(0).nonzero()[:, 0]
    return int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])


# ---- by hand -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("skeleton", "count"), [(LSP, 31_219_866), (MPII, 31_377_062), (COCO, 31_455_660)])
def test_parameter_count_of_the_docstring(skeleton, count):
    with torch.device("meta"):
        model = CPM.paper(skeleton)
    maps = skeleton.num_joints + 1
    assert count == 30_040_896 + 78_598 * maps
    assert sum(p.numel() for p in model.parameters()) == count
    for part, expected in ((model.stage1, 4_378_400 + 513 * maps), (model.image_features, 2_685_696)):
        assert sum(p.numel() for p in part.parameters()) == expected
    for i in range(5):
        later = [*model.stage_features[i].parameters(), *model.refinements[i].parameters()]
        assert sum(p.numel() for p in later) == 4_595_360 + 15_617 * maps, f"stage {i + 2}"


def test_preprocess_swaps_to_bgr_and_scales():
    model = small()
    red, green, blue = 0, 128, 255
    image = torch.tensor([red, green, blue], dtype=torch.uint8)[None, :, None, None].expand(2, 3, 5, 7)
    out = model.preprocess(image)
    assert out.shape == (2, 3, 5, 7)
    assert out.dtype == torch.float32
    expected = [255 / 256 - 0.5, 0.0, -0.5]
    assert out[0, :, 0, 0].tolist() == expected, "channels are blue, green, red: value / 256 - 0.5"
    assert torch.equal(model.preprocess(image.float()), out)
    assert model.preprocess(image[:0]).shape == (0, 3, 5, 7)


def test_center_map_is_averaged_over_nine_pixels_in_steps_of_eight():
    pool = small().center_pool
    center = torch.zeros(1, 1, 368, 368)
    center[0, 0, 8, 16] = (
        81.0  # pixel 8 lies in the windows 0..8 and 8..16, pixel 16 in those of columns 1 and 2
    )
    cells = pool(center)[0, 0]
    assert cells.shape == (46, 46)
    assert cells.nonzero().tolist() == [[0, 1], [0, 2], [1, 1], [1, 2]]
    assert cells[0, 1] == 1.0
    # The last window, 360..367, is one short: Caffe divides by the pixels that exist.
    assert torch.equal(pool(torch.ones(1, 1, 368, 368)), torch.ones(1, 1, 46, 46))


def test_layers_of_the_release():
    model = small()
    kernels = [m.kernel_size[0] for m in model.stage1 if isinstance(m, torch.nn.Conv2d)]
    assert kernels == [9, 9, 9, 5, 9, 1, 1]
    pools = [m for m in model.stage1 if isinstance(m, torch.nn.MaxPool2d)]
    assert [(m.kernel_size, m.stride, m.padding, m.ceil_mode) for m in pools] == [(3, 2, 0, True)] * 3
    assert [m.p for m in model.modules() if isinstance(m, torch.nn.Dropout)] == [0.5, 0.5]
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in model.modules())
    for refine in model.refinements:
        convs = [m for m in refine if isinstance(m, torch.nn.Conv2d)]
        assert [c.kernel_size[0] for c in convs] == [11, 11, 11, 1, 1]
        assert [c.out_channels for c in convs] == [4, 4, 4, 4, 15]


def test_initial_weights():
    torch.manual_seed(0)
    model = CPM.paper(LSP, num_stages=2, width=32)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            assert (parameter == 0).all(), name
        elif parameter.numel() > 5000:
            assert abs(parameter.mean()) < 1e-3, name
            assert 0.0095 < parameter.std() < 0.0105, name


# ---- sizes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pool_kernel", [3, 2])
def test_368_px_give_six_stages_of_46_cells(pool_kernel):
    model = small(pool_kernel=pool_kernel)
    with torch.no_grad():
        maps = model(torch.randn(1, 3, 368, 368), torch.rand(1, 1, 368, 368))
    assert maps.shape == (6, 1, 15, 46, 46)
    assert model.joint_maps(maps).shape == (6, 1, 14, 46, 46)
    x = torch.zeros(1, 3, 368, 368)
    sides = []
    for layer in model.stage1:
        x = layer(x)
        if isinstance(layer, torch.nn.MaxPool2d):
            sides.append(x.shape[-1])
    assert sides == [184, 92, 46]


def test_full_width_shapes():
    with torch.device("meta"):
        model = CPM.paper(MPII)
        maps = model(torch.empty(2, 3, 368, 368), torch.empty(2, 1, 368, 368))
    assert maps.shape == (6, 2, 17, 46, 46)
    assert model.refinements[0].conv1.in_channels == 32 + 17 + 1
    assert model.stage1.conv5.out_channels == model.stage1.conv6.out_channels == 512


@pytest.mark.parametrize("pool_kernel", [3, 2])
@pytest.mark.parametrize(("size", "cells"), [((8, 8), (1, 1)), ((17, 33), (2, 4)), ((64, 48), (8, 6))])
def test_other_sizes(size, cells, pool_kernel):
    model = small(num_stages=2, pool_kernel=pool_kernel)
    with torch.no_grad():
        maps = model(torch.randn(2, 3, *size), torch.rand(2, 1, *size))
        alone = model(torch.zeros(0, 3, *size), torch.zeros(0, 1, *size))
    assert maps.shape == (2, 2, 15, *cells)
    assert alone.shape == (2, 0, 15, *cells)


def test_non_contiguous_input_changes_nothing():
    model = small(num_stages=3)
    images = torch.randn(2, 3, 40, 24).transpose(2, 3)
    center = torch.rand(2, 1, 40, 24).transpose(2, 3)
    with torch.no_grad():
        torch.testing.assert_close(model(images, center), model(images.contiguous(), center.contiguous()))


# ---- wiring ------------------------------------------------------------------------------------------


def test_what_each_later_stage_reads_and_in_which_order():
    """[its own image features, the previous stage's beliefs, center]."""
    model = small(num_stages=4)
    with torch.no_grad():
        for name in model.output_parameters():
            model.get_parameter(name).normal_()  # beliefs that differ from stage to stage
    features, maps = WIDTH // 4, 15
    joined = []
    for refine in model.refinements:
        refine.register_forward_pre_hook(lambda _, inputs: joined.append(inputs[0]))
    images, center = torch.rand(1, 3, 64, 64), center_map(torch.tensor([[20.0, 40.0]]), (64, 64))
    with torch.no_grad():
        beliefs = model(images, center)
        shared = model.image_features(images)
        for i in range(3):
            torch.testing.assert_close(joined[i][:, :features], model.stage_features[i](shared))
            torch.testing.assert_close(joined[i][:, features : features + maps], beliefs[i])
            torch.testing.assert_close(joined[i][:, features + maps :], model.center_pool(center))
    slices = slice(features, features + maps)
    assert model.belief_slices() == {f"refinements.{i}.conv1.weight": slices for i in range(3)}


def test_center_map_enters_every_stage_from_two_on():
    model = make_positive(small())
    images = torch.rand(1, 3, 64, 64, dtype=torch.float64)
    centers = [center_map(torch.tensor([c]), (64, 64)).double() for c in ([16.0, 16.0], [48.0, 48.0])]
    with torch.no_grad():
        one, other = (model(images, c) for c in centers)
        moved = (one - other).abs().amax((1, 2, 3, 4))
    assert moved[0] == 0, "stage 1 must not see the center map"
    assert (moved[1:] > 0).all()
    # Directly, not only through the previous stage's beliefs: cut those off and look again.
    with torch.no_grad():
        for name, beliefs in model.belief_slices().items():
            model.get_parameter(name)[:, beliefs] = 0
        one, other = (model(images, c) for c in centers)
    assert ((one - other).abs().amax((1, 2, 3, 4))[1:] > 0).all()


def test_image_features_are_computed_once():
    model = small(num_stages=4)
    calls = []
    model.image_features.register_forward_hook(lambda *_: calls.append(1))
    with torch.no_grad():
        model(torch.randn(1, 3, 16, 16), torch.rand(1, 1, 16, 16))
    assert len(calls) == 1


def test_dropout_works_in_stage_one_while_training_only():
    model = small(num_stages=2)
    with torch.no_grad():
        model.stage1.conv7.weight.normal_()
    images, center = torch.randn(1, 3, 32, 32), torch.rand(1, 1, 32, 32)
    with torch.no_grad():
        assert torch.equal(model(images, center), model(images, center))
        model.train()
        assert not torch.equal(model(images, center)[0], model(images, center)[0])


# ---- receptive field ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("pool_kernel", "expected"), [(3, 167), (2, 160)])
def test_footprint_of_stage_one(pool_kernel, expected):
    model = make_positive(small(num_stages=1, pool_kernel=pool_kernel))
    field = receptive_field(layers_of(model.stage1))
    assert field.size_px == expected
    assert (field.stride_px, field.center_px) == (8, 7.0 if pool_kernel == 3 else 3.5)
    assert field.size_px == receptive_field(paper_paths(1, pool_kernel)["belief maps"]).size_px
    size, cell = 280, 16  # 8 * 16 + 7 = 135: 83 px to either side, and 30 px more against border effects
    first, last = field.span(cell)
    assert footprint(model, size, 1, cell, "image") == (first, last, first, last)
    assert last - first + 1 == expected


@pytest.mark.parametrize(("pool_kernel", "expected"), [(3, 407), (2, 400)])
def test_footprint_of_stage_two(pool_kernel, expected):
    model = make_positive(small(num_stages=2, pool_kernel=pool_kernel))
    through_beliefs = receptive_field([*layers_of(model.stage1), *layers_of(model.refinements[0])])
    own_path = (model.image_features, model.stage_features[0], model.refinements[0])
    through_image = receptive_field([layer for part in own_path for layer in layers_of(part)])
    assert (through_beliefs.size_px, through_image.size_px) == (expected, expected - 64)
    size, cell = 480, 29
    first, last = through_beliefs.span(cell)
    assert 30 < first < last < size - 30, "the field must end well inside the image"
    assert footprint(model, size, 2, cell, "image") == (first, last, first, last)
    with torch.no_grad():  # the image path alone
        for name, beliefs in model.belief_slices().items():
            model.get_parameter(name)[:, beliefs] = 0
    first, last = through_image.span(cell)
    assert footprint(model, size, 2, cell, "image") == (first, last, first, last)


def test_footprint_on_the_center_map():
    model = make_positive(small(num_stages=2))
    field = receptive_field(paper_paths(2, 3)["center map"])
    assert field.size_px == 9 + 3 * 10 * 8
    size, cell = 320, 19
    first, last = field.span(cell)
    assert footprint(model, size, 2, cell, "center") == (first, last, first, last)


# ---- training ----------------------------------------------------------------------------------------


def test_parameter_groups_of_the_release():
    model = small(num_stages=3)
    groups = {g["name"]: g for g in model.parameter_groups(lr=1e-3, weight_decay=0.01)}
    rates = {name: (g["lr"], g["weight_decay"]) for name, g in groups.items()}
    assert rates == {
        "stage 1, weights": (pytest.approx(5e-3), 0.01),
        "stage 1, biases": (pytest.approx(1e-2), 0.0),
        "later stages, weights": (pytest.approx(1e-3), 0.01),
        "later stages, biases": (pytest.approx(2e-3), 0.0),
    }
    names = {id(p): n for n, p in model.named_parameters()}
    grouped = {key: [names[id(p)] for p in g["params"]] for key, g in groups.items()}
    assert sorted(n for group in grouped.values() for n in group) == sorted(names.values()), (
        "every parameter once"
    )
    assert all(n.startswith("stage1.") and n.endswith("bias") for n in grouped["stage 1, biases"])
    assert not any(n.startswith("stage1.") for n in grouped["later stages, weights"])
    assert model.parameter_groups()[0]["lr"] == pytest.approx(4e-4)
    assert len(small(num_stages=1).parameter_groups()) == 2


def test_gradient_reaches_every_parameter():
    model = make_positive(small(num_stages=3)).train()
    images = torch.rand(1, 3, 16, 16, dtype=torch.float64)
    model(images, torch.rand(1, 1, 16, 16, dtype=torch.float64)).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert (parameter.grad != 0).any(), name


def test_runs_in_half_precision():
    model = small(num_stages=2).to(torch.bfloat16)
    maps = model(torch.randn(1, 3, 16, 16, dtype=torch.bfloat16), torch.rand(1, 1, 16, 16))
    assert maps.dtype == torch.bfloat16


# ---- hooks and errors --------------------------------------------------------------------------------


def test_config_rebuilds_the_model():
    model = small(num_stages=3, pool_kernel=2, input_size=(184, 176))
    again = CPM.paper(LSP, **model.config())
    assert again.config() == model.config()
    assert [(n, p.shape) for n, p in again.named_parameters()] == [
        (n, p.shape) for n, p in model.named_parameters()
    ]


def test_output_parameters_are_those_with_a_map_per_output():
    model = small(num_stages=3)
    outputs = model.output_parameters()
    by_shape = [n for n, p in model.named_parameters() if p.shape[0] == model.num_maps]
    assert sorted(outputs) == sorted(by_shape)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pool_kernel": 4}, "pool_kernel must be 3"),
        ({"width": 6}, "multiple of 4"),
        ({"width": 0}, "multiple of 4"),
        ({"num_stages": 0}, "at least one stage"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        CPM.paper(LSP, **{"width": 4, **options})


@pytest.mark.parametrize("size", [(1, 1), (7, 8), (366, 368), (368, 372), (64, 63)])
def test_sizes_where_image_and_center_map_disagree_are_refused(size):
    with pytest.raises(ValueError, match=f"not {size[0]} x {size[1]}"):
        small(num_stages=2)(torch.zeros(1, 3, *size), torch.zeros(1, 1, *size))


def test_center_map_is_required():
    with pytest.raises(ValueError, match="needs center maps"):
        small(num_stages=2)(torch.zeros(1, 3, 16, 16))
