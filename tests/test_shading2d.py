"""Shading: cover and colour of pixels by hand, edge pixels against four samples each, and the photograph."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from synthetic_actors import actor, generator

from cpm_edu.datasets.drawing.figures2d import figure_parts
from cpm_edu.datasets.drawing.outfits2d import Paint
from cpm_edu.datasets.drawing.parts2d import part
from cpm_edu.datasets.drawing.shading2d import Light, _sample_colors, draw_light, photograph, shade

FLAT = Light((0.0, 0.0, 1.0), 1.0, 0.0, (1.0, 1.0, 1.0))  # no lamp: only the darkening of edges is left


def wide_part(paint):
    """A part whose axis runs through the middle of everything it covers: v = 0, so that nothing darkens."""
    return part("trunk", 0.0, [], (0.0, 1.0), (0.0, 1.0), 1e6, paint, 1.0)


def test_cover_and_colour_by_hand():
    numbers = np.array(
        [[1, 1, 1, 0, 0, 0], [1, 1, 1, 0, 0, 1]], np.uint8
    )  # 1 x 3 pixels: whole, half, a quarter
    colors, cover = shade(numbers, [wide_part(Paint((200.0, 100.0, 40.0)))], FLAT)
    assert cover.tolist() == [[255, 127, 63]]
    np.testing.assert_allclose(colors[:, 0, 0], [200, 100, 40], atol=1)
    np.testing.assert_allclose(colors[:, 0, 1], [100, 50, 20], atol=1)
    np.testing.assert_allclose(colors[:, 0, 2], [50, 25, 10], atol=1)


def test_edge_pixels_are_the_mean_of_four_samples():
    a = actor(px_per_m=70.0)
    parts = figure_parts(a.figure, a.outfit, 140.0, (193.0, 201.0))
    canvas = Image.new("L", (384, 384))
    for number, p in enumerate(parts, 1):
        ImageDraw.Draw(canvas).polygon(p.outline, fill=number)
    numbers = np.asarray(canvas)
    light = draw_light(generator(2))
    colors, cover = shade(numbers, parts, light)

    y, x = np.mgrid[:384, :384].astype(np.float32) + 0.5
    every = _sample_colors(numbers.ravel().astype(np.intp), x.ravel(), y.ravel(), parts, light)
    four = every.reshape(3, 192, 2, 192, 2).mean((2, 4))
    blocks = numbers.reshape(192, 2, 192, 2)
    mixed = blocks.min((1, 3)) != blocks.max((1, 3))
    assert mixed.sum() > 500
    np.testing.assert_allclose(colors[:, mixed].astype(float), four[:, mixed], atol=1.01)  # bytes cut off
    np.testing.assert_array_equal(cover, ((blocks > 0).sum((1, 3)) * 63.75).astype(np.uint8))
    whole = ~mixed & (cover > 0)
    assert np.abs(colors[:, whole] - four[:, whole]).mean() < 3, "one sample stands for four alike"


def test_pattern_takes_the_second_colour():
    hoops = Paint(
        (0.0, 0.0, 0.0), (250.0, 250.0, 250.0), (0.0, 1.0, 0.0, 0.125, 0.0)
    )  # a hoop every 8 samples
    colors, _ = shade(np.ones((64, 4), np.uint8), [wide_part(hoops)], FLAT)
    # The axis starts at sample 1, pixel r lies 2 r samples along it: phases 0, 1/4, 1/2, 3/4 of a hoop.
    np.testing.assert_allclose(colors[0, :8, 0], [250, 125, 0, 125] * 2, atol=1)


def test_nothing_drawn():
    colors, cover = shade(np.zeros((6, 10), np.uint8), [], FLAT)
    assert colors.shape == (3, 3, 5)
    assert not colors.any()
    assert not cover.any()


def test_figures_cover_the_place():
    place = Image.new("RGB", (40, 30), (240, 240, 240))
    cover = np.zeros((30, 40), np.uint8)
    cover[10:20, 10:30] = 255
    picture = photograph(generator(4), place, np.zeros((3, 30, 40), np.uint8), cover, FLAT)
    assert picture.shape == (30, 40, 3)
    assert picture.dtype == np.uint8
    assert picture[12:18, 12:28].mean() + 100 < picture[:8].mean(), "a black figure hides a white wall"
