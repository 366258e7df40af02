"""Targets: numbers by hand in both conventions, mmpose's quirks, several people, round trip to the decoder."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cpm_edu import targets
from cpm_edu.coords import cells_from_px
from cpm_edu.decoding import decode
from cpm_edu.targets import (
    background_map,
    background_weights,
    center_map,
    everybody_targets,
    gaussian_targets,
)

SIZES = [(1, 1), (17, 33), (46, 46)]
sizes = pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")


@pytest.fixture(scope="module")
def belief_map_targets(backend, device):
    """`targets.belief_map_targets` by this backend; points are moved to its device, results back."""

    def run(joints_px, visible, **options):
        joints_px, visible = joints_px.to(device), visible.to(device)
        return [t.cpu() for t in targets.belief_map_targets(joints_px, visible, backend=backend, **options)]

    return run


@pytest.fixture(scope="module")
def one_joint(belief_map_targets):
    """(map (H, W), weight) of one joint at pixel (x, y)."""

    def run(x, y, *, visible=1.0, size=(17, 33), stride=8, sigma_cells=2.0, **options):
        maps, weights = belief_map_targets(
            torch.tensor([[[x, y]]]), torch.tensor([[visible]]), size=size, stride=stride,
            sigma_cells=sigma_cells, **options,
        )  # fmt: skip
        return maps[0, 0], weights[0, 0].item()

    return run


# ---- by hand: "center" targets


def test_center_convention_puts_the_peak_on_the_middle_of_a_cell(one_joint):
    # cell 3 covers pixels 24..31, its middle is 27.5; cell 1's is 11.5
    target, weight = one_joint(27.5, 11.5, sigma_cells=1.0)
    assert target[1, 3] == 1.0
    assert weight == 1.0
    shifted, _ = one_joint(27.5 + 8 * 0.25, 11.5, sigma_cells=1.0)
    assert shifted[1, 3].item() == pytest.approx(math.exp(-(0.25**2) / 2))


def test_center_convention_draws_the_whole_gaussian(one_joint):
    target, weight = one_joint(3.5 - 8 * 20, 3.5, sigma_cells=5.0)  # cell -20: four sigmas off the map
    assert weight == 1.0
    assert target[0, 0].item() == pytest.approx(math.exp(-8))
    assert (target > 0).all()


@pytest.mark.parametrize("visible", [1.0, 0.3, 2.0])
def test_center_weights_are_visible_itself(one_joint, visible):
    target, weight = one_joint(27.5, 11.5, visible=visible)
    assert weight == pytest.approx(visible)
    assert target.amax() == 1.0, "a weight scales the loss, not the target"


def test_center_unlabelled(one_joint):
    target, weight = one_joint(math.nan, math.nan, visible=0.0)
    assert weight == 0.0
    assert not target.any()


def test_stride_may_differ_between_x_and_y(one_joint):
    target, _ = one_joint(7.5, 11.5, stride=(4, 8), sigma_cells=1.0)  # x: (7.5 + .5) / 4 - .5 = 1.5; y: 1
    assert target[1, 1] == target[1, 2] == target.amax()


# ---- by hand: "msra" targets


def test_msra_rounds_half_up_and_cuts_a_square(one_joint):
    target, weight = one_joint(8 * 9.5, 8 * 8.49, sigma_cells=2, convention="msra")  # cell (10, 8)
    assert weight == 1.0
    assert target[8, 10] == 1.0
    assert target[8, 16].item() == pytest.approx(math.exp(-36 / 8))
    assert target[8, 17] == 0.0, "beyond 3 sigma"
    assert (target > 0).sum() == 13 * 13


@pytest.mark.parametrize(
    ("cells", "peak"), [(-0.4, 0), (-0.5, 0), (-0.6, 0), (-1.4, 0), (-1.6, -1), (0.5, 1)]
)
def test_msra_truncates_toward_zero(one_joint, cells, peak):
    target, weight = one_joint(8 * cells, 0.0, sigma_cells=2, convention="msra")
    assert weight == 1.0
    assert target[0, 0].item() == pytest.approx(math.exp(-(peak**2) / 8)), f"{cells} should round to {peak}"


@pytest.mark.parametrize(
    ("cells", "weight", "num_drawn"),
    [
        (-6.5, 1.0, 1),  # rounds to -6: the patch ends in column 0
        (-7.4, 1.0, 1),  # trunc(-6.9) is -6 too
        (-7.5, 1.0, 0),  # -7, right == 0: mmpose keeps the weight of an empty map
        (-8.5, 0.0, 0),
        (33 + 5, 1.0, 1),  # the left end is the last column
        (33 + 6, 0.0, 0),
    ],
)
def test_msra_weight_near_the_border(one_joint, cells, weight, num_drawn):
    target, found = one_joint(8.0 * cells, 8.0 * 8, sigma_cells=2, convention="msra")
    assert found == weight
    assert (target.amax(0) > 0).sum() == num_drawn


@pytest.mark.parametrize(("visible", "drawn"), [(0.5, True), (0.49, False), (2.0, True), (0.0, False)])
def test_msra_visibility_passes_through(one_joint, visible, drawn):
    target, weight = one_joint(80.0, 64.0, visible=visible, sigma_cells=2, convention="msra")
    assert weight == pytest.approx(visible)
    assert target.any() == drawn
    off, weight = one_joint(-800.0, 64.0, visible=visible, sigma_cells=2, convention="msra")
    assert not off.any()
    assert weight == (0.0 if drawn else pytest.approx(visible)), (
        "only a joint that would be drawn loses its weight"
    )


def test_msra_unbiased_is_exact_and_uncut(one_joint):
    target, weight = one_joint(8 * 10.25, 8 * 8.0, sigma_cells=2, convention="msra", unbiased=True)
    assert weight == 1.0
    assert target[8, 10].item() == pytest.approx(math.exp(-(0.25**2) / 8))
    assert target[8, 20].item() == pytest.approx(math.exp(-(9.75**2) / 8))
    # off-map test without rounding: right end = x + 7 < 0
    assert one_joint(8 * -6.99, 0.0, sigma_cells=2, convention="msra", unbiased=True)[1] == 1.0
    assert one_joint(8 * -7.01, 0.0, sigma_cells=2, convention="msra", unbiased=True)[1] == 0.0


# ---- by hand: several people, background


def test_everybody_sums_drops_and_clips():
    targets = torch.zeros(1, 2, 1, 1, 5)
    targets[0, :, 0, 0] = torch.tensor([[0.0099, 0.006, 0.7, 0.3, 0.01], [0.0, 0.006, 0.6, 0.2, 0.0]])
    assert everybody_targets(targets)[0, 0, 0].tolist() == pytest.approx([0.0, 0.0, 1.0, 0.5, 0.01])


def test_everybody_of_one_person_loses_only_the_tail():
    targets = gaussian_targets(torch.tensor([[[[8.0, 4.0]]]]), (9, 17), 2.0)  # (1, 1, 1, 9, 17)
    merged = everybody_targets(targets)
    assert torch.equal(merged, targets[:, 0].where(targets[:, 0] >= 0.01, 0.0))
    assert (merged == 0).any()


def test_background_by_hand():
    targets = torch.tensor([[[[0.2, 1.0, 0.0]], [[0.6, 0.5, 0.0]]]])  # (1, 2, 1, 3)
    assert background_map(targets)[0, 0, 0].tolist() == pytest.approx([0.4, 0.0, 1.0])
    assert background_map(targets * 3).amin() == 0.0, "never below zero"


def test_background_weights_by_hand():
    weights = torch.tensor([[1.0, 2.0], [1.0, 0.0], [0.0, 0.0]])
    assert background_weights(weights).tolist() == [[1.0], [0.0], [0.0]]


# ---- law: target -> decode gives the joint back


@settings(max_examples=150, deadline=None)
@given(
    size=st.sampled_from([(17, 33), (46, 46), (8, 5)]),
    stride=st.sampled_from([4.0, 8.0, 8 / 3]),
    sigma=st.floats(0.8, 3.0),
    place=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_round_trip_of_interior_joints(belief_map_targets, size, stride, sigma, place):
    """Interior: the nearest cell has a neighbour on every side; there the log-parabola is exact."""
    height, width = size
    cells = torch.tensor([0.5 + place[0] * (width - 2), 0.5 + place[1] * (height - 2)])
    cells = cells.clamp(torch.tensor([0.501, 0.501]), torch.tensor([width - 1.501, height - 1.501]))
    joints_px = ((cells + 0.5) * stride - 0.5)[None, None]
    targets, _ = belief_map_targets(joints_px, torch.ones(1, 1), size=size, stride=stride, sigma_cells=sigma)
    assert targets.dtype == torch.float32
    joints, _ = decode(targets, "log_parabola")
    error = (joints - cells_from_px(joints_px, stride)).abs().max().item()
    assert error <= 1e-3, f"{error} cells at {cells.tolist()}"


def test_round_trip_keeps_whole_cells_on_the_border(one_joint):
    target, _ = one_joint(8 * 0.3 + 3.5, 8 * 5.3 + 3.5)
    joints, _ = decode(target[None, None], "log_parabola")
    assert joints[0, 0, 0] == 0.0, "column 0 has no left neighbour, so x stays whole"
    assert joints[0, 0, 1].item() == pytest.approx(5.3, abs=1e-3)


# ---- edges


@sizes
@pytest.mark.parametrize(("num_people", "num_joints"), [(0, 3), (2, 0), (0, 0), (2, 3)])
@pytest.mark.parametrize("convention", ["center", "msra"])
def test_shapes(belief_map_targets, size, num_people, num_joints, convention):
    joints, visible = torch.zeros(num_people, num_joints, 2), torch.ones(num_people, num_joints)
    targets, weights = belief_map_targets(
        joints, visible, size=size, stride=8, sigma_cells=2, convention=convention
    )
    assert targets.shape == (num_people, num_joints, *size)
    assert weights.shape == (num_people, num_joints)
    assert background_map(targets).shape == (num_people, 1, *size)
    assert background_weights(weights).shape == (num_people, 1)
    assert everybody_targets(targets[:, None]).shape == targets.shape
    assert center_map(joints.new_zeros(num_people, 2), size).shape == (num_people, 1, *size)
    if num_joints == 0:
        assert background_map(targets).eq(1).all(), "where nothing can be, everything is background"


@sizes
def test_one_cell_and_odd_sizes_against_the_whole_map(belief_map_targets, size):
    """A map is a window: a smaller one is the corner of a larger one."""
    joints = torch.tensor([[[5.0, 9.0], [100.0, 40.0]]])
    visible = torch.ones(1, 2)
    large, _ = belief_map_targets(joints, visible, size=(64, 64), stride=8, sigma_cells=1.5)
    small, _ = belief_map_targets(joints, visible, size=size, stride=8, sigma_cells=1.5)
    assert torch.equal(small, large[..., : size[0], : size[1]])


def test_non_contiguous_and_other_dtypes(belief_map_targets):
    joints = (torch.rand(2, 3, 4, dtype=torch.float64) * 100)[..., ::2]
    visible = torch.ones(2, 6, dtype=torch.bool)[:, ::2]
    assert not joints.is_contiguous()
    targets, weights = belief_map_targets(joints, visible, size=(5, 7), stride=8, sigma_cells=1)
    assert targets.dtype == weights.dtype == torch.float32
    again, _ = belief_map_targets(joints.contiguous(), visible, size=(5, 7), stride=8, sigma_cells=1)
    assert torch.equal(targets, again)
    assert gaussian_targets(torch.zeros(1, 2, dtype=torch.int64), (2, 2), 1.0).dtype == torch.float32


def test_joints_are_independent(belief_map_targets):
    joints = torch.rand(4, 6, 2, generator=torch.Generator().manual_seed(1)) * 200
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    for convention in ("center", "msra"):
        options = dict(size=(17, 33), stride=8, sigma_cells=2, convention=convention)
        targets, _ = belief_map_targets(joints, torch.ones(4, 6), **options)
        permuted, _ = belief_map_targets(joints[:, order], torch.ones(4, 6), **options)
        assert torch.equal(permuted, targets[:, order])


# ---- errors


def test_shapes_that_do_not_fit(belief_map_targets):
    with pytest.raises(ValueError, match=r"not \(2, 3\) and \(2, 3\)"):
        belief_map_targets(torch.zeros(2, 3), torch.zeros(2, 3), size=(4, 4), stride=8, sigma_cells=1)
    with pytest.raises(ValueError, match=r"\(2, 3, 2\) and \(2, 4\)"):
        belief_map_targets(torch.zeros(2, 3, 2), torch.zeros(2, 4), size=(4, 4), stride=8, sigma_cells=1)
    with pytest.raises(ValueError, match=r"\(\.\.\., J, 2\), not \(1, 3\)"):
        gaussian_targets(torch.zeros(1, 3), (4, 4), 1.0)
    with pytest.raises(ValueError, match=r"weights \(2,\) do not fit"):
        gaussian_targets(torch.zeros(1, 2), (4, 4), 1.0, weights=torch.ones(2))
    with pytest.raises(ValueError, match=r"\(N, 2\), not \(2,\)"):
        center_map(torch.zeros(2), (4, 4))


@pytest.mark.parametrize("convention", ["center", "msra"])
def test_nan_of_a_labelled_joint_is_refused(one_joint, convention):
    with pytest.raises(ValueError, match="not a finite number"):
        one_joint(math.nan, 3.0, sigma_cells=2, convention=convention)


def test_options_that_contradict_each_other(one_joint):
    with pytest.raises(ValueError, match=r"whole sigma, not 2\.5"):
        one_joint(1.0, 1.0, sigma_cells=2.5, convention="msra")
    with pytest.raises(ValueError, match="unbiased=True belongs to"):
        one_joint(1.0, 1.0, unbiased=True)
    with pytest.raises(ValueError, match="convention must be"):
        one_joint(1.0, 1.0, convention="corner")
