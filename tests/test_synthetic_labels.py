"""Labels of synthetic scenes against their pixels: what is in sight, inside, and in the box."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from synthetic_actors import STRAIGHT, actor, crate, generator, silhouette, xy

from cpm_edu.datasets.drawing.figures2d import figure_parts
from cpm_edu.datasets.drawing.outfits2d import Paint
from cpm_edu.datasets.drawing.parts2d import part
from cpm_edu.datasets.drawing.poses3d import draw_pose
from cpm_edu.datasets.synthetic import SUPERSAMPLE, render
from cpm_edu.skeletons import LSP


def test_profile_looks_to_the_right_and_hides_the_far_side():
    side = actor(STRAIGHT, yaw_deg=90)
    joints = side.joints_px
    assert abs(xy(joints, "left_shoulder")[0] - xy(joints, "right_shoulder")[0]) < 0.01
    step = actor(replace(STRAIGHT, legs=((0, 60, 0), (0, 0, 0))), yaw_deg=90).joints_px
    assert xy(step, "left_knee")[0] > xy(step, "left_hip")[0] + 10, "a leg swung forward points to the right"
    # The left side is turned away from the viewer.
    visible = render(generator(3), [side], size=(192, 192)).visible[0]
    assert visible[LSP.index("left_shoulder")] == 0
    assert visible[LSP.index("left_hip")] == 0
    assert visible[LSP.index("right_shoulder")] == 1
    assert visible[LSP.index("right_elbow")] == 1


@pytest.mark.parametrize(("yaw", "seen"), [(0, 1), (40, 1), (65, 0), (115, 0), (140, 1)])
def test_trunk_hides_the_far_shoulder_of_a_side_view(yaw, seen):
    visible = render(generator(3), [actor(STRAIGHT, yaw_deg=yaw)], size=(192, 192)).visible[0]
    assert visible[LSP.index("left_shoulder")] == seen
    assert visible[LSP.index("right_shoulder")] == 1


def test_occluder_hides_exactly_the_joints_under_it():
    a = actor()
    free = render(generator(2), [a], size=(192, 192))
    assert free.visible.sum() == 14, "a star-shaped pose hides nothing"
    x, y = xy(a.joints_px, "left_knee")
    box = crate(x - 6, y - 6, x + 6, y + 6)
    covered = render(generator(2), [a], size=(192, 192), occluders=[box])
    assert free.visible[0].astype(int).sum() - covered.visible[0].astype(int).sum() == 1
    assert covered.visible[0, LSP.index("left_knee")] == 0
    np.testing.assert_array_equal(free.joints_px, covered.joints_px)
    np.testing.assert_array_equal(free.boxes_xyxy, covered.boxes_xyxy)


def test_nearer_person_hides_the_farther_one():
    front, behind = actor(key=3), actor(key=4)
    for order, hidden, seen in (((1, 0), 1, 0), ((0, 1), 0, 1)):
        sample = render(generator(2), [front, behind], size=(192, 192), order=order)
        assert sample.visible[seen].sum() == 14
        assert sample.visible[hidden].sum() == 0, "the same pose at the same place lies wholly behind"


def test_arm_behind_the_back_is_hidden():
    pose = replace(STRAIGHT, arms=((12, -28, 85, -80), (0, 0, 0, 0)))
    wrist = LSP.index("left_wrist")
    flags = [
        render(generator(1), [actor(pose, yaw_deg=yaw)], size=(192, 192)).visible[0, wrist]
        for yaw in (0, 180)
    ]
    assert flags == [0, 1], "from the front the trunk hides the wrist, from the back it does not"


def test_recoloured_person_changes_the_picture_at_its_visible_joints():
    """The flags against the finished image: recolour one person; visible joints change, joints behind a crate do not."""
    checked = hidden = 0
    for k in range(12):
        rng = generator(5, k)
        pose = draw_pose(rng)
        first = actor(pose, yaw_deg=float(rng.uniform(0, 360)), px_per_m=60.0, key=k)
        other = actor(
            draw_pose(rng), yaw_deg=float(rng.uniform(0, 360)), at=(120.0, 95.0), px_per_m=60.0, key=k + 50
        )
        o = first.outfit

        def negative(color):
            return None if color is None else tuple(255.0 - c for c in color)

        def recolour(paint, negative=negative):
            return replace(paint, color=negative(paint.color), second=negative(paint.second))

        outfit = replace(
            o, skin=negative(o.skin), hair=negative(o.hair), hat=negative(o.hat), shoes=negative(o.shoes),
            socks=negative(o.socks), shirt=recolour(o.shirt), trousers=recolour(o.trousers),
        )  # fmt: skip
        box = crate(100, 60, 140, 130)
        scene, changed = (
            render(generator(9, k), [a, other], size=(192, 192), order=(0, 1), occluders=[box])
            for a in (first, replace(first, outfit=outfit))
        )
        np.testing.assert_array_equal(scene.visible, changed.visible)
        differs = (scene.image != changed.image).any(-1)
        for j, (x, y) in enumerate(np.rint(scene.joints_px[0]).astype(int)):
            if scene.visible[0, j]:
                checked += 1
                assert differs[y, x], (
                    f"scene {k}: {LSP.joints[j]} is called visible, but its pixel is not the person's"
                )
            elif 102 <= x <= 138 and 62 <= y <= 128:
                hidden += 1
                assert not differs[y, x], f"scene {k}: {LSP.joints[j]} shines through the crate"
    assert checked > 60
    assert hidden > 20, "the scenes no longer test what they should"


def test_outside_is_neither_inside_nor_visible():
    sample = render(generator(1), [actor(at=(96.0, 185.0))], size=(192, 192))
    ankle = LSP.index("left_ankle")
    assert not sample.inside[0, ankle]
    assert sample.visible[0, ankle] == 0
    assert sample.boxes_xyxy[0, 3] == 191.5, "the picture ends half a pixel below its last row"
    edge = actor(at=(96.0, 100.0))
    shift = xy(edge.joints_px, "left_wrist")[0]
    for x, inside in ((191.4, True), (191.6, False)):
        moved = replace(edge, hips_px=(96.0 + x - shift, 100.0))
        assert render(generator(1), [moved], size=(192, 192)).inside[0, LSP.index("left_wrist")] == inside


def test_boxes_are_those_of_the_silhouettes():
    for k in range(10):
        rng = generator(23, k)
        a = actor(draw_pose(rng), yaw_deg=float(rng.uniform(0, 360)), px_per_m=50.0, key=k)
        box = render(generator(1), [a], size=(192, 192)).boxes_xyxy[0]
        y, x = np.nonzero(silhouette(a))
        np.testing.assert_allclose(
            box, [x.min(), y.min(), x.max(), y.max()], atol=1.01
        )  # edges fall between pixels


def test_box_leaves_out_what_the_hand_holds():
    bare = actor()
    armed = replace(bare, outfit=replace(bare.outfit, gear="stick", gear_hand=0))
    boxes = [render(generator(1), [a], size=(192, 192)).boxes_xyxy for a in (bare, armed)]
    np.testing.assert_array_equal(*boxes)


def test_half_a_pixel():
    """A ball held by nobody: the centroid of what is drawn is where its centre was put."""
    for x, y in ((80.0, 90.0), (80.5, 90.25)):
        k, r = SUPERSAMPLE, 15.0
        cx, cy = k * (x + 0.5), k * (y + 0.5)
        turn = np.arange(60) * (2 * np.pi / 60)
        outline = np.stack([cx + k * r * np.cos(turn), cy + k * r * np.sin(turn)], -1).ravel().tolist()
        ball, grey = (
            part("occluder", 0.0, outline, (cx, cy), (0.0, 1.0), 1.0, Paint((v, v, v)), 1.0)
            for v in (255.0, 0.0)
        )
        white, black = (
            render(generator(8), [actor(at=(20.0, 100.0))], size=(192, 192), occluders=[p])
            .image.astype(float)
            .sum(-1)
            for p in (ball, grey)
        )
        weight = np.abs(white - black) > 6  # light is uneven, the outline is not
        rows, columns = np.mgrid[:192, :192]
        got = np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()
        np.testing.assert_allclose(got, [x, y], atol=0.15)  # supersampled twice: an eighth of a pixel


def test_more_parts_than_a_byte_counts():
    actors = [actor(key=k, at=(20.0 + 12 * k, 100.0), px_per_m=40.0) for k in range(11)]
    assert sum(len(figure_parts(a.figure, a.outfit, 1.0, (0, 0))) for a in actors) > 256
    crowd = render(generator(1), actors, size=(192, 192), order=range(11))
    assert crowd.visible[10].sum() == 14, "the nearest of eleven is whole"
