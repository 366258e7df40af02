"""Records of the real loaders, their crops and their targets against those of mmpose's validation pipelines.

`golden` is the content of an affine_dataset_*.json; its "records" are some of the people, told by their "index".
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from cpm_edu.coords import apply_affine, crop_matrix, fit_aspect, invert_affine, warp_images
from cpm_edu.datasets.annotated import AnnotatedPeople
from cpm_edu.datasets.augment import plain_crop
from cpm_edu.targets import belief_map_targets

OPENCV_MEAN, EXACT_MEAN = 0.1, 0.15  # grey levels; OpenCV 4 rounds source places to 1/32 px


def read_golden(path: Path, people: AnnotatedPeople) -> dict:
    """The file; it and the loader must have as many people."""
    golden = json.loads(path.read_text())
    assert len(people) == golden["num"], "mmpose loads another number of people"
    assert golden["records"], "nothing to compare"
    return golden


def assert_boxes_and_joints(people: AnnotatedPeople, golden: dict, *, joints: bool = True) -> None:
    """Whose record it is, its box, score and joints, and what `center_px` and `scale_px` become."""
    size = golden["input_size"][::-1]
    for expected in golden["records"]:
        record = people.records[expected["index"]]
        assert (record.image_id, record.id) == (expected["img_id"], expected["ann_id"])
        np.testing.assert_allclose(record.box_xyxy, expected["bbox_xyxy"], rtol=0, atol=1e-3)
        assert abs(record.score - expected["bbox_score"]) < 1e-6
        np.testing.assert_allclose(record.center_px, expected["input_center"], rtol=0, atol=1e-3)
        scale = fit_aspect(torch.from_numpy(record.scale_px), size)
        np.testing.assert_allclose(scale, expected["input_scale"], rtol=0, atol=1e-3)
        if joints:
            np.testing.assert_array_equal(record.visibility, expected["keypoints_visible"])
            np.testing.assert_allclose(record.joints_px, expected["keypoints"], rtol=0, atol=1e-3)


def matrix_of(people: AnnotatedPeople, index: int, golden: dict) -> torch.Tensor:
    """(2, 3) image pixels -> crop pixels by mmpose's convention."""
    record, size = people.records[index], golden["input_size"][::-1]
    center, scale = (torch.from_numpy(v).double() for v in (record.center_px, record.scale_px))
    return crop_matrix(center, fit_aspect(scale, size), size, convention="msra")


def assert_matrices(people: AnnotatedPeople, golden: dict, *, joints_in_file=None) -> None:
    """3e-3 px at the corners of the crop, 5e-3 px for joints: mmpose solves for its matrix from three float32 points.

    That costs it a relative 5e-6, which tells only far from the person: the zoom of a detection of 5 px takes the
    picture's corner 12,000 px off the crop. Hence corners, not the matrix's numbers, and rtol for the joints.

    Args:
        joints_in_file: (N, J, 2) joints that the pipeline transformed, where they are not the records'.
    """
    width, height = golden["input_size"]
    corners = torch.tensor([[0, 0], [width, 0], [0, height], [width, height]], dtype=torch.float64)
    for expected in golden["records"]:
        index = expected["index"]
        matrix, theirs = (
            matrix_of(people, index, golden),
            torch.tensor(expected["matrix"], dtype=torch.float64),
        )
        ours = apply_affine(matrix, apply_affine(invert_affine(theirs), corners))
        np.testing.assert_allclose(ours, corners, rtol=0, atol=3e-3)
        joints = people.records[index].joints_px if joints_in_file is None else joints_in_file[index]
        ours = apply_affine(matrix, torch.from_numpy(np.asarray(joints, np.float64)))
        np.testing.assert_allclose(ours, expected["transformed_keypoints"], rtol=5e-6, atol=5e-3)


def assert_crops(people: AnnotatedPeople, golden: dict) -> None:
    """Mean of each colour of the crop: by OpenCV 4's rule, and as the library makes it."""
    size = golden["input_size"][::-1]
    for expected in golden["records"]:
        index = expected["index"]
        person = people[index]
        assert list(person.pixels().shape[:2]) == expected["ori_shape"]
        pixels = torch.from_numpy(person.pixels().copy()).permute(2, 0, 1)[None].float()
        crop = warp_images(pixels, matrix_of(people, index, golden), size, antialias=False, steps_per_px=32)
        mean = crop.round().mean((0, 2, 3)).numpy()[::-1]
        np.testing.assert_allclose(mean, expected["crop_mean_bgr"], rtol=0, atol=OPENCV_MEAN)
        mean = plain_crop(person, size, "msra").image.mean((1, 2)).numpy()[::-1]
        np.testing.assert_allclose(mean, expected["crop_mean_bgr"], rtol=0, atol=EXACT_MEAN)


def assert_targets(people: AnnotatedPeople, golden: dict, *, joints_in_file=None, visible=None) -> None:
    """Sum of every target and its weight.

    Args:
        joints_in_file: as in `assert_matrices`.
        visible: (J,) in place of the records' visibility.
    """
    width, height = golden["heatmap_size"]
    stride = [side / cells for side, cells in zip(golden["input_size"], golden["heatmap_size"], strict=True)]
    for expected in golden["records"]:
        index = expected["index"]
        record = people.records[index]
        joints = record.joints_px if joints_in_file is None else joints_in_file[index]
        joints = apply_affine(
            matrix_of(people, index, golden), torch.from_numpy(np.asarray(joints, np.float64))
        )
        labelled = torch.from_numpy(record.visibility) if visible is None else visible
        maps, weights = belief_map_targets(
            joints[None].float(), labelled[None], size=(height, width), stride=stride,
            sigma_cells=float(golden["sigma"]), convention="msra",
        )  # fmt: skip
        np.testing.assert_allclose(weights[0], expected["keypoint_weights"], rtol=0, atol=0)
        sums = maps[0].sum((-2, -1), dtype=torch.float64)
        np.testing.assert_allclose(sums, expected["heatmap_sum"], rtol=1e-5, atol=1e-4)
