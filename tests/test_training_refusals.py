"""What training and measuring refuse before any work is done, and in which words."""

from dataclasses import replace

import numpy as np
import pytest
from tiny_people import TinyPeople, tiny_model, tiny_train

from cpm_edu.evaluation import stage_pck
from cpm_edu.skeletons import LSP


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

    with pytest.raises(ValueError, match="none of the 4 people to measure on has a labelled joint"):
        stage_pck(tiny_model(), Unlabelled(unlabelled))


@pytest.mark.parametrize("which", ["people", "validation"])
def test_nobody_to_learn_from(tmp_path, which):
    with pytest.raises(ValueError, match="nothing to train on"):
        tiny_train(tmp_path, **{which: TinyPeople(0)})
