"""The refinement figure: beliefs at a place by hand, the grey square, every control, other models."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cpm_edu.figures.interactive.frame import Dots, Raster, Rects, Texts
from cpm_edu.figures.interactive.refinement import belief_at, covered, joint_pairs, refinement
from cpm_edu.figures.interactive.static import frame_png
from cpm_edu.models import CPM
from cpm_edu.skeletons import COCO, LSP, Skeleton


@pytest.fixture(scope="module")
def figure():
    return refinement()


def panel(frame, name):
    return next(p for row in frame.rows for p in row if p.name == name)


def first_raster(frame, name="crop"):
    return next(m.values for m in panel(frame, name).marks if isinstance(m, Raster))


# ---- numbers by hand


def test_belief_at_by_hand():
    maps = np.zeros((2, 5, 7))
    maps[0, 1, 2], maps[1, 4, 6] = 0.7, 0.3  # (x 2, y 1) and the last cell
    assert belief_at(maps, (19.5, 11.5), stride=8).tolist() == [0.7, 0.0], "the middle of cell (2, 1)"
    assert belief_at(maps, (27.5, 19.5), stride=8).tolist() == [0.7, 0.0], "a cell beside it counts"
    assert belief_at(maps, (35.5, 11.5), stride=8).tolist() == [0.0, 0.0], "two cells away does not"
    assert belief_at(maps, (900.0, 900.0), stride=8).tolist() == [0.0, 0.3], "outside: the nearest cell"
    assert belief_at(maps, (28.2, 8.0), stride=8).tolist() == [0.7, 0.0], "28.7 / 8 - 0.5 is cell 3"
    assert belief_at(maps, (28.2, 8.0), stride=8, convention="msra").tolist() == [0.0, 0.0], (
        "28.2 / 8: cell 4"
    )
    assert np.isnan(belief_at(maps, (np.nan, 3.0), stride=8)).all()


def test_covered_by_hand():
    image = np.zeros((10, 12, 3), np.uint8)
    assert np.argwhere(covered(image, (5.0, 4.0), 2)[..., 0]).tolist() == [[3, 4], [3, 5], [4, 4], [4, 5]]
    assert covered(image, (0.0, 0.0), 4).any(-1).sum() == 4, "cut at the border"
    assert not covered(image, (5.0, 4.0), 0).any()
    assert not image.any(), "the picture itself stays"


def test_pairs_of_skeletons():
    assert joint_pairs(LSP)["knee"] == (LSP.index("left_knee"), LSP.index("right_knee"))
    assert len(joint_pairs(COCO)) == 8
    bare = Skeleton("plant", ("root", "leaf"), limbs=((0, 1),))
    assert joint_pairs(bare) == {"root": (0, 0), "leaf": (1, 1)}


# ---- what the reader moves


def test_stages_resolve_left_and_right(figure):
    figure.reset()
    assert "Left wrist's map: 0.16 at the left one, 0.50 at the right one" in figure.frame.status
    wrist = f"map {LSP.index('left_wrist')}"
    first = [m.values for m in panel(figure.frame, wrist).marks if isinstance(m, Raster)]
    figure.set(stage=4)
    last = [m.values for m in panel(figure.frame, wrist).marks if isinstance(m, Raster)]
    assert np.array_equal(first[0], last[0]), "the same crop"
    assert first[1][6:8, 12:16, 3].max() > last[1][6:8, 12:16, 3].max(), "belief at the right wrist fades"
    assert "Left wrist's map: 0.62 at the left one, 0.20 at the right one" in figure.frame.status
    assert frame_png(figure.frame)[:4] == b"\x89PNG"


def test_the_cross_is_the_maps_peak_and_the_rings_are_the_truth(figure):
    figure.reset()
    figure.set(stage=4)
    wrist = panel(figure.frame, f"map {LSP.index('left_wrist')}")
    rings, cross = (m for m in wrist.marks if isinstance(m, Dots))
    assert rings.shape == "ring"
    assert np.linalg.norm(np.asarray(cross.points[0]) - rings.points[0]) < 5
    assert np.round(rings.points[0]).tolist() == [34.0, 53.0]
    assert next(m for m in wrist.marks if isinstance(m, Texts)).texts == ["L", "R"]


@pytest.mark.parametrize("change", [{"stage": 3}, {"joint": "knee"}, {"side": 30}])
def test_every_control_changes_picture_and_status(figure, change):
    figure.reset()
    figure.set(cover=(40.0, 55.0))
    before = figure.frame
    figure.set(**change)
    assert figure.frame.status != before.status
    assert frame_png(figure.frame, scale=1) != frame_png(before, scale=1)


def test_dragging_the_square_hides_something(figure):
    figure.reset()
    figure.set(stage=4, side=40, cover=(100.0, 20.0))
    aside = figure.frame
    figure.set(cover=(36.0, 53.0))
    assert figure.frame.status != aside.status
    assert figure.frame.handles[0].at == (36.0, 53.0)
    assert (first_raster(figure.frame)[45:60, 30:40] == 114).all(), "the network sees what is drawn"
    assert [m for m in panel(figure.frame, "crop").marks if isinstance(m, Rects)]
    figure.set(side=0)
    assert not [m for m in panel(figure.frame, "crop").marks if isinstance(m, Rects)]


# ---- other models, wrong things


def test_any_model_and_skeleton():
    torch.manual_seed(0)
    figure = refinement(CPM.mmpose(COCO, num_stages=2, input_size=(64, 48)), joint="eye")
    unknown = "Stage 1. Left eye's map: unknown at the left one, unknown at the right one; where it is, nobody knows."
    assert figure.frame.status.startswith(unknown), "the drawn people have no eyes on their lists"
    figure.set(joint="ankle")
    assert "px from its joint" in figure.frame.status
    assert frame_png(figure.frame)


def test_own_picture_and_a_skeleton_without_sides():
    torch.manual_seed(0)
    model = CPM.lite(Skeleton("plant", ("root", "leaf"), limbs=((0, 1),)), features=16, width=8, num_stages=2,
                     input_size=(64, 64))  # fmt: skip
    figure = refinement(model, np.full((64, 64, 3), 90, np.uint8))
    assert len(figure.frame.rows[0]) == 2
    assert "from the last stage's" in figure.frame.status
    with pytest.raises(ValueError, match="no 'knee'"):
        refinement(model, np.zeros((64, 64, 3), np.uint8), joint="knee")
    with pytest.raises(ValueError, match="must be"):
        refinement(model, np.zeros((10, 10, 3), np.uint8))
