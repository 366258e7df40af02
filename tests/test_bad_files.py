"""Broken annotation files: one sentence that names file and record, or a count and a list with skip_bad."""

import copy
import json
import re

import numpy as np
import pytest
from annotation_files import SIZE, coco_data, write_data, write_json
from PIL import Image

from cpm_edu.datasets.annotated import BadRecord, DataError, Sieve, finite_numbers
from cpm_edu.datasets.coco import CocoPeople
from cpm_edu.datasets.own import OwnPeople
from cpm_edu.images import ImageError

NAN, INFINITY = float("nan"), float("inf")


def open_coco(file, images, **options):
    return CocoPeople("val", annotations=file, images=images, **options)


both_loaders = pytest.mark.parametrize("loader", [open_coco, OwnPeople], ids=["coco", "own"])


def spoil(annotation=0, image=None, **changes):
    """A function that changes one annotation (or image) of a file; a value of ... removes the field."""

    def change(data):
        entry = data["annotations"][annotation] if image is None else data["images"][image]
        for key, value in changes.items():
            if value is ...:
                del entry[key]
            else:
                entry[key] = value

    return change


def keypoints(number, value):
    """Annotation 10 with one of its numbers changed."""
    numbers = coco_data()["annotations"][0]["keypoints"]
    return spoil(keypoints=[*numbers[:number], value, *numbers[number + 1 :]])


ANNOTATION_10 = r"0001\.jpg, annotation 10"
BAD_RECORDS = {  # what is spoiled: (how, the record's name, the reason)
    "zero width": (spoil(bbox=[5, 6, 0, 20]), ANNOTATION_10, "its box is 0 px wide and 20 px high"),
    "negative height": (spoil(bbox=[5, 6, 30, -2]), ANNOTATION_10, "its box is 30 px wide and -2 px high"),
    "NaN in the box": (spoil(bbox=[5, NAN, 30, 20]), ANNOTATION_10, 'its "bbox".* hold NaN or infinity'),
    "NaN in a joint": (keypoints(4, NAN), ANNOTATION_10, 'its "keypoints".* hold NaN or infinity'),
    "infinity in a joint": (keypoints(3, INFINITY), ANNOTATION_10, "hold NaN or infinity"),
    "NaN in a visibility": (keypoints(5, NAN), ANNOTATION_10, "hold NaN or infinity"),
    "a word as a joint": (keypoints(3, "left"), ANNOTATION_10, "are not all numbers"),
    "nothing as a joint": (keypoints(3, None), ANNOTATION_10, "NaN|not all numbers"),
    "too few numbers": (spoil(keypoints=[1, 2, 2] * 16), ANNOTATION_10, "of 17 joints.* are 48 numbers, not 51"),
    "pairs of numbers": (spoil(keypoints=[[1, 2, 2]] * 51), ANNOTATION_10, "are not all numbers"),
    "no list of numbers": (spoil(keypoints="1,2,2"), ANNOTATION_10, "are '1,2,2', not 51 numbers"),
    "a box of three": (spoil(bbox=[5, 6, 30]), ANNOTATION_10, "are 3 numbers, not 4"),
    "unknown picture": (spoil(image_id=99), "annotation 10", "its \"image_id\" is 99, which no picture of the file has"),
    "a picture in words": (spoil(image_id="one"), "annotation 10", "its \"image_id\" is 'one'"),
    "no picture": (spoil(image_id=...), "annotation 10", 'its "image_id" is None'),
    "id twice": (spoil(1, id=10), ANNOTATION_10, "another annotation has the id 10 too"),
    "no id": (spoil(id=...), r"0001\.jpg, annotation 1 of the list", 'its "id" is None, not a whole number'),
    "id in words": (spoil(id="a7"), r"0001\.jpg, annotation a7", "its \"id\" is 'a7', not a whole number"),
    "another category": (spoil(category_id=7), ANNOTATION_10, 'its "category_id" is 7, not 1'),
    "no such file": (spoil(image=0, file_name="gone.jpg"), r"gone\.jpg, annotation 10", "there is no such picture in .*photos"),
    "two pictures of one id": (spoil(image=1, id=1), "annotation 10", r"2 pictures have its image_id 1 \(0001\.jpg, 0002\.jpg\)"),
    "a picture without a name": (spoil(image=0, file_name=...), "annotation 10", 'image 1, has no "file_name"'),
}  # fmt: skip


def spoiled(tmp_path, change):
    data = coco_data()
    file, images = write_data(tmp_path, data)
    change(data)
    file.write_text(json.dumps(data))
    return file, images


@both_loaders
@pytest.mark.parametrize(("change", "name", "reason"), BAD_RECORDS.values(), ids=BAD_RECORDS)
def test_a_broken_record_is_named(tmp_path, loader, change, name, reason):
    file, images = spoiled(tmp_path, change)
    with pytest.raises(DataError, match=rf"^{file}: {name}: .*{reason}.*--skip-bad$") as error:
        loader(file, images)
    assert "\n" not in str(error.value)


@both_loaders
@pytest.mark.parametrize(("change", "name", "reason"), BAD_RECORDS.values(), ids=BAD_RECORDS)
def test_skip_bad_counts_and_lists(tmp_path, loader, change, name, reason):
    file, images = spoiled(tmp_path, change)
    people = loader(file, images, skip_bad=True)
    bad = people.sieve.bad
    assert len(people) == 6 - sum(map(len, bad.values())), "the others stay"
    [(why, names)] = [(why, names) for why, names in bad.items() if re.search(reason, why)]
    assert re.fullmatch(name, names[0])
    assert f"left out as broken: {len(names)} ({why}): {names[0]}" in people.describe()


@both_loaders
def test_several_reasons_are_listed_apart(tmp_path, loader):
    def change(data):
        spoil(0, bbox=[1, 2, 0, 0])(data)
        spoil(2, bbox=[1, 2, 0, 0])(data)
        spoil(5, keypoints=[1])(data)

    people = loader(*spoiled(tmp_path, change), skip_bad=True)
    assert [r.id for r in people.records] == [11, 21, 30]
    lines = people.sieve.summary().splitlines()
    assert lines[0].startswith("left out as broken: 2 (its box is 0 px wide")
    assert lines[0].endswith("0001.jpg, annotation 10; 0002.jpg, annotation 20")
    assert lines[1].startswith("left out as broken: 1 ")
    assert lines[1].endswith("0003.jpg, annotation 31")


@both_loaders
def test_all_broken_leaves_nobody(tmp_path, loader):
    def change(data):
        for annotation in data["annotations"]:
            annotation["bbox"] = [0, 0, 0, 0]

    with pytest.raises(DataError, match=r"leaves nobody\nleft out as broken: 6 .*; and 3 more"):
        loader(*spoiled(tmp_path, change), skip_bad=True)


ODD_VALUES = (None, True, 0, -1, INFINITY, NAN, 2**70, "x", "", [], {}, [None], [[]], {"a": 1}, 1.5, [1, 2])


def places(content, path=()):
    """The path to every value of a file, but of the keypoints' numbers only the first."""
    children = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in children:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value[:1] if key == "keypoints" else value, (*path, key))


@both_loaders
def test_any_value_in_any_place_is_a_sentence(tmp_path, loader):
    """Every value of the file in turn becomes something odd: never a traceback of another kind."""
    data = coco_data(2, 1)
    file, images = write_data(tmp_path, data)
    rng = np.random.default_rng(0)
    for path in places(coco_data(2, 1)):
        spoiled = copy.deepcopy(data)
        entry = spoiled
        for key in path[:-1]:
            entry = entry[key]
        for odd in rng.permutation(len(ODD_VALUES))[:3]:
            entry[path[-1]] = ODD_VALUES[odd]
            write_json(file, spoiled)
            try:
                people = loader(file, images, skip_bad=bool(odd % 2))
            except ValueError:
                continue
            assert people.describe()
            assert all(person.labelled.any() for person in people), (path, ODD_VALUES[odd])


# ---- files that are no such file


NO_COCO_FILE = {  # content: what it looks like
    "mpii": ([{"joints_vis": [1], "joints": [[1, 2]], "image": "a.jpg", "center": [3, 4]}], "MPII people"),
    "detections": ([{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 1}], "detector boxes"),
    "results": ([{"image_id": 1, "keypoints": [], "score": 1}], "keypoint results"),
    "instances": ({"images": [{"id": 1}], "annotations": [{"id": 1, "bbox": []}], "categories": [{"id": 1}]},
                  r"person_keypoints_\*\.json"),
    "captions": ({"images": [], "annotations": [{"caption": "a dog"}], "categories": []}, "COCO captions"),
    "object": ({"hello": 1}, "'hello'"),
    "images only": ({"images": []}, "'images'"),
    "list": ([1, 2], "a JSON list of something else"),
    "empty": ({}, "nothing in it"),
    "number": (5, "a JSON int"),
    "no objects": ({"images": [1], "annotations": [2], "categories": [3]}, "'images'"),
}  # fmt: skip


@both_loaders
@pytest.mark.parametrize(("content", "kind"), NO_COCO_FILE.values(), ids=NO_COCO_FILE)
def test_another_kind_of_file_is_recognised(tmp_path, loader, content, kind):
    file, images = write_data(tmp_path, coco_data())
    write_json(file, content)
    with pytest.raises(DataError, match=rf"{file} is not a COCO keypoint file .*it looks like .*{kind}"):
        loader(file, images)


@both_loaders
@pytest.mark.parametrize("text", ["", "{", '{"images": [', "\x00\x01", "[" * 100_000])
def test_no_json_file(tmp_path, loader, text):
    file, images = write_data(tmp_path, coco_data())
    file.write_text(text)
    with pytest.raises(DataError, match=f"{file} is not a JSON file"):
        loader(file, images)


@both_loaders
@pytest.mark.parametrize("spoilt", ["{,", "{// people\n"])
def test_what_json_does_not_have_is_said(tmp_path, loader, spoilt):
    file, images = write_data(tmp_path, coco_data())
    file.write_text(file.read_text().replace("{", spoilt, 1))
    with pytest.raises(DataError, match=r"\(JSON has no comments and no comma before a closing bracket\)$"):
        loader(file, images)
    file.write_text("")
    with pytest.raises(DataError, match=r"is not a JSON file \(Expecting value: .*\)$") as error:
        loader(file, images)
    assert "comma" not in str(error.value)


@both_loaders
def test_a_byte_order_mark_is_read(tmp_path, loader):
    file, images = write_data(tmp_path, coco_data())
    file.write_text(file.read_text(), encoding="utf-8-sig")
    assert file.read_bytes()[:3] == b"\xef\xbb\xbf"
    assert len(loader(file, images)) == 6


def test_an_own_file_is_named_once(tmp_path):
    data = coco_data()
    for annotation in data["annotations"]:
        annotation["keypoints"] = [0] * 51
    with pytest.raises(DataError, match=rf"^{tmp_path}/people\.json leaves nobody\nleft out by rule: 6"):
        OwnPeople(*write_data(tmp_path, data))


@both_loaders
def test_not_utf8(tmp_path, loader):
    file, images = write_data(tmp_path, coco_data())
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="is not a JSON file"):
        loader(file, images)


# ---- pictures


@both_loaders
def test_a_truncated_picture_is_named_when_it_is_read(tmp_path, loader):
    file, images = write_data(tmp_path, coco_data())
    noise = np.random.default_rng(0).integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    Image.fromarray(noise).save(images / "0002.jpg", quality=95)
    content = (images / "0002.jpg").read_bytes()
    (images / "0002.jpg").write_bytes(content[: len(content) * 2 // 3])
    people = loader(file, images)
    people[0].pixels()
    with pytest.raises(ImageError, match=r"photos/0002\.jpg.*damaged or incomplete"):
        people[2].pixels()


@both_loaders
def test_missing_folder_of_pictures(tmp_path, loader):
    file, _ = write_data(tmp_path, coco_data())
    with pytest.raises(DataError, match=r"there is no (folder )?.*nowhere"):
        loader(file, tmp_path / "nowhere")


@both_loaders
def test_missing_annotation_file(tmp_path, loader):
    with pytest.raises(DataError, match=rf"there is no (file )?{tmp_path}/none\.json"):
        loader(tmp_path / "none.json", tmp_path)


# ---- the parts


def test_numbers():
    assert finite_numbers([1, 2.5], 2, "they").tolist() == [1.0, 2.5]
    for values, words in [
        ([1, 2, 3], "they are 3 numbers, not 2"), (None, "they are None, not 2 numbers"), ([1, "x"], "they are not all numbers"),
        ([1, NAN], "they hold NaN"), ([[1], [2]], "they are not all numbers"), ("ab", "they are 'ab'"), ({}, "they are {}"),
    ]:  # fmt: skip
        with pytest.raises(BadRecord, match=words):
            finite_numbers(values, 2, "they")


def test_sieve_shows_three_names():
    sieve = Sieve("people.json", skip_bad=True)
    assert sieve.summary() == ""
    for i in range(5):
        sieve.refuse("it is spoiled", f"record {i}")
    sieve.drop("it is small", "record 9")
    sieve.note("it had no box", "record 8")
    assert sieve.summary().splitlines() == [
        "left out by rule: 1 (it is small): record 9",
        "left out as broken: 5 (it is spoiled): record 0; record 1; record 2; and 2 more",
        "kept: 1 (it had no box): record 8",
    ]
