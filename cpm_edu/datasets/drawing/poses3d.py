"""Body, pose and the kinematic tree: how a synthetic figure stands before anything is drawn.

A figure is a small skeleton in space, in metres. Turning it (yaw), bowing it (lean) and tipping it over (roll) and
then dropping the depth gives image joints whose left and right are the person's own from every side,
foreshortened limbs, and the depth that decides which part covers which.

Axes of the body: x to the person's left, y up, z out of the chest. Axes of the picture: x right, y down,
z toward the viewer; a person with yaw 0 faces the viewer, so that their left is the image's right.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin

import numpy as np

from ...skeletons import LSP

__all__ = ["LIMITS", "POSES", "Body", "Figure", "Pose", "draw_body", "draw_pose", "pose_figure"]

LEFT, RIGHT = 1.0, -1.0  # sign of the body's x axis

# Degrees. Legs: (raise sideways, swing forward, knee). Arms: (raise sideways, swing forward, elbow, turn), where
# turn says to which side the elbow bends: 0 forward, 90 outward and up, -90 inward and down.
Leg = tuple[float, float, float]
Arm = tuple[float, float, float, float]
LIMITS = {
    "leg": ((-5.0, 75.0), (-60.0, 125.0), (0.0, 140.0)),
    "arm": ((0.0, 178.0), (-60.0, 180.0), (0.0, 145.0), (-95.0, 100.0)),
    "lean": (-35.0, 95.0),
}


@dataclass(frozen=True)
class Pose:
    """Joint angles in degrees; first the left limb, then the right one.

    Args:
        lean: trunk bent forward over the hips; bow: bent to the person's left; twist: chest turned against hips.
        roll: whole body turned in the picture, counter-clockwise (180: upside down).
        lift: metres between the ground and the lowest joint; seat: True where something is sat on.
    """

    legs: tuple[Leg, Leg]
    arms: tuple[Arm, Arm]
    lean: float = 0.0
    bow: float = 0.0
    twist: float = 0.0
    roll: float = 0.0
    lift: float = 0.0
    toes: float = 0.0
    seat: bool = False


_HANG: Arm = (9, 4, 14, 0)
_PLANTED: Leg = (4, 0, 4)
# Base poses and how often each is drawn; ours, after what sports photographs show.
POSES: dict[str, tuple[float, Pose]] = {
    "stand": (2, Pose((_PLANTED, _PLANTED), (_HANG, _HANG))),
    "contrapposto": (1.5, Pose(((3, -3, 2), (10, 14, 20)), (_HANG, (42, -15, 100, -80)), bow=6)),
    "hands_on_hips": (1, Pose(((9, 0, 2), (9, 0, 2)), ((42, -15, 98, -82), (42, -15, 98, -82)))),
    "arms_crossed": (0.7, Pose((_PLANTED, _PLANTED), ((14, 28, 105, -62), (14, 22, 108, -60)))),
    "wave": (1.2, Pose((_PLANTED, _PLANTED), (_HANG, (95, 10, 80, 88)))),
    "walk": (2.2, Pose(((2, 27, 8), (2, -20, 26)), ((7, -24, 18, 0), (7, 26, 28, 0)), lean=4)),
    "run": (2.2, Pose(((3, 58, 80), (3, -22, 62)), ((14, -46, 92, 0), (14, 42, 96, -15)), 14, toes=20, lift=0.05)),
    "leap": (1, Pose(((8, 78, 18), (8, -48, 24)), ((80, 10, 15, 20), (105, 0, 20, 20)), 6, toes=50, lift=0.3)),
    "star_jump": (1, Pose(((36, 5, 10), (36, 5, 10)), ((138, 0, 14, 30), (138, 0, 14, 30)), toes=45, lift=0.25)),
    "tuck_jump": (0.7, Pose(((10, 60, 100), (8, 20, 110)), ((150, 0, 20, 20), (165, 0, 20, 20)), toes=50, lift=0.35)),
    "sit": (1.3, Pose(((12, 84, 82), (10, 88, 92)), ((12, 30, 45, -20), (14, 26, 55, -25)), 6, seat=True)),
    "squat": (1, Pose(((24, 88, 112), (24, 88, 112)), ((12, 78, 25, 0), (12, 78, 25, 0)), 24)),
    "cheer": (1.2, Pose(((8, 2, 4), (10, 4, 8)), ((158, 0, 18, 30), (150, 5, 25, 30)))),
    "reach": (1.2, Pose(((6, 20, 22), (6, -22, 10)), ((24, 98, 8, 0), (28, -20, 25, 0)), 16, twist=-18)),
    "serve": (1.3, Pose(((8, 18, 14), (10, -24, 18)), ((70, 62, 10, 30), (118, -8, 82, 72)), -6, -10, twist=-14)),
    "kick": (1.2, Pose(((4, -6, 10), (12, 76, 14)), ((62, 25, 20, 10), (58, -20, 24, 0)), -14, toes=25)),
    "lunge": (1, Pose(((8, 68, 76), (6, -34, 14)), ((20, 30, 60, -20), (20, -30, 70, 0)), 8)),
    "warrior": (0.9, Pose(((46, 10, 34), (40, -6, 4)), ((90, 0, 6, 0), (90, 0, 6, 0)))),
    "tree": (0.8, Pose(((3, 0, 2), (44, 42, 126)), ((166, 0, 22, 80), (166, 0, 22, 80)))),
    "dance": (1.3, Pose(((5, -4, 6), (34, 34, 66)), ((112, 0, 58, 85), (64, 18, 62, -50)), bow=12, toes=15)),
    "guard": (0.9, Pose(((8, 18, 18), (8, -16, 20)), ((22, 52, 118, 5), (24, 40, 122, 0)), 8, twist=14)),
    "bend": (0.8, Pose(((8, 14, 14), (8, -2, 14)), ((10, 84, 15, 0), (16, 70, 25, 0)), 66)),
    "handstand": (0.9, Pose(((8, 6, 8), (10, -10, 12)), ((172, 0, 4, 0), (172, 0, 4, 0)), roll=180, toes=55)),
    "split_handstand": (0.6, Pose(((58, 4, 4), (58, -4, 6)), ((170, 0, 4, 0), (170, 0, 4, 0)), roll=178, toes=55)),
    "cartwheel": (0.9, Pose(((48, 0, 4), (48, 0, 6)), ((150, 0, 4, 0), (150, 0, 4, 0)), roll=118, toes=45)),
    "dive": (0.7, Pose(((6, -8, 12), (8, 10, 20)), ((165, 10, 8, 0), (160, 20, 12, 0)), roll=-72, toes=60, lift=0.4)),
}  # fmt: skip


@dataclass(frozen=True)
class Body:
    """Proportions in metres of a figure of the given height; `girth` widens limbs and trunk (1 = average)."""

    height: float = 1.75
    girth: float = 1.0
    head: float = 0.122
    shoulder: float = 0.178
    hip: float = 0.092
    trunk: float = 0.53
    upper_arm: float = 0.285
    forearm: float = 0.255
    thigh: float = 0.435
    shin: float = 0.41


@dataclass(frozen=True)
class Figure:
    """A posed body in the picture's axes: metres, x right, y down, z toward the viewer, hips at the origin.

    `joints` is (14, 3) in LSP order; `chest`, `pelvis` and `skull` are (3, 3) with the rows left, up and forward of
    that segment; `feet` and `hands` are (2, 3) unit directions, left first; `waist` is (3,).
    """

    body: Body
    pose: Pose
    joints: np.ndarray
    chest: np.ndarray
    pelvis: np.ndarray
    skull: np.ndarray
    head_center: np.ndarray
    waist: np.ndarray
    feet: np.ndarray
    hands: np.ndarray

    def joint(self, name: str) -> np.ndarray:
        """(3,) place of a joint by its LSP name."""
        return self.joints[LSP.index(name)]


def draw_body(rng: np.random.Generator) -> Body:
    """A random body: man or woman, one child in seven."""
    child = rng.random() < 0.15
    broad, long, limb, arm = rng.normal(0.0, 1.0, 4)
    size = rng.uniform(0.62, 0.78) if child else float(np.clip(rng.normal(1.0, 0.055), 0.86, 1.14))
    narrow = 0.88 if child else 1.0
    return Body(
        height=1.75 * size,
        girth=size * float(np.clip(rng.normal(1.0, 0.13), 0.8, 1.4)) * (0.95 if child else 1.0),
        head=0.122 * (0.5 + 0.5 * size if child else 0.9 + 0.1 * size),
        shoulder=0.178 * size * narrow * (1 + 0.07 * broad),
        hip=0.092 * size * (1 - 0.05 * broad),
        trunk=0.53 * size * (1 + 0.03 * long),
        upper_arm=0.285 * size * (1 + 0.035 * arm),
        forearm=0.255 * size * (1 + 0.035 * arm),
        thigh=0.435 * size * narrow * (1 + 0.04 * limb),
        shin=0.41 * size * narrow * (1 + 0.04 * limb),
    )


def draw_pose(rng: np.random.Generator, names: tuple[str, ...] | None = None) -> Pose:
    """A random pose: one of the base poses `names` (None: all), or its mirror image, jittered inside `LIMITS`."""
    names = names or tuple(POSES)
    edges = np.cumsum([POSES[name][0] for name in names])
    base = POSES[names[int(np.searchsorted(edges, rng.random() * edges[-1], side="right"))]][1]
    (leg_l, leg_r), (arm_l, arm_r) = base.legs, base.arms
    side = LEFT
    if rng.random() < 0.5:
        leg_l, leg_r, arm_l, arm_r, side = leg_r, leg_l, arm_r, arm_l, RIGHT
    jitter = rng.normal(0.0, 1.0, 20)

    def limb(angles, kind, noise, spread):
        return tuple(
            min(max(a + s * n, low), high)
            for a, n, s, (low, high) in zip(angles, noise, spread, LIMITS[kind], strict=True)
        )

    leg, arm = (3.5, 8.0, 8.0), (8.0, 9.0, 11.0, 12.0)
    return Pose(
        legs=(limb(leg_l, "leg", jitter[0:3], leg), limb(leg_r, "leg", jitter[3:6], leg)),
        arms=(limb(arm_l, "arm", jitter[6:10], arm), limb(arm_r, "arm", jitter[10:14], arm)),
        lean=min(max(base.lean + 5 * jitter[14], LIMITS["lean"][0]), LIMITS["lean"][1]),
        bow=side * base.bow + 4 * jitter[15],
        twist=side * base.twist + 7 * jitter[16],
        roll=side * base.roll + (3 if abs(base.roll) < 20 else 12) * jitter[17],
        lift=base.lift * (1 + 0.25 * jitter[18]),
        toes=base.toes,
        seat=base.seat,
    )


def _turn(axis: str, degrees: float) -> np.ndarray:
    c, s = cos(radians(degrees)), sin(radians(degrees))
    if axis == "x":
        return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    if axis == "y":
        return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def _limb(side: float, raised: float, swing: float, bend: float, turn: float, fold: float):
    """Directions (upper, lower, ahead) of a two-bone limb in the axes of the segment it hangs from.

    Straight down is (0, -1, 0). `fold` is +1 where the joint folds forward (elbow), -1 backward (knee); `ahead`
    points where a foot would: square to the lower bone, in the plane of the fold.
    """
    sr, cr = sin(radians(raised)), cos(radians(raised))
    sf, cf = sin(radians(swing)), cos(radians(swing))
    st, ct = sin(radians(turn)), cos(radians(turn))
    sb, cb = sin(radians(bend)), cos(radians(bend))
    upper = (side * sr, -cr * cf, cr * sf)
    inward = (fold * st * side * cr, fold * (ct * sf + st * sr * cf), fold * (ct * cf - st * sr * sf))
    lower = [cb * u + sb * p for u, p in zip(upper, inward, strict=True)]
    ahead = [fold * (cb * p - sb * u) for u, p in zip(upper, inward, strict=True)]
    return upper, lower, ahead


def pose_figure(
    body: Body, pose: Pose, *, yaw_deg: float = 0.0, pitch_deg: float = 0.0, gaze=(0.0, 0.0)
) -> Figure:
    """Forward kinematics: a body in a pose, seen from a side.

    Args:
        yaw_deg: 0 faces the viewer, 180 shows the back, 90 is the profile that looks to the image's right.
        pitch_deg: camera above (positive) or below the person.
        gaze: (turn to the person's left, nod down) of the head against the chest, degrees.

    Returns:
        Figure with joints in metres, hips at the origin.
    """
    root = _turn("z", pose.roll) @ _turn("x", pitch_deg) @ _turn("y", yaw_deg)  # body -> viewer, y still up
    pelvis = root @ _turn("x", 0.25 * pose.lean)
    chest = root @ _turn("x", pose.lean) @ _turn("z", -pose.bow) @ _turn("y", pose.twist)
    level = _turn("x", -0.6 * pose.lean)  # people look ahead when they bow
    skull = chest @ level @ _turn("y", gaze[0]) @ _turn("x", gaze[1])

    waist = pelvis @ np.array([0.0, 0.36 * body.trunk, 0.0])
    neck = waist + chest @ np.array([0.0, 0.64 * body.trunk, 0.0])
    throat = neck + chest @ np.array([0.0, 0.45 * body.head, 0.0])
    head_center = throat + skull @ np.array([0.0, 1.1 * body.head, 0.12 * body.head])
    points = {"neck": neck, "head_top": head_center + skull @ np.array([0.0, 0.96 * body.head, 0.0])}
    feet, hands = [], []
    for side, name, leg, arm in zip((LEFT, RIGHT), ("left", "right"), pose.legs, pose.arms, strict=True):
        shrug = 0.03 * max(0.0, arm[0] - 80) / 90 + 0.03 * max(0.0, arm[1] - 80) / 90  # the blade turns up
        shoulder = neck + chest @ np.array(
            [side * (body.shoulder - 0.6 * shrug), shrug - 0.085 * body.trunk, 0.0]
        )
        upper, lower, _ = _rows(chest, _limb(side, *arm, 1.0))
        elbow = shoulder + body.upper_arm * upper
        points |= {
            f"{name}_shoulder": shoulder,
            f"{name}_elbow": elbow,
            f"{name}_wrist": elbow + body.forearm * lower,
        }
        hands.append(lower)
        hip = pelvis @ np.array([side * body.hip, 0.0, 0.0])
        upper, lower, ahead = _rows(root, _limb(side, *leg, 10.0, -1.0))
        knee = hip + body.thigh * upper
        points |= {f"{name}_hip": hip, f"{name}_knee": knee, f"{name}_ankle": knee + body.shin * lower}
        feet.append(cos(radians(pose.toes)) * ahead + sin(radians(pose.toes)) * lower)

    down = np.array([1.0, -1.0, 1.0])  # y up -> y down
    joints = np.stack([points[name] for name in LSP.joints]) * down
    frames = [(frame * down[:, None]).T for frame in (chest, pelvis, skull)]
    return Figure(
        body,
        pose,
        joints,
        *frames,
        head_center * down,
        waist * down,
        np.stack(feet) * down,
        np.stack(hands) * down,
    )


def _rows(frame: np.ndarray, directions) -> np.ndarray:
    return np.array(directions) @ frame.T
