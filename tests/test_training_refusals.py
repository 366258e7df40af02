"""What training and measuring refuse before any work is done, and in which words."""

from dataclasses import replace

import numpy as np
import pytest
from tiny_people import TinyPeople, tiny_model, tiny_train

from cpm_edu.evaluation import stage_pck
from cpm_edu.skeletons import LSP
from cpm_edu.training.run import TrainingConfig


def test_another_run_in_the_same_folder_is_refused(tmp_path):
    tiny_train(tmp_path, epochs=1)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(
        ValueError, match=r"other settings \(lr: 0.02 there, 0.01 asked for; seed: 5 there, 6"
    ):
        tiny_train(tmp_path, lr=0.01, seed=6)
    with pytest.raises(ValueError, match="num_stages: 2 there, 3 asked for"):
        tiny_train(tmp_path, model=tiny_model(num_stages=3))
    with pytest.raises(ValueError, match=r"people: \d+ there, 3 asked for"):
        tiny_train(tmp_path, people=TinyPeople(3))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    (tmp_path / "config.json").unlink()
    with pytest.raises(ValueError, match=r"lost its config\.json"):
        tiny_train(tmp_path)
    assert (tmp_path / "last.pt").read_bytes() == before["last.pt"]


@pytest.mark.parametrize("which", ["people", "validation"])
def test_other_joints_are_refused(tmp_path, which):
    with pytest.raises(ValueError, match=r"tiny has 5: head, left_shoulder.*\n.*lsp has 14: right_ankle"):
        tiny_train(tmp_path / "run", **{which: TinyPeople(4, skeleton=LSP)})
    assert not (tmp_path / "run").exists()


def test_validation_without_labels_is_refused(tmp_path):
    people = TinyPeople(4)
    unlabelled = [replace(people[i], labelled=np.zeros_like(people[i].labelled)) for i in range(4)]

    class Unlabelled(list):
        skeleton = people.skeleton

    with pytest.raises(ValueError, match="none of the 4 people to measure on has a labelled joint and torso"):
        stage_pck(tiny_model(), Unlabelled(unlabelled))


@pytest.mark.parametrize("which", ["people", "validation"])
def test_nobody_to_learn_from(tmp_path, which):
    with pytest.raises(ValueError, match="nothing to train on"):
        tiny_train(tmp_path, **{which: TinyPeople(0)})


def test_a_diverging_run_stops_and_says_so(tmp_path):
    with pytest.raises(
        ValueError, match=r"the loss is .*nan.* at step \d+: the training diverged.*smaller learning"
    ):
        tiny_train(tmp_path, optimizer="sgd", lr=1e8, clip_norm=0.0)
    assert not (tmp_path / "best.safetensors").exists()


def test_a_damaged_checkpoint_is_one_sentence(tmp_path):
    tiny_train(tmp_path, epochs=1)
    (tmp_path / "last.pt").write_bytes((tmp_path / "last.pt").read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"last\.pt is damaged, so the run cannot go on"):
        tiny_train(tmp_path, epochs=2)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"step_epochs": 0.0}, "step_epochs must be positive"),
        ({"seed": -1}, "seed must not be negative"),
        ({"seed": 2**60}, r"seed must be below 2\*\*32"),
        ({"loss": "foo"}, "loss must be one of mean, euclidean"),
        ({"optimizer": "foo"}, "optimizer must be one of muon, adamw, adam, sgd"),
        ({"clip_norm": -1.0}, "clip_norm must not be negative"),
    ],
)
def test_numbers_that_make_no_sense(change, words):
    with pytest.raises(ValueError, match=words):
        TrainingConfig(**change)
