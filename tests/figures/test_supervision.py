"""The supervision figure: gradients by hand, all subsets from one pass a group, and what the reader switches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from cpm_edu.figures.interactive.example_networks import drawn_batch, he_weights, narrow_paper_network
from cpm_edu.figures.interactive.frame import Dots, Line, Rects
from cpm_edu.figures.interactive.gradient_record import (
    GradientRecord,
    _layers,
    _parts,
    _products,
    gradients_at_start,
    gradients_while_training,
    loss_groups,
)
from cpm_edu.figures.interactive.static import frame_png
from cpm_edu.figures.interactive.supervision import supervision, supervision_frame
from cpm_edu.losses import stage_loss
from cpm_edu.models import CPM
from cpm_edu.skeletons import COCO, LSP
from cpm_edu.training.batches import model_inputs, stage_targets

SUBSETS = [(a, b) for a in (False, True) for b in (False, True)]


def by_hand(steps=(0,)):
    """Two layers, two stages: the last loss sends 1e-3 to stage 1 and 1 to stage 2, the first 0.1 to stage 1 only."""
    norms = {
        (False, False): [0, 0],
        (True, False): [0.1, 0],
        (False, True): [1e-3, 1],
        (True, True): [0.1, 1],
    }
    return GradientRecord(
        "by hand", ("a.weight", "b.weight"), ("stage 1", "stage 2"), ((0,), (1,)), steps,
        {subset: np.array([n] * len(steps), float) for subset, n in norms.items()},
        {subset: np.linspace([0.4, 0.5], [0.4, 0.1], len(steps)) for subset in SUBSETS},
    )  # fmt: skip


def small(seed=0, stages=3):
    return narrow_paper_network(width=4, num_stages=stages, size=48, seed=seed)


def panel(frame, name):
    return next(p for row in frame.rows for p in row if p.name == name)


def marks(panel, kind):
    return [mark for mark in panel.marks if isinstance(mark, kind)]


# ---- numbers by hand


def test_groups_by_hand():
    assert [loss_groups(t) for t in (1, 2, 3, 6)] == [
        ((0,),),
        ((0,), (1,)),
        ((0,), (1,), (2,)),
        ((0,), (1, 2, 3, 4), (5,)),
    ]


@pytest.mark.parametrize(
    ("subset", "words"),
    [
        ((False, True), "a loss on stage 2, a layer of stage 1 gets a gradient of 1·10⁻³, one of stage 2 gets 1: 1,000 times"),
        ((True, False), "a loss on stage 1, a layer of stage 1 gets a gradient of 0.1. Nothing reaches stage 2."),
        ((True, True), "a loss on stages 1 to 2, a layer of stage 1 gets a gradient of 0.1, one of stage 2 gets 1: 10 times"),
        ((False, False), "No stage has a loss"),
    ],
)  # fmt: skip
def test_status_by_hand(subset, words):
    assert words in supervision_frame(by_hand(), subset).status


def test_bars_by_hand():
    bars = panel(supervision_frame(by_hand(), (False, True)), "bars")
    filled, outlined = marks(bars, Rects)
    assert [round(box[3], 6) for box in filled.boxes] == [-3, 0]
    assert [round(box[3], 6) for box in outlined.boxes] == [-1, 0]
    assert not marks(bars, Dots)
    assert [text for _, text in bars.x_ticks] == ["stage 1\nno loss", "stage 2\nloss"]
    silent = panel(supervision_frame(by_hand(), (True, False)), "bars")
    assert len(marks(silent, Rects)[0].boxes) == 1
    assert [point[0] for point in marks(silent, Dots)[0].points] == [2.0], "a cross where no gradient arrives"


def test_tiny_and_missing_numbers_are_drawn():
    record = by_hand()
    odd = {**record.norms, (False, True): np.array([[1e-40, np.nan]])}
    frame = supervision_frame(replace(record, norms=odd), (False, True))
    assert frame_png(frame)[:4] == b"\x89PNG"
    nothing = {subset: np.zeros((1, 2)) for subset in SUBSETS}
    frame = supervision_frame(replace(record, norms=nothing), (True, True))
    assert "no gradient reaches any stage" in frame.status
    assert frame_png(frame)[:4] == b"\x89PNG"


def test_mean_of_a_part_is_geometric_and_leaves_silence_out():
    norms = {(True,): np.array([[1e-4, 1e-2, 0.0, 5.0]])}
    record = GradientRecord("", ("a", "b", "c", "d"), ("stage 1",) * 3 + ("stage 2",), ((0,),), (0,), norms)
    assert record.by_part((True,)) == pytest.approx({"stage 1": 1e-3, "stage 2": 5.0})


# ---- gradients of networks


@pytest.mark.parametrize("subset", [(True, False, False), (False, True, True), (True, True, True)])
def test_subsets_are_the_gradients_of_their_sum(subset):
    model = he_weights(small(stages=4))
    batch = drawn_batch(model, 2)
    record = gradients_at_start(model, batch)
    targets, weights = stage_targets(batch, model, 1.0)
    losses = stage_loss(model(*model_inputs(batch, model)), targets, weights)
    stages = [t for group, on in zip(record.groups, subset, strict=True) if on for t in group]
    losses[stages].sum().backward()
    named = dict(model.named_parameters())
    expected = [0.0 if named[n].grad is None else float(named[n].grad.norm()) for n in record.layers]
    assert record.norms[subset][0].tolist() == pytest.approx(expected, rel=1e-4)
    assert record.losses[subset][0].tolist() == pytest.approx(losses.tolist())
    assert set(record.parts) == {"stage 1", "image features", "stage 2", "stage 3", "stage 4"}


def test_products_of_vanished_gradients_do_not_vanish():
    tiny = torch.full((4,), 1e-25)  # its square is no float32
    assert _products([tiny, None, 2 * tiny]).ravel().tolist() == pytest.approx(
        [4e-50, 0, 8e-50, 0, 0, 0, 8e-50, 0, 16e-50], rel=1e-5, abs=0
    )


def test_the_model_is_left_alone():
    model = small()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    gradients_at_start(model, drawn_batch(model, 1))
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())


def test_gradients_vanish_with_the_paper_s_weights_and_not_with_he_s():
    batch = drawn_batch(small(), 1)
    factors = []
    for model in (small(), he_weights(small())):
        parts = gradients_at_start(model, batch).by_part((False, False, True))
        factors.append(parts["stage 3"] / parts["stage 1"])
    assert factors[0] > 1e4
    assert factors[1] < 1e2


def test_all_kinds_of_models_have_their_parts():
    lite = CPM.lite(LSP, num_stages=2, input_size=(32, 32), features=8, width=8, image_features=8)
    record = gradients_at_start(lite, drawn_batch(lite, 2))
    assert list(dict.fromkeys(record.parts)) == ["image trunk", "stage 1", "stage 2"]
    assert record.layers[0] == "trunk.0.0.weight"
    model = CPM.mmpose(COCO, num_stages=3, input_size=(32, 32))
    parts = list(dict.fromkeys(_parts(_layers(model))))
    assert parts == ["stage 1", "image features", "stage 2", "stage 3"]


def test_while_training_every_choice_starts_alike_and_the_last_loss_leaves_stage_1():
    batch = drawn_batch(small(), 2)
    record = gradients_while_training(small, batch, steps=8, every=4, lr=3e-3)
    assert record.steps == (0, 4, 8)
    start = gradients_at_start(small(), batch)
    for subset, norms in record.norms.items():
        assert norms.shape == (3, len(record.layers))
        assert norms[0].tolist() == pytest.approx(start.norms[subset][0].tolist(), rel=1e-3), subset
    every, last, none = ((on, on, last) for on, last in ((True, True), (False, True), (False, False)))
    assert record.losses[every][-1, 0] < 0.99 * record.losses[every][0, 0]
    assert record.losses[last][-1, 0] == pytest.approx(record.losses[last][0, 0], rel=0.02)
    assert not record.norms[none].any()
    assert record.losses[none].tolist() == [record.losses[every][0].tolist()] * 3


# ---- the figure


def test_every_control_and_handle_changes_frame_and_status():
    figure = supervision(by_hand(steps=(0, 5, 10)))
    seen = {figure.frame.status: figure.snapshot()}
    for change in ({"group0": True}, {"group1": False}, {"moment": (5.0, 0.3)}, {"group0": False}):
        figure.set(**change)
        assert figure.frame.status not in seen, change
        assert figure.snapshot() not in seen.values(), change
        seen[figure.frame.status] = figure.snapshot()


def test_the_handle_snaps_to_the_nearest_recorded_step():
    figure = supervision(by_hand(steps=(0, 5, 10)))
    assert "After 10 steps" in figure.frame.status, "at first the last moment"
    figure.set(moment=(7.4, 0.0))
    assert "After 5 steps" in figure.frame.status
    assert figure.frame.handles[0].at[0] == 5.0
    assert figure.frame.handles[0].snap == 5.0
    lines = marks(panel(figure.frame, "loss"), Line)
    assert np.asarray(lines[2].points)[:, 1].tolist() == pytest.approx([0.5, 0.3, 0.1])


def test_at_the_start_there_is_one_panel_and_no_handle():
    frame = supervision(by_hand()).frame
    assert [p.name for row in frame.rows for p in row] == ["bars"]
    assert not frame.handles


def test_a_record_without_layers_is_refused():
    with pytest.raises(ValueError, match="no layer"):
        supervision(replace(by_hand(), layers=()))
