"""The table of docs/targets_cap.md: what a network without any fault would score.

python tests/learning/print_caps.py [FIGURE.png]      needs CPM_EDU_DATA; also draws the figure of that page
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from cpm_edu.datasets import data_root
from cpm_edu.datasets.coco import CocoPeople
from cpm_edu.datasets.jhmdb_clips import JhmdbClips
from cpm_edu.datasets.mpii import MpiiPeople
from cpm_edu.evaluation.target_cap import decode_targets
from cpm_edu.figures.target_cap import target_cap_figure
from cpm_edu.metrics.table import Table
from learning import by_heart

SIZES = {
    (128, 128): 1,
    (256, 192): 2,
    (384, 288): 3,
    (368, 368): 2,
}  # (height, width): mmpose's sigma in cells
SHOWN = ("AP", "PCKh@0.5", "PCKh@0.1", "PCK@0.2 by torso", "PCK@0.05 by torso")


def caps_table(root: Path) -> Table:
    """One row for every size and kind of target, scores in percent."""
    coco = root / "samples" / "coco_mini"
    mpii = root / "samples" / "mmpose_tests_data" / "mpii"
    measured = [
        (
            CocoPeople(annotations=coco / "person_keypoints_val2017.json", images=coco / "val2017"),
            by_heart.coco_scores,
        ),
        (MpiiPeople(annotations=mpii / "test_mpii.json", images=mpii), by_heart.mpii_scores),
        (JhmdbClips("test", 1, root / "jhmdb"), by_heart.jhmdb_scores),
    ]
    rows = []
    for size, sigma in SIZES.items():
        for name, options in (
            ("msra", {"sigma_cells": sigma, "convention": "msra"}),
            (
                "msra, unbiased, DARK",
                {"sigma_cells": sigma, "convention": "msra", "unbiased": True, "method": "dark"},
            ),
            ("center, log-parabola", {"sigma_cells": 1.2}),
        ):
            found = {}
            for people, measure in measured:
                found |= measure(people, decode_targets(people, size, **options))
            rows.append([f"{size[0]} x {size[1]}", name, *(100 * found[key] for key in SHOWN)])
    people = ", ".join(f"{len(people)} of {people.title}" for people, _ in measured)
    return Table(["input", "target", *SHOWN], rows, caption=people, formats=dict.fromkeys(SHOWN, ".1f"))


if __name__ == "__main__":
    print(caps_table(data_root()))
    if len(sys.argv) > 1:
        target_cap_figure().savefig(sys.argv[1])
