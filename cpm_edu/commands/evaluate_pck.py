"""cpm-edu evaluate without a recipe: PCK by stage and by joint, and what the center map is worth."""

from __future__ import annotations

import numpy as np

from ..datasets.opening import open_data
from ..evaluation.labels import Labels, read_labels
from ..evaluation.predictions import find_in_crops, part_of
from ..evaluation.recipe_run import digest_of_file, first_people
from ..evaluation.stages import person_errors, score_stages, two_person_pck, yardstick
from ..metrics.pck import PCKResult
from ..metrics.table import Table
from ..training.distributed import is_main
from .evaluation_folder import (
    identity_of,
    left_out,
    predict_and_keep,
    tell_skipped,
    write_gallery,
    write_json,
)
from .options import load_model

__all__ = ["evaluate_pck"]


def evaluate_pck(options, device) -> int:
    """Measure, print and, with --out, --csv and --json, write; returns the exit status."""
    model, path = load_model(options)
    if options.two_people and not model.uses_center_map:
        raise ValueError(f"--two-people measures the center map, which a {model.kind} CPM does not have")
    name = options.data or "lsp"
    people = open_data(
        name, options.split, folder=options.data_folder, annotations=options.annotations,
        images=options.images, skip_bad=options.skip_bad,
    )  # fmt: skip
    if model.skeleton.joints != people.skeleton.joints and options.checkpoint is None:
        raise ValueError(
            f"the shipped model knows {model.skeleton.name}'s joints, not those of {name}; say by --checkpoint which "
            "weights to measure, such as runs/mine/best.safetensors"
        )
    model.skeleton.require_same(people.skeleton, f"{path.name} on {name}")
    model.to(device)
    own = name.lower().endswith(".json")  # whose two parts are "train" and "val"
    split = "val" if own and options.split == "test" else options.split
    data, flip_test = f"{name} {split}", bool(options.flip_test)

    def find(part):
        return find_in_crops(
            model, part, flip_test=flip_test, batch_size=options.batch_size or 50, device=device,
            workers=options.workers, skip_bad=options.skip_bad,
        )  # fmt: skip

    labels, digest = read_labels(people), digest_of_file(path)
    identity = identity_of(model, digest, people, labels, data=data, flip_test=flip_test)
    found = predict_and_keep(people, find, first_people(people, options.limit), options.out, identity)
    if is_main():
        tell_skipped(people, found.skipped)
        labels, count = labels.chosen(found.indices), f"{len(found.indices)}"
        if len(found.indices) < len(people):
            count += f" of {len(people)}"
        flip = "flip test" if flip_test else "no flip test"
        where = f"{path.name} on {data}, {count} people, {flip}"
        results = score_stages(found.joints_px, labels, model.skeleton)
        table = _table(results, where)
        print(table)
        if options.csv:
            table.to_csv(options.csv)
        numbers = {
            "checkpoint": path.name,
            "sha256": digest,
            "data": data,
            "people": len(found.indices),
            "left out": left_out(people, found),
            "flip test": flip_test,
            **_numbers(results),
        }
        if options.json:
            write_json(options.json, numbers)
        if options.out:
            table.to_csv(options.out / "joints.csv")
            write_json(options.out / "numbers.json", numbers)
            print(f"tables, numbers and predictions: {options.out}")
            if options.gallery:
                shown = part_of(people, found.indices)
                print(_gallery(options, shown, labels, found.joints_px[-1], where))
    if options.two_people and is_main():
        _two_people(model, part_of(people, found.indices), device)
    return 0


def _table(results: list[PCKResult], where: str) -> Table:
    stages = [f"stage {t + 1}" for t in range(len(results))]
    rows = [[joint, *(100 * r.fractions[j] for r in results)] for j, joint in enumerate(results[0].joints)]
    rows.append(["all joints", *(100 * r.mean for r in results)])
    caption = f"PCK@0.2 in percent of {where}"
    if "torso" not in results[0].title:
        caption += ", by the longer side of the person's box"
    return Table(["joint", *stages], rows, formats=dict.fromkeys(stages, ".2f"), caption=caption)


def _numbers(results: list[PCKResult]) -> dict:
    by_joint = zip(results[0].joints, np.stack([r.fractions for r in results], 1).tolist(), strict=True)
    return {
        "rule": results[0].title,
        "PCK by stage": [r.mean for r in results],
        "PCK by joint and stage": dict(by_joint),
    }


def _gallery(options, people, labels: Labels, joints_px: np.ndarray, where: str) -> str:
    return write_gallery(
        options.out, people, joints_px, labels.joints_px, labels.labelled,
        person_errors(joints_px, labels, people.skeleton), count=options.gallery,
        title=f"The worst cases of {where}",
        summary=f"Error: mean distance of a person's labelled joints from the truth, in units of the "
        f"{yardstick(people.skeleton)}.",
    )  # fmt: skip


def _two_people(model, people, device) -> None:
    by_center = two_person_pck(model, people, device=device, progress=True)
    stages = [f"stage {t + 1}" for t in range(model.num_stages)]
    rows = [[center, *(100 * value for value in values)] for center, values in by_center.items()]
    print(Table(
        ["center map", *stages], rows, formats=dict.fromkeys(stages, ".1f"),
        caption=f"PCK@0.2 in percent of the left person in {len(people)} two-person scenes, no flip test",
    ))  # fmt: skip
