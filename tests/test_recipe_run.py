"""A recipe's run in parts: who is asked for, how zooms are gone through, and what the ground truth is cut down to."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from annotation_files import coco_data, write_data, write_json
from tiny_people import TINY, TinyPeople, tiny_model

from cpm_edu.datasets.coco import CocoPeople
from cpm_edu.evaluation.predictions import Predictions, collect
from cpm_edu.evaluation.recipe_run import digest_of_file, find_at_zooms, first_people, judge
from cpm_edu.images import ImageError
from cpm_edu.training.recipes import RECIPES

RECIPE = RECIPES["coco-256x192"]


@pytest.fixture(scope="module")
def people(tmp_path_factory) -> CocoPeople:
    """Four pictures with two people each."""
    file, images = write_data(tmp_path_factory.mktemp("coco"), coco_data(num_images=4))
    return CocoPeople("val", annotations=file, images=images)


def test_digest_of_a_file(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    assert digest_of_file(tmp_path / "abc").startswith("ba7816bf"), "FIPS 180's example"


def test_first_people_brings_their_neighbours(people):
    assert first_people(people, None).tolist() == list(range(8))
    assert first_people(people, 1).tolist() == [0, 1]
    assert first_people(people, 3).tolist() == [0, 1, 2, 3]
    assert first_people(people, 99).tolist() == list(range(8))
    assert first_people(list(range(5)), 2).tolist() == [0, 1]
    with pytest.raises(ValueError, match="--limit"):
        first_people(people, 0)


def test_several_zooms_go_person_by_person(monkeypatch):
    asked = []

    def multiscale(model, persons, zooms, **options):
        [person] = persons
        asked.append((person.name, tuple(zooms), options["flip_test"]))
        if person.name == "tiny 1":
            raise ImageError("tiny 1: bad.jpg: damaged")
        value = float(person.name.split()[1])
        return torch.full((2, 1, TINY.num_joints, 2), value), torch.ones(2, 1, TINY.num_joints)

    monkeypatch.setattr("cpm_edu.evaluation.recipe_run.multiscale_joints", multiscale)

    def find(people, **options):
        return find_at_zooms(tiny_model(), people, (0.7, 1.0), flip_test=True, **options)

    with pytest.raises(ImageError):
        collect(TinyPeople(3), find)
    found = collect(TinyPeople(3), lambda people: find(people, skip_bad=True))
    assert found.indices.tolist() == [0, 2]
    assert found.joints_px[1, :, 0, 0].tolist() == [0.0, 2.0]
    assert found.skipped == ("tiny 1: bad.jpg: damaged",)
    assert asked[0] == ("tiny 0", (0.7, 1.0), True)


def test_ground_truth_of_a_run_with_unreadable_pictures(people):
    truth = np.stack([record.joints_px for record in people.records])[None]
    kept = np.array([0, 1, 4, 5, 6, 7])  # picture 2 cannot be read
    found = Predictions(kept, truth[:, kept], np.ones((1, 6, 17), np.float32))
    assert judge(RECIPE, people, found, np.arange(8)).stages[0].values["AP"] == pytest.approx(1.0)
    missed = Predictions(np.arange(8), truth.copy(), np.ones((1, 8, 17), np.float32))
    missed.joints_px[:, 2:4] += 300
    assert judge(RECIPE, people, missed, np.arange(8)).stages[0].values["AP"] < 0.9


def test_a_picture_where_nobody_was_detected_is_a_miss_of_a_whole_run_only(people, tmp_path):
    boxes = [
        {"image_id": r.image_id, "category_id": 1, "bbox": [5, 6, 30, 20], "score": 0.9}
        for r in people.records
        if r.image_id != 4
    ]
    detected = CocoPeople(
        "val",
        annotations=people.annotation_file,
        images=people.pictures.sources[0],
        boxes=write_json(tmp_path / "boxes.json", boxes),
    )
    truth = np.stack([record.joints_px for record in people.records])[None]

    def ap(asked, found):
        predicted = Predictions(np.array(found), truth[:, found], np.ones((1, len(found), 17), np.float32))
        return judge(RECIPE, detected, predicted, np.array(asked)).stages[0].values["AP"]

    assert ap(range(2), range(2)) == pytest.approx(1.0)
    assert ap(range(6), range(6)) < 0.8, "picture 4"
    assert ap(range(6), range(2, 6)) == pytest.approx(ap(range(6), range(6)), abs=0.1), (
        "picture 1 was unreadable"
    )
