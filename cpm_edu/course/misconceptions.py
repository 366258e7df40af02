"""The fifteen wrong ideas that this course expects, and where each is met.

Every one has a `predict_first` and a `hinge` with its id in its notebook, and something that shows it to be wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MISCONCEPTIONS", "Misconception"]


@dataclass(frozen=True)
class Misconception:
    """A wrong idea.

    Args:
        id: of its questions.
        notebook: the number of the notebook that takes it up.
        belief: what is believed.
        instead: what is the case.
    """

    id: str
    notebook: str
    belief: str
    instead: str


MISCONCEPTIONS = (
    Misconception(
        "probabilities", "01", "Belief maps are probabilities.",
        "They are regressed toward Gaussians of peak 1: a map does not sum to 1, and maps do not sum to 1 in a cell.",
    ),
    Misconception(
        "smaller-sigma", "01", "A smaller sigma is more precise.",
        "Below about a cell the target lights a single cell: neighbours no longer say where inside it the joint lies.",
    ),
    Misconception(
        "occluded-unlabelled", "01", "Occluded means unlabelled.",
        "A hidden joint can be labelled and trained on; only a joint without a label gets no target.",
    ),
    Misconception(
        "center-leaks", "02", "The center map leaks the label.",
        "It marks the middle of a person, known from a box at test time too; it says whom, not where a joint is.",
    ),
    Misconception(
        "field-effective", "03", "The theoretical receptive field is the effective one.",
        "Most of the influence comes from a small middle part of it.",
    ),
    Misconception(
        "stages-share", "04", "Later stages share weights, or see a larger image.",
        "Every stage has its own weights and the same crop; what grows is how much of it a belief listens to.",
    ),
    Misconception(
        "left-image", "04", "Left means left in the image.",
        "Left is the person's own left, which lies right in the image when the person faces the camera.",
    ),
    Misconception(
        "intermediate-lr", "05", "An intermediate loss is only a larger learning rate.",
        "It reaches the early layers by a short way; scaling the last loss scales all layers alike.",
    ),
    Misconception(
        "argmax-pixel", "06", "The argmax errs by less than a pixel.",
        "At stride 8 it errs by up to 4 pixels on each axis, even for a perfect belief map.",
    ),
    Misconception(
        "mirror-flip", "06", "Mirroring the maps back is all of the flip test.",
        "Left and right maps must also change places, and in one convention the maps must move by a cell.",
    ),
    Misconception(
        "pck-compare", "07", "PCKs with different normalisers can be compared.",
        "The same predictions get another number with every normaliser.",
    ),
    Misconception(
        "oks-iou", "07", "OKS is an IoU.",
        "It is a mean of Gaussians of the joints' errors, scaled by person and joint; no areas are intersected.",
    ),
    Misconception(
        "low-mse", "08", "A low MSE means that the network has learned.",
        "A map of zeros has a low MSE already, because targets are almost everywhere zero.",
    ),
    Misconception(
        "emulator-speed", "09", "The emulator's speed is the GPU's.",
        "It runs threads one after the other to show what they do; its time says nothing about a GPU.",
    ),
    Misconception(
        "kernel-training", "10", "A faster kernel makes training faster.",
        "Targets and decoding are about 0.1 % of a training step.",
    ),
)  # fmt: skip
