"""Nine joints on 40 drawn pictures, labelled as anybody labels their own data: one json and a folder of pictures.

python tests/own_data_example.py FOLDER      writes FOLDER/pictures/*.jpg and FOLDER/puppets.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

PICTURES, SEED, FINE = 40, 9, 3  # drawn at three times the size, for smooth edges
JOINTS = ("head", "l_elbow", "r_elbow", "l_hand", "r_hand", "l_knee", "r_knee", "l_foot", "r_foot")
LIMBS = [(1, 2), (2, 4), (1, 3), (3, 5), (1, 6), (6, 8), (1, 7), (7, 9)]  # COCO counts joints from 1 here


def write_example(folder: Path | str, pictures: int = PICTURES) -> tuple[Path, Path]:
    """Write the data set; returns the json and the folder of pictures. The same puppets every time."""
    folder = Path(folder)
    places = folder / "pictures"
    places.mkdir(parents=True, exist_ok=True)
    images, annotations = [], []
    for number in range(pictures):
        rng = np.random.default_rng([SEED, number])
        puppets = 2 if number % 4 == 3 else 1
        width, height = (230 if puppets == 2 else int(rng.integers(130, 200))), int(rng.integers(150, 190))
        canvas = draw_place(rng, width, height)
        name = f"puppet_{number:03}.jpg"
        for which in range(puppets):
            middle = np.array([(which + 0.5) * width / puppets, height * 0.42]) + rng.normal(0, 4, 2)
            joints, hidden = draw_puppet(rng, canvas, middle, height * rng.uniform(0.4, 0.47))
            annotations.append(annotate(len(annotations), number, joints, hidden, width, height))
        canvas = canvas.resize((width, height), Image.Resampling.BOX)
        canvas.save(places / name, quality=92)
        images.append({"id": number, "file_name": name, "width": width, "height": height})
    category = {"id": 1, "name": "puppet", "keypoints": JOINTS, "skeleton": LIMBS}
    path = folder / "puppets.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": [category]}))
    return path, places


def annotate(
    number: int, image: int, joints: np.ndarray, hidden: np.ndarray, width: int, height: int
) -> dict:
    """An entry of "annotations": x, y, v of every joint, v 2 in sight, 1 hidden, 0 outside; and a box."""
    inside = (joints > -0.5).all(1) & (joints < np.array([width, height]) - 0.5).all(1)
    keypoints = []
    for (x, y), there, behind in zip(joints.tolist(), inside, hidden, strict=True):
        keypoints += [round(x, 1), round(y, 1), 1 if behind else 2] if there else [0, 0, 0]
    margin = 8  # for head, hands and shoes around their joints
    low = np.clip(joints.min(0) - margin, 0, None)
    high = np.minimum(joints.max(0) + margin, [width - 1, height - 1])
    box = [round(v, 1) for v in (*low.tolist(), *(high - low).tolist())]
    return {"id": number, "image_id": image, "category_id": 1, "bbox": box, "keypoints": keypoints}


def draw_place(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """A floor, a wall and some blots."""
    canvas = Image.new("RGB", (FINE * width, FINE * height), _color(rng, 120, 220))
    draw = ImageDraw.Draw(canvas)
    draw.rectangle(
        (0, FINE * height * rng.uniform(0.6, 0.8), FINE * width, FINE * height), fill=_color(rng, 90, 190)
    )
    for _ in range(6):
        x, y = rng.uniform(0, [FINE * width, FINE * height])
        reach = FINE * rng.uniform(4, 20)
        draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=_color(rng, 90, 220))
    return canvas


def draw_puppet(
    rng: np.random.Generator, canvas: Image.Image, middle: np.ndarray, size: float
) -> tuple[np.ndarray, np.ndarray]:
    """A puppet that faces us, its chest at `middle`; returns its joints (9, 2) in pixels and which are hidden (9,).

    Its left is on our right. Limbs hang behind the trunk, mittens are red and shoes blue.
    """
    draw = ImageDraw.Draw(canvas)
    tilt = rng.normal(0, 0.12)
    turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])

    def at(x: float, y: float) -> np.ndarray:  # parts of the size -> pixels
        return middle + size * (turn @ [x, y])

    def dot(point: np.ndarray, reach: float, fill) -> None:
        x, y = FINE * (point + 0.5)
        draw.ellipse((x - FINE * reach, y - FINE * reach, x + FINE * reach, y + FINE * reach), fill=fill)

    def bone(points: list[np.ndarray], width: float, fill) -> None:
        line = [tuple((FINE * (p + 0.5)).tolist()) for p in points]
        draw.line(line, fill=fill, width=round(FINE * width), joint="curve")

    skin, shirt, trousers = _color(rng, 170, 240), _color(rng, 40, 160), _color(rng, 30, 120)
    joints = np.zeros((9, 2))
    joints[0] = at(rng.normal(0, 0.05), -0.52)
    for side, (elbow, hand, knee, foot) in ((1, (1, 3, 5, 7)), (-1, (2, 4, 6, 8))):
        upper = rng.uniform(-0.4, 2.2)  # 0 hangs down, pi / 2 points aside
        lower = upper + rng.uniform(-0.4, 1.6)
        joints[elbow] = at(side * (0.24 + 0.34 * np.sin(upper)), -0.22 + 0.34 * np.cos(upper))
        joints[hand] = joints[elbow] + turn @ [
            side * 0.32 * size * np.sin(lower),
            0.32 * size * np.cos(lower),
        ]
        upper, lower = rng.uniform(-0.1, 0.8), rng.uniform(-0.3, 0.4)
        joints[knee] = at(side * (0.13 + 0.42 * np.sin(upper)), 0.36 + 0.42 * np.cos(upper))
        joints[foot] = joints[knee] + turn @ [side * 0.4 * size * np.sin(lower), 0.4 * size * np.cos(lower)]
        bone([at(side * 0.13, 0.3), joints[knee], joints[foot]], 0.15 * size, trousers)
        bone([at(side * 0.2, -0.22), joints[elbow], joints[hand]], 0.11 * size, shirt)
        dot(joints[knee], 0.075 * size, trousers)
        dot(joints[elbow], 0.055 * size, shirt)
        dot(joints[foot], 0.11 * size, (40, 60, 200))
        dot(joints[hand], 0.1 * size, (215, 40, 40))
    trunk = [at(-0.27, -0.3), at(0.27, -0.3), at(0.2, 0.4), at(-0.2, 0.4)]
    draw.polygon([tuple((FINE * (p + 0.5)).tolist()) for p in trunk], fill=shirt)
    dot(joints[0], 0.2 * size, skin)
    for side in (-1, 1):
        dot(joints[0] + turn @ [side * 0.07 * size, -0.03 * size], 0.028 * size, (20, 20, 20))
    x, y = np.linalg.solve(turn, (joints - middle).T / size)
    hidden = (np.abs(x) < 0.27 - 0.1 * (y + 0.3)) & (y > -0.3) & (y < 0.4)
    return joints, hidden


def _color(rng: np.random.Generator, low: int, high: int) -> tuple[int, int, int]:
    return tuple(int(v) for v in rng.integers(low, high, 3))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(*write_example(sys.argv[1]), sep="\n")
