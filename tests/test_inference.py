"""Inference: the flip test by hand, decoding by the model's convention, and the way back to the photo."""

import numpy as np
import pytest
import torch
from tiny_people import TINY, TinyPeople, tiny_model

from cpm_edu.coords import apply_affine, px_from_cells
from cpm_edu.datasets.augment import plain_crop
from cpm_edu.decoding import decode
from cpm_edu.evaluation import predict_people, stage_pck, two_person_pck
from cpm_edu.inference import crop_beliefs, crop_joints, joints_in_image, pose_in_boxes, predict_crops
from cpm_edu.models import CPM
from cpm_edu.targets import belief_map_targets, center_map


def crops(people=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (people, 3, 32, 32), generator=generator, dtype=torch.uint8)


class Painter(CPM):
    """Paints each stage's belief map around the brightest pixel of the image, `offsets_px` beside it."""

    kind = "painter"

    def __init__(self, skeleton, offsets_px, size=(32, 32)):
        super().__init__(skeleton, num_stages=len(offsets_px), input_size=size)
        self.offsets_px = offsets_px

    def preprocess(self, images):
        return images.float()

    def stages(self, images, center_maps):
        height, width = images.shape[-2:]
        best = images.sum(1).flatten(1).argmax(1)
        spot = torch.stack([best % width, best // width], -1).float()[:, None].expand(-1, self.num_maps, 2)
        size, visible = (height // 8, width // 8), torch.ones(spot.shape[:2])
        return [
            belief_map_targets(spot + torch.tensor(o), visible, size=size, stride=8, sigma_cells=1.0)[0]
            for o in self.offsets_px
        ]


# ---- belief maps


def test_flip_test_equals_merging_by_hand():
    model, images, centers = tiny_model().eval(), crops(), torch.tensor([[20.0, 9.0], [3.0, 30.0]])
    with torch.no_grad():
        plain = model(model.preprocess(images), center_map(centers, (32, 32)))
        across = model(model.preprocess(images.flip(-1)), center_map(centers, (32, 32)).flip(-1))
    swapped = [0, 2, 1, 4, 3, 5]  # head, the two shoulders, the two hips, background
    expected = (plain + across[:, :, swapped].flip(-1)) / 2
    found = crop_beliefs(model, images, centers, flip_test=True)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(crop_beliefs(model, images, centers), plain, rtol=0, atol=1e-6)
    assert (found - plain).abs().max() > 1e-3


def test_flip_test_of_mmposes_model_shifts_by_one_cell():
    torch.manual_seed(0)
    model, images = CPM.mmpose(TINY, num_stages=1, input_size=(32, 32)).eval(), crops(1)
    with torch.no_grad():
        plain, across = (model(model.preprocess(i)) for i in (images, images.flip(-1)))
    back = across[:, :, [0, 2, 1, 4, 3]].flip(-1)
    back[..., 1:] = back[..., :-1].clone()
    torch.testing.assert_close(
        crop_beliefs(model, images, None, flip_test=True), (plain + back) / 2, rtol=0, atol=1e-6
    )


def test_flip_test_of_a_mirrored_image_is_mirrored():
    model, images = tiny_model(), crops()
    beliefs = crop_beliefs(model, images, None, flip_test=True)
    mirrored = crop_beliefs(model, images.flip(-1), None, flip_test=True)
    torch.testing.assert_close(mirrored.flip(-1)[:, :, [0, 2, 1, 4, 3, 5]], beliefs, rtol=0, atol=1e-5)


def test_no_center_means_the_middle_and_nan_a_blank_map():
    model, images = tiny_model(), crops()
    middle = crop_beliefs(model, images, torch.full((2, 2), 15.5))
    assert torch.equal(crop_beliefs(model, images, None), middle)
    blank = crop_beliefs(model, images, torch.full((2, 2), torch.nan))
    with torch.no_grad():
        expected = model(model.preprocess(images), torch.zeros(2, 1, 32, 32))
    assert torch.equal(blank, expected)
    assert torch.equal(blank[0], middle[0]), "stage 1 sees no center map"
    assert not torch.equal(blank[1], middle[1])


def test_float_and_byte_images_agree_and_the_model_is_left_in_evaluation_mode():
    model, images = tiny_model().train(), crops()
    beliefs = crop_beliefs(model, images, None)
    assert torch.equal(crop_beliefs(model, images.float(), None), beliefs)
    assert not beliefs.requires_grad
    assert not model.training
    assert beliefs.shape == (2, 2, 6, 4, 4)


# ---- joints


def test_joints_by_the_models_convention():
    maps = torch.zeros(1, 1, 6, 4, 4)
    maps[..., 1, 2] = 1.0  # (x, y) = (2, 1); no neighbour above zero
    joints, scores = crop_joints(tiny_model(), maps)
    assert joints[0, 0, 0].tolist() == [19.5, 11.5]
    assert scores.tolist() == [[[1.0] * 5]]
    model = CPM.mmpose(TINY, num_stages=1, input_size=(32, 32))
    joints, _ = crop_joints(model, maps[:, :, :5])
    assert joints[0, 0, 0].tolist() == [16.0, 8.0]
    empty, _ = crop_joints(model, torch.zeros(1, 1, 5, 4, 4))
    assert empty[0, 0, 0].tolist() == [-8.0, -8.0], "mmpose's mark for a map without a joint"


def test_method_can_be_chosen():
    model, maps = tiny_model(), torch.rand(2, 3, 6, 4, 4, generator=torch.Generator().manual_seed(0))
    joints, scores = crop_joints(model, maps, method="quarter")
    cells, expected = decode(maps[:, :, :5].flatten(0, 1), "quarter")
    assert torch.equal(joints.flatten(0, 1), px_from_cells(cells, 8))
    assert torch.equal(scores.flatten(0, 1), expected)


@pytest.mark.parametrize("flip_test", [False, True])
@pytest.mark.parametrize("kind", ["lite", "mmpose"])
def test_joints_need_no_merged_maps(kind, flip_test):
    torch.manual_seed(0)
    model = tiny_model() if kind == "lite" else CPM.mmpose(TINY, num_stages=1, input_size=(32, 32))
    images, centers = crops(2), torch.tensor([[20.0, 9.0], [3.0, 30.0]])
    beliefs = crop_beliefs(model, images, centers, flip_test=flip_test)
    for method in (None, "quarter") if kind == "lite" else (None,):
        joints, scores = predict_crops(model, images, centers, flip_test=flip_test, method=method)
        expected = crop_joints(model, beliefs, method=method)
        torch.testing.assert_close(joints, expected[0], rtol=0, atol=1e-4)
        torch.testing.assert_close(scores, expected[1])
        assert joints.shape == (model.num_stages, 2, 5, 2)


def test_joints_in_image_inverts_the_crop():
    people = TinyPeople(3, unlabelled=0.0)
    made = [plain_crop(p, (48, 32)) for p in people]
    joints = torch.stack([c.joints_px[0] for c in made])
    back = joints_in_image(joints, torch.stack([c.matrix for c in made]))
    np.testing.assert_allclose(back, np.stack([p.joints_px for p in people]), rtol=0, atol=1e-4)


def test_joints_in_image_of_stages_and_turned_crops():
    generator = torch.Generator().manual_seed(0)
    matrices = torch.randn(4, 2, 3, generator=generator, dtype=torch.float64)
    points = torch.randn(3, 4, 5, 2, generator=generator, dtype=torch.float64)
    forth = apply_affine(matrices, points)
    torch.testing.assert_close(joints_in_image(forth, matrices), points, rtol=0, atol=1e-8)
    assert joints_in_image(forth[:, :0], matrices[:0]).shape == (3, 0, 5, 2)


# ---- whole data sets and photos


class Lamps(TinyPeople):
    """Black pictures with one white pixel, on which all five joints lie."""

    def __getitem__(self, index):
        person = super().__getitem__(index)
        x, y = 12 + 3 * index, 14 + 2 * index
        person.image[:] = 0
        person.image[y, x] = 255
        person.joints_px[:] = [x, y]
        return person


def test_predict_people_by_hand():
    people = Lamps(4, unlabelled=0.0)
    joints, scores = predict_people(Painter(TINY, [(0.0, 0.0)]), people, batch_size=3)
    assert joints.shape == (1, 4, 5, 2)
    assert scores.shape == (1, 4, 5)
    truth = np.stack([p.joints_px for p in people])
    assert (
        np.abs(joints[0].numpy() - truth).max() < 1.0
    )  # the lamp falls on a whole pixel of the crop: 1.25 px


class LampsWithTorso(Lamps):
    """The right hip alone lies 20 px below the lamp, so that the torso is 20 px and the limit 4 px."""

    def __getitem__(self, index):
        person = super().__getitem__(index)
        person.joints_px[TINY.index("right_hip")] += [0, 20]
        return person


def test_pck_of_every_stage_by_hand():
    painter = Painter(TINY, [(0.0, 7.0), (2.0, 0.0), (0.0, 0.0)])  # crop px: 0.8 of the picture's
    results = stage_pck(painter, LampsWithTorso(4, unlabelled=0.0))
    assert [r.correct.tolist() for r in results] == [[0] * 5, [4, 4, 4, 4, 0], [4, 4, 4, 4, 0]]
    assert [r.mean for r in results] == [0.0, 0.8, 0.8]


def test_unlabelled_joints_and_people_without_a_torso_do_not_count():
    people = TinyPeople(12, seed=1, unlabelled=0.3)
    labelled = np.stack([p.labelled for p in people])
    measurable = labelled[:, list(TINY.torso)].all(1)
    assert 0 < measurable.sum() < 12
    result = stage_pck(tiny_model(), people)[0]
    assert result.counts.tolist() == labelled[measurable].sum(0).tolist()


def test_two_person_pck_needs_the_right_person():
    scores = two_person_pck(tiny_model(), TinyPeople(4), batch_size=3)
    assert set(scores) == {"right", "wrong", "blank"}
    assert all(len(stages) == 2 for stages in scores.values())
    assert scores["right"][0] == scores["wrong"][0] == scores["blank"][0], "stage 1 sees no center map"


@pytest.mark.parametrize("flip_test", [False, True])
def test_pose_in_boxes_finds_the_place_in_the_photo(flip_test):
    image = np.zeros((90, 120, 3), np.uint8)
    image[40:44, 70:74] = 255  # middle at (71.5, 41.5)
    image[60:64, 20:24] = 255
    boxes = [(52.0, 22.0, 40.0, 40.0), (2.0, 40.0, 40.0, 48.0)]
    found = pose_in_boxes(Painter(TINY, [(0.0, 5.0), (0.0, 0.0)]), image, boxes, flip_test=flip_test)
    for person, box, expected in zip(found, boxes, ([71.5, 41.5], [21.5, 61.5]), strict=True):
        np.testing.assert_allclose(person["joints"], np.tile(expected, (5, 1)), atol=2.0)  # a blob of 4 px
        assert person["stage_joints"].shape == (2, 5, 2)
        assert person["belief_maps"].shape == (2, 5, 4, 4)
        assert person["image"].shape == (32, 32, 3)
        assert person["image"].dtype == np.uint8
        assert person["box_xywh"] == box
