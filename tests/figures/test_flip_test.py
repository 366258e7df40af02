"""The flip-test figure: what every switch does, by hand on maps of one row and on the shipped model."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cpm_edu.figures.interactive.flip_test import (
    TwoPasses,
    drawn_passes,
    flip_scores,
    flip_test,
    flip_test_frame,
    pck_of_maps,
    two_passes,
)
from cpm_edu.figures.interactive.frame import Dots, Raster, Rects, Texts
from cpm_edu.figures.interactive.static import frame_png
from cpm_edu.inference import predict_crops
from cpm_edu.models import CPM
from cpm_edu.skeletons import COCO, LSP, Skeleton
from cpm_edu.targets import gaussian_targets

PAIR = Skeleton("pair", ("left_wrist", "right_wrist", "head"), torso=(0, 1))


def ideal_passes(convention="center") -> TwoPasses:
    """A network that is never wrong, on one person 64 px wide: wrists 24 px apart, everything on middles of cells."""
    half = 0.5 if convention == "center" else 0.0
    truth = np.array([[[43.5, 27.5], [19.5, 27.5], [27.5, 11.5]]], np.float32) - (0 if half else 3.5)
    mirrored = np.stack([63 - truth[..., 0], truth[..., 1]], -1)[:, [1, 0, 2]]  # left and right change names
    maps = [
        gaussian_targets(torch.from_numpy((points + half) / 8 - half), (8, 8), 1.0)
        for points in (truth, mirrored)
    ]
    return TwoPasses(
        images=np.full((1, 64, 64, 3), 120, np.uint8), maps=maps[0], maps_of_mirrored=maps[1], truth_px=truth,
        torso_px=np.array([24.0]), skeleton=PAIR, stride=8, convention=convention, flip_shift=convention == "msra",
    )  # fmt: skip


@pytest.fixture(scope="module")
def drawn():
    return drawn_passes(drawn=range(48, 52))


def panel(frame, name):
    return next(p for row in frame.rows for p in row if p.name == name)


def mark(panel, kind):
    return [m for m in panel.marks if isinstance(m, kind)]


def errors(status: str) -> list[float]:
    """The three errors in a status sentence."""
    words = status.split()
    return [float(words[k - 1]) for k, word in enumerate(words) if word == "px"]


# ---- by hand


def test_swap_brings_both_passes_together():
    status = flip_test_frame(ideal_passes(), swap=True, joint=0).status
    assert errors(status) == [0.0, 0.0, 0.0]
    assert "PCK over all people 100.0 %" in status


def test_without_swap_the_second_pass_points_at_the_other_wrist():
    frame = flip_test_frame(ideal_passes(), swap=False, joint=0)
    assert errors(frame.status)[:2] == [0.0, 24.0], "the wrists are 43.5 - 19.5 = 24 px apart"
    assert errors(flip_test_frame(ideal_passes(), swap=False, joint=2).status) == [0.0, 0.0, 0.0], (
        "a head has no pair"
    )


def test_shift_by_hand():
    assert errors(flip_test_frame(ideal_passes(), swap=True, shift=True, joint=2).status)[1] == 8.0
    # on cells that stand on 8 c, what comes back is 7 px too far left (decoded to a quarter of a cell: 6), and one
    # cell moves it 8 px right
    off = {
        shift: errors(flip_test_frame(ideal_passes("msra"), swap=True, shift=shift, joint=2).status)[1]
        for shift in (False, True)
    }
    assert off == {False: 6.0, True: 2.0}


def test_one_pass_ignores_the_switches():
    statuses = {
        flip_test_frame(ideal_passes(), flip=False, swap=swap, shift=shift).status
        for swap in (False, True)
        for shift in (False, True)
    }
    assert statuses == {"One pass: the left wrist is off by 0.0 px; PCK over all people 100.0 %."}


def test_scores_by_hand():
    # one pass, both as they are, shifted, swapped, swapped and shifted; circles of 0.2 * 24 = 4.8 px. A mean of
    # two peaks is decoded to the first row's lowest column: the right wrist, which is a third of the joints, and
    # the head is right too
    assert flip_scores(ideal_passes())[0] == 100
    assert flip_scores(ideal_passes())[1] == pytest.approx(200 / 3)
    assert flip_scores(ideal_passes())[3] == 100


def test_pck_leaves_out_joints_without_truth():
    passes = ideal_passes()
    passes.truth_px[0, 2] = np.nan
    passes.truth_px[0, 1] = 0
    assert pck_of_maps(passes, passes.maps) == 50


# ---- agreement


def test_swapped_mean_is_the_librarys_flip_test(drawn):
    from cpm_edu.weights import load_lite

    model = load_lite()
    images = torch.from_numpy(drawn.images).permute(0, 3, 1, 2)
    from cpm_edu.datasets.synthetic import synthetic_scene

    centers = torch.from_numpy(
        np.stack(
            [synthetic_scene(i, seed=9, size=model.input_size, people=2).center_px for i in range(48, 52)]
        )
    )
    joints, _ = predict_crops(model, images, centers, flip_test=True)
    off = np.linalg.norm(joints[-1].numpy() - drawn.truth_px, axis=-1)
    known = np.isfinite(off)
    expected = 100 * (off <= 0.2 * drawn.torso_px[:, None])[known].mean()
    assert flip_scores(drawn)[3] == pytest.approx(expected)


def test_any_model_and_skeleton():
    model = CPM.lite(COCO, input_size=(128, 96))
    passes = drawn_passes(model, drawn=range(2))
    nose, shoulder = COCO.index("nose"), COCO.index("left_shoulder")
    assert np.isnan(passes.truth_px[:, nose]).all(), "the drawings have no nose"
    assert np.isfinite(passes.truth_px[:, shoulder]).any()
    assert frame_png(flip_test_frame(passes, joint=shoulder)).startswith(b"\x89PNG")


def test_skeleton_without_a_torso_is_refused():
    model = CPM.lite(Skeleton("two", ("a", "b")), input_size=(64, 64))
    with pytest.raises(ValueError, match="skeleton has none"):
        two_passes(model, torch.zeros(1, 3, 64, 64), torch.zeros(1, 2), np.zeros((1, 2, 2), np.float32))


# ---- what the reader moves


@pytest.mark.parametrize(
    "change", [{"flip": False}, {"swap": True}, {"shift": True}, {"pick": (10.0, 150.0)}]
)
def test_everything_that_can_be_moved_changes_frame_and_status(drawn, change):
    figure = flip_test(passes=drawn, person=1)
    before, status = frame_png(figure.frame), figure.frame.status
    figure.set(**change)
    assert figure.frame.status != status
    assert frame_png(figure.frame) != before


def test_default_is_the_wrist_that_the_swap_saves(drawn):
    figure = flip_test(passes=drawn, person=1)
    assert "left wrist" in figure.frame.status
    wrong = errors(figure.frame.status)
    figure.set(swap=True)
    right = errors(figure.frame.status)
    assert wrong[2] > 20 > 3 > right[2]


def test_ring_picks_the_nearest_joint(drawn):
    figure = flip_test(passes=drawn, person=1)
    for j in np.flatnonzero(np.isfinite(drawn.truth_px[1]).all(1)):
        figure.set(pick=tuple((drawn.truth_px[1, j] + 0.5).tolist()))
        assert LSP.joints[j].replace("_", " ") in figure.frame.status
        assert figure.frame.handles[0].at == pytest.approx(drawn.truth_px[1, j] + 0.5)


def test_chosen_way_is_marked_by_more_than_colour():
    panel_of = lambda **ways: panel(flip_test_frame(ideal_passes(), **ways), "scores")  # noqa: E731
    for ways, words in (
        ({"flip": False}, "one pass"),
        ({"swap": True, "shift": True}, "swapped, shifted by a cell"),
    ):
        chosen = [m.texts[0] for m in mark(panel_of(**ways), Texts) if m.texts[0].startswith("▶")]
        assert len(chosen) == 1
        assert chosen[0].endswith(words)
    [bars] = mark(panel_of(), Rects)
    assert len(bars.boxes) == 5


def test_a_pass_that_is_switched_off_is_empty():
    frame = flip_test_frame(ideal_passes(), flip=False)
    assert mark(panel(frame, "back"), Raster) == []
    assert len(mark(panel(frame, "mean"), Raster)) == 1
    assert len(mark(panel(frame, "picture"), Dots)) == 2


@pytest.mark.parametrize(
    ("merge", "sentence"),
    [
        (lambda maps, back, order, *, shift: maps[0], "merge must return maps"),
        (lambda maps, back, order, *, shift: None, "not NoneType"),
        (lambda maps: maps, "TypeError"),
    ],
)
def test_a_wrong_merge_becomes_a_sentence(merge, sentence):
    assert sentence in flip_test(passes=ideal_passes(), merge=merge).status


def test_readers_own_merge_is_used():
    figure = flip_test(passes=ideal_passes(), merge=lambda maps, back, order, *, shift: maps)
    figure.set(swap=False)
    assert errors(figure.frame.status)[2] == 0.0
