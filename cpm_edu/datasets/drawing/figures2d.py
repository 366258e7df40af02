"""Dressing a posed figure: trunk, legs, arms and what the hands hold, as parts ready to be drawn."""

from __future__ import annotations

import numpy as np

from .heads2d import add_head
from .outfits2d import Outfit, Paint
from .parts2d import Part, Tailor, cross
from .poses3d import Figure

__all__ = ["figure_parts"]


def figure_parts(figure: Figure, outfit: Outfit, px_per_m: float, offset_px) -> list[Part]:
    """All parts of a dressed figure, the farthest first.

    Args:
        figure: posed body in metres.
        px_per_m: pixels per metre; offset_px: (x, y) pixel of the hips' middle.

    Returns:
        Parts in pixels, in the order in which they are to be drawn.
    """
    tailor = Tailor(figure, outfit, px_per_m, offset_px)
    _trunk(tailor)
    for side, name in enumerate(("left", "right")):
        _leg(tailor, side, name)
        _arm(tailor, side, name)
    add_head(tailor)
    _gear(tailor)
    return tailor.finish()


def _trunk(t: Tailor):
    body, outfit, f = t.figure.body, t.outfit, t.figure
    neck, waist, hips = f.joint("neck"), f.waist, np.zeros(3)
    up, low = f.chest[1], f.pelvis[1]
    wide = body.shoulder / body.girth  # rings are multiplied by the girth; the shoulders come from the bones
    waist_ring = t.ring(waist, f.chest, 0.118, 0.088)
    hip_ring = t.ring(hips + 0.02 * low, f.pelvis, 0.152, 0.108)
    fork = t.ring(hips - 0.075 * low, f.pelvis, 0.085, 0.07)
    chest = np.concatenate([
        t.ring(neck - 0.005 * up, f.chest, 0.06, 0.055),
        t.ring(neck - 0.065 * up, f.chest, wide - 0.004, 0.08),
        t.ring(neck - 0.2 * up, f.chest, 0.152, 0.118),
        waist_ring,
    ])  # fmt: skip
    axis = (neck, hips)
    depth = 0.5 * float(neck[2] + waist[2])
    low_depth = 0.5 * float(waist[2])
    t.hull("trunk", np.concatenate([waist_ring, hip_ring, fork]), low_depth - 0.004, outfit.trousers, axis)
    hem = t.ring(waist + min(outfit.hem, 0.36) * (hips - waist) / 0.36, f.pelvis, 0.142, 0.104)
    t.hull("trunk", np.concatenate([waist_ring, hem]), max(depth, low_depth) - 0.002, outfit.shirt, axis)
    t.hull("trunk", chest, depth, outfit.shirt, axis)
    throat = neck + (f.head_center - neck) * 0.75
    t.bone(
        "neck",
        "neck",
        neck - 0.03 * up,
        throat,
        depth + (0.004 if f.chest[2, 2] > 0 else 0.002),
        Paint(outfit.skin),
    )
    if outfit.skirt:
        rings, depths = [hip_ring, waist_ring], [low_depth]
        for name in ("left", "right"):
            hip, knee = f.joint(f"{name}_hip"), f.joint(f"{name}_knee")
            rings.append(t.ring(hip + outfit.skirt * (knee - hip), f.pelvis, 0.105, 0.1))
            depths.append(_thigh_depth(hip, knee))
        t.hull("skirt", np.concatenate(rings), max(depths) + 0.004, outfit.trousers, axis)
    _marks(t, neck, waist, depth)


def _marks(t: Tailor, neck, waist, depth):
    """What tells the front from the back: zip, print or collar; a backpack."""
    f, outfit = t.figure, t.outfit
    left, up, ahead = f.chest
    facing = float(ahead[2])
    trunk = float(np.linalg.norm(neck - waist))
    axis = (neck, waist)

    def patch(high, low, half, color):
        front = neck + 0.105 * t.girth * ahead * (0.6 if high < 0.1 else 1.0)
        corners = [front - high * trunk * up + s * half * left for s in (-1, 1)]
        corners += [front - low * trunk * up + s * half * left for s in (-1, 1)]
        t.hull("trunk", np.array(corners), depth + 0.001, Paint(color), axis, roundness=0.0)

    if facing > 0.35 and outfit.front == "zip":
        patch(0.05, 1.3, 0.008, outfit.mark)
    if facing > 0.35 and outfit.front == "print":
        patch(0.28, 0.62, 0.06, outfit.mark)
    if facing > 0.1 and outfit.front == "collar":
        t.hull("trunk", np.array([
            neck + 0.055 * left + 0.06 * ahead, neck - 0.055 * left + 0.06 * ahead, neck - 0.11 * up + 0.1 * ahead,
        ]), depth + 0.001, Paint(outfit.skin), axis, roundness=0.0)  # fmt: skip
    if outfit.backpack:
        middle = neck - 0.42 * trunk * up - 0.14 * t.girth * ahead
        axes = np.stack([0.2 * up, 0.13 * left, 0.085 * ahead])
        t.ball("backpack", middle, axes, depth - 0.2 * facing, Paint(outfit.backpack))
        for s in (-1, 1) if facing > 0.35 else ():
            top = neck - 0.02 * up + 0.1 * s * left + 0.05 * ahead
            corners = [top - 0.012 * left, top + 0.012 * left]
            corners += [p - 0.3 * up + 0.02 * s * left + 0.06 * ahead for p in corners]
            t.hull("trunk", np.array(corners), depth + 0.0015, Paint(outfit.backpack), axis, roundness=0.0)


def _thigh_depth(hip, knee) -> float:
    return float(0.3 * hip[2] + 0.7 * knee[2]) - 0.03


def _leg(t: Tailor, side: int, name: str):
    f, outfit, skin = t.figure, t.outfit, Paint(t.outfit.skin)
    hip, knee, ankle = (f.joint(f"{name}_{joint}") for joint in ("hip", "knee", "ankle"))
    thigh, shin = _thigh_depth(hip, knee), float(knee[2] + ankle[2]) / 2 - 0.03
    foot = f.feet[side]
    across = cross(foot, ankle - knee)
    across /= max(float(np.linalg.norm(across)), 1e-6)
    sole = cross(across, foot)
    middle = ankle + 0.072 * t.girth * foot + 0.018 * sole
    axes = t.girth * np.stack([0.118 * foot, 0.046 * across, 0.042 * sole])
    t.bone(f"{name}_shin", "shin", knee, ankle, shin, skin)
    if outfit.socks and outfit.leg < 0.9:
        t.bone(
            f"{name}_shin",
            "shin",
            ankle,
            ankle + 0.3 * (knee - ankle),
            shin + 5e-4,
            Paint(outfit.socks),
            swell=0.72,
        )
    t.ball(f"{name}_foot", middle, axes, max(shin + 0.01, float(middle[2]) - 0.03), Paint(outfit.shoes))
    t.bone(f"{name}_thigh", "thigh", hip, knee, thigh, skin if outfit.leg < 0.3 else outfit.trousers)
    if outfit.leg > 0.5:
        t.bone(f"{name}_shin", "shin", knee, ankle, shin + 1e-3, outfit.trousers, until=0.93, swell=1.12)
    elif outfit.leg < 0.5:
        t.bone(
            f"{name}_thigh",
            "thigh",
            hip,
            knee,
            thigh + 1e-3,
            outfit.trousers,
            until=2 * outfit.leg,
            swell=1.08,
        )


def _arm(t: Tailor, side: int, name: str):
    f, outfit, skin = t.figure, t.outfit, Paint(t.outfit.skin)
    shoulder, elbow, wrist = (f.joint(f"{name}_{joint}") for joint in ("shoulder", "elbow", "wrist"))
    upper, lower = float(shoulder[2] + elbow[2]) / 2 + 0.035, float(elbow[2] + wrist[2]) / 2 + 0.045
    long = outfit.sleeve > 0.9
    t.bone(f"{name}_hand", "hand", wrist, wrist + 0.115 * t.girth * f.hands[side], lower - 5e-4, skin)
    t.bone(f"{name}_forearm", "forearm", elbow, wrist, lower, skin)
    t.bone(f"{name}_upper_arm", "upper_arm", shoulder, elbow, upper, outfit.shirt if long else skin)
    if long:
        t.bone(f"{name}_forearm", "forearm", elbow, wrist, lower + 1e-3, outfit.shirt, until=0.96, swell=1.09)
    elif outfit.sleeve:
        sleeve = round(2 * outfit.sleeve, 3)
        t.bone(
            f"{name}_upper_arm",
            "upper_arm",
            shoulder,
            elbow,
            upper + 1e-3,
            outfit.shirt,
            until=sleeve,
            swell=1.07,
        )


def _gear(t: Tailor):
    """A ball, racket or stick in one hand."""
    outfit, f, side = t.outfit, t.figure, t.outfit.gear_hand
    if outfit.gear == "none":
        return
    wrist, hand = f.joint("left_wrist" if side == 0 else "right_wrist"), f.hands[side]
    grip = wrist + 0.07 * t.girth * hand
    depth, paint = float(grip[2]) + 0.05, Paint(outfit.mark)
    if outfit.gear == "ball":
        center = wrist + 0.21 * hand
        t.ball(
            "gear",
            center,
            0.115 * np.eye(3)[[1, 0, 2]],
            depth + 0.02,
            Paint(outfit.mark, outfit.hat, outfit.shirt.pattern),
        )
        return
    toward = hand + 0.7 * cross(hand, f.chest[0])  # held at an angle to the forearm
    toward /= max(float(np.linalg.norm(toward)), 1e-6)
    if outfit.gear == "stick":
        t.bone("gear", "stick", grip - 0.12 * toward, grip + 0.8 * toward, depth, paint)
        return
    across = cross(toward, hand)
    across /= max(float(np.linalg.norm(across)), 1e-6)
    t.bone("gear", "stick", grip - 0.06 * toward, grip + 0.26 * toward, depth, paint)
    frame, strings = np.stack([0.17, 0.125, 0.01]), (0.45, 1.0, 1.0, 40.0, 4.0)
    head = np.stack([toward, across, cross(toward, across)])
    center = grip + 0.4 * toward
    t.ball("gear", center, frame[:, None] * head, depth + 1e-3, paint)
    t.ball(
        "gear",
        center,
        0.86 * frame[:, None] * head,
        depth + 2e-3,
        Paint((236, 236, 224), (150, 150, 140), strings),
    )
