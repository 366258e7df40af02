"""cpm-edu evaluate: PCK of a model on labelled people, by stage and by joint."""

from __future__ import annotations

from pathlib import Path

from ..evaluation import stage_pck, two_person_pck
from ..metrics.table import Table
from .options import add_model_options, choose_device, load_model, open_people

HELP = "measure a model: PCK by stage and by joint"
DESCRIPTION = """\
PCK@0.2 of every stage: the share of joints whose error is at most 0.2 x the torso (left shoulder to right hip),
all labelled joints, occluded ones included. On LSP's test set this is the measure of the paper's table, where the
authors' six-stage model has 84.32 (trained on LSP + LSPET) and 90.50 (+ MPII).

--two-people also puts pairs of test people side by side and asks for the left one with the right, a wrong and a
blank center map: what the center map is worth."""
EXAMPLES = """\
examples:
  cpm-edu evaluate --data synthetic
  cpm-edu evaluate --data lsp --flip-test --two-people
  cpm-edu evaluate --data lsp --checkpoint runs/lite/best.safetensors --csv result.csv"""


def add_arguments(parser) -> None:
    parser.add_argument("--data", default="lsp", help="lsp or synthetic (default: %(default)s)")
    parser.add_argument(
        "--split", default="test", choices=["train", "val", "test"], help="default: %(default)s"
    )
    parser.add_argument(
        "--two-people", action="store_true", help="also measure the center map on two-person scenes"
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the table by joint there too")
    parser.add_argument("--device", help="cpu, cuda, cuda:1 ...; default: a GPU where there is one")
    add_model_options(parser)


def run(options) -> int:
    if options.csv and not options.csv.parent.is_dir():  # told now, not after the work
        raise ValueError(f"{options.csv}: there is no such folder")
    model, path = load_model(options)
    if options.two_people and not model.uses_center_map:
        raise ValueError(f"--two-people measures the center map, which a {model.kind} CPM does not have")
    people = open_people(options.data, options.split)
    model.skeleton.require_same(people.skeleton, f"{path.name} on {options.data}")
    device = choose_device(options.device)
    model.to(device)
    results = stage_pck(model, people, flip_test=options.flip_test, device=device, progress=True)
    flip = "flip test" if options.flip_test else "no flip test"
    stages = [f"stage {t + 1}" for t in range(model.num_stages)]
    rows = [
        [joint, *(100 * r.fractions[j] for r in results)] for j, joint in enumerate(model.skeleton.joints)
    ]
    rows.append(["all joints", *(100 * r.mean for r in results)])
    table = Table(
        ["joint", *stages], rows, formats=dict.fromkeys(stages, ".2f"),
        caption=f"PCK@0.2 in percent of {path.name} on {options.data} {options.split}, {len(people)} people, {flip}",
    )  # fmt: skip
    print(table)
    if options.csv:
        table.to_csv(options.csv)
    if options.two_people:
        by_center = two_person_pck(model, people, device=device, progress=True)
        rows = [[center, *(100 * value for value in values)] for center, values in by_center.items()]
        print(Table(
            ["center map", *stages], rows, formats=dict.fromkeys(stages, ".1f"),
            caption=f"PCK@0.2 in percent of the left person in {len(people)} two-person scenes, no flip test",
        ))  # fmt: skip
    return 0
