"""cpm-edu data: which data sets there are, which are here, and what is in one."""

from __future__ import annotations

import shlex
from pathlib import Path

from ..datasets import data_root
from ..datasets.opening import DATA_SETS, SPLITS, open_data
from ..datasets.own import OwnPeople, split_by_picture
from ..datasets.people import Concatenation, PeopleDataset
from ..metrics.table import Table

DESCRIPTION = """\
Without a name: all data sets, and which of them are here. With a name: how many pictures, people and joints one
has, what was left out and why, where its files lie; if they are not there, where they must lie and how to get them.

With a COCO-style .json file of your own: the same, and its joints, what a mirror does to them, and what looks wrong.

Real data sets are looked for below CPM_EDU_DATA, or ~/.cache/cpm_edu/data where that is not set."""
EXAMPLES = """\
examples:
  cpm-edu data
  cpm-edu data coco --split train
  cpm-edu data coco --folder /data/coco2017
  cpm-edu data my.json --images photos"""


def add_arguments(parser) -> None:
    parser.add_argument("data", nargs="?", metavar="NAME|FILE.json", help=f"one of {', '.join(DATA_SETS)}")
    parser.add_argument("--split", choices=SPLITS, default="val", help="default: %(default)s")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="folder of the data set")
    parser.add_argument(
        "--annotations", type=Path, metavar="FILE", help="a file in place of the official one"
    )
    parser.add_argument(
        "--images", type=Path, metavar="DIR", help="a folder of pictures in place of the official one"
    )
    parser.add_argument(
        "--boxes", metavar="FILE", help="coco: detector boxes, or the word detector for the official ones"
    )
    parser.add_argument("--skip-bad", action="store_true", help="leave broken records out and list them")


def run(options) -> int:
    if options.data is None:
        print(list_data_sets())
        print(f"\nlooked for below {data_root()} (set CPM_EDU_DATA for another folder)")
        print("next: cpm-edu data NAME says what is in one, or how to get it")
        return 0
    if options.data.lower().endswith(".json"):
        print(_describe_own(options))
    else:
        people = open_data(
            options.data, options.split, folder=options.folder, annotations=options.annotations, images=options.images,
            boxes=options.boxes, skip_bad=options.skip_bad,
        )  # fmt: skip
        print(describe(people))
    return 0


def list_data_sets() -> Table:
    """One row a data set."""
    rows = [
        [
            name, data.people, data.joints,
            ("yes" if data.found else "no") if data.needs else "built in",
            " and ".join(folder.name + "/" for folder in data.folders),
        ]
        for name, data in DATA_SETS.items()
    ]  # fmt: skip
    return Table(["name", "people", "joints", "here", "folder"], rows)


def describe(people: PeopleDataset) -> str:
    """`describe()` of a data set, or of each part of several."""
    if isinstance(people, Concatenation):
        return "\n\n".join(describe(part) for part in people.parts)
    if hasattr(people, "describe"):
        return people.describe()
    return (
        f"synthetic: {len(people)} figures of {people.skeleton.num_joints} joints, drawn when they are needed"
    )


def _describe_own(options) -> str:
    from .own_data import describe_mirror, find_doubts, joint_table  # they draw, which is slow to import

    for option in ("folder", "annotations", "boxes"):
        if getattr(options, option) is not None:
            raise ValueError(f"--{option} is for the data sets by name; data of your own takes --images")
    file = Path(options.data)
    people = OwnPeople(file, options.images or file.parent, skip_bad=options.skip_bad)
    train, held_out = split_by_picture(people)
    images, out = options.images or file.parent, Path("runs") / file.stem
    command = shlex.join(
        ["cpm-edu", "train", "--data", str(file), "--images", str(images), "--out", str(out)]
    )
    lines = [
        people.describe(), str(joint_table(people)), describe_mirror(people.skeleton),
        *(f"look: {doubt}" for doubt in find_doubts(people)),
        f"training takes {len(train)} of the people and keeps {len(held_out)} for validation, whole pictures each",
        f"next: {command}",
    ]  # fmt: skip
    return "\n".join(lines)
