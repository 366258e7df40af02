"""Crops: the joints, the center and the second person must stay on what is painted there."""

import dataclasses

import numpy as np
import pytest
import torch

from cpm_edu.coords import apply_affine
from cpm_edu.datasets.augment import PAD_VALUE, Augmentation, plain_crop, training_crop, two_person_crop
from cpm_edu.datasets.people import Person
from cpm_edu.skeletons import LSP

SIZE = (160, 128)
STILL = Augmentation(
    rotation_deg=0.0, scale=(1.0, 1.0), shift=0.0, flip=0.0, half_body=0.0, second_person=0.0, center_jitter=0.0,
    brightness=0.0,
)  # fmt: skip
ALL = Augmentation(center_jitter=0.0, brightness=0.0, half_body=0.0, second_person=0.0, scale=(0.8, 1.2))
RED, GREEN = 0, 1


def blob_image(at, channel=RED, size=(200, 240), sigma=4.0):
    """Black (H, W, 3) uint8 with a Gaussian spot in one channel; the grey outside has all three alike."""
    y, x = np.arange(size[0])[:, None], np.arange(size[1])
    image = np.zeros((*size, 3), np.uint8)
    image[..., channel] = np.round(255 * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * sigma**2)))
    return image


def make_person(marked=None, *, channel=RED, seed=0, labelled=None):
    """A person in 200 x 240 px, with a spot on joint `marked`, or on the box's center."""
    joints = np.random.default_rng(seed).uniform(70, 140, (14, 2)).astype(np.float32)
    center = np.array([110.0, 95.0], np.float32)
    return Person(
        image=blob_image(center if marked is None else joints[marked], channel),
        joints_px=joints,
        labelled=np.ones(14, bool) if labelled is None else labelled,
        center_px=center,
        scale_px=np.array([180.0, 180.0], np.float32),
    )


def spot(crop, channel=RED):
    """Centroid (x, y) of what only one channel shows; a low sum means that nothing is seen."""
    mass = (crop.image[channel] - crop.image[2]).clamp(min=0).double()
    x, y = torch.arange(mass.shape[1]), torch.arange(mass.shape[0])
    assert mass.sum() > 1000, "the spot left the crop"
    return torch.stack([(mass.sum(0) * x).sum(), (mass.sum(1) * y).sum()]) / mass.sum()


def assert_close_px(found, expected, tolerance=0.5):
    assert (found - expected).norm() <= tolerance, (
        f"spot at {found.tolist()}, said to be at {expected.tolist()}"
    )


def mirrored(crop):
    return torch.linalg.det(crop.matrix[:, :2]) < 0


def rng(seed):
    return np.random.default_rng(seed)


# ---- by hand


def test_plain_crop_by_hand():
    person = dataclasses.replace(make_person(0), scale_px=np.array([128.0, 100.0], np.float32))
    crop = plain_crop(person, SIZE)
    # the box is as wide as the crop: no zoom, and the center lands on ((w - 1) / 2, (h - 1) / 2)
    assert crop.center_px.tolist() == [63.5, 79.5]
    expected = torch.from_numpy(person.joints_px) - torch.tensor([110.0 - 63.5, 95.0 - 79.5])
    torch.testing.assert_close(crop.joints_px[0], expected, rtol=0, atol=1e-4)
    assert crop.image.shape == (3, *SIZE)
    assert crop.joints_px.shape == (1, 14, 2)
    assert crop.labelled.shape == (1, 14)
    assert_close_px(spot(crop), crop.joints_px[0, 0], 0.1)


def test_msra_convention_puts_the_center_half_a_pixel_further():
    crop = plain_crop(make_person(), SIZE, "msra")
    assert crop.center_px.tolist() == [64.0, 80.0]
    assert_close_px(spot(crop), crop.center_px, 0.1)


def test_outside_is_grey():
    crop = plain_crop(dataclasses.replace(make_person(), center_px=np.zeros(2, np.float32)), SIZE)
    assert crop.image[:, 0, 0].tolist() == [PAD_VALUE["center"]] * 3
    assert crop.image[:, -1, -1].tolist() != [PAD_VALUE["center"]] * 3


# ---- joints follow the picture


@pytest.mark.parametrize(
    "options",
    [
        dataclasses.replace(STILL, rotation_deg=40.0),
        dataclasses.replace(STILL, scale=(0.7, 1.3)),
        dataclasses.replace(STILL, shift=0.25),
        dataclasses.replace(STILL, flip=1.0),
        ALL,
    ],
    ids=["rotation", "scale", "shift", "flip", "all"],
)
@pytest.mark.parametrize("convention", ["center", "msra"])
@pytest.mark.parametrize("joint", ["left_wrist", "right_knee", "neck"])
def test_joints_follow_the_picture(options, convention, joint):
    index, order = LSP.index(joint), LSP.flip_permutation
    person = make_person(index)
    plain, moves, seen = plain_crop(person, SIZE).joints_px[0], [], 0
    for seed in range(6):
        crop = training_crop(person, LSP, SIZE, rng(seed), options, convention=convention)
        where = crop.joints_px[0, order[index] if mirrored(crop) else index]
        if ((where - 15 > 0) & (where + 15 < torch.tensor(SIZE[::-1]))).all():  # the whole spot is seen
            assert_close_px(spot(crop), where)
            seen += 1
        moves.append((plain - crop.joints_px[0]).norm(dim=-1).max())
    assert seen >= 2, "hardly a spot was in the crop: the test looked at nothing"
    assert max(moves) > 3, "no crop differs from the plain one"


def test_mirroring_swaps_left_and_right():
    labelled = np.ones(14, bool)
    labelled[LSP.index("left_wrist")] = False
    person = make_person(labelled=labelled)
    crop = training_crop(person, LSP, SIZE, rng(0), dataclasses.replace(STILL, flip=1.0))
    plain = plain_crop(person, SIZE)
    assert mirrored(crop)
    left, right, neck = (LSP.index(j) for j in ("left_wrist", "right_wrist", "neck"))
    assert crop.labelled[0, left]
    assert not crop.labelled[0, right], "the left wrist of the picture is the right one of its mirror image"
    mirror = torch.tensor([SIZE[1] - 1.0, 0.0]) + torch.tensor([-1.0, 1.0]) * plain.joints_px[0]
    torch.testing.assert_close(crop.joints_px[0, left], mirror[right], rtol=0, atol=1e-3)
    torch.testing.assert_close(crop.joints_px[0, neck], mirror[neck], rtol=0, atol=1e-3)


def test_flip_happens_as_often_as_asked():
    person = dataclasses.replace(make_person(), image=np.zeros((8, 8, 3), np.uint8))
    crops = [training_crop(person, LSP, (8, 8), rng(s), ALL) for s in range(100)]
    assert 30 <= sum(bool(mirrored(c)) for c in crops) <= 70


# ---- the center moves along


def test_center_moves_with_the_person():
    middle = torch.tensor([(SIZE[1] - 1) / 2, (SIZE[0] - 1) / 2])
    side = torch.tensor([SIZE[1], SIZE[0]])
    person, moves = make_person(), []
    for seed in range(20):
        crop = training_crop(
            person, LSP, SIZE, rng(seed), dataclasses.replace(STILL, shift=0.2, rotation_deg=30)
        )
        assert_close_px(spot(crop), crop.center_px, 0.1)
        moves.append((crop.center_px - middle) / side)
        assert moves[-1].abs().max() <= 0.2 + 1e-6
    assert torch.stack(moves).std(0).min() > 0.05, "shifted on both axes"


def test_center_jitter_moves_only_the_center():
    still = training_crop(make_person(), LSP, SIZE, rng(3), STILL)
    jittered = training_crop(make_person(), LSP, SIZE, rng(3), dataclasses.replace(STILL, center_jitter=0.05))
    assert torch.equal(still.image, jittered.image)
    assert torch.equal(still.joints_px, jittered.joints_px)
    assert 0 < (still.center_px - jittered.center_px).norm() < 40


# ---- a second person


def test_second_person_is_pasted_and_labelled():
    options = dataclasses.replace(ALL, second_person=1.0)
    joint = LSP.index("left_wrist")
    joints = np.tile(np.array([110.0, 95.0], np.float32), (14, 1))  # all on the center, where the spot is
    first = dataclasses.replace(make_person(), joints_px=joints)
    second = dataclasses.replace(make_person(channel=GREEN), joints_px=joints)
    for seed in range(10):
        crop = training_crop(first, LSP, SIZE, rng(seed), options, another=lambda _: second)
        assert crop.joints_px.shape == (2, 14, 2)
        assert crop.labelled.all()
        assert_close_px(spot(crop, RED), crop.joints_px[0, joint])
        assert_close_px(spot(crop, GREEN), crop.joints_px[1, joint])
        assert_close_px(spot(crop, RED), crop.center_px), "the first person stays the one marked"
        apart = (crop.joints_px[0, joint] - crop.joints_px[1, joint]) / torch.tensor([SIZE[1], SIZE[0]])
        assert 2 * 0.14 <= apart[0].abs() <= 2 * 0.25, "pair_offset on either side"


def test_each_pixel_comes_from_the_nearer_person():
    grey = [dataclasses.replace(make_person(), image=np.full((600, 600, 3), v, np.uint8)) for v in (50, 200)]
    grey = [dataclasses.replace(p, center_px=np.array([300, 300], np.float32)) for p in grey]
    options = dataclasses.replace(ALL, second_person=1.0)
    for seed in range(4):
        crop = training_crop(grey[0], LSP, SIZE, rng(seed), options, another=lambda _: grey[1])
        assert set(crop.image.round().unique().tolist()) == {50.0, 200.0}
        x, y = crop.center_px.round().long().tolist()
        assert crop.image[0, y, x].round() == 50, "the person at the center is on top there"
        share = (crop.image[0] > 100).float().mean()
        assert 0.2 < share < 0.8


def test_other_people_of_the_picture_follow_too():
    joint, order = LSP.index("left_wrist"), LSP.flip_permutation
    others = np.random.default_rng(5).uniform(70, 140, (1, 14, 2)).astype(np.float32)
    labelled = np.ones((1, 14), bool)
    labelled[0, 0] = False
    others[0, 0] = np.nan
    person = dataclasses.replace(
        make_person(), image=blob_image(others[0, joint]), others_px=others, others_labelled=labelled
    )
    for seed in range(4):
        crop = training_crop(
            person, LSP, SIZE, rng(seed), dataclasses.replace(ALL, shift=0.0, rotation_deg=90)
        )
        assert crop.joints_px.shape == (2, 14, 2)
        assert crop.joints_px.isfinite().all()
        assert crop.labelled.sum() == 27
        assert not crop.labelled[1, order[0] if mirrored(crop) else 0]
        assert_close_px(spot(crop), crop.joints_px[1, order[joint] if mirrored(crop) else joint])
    pair = training_crop(
        person, LSP, SIZE, rng(0), dataclasses.replace(ALL, second_person=1.0), another=lambda _: person
    )
    assert pair.joints_px.shape == (4, 14, 2), "whoever is pasted in brings the others of that picture"


def test_two_person_crop_by_hand():
    left, right = make_person(), make_person(channel=GREEN)
    crop = two_person_crop(left, right, (100, 200))
    np.testing.assert_allclose(crop.center_px, [99.5 - 0.21 * 200, 49.5], rtol=0, atol=1e-4)
    assert_close_px(spot(crop, RED), crop.center_px, 0.2)
    assert_close_px(spot(crop, GREEN), torch.tensor([99.5 + 42.0, 49.5]), 0.2)
    assert crop.matrix[0, 0].item() == pytest.approx(0.7 * 100 / 180)  # the whole square box fits the height
    assert crop.joints_px.shape == (2, 14, 2)


def test_second_person_needs_another():
    crop = training_crop(make_person(), LSP, SIZE, rng(0), dataclasses.replace(ALL, second_person=1.0))
    assert len(crop.joints_px) == 1


# ---- half body


@pytest.mark.parametrize("seed", range(4))
def test_half_body_zooms_onto_one_half(seed):
    person = make_person()
    person.joints_px[list(LSP.upper_body)] = person.joints_px[list(LSP.upper_body)] * 0.5 + 20
    crop = training_crop(person, LSP, (128, 128), rng(seed), dataclasses.replace(STILL, half_body=1.0))
    boxes = []
    for half in (LSP.upper_body, LSP.lower_body):
        low, high = person.joints_px[list(half)].min(0), person.joints_px[list(half)].max(0)
        boxes.append((1.5 * (high - low).max(), torch.from_numpy((low + high) / 2)))
    zoom = crop.matrix[0, 0].item()
    side, center = min(boxes, key=lambda b: abs(128 / b[0] - zoom))
    assert zoom == pytest.approx(128 / side, rel=1e-5)
    np.testing.assert_allclose(apply_affine(crop.matrix, center[None])[0], [63.5, 63.5], atol=1e-3)
    np.testing.assert_allclose(crop.center_px, [63.5, 63.5], atol=1e-3)
    assert crop.labelled.all(), (
        "joints of the other half keep their labels; the target decides what is on the map"
    )


def test_half_body_needs_four_labelled_joints():
    labelled = np.zeros(14, bool)
    labelled[[0, 1, 2, 6, 7, 8]] = True
    person = make_person(labelled=labelled)
    person.joints_px[~labelled] = np.nan
    crop = training_crop(person, LSP, SIZE, rng(0), dataclasses.replace(STILL, half_body=1.0))
    torch.testing.assert_close(crop.matrix, plain_crop(person, SIZE).matrix)


# ---- randomness


def test_same_generator_same_crop():
    options = Augmentation(second_person=0.5)
    for seed in range(8):
        crops = []
        for _ in range(2):
            torch.manual_seed(len(crops))
            np.random.seed(len(crops))  # noqa: NPY002 - the global state must not matter
            generator = rng(seed)
            crop = training_crop(
                make_person(3),
                LSP,
                SIZE,
                generator,
                options,
                another=lambda g: make_person(seed=g.integers(9)),
            )
            crops.append([*vars(crop).values(), torch.tensor(generator.random())])
        assert all(torch.equal(a, b) for a, b in zip(*crops, strict=True))


def test_another_generator_another_crop():
    crops = [training_crop(make_person(3), LSP, SIZE, rng(s), Augmentation()) for s in range(2)]
    assert not torch.equal(crops[0].matrix, crops[1].matrix)
    assert not torch.equal(crops[0].image, crops[1].image)


def test_brightness_stays_in_range():
    white = dataclasses.replace(make_person(), image=np.full((200, 240, 3), 255, np.uint8))
    levels = set()
    for seed in range(10):
        image = training_crop(
            white, LSP, (16, 16), rng(seed), dataclasses.replace(STILL, brightness=0.5)
        ).image
        assert 0 <= image.amin() <= image.amax() <= 255
        levels.add(image[0, 8, 8].item())
    assert len(levels) > 3


# ---- edges


def test_nan_of_unlabelled_joints_does_not_leak():
    labelled = np.arange(14) % 2 == 0
    person = make_person(labelled=labelled)
    person.joints_px[~labelled] = np.nan
    for seed in range(8):
        crop = training_crop(
            person, LSP, SIZE, rng(seed), Augmentation(half_body=1.0), another=lambda _: person
        )
        assert crop.joints_px.isfinite().all()
        assert crop.labelled.sum() == 7 * len(crop.labelled)
        assert crop.image.isfinite().all()


@pytest.mark.parametrize("size", [(8, 8), (17, 33), (46, 46)])
def test_read_only_picture_of_any_size(size):
    image = np.zeros((1, 1, 3), np.uint8)
    image.flags.writeable = False
    person = dataclasses.replace(make_person(), image=image)
    before = person.joints_px.copy()
    crop = training_crop(person, LSP, size, rng(0), Augmentation(), another=lambda _: person)
    assert crop.image.shape == (3, *size)
    np.testing.assert_array_equal(person.joints_px, before, err_msg="the person itself must not change")
