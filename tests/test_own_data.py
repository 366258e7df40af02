"""What is told and drawn before a training on own data, and the example that docs/own_data.md walks through."""

import json

import numpy as np
import pytest
from matplotlib.colors import to_hex
from own_data_example import JOINTS, write_example
from PIL import Image

from cpm_edu.commands.own_data import (
    chosen_for_sheet,
    describe_mirror,
    find_doubts,
    joint_table,
    own_data_config,
    present_own_data,
)
from cpm_edu.datasets.own import OwnPeople, split_by_picture
from cpm_edu.figures.contact_sheet import contact_sheet, crop_and_mirror
from cpm_edu.figures.style import LEFT_COLOR, MIDDLE_COLOR, RIGHT_COLOR, joint_sides
from cpm_edu.images import ImageError
from cpm_edu.skeletons import COCO, JHMDB, LSP, MPII, Skeleton
from cpm_edu.training.batches import steps_per_epoch


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    return write_example(tmp_path_factory.mktemp("puppets"), pictures=12)


@pytest.fixture
def puppets(example) -> OwnPeople:
    return OwnPeople(*example)


def with_joints(example, tmp_path, change) -> OwnPeople:
    """The example after `change` has been at its json."""
    content = json.loads(example[0].read_text())
    change(content)
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(content))
    return OwnPeople(path, example[1])


# ---- the example -------------------------------------------------------------------------------------


def test_example_has_nine_joints_in_all_three_states(example, puppets):
    assert puppets.skeleton.joints == JOINTS
    assert len(JOINTS) == 9
    assert len(puppets) == 15, "12 pictures, of which every fourth has two"
    annotations = json.loads(example[0].read_text())["annotations"]
    states = [v for a in annotations for v in a["keypoints"][2::3]]
    assert set(states) == {0, 1, 2}


def test_example_joints_lie_on_what_they_name(example):
    """Mittens are red and shoes are blue, so a wrong pixel shows."""
    path, places = example
    content = json.loads(path.read_text())
    alone = [a for a in content["annotations"] if a["image_id"] % 4 != 3]
    looked_at = 0
    for annotation in alone:
        picture = np.asarray(Image.open(places / f"puppet_{annotation['image_id']:03}.jpg")).astype(int)
        points = np.reshape(annotation["keypoints"], (9, 3))
        for part, main, other in (("hand", 0, 2), ("foot", 2, 0)):
            for side in "lr":
                x, y, v = points[JOINTS.index(f"{side}_{part}")]
                if v == 2:
                    pixel = picture[round(y), round(x)]
                    assert pixel[main] > pixel[other] + 60, f"{annotation}: {side}_{part} shows {pixel}"
                    looked_at += 1
    assert looked_at > 25


def test_example_is_the_same_every_time(example, tmp_path):
    again = write_example(tmp_path, pictures=12)
    assert again[0].read_text() == example[0].read_text()
    for picture in example[1].iterdir():
        assert np.array_equal(Image.open(picture), Image.open(again[1] / picture.name))


# ---- numbers of the run ------------------------------------------------------------------------------


@pytest.mark.parametrize(("people", "batch_size", "epochs"), [(38, 8, 250), (2, 8, 1000), (5000, 16, 20)])
def test_few_people_still_get_enough_steps(people, batch_size, epochs):
    config = own_data_config(people)
    assert (config.batch_size, config.epochs) == (batch_size, epochs)
    steps = config.epochs * steps_per_epoch(people, config.batch_size)
    assert steps >= 1000
    assert config.warmup_steps < steps / 10
    assert config.ema_decay**steps < 0.01, "the kept weights must not be an average with the first ones"


# ---- what is told ------------------------------------------------------------------------------------


def test_mirror_names_pairs_and_who_has_none(puppets):
    text = describe_mirror(puppets.skeleton)
    assert "l_hand <-> r_hand, l_knee <-> r_knee" in text
    assert text.endswith("without a partner: head")
    assert "swaps no joints; without a partner: tip, base" in describe_mirror(
        Skeleton("rod", ("tip", "base"))
    )


def test_table_counts_labels(example, tmp_path):
    def change(content):
        for annotation in content["annotations"][:4]:
            annotation["keypoints"][:3] = [0, 0, 0]

    table = joint_table(with_joints(example, tmp_path, change))
    assert table.rows[0][:4] == (0, "head", "itself", 11)
    assert table.rows[3][:3] == (3, "l_hand", "r_hand")


def test_right_data_raise_no_doubt(puppets):
    assert find_doubts(puppets) == []


def rename(*pairs):
    def change(content):
        names = content["categories"][0]["keypoints"]
        for old, new in pairs:
            names[names.index(old)] = new

    return change


def fractions(content):
    for annotation, image in ((a, content["images"][a["image_id"]]) for a in content["annotations"]):
        numbers = annotation["keypoints"]
        numbers[0::3] = [x / image["width"] for x in numbers[0::3]]
        numbers[1::3] = [y / image["height"] for y in numbers[1::3]]


def unlabel_feet(content):
    for annotation in content["annotations"]:
        annotation["keypoints"][21:] = [0] * 6


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (rename(("r_hand", "right_paw")), ["l_hand, right_paw: named after a side"]),
        (
            rename(*((name, f"part {k}") for k, name in enumerate(JOINTS))),
            ["no two joints are named as left and right"],
        ),
        (unlabel_feet, ["l_foot, r_foot: never labelled"]),
        (fractions, ["labelled joints lie outside their box", "pixels of the picture"]),
    ],
)
def test_each_mistake_gets_its_own_sentence(change, words, example, tmp_path):
    doubts = find_doubts(with_joints(example, tmp_path, change))
    assert len(doubts) == 1, doubts
    for word in words:
        assert word in doubts[0]


def test_sheet_shows_the_best_labelled_of_every_part(example, tmp_path):
    def change(content):
        for k, annotation in enumerate(content["annotations"]):
            if k % 5 != 3:
                annotation["keypoints"][3:6] = [0, 0, 0]

    people = with_joints(example, tmp_path, change)
    assert chosen_for_sheet(people, most=3) == [3, 8, 13]
    assert chosen_for_sheet(people, most=100) == list(range(15))


def test_all_of_it_together(puppets, tmp_path):
    said = []
    train, val = split_by_picture(puppets)
    path = present_own_data(train, val, tmp_path / "new" / "run", say=said.append)
    text = "\n".join(said)
    for word in (f"{len(train)} people", f"{len(val)} people", "l_hand <-> r_hand", "percent", str(path)):
        assert word in text, word
    assert "look:" not in text
    assert path == tmp_path / "new" / "run" / "contact_sheet.png"
    assert Image.open(path).width > 1000


# ---- the contact sheet -------------------------------------------------------------------------------


def test_mirrored_joints_lie_where_the_pixels_went(puppets):
    index = next(i for i in range(len(puppets)) if puppets[i].labelled.all())
    (image, joints, _), (mirrored, swapped, labelled) = crop_and_mirror(puppets[index], puppets.skeleton, 160)
    assert np.abs(mirrored.astype(int) - image[:, ::-1]).max() <= 1
    assert labelled.all()
    left, right = JOINTS.index("l_hand"), JOINTS.index("r_hand")
    np.testing.assert_allclose(swapped[left], [159 - joints[right][0], joints[right][1]], atol=1e-6)
    np.testing.assert_allclose(swapped[0], [159 - joints[0][0], joints[0][1]], atol=1e-6)
    assert swapped[left][0] > swapped[right][0], "its left is on our right, in the mirrored picture too"
    assert joints[left][0] > joints[right][0]


def test_labels_change_places_with_their_joints(example, tmp_path):
    def change(content):
        content["annotations"][0]["keypoints"][9:12] = [0, 0, 0]  # l_hand

    person = with_joints(example, tmp_path, change)[0]
    (_, _, before), (_, _, after) = crop_and_mirror(person, Skeleton("puppet", JOINTS), 32)
    assert [before[3], before[4], after[3], after[4]] == [False, True, True, False]


def test_sides_differ_by_colour_and_marker(puppets):
    figure = contact_sheet(puppets, [0, 1])
    [legend] = figure.legends
    marks = {line.get_marker() for line in legend.get_lines()}
    assert len(marks) == 3
    ax = figure.axes[0]
    drawn = {
        (line.get_marker(), to_hex(line.get_mfc()).upper())
        for line in ax.lines
        if line.get_marker() != "None"
    }
    assert drawn == {("o", LEFT_COLOR), ("s", RIGHT_COLOR), ("D", MIDDLE_COLOR)}
    titles = [ax.get_title() for ax in figure.axes]
    assert titles[1] == titles[3] == "mirrored"
    assert titles[0].startswith("puppet_000.jpg")
    listed = figure.texts[0].get_text()
    assert [f"{j}\u00a0{name}" in listed for j, name in enumerate(JOINTS)] == [True] * 9


@pytest.mark.parametrize("skeleton", [COCO, MPII, JHMDB, LSP])
def test_sides_agree_with_the_names(skeleton):
    for name, side in zip(skeleton.joints, joint_sides(skeleton), strict=True):
        assert side == name.partition("_")[0] or (side == "middle" and "_eye" not in name)


def test_sides_of_other_spellings():
    skeleton = Skeleton("horse", ("nose", "HoofR", "HoofL", "left_ear"))
    assert joint_sides(skeleton) == ["middle", "right", "left", "left"]


def test_sheet_of_nobody_and_of_a_lost_picture(example, tmp_path, puppets):
    with pytest.raises(ValueError, match="at least one"):
        contact_sheet(puppets, [])
    path, places = write_example(tmp_path, pictures=2)
    people = OwnPeople(path, places)
    (places / "puppet_001.jpg").unlink()
    with pytest.raises(ImageError, match=r"puppet_001\.jpg"):
        present_own_data(people, people, tmp_path / "run", say=lambda _text: None)
