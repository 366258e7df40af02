"""From photos to joints: crop, network, flip test, decoder, and the way back to image pixels."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from .coords import (
    apply_affine,
    box_center_scale,
    crop_matrix,
    fit_aspect,
    image_middle,
    invert_affine,
    mirror_points,
    px_from_cells,
    warp_images,
)
from .datasets.crops import ANTIALIASED, PAD_VALUE
from .decoding import decode, merge_flip, merge_flip_decode
from .models import CPM
from .targets import center_map

__all__ = ["crop_beliefs", "crop_joints", "joints_in_image", "pose_in_boxes", "predict_crops"]

BOX_PADDING = 1.25  # mmpose's: how much larger the crop is than the box drawn around a person


@torch.no_grad()
def crop_beliefs(model: CPM, images: Tensor, center_px: Tensor | None, *, flip_test: bool = False) -> Tensor:
    """Belief maps of crops.

    Args:
        model: any CPM; put into evaluation mode.
        images: (N, 3, H_in, W_in) RGB, 0..255, uint8 or float.
        center_px: (N, 2) crop pixels where the center map peaks (NaN: a blank map); None: the crop's middle.
        flip_test: also run the mirrored crops and average, left and right joints swapped back.

    Returns:
        (T, N, C, H, W) float32.
    """
    beliefs, mirrored = _passes(model, images, center_px, flip_test)
    if mirrored is None:
        return beliefs
    permutation = model.skeleton.flip_permutation
    return torch.stack(
        [
            merge_flip(b, m, permutation, shift=model.flip_shift)
            for b, m in zip(beliefs, mirrored, strict=True)
        ]
    )


@torch.no_grad()
def predict_crops(
    model: CPM,
    images: Tensor,
    center_px: Tensor | None,
    *,
    flip_test: bool = False,
    method: str | None = None,
) -> tuple[Tensor, Tensor]:
    """Joints of crops: `crop_joints(model, crop_beliefs(...))` without writing the merged maps of a flip test.

    Args:
        model, images, center_px, flip_test: as of `crop_beliefs`.
        method: as of `crop_joints`.

    Returns:
        joints_px: (T, N, J, 2) crop pixels (x, y).
        scores: (T, N, J).
    """
    beliefs, mirrored = _passes(model, images, center_px, flip_test)
    if mirrored is None:
        return crop_joints(model, beliefs, method=method)
    maps, back = (model.joint_maps(passed) for passed in (beliefs, mirrored))  # (T, N, J, H, W)
    joints, scores = merge_flip_decode(
        maps.flatten(0, 1), back.flatten(0, 1), model.skeleton.flip_permutation,
        shift=model.flip_shift, method=method or _default_method(model),
    )  # fmt: skip
    joints_px = px_from_cells(joints, model.stride, model.convention)
    return joints_px.unflatten(0, maps.shape[:2]), scores.unflatten(0, maps.shape[:2])


def _passes(
    model: CPM, images: Tensor, center_px: Tensor | None, flip_test: bool
) -> tuple[Tensor, Tensor | None]:
    """Belief maps (T, N, C, H, W) float32 of the crops and, for a flip test, of the mirrored crops."""
    model.eval()
    size = tuple(images.shape[-2:])
    if center_px is None:
        center_px = image_middle(size).to(images.device).expand(len(images), 2)
    beliefs = _run(model, images, center_px)
    if not flip_test:
        return beliefs, None
    return beliefs, _run(model, images.flip(-1), mirror_points(center_px, size[1]))


def _run(model: CPM, images: Tensor, center_px: Tensor) -> Tensor:
    centers = center_map(center_px, tuple(images.shape[-2:])) if model.uses_center_map else None
    return model(model.preprocess(images), centers).float()


def _default_method(model: CPM) -> str:
    return "msra" if model.convention == "msra" else "log_parabola"


def crop_joints(model: CPM, belief_maps: Tensor, *, method: str | None = None) -> tuple[Tensor, Tensor]:
    """Joints of belief maps, in crop pixels.

    Args:
        belief_maps: (..., C, H, W) of `model`.
        method: of `cpm_edu.decoding.decode`; None: "msra" for a model of that convention, else "log_parabola".

    Returns:
        joints_px: (..., J, 2) crop pixels (x, y).
        scores: (..., J).
    """
    maps = model.joint_maps(belief_maps)
    joints, scores = decode(maps.reshape(-1, *maps.shape[-3:]), method or _default_method(model))
    joints_px = px_from_cells(joints, model.stride, model.convention)
    return joints_px.reshape(*maps.shape[:-2], 2), scores.reshape(maps.shape[:-2])


def joints_in_image(joints_px: Tensor, matrices: Tensor) -> Tensor:
    """Crop pixels (..., N, J, 2) through the inverse of (N, 2, 3) crop matrices: image pixels, same shape."""
    return apply_affine(invert_affine(matrices.to(joints_px)), joints_px)


def pose_in_boxes(
    model: CPM, image: np.ndarray, boxes_xywh, *, flip_test: bool = False, padding: float = BOX_PADDING
) -> list[dict]:
    """Run a model on people of one photo; crops are made and judged on the model's device.

    Args:
        image: (H, W, 3) uint8 RGB, as `cpm_edu.images.load_image` gives it.
        boxes_xywh: P boxes (x, y, width, height) in pixels; x = 0 is the left edge of the first pixel.
        flip_test: average with the mirrored crop.
        padding: by which a box grows before it becomes the crop.

    Returns:
        One dict a person, of numpy arrays: "image" (H_in, W_in, 3) uint8 crop, "belief_maps" (T, J, H, W)
        float32, "joints_px" (J, 2) crop pixels, "joints" (J, 2) image pixels, "scores" (J,), "stage_joints"
        (T, J, 2) image pixels, "center_px" (2,) crop pixels or None for a model without a center map, and
        "box_xywh", four numbers.

    Raises:
        ValueError: not such an image, a box that is no box or lies outside the image.
    """
    if image.ndim != 3 or image.shape[-1] != 3 or image.dtype != np.uint8:
        raise ValueError(f"the image must be (H, W, 3) uint8, not {image.shape} {image.dtype}")
    boxes = torch.as_tensor(np.asarray(boxes_xywh, np.float64)).reshape(-1, 4)
    for x, y, width, height in boxes.tolist():
        if not (width > 0 and height > 0 and math.isfinite(x + y + width + height)):
            raise ValueError(
                f"the box {x:g},{y:g},{width:g},{height:g} is no box: x,y,width,height in pixels"
            )
        if x >= image.shape[1] or y >= image.shape[0] or x + width <= 0 or y + height <= 0:
            raise ValueError(
                f"the box {x:g},{y:g},{width:g},{height:g} lies outside the image, "
                f"which is {image.shape[1]} px wide and {image.shape[0]} px high"
            )
    size = model.input_size
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    edges = torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1) - 0.5  # pixel centres are whole numbers
    center, scale = box_center_scale(edges, padding)
    matrices = crop_matrix(center, fit_aspect(scale, size), size, convention=model.convention)
    pixels = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float()
    people = []
    for box, matrix in zip(boxes, matrices, strict=True):  # one by one: a photo may be large
        crop = warp_images(
            pixels, matrix, size, fill=PAD_VALUE[model.convention], antialias=ANTIALIASED[model.convention]
        )
        beliefs = crop_beliefs(model, crop.to(device), None, flip_test=flip_test).cpu()
        joints_px, scores = crop_joints(model, beliefs)
        joints = joints_in_image(joints_px, matrix[None])
        people.append(
            {
                "image": crop[0].clamp(0, 255).round().byte().permute(1, 2, 0).numpy(),
                "belief_maps": model.joint_maps(beliefs[:, 0]).numpy(),
                "joints_px": joints_px[-1, 0].numpy(),
                "joints": joints[-1, 0].numpy(),
                "scores": scores[-1, 0].numpy(),
                "stage_joints": joints[:, 0].numpy(),
                "center_px": image_middle(size).numpy() if model.uses_center_map else None,
                "box_xywh": tuple(box.tolist()),
            }
        )
    return people
