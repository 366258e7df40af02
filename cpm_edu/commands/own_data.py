"""Training on your own data: what is about to be learnt is told and drawn before the first step.

`cpm-edu train` calls `own_data_config` for the numbers that nobody gave and `present_own_data` before it begins.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..datasets.annotated import AnnotatedPeople
from ..figures.contact_sheet import contact_sheet
from ..metrics.table import Table
from ..skeletons import Skeleton
from ..training.batches import steps_per_epoch
from ..training.run import TrainingConfig
from .own_data_checks import doubts_about_numbers, misspelled_partners
from .people import save_figure

__all__ = ["describe_mirror", "find_doubts", "joint_table", "own_data_config", "present_own_data"]

MANY = 200  # people; below, smaller batches give more steps for the same time (ours)
STEPS = 1000  # at least; with small batches about five minutes on two laptop cores (ours)
VALIDATIONS = 20
SHOWN = 9  # people on the contact sheet


def own_data_config(num_people: int) -> TrainingConfig:
    """Numbers for a run on few pictures: as many steps as learning takes, however short an epoch is.

    The defaults of `TrainingConfig` are meant for thousands of people. With 40, their 20 epochs would be 40 steps,
    fewer than the warm-up takes, and the averaged weights would still be mostly the first ones.

    Args:
        num_people: to learn from.
    """
    batch_size = 8 if num_people < MANY else TrainingConfig.batch_size
    per_epoch = steps_per_epoch(num_people, batch_size)
    epochs = max(TrainingConfig.epochs, -(-STEPS // per_epoch))
    return TrainingConfig(
        epochs=epochs, batch_size=batch_size, warmup_steps=10, ema_decay=0.95, save_every=20,
        validate_every=max(1.0, round(epochs / VALIDATIONS)),
    )  # fmt: skip


def present_own_data(
    people: AnnotatedPeople, validation: AnnotatedPeople, folder: Path | str, *, say: Callable = print
) -> Path:
    """Tell what is in the files, how a mirror swaps the joints and what looks wrong; draw the contact sheet.

    Args:
        people: to learn from.
        validation: to choose the best weights by.
        folder: of the run, made if missing; `validation_pictures.txt` and `contact_sheet.png` are written there.
        say: prints one text.

    Returns:
        Path of the contact sheet.

    Raises:
        ImageError: a picture of the sheet cannot be read.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    skeleton = people.skeleton
    say(people.describe())
    say(f"to learn from: {_count(people)}; to validate on: {_count(validation)}")
    say(str(joint_table(people)))
    say(describe_mirror(skeleton))
    for doubt in find_doubts(people):
        say(f"look: {doubt}")
    kept_out = folder / "validation_pictures.txt"
    kept_out.write_text("".join(f"{name}\n" for name in dict.fromkeys(r.file for r in validation.records)))
    say(f"pictures kept out of the training: {kept_out}")
    path = folder / "contact_sheet.png"
    chosen = chosen_for_sheet(people)
    title = (
        f"{people.title}: {len(chosen)} of {len(people)} people to learn from, each beside its mirror image"
    )
    save_figure(contact_sheet(people, chosen, title=title), path)
    say(f"contact sheet: {path}: L must be on the person's own left, in the mirrored pictures too")
    return path


def joint_table(people: AnnotatedPeople) -> Table:
    """One row a joint: what it becomes in a mirrored picture, and in how many of the people it is labelled."""
    skeleton = people.skeleton
    labelled = np.stack([record.labelled for record in people.records])
    rows = [
        [
            j,
            name,
            skeleton.joints[partner] if partner != j else "itself",
            int(count),
            100 * count / len(labelled),
        ]
        for j, (name, partner, count) in enumerate(
            zip(skeleton.joints, skeleton.flip_permutation, labelled.sum(0), strict=True)
        )
    ]
    return Table(
        ["number", "joint", "mirrored", "labelled", "percent"], rows, formats={"percent": ".0f"},
        caption=f"{skeleton.num_joints} joints of {len(labelled)} people",
    )  # fmt: skip


def describe_mirror(skeleton: Skeleton) -> str:
    """The flip pairs inferred from the names, and the joints that have no partner."""
    pairs = ", ".join(f"{skeleton.joints[a]} <-> {skeleton.joints[b]}" for a, b in skeleton.flip_pairs)
    paired = {j for pair in skeleton.flip_pairs for j in pair}
    alone = ", ".join(name for j, name in enumerate(skeleton.joints) if j not in paired)
    return f"a mirrored picture swaps {pairs or 'no joints'}; without a partner: {alone or 'none'}"


def find_doubts(people: AnnotatedPeople) -> list[str]:
    """Sentences about what is probably wrong in the annotations; none where nothing looks odd."""
    skeleton, records = people.skeleton, people.records
    doubts = []
    paired = {j for pair in skeleton.flip_pairs for j in pair}
    if skeleton.without_partner:
        names = ", ".join(skeleton.joints[j] for j in skeleton.without_partner)
        doubts.append(
            f"{names}: named after a side, but the joint of the other side is missing"
            f"{misspelled_partners(skeleton)}. Mirrored pictures will teach it wrongly; name both, such as left_ear "
            "and right_ear"
        )
    if not paired and skeleton.num_joints > 1:
        doubts.append(
            "no two joints are named as left and right, so a mirror swaps none. If there are such pairs, name "
            "them left_... and right_... in the json's category"
        )
    labelled = np.stack([record.labelled for record in records])
    counts = labelled.sum(0)
    never = [name for name, count in zip(skeleton.joints, counts, strict=True) if count == 0]
    if never:
        doubts.append(f"{', '.join(never)}: never labelled, so never learnt")
    return doubts + doubts_about_numbers(people)


def chosen_for_sheet(people: AnnotatedPeople, most: int = SHOWN) -> list[int]:
    """Indices spread over the file, in each part of it the person with the most labelled joints."""
    parts = np.array_split(np.arange(len(people)), min(most, len(people)))
    labelled = [int(record.labelled.sum()) for record in people.records]
    return [max(part.tolist(), key=lambda i: labelled[i]) for part in parts]


def _count(people: AnnotatedPeople) -> str:
    pictures = len({record.file for record in people.records})
    return f"{len(people)} people in {pictures} pictures"
