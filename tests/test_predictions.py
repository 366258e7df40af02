"""Predictions of a data set: shared out, kept chunk by chunk, gone on with, and refused where they are another's."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_people import TINY, TinyPeople, tiny_model

from cpm_edu.datasets.people import Person
from cpm_edu.evaluation import predict_people, predictions, stage_pck
from cpm_edu.evaluation.labels import read_labels
from cpm_edu.evaluation.predictions import ChunkStore, Predictions, collect, find_in_crops, part_of
from cpm_edu.images import ImageError
from cpm_edu.inference import predict_crops
from cpm_edu.skeletons import Skeleton
from cpm_edu.training.batches import crop_loader

IDENTITY = {"checkpoint": "abc", "flip test": False}


class Counted:
    """Finds every person's index as all its coordinates, in batches of 2, and notes whom it was asked for."""

    def __init__(self, *, stop_before: int | None = None, skip: tuple[int, ...] = ()) -> None:
        self.stop_before, self.skip, self.asked = stop_before, skip, []

    def __call__(self, people):
        numbers = [int(person.name.split()[1]) for person in people]
        for start in range(0, len(numbers), 2):
            batch = numbers[start : start + 2]
            if self.stop_before in batch:
                raise ImageError(f"person {self.stop_before}: its picture is damaged")
            self.asked += batch
            good = [start + i for i, number in enumerate(batch) if number not in self.skip]
            value = np.array([numbers[i] for i in good], np.float32)
            joints = np.broadcast_to(value[None, :, None, None], (2, len(good), 5, 2)).copy()
            skipped = tuple(f"tiny {n} is bad" for n in batch if n in self.skip)
            yield Predictions(np.array(good, np.int64), joints, joints[..., 0], skipped)


@pytest.fixture(autouse=True)
def a_chunk_a_batch(monkeypatch):
    monkeypatch.setattr(predictions, "SECONDS_BETWEEN_CHUNKS", 0.0)


def values(found: Predictions) -> list[float]:
    assert np.array_equal(found.joints_px[0], found.joints_px[1])
    return found.joints_px[0, :, 0, 0].tolist()


# ---- collecting


def test_everybody_in_order():
    found = collect(TinyPeople(5), Counted())
    assert found.indices.tolist() == values(found) == [0, 1, 2, 3, 4]
    assert found.joints_px.shape == (2, 5, 5, 2)
    assert found.scores.shape == (2, 5, 5)


def test_only_those_wanted_once_and_in_order():
    find = Counted()
    found = collect(TinyPeople(9), find, wanted=[7, 2, 2, 5])
    assert found.indices.tolist() == values(found) == find.asked == [2, 5, 7]


def test_what_was_done_is_not_done_again(tmp_path):
    people = TinyPeople(7)
    with pytest.raises(ImageError, match="damaged"):
        collect(people, Counted(stop_before=5), store=ChunkStore(tmp_path, IDENTITY))
    find = Counted()
    found = collect(people, find, store=ChunkStore(tmp_path, IDENTITY))
    assert find.asked == [4, 5, 6], "the batch of 4 and 5 was lost with 5's picture"
    assert found.indices.tolist() == values(found) == list(range(7))
    again = Counted()
    assert values(collect(people, again, store=ChunkStore(tmp_path, IDENTITY))) == list(range(7))
    assert again.asked == []


def test_a_limit_can_be_raised(tmp_path):
    people = TinyPeople(8)
    collect(people, Counted(), wanted=range(3), store=ChunkStore(tmp_path, IDENTITY))
    find = Counted()
    found = collect(people, find, wanted=range(5), store=ChunkStore(tmp_path, IDENTITY))
    assert find.asked == [3, 4]
    assert values(found) == [0, 1, 2, 3, 4]
    found = collect(people, Counted(), wanted=range(2), store=ChunkStore(tmp_path, IDENTITY))
    assert values(found) == [0, 1], "and lowered"


def test_interrupted_work_is_kept(tmp_path):
    def find(people):
        yield from list(Counted()(people))[:2]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        collect(TinyPeople(6), find, store=ChunkStore(tmp_path, IDENTITY))
    assert [c.indices.tolist() for c in ChunkStore(tmp_path, IDENTITY).load()] == [[0, 1], [2, 3]]


def test_chunks_are_written_now_and_then_and_at_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(predictions, "SECONDS_BETWEEN_CHUNKS", 1000.0)
    collect(TinyPeople(7), Counted(), store=ChunkStore(tmp_path, IDENTITY))
    assert [p.name for p in tmp_path.glob("*.npz")] == ["people-0000000.npz"]


def test_a_damaged_chunk_is_predicted_again(tmp_path):
    people = TinyPeople(6)
    collect(people, Counted(), store=ChunkStore(tmp_path, IDENTITY))
    broken = tmp_path / "people-0000002.npz"
    broken.write_bytes(broken.read_bytes()[:100])
    find = Counted()
    assert values(collect(people, find, store=ChunkStore(tmp_path, IDENTITY))) == list(range(6))
    assert find.asked == [2, 3]


def test_who_is_left_out_is_told_and_tried_again(tmp_path):
    people = TinyPeople(5)
    found = collect(people, Counted(skip=(1, 4)), store=ChunkStore(tmp_path, IDENTITY))
    assert found.indices.tolist() == [0, 2, 3]
    assert found.skipped == ("tiny 1 is bad", "tiny 4 is bad")
    find = Counted()
    assert values(collect(people, find, store=ChunkStore(tmp_path, IDENTITY))) == [0, 1, 2, 3, 4]
    assert find.asked == [1, 4], "their pictures may have been mended"


def test_nobody_left_is_an_error():
    with pytest.raises(ValueError, match=r"none of the 2 people could be predicted.*tiny 0 is bad"):
        collect(TinyPeople(2), Counted(skip=(0, 1)))


def test_processes_share_the_people(tmp_path, monkeypatch):
    people, asked, chunks = TinyPeople(7), [], []
    for process in range(3):
        find = Counted()
        monkeypatch.setattr(predictions, "rank", lambda process=process: process)
        monkeypatch.setattr(predictions, "world_size", lambda: 3)
        chunks.append(collect(people, find))
        asked.append(find.asked)
    assert asked == [[0, 1, 2], [3, 4], [5, 6]], "in one piece each, nobody twice"


# ---- the folder


def test_another_evaluation_is_refused(tmp_path):
    ChunkStore(tmp_path, IDENTITY)
    for change, words in (
        ({"flip test": True}, "flip test: False there, True asked for"),
        ({"checkpoint": "def"}, "checkpoint: abc there, def asked for"),
        ({"zooms": [1.0]}, "zooms: None there"),
    ):
        with pytest.raises(ValueError, match=words) as refused:
            ChunkStore(tmp_path, IDENTITY | change)
        assert "--out" in str(refused.value)
    ChunkStore(tmp_path, dict(IDENTITY))


def test_a_folder_of_other_files_is_not_taken(tmp_path):
    np.savez(tmp_path / "mine.npz", a=1)
    with pytest.raises(ValueError, match="not ours"):
        ChunkStore(tmp_path, IDENTITY)
    (tmp_path / "identity.json").write_text("{")
    with pytest.raises(ValueError, match="damaged"):
        ChunkStore(tmp_path, IDENTITY)


def test_identity_is_readable(tmp_path):
    ChunkStore(tmp_path / "new" / "folder", IDENTITY | {"size": (3, 4)})
    assert json.loads((tmp_path / "new" / "folder" / "identity.json").read_text())["size"] == [3, 4]


# ---- with a model


class Damaged(TinyPeople):
    """One person's picture cannot be read."""

    bad = 3

    def __getitem__(self, index) -> Person:
        if index == self.bad:
            raise ImageError(f"tiny {index}: broken.jpg: the picture is damaged")
        return super().__getitem__(index)


def test_equals_the_model_on_all_crops():
    model, people = tiny_model(), TinyPeople(5)
    [batch] = crop_loader(people, model, batch_size=5)
    from cpm_edu.inference import joints_in_image

    crop_px, scores = predict_crops(model, batch.images, batch.center_px)
    joints, found_scores = predict_people(model, people, batch_size=2)
    torch.testing.assert_close(joints, joints_in_image(crop_px, batch.matrices).float(), rtol=0, atol=1e-4)
    torch.testing.assert_close(found_scores, scores, rtol=0, atol=1e-5)


@pytest.mark.parametrize("batch_size", [1, 4])
def test_a_bad_picture_stops_or_is_left_out(batch_size):
    model, people = tiny_model(), Damaged(6)
    with pytest.raises(ImageError, match=r"broken\.jpg"):
        list(find_in_crops(model, people, batch_size=batch_size))
    found = collect(people, lambda part: find_in_crops(model, part, batch_size=batch_size, skip_bad=True))
    assert found.indices.tolist() == [0, 1, 2, 4, 5]
    assert len(found.skipped) == 1
    assert "broken.jpg" in found.skipped[0]
    joints, _ = predict_people(model, TinyPeople(6))
    np.testing.assert_allclose(  # px; the sums of a convolution depend on the batch size
        found.joints_px, joints[:, [0, 1, 2, 4, 5]], rtol=0, atol=1e-3
    )


def test_part_of_a_data_set():
    people = TinyPeople(4)
    assert part_of(people, np.arange(4)) is people
    assert [p.name for p in part_of(people, np.array([3, 1]))] == ["tiny 3", "tiny 1"]


# ---- labels and lengths


def test_digest_changes_with_any_label():
    digest = read_labels(TinyPeople(3)).digest()
    assert read_labels(TinyPeople(3)).digest() == digest
    assert read_labels(TinyPeople(3, seed=1)).digest() != digest
    assert read_labels(TinyPeople(3, unlabelled=0.5)).digest() != digest
    assert read_labels(TinyPeople(4)).digest() != digest
    assert read_labels(TinyPeople(4)).chosen([0, 1, 2]).digest() == digest


@pytest.mark.parametrize("part", ["joints_px", "center_px", "scale_px"])
def test_digest_sees_a_single_number(part):
    labels = read_labels(TinyPeople(3))
    changed = getattr(labels, part).copy()
    changed.flat[1] += 1
    assert replace(labels, **{part: changed}).digest() != labels.digest()
    assert replace(labels, names=["a", "b", "c"]).digest() != labels.digest()


def test_nobody_to_measure_on():
    with pytest.raises(ValueError, match="nobody in this data set"):
        read_labels(TinyPeople(0))


class Boxed(TinyPeople):
    """Joints without a torso, boxes 20 px wide and 30 px high, so that PCK@0.2 allows 6 px."""

    def __init__(self, num_people):
        bodiless = Skeleton(TINY.name, TINY.joints, TINY.limbs)
        super().__init__(num_people, skeleton=bodiless, unlabelled=0.0)

    @property
    def records(self):
        class Record:
            box_xyxy = np.array([5, 5, 25, 35], np.float32)

        return [Record()] * self.num_people


def test_pck_by_the_box_where_no_torso_is_named(monkeypatch):
    people = Boxed(2)
    truth = read_labels(people).joints_px

    def find(model, part, **_):
        joints = truth.copy()
        joints[0, 0] += [0.0, 6.0]
        joints[0, 1] += [0.0, 6.1]
        yield Predictions(np.arange(2), joints[None], joints[None, ..., 0])

    monkeypatch.setattr("cpm_edu.evaluation.stages.find_in_crops", find)
    model = tiny_model(people.skeleton)
    [result] = stage_pck(model, people)
    assert result.correct.tolist() == [2, 1, 2, 2, 2]
    assert "longer side of the person's box" in result.title
    monkeypatch.delattr(Boxed, "records")
    with pytest.raises(ValueError, match="names no torso"):
        stage_pck(model, people)
