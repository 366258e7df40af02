"""cpm-edu bench --parts pipeline,lite: crops compared before they are timed, costs of stages that add up."""

from __future__ import annotations

import dataclasses
import itertools
import json
import types

import numpy as np
import pytest
import torch
from command_line import assert_refused, run

from cpm_edu.datasets.augment import plain_crop
from cpm_edu.kernels import bench_pipeline
from cpm_edu.kernels.bench import Row, check_answers
from cpm_edu.kernels.bench_peers import module_or_none
from cpm_edu.kernels.bench_pipeline import (
    SIZE,
    lite_contest,
    per_person,
    photo_people,
    pipeline_contests,
    stage_costs,
)


@pytest.fixture(scope="module")
def people():
    return photo_people().chosen([0, 1, 2, 6, 7])


def test_numbers_are_those_of_one_person():
    row = Row("pipeline_test", SIZE, "ours", 30.0, 6.0, 1.5, 0.5, "")
    [one] = per_person([row], 12)
    assert (one.median_ms, one.spread_ms, one.ratio, one.of_limit) == (2.5, 0.5, 1.5, 0.5)


def test_a_stage_costs_what_it_adds(monkeypatch):
    medians = {
        "inputs": 1.0,
        "stage 1": 4.0,
        "stages 1 to 2": 6.5,
        "stages 1 to 3": 7.0,
        "stages 1 to 4": 10.0,
    }
    monkeypatch.setattr(
        bench_pipeline, "race", lambda contest, **_: [
            Row(contest.op, contest.size, c.name, medians[c.name], 0.0, 1.0, 0.5, c.note) for c in contest.contestants
        ],
    )  # fmt: skip
    rows = stage_costs(lite_contest(1), 3)
    assert [row.name for row in rows] == list(medians)
    assert [row.note for row in rows[1:]] == [
        "stage 1: 3.00 ms",
        "stage 2: 2.50 ms",
        "stage 3: 0.50 ms",
        "stage 4: 3.00 ms",
    ]


def test_every_lite_contestant_runs():
    for contestant in lite_contest(2).contestants:
        result = contestant.run()
        if contestant.name == "stages 1 to 3":
            assert result.shape[:2] == (3, 2)


def test_packages_are_found_and_missing_ones_told():
    assert module_or_none("json") is json
    assert module_or_none("no_such_package") is None


def test_the_crops_are_checked_before_they_are_timed(people):
    training, testing = pipeline_contests(people)
    for contest in (training, testing):
        check_answers(contest)
        assert not contest.refused
    batch, (targets, _) = training.ours.run()
    assert batch.images.shape == (5, 3, *SIZE)
    assert targets.shape == (1, 5, 17, 32, 24)
    again = training.ours.run()[0]
    assert not torch.equal(batch.matrices, again.matrices), "other crops every time"
    testing.ours.answer = lambda batch: (batch.images.roll(1, -1),)
    with pytest.raises(ValueError, match="pipeline_test 256 x 192: ours computes something else"):
        check_answers(testing)


def test_people_of_one_picture_are_kept_apart(people):
    order = bench_pipeline._apart(people)
    files = [people.records[i].file for i in order]
    assert sorted(order) == [0, 1, 2, 3, 4]
    assert all(a != b for a, b in itertools.pairwise(files))


def fake_mmpose(people):
    """Modules as mmpose's that crop by our own rule, to test what is around them."""
    crops = {r.id: plain_crop(people[i], SIZE, "msra").image for i, r in enumerate(people.records)}

    class Step:
        def __init__(self, **options):
            self.options = options

        def __call__(self, info):
            return info

    class Pack(Step):
        def __call__(self, info):
            levels = crops[info["id"]].round().clamp(0, 255).byte()
            return {"inputs": levels[[2, 1, 0]]}  # mmpose's are BGR

    names = (
        "LoadImage",
        "GetBBoxCenterScale",
        "TopdownAffine",
        "RandomFlip",
        "RandomHalfBody",
        "RandomBBoxTransform",
    )
    transforms = types.SimpleNamespace(**dict.fromkeys((*names, "GenerateTarget"), Step), PackPoseInputs=Pack)
    cv2 = types.SimpleNamespace(setNumThreads=lambda _: None, __version__="5")
    return {
        "mmpose.datasets.transforms": transforms, "cv2": cv2, "mmpose": types.SimpleNamespace(__version__="1.3"),
    }  # fmt: skip


def test_mmpose_takes_part_where_it_is_installed(people, monkeypatch):
    modules = fake_mmpose(people)
    monkeypatch.setattr(bench_pipeline, "module_or_none", modules.get)
    testing = pipeline_contests(people)[1]
    check_answers(testing)
    assert [c.name for c in testing.others] == ["ours, a picture a person", "mmpose"]
    assert "OpenCV 5" in testing.others[1].note
    moved = people.chosen(range(5))
    moved.records = [dataclasses.replace(r, center_px=r.center_px + np.float32(3)) for r in moved.records]
    with pytest.raises(ValueError, match="mmpose computes something else"):
        check_answers(pipeline_contests(moved)[1])


def test_the_command(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("cpm_edu.commands.bench.LITE_BATCHES", (1,))
    monkeypatch.setattr("cpm_edu.commands.bench.LITE_THREADS", 1)  # two on a busy machine wait for each other
    path = tmp_path / "bench.json"
    assert run("bench", "--parts", "pipeline,lite", "--rounds", "1", "--json", path, "--check") == 0
    text = capsys.readouterr().out
    assert "pipeline_train" in text
    assert "stages 1 to 4" in text
    assert "12 people of the package's photos" in text
    assert "gaussian_targets" not in text
    rows = json.loads(path.read_text())["rows"]
    assert {row["op"] for row in rows} == {"pipeline_train", "pipeline_test", "lite_forward, 1 crops"}
    assert all(row["median_ms"] > 0 for row in rows)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--parts", "ops,speed"], ["no part speed", "ops, pipeline, lite"]),
        (["--annotations", "a.json"], ["--annotations and --images belong together"]),
    ],
)
def test_mistakes_get_a_sentence(arguments, words, capsys):
    assert_refused(capsys, ["bench", *arguments], *words)
