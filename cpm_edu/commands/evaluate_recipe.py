"""cpm-edu evaluate --recipe: the published row and the measured one side by side."""

from __future__ import annotations

from pathlib import Path

from ..datasets import data_root
from ..datasets.coco import DETECTIONS
from ..datasets.opening import DATA_SETS, open_data
from ..datasets.people import PeopleDataset
from ..evaluation.benchmarks import comparison_table, results_json
from ..evaluation.labels import read_labels
from ..evaluation.recipe_run import (
    Judged,
    digest_of_file,
    find_at_zooms,
    first_people,
    judge,
    require_measurable,
)
from ..training.distributed import is_main
from ..training.recipes import RECIPES, Recipe
from .evaluation_folder import (
    identity_of,
    left_out,
    predict_and_keep,
    tell_skipped,
    write_gallery,
    write_json,
)
from .options import load_model

__all__ = ["evaluate_recipe"]


def evaluate_recipe(options, device) -> int:
    """Measure by --recipe, print, and write into --out; returns the exit status."""
    recipe = RECIPES[options.recipe]
    if options.checkpoint is None:
        raise ValueError(
            f"--recipe {recipe.name} needs --checkpoint: the published {recipe.checkpoint}, or weights of your own"
        )
    model, path = load_model(options, recipe)
    name, people = _open(options, recipe)
    model.skeleton.require_same(people.skeleton, f"{recipe.name} on {name}")
    require_measurable(recipe, people)
    model.to(device)
    flip_test = recipe.flip_test if options.flip_test is None else options.flip_test
    batch_size = options.batch_size or _batch_size(model, device)

    def find(part):
        return find_at_zooms(
            model, part, recipe.test_scales, flip_test=flip_test, batch_size=batch_size, device=device,
            workers=options.workers, skip_bad=options.skip_bad,
        )  # fmt: skip

    labels, digest = read_labels(people), digest_of_file(path)
    identity = identity_of(
        model, digest, people, labels, data=f"{name} {options.split}", flip_test=flip_test,
        zooms=recipe.test_scales,
    )  # fmt: skip
    wanted = first_people(people, options.limit)
    out = options.out or Path("cpm_evaluation") / f"{recipe.name}-{path.stem}"
    if is_main():
        title = getattr(people, "title", name)
        print(f"{recipe.name}: {len(wanted)} of {len(people)} people of {title}; results go to {out}")
    found = predict_and_keep(people, find, wanted, out, identity)
    if is_main():
        tell_skipped(people, found.skipped)
        broken = left_out(people, found)
        differences = _differences(
            options, recipe, name, model, digest, flip_test, len(wanted), len(people), broken
        )
        _report(options, judge(recipe, people, found, wanted), broken, out, path, digest, differences)
    return 0


def _open(options, recipe: Recipe) -> tuple[str, PeopleDataset]:
    """The people to measure on, and the name of their data set: --data may name it, or be its folder."""
    name, folder = options.data or recipe.data, options.data_folder
    if options.data and options.data not in DATA_SETS and Path(options.data).is_dir():
        name, folder = recipe.data, Path(options.data)
    boxes = None
    if name == "coco" and (options.boxes or recipe.boxes) != "annotation":
        boxes = options.boxes or "detector"
        detections = (folder or data_root() / "coco") / DETECTIONS
        if boxes == "detector" and not detections.is_file():
            raise ValueError(
                f"{recipe.name} takes the boxes of a detector, and there is no {detections}. Name such a file by "
                "--boxes FILE, or take annotated boxes by --boxes annotation: an easier test"
            )
    elif options.boxes not in (None, "annotation"):
        raise ValueError(f"--boxes {options.boxes}: only COCO has boxes of a detector")
    people = open_data(
        name, options.split, folder=folder, annotations=options.annotations, images=options.images,
        boxes=boxes, skip_bad=options.skip_bad,
    )  # fmt: skip
    return name, people


def _batch_size(model, device) -> int:
    """What fits into 4 GB with a full-size network: its first maps are 128 a crop at full resolution."""
    return 50 if model.kind == "lite" else 4 if device.type == "cpu" else 32


def _differences(
    options, recipe, name, model, digest, flip_test, asked, of_all, broken: list[str]
) -> list[str]:
    """In what this test is not the published one."""
    differences = []
    if name != recipe.data:
        differences.append(f"people of {name}, not of {recipe.data}")
    if options.annotations or options.images:
        differences.append("files in place of the official ones")
    if recipe.boxes == "detector" and options.boxes:
        differences.append(f"boxes: {options.boxes}")
    if asked < of_all:
        differences.append(f"{asked} of {of_all} people")
    if broken:
        differences.append(f"{len(broken)} people left out as broken")
    if flip_test != recipe.flip_test:
        differences.append("flip test" if flip_test else "no flip test")
    if model.kind != recipe.model or model.num_stages != recipe.num_stages:
        differences.append(f"a {model.kind} CPM of {model.num_stages} stages")
    if model.input_size != recipe.input_size:
        differences.append(f"crops of {model.input_size[0]} x {model.input_size[1]} px")
    published = (recipe.checkpoint, *(row.checkpoint for row in recipe.published))
    if not any(digest[:8] in name for name in published):  # their names end in it
        differences.append(f"weights that are not the published ones (SHA-256 {digest[:8]})")
    return differences


def _error_in_words(recipe: Recipe) -> str:
    if recipe.data == "coco":
        return "1 - OKS, so 0 is perfect and 1 is nowhere near"
    return f"mean distance of a person's labelled joints from the truth, in the length of this rule: {recipe.rule}"


def _report(
    options, judged: Judged, broken: list[str], out: Path, path: Path, digest: str, differences
) -> None:
    recipe, last = judged.recipe, judged.stages[-1]
    caption = f"{recipe.name}: {path.name}, {len(judged.people)} people, {last.label}"
    comparison = comparison_table(recipe, last, caption)
    stages = judged.stage_table(f"{recipe.name} by stage")
    tables = {"comparison": comparison, "stages": stages, "joints": judged.joint_table()}
    for table in tables.values():
        print(f"\n{table}")
    print()
    if differences:
        print(f"not the published test: {'; '.join(differences)}")
    for title, table in tables.items():
        table.to_csv(out / f"{title}.csv")
    if options.csv:
        comparison.to_csv(options.csv)
    numbers = {
        "recipe": recipe.name,
        "checkpoint": path.name,
        "sha256": digest,
        "people": len(judged.people),
        "left out": broken,
        "differences from the published test": differences,
        "measured": last.values,
        "rule": last.label,
        "by another rule": last.others,
        "by joint": {joint: values for joint, *values in tables["joints"].rows},
        "by stage": [stage.values for stage in judged.stages],
        "published": [
            {"row": row.label, "source": row.source, "values": row.values} for row in recipe.published
        ],
    }
    for file in (out / "numbers.json", options.json):
        if file:
            write_json(file, numbers)
    print(f"tables, numbers and predictions: {out}")
    if recipe.data == "coco":
        write_json(
            out / "results.json", results_json(recipe, judged.people, judged.joints_px[-1], judged.scores[-1])
        )
        print(f"results in COCO's format: {out / 'results.json'}")
    if options.gallery:
        print(
            write_gallery(
                out, judged.people, judged.joints_px[-1], last.truth_px, last.labelled, last.errors,
                count=options.gallery, title=f"The worst cases of {recipe.name} by {path.name}",
                summary=f"{caption}. Error: {_error_in_words(recipe)}.",
            )
        )  # fmt: skip
