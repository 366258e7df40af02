"""What a model is worth on the recovered JHMDB clips, beside the mean pose.

python tests/learning/against_mean_pose.py CHECKPOINT [--flip-test]      prints the tables of docs/jhmdb_clips.md
"""

from __future__ import annotations

import argparse

import numpy as np

from cpm_edu.datasets.jhmdb_clips import JhmdbClips
from cpm_edu.evaluation import predict_people
from cpm_edu.evaluation.mean_pose import mean_pose, place_pose
from cpm_edu.metrics import PCKResult, Table, pck_jhmdb, tpck_jhmdb
from cpm_edu.models.checkpoints import open_checkpoint


def judge(joints_px: np.ndarray, people: JhmdbClips) -> dict[str, PCKResult]:
    """PCK@0.2 by both lengths of joints (N, 15, 2) in image pixels."""
    truth = np.stack([record.joints_px for record in people.records])
    boxes = np.stack([record.box_xyxy for record in people.records])
    labelled = np.ones(truth.shape[:2], bool)
    return {
        "person size": pck_jhmdb(joints_px, truth, labelled, boxes_xyxy=boxes),
        "torso": tpck_jhmdb(joints_px, truth, labelled),
    }


def mean_in_the_frame(train: JhmdbClips, people: JhmdbClips) -> np.ndarray:
    """(N, 15, 2) the joints' mean place in JHMDB's frame, for who does not know where the person stands."""
    places = np.stack([record.joints_px for record in train.records]) + corners(train)
    return places.mean(0) - corners(people)


def corners(people: JhmdbClips) -> np.ndarray:
    """(N, 1, 2) where everybody's picture begins in the frame."""
    return np.stack([people.corners_px[r.file.rpartition("/")[0]] for r in people.records])[:, None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint")
    parser.add_argument("--flip-test", action="store_true")
    options = parser.parse_args()
    train, test = JhmdbClips("train"), JhmdbClips("test")
    model = open_checkpoint(options.checkpoint)
    joints, _ = predict_people(model, test, flip_test=options.flip_test, progress=True)
    found = {
        "mean pose in the frame": mean_in_the_frame(train, test),
        "mean pose in the box": place_pose(test, mean_pose(train)),
    }
    found |= {f"stage {t + 1}": stage for t, stage in enumerate(np.asarray(joints))}
    rows = []
    for name, places in found.items():
        for length, result in judge(places, test).items():
            rows.append(
                [name, length, *(100 * v for v in result.group_fractions.values()), 100 * result.mean]
            )
    columns = ["row", "length", *result.group_fractions, "Mean"]
    caption = f"PCK@0.2 in percent, {test.title}, {len(test)} frames of {len(test.clips)} clips"
    rows.sort(key=lambda row: row[1] != "person size")
    print(Table(columns, rows, caption=caption, formats=dict.fromkeys(columns[2:], ".1f")))


if __name__ == "__main__":
    main()
