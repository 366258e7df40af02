"""The receptive-field figure: fields by hand, footprints of a kernel that is known, and what the reader moves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cpm_edu.figures.interactive.example_networks import example_networks, he_weights
from cpm_edu.figures.interactive.frame import Dots, Line, Raster, Texts
from cpm_edu.figures.interactive.listening import (
    Listener,
    depths_of,
    listening_sides,
    share_by_side,
    side_holding,
)
from cpm_edu.figures.interactive.receptive_field import (
    Footprint,
    receptive_field,
    receptive_field_frame,
)
from cpm_edu.figures.interactive.static import frame_png
from cpm_edu.models import CPM
from cpm_edu.receptive_field import paper_paths, support_box, trace
from cpm_edu.skeletons import COCO, LSP, Skeleton
from cpm_edu.targets import center_map
from cpm_edu.weights import load_lite

TWO = Skeleton(
    name="two", joints=("head", "tail"), limbs=((0, 1),), upper_body=(0,), lower_body=(1,), torso=(0, 1)
)


def small_paper(**options):
    return he_weights(CPM.paper(LSP, num_stages=2, width=4, input_size=(64, 64), **options))


def footprint(values, middle=(3.0, 2.0), theory=5):
    return Footprint(values, middle, theory, (1, 1), "stage 1, a map")


def frame_of(values, **options):
    options = {"cell_px": (3.0, 2.0), "side_px": 3.0} | options
    return receptive_field_frame(np.zeros((6, 8, 3), np.uint8), footprint(values), [3, 5, 9], 1, **options)


def panel(frame, name):
    return next(p for row in frame.rows for p in row if p.name == name)


def marks(panel, kind):
    return [mark for mark in panel.marks if isinstance(mark, kind)]


# ---- numbers by hand


def test_share_by_side_by_hand():
    values = np.zeros((5, 8), np.float32)
    values[2, 3], values[1, 2], values[2, 5] = 5.0, 3.0, 2.0  # 0, 1 and 2 px away from (x, y) = (3, 2)
    shares = share_by_side(values, (3.2, 1.8))
    assert shares[:3].tolist() == [0.5, 0.8, 1.0]
    assert len(shares) == 5, "the right edge is 4 px away"
    assert [side_holding(shares, s) for s in (0.5, 0.51, 0.8, 0.9, 1.0)] == [1, 3, 3, 5, 5]


def test_nothing_to_hear():
    shares = share_by_side(np.zeros((3, 3)), (1, 1))
    assert shares.tolist() == [0, 0]
    assert side_holding(shares) == 0
    frame = frame_of(np.zeros((6, 8), np.float32))
    assert "a square of 0 px holds 90 %" in frame.status
    assert frame_png(frame)[:4] == b"\x89PNG"


def test_status_by_hand():
    values = np.zeros((6, 8), np.float32)
    values[2, 3], values[1, 2], values[2, 5] = 5.0, 3.0, 2.0
    status = frame_of(values, side_px=3.4).status
    assert "theoretical field is 5 px wide" in status
    assert "a square of 5 px (100 % of its area) holds 90 %" in status
    assert "your 3 px hold 80 %" in status


@pytest.mark.parametrize("pool", [2, 3])
def test_paper_fields_are_those_of_the_library(pool):
    depths = depths_of(small_paper(pool_kernel=pool))
    expected = [
        f for f in trace(paper_paths(2, pool)["belief maps"]) if "conv 1" not in f.name.split("1", 1)[-1]
    ]
    assert [d.field.size_px for d in depths if not d.is_beliefs][:8] == [f.size_px for f in expected][:8]
    assert [d.field.size_px for d in depths if d.is_beliefs] == [
        {2: 160, 3: 167}[pool],
        {2: 400, 3: 407}[pool],
    ]


def test_lite_fields_by_hand():
    # three 4 x 4 of stride 2, with residuals of 3 x 3 twice: 4, 10, 26, 42, 54, 86, 118, 150; then 7 x 7: 48 each
    sizes = [d.field.size_px for d in depths_of(CPM.lite(LSP, num_stages=2))]
    assert sizes == [4, 10, 26, 42, 54, 86, 118, 150, 150, 198, 246, 294, 294]


def test_cell_at_by_hand():
    listener = Listener(CPM.lite(TWO, num_stages=1, input_size=(64, 64)), np.zeros((64, 64, 3), np.uint8))
    last = len(listener.depths) - 1  # cell c has its middle on 8c + 3.5
    assert listener.cell_at(last, (15, 19.5)) == (1, 2), "11.5 / 8 rounds to 1"
    assert listener.cell_at(last, (-9, 900)) == (0, 7)


def test_every_kind_can_be_followed():
    model = CPM.mmpose(COCO, num_stages=2, input_size=(64, 64))
    assert [d.field.size_px for d in depths_of(model) if d.is_beliefs] == [167, 407]
    assert [d.stage for d in depths_of(model)][-1] == 2

    class Other(CPM):
        kind = "other"

    with pytest.raises(ValueError, match="'other'"):
        depths_of(Other(LSP, num_stages=1, input_size=(8, 8)))


# ---- gradients


@pytest.mark.parametrize("make", [small_paper, load_lite])
def test_no_gradient_outside_the_field_and_some_near_its_edge(make):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (160, 160, 3), dtype=np.uint8)
    listener = Listener(make(), image)
    for depth, layer in enumerate(listener.depths[:6]):
        x, y = cell = listener.cell_at(depth, (80, 84))
        (x1, x2), (y1, y2) = layer.field.span(x), layer.field.span(y)
        found = support_box(torch.from_numpy(listener.footprint(depth, cell, 0)))
        assert min(found[0] - x1, found[1] - y1, x2 - found[2], y2 - found[3]) >= 0, f"{layer.label}: {found}"
        assert found[2] - found[0] + 1 >= 0.5 * layer.field.size_px, f"{layer.label}: {found}"


def test_footprint_is_the_gradient_of_that_joint():
    model = small_paper()
    image = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    listener = Listener(model, image, (30, 20))
    last = len(listener.depths) - 1
    assert listener.depths[last].is_beliefs
    value = listener.beliefs[-1, 3, 4, 5]
    # a step against the gradient, weighted by it, must change that number by the squared norm
    given = listener._input.detach().clone()
    (gradient,) = torch.autograd.grad(listener._outputs[last][0, 3, 4, 5], listener._input, retain_graph=True)
    assert np.allclose(listener.footprint(last, (5, 4), 3), gradient[0].abs().sum(0).numpy())
    with torch.no_grad():
        step = 1e-3 / gradient.norm()
        moved = model(given + step * gradient, center_map(torch.tensor([[30.0, 20.0]]), (64, 64)))[
            -1, 0, 3, 4, 5
        ]
    assert float(moved - value) == pytest.approx(1e-3 * float(gradient.norm()), rel=0.1)


def test_listening_sides_of_an_averaging_network():
    model = CPM.lite(LSP, num_stages=2, input_size=(64, 64))
    found = listening_sides(model, ("left_ankle",), size_px=64, scenes=1)
    assert [theory for theory, _ in found] == [150, 294]
    assert 0 < found[0][1] <= 42, "fresh residual blocks do nothing: three 4 x 4 layers see 22 px"
    assert found[0][1] <= 22


# ---- the figure


@pytest.fixture(scope="module")
def figure():
    networks = {"wide pools": small_paper(), "lite": CPM.lite(LSP, num_stages=2, input_size=(64, 64))}
    return receptive_field(networks)


def test_frame_has_the_boxes_and_the_curve():
    values = np.zeros((6, 8), np.float32)
    values[2, 3] = 1.0
    frame = frame_of(values, stage_ends={0: 3, 2: 7})
    crop, share, growth = frame.rows[0]
    theory, under, yours = (np.asarray(line.points) for line in marks(crop, Line))
    assert theory.min(0).tolist() == [0.5, -0.5], "5 px around (3, 2)"
    assert theory.max(0).tolist() == [5.5, 4.5]
    assert yours.min(0).tolist() == under.min(0).tolist() == [1.5, 0.5]
    assert len(marks(crop, Raster)) == 2
    assert [h.at for h in frame.handles] == [(3.0, 2.0), (3.0, 100.0)]
    assert [(k, t) for k, t in growth.x_ticks] == [(1.0, "1"), (3.0, "2")]
    assert any("theory 5 px" in t for m in marks(share, Texts) for t in m.texts)
    assert [tuple(p) for p in marks(growth, Dots)[1].points] == [(1.0, 3.0), (3.0, 7.0)]
    assert frame_png(frame)[:4] == b"\x89PNG"


def test_every_control_and_handle_changes_frame_and_status(figure):
    figure.reset()
    seen = {figure.frame.status: figure.snapshot()}
    changes = [
        {"layer": 3}, {"layer": 10}, {"cell": (20.0, 20.0)}, {"side": (21.0, 0.0)}, {"network": "lite"},
        {"layer": 13},
    ]  # fmt: skip
    for change in changes:
        figure.set(**change)
        assert figure.frame.status not in seen, change
        assert figure.snapshot() not in seen.values(), change
        seen[figure.frame.status] = figure.snapshot()


def test_slider_of_the_deepest_network_stops_at_the_others_last_layer():
    deeper = receptive_field(
        {"deep": small_paper(), "shallow": CPM.lite(TWO, num_stages=1, input_size=(64, 64))}
    )
    deeper.set(layer=13)
    assert "stage 2, left ankle's map" in deeper.frame.status
    deeper.set(network="shallow")
    assert "stage 1, head's map" in deeper.frame.status


def test_any_skeleton_and_own_crop():
    model = CPM.lite(TWO, num_stages=2, input_size=(64, 64))
    image = np.random.default_rng(0).integers(0, 256, (48, 80, 3), dtype=np.uint8)
    figure = receptive_field(model, image=image, joint="tail")
    assert "lite, stage 1, tail's map" in figure.status
    figure.set(cell=(79.0, 0.0))
    assert "cell (9, 0)" in figure.status
    assert receptive_field(model).status, "a drawn crop for joints that LSP does not have"


def test_bad_arguments_say_what_is_wrong():
    with pytest.raises(ValueError, match="at least one network"):
        receptive_field({})

    class Other(CPM):
        kind = "strange"

    with pytest.raises(ValueError, match="strange"):
        receptive_field(Other(LSP, num_stages=1, input_size=(8, 8)))


def test_example_networks_have_both_poolings():
    networks = list(example_networks().values())
    assert networks[0].kind == "lite"
    assert [n.pool_kernel for n in networks[1:]] == [3, 2]
    layer = networks[1].stage1.conv2
    assert isinstance(layer, nn.Conv2d)
    assert float(layer.weight.detach().std()) == pytest.approx((2 / (81 * 8)) ** 0.5, rel=0.05)
