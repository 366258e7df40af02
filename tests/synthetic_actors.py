"""Actors in known poses, for the tests of synthetic people."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw

from cpm_edu.datasets.drawing.figures2d import figure_parts
from cpm_edu.datasets.drawing.outfits2d import Paint, draw_outfit
from cpm_edu.datasets.drawing.parts2d import part
from cpm_edu.datasets.drawing.poses3d import Body, Pose, pose_figure
from cpm_edu.datasets.synthetic import SUPERSAMPLE, Actor
from cpm_edu.skeletons import LSP

STRAIGHT = Pose(legs=((0, 0, 0), (0, 0, 0)), arms=((0, 0, 0, 0), (0, 0, 0, 0)))
OPEN = Pose(legs=((20, 0, 0), (20, 0, 0)), arms=((60, 0, 0, 0), (60, 0, 0, 0)))  # nothing covers anything


def generator(*key: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=np.array([*key, 0][:2], np.uint64)))


def actor(pose: Pose = OPEN, *, yaw_deg=0.0, at=(96.0, 100.0), px_per_m=80.0, key=1, **figure) -> Actor:
    outfit = replace(draw_outfit(generator(key)), backpack=None, gear="none", haircut="short", skirt=0.0)
    return Actor(pose_figure(Body(), pose, yaw_deg=yaw_deg, **figure), outfit, px_per_m, at)


def xy(joints_px: np.ndarray, name: str) -> np.ndarray:
    return joints_px[LSP.index(name)]


def silhouette(a: Actor, size=(192, 192)) -> np.ndarray:
    """(H, W) bool, drawn here at the picture's own size."""
    canvas = Image.new("L", (size[1], size[0]))
    x, y = a.hips_px
    for p in figure_parts(a.figure, a.outfit, a.px_per_m, (x + 0.5, y + 0.5)):
        ImageDraw.Draw(canvas).polygon(p.outline, fill=1)
    return np.asarray(canvas) > 0


def crate(x0, y0, x1, y1):
    """An occluder that covers exactly the pixels x0..x1, y0..y1 of the picture."""
    x0, y0, x1, y1 = (SUPERSAMPLE * v for v in (x0, y0, x1 + 1, y1 + 1))
    outline = [x0, y0, x1, y0, x1, y1, x0, y1]
    return part("occluder", 0.0, outline, (x0, y0), (0.0, y1 - y0), x1 - x0, Paint((9.0, 9.0, 9.0)), 80.0)
