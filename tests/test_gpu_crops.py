"""A whole batch painted at once shows what crop after crop shows."""

import dataclasses

import numpy as np
import pytest
import torch
from test_augment import make_person
from tiny_people import TinyPeople, tiny_model

from cpm_edu.datasets.augment import Augmentation, MmposeAugmentation, plain_sketch, training_sketch
from cpm_edu.datasets.crops import paint, visible_parts
from cpm_edu.datasets.gpu_crops import pack_crops
from cpm_edu.skeletons import LSP
from cpm_edu.training.batches import crop_loader

DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")),
]
SIZE = (64, 48)


def noisy_person(height, width, seed=0):
    """A person in the middle of a random picture of height x width px."""
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    center = np.array([width / 2, height / 2], np.float32)
    return dataclasses.replace(
        make_person(), image=picture, center_px=center, scale_px=np.array([width, height], np.float32)
    )


def packed(sketches, device):
    return pack_crops(sketches, [visible_parts(sketch) for sketch in sketches]).to(torch.device(device))


def assert_painted_alike(sketches, device="cpu"):
    together = packed(sketches, device).paint().cpu()
    alone = torch.stack([paint(sketch).image for sketch in sketches])
    assert alone.std() > 5, "the crops show nothing"
    # of 255 levels: places in float32 are off by up to 1e-4 px
    torch.testing.assert_close(together, alone, rtol=0, atol=0.05)


def test_by_hand():
    """A picture of 2 x 3 px on a crop of the same size: itself; shifted by half a pixel: means of neighbours."""
    picture = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    person = dataclasses.replace(
        make_person(), image=picture, center_px=np.array([1.0, 0.5]), scale_px=np.array([3.0, 2.0])
    )
    same = plain_sketch(person, (2, 3))
    moved = plain_sketch(dataclasses.replace(person, center_px=np.array([1.5, 0.5])), (2, 3))
    images = packed([same, moved], "cpu").paint()
    torch.testing.assert_close(images[0], torch.from_numpy(picture).permute(2, 0, 1).float())
    assert images[1, 0].tolist() == [[1.5, 4.5, (6 + 128) / 2], [10.5, 13.5, (15 + 128) / 2]]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("convention", ["center", "msra"])
def test_plain_crops_of_pictures_of_all_sizes(device, convention):
    sizes = [(1, 1), (17, 33), (46, 46), (64, 48), (130, 97), (301, 144), (50, 400)]
    sketches = [plain_sketch(noisy_person(*size, seed=n), SIZE, convention) for n, size in enumerate(sizes)]
    assert_painted_alike(sketches, device)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("convention", ["center", "msra"])
@pytest.mark.parametrize(
    "augmentation", [Augmentation(second_person=0.5), MmposeAugmentation(scale=(0.5, 1.5))]
)
def test_training_crops(device, convention, augmentation):
    people = [noisy_person(60 + 37 * n, 250 - 29 * n, seed=n) for n in range(8)]
    sketches = [
        training_sketch(
            people[n % 8], LSP, SIZE, np.random.default_rng(n), augmentation,
            another=lambda rng: people[rng.integers(8)], convention=convention,
        )
        for n in range(24)
    ]  # fmt: skip
    pairs = sum(sketch.seam is not None for sketch in sketches)
    assert (0 < pairs < 24) == isinstance(augmentation, Augmentation)
    assert_painted_alike(sketches, device)


@pytest.mark.parametrize("device", DEVICES)
def test_a_crop_past_the_picture_is_all_fill(device):
    lost = dataclasses.replace(noisy_person(20, 20), center_px=np.array([500.0, -300.0]))
    images = packed([plain_sketch(lost, SIZE), plain_sketch(noisy_person(40, 40), SIZE)], device).paint()
    assert (images[0] == 128).all()
    assert images[1].std() > 5


@pytest.mark.parametrize("workers", [0, 2])
def test_the_loader_leaves_painting_to_the_device(workers):
    def batches(**options):
        return list(
            crop_loader(
                TinyPeople(11), tiny_model(), batch_size=4, steps=range(3), augmentation=Augmentation(),
                workers=workers, **options,
            )
        )  # fmt: skip

    for later, now in zip(batches(paint_later=True), batches(), strict=True):
        assert len(later) == len(now) == 4
        painted = later.to(torch.device("cpu"))
        torch.testing.assert_close(painted.images, now.images, rtol=0, atol=0.05)
        for name in ("joints_px", "labelled", "present", "center_px", "matrices", "indices"):
            assert torch.equal(getattr(painted, name), getattr(now, name)), name
