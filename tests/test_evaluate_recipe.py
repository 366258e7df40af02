"""cpm-edu evaluate --recipe: the published row beside the measured one, on small files and on the real samples."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from annotation_files import coco_data, write_data, write_json
from command_line import assert_refused, run, small_checkpoint

from cpm_edu.commands import evaluate_recipe
from cpm_edu.datasets.coco import CocoPeople
from cpm_edu.datasets.opening import open_data
from cpm_edu.evaluation import predictions
from cpm_edu.evaluation.predictions import Predictions
from cpm_edu.metrics.coco import coco_ap
from cpm_edu.models import CPM
from cpm_edu.skeletons import COCO, JHMDB, LSP, MPII
from cpm_edu.training.recipes import RECIPES

RECIPE = RECIPES["coco-256x192"]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("CPM_EDU_DEBUG", raising=False)
    monkeypatch.setattr(predictions, "SECONDS_BETWEEN_CHUNKS", 0.0)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory) -> dict[str, str]:
    """One a skeleton; what they predict means nothing."""
    folder, found = tmp_path_factory.mktemp("weights"), {}
    for skeleton in (COCO, MPII, JHMDB, LSP):
        (folder / skeleton.name).mkdir()
        found[skeleton.name] = small_checkpoint(folder / skeleton.name, skeleton)
    return found


@pytest.fixture
def coco_folder(tmp_path) -> Path:
    """COCO's official layout: four pictures with two people each, and a detector that saw everybody twice."""
    folder, data = tmp_path / "coco", coco_data(num_images=4)
    file, images = write_data(tmp_path / "made", data)
    (folder / "annotations").mkdir(parents=True)
    file.rename(folder / "annotations" / "person_keypoints_val2017.json")
    images.rename(folder / "val2017")
    detections = [
        {"image_id": a["image_id"], "category_id": 1, "bbox": [x + dx, *rest], "score": score}
        for a in data["annotations"]
        for (x, *rest) in [a["bbox"]]
        for dx, score in ((0.0, 0.9), (0.5, 0.4))
    ]
    write_json(
        folder / "person_detection_results" / "COCO_val2017_detections_AP_H_56_person.json", detections
    )
    return folder


def knowing(truth: dict[int, np.ndarray], wrong: tuple[int, ...] = ()):
    """A `find_at_zooms` that answers joints by person's place in the file; stage 1 misses by 300 px."""

    def find(model, people, zooms, **_):
        for place in range(len(people)):
            joints = truth[people.records[place].id].copy()
            if people.records[place].id in wrong:
                joints += 300.0
            stages = np.stack([joints + 300.0, joints])[:, None]
            yield Predictions(np.array([place]), stages, np.full(stages.shape[:-1], 0.8, np.float32))

    return find


def annotated_truth(people) -> dict[int, np.ndarray]:
    return {record.id: record.joints_px for record in people.records}


def rows(path) -> list[dict]:
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


# ---- COCO


def test_published_and_measured_side_by_side(coco_folder, checkpoints, monkeypatch, capsys):
    truth = annotated_truth(CocoPeople("val", coco_folder))
    monkeypatch.setattr(evaluate_recipe, "find_at_zooms", knowing(truth))
    arguments = [
        "evaluate",
        "--recipe",
        RECIPE.name,
        "--checkpoint",
        checkpoints["coco"],
        "--data",
        coco_folder,
    ]
    assert run(*arguments, "--boxes", "annotation", "--out", "out", "--csv", "t.csv", "--json", "n.json") == 0
    text = capsys.readouterr().out
    first, later, measured = rows("t.csv")
    assert (first["row"], first["AP"], first["AR"]) == ("published: mmpose, 2020", "0.623", "0.686")
    assert later["AP"] == "0.627"
    assert measured["row"] == "measured: annotated boxes, not a detector's"
    assert float(measured["AP"]) == pytest.approx(1.0)
    assert rows("out/stages.csv")[0]["stage 2"] == measured["AP"]
    assert float(rows("out/stages.csv")[0]["stage 1"]) == 0.0
    assert [row["joint"] for row in rows("out/joints.csv")] == list(COCO.joints)
    assert {float(row["stage 2"]) for row in rows("out/joints.csv")} == {1.0}
    for words in ("0.623", "0.859", "coco-256x192 by stage", "boxes: annotation", "a lite CPM of 2 stages"):
        assert words in text
    numbers = json.loads(Path("n.json").read_text())
    assert numbers["measured"]["AP"] == pytest.approx(1.0)
    assert numbers["by stage"][0]["AP"] == 0.0
    assert numbers["published"][0]["values"]["AP"] == 0.623
    assert "NaN" not in Path("n.json").read_text()


def test_results_file_is_cocos_official_one(coco_folder, checkpoints, monkeypatch):
    people = CocoPeople("val", coco_folder)
    monkeypatch.setattr(evaluate_recipe, "find_at_zooms", knowing(annotated_truth(people), wrong=(10, 21)))
    arguments = [
        "evaluate",
        "--recipe",
        RECIPE.name,
        "--checkpoint",
        checkpoints["coco"],
        "--data",
        coco_folder,
    ]
    assert run(*arguments, "--boxes", "annotation", "--out", "out") == 0
    results = json.loads(Path("out/results.json").read_text())
    assert len(results) == 8
    assert set(results[0]) == {"image_id", "category_id", "keypoints", "score", "bbox"}
    assert len(results[0]["keypoints"]) == 3 * 17
    measured = rows("out/comparison.csv")[-1]
    assert coco_ap(people.annotation_file, results)["AP"] == pytest.approx(float(measured["AP"]))
    assert 0 < float(measured["AP"]) < 1
    page = Path("out/gallery.html").read_text()
    shown = [page.index(f"annotation {i}<br>") for i in (10, 21)]
    assert max(shown) < min(page.index(f"annotation {i}<br>") for i in (11, 20)), "the worst come first"


def test_detector_boxes_are_the_default(coco_folder, checkpoints, monkeypatch, capsys):
    people = CocoPeople("val", coco_folder, boxes="detector")
    truth = CocoPeople("val", coco_folder).records
    by_place = {record.id: truth[record.id // 2].joints_px for record in people.records}
    monkeypatch.setattr(evaluate_recipe, "find_at_zooms", knowing(by_place))
    arguments = [
        "evaluate",
        "--recipe",
        RECIPE.name,
        "--checkpoint",
        checkpoints["coco"],
        "--data",
        coco_folder,
    ]
    assert run(*arguments, "--out", "out") == 0
    assert "measured: detector boxes" in capsys.readouterr().out
    results = json.loads(Path("out/results.json").read_text())
    assert [r["score"] for r in results] == pytest.approx([0.9 * 0.8] * 8), (
        "the second box of each is suppressed"
    )
    assert float(rows("out/comparison.csv")[-1]["AP"]) == pytest.approx(1.0)


def test_limit_measures_whole_pictures_against_their_truth_alone(
    coco_folder, checkpoints, monkeypatch, capsys
):
    truth = annotated_truth(CocoPeople("val", coco_folder))
    monkeypatch.setattr(evaluate_recipe, "find_at_zooms", knowing(truth))
    arguments = [
        "evaluate",
        "--recipe",
        RECIPE.name,
        "--checkpoint",
        checkpoints["coco"],
        "--data",
        coco_folder,
    ]
    assert run(*arguments, "--boxes", "annotation", "--out", "out", "--limit", 3) == 0
    text = capsys.readouterr().out
    assert "4 of 8 people" in text
    assert float(rows("out/comparison.csv")[-1]["AP"]) == pytest.approx(1.0), (
        "the other pictures are no misses"
    )


def test_unreadable_pictures_leave_the_measure(coco_folder, checkpoints, capsys):
    cut = coco_folder / "val2017" / "0002.jpg"
    cut.write_bytes(cut.read_bytes()[:-20])
    arguments = [
        "evaluate", "--recipe", RECIPE.name, "--checkpoint", checkpoints["coco"], "--data", coco_folder,
        "--out", "out", "--batch-size", 1, "--device", "cpu", "--gallery", 0,
    ]  # fmt: skip
    assert run(*arguments) == 2
    sentence = capsys.readouterr().err.strip().splitlines()[-1]
    for words in ("0002.jpg", "detection 5", "4 people are done", "--skip-bad"):
        assert words in sentence
    assert run(*arguments, "--skip-bad") == 0
    seen = capsys.readouterr()
    assert "left out, as their pictures cannot be read: 4 people" in seen.err
    assert "4 people left out as broken" in seen.out
    assert len(json.loads(Path("out/numbers.json").read_text())["left out"]) == 4


# ---- what is and is not the published test


def test_published_weights_are_known_by_their_digest(coco_folder, checkpoints, monkeypatch, capsys):
    monkeypatch.setattr(
        evaluate_recipe, "find_at_zooms", knowing(annotated_truth(CocoPeople("val", coco_folder)))
    )
    arguments = [
        "evaluate",
        "--recipe",
        RECIPE.name,
        "--checkpoint",
        checkpoints["coco"],
        "--data",
        coco_folder,
    ]
    arguments += ["--boxes", "annotation", "--gallery", 0]
    assert run(*arguments, "--out", "a") == 0
    assert "weights that are not the published ones" in capsys.readouterr().out
    for prefix in ("aa4ba095", "0e978875"):
        monkeypatch.setattr(evaluate_recipe, "digest_of_file", lambda path, prefix=prefix: prefix + 56 * "0")
        assert run(*arguments, "--out", prefix) == 0
        assert "weights that are not" not in capsys.readouterr().out


def test_mmposes_file_gets_the_recipes_crop(coco_folder, tmp_path, monkeypatch, capsys):
    torch.manual_seed(0)
    state = CPM.mmpose(COCO, num_stages=1, input_size=(64, 64)).state_dict()
    torch.save({"meta": {}, "state_dict": {f"backbone.{k}": v for k, v in state.items()}}, tmp_path / "c.pth")
    seen = {}

    def find(model, people, zooms, **options):
        seen.update(size=model.input_size, kind=model.kind, zooms=zooms, **options)
        joints = np.zeros((1, len(people), 17, 2), np.float32)
        yield Predictions(np.arange(len(people)), joints, joints[..., 0])

    monkeypatch.setattr(evaluate_recipe, "find_at_zooms", find)
    for name, size in (("coco-256x192", (256, 192)), ("coco-384x288", (384, 288))):
        arguments = ["evaluate", "--recipe", name, "--checkpoint", tmp_path / "c.pth", "--data", coco_folder]
        assert run(*arguments, "--gallery", 0) == 0
        assert seen["size"] == size
        assert Path("cpm_evaluation", f"{name}-c", "comparison.csv").is_file(), "the default folder"
    assert seen["kind"] == "mmpose"
    assert seen["zooms"] == (1.0,)
    assert seen["flip_test"] is True
    assert run(*arguments, "--gallery", 0, "--no-flip-test", "--out", "plain", "--input-size", 64, 64) == 0
    assert seen["flip_test"] is False
    assert seen["size"] == (64, 64)
    text = capsys.readouterr().out
    assert "no flip test; a mmpose CPM of 1 stages; crops of 64 x 64 px" in text


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ([], ["needs --checkpoint", "cpm_coco_256x192-aa4ba095_20200817.pth"]),
        (["--checkpoint", "lsp"], ["joints differ"]),
        (["--checkpoint", "coco", "--boxes", "no.json"], ["no.json"]),
        (["--checkpoint", "coco", "--data", "synthetic"], ["joints differ"]),
        (["--checkpoint", "coco", "--two-people"], ["--two-people"]),
    ],
)
def test_mistakes_are_one_sentence(more, words, coco_folder, checkpoints, capsys):
    more = [checkpoints.get(str(part), part) for part in more]
    assert_refused(capsys, ["evaluate", "--recipe", RECIPE.name, "--data", coco_folder, *more], *words)


def test_missing_detector_boxes_say_what_to_do(coco_folder, checkpoints, capsys):
    next((coco_folder / "person_detection_results").iterdir()).unlink()
    arguments = [
        "evaluate",
        "--recipe",
        RECIPE.name,
        "--checkpoint",
        checkpoints["coco"],
        "--data",
        coco_folder,
    ]
    assert_refused(capsys, arguments, "takes the boxes of a detector", "--boxes FILE", "--boxes annotation")


# ---- the other benchmarks, on the real samples


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "sample", "file", "column", "published"),
    [
        ("jhmdb-sub1-368", "jhmdb", "test_jhmdb_sub1.json", "Mean", "89.5"),
        ("mpii-368", "mpii", "test_mpii.json", "Mean", "0.876"),
    ],
)
def test_rows_of_other_benchmarks(name, sample, file, column, published, data_dir, checkpoints, monkeypatch):
    folder = data_dir / "samples" / "mmpose_tests_data" / sample
    given = dict(annotations=folder / file, images=folder)
    people = open_data(RECIPES[name].data, "test", **given)
    monkeypatch.setattr(evaluate_recipe, "find_at_zooms", knowing(annotated_truth(people)))
    arguments = ["evaluate", "--recipe", name, "--checkpoint", checkpoints[sample]]
    arguments += ["--annotations", given["annotations"], "--images", given["images"], "--out", "out"]
    if sample == "mpii":  # its file of head sizes is no part of the samples
        heads = np.full(len(people), 30.0)
        monkeypatch.setattr(
            evaluate_recipe, "open_data", lambda *a, **k: with_heads(open_data(*a, **k), heads)
        )
    assert run(*arguments) == 0
    shown = rows("out/comparison.csv")
    assert shown[0][column] == published
    best = 100.0 if sample == "jhmdb" else 1.0
    assert float(shown[1][column]) == pytest.approx(best)
    assert len(rows("out/joints.csv")) >= len(RECIPES[name].skeleton.joints)


def with_heads(people, heads):
    records = [replace(record, head_size=head) for record, head in zip(people.records, heads, strict=True)]
    people.records[:] = records
    return people


@pytest.mark.realdata
def test_missing_head_sizes_are_told_before_the_work(data_dir, checkpoints, monkeypatch, capsys):
    folder = data_dir / "samples" / "mmpose_tests_data" / "mpii"

    def never(*_, **__):
        raise AssertionError("somebody was predicted")

    monkeypatch.setattr(evaluate_recipe, "find_at_zooms", never)
    arguments = ["evaluate", "--recipe", "mpii-368", "--checkpoint", checkpoints["mpii"]]
    arguments += ["--annotations", folder / "test_mpii.json", "--images", folder]
    assert_refused(capsys, arguments, "no head sizes", "mpii_gt_val.mat")
