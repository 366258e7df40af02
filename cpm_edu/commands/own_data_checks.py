"""What looks wrong in the numbers of your own data, although every record can be read.

`find_doubts` of own_data.py collects the sentences.
"""

from __future__ import annotations

import difflib
import re

import numpy as np

from ..datasets.annotated import AnnotatedPeople
from ..datasets.own import BOX_LIKE_CORNERS, ODD_V
from ..skeletons import Skeleton

__all__ = ["doubts_about_numbers", "misspelled_partners"]

MUCH_OUTSIDE = 0.1  # share of labelled joints outside their box that a right annotation does not reach (ours)
GROWN = 0.1  # of its longer side, by which a box is widened first: boxes are often drawn tightly (ours)
MANY_BOXES = 0.2  # share of boxes beyond their picture that a right annotation does not reach (ours)
ALIKE = 0.8  # difflib's ratio; "rigth front paw" and "right front paw" have 0.93
OTHER_SIDE = {"left": "right", "right": "left"}


def doubts_about_numbers(people: AnnotatedPeople) -> list[str]:
    """Sentences about joints, boxes and v."""
    return [*_doubts_about_joints(people), *_doubts_about_boxes(people), *_doubts_about_visibility(people)]


def _doubts_about_joints(people: AnnotatedPeople) -> list[str]:
    """A sentence where many labelled joints lie outside their box, and whether exchanging x and y mends it."""
    labelled = np.stack([record.labelled for record in people.records])
    joints = np.stack([record.joints_px for record in people.records])
    boxes = np.stack([record.box_xyxy for record in people.records])
    total, outside = int(labelled.sum()), _outside(joints, labelled, boxes)
    if outside == 0 or outside < MUCH_OUTSIDE * total:
        return []
    found = f"{outside} of {total} labelled joints lie outside their box"
    exchanged = _outside(joints[..., ::-1], labelled, boxes)
    if exchanged <= outside / 2:
        return [
            f"{found}; with x and y exchanged {f'only {exchanged}' if exchanged else 'none'} would. A joint is x (to the right), y (down), v"
        ]
    return [
        f"{found}. Joints must be in pixels of the picture (not fractions of it), boxes x, y, width, height"
    ]


def _outside(joints: np.ndarray, labelled: np.ndarray, boxes: np.ndarray) -> int:
    """How many labelled joints lie outside the slightly grown boxes."""
    low, high = boxes[:, None, :2], boxes[:, None, 2:]
    margin = GROWN * (high - low).max(-1, keepdims=True)
    return int((((joints < low - margin) | (joints > high + margin)).any(-1) & labelled).sum())


def _doubts_about_boxes(people: AnnotatedPeople) -> list[str]:
    """A sentence where many boxes fit into their picture only when read as two corners."""
    count, total = _noted(people, BOX_LIKE_CORNERS), len(people.records)
    if count == 0 or count < MANY_BOXES * total:
        return []
    return [
        f"{count} of {total} boxes reach beyond their picture; are they x0, y0, x1, y1? A bbox is x, y, width, height"
    ]


def _doubts_about_visibility(people: AnnotatedPeople) -> list[str]:
    """A sentence where v is something else than 0, 1 or 2, such as a confidence."""
    count = _noted(people, ODD_V)
    if count == 0:
        return []
    return [
        f"{count} of {len(people.records)} people have a v that is not 0, 1 or 2. It is 0 for a joint that is not "
        "labelled, 1 for a hidden one, 2 for one in sight; any v above 0 counts as labelled, a low confidence too"
    ]


def _noted(people: AnnotatedPeople, what: str) -> int:
    """How many of these people a note of the loader is about; its sieve knows those of the whole file."""
    return len(set(people.sieve.noted.get(what, ())) & {record.name for record in people.records})


def misspelled_partners(skeleton: Skeleton) -> str:
    """Which names are probably meant as the partners that are missing; "" where none is near."""
    paired = {name for pair in skeleton.flip_pairs for name in (skeleton.joints[j] for j in pair)}
    found = []
    for joint in (skeleton.joints[j] for j in skeleton.without_partner):
        partner = re.sub("left|right", lambda side: OTHER_SIDE[side[0]], joint.lower())
        others = {name.lower(): name for name in skeleton.joints if name != joint and name not in paired}
        near = difflib.get_close_matches(partner, others, n=1, cutoff=ALIKE)
        if partner != joint.lower() and near:
            found.append(f"{others[near[0]]!r} be {partner!r}")
    return f" (should {', '.join(found)}?)" if found else ""
