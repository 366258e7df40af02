"""cpm-edu demo: the shipped model at work, in one picture."""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np

from ..datasets.people import FirstPersons
from ..datasets.synthetic import SyntheticPeople
from ..evaluation import stage_pck
from ..figures.panels import stage_figure
from ..images import load_image
from ..inference import pose_in_boxes
from ..metrics.pck import pck
from ..metrics.table import Table
from ..photos import PHOTOS
from .options import add_model_options, load_model
from .people import save_figure

DESCRIPTION = """\
Run the shipped pose machine on synthetic people, whose joints are known, and on photographs. Prints PCK (the share
of joints found, see the README) by stage and writes one picture with every stage's belief maps."""
EXAMPLES = """\
examples:
  cpm-edu demo
  cpm-edu demo --photo me.jpg --out me.png"""
SYNTHETIC_PEOPLE = 100
SYNTHETIC_SHOWN = (0, 54)  # two and three people, on whom the later stages visibly help


def add_arguments(parser) -> None:
    parser.add_argument(
        "--photo",
        type=Path,
        action="append",
        metavar="MINE",
        help="your own photo instead of the shipped ones",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("cpm_demo.png"), metavar="PNG", help="default: %(default)s"
    )
    add_model_options(parser, flip_test=False)


def run(options) -> int:
    if not options.out.parent.is_dir():  # told now, not after the work
        raise ValueError(f"{options.out}: there is no such folder")
    model, path = load_model(options)
    photos = [(p.name, load_image(p), None) for p in options.photo or []]
    photos = photos or [(name, load_image(p.path), p.box_xywh) for name, p in PHOTOS.items()]
    print(
        f"model: {path.name}, {model.num_stages} stages, {sum(p.numel() for p in model.parameters()):,} parameters"
    )
    rows = []
    people = FirstPersons(SyntheticPeople(SYNTHETIC_PEOPLE, seed=2))
    if model.skeleton.joints == people.skeleton.joints:
        results = stage_pck(model, people, flip_test=True, progress=True)
        stages = [f"stage {t + 1}" for t in range(model.num_stages)]
        print(Table(
            ["", *stages], [["synthetic people", *(100 * r.mean for r in results)]], formats=dict.fromkeys(stages, ".1f"),
            caption=f"PCK@0.2 in percent, {SYNTHETIC_PEOPLE} synthetic people that it has never seen, flip test",
        ))  # fmt: skip
        rows += [_synthetic_row(model, people[i]) for i in SYNTHETIC_SHOWN]
    else:
        print(
            f"synthetic people have LSP's joints, {path.name} has others ({model.skeleton.name}): photos only"
        )
    for name, image, box in photos:
        height, width = image.shape[:2]
        [row] = pose_in_boxes(model, image, [box or (0, 0, width, height)], flip_test=True, padding=1.0)
        rows.append(row | {"label": textwrap.shorten(name, 24, placeholder="...")})
    title = "A pose machine looks again: belief maps of every joint, stage by stage"
    save_figure(
        stage_figure(rows, model.skeleton, stride=model.stride, convention=model.convention, title=title),
        options.out,
    )
    print(
        f"picture: {options.out} (open it: + marks whom the model answers for; left orange, right dashed blue)"
    )
    print("next: cpm-edu lab (the notebooks, from a joint to a belief map), or cpm-edu predict YOUR_PHOTO")
    return 0


def _synthetic_row(model, person) -> dict:
    (x, y), (width, height) = person.center_px, person.scale_px
    box = (x - (width - 1) / 2, y - (height - 1) / 2, width, height)
    [row] = pose_in_boxes(model, person.image, [box], flip_test=True, padding=1.0)
    torso = np.linalg.norm(np.subtract(*person.joints_px[list(model.skeleton.torso)]))
    by_stage = [
        pck(joints[None], person.joints_px[None], person.labelled[None], normalizer=torso, threshold=0.2, comparison="<=")
        for joints in row["stage_joints"]
    ]  # fmt: skip
    return row | {"label": "synthetic", "pck": [result.mean for result in by_stage]}
