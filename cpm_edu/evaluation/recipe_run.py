"""A recipe's test on a data set: predict everybody, then judge every stage by the rule of the published row."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ..datasets.annotated import read_json
from ..datasets.people import PeopleDataset
from ..images import ImageError
from ..metrics.table import Table
from ..models import CPM
from ..training.recipes import Recipe
from .benchmarks import Measurement, measure
from .multiscale import multiscale_joints
from .predictions import Predictions, find_in_crops, part_of

__all__ = ["Judged", "digest_of_file", "find_at_zooms", "first_people", "judge", "require_measurable"]


def digest_of_file(path: Path | str) -> str:
    """SHA-256 of a file, 64 hex digits."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def first_people(people: PeopleDataset, limit: int | None) -> np.ndarray:
    """Indices of the first `limit` people (None: all) and of those who share their pictures.

    A benchmark that judges picture by picture, as COCO's does, needs whole pictures.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"--limit must be at least 1, not {limit}")
    if limit is None or limit >= len(people):
        return np.arange(len(people))
    records = getattr(people, "records", None)
    if records is None:
        return np.arange(limit)
    files = {record.file for record in records[:limit]}
    return np.array([i for i, record in enumerate(records) if record.file in files])


def find_at_zooms(
    model: CPM,
    people: PeopleDataset,
    zooms: Sequence[float],
    *,
    flip_test: bool = False,
    batch_size: int = 50,
    device: str | torch.device = "cpu",
    workers: int = 0,
    skip_bad: bool = False,
) -> Iterator[Predictions]:
    """`find_in_crops`, or, where zooms are given other than 1, the multi-scale test person by person."""
    if tuple(zooms) == (1.0,):
        yield from find_in_crops(
            model, people, flip_test=flip_test, batch_size=batch_size, device=device, workers=workers,
            skip_bad=skip_bad,
        )  # fmt: skip
        return
    for index in range(len(people)):
        skipped = ()
        try:
            found = multiscale_joints(model, [people[index]], zooms, flip_test=flip_test, device=device)
        except ImageError as error:
            if not skip_bad:
                raise
            num_joints = model.skeleton.num_joints
            skipped = (str(error),)
            found = (
                np.zeros((model.num_stages, 0, num_joints, 2)),
                np.zeros((model.num_stages, 0, num_joints)),
            )
        joints, scores = (np.asarray(values, np.float32) for values in found)
        yield Predictions(np.arange(index, index + joints.shape[1]), joints, scores, skipped)


@dataclass(frozen=True, eq=False)
class Judged:
    """What every stage is worth by a recipe's rule.

    Args:
        recipe: whose rule.
        people: the N people that were predicted.
        joints_px: (T, N, J, 2) image pixels.
        scores: (T, N, J).
        stages: T measurements, first stage first.
    """

    recipe: Recipe
    people: PeopleDataset
    joints_px: np.ndarray
    scores: np.ndarray
    stages: list[Measurement]

    def stage_table(self, caption: str = "") -> Table:
        """One row a number of the recipe's row, one column a stage."""
        names = [f"stage {t + 1}" for t in range(len(self.stages))]
        rows = [[name, *(stage.values[name] for stage in self.stages)] for name in self.stages[-1].values]
        return Table(["", *names], rows, caption=caption, formats=dict.fromkeys(names, self._format()))

    def joint_table(self) -> Table:
        """One row a joint, one column a stage."""
        names, last = [f"stage {t + 1}" for t in range(len(self.stages))], self.stages[-1].per_joint
        worth = last.columns[-1]
        by_stage = [stage.per_joint.column(worth) for stage in self.stages]
        rows = [[joint, *values] for joint, *values in zip(last.column("joint"), *by_stage, strict=True)]
        formats = dict.fromkeys(names, last.formats.get(worth, ".4g"))
        return Table(["joint", *names], rows, caption=last.caption, formats=formats)

    def _format(self) -> str:
        percent = max(max(row.values.values()) for row in self.recipe.published) > 1
        return ".2f" if percent else ".3f"


def require_measurable(recipe: Recipe, people: PeopleDataset) -> None:
    """ValueError, before the work, where people lack what the rule needs, such as MPII's head sizes."""
    if recipe.data == "coco":
        if not hasattr(people, "annotation_file"):
            raise ValueError(f"{recipe.name}: AP is measured on COCO's people, not on other data")
        return
    nowhere = np.zeros((len(people), recipe.skeleton.num_joints, 2), np.float32)
    measure(recipe, people, nowhere, nowhere[..., 0])


def judge(recipe: Recipe, people: PeopleDataset, found: Predictions, wanted: np.ndarray) -> Judged:
    """Judge predictions of a data set; who was left out as broken does not count.

    Args:
        found: predictions of the people in `wanted`, less those left out.
        wanted: rising indices of the people asked for.

    Raises:
        ValueError: people that lack what the rule needs.
    """
    predicted, ids = part_of(people, found.indices), None
    if len(found.indices) < len(people) and recipe.data == "coco":
        ids = _pictures_looked_at(people, found, wanted)
    stages = [
        measure(recipe, predicted, joints, scores, image_ids=ids)
        for joints, scores in zip(found.joints_px, found.scores, strict=True)
    ]
    return Judged(recipe, predicted, found.joints_px, found.scores, stages)


def _pictures_looked_at(people, found: Predictions, wanted: np.ndarray) -> set[int]:
    """Ids of the pictures that the ground truth is cut down to.

    Of a limited run those with a prediction. Of a whole one all but the unreadable: a person in a picture where
    nobody was detected is a miss.
    """
    predicted = {people.records[i].image_id for i in found.indices}
    if len(wanted) < len(people):
        return predicted
    everything = {image["id"] for image in read_json(people.annotation_file, "ground truth")["images"]}
    return everything - ({record.image_id for record in people.records} - predicted)
