"""Posed figures: the kinematic tree by hand, left and right from every side, limits, and joints on the drawn body."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from synthetic_actors import OPEN, STRAIGHT, actor, generator, silhouette, xy

from cpm_edu.datasets.drawing.heads2d import cap_outline
from cpm_edu.datasets.drawing.outfits2d import draw_outfit
from cpm_edu.datasets.drawing.poses3d import LIMITS, POSES, Body, draw_body, draw_pose, pose_figure
from cpm_edu.datasets.synthetic import Actor
from cpm_edu.skeletons import LSP


def test_straight_body_by_hand():
    body = Body()
    figure = pose_figure(body, STRAIGHT)
    ankle, wrist = figure.joint("left_ankle"), figure.joint("left_wrist")
    # y points down and the hips are the origin: the ankle lies a thigh and a shin below.
    np.testing.assert_allclose(ankle, [body.hip, body.thigh + body.shin, 0.0], atol=1e-12)
    shoulder_y = -body.trunk + 0.085 * body.trunk
    np.testing.assert_allclose(
        wrist, [body.shoulder, shoulder_y + body.upper_arm + body.forearm, 0.0], atol=1e-12
    )
    np.testing.assert_allclose(figure.joint("neck"), [0.0, -body.trunk, 0.0], atol=1e-12)


def test_knee_folds_backward_and_elbow_forward():
    figure = pose_figure(
        Body(), replace(STRAIGHT, legs=((0, 0, 90), (0, 0, 0)), arms=((0, 0, 90, 0), (0, 0, 0, 0)))
    )
    shin = figure.joint("left_ankle") - figure.joint("left_knee")
    forearm = figure.joint("left_wrist") - figure.joint("left_elbow")
    assert shin[2] < -0.4, "z points to the viewer whom the person faces; a knee folds away from there"
    assert forearm[2] > 0.25
    assert abs(shin[1]) < 1e-9
    assert abs(forearm[1]) < 1e-9


@pytest.mark.parametrize(("yaw", "sign"), [(0, 1), (35, 1), (-35, 1), (180, -1), (150, -1), (215, -1)])
def test_left_is_the_persons_own(yaw, sign):
    joints = actor(yaw_deg=yaw).joints_px
    for name in ("shoulder", "hip", "wrist", "ankle"):
        gap = xy(joints, f"left_{name}")[0] - xy(joints, f"right_{name}")[0]
        assert sign * gap > 2, f"seen from {yaw} degrees the left {name} is on the wrong side"


def test_upside_down():
    joints = actor(replace(OPEN, roll=180)).joints_px
    assert (
        xy(joints, "head_top")[1]
        > xy(joints, "neck")[1]
        > xy(joints, "left_hip")[1]
        > xy(joints, "left_ankle")[1]
    )
    assert xy(joints, "left_shoulder")[0] < xy(joints, "right_shoulder")[0], (
        "a body on its head swaps sides too"
    )


def test_cap_of_hair_by_hand():
    ball = np.diag([2.0, 2.0, 2.0])
    toward = cap_outline(ball, (0, 0, 1), 30)
    np.testing.assert_allclose(np.hypot(*toward.T), 2 * np.sin(np.radians(30)), atol=1e-9)
    assert cap_outline(ball, (0, 0, -1), 60) is None, "a cap on the far side is out of sight"
    half = cap_outline(ball, (1, 0, 0), 60)
    assert half[:, 0].min() == pytest.approx(2 * np.cos(np.radians(60)), abs=0.02), (
        "half a cap ends at its rim"
    )
    assert half[:, 0].max() == pytest.approx(2.0, abs=0.02), "and reaches the horizon"


def test_limbs_have_plausible_lengths():
    """Against the trunk: neither longer than anatomy allows, nor ever short in all views."""
    ratios = []
    for k in range(60):
        b = draw_body(generator(31, k))
        ratios.append([b.upper_arm / b.trunk, b.forearm / b.trunk, b.thigh / b.trunk, b.shin / b.trunk])
    low, high = np.min(ratios, 0), np.max(ratios, 0)
    assert (low > [0.4, 0.38, 0.6, 0.55]).all(), low
    assert (high < [0.72, 0.65, 1.05, 1.0]).all(), high
    for k in range(40):  # projection only shortens
        rng = generator(37, k)
        body = draw_body(rng)
        a = Actor(pose_figure(body, draw_pose(rng), yaw_deg=40.0 * k), draw_outfit(rng), 80.0, (0.0, 0.0))
        for side in ("left", "right"):
            for start, end, length in (
                ("shoulder", "elbow", body.upper_arm), ("elbow", "wrist", body.forearm),
                ("hip", "knee", body.thigh), ("knee", "ankle", body.shin),
            ):  # fmt: skip
                seen = np.linalg.norm(xy(a.joints_px, f"{side}_{end}") - xy(a.joints_px, f"{side}_{start}"))
                assert seen <= 80.0 * length * (1 + 1e-5)


def test_poses_stay_inside_the_limits():
    for k in range(200):
        pose = draw_pose(generator(41, k))
        for angles, limits in ((pose.legs, LIMITS["leg"]), (pose.arms, LIMITS["arm"])):
            for limb in angles:
                assert all(low <= a <= high for a, (low, high) in zip(limb, limits, strict=True))
    for name, (_, pose) in POSES.items():
        for angles, limits in ((pose.legs, LIMITS["leg"]), (pose.arms, LIMITS["arm"])):
            for limb in angles:
                assert all(low <= a <= high for a, (low, high) in zip(limb, limits, strict=True)), name


@pytest.mark.parametrize("name", POSES)
def test_joints_lie_on_the_figure(name):
    for k, yaw in enumerate((0, 60, 180, 260)):
        rng = generator(17, k)
        a = Actor(
            pose_figure(draw_body(rng), draw_pose(rng, (name,)), yaw_deg=yaw),
            draw_outfit(rng),
            70.0,
            (160.0, 160.0),
        )
        mask = silhouette(a, (320, 320))
        x, y = np.rint(a.joints_px).astype(int).T
        lost = [joint for joint, on in zip(LSP.joints, mask[y, x], strict=True) if not on]
        assert not lost, f"{name} from {yaw} degrees: {lost} lie off the drawn body"
