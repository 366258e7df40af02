"""Batches shared out among processes and micro-batches, and what becomes of pictures that cannot be read."""

import dataclasses
from itertools import chain

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_people import TinyPeople, tiny_model

from cpm_edu.datasets.augment import Augmentation
from cpm_edu.datasets.pictures import Picture, Pictures
from cpm_edu.images import ImageError
from cpm_edu.training.batches import crop_loader

TENSORS = ("images", "labelled", "center_px", "matrices", "indices")


class PeopleInFiles(TinyPeople):
    """The pictures lie in files; those of `bad` are cut off in the middle."""

    def __init__(self, num_people, folder, bad=()):
        super().__init__(num_people)
        self.pictures = Pictures([folder])
        for index in range(num_people):
            path = folder / f"{index}.png"
            Image.fromarray(super().__getitem__(index).image).save(path)
            if index in bad:
                path.write_bytes(path.read_bytes()[:1000])

    def __getitem__(self, index):
        return dataclasses.replace(
            super().__getitem__(index), image=Picture(self.pictures, f"{index}.png"), name=f"person {index}"
        )


FOUR_STEPS = range(4)


def training(people, *, steps=FOUR_STEPS, batch_size=6, **options):
    augmentation = Augmentation(second_person=0.0)
    return list(
        crop_loader(
            people,
            tiny_model(),
            batch_size=batch_size,
            steps=steps,
            seed=3,
            augmentation=augmentation,
            **options,
        )
    )


def plain(people, **options):
    return list(crop_loader(people, tiny_model(), batch_size=4, **options))


# ---- shares


@pytest.mark.parametrize("world", [1, 2, 3])
def test_processes_share_the_batch_that_one_would_get(world):
    whole = training(TinyPeople(15))
    shares = [training(TinyPeople(15), part=(rank, world)) for rank in range(world)]
    for step, batch in enumerate(whole):
        for name in TENSORS:
            joined = torch.cat([getattr(share[step], name) for share in shares])
            assert torch.equal(joined, getattr(batch, name)), f"{name} of step {step}"
    assert sorted(chain(*(b.indices.tolist() for b in whole[:2]))) == sorted(
        set(chain(*(b.indices.tolist() for b in whole[:2])))
    ), "nobody twice in an epoch"


@pytest.mark.parametrize("world", [1, 2, 3, 12])
def test_a_plain_pass_is_shared_without_anybody_twice(world):
    people = TinyPeople(11)
    shares = [
        list(chain(*(b.indices.tolist() for b in plain(people, part=(r, world))))) for r in range(world)
    ]
    assert sorted(chain(*shares)) == list(range(11))
    assert shares[0] == list(range(0, 11, world))


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_micro_batches_are_the_batch(parts):
    [batch] = training(TinyPeople(15), steps=range(1))
    batch.skipped = ["one"]
    pieces = batch.split(parts)
    assert [len(piece) for piece in pieces] == [6 // parts] * parts
    for name in (*TENSORS, "joints_px", "present"):
        assert torch.equal(torch.cat([getattr(piece, name) for piece in pieces]), getattr(batch, name))
    assert list(chain(*(piece.skipped for piece in pieces))) == ["one"], "told once"


def test_shares_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="rank must be"):
        training(TinyPeople(15), part=(2, 2))
    with pytest.raises(ValueError, match="a batch of 6 people cannot be shared by 7 processes"):
        training(TinyPeople(15), part=(0, 7))
    with pytest.raises(ValueError, match="6 crops cannot be split into 4 equal parts"):
        training(TinyPeople(15), steps=range(1))[0].split(4)
    with pytest.raises(ValueError, match="not painted yet"):
        training(TinyPeople(15), steps=range(1), paint_later=True)[0].split(2)


# ---- pictures that cannot be read


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("make", [training, plain])
def test_a_bad_picture_stops_with_one_sentence(tmp_path, workers, make):
    people = PeopleInFiles(11, tmp_path, bad=[8])
    with pytest.raises(ImageError) as error:
        make(people, workers=workers)
    text = str(error.value)
    assert text.startswith("person 8: ")
    assert "8.png: the picture is damaged" in text
    assert "\n" not in text, "no traceback of a worker"


@pytest.mark.parametrize("workers", [0, 2])
def test_a_plain_pass_leaves_bad_pictures_out(tmp_path, workers):
    people = PeopleInFiles(11, tmp_path, bad=[0, 5, 8, 9, 10])
    found = plain(people, workers=workers, skip_bad=True)
    assert [b.indices.tolist() for b in found] == [[1, 2, 3], [4, 6, 7], []]
    assert [len(b.skipped) for b in found] == [1, 1, 3]
    assert found[1].skipped[0].startswith("person 5: ")
    assert found[2].images.shape == (0, 3, 32, 32)
    assert found[2].joints_px.shape == (0, 1, 5, 2)
    assert len(found[2].to(torch.device("cpu"))) == 0
    later = plain(people, skip_bad=True, paint_later=True)
    assert [len(b.to(torch.device("cpu")).images) for b in later] == [3, 3, 0]


def test_training_takes_the_next_person(tmp_path):
    (tmp_path / "bad").mkdir()
    (tmp_path / "good").mkdir()
    bad = training(PeopleInFiles(12, tmp_path / "bad", bad=[3, 4, 11]), skip_bad=True)
    good = training(PeopleInFiles(12, tmp_path / "good"))
    replaced = 0
    for found, expected in zip(bad, good, strict=True):
        wanted = [{3: 5, 4: 5, 11: 0}.get(i, i) for i in expected.indices.tolist()]
        assert found.indices.tolist() == wanted
        assert len(found) == 6
        for n, index in enumerate(expected.indices.tolist()):
            if index in (3, 4, 11):
                replaced += 1
            else:
                assert torch.equal(found.images[n], expected.images[n]), "the others' crops stay as they are"
    assert replaced == 6, "three people in two epochs"
    told = [line.split(":")[0] for batch in bad for line in batch.skipped]
    assert sorted(told) == ["person 11"] * 2 + ["person 3"] * 2 + ["person 4"] * 4, (
        "4 also as the one after 3"
    )


def test_skipping_is_the_same_in_every_run(tmp_path):
    people = PeopleInFiles(12, tmp_path, bad=[3, 4, 11])
    for one, two in zip(
        training(people, skip_bad=True), training(people, skip_bad=True, workers=2), strict=True
    ):
        assert torch.equal(one.images, two.images)
        assert one.skipped == two.skipped


def test_nobody_left_to_train_on(tmp_path):
    with pytest.raises(ImageError, match="none of the 3 people has a picture that can be read: person"):
        training(PeopleInFiles(3, tmp_path, bad=range(3)), skip_bad=True)


def test_a_bad_picture_of_the_second_person_counts_too(tmp_path):
    people = PeopleInFiles(6, tmp_path, bad=[2])
    pairs = Augmentation(second_person=1.0)
    loader = crop_loader(
        people, tiny_model(), batch_size=6, steps=range(4), augmentation=pairs, skip_bad=True
    )
    batches = list(loader)
    assert all(batch.present.shape == (6, 2) for batch in batches)
    assert not np.isin(np.concatenate([b.indices for b in batches]), 2).any()
    assert {line.split(":")[0] for batch in batches for line in batch.skipped} == {"person 2"}
