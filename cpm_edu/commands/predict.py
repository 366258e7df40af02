"""cpm-edu predict: joints of people in photos, with pictures and numbers."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ..figures.panels import pose_figure, stage_figure
from ..images import ImageError, load_image
from ..inference import pose_in_boxes
from ..models.checkpoints import write_atomically
from .options import add_model_options, load_model
from .people import check_box, free_path, parse_box, save_figure

DESCRIPTION = """\
Find the joints of one person per box and write, for every photo, two pictures (NAME_pose.png: the photo with
the pose; NAME_stages.png: the belief maps stage by stage) and, for all photos, joints.json.

A pose machine answers for ONE person, the one in the middle of its box. Give the box as x,y,width,height in
pixels of the upright photo; repeat --box for more people. Without a box the whole photo is taken as the box."""
EXAMPLES = """\
examples:
  cpm-edu predict holiday.jpg
  cpm-edu predict team.jpg --box 40,10,120,260 --box 200,25,110,250 --out poses
  cpm-edu predict *.jpg --flip-test"""


def add_arguments(parser) -> None:
    parser.add_argument(
        "photos", nargs="+", type=Path, metavar="PHOTO", help="JPEG, PNG or what Pillow reads"
    )
    parser.add_argument(
        "--box",
        action="append",
        metavar="x,y,w,h",
        help="a person's box; repeat for more people (--box=-5,0,60,90 where x is negative)",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("cpm_predictions"), metavar="DIR", help="default: %(default)s"
    )
    add_model_options(parser)


def run(options) -> int:
    if options.box and len(options.photos) > 1:
        raise ValueError("--box speaks of one photo, but several are given; run predict once for each photo")
    boxes = [parse_box(text) for text in options.box or []]
    model, _ = load_model(options)
    options.out.mkdir(parents=True, exist_ok=True)
    results, failures = [], 0
    for photo in options.photos:
        try:
            image = load_image(photo)
        except ImageError as error:
            if len(options.photos) == 1:
                raise
            print(f"skipped: {error}", file=sys.stderr)
            failures += 1
            continue
        height, width = image.shape[:2]
        if not boxes:
            print(
                f"{photo.name}: no --box given, so the whole photo ({width} x {height}) is taken as the person's box"
            )
        for box in boxes:
            check_box(box, image, photo.name)
        # a whole photo has no room to grow; a box drawn tightly around a person has
        padding = 1.25 if boxes else 1.0
        people = pose_in_boxes(
            model, image, boxes or [(0, 0, width, height)], flip_test=options.flip_test, padding=padding
        )
        pose = free_path(options.out / f"{photo.stem}_pose.png")
        stages = free_path(options.out / f"{photo.stem}_stages.png")
        save_figure(pose_figure(image, people, model.skeleton), pose)
        figure = stage_figure(
            people, model.skeleton, stride=model.stride, convention=model.convention, title=photo.name
        )
        save_figure(figure, stages)
        print(f"{photo.name}: {pose} {stages}")
        results += [_record(photo, person, model) for person in people]
    target = free_path(options.out / "joints.json")
    write_atomically(target, json.dumps(results, indent=1, allow_nan=False).encode())
    print(f"joints of {len(results)} {'person' if len(results) == 1 else 'people'}: {target}")
    return 1 if failures else 0


def _record(photo: Path, person: dict, model) -> dict:
    joints = zip(model.skeleton.joints, person["joints"].tolist(), person["scores"].tolist(), strict=True)
    return {
        "photo": str(photo),
        "box_xywh": [round(v, 2) for v in person["box_xywh"]],
        "joints": [
            {"name": n, "x": round(x, 2), "y": round(y, 2), "score": round(s, 4)} for n, (x, y), s in joints
        ],
    }
