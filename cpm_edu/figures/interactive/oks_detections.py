"""Twenty detections of one drawn person, and what COCO's average precision makes of them: the data of `oks.py`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from ...datasets.synthetic import synthetic_scene
from ...metrics.coco import coco_ap
from ...metrics.oks import joint_similarities
from ...skeletons import COCO, LSP

__all__ = [
    "OFFSETS_PX",
    "Detections",
    "average_precision",
    "detections",
    "joint_similarity",
    "pycocotools_ap",
]

SCENE, SEED, SIDE = 9, 7, 360  # a drawn person who faces us
OTHERS, NOISE_SEED = 19, 3
# Where the first person's prediction is off: 12 px at an eye, a wrist and a hip; its other joints are exact.
OFFSETS_PX = {"left_eye": (9.6, -7.2), "left_wrist": (-9.6, 7.2), "left_hip": (9.6, 7.2)}


@dataclass(frozen=True, eq=False)
class Detections:
    """One person to look at, and N detections, the first of them of this person, each in a picture of its own.

    Args:
        image: (H, W, 3) uint8.
        truth_px: (17, 2) COCO joints, for simplicity those of every picture.
        area: of the person in square pixels.
        pred_px: (N, 17, 2).
        scores: (N,) how sure each detection is.
    """

    image: np.ndarray
    truth_px: np.ndarray
    area: float
    pred_px: np.ndarray
    scores: np.ndarray


@cache
def detections() -> Detections:
    """A drawn person and twenty detections, made by chance with a seed; the likelier ones tend to be better.

    Ours: the face points are placed on the drawn head, and the area is half of the person's box.
    """
    scene = synthetic_scene(SCENE, seed=SEED, size=(SIDE, SIDE), people=1)
    truth = _coco_joints(scene.joints_px[0])
    x1, y1, x2, y2 = scene.boxes_xyxy[0].tolist()
    area = 0.5 * (x2 - x1) * (y2 - y1)
    rng = np.random.default_rng(NOISE_SEED)
    spread = 2 * np.array(COCO.oks_sigmas) * np.sqrt(area)  # (17,) pixels: k s
    severity = rng.gamma(2.0, 0.32, (OTHERS + 1, 1, 1))
    pred = truth + severity * spread[:, None] * rng.normal(size=(OTHERS + 1, 17, 2))
    scores = np.clip(0.95 - 0.35 * severity[:, 0, 0] + rng.normal(0, 0.13, OTHERS + 1), 0.05, 0.99)
    pred[0], scores[0] = truth, 0.9
    for name, offset in OFFSETS_PX.items():
        pred[0, COCO.index(name)] += offset
    return Detections(scene.image, truth, area, pred, scores)


def _coco_joints(lsp: np.ndarray) -> np.ndarray:
    """(17, 2) of (14, 2): the limbs by name, the face of a drawn person who looks at us by its proportions."""
    top, neck = lsp[LSP.index("head_top")], lsp[LSP.index("neck")]
    down = neck - top
    left = np.array([down[1], -down[0]])  # the person's left is on our right
    face = {"nose": (0.42, 0.0), "left_eye": (0.33, 0.115), "left_ear": (0.4, 0.31)}
    face |= {name.replace("left", "right"): (d, -side) for name, (d, side) in face.items() if side}
    return np.array(
        [
            lsp[LSP.index(name)] if name in LSP.joints else top + face[name][0] * down + face[name][1] * left
            for name in COCO.joints
        ]
    )


def joint_similarity(distance_px, area: float, sigma: float) -> np.ndarray:
    """What a joint brings to OKS: 0..1 for errors of any shape, a person's area and the joint's sigma."""
    distance = np.asarray(distance_px, np.float64)
    points = np.stack([distance.ravel(), np.zeros(distance.size)], -1)[:, None]  # (K, 1, 2)
    found = joint_similarities(
        points, np.zeros_like(points), areas=np.full(len(points), area), sigmas=[sigma]
    )
    return found.reshape(distance.shape)


def average_precision(hits: np.ndarray, people: int | None = None) -> tuple[float, np.ndarray, np.ndarray]:
    """COCO's AP of N detections, best ranked first.

    Args:
        hits: (N,) bool.
        people: how many there are to be found; None: as many as detections.

    Returns:
        AP 0..1, the mean of the precision at the recalls 0, 0.01, ..., 1; (N,) recall; (N,) precision, each the
        best that is reached at this recall or a larger one.

    Source: pycocotools, COCOeval.accumulate.
    """
    found = np.cumsum(hits)
    recall = found / (len(hits) if people is None else people)
    precision = np.maximum.accumulate((found / np.arange(1, len(hits) + 1))[::-1])[::-1]
    at = np.searchsorted(recall, np.linspace(0, 1, 101), side="left")
    return float(np.append(precision, 0.0)[at].mean()), recall, precision


def pycocotools_ap(data: Detections, pred_px: np.ndarray) -> float:
    """AP of (N, 17, 2) predictions by pycocotools, every detection in a picture of its own."""
    low, high = data.truth_px.min(0), data.truth_px.max(0)
    keypoints = np.concatenate([data.truth_px, np.full((17, 1), 2.0)], 1).ravel().tolist()
    person = {"category_id": 1, "keypoints": keypoints, "area": data.area, "bbox": [*low, *(high - low)]}
    images = range(1, len(pred_px) + 1)
    truth = {
        "images": [{"id": n} for n in images],
        "annotations": [person | {"id": n, "image_id": n} for n in images],
        "categories": [{"id": 1, "name": "person"}],
    }
    results = [
        {"image_id": n, "category_id": 1, "score": float(score),
         "keypoints": np.concatenate([pose, np.ones((17, 1))], 1).ravel().tolist()}
        for n, pose, score in zip(images, pred_px, data.scores, strict=True)
    ]  # fmt: skip
    return coco_ap(truth, results)["AP"]
