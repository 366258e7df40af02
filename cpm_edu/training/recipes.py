"""The published results as recipes: data, network, training, test rule and the row in print, one dataclass each.

`cpm-edu recipes` prints them, `cpm-edu train --recipe R` follows one, `cpm-edu evaluate --recipe R` puts the
published row and the measured one side by side. Nothing here was tried with the real checkpoints: `verified`.

Source: configs `td-hm_cpm_*` and model zoo of mmpose 1.x (759b39c) and 0.x; for `lsp-368` the authors' release
(training/genProto.py, testing/config.m, testing/CPM_benchmark.m, testing/src/run_benchmark.m).
"""

from __future__ import annotations

from dataclasses import dataclass

from ..datasets.augment import Augmentation, MmposeAugmentation
from ..models import CPM
from ..skeletons import COCO, JHMDB, LSP, MPII, Skeleton
from .run import TrainingConfig

__all__ = ["JHMDB_AVERAGE", "JHMDB_LENGTHS", "RECIPES", "Published", "Recipe"]


@dataclass(frozen=True)
class Published:
    """A row in print.

    Args:
        label: which release or training it belongs to.
        values: name -> number, in the unit in which it is printed (COCO and MPII 0..1, JHMDB and LSP percent).
        source: where it is printed.
        checkpoint: the weights file that belongs to it, where that is not the recipe's.
    """

    label: str
    values: dict[str, float]
    source: str
    checkpoint: str = ""


@dataclass(frozen=True)
class Recipe:
    """Everything that a published number depends on.

    Args:
        name: of the recipe.
        data: of `cpm_edu.datasets.opening.open_data`.
        model: "mmpose" or "paper".
        skeleton: the joints.
        input_size: (height, width) of the crop in pixels.
        num_stages: of the network.
        training: the schedule; `batch_size` counts people over all GPUs.
        gpus: on which it was published; 0 where that is not known.
        boxes: whose person boxes the test uses: "detector" or "annotation".
        flip_test: whether the maps of the mirrored crop are averaged in.
        test_scales: zooms of the plain crop whose maps are averaged; more than one is the multi-scale test.
        rule: how the number is made, in words.
        config: name of the config (mmpose) or script (release) that it comes from.
        checkpoint: file name of the published weights.
        sha256_prefix: first digits of that file's SHA-256; "" where none is published.
        published: rows in print, the recipe's own first.
        notes: what else one must know.
        verified: when somebody last saw the published row come out of this package with the real data and weights.
    """

    name: str
    data: str
    model: str
    skeleton: Skeleton
    input_size: tuple[int, int]
    num_stages: int
    training: TrainingConfig
    gpus: int
    boxes: str
    flip_test: bool
    test_scales: tuple[float, ...]
    rule: str
    config: str
    checkpoint: str
    sha256_prefix: str
    published: tuple[Published, ...]
    notes: str
    verified: str = "never"

    def make_model(self) -> CPM:
        """The network with fresh weights."""
        make = {"mmpose": CPM.mmpose, "paper": CPM.paper}[self.model]
        return make(self.skeleton, num_stages=self.num_stages, input_size=self.input_size)


def _mmpose_training(epochs: int, batch_size: int, lr_steps: tuple[float, ...], **options) -> TrainingConfig:
    """What all six configs of mmpose share: Adam, a linear warm-up, steps by 0.1, full precision, raw weights."""
    return TrainingConfig(
        epochs=epochs, batch_size=batch_size, optimizer="adam", lr=5e-4, weight_decay=0.0,
        schedule="multistep", lr_steps=lr_steps, step_gamma=0.1, warmup_steps=500, warmup_start=0.001,
        clip_norm=0.0, ema_decay=0.0, loss="mean", workers=2, amp="off", **options,
    )  # fmt: skip


COCO_RULE = (
    "AP and AR by pycocotools, 0..1; a person's score is its box's times the mean of its joint scores above 0.2; "
    "OKS-NMS at 0.9; results carry the detector's box, so that it decides who is medium and who is large"
)
COCO_NOTES = (
    "Boxes: COCO_val2017_detections_AP_H_56_person.json (a detector with human AP 56.4), all of category 1. "
    "mmpose 1.x trained the same config again: the second row, with its own weights file."
)
COCO_FIRST = "mmpose 0.x model zoo, cpm_coco"
COCO_LATER = "mmpose 1.x model zoo, cpm_coco.yml"
COCO_KEYS = ("AP", "AP .5", "AP .75", "AR", "AR .5")


def _coco(
    size: tuple[int, int], batch_size: int, sigma: float, config: str, sha: str, date: str,
    first: tuple[float, ...], later: tuple[float, ...], later_checkpoint: str,
) -> Recipe:  # fmt: skip
    crop = f"{size[0]}x{size[1]}"
    checkpoint = f"cpm_coco_{crop}-{sha}_{date}.pth"
    return Recipe(
        name=f"coco-{crop}", data="coco", model="mmpose", skeleton=COCO, input_size=size, num_stages=6,
        training=_mmpose_training(
            210, batch_size, (170.0, 200.0), sigma_cells=sigma, validate_every=10.0,
            augmentation=MmposeAugmentation(half_body=0.3, scale=(0.5, 1.5), rotation_deg=80.0),
        ),
        gpus=8, boxes="detector", flip_test=True, test_scales=(1.0,), rule=COCO_RULE, config=config,
        checkpoint=checkpoint, sha256_prefix=sha,
        published=(
            Published("mmpose, 2020", dict(zip(COCO_KEYS, first, strict=True)), COCO_FIRST),
            Published(
                "mmpose, 2022", dict(zip(COCO_KEYS, later, strict=True)), COCO_LATER, later_checkpoint
            ),
        ),
        notes=COCO_NOTES,
    )  # fmt: skip


MPII_RULE = (
    "PCKh, 0..1: error < 0.5 (Mean@0.1: < 0.1) of the head size, which is 0.6 x the diagonal of the head box; mean "
    "over labelled joints without pelvis and thorax. One pixel is added to predictions (the file counts from 1)"
)
MPII_NOTES = (
    "The 2020 weights learned joints counted from 0 (mmpose 0.x takes 1 px off); mmpose 1.x trains on the file's "
    "numbers as they are and still adds 1 px in the test, so that a network trained by it is 1 px off there. The row "
    "says which rule it follows; both are measured."
)

JHMDB_RULE = (
    "PCK in percent: error < 0.2 of the longer side of the annotated box (person size), and < 0.2 of left shoulder "
    "to right hip (torso); groups are plain means of left and right; Mean is over all 15 joints, neck and belly too"
)
JHMDB_NOTES = (
    "Training started from the MPII network (`--init-from`), which the config does not say; no multi-scale or "
    "rotation test. The averages over the three splits are kept as printed: elbow 81.5 (person size; the splits "
    "give 81.8) and Mean 65.7 (torso; the splits give 65.8) are not the means of their splits."
)
JHMDB_SOURCE = "mmpose model zoo, cpm_jhmdb"
JHMDB_LENGTHS = {"PCK": "person size", "tPCK": "torso"}
JHMDB_GROUPS = ("Head", "Sho", "Elb", "Wri", "Hip", "Knee", "Ank", "Mean")


def _jhmdb_row(label: str, person_size: tuple[float, ...], torso: tuple[float, ...]) -> Published:
    """Names are "Head PCK" .. "Mean PCK" for person size and "Head tPCK" .. "Mean tPCK" for torso."""
    values = {f"{group} PCK": value for group, value in zip(JHMDB_GROUPS, person_size, strict=True)}
    values |= {f"{group} tPCK": value for group, value in zip(JHMDB_GROUPS, torso, strict=True)}
    return Published(label, values, JHMDB_SOURCE)


JHMDB_AVERAGE = _jhmdb_row(
    "average of the three splits, as printed",
    (97.4, 93.5, 81.5, 77.9, 96.4, 91.4, 86.1, 89.8),
    (90.1, 64.5, 53.6, 51.1, 67.4, 63.3, 63.1, 65.7),
)


def _jhmdb(split: int, sha: str, person_size: tuple[float, ...], torso: tuple[float, ...]) -> Recipe:
    return Recipe(
        name=f"jhmdb-sub{split}-368", data=f"jhmdb-sub{split}", model="mmpose", skeleton=JHMDB,
        input_size=(368, 368), num_stages=6,
        training=_mmpose_training(
            40, 256, (20.0, 30.0), sigma_cells=2.0, augmentation=MmposeAugmentation(),
        ),
        gpus=8, boxes="annotation", flip_test=True, test_scales=(1.0,), rule=JHMDB_RULE,
        config=f"td-hm_cpm_8xb32-40e_jhmdb-sub{split}-368x368",
        checkpoint=f"cpm_jhmdb_sub{split}_368x368-{sha}_20201122.pth", sha256_prefix=sha,
        published=(_jhmdb_row("mmpose, 2020", person_size, torso),), notes=JHMDB_NOTES,
    )  # fmt: skip


LSP_RULE = (
    "PCK@0.2 in percent: error <= 0.2 of left shoulder to right hip, all 14 joints, occluded ones included, each "
    "person's left being its own; the maps of 7 zooms are averaged at image resolution, where the best pixel is taken"
)
LSP_NOTES = (
    "The release tests with the picture 0.8 x 368 px high and that zoomed by 0.7 to 1.3; our plain crop covers the "
    "picture's longer side, so the zooms are 0.8 times those, in training too. The second row's network learned MPII "
    "as well. The weights are a Caffe file, which this package does not read. Ours, because the release does not say: "
    "575 epochs (its file name's 395,000 steps of 16 on 11,000 people), the same step of the rate as its MPII "
    "solver's (136,106 steps), target sigma 7 px, flips."
)
LSP_SOURCE = "testing/CPM_benchmark.m of the authors' release"
# testing/src/run_benchmark.m: target_dist 0.8 of the box for LSP, scale_search 0.7:0.1:1.3
LSP_ZOOMS = tuple(round(0.8 * scale, 2) for scale in (0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3))

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        _coco(
            (256, 192), 512, 2.0, "td-hm_cpm_8xb64-210e_coco-256x192", "aa4ba095", "20200817",
            (0.623, 0.859, 0.704, 0.686, 0.903), (0.627, 0.862, 0.709, 0.689, 0.906),
            "td-hm_cpm_8xb64-210e_coco-256x192-0e978875_20220920.pth",
        ),
        _coco(
            (384, 288), 256, 3.0, "td-hm_cpm_8xb32-210e_coco-384x288", "80feb4bc", "20200821",
            (0.650, 0.864, 0.725, 0.708, 0.905), (0.652, 0.865, 0.730, 0.710, 0.907),
            "td-hm_cpm_8xb32-210e_coco-384x288-165487b8_20221011.pth",
        ),
        Recipe(
            name="mpii-368", data="mpii", model="mmpose", skeleton=MPII, input_size=(368, 368), num_stages=6,
            training=_mmpose_training(
                210, 512, (170.0, 200.0), sigma_cells=2.0, validate_every=10.0,
                augmentation=MmposeAugmentation(shift_probability=0.0),
            ),
            gpus=8, boxes="annotation", flip_test=True, test_scales=(1.0,), rule=MPII_RULE,
            config="td-hm_cpm_8xb64-210e_mpii-368x368",
            checkpoint="cpm_mpii_368x368-116e62b8_20200822.pth", sha256_prefix="116e62b8",
            published=(
                Published(
                    "mmpose, 2020 (joints counted from 0)", {"Mean": 0.876, "Mean@0.1": 0.285},
                    "mmpose model zoo, cpm_mpii",
                ),
            ),
            notes=MPII_NOTES,
        ),
        _jhmdb(
            1, "2d2585c9",
            (96.1, 91.9, 81.0, 78.9, 96.6, 90.8, 87.3, 89.5), (89.0, 63.0, 54.0, 54.9, 68.2, 63.1, 61.2, 66.0),
        ),
        _jhmdb(
            2, "fc742f1f",
            (98.1, 93.6, 77.1, 70.9, 94.0, 89.1, 84.7, 87.4), (90.3, 57.9, 46.8, 44.3, 60.8, 58.2, 62.4, 61.1),
        ),
        _jhmdb(
            3, "49337155",
            (97.9, 94.9, 87.3, 84.0, 98.6, 94.4, 86.2, 92.4), (91.0, 72.6, 59.9, 54.0, 73.2, 68.5, 65.8, 70.3),
        ),
        Recipe(
            name="lsp-368", data="lsp+lspet", model="paper", skeleton=LSP, input_size=(368, 368), num_stages=6,
            training=TrainingConfig(
                epochs=575, batch_size=16, optimizer="sgd", lr=8e-5, weight_decay=5e-4,
                schedule="step", step_epochs=198.0, step_gamma=0.333, warmup_steps=0, ema_decay=0.0,
                sigma_cells=7 / 8, loss="euclidean", amp="off",
                augmentation=Augmentation(
                    rotation_deg=40.0, scale=(LSP_ZOOMS[0], LSP_ZOOMS[-1]), shift=0.0, flip=0.5, half_body=0.0,
                    second_person=0.0, center_jitter=0.0, brightness=0.0,
                ),
            ),
            gpus=0, boxes="annotation", flip_test=False, test_scales=LSP_ZOOMS, rule=LSP_RULE,
            config="genProto.py", checkpoint="pose_iter_395000.caffemodel", sha256_prefix="",
            published=(
                Published("release, LSP + LSPET", {"PCK@0.2": 84.32}, LSP_SOURCE),
                Published(
                    "release, with MPII too", {"PCK@0.2": 90.50}, LSP_SOURCE, "pose_iter_985000_addLEEDS.caffemodel"
                ),
            ),
            notes=LSP_NOTES,
        ),
    )
}  # fmt: skip
