"""Receptive field: the paper's numbers, and gradients of small networks that must end where theory says."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cpm_edu.receptive_field import (
    COLUMNS,
    Field,
    Layer,
    effective_receptive_field,
    layers_of,
    mass_share,
    paper_paths,
    paper_refinement,
    paper_stage_1,
    receptive_field,
    rows,
    support_box,
    trace,
    union,
)

pooling = pytest.mark.parametrize("pool_kernel", [2, 3])


def positive(*layers, seed=0):
    """nn.Sequential in float64 with positive weights whose kernels sum to one: nothing cancels or explodes."""
    network = nn.Sequential(*layers).double()
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            weight = torch.rand(module.weight.shape, generator=generator, dtype=torch.float64) + 0.5
            module.weight.data = weight / weight.sum((1, 2, 3), keepdim=True)
    return network


def conv(channels_in, channels_out, kernel):
    return nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2, bias=False)


def small_trunk(pool_kernel, width, pool_padding=0):
    layers = []
    for channels in (1, width, width):
        layers += [conv(channels, width, 9), nn.ReLU(), nn.MaxPool2d(pool_kernel, 2, pool_padding)]
    return layers


def small_stage_1(pool_kernel, width=2, pool_padding=0):
    """Stage 1 of the paper with a few channels."""
    layers = small_trunk(pool_kernel, width, pool_padding)
    layers += [conv(width, width, 5), nn.ReLU(), conv(width, width, 9), nn.ReLU(), nn.Dropout(0.5)]
    return positive(*layers, conv(width, width, 1), nn.ReLU(), conv(width, 3, 1))


def small_refinement(width=2):
    layers = []
    for channels in (3, width, width):
        layers += [conv(channels, width, 11), nn.ReLU()]
    return positive(*layers, conv(width, width, 1), nn.ReLU(), conv(width, 3, 1))


def box_of(field, cell):
    (x1, x2), (y1, y2) = field.span(cell[0]), field.span(cell[1])
    return x1, y1, x2, y2


# ---- by hand


def test_one_layer_by_hand():
    assert receptive_field([Layer("conv", 3)]) == Field("conv", 3, 1, 1.0), (
        "without padding cell 0 is centred on 1"
    )
    assert receptive_field([Layer("conv", 3, padding=1)]) == Field("conv", 3, 1, 0.0)
    assert receptive_field([Layer("pool", 2, stride=2)]) == Field("pool", 2, 2, 0.5)
    assert receptive_field([Layer("conv", 3, padding=2, dilation=2)]) == Field("conv", 5, 1, 0.0)
    assert receptive_field([]) == Field("input", 1, 1, 0.0)


def test_layers_of_stage_1_by_hand():
    """The sizes written under figure 2 of Wei et al. 2016."""
    sizes = [field.size_px for field in trace(paper_stage_1(2))]
    assert sizes == [9, 10, 26, 28, 60, 64, 96, 160, 160, 160]
    assert [field.stride_px for field in trace(paper_stage_1(2))] == [1, 2, 2, 4, 4, 8, 8, 8, 8, 8]


@pytest.mark.parametrize(("pool_kernel", "first"), [(2, 160), (3, 167)])
def test_stages_of_the_paper(pool_kernel, first):
    sizes = [receptive_field(paper_paths(t, pool_kernel)["belief maps"]).size_px for t in range(1, 7)]
    assert sizes == [first + 240 * t for t in range(6)]
    assert sizes[1] == {2: 400, 3: 407}[pool_kernel]


@pytest.mark.parametrize(
    ("pool_kernel", "pool_padding", "center"),
    [(2, 0, 3.5), (3, 0, 7.0), (3, 1, 0.0)],
    ids=["paper", "release", "mmpose"],
)
def test_centre_of_a_cell(pool_kernel, pool_padding, center):
    for stage in (1, 2, 6):
        field = receptive_field(paper_paths(stage, pool_kernel, pool_padding)["belief maps"])
        assert field.stride_px == 8
        assert [field.center_of(c) for c in (0, 1, 45)] == [center, 8 + center, 360 + center]


def test_span_by_hand():
    field = receptive_field(paper_stage_1(2))
    assert field.start_px == -76.0
    assert field.span(0) == (-76, 83)
    assert field.span(10) == (4, 163)
    assert receptive_field(paper_stage_1(3)).span(10) == (4, 170)


def test_paths_of_the_second_stage():
    fields = {name: receptive_field(layers) for name, layers in paper_paths(2, 3).items()}
    assert {name: field.size_px for name, field in fields.items()} == {
        "belief maps": 407,
        "image features": 343,
        "center map": 9 + 240,
    }
    assert fields["center map"].center_px == 4.0, "3 px off the beliefs beside it, which stand on 7"
    both = union([fields["belief maps"], fields["image features"]])
    assert (both.size_px, both.center_px) == (407, 7.0)
    assert list(paper_paths(1)) == ["belief maps"]


def test_union_by_hand():
    joined = union([Field("a", 4, 8, 1.5), Field("b", 3, 8, 6.0)])  # pixels 0..3 and 5..7
    assert (joined.size_px, joined.center_px, joined.span(0)) == (8, 3.5, (0, 7))


def test_rows_by_hand():
    table = rows(paper_stage_1(3))
    assert all(len(row) == len(COLUMNS) for row in table)
    assert table[1] == ("1 pool 3/2", 3, 2, 0, 11, 2, 1.0)
    assert table[-1][4] == 167


def test_mass_by_hand():
    footprint = torch.zeros(4, 5)
    footprint[1, 2], footprint[3, 4] = 3.0, 1.0
    assert support_box(footprint) == (2, 1, 4, 3)
    assert support_box(footprint, threshold=1.0) == (2, 1, 2, 1)
    assert mass_share(footprint, (2, 1, 2, 1)) == 0.75
    assert mass_share(footprint, (-9, -9, 99, 99)) == 1.0
    assert mass_share(footprint, (-9, -9, -1, -1)) == 0.0


def test_gradient_by_hand():
    """y = 2 a - 3 b of neighbours: the footprint is 2, 3 around the cell, signs dropped."""
    network = nn.Conv2d(1, 1, (1, 2), bias=False)
    network.weight.data = torch.tensor([[[[2.0, -3.0]]]])
    footprint = effective_receptive_field(network, (1, 2, 4), (1, 0))
    assert footprint.tolist() == [[0, 2, 3, 0], [0, 0, 0, 0]]


# ---- gradients of real networks end where theory says


@pooling
@pytest.mark.parametrize("pool_padding", [0, 1])
def test_footprint_of_stage_1(pool_kernel, pool_padding):
    network = small_stage_1(pool_kernel, pool_padding=pool_padding)
    assert layers_of(network) != paper_stage_1(pool_kernel), "names differ"
    field = receptive_field(network)
    expected = receptive_field(paper_stage_1(pool_kernel, pool_padding))
    assert (field.size_px, field.stride_px, field.center_px) == (expected.size_px, 8, expected.center_px)
    cell = (12, 13)  # spans no border of a 216 x 224 image
    footprint = effective_receptive_field(network, (1, 224, 216), cell, num_inputs=8, draw=torch.rand)
    assert support_box(footprint) == box_of(field, cell)
    assert support_box(footprint) == box_of(expected, cell)


@pooling
def test_footprint_of_stage_2_through_the_beliefs(pool_kernel):
    network = nn.Sequential(small_stage_1(pool_kernel), small_refinement())
    field = receptive_field(paper_paths(2, pool_kernel)["belief maps"])
    cell = (26, 26)
    side = field.span(26)[1] + 6
    footprint = effective_receptive_field(network, (1, side, side), cell, num_inputs=3, draw=torch.rand)
    assert support_box(footprint) == box_of(field, cell)
    assert receptive_field(network).size_px == field.size_px == {2: 400, 3: 407}[pool_kernel]


def test_field_is_cut_by_the_border():
    field = receptive_field(paper_stage_1(2))
    footprint = effective_receptive_field(
        small_stage_1(2), (1, 96, 96), (0, 0), num_inputs=4, draw=torch.rand
    )
    first, last = field.span(0)
    assert first < 0
    assert support_box(footprint) == (0, 0, last, last)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(0, 2), st.integers(1, 2)),
        min_size=1,
        max_size=4,
    )
)
def test_any_chain_of_convolutions(parameters):
    """Kernel, stride, padding and dilation at random: footprint of a cell whose field lies inside the image."""
    layers = [nn.Conv2d(1, 1, k, s, p, d, bias=False) for k, s, p, d in parameters]
    network = positive(*layers)
    field = receptive_field(network)
    cell = max(0, -int(field.start_px // field.stride_px))
    side = field.span(cell)[1] + 3 + 2 * field.size_px
    footprint = effective_receptive_field(network, (1, side, side), (cell, cell), num_inputs=1)
    first, last = support_box(footprint)[0], support_box(footprint)[2]
    # a stride beyond the kernel leaves holes, but the outermost taps are always there
    assert (first, last) == field.span(cell)


def test_effective_field_is_smaller_than_the_theoretical():
    field = receptive_field(paper_stage_1(2))
    footprint = effective_receptive_field(
        small_stage_1(2), (1, 224, 216), (12, 13), num_inputs=4, draw=torch.rand
    )
    x1, y1, x2, y2 = box_of(field, (12, 13))
    assert mass_share(footprint, (x1, y1, x2, y2)) == pytest.approx(1.0)
    middle = (x1 + 40, y1 + 40, x2 - 40, y2 - 40)  # half the width, a quarter of the area
    assert mass_share(footprint, middle) > 0.7


# ---- nn.Sequential


def test_layers_of_reads_nested_sequentials():
    block = nn.Sequential(nn.Conv2d(3, 4, 5, stride=2, padding=1, dilation=3), nn.BatchNorm2d(4), nn.ReLU())
    network = nn.Sequential(
        block, nn.Identity(), nn.MaxPool2d(3, 2, ceil_mode=True), nn.AvgPool2d((9, 9), (8, 8))
    )
    assert layers_of(network) == [
        Layer("0.0 Conv2d", 5, 2, 1, 3),
        Layer("2 MaxPool2d", 3, 2),
        Layer("3 AvgPool2d", 9, 8),
    ]
    assert layers_of(nn.Conv2d(1, 1, 7, padding="valid")) == [Layer("Conv2d", 7)]
    assert layers_of(nn.MaxPool2d(2)) == [Layer("MaxPool2d", 2, 2)], (
        "a pool's stride is its kernel unless told"
    )


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("kernel", [3, 4])
@pytest.mark.parametrize("dilation", [1, 2, 3])
def test_same_padding_follows_torch(kernel, dilation):
    network = positive(nn.Conv2d(1, 1, kernel, padding="same", dilation=dilation, bias=False))
    footprint = effective_receptive_field(network, (1, 32, 32), (15, 15), num_inputs=1)
    assert support_box(footprint) == box_of(receptive_field(network), (15, 15))


def test_ceil_mode_moves_nothing():
    for ceil_mode in (False, True):
        network = nn.Sequential(nn.MaxPool2d(3, 2, ceil_mode=ceil_mode))
        footprint = effective_receptive_field(network, (1, 10, 10), (2, 2), num_inputs=64)
        assert support_box(footprint) == (4, 4, 6, 6) == box_of(receptive_field(network), (2, 2))


# ---- edges


def test_a_chain_goes_on_from_a_field():
    middle = receptive_field(paper_stage_1(3))
    assert receptive_field(paper_refinement(2), start=middle).size_px == 407
    assert receptive_field([], start=middle) == middle


def test_stages_and_channels_are_picked():
    first, second = nn.Conv2d(1, 2, 1, bias=False), nn.Conv2d(1, 2, 3, padding=1, bias=False)

    def both(images):
        return torch.stack([first(images), second(images)])  # (T, N, C, h, w)

    footprint = effective_receptive_field(both, (1, 9, 9), (4, 4), channel=1)
    assert support_box(footprint) == (3, 3, 5, 5), "the last stage counts"
    torch.testing.assert_close(footprint[3:6, 3:6], second.weight[1, 0].abs().detach())


def test_a_model_is_left_as_it_was():
    model = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.BatchNorm2d(1), nn.Dropout(0.5))
    model[2].eval()
    before = model[1].running_mean.clone()
    footprint = effective_receptive_field(model, (1, 9, 9), (4, 4))
    assert support_box(footprint) == (3, 3, 5, 5), "batch statistics would spread it over the image"
    assert (model.training, model[1].training, model[2].training) == (True, True, False)
    assert torch.equal(model[1].running_mean, before)
    assert all(p.grad is None for p in model.parameters())


def test_seed_decides():
    network = small_stage_1(2)
    first, again, other = (
        effective_receptive_field(network, (1, 64, 64), (4, 4), num_inputs=1, seed=s) for s in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_works_under_no_grad():
    with torch.no_grad():
        assert effective_receptive_field(nn.Conv2d(1, 1, 1), (1, 1, 1), (0, 0)).shape == (1, 1)


def test_nothing_to_see():
    assert support_box(torch.zeros(3, 3)) is None
    assert support_box(torch.zeros(0, 3)) is None
    assert mass_share(torch.zeros(3, 3), (0, 0, 2, 2)) == 0.0


# ---- errors


def test_errors_say_what_was_expected():
    with pytest.raises(ValueError, match=r"cannot follow a Upsample \(1\).*MaxPool2d"):
        layers_of(nn.Sequential(nn.Conv2d(1, 1, 1), nn.Upsample(scale_factor=2)))
    with pytest.raises(ValueError, match=r"differs between rows and columns: \(1, 3\)"):
        layers_of(nn.Conv2d(1, 1, (1, 3)))
    with pytest.raises(ValueError, match=">= 1"):
        Layer("x", 0)
    with pytest.raises(ValueError, match=">= 0"):
        Layer("x", 3, padding=-1)
    with pytest.raises(ValueError, match="different strides"):
        union([Field("a", 3, 8, 0.0), Field("b", 3, 4, 0.0)])
    with pytest.raises(ValueError, match="at least one"):
        union([])
    with pytest.raises(ValueError, match="stages count from 1"):
        paper_paths(0)


def test_effective_field_errors():
    network = nn.Conv2d(1, 2, 1)
    with pytest.raises(ValueError, match="5 x 4 cells"):
        effective_receptive_field(network, (1, 4, 5), (5, 0))
    with pytest.raises(ValueError, match=r"0\.\.1"):
        effective_receptive_field(network, (1, 4, 5), (0, 0), channel=2)
    with pytest.raises(ValueError, match="at least 1"):
        effective_receptive_field(network, (1, 4, 5), (0, 0), num_inputs=0)
