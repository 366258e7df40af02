"""What training and measuring refuse before any work is done, and in which words."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import assert_refused, run
from tiny_people import TinyPeople, tiny_model, tiny_train, write_own_data

from cpm_edu.datasets.own import OwnPeople, split_by_picture
from cpm_edu.evaluation import stage_pck
from cpm_edu.skeletons import LSP
from cpm_edu.training.folder_lock import hold_folder
from cpm_edu.training.run import TrainingConfig


def contents(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


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


def test_fewer_epochs_than_are_done(tmp_path):
    tiny_train(tmp_path, epochs=2)
    before = contents(tmp_path)
    with pytest.raises(
        ValueError, match=r"^2 epochs are behind .* 1 are asked for, so nothing is to do: give more"
    ):
        tiny_train(tmp_path, epochs=1)
    assert contents(tmp_path) == before


def move_a_joint(file):
    content = json.loads(file.read_text())
    content["annotations"][3]["keypoints"][0] += 1
    file.write_text(json.dumps(content))


def rename_a_picture(file):
    file.write_text(file.read_text().replace('"03.jpg"', '"3.jpg"'))
    shutil.copy(file.parent / "03.jpg", file.parent / "3.jpg")


@pytest.mark.parametrize("change", [move_a_joint, rename_a_picture])
def test_as_many_people_of_another_file(tmp_path, change):
    data, folder = write_own_data(tmp_path / "data", 6), tmp_path / "run"
    own = OwnPeople(data / "my.json", data)
    model = tiny_model(own.skeleton)
    tiny_train(folder, model=model, people=own, validation=own, epochs=1)
    change(data / "my.json")
    other, before = OwnPeople(data / "my.json", data), contents(folder)
    for people in (other, TinyPeople(6, skeleton=own.skeleton)):
        with pytest.raises(ValueError, match=r"holds a run of other settings \(other people to learn from"):
            tiny_train(folder, model=model, people=people, validation=own, epochs=2)
    assert contents(folder) == before
    config = json.loads(before["config.json"])
    del config["people_digest"]  # as an older version wrote it
    (folder / "config.json").write_text(json.dumps(config))
    tiny_train(folder, model=model, people=other, validation=own, epochs=2)
    assert json.loads((folder / "config.json").read_text())["people_digest"]


def own_command(data, out, *more):
    small = ("--input-size", 32, 32, "--stages", 2, "--batch-size", 4, "--device", "cpu")
    return ["train", "--data", data / "my.json", "--images", data, "--out", out, *small, *more]


def test_what_changes_is_told_and_what_may_not_leaves_the_folder_alone(tmp_path, capsys):
    data, out = write_own_data(tmp_path / "data", 10), tmp_path / "run one"
    assert run(*own_command(data, out, "--epochs", 1)) == 0
    assert f"next: cpm-edu evaluate --checkpoint '{out}/best.safetensors'" in capsys.readouterr().out
    kept_out = (out / "validation_pictures.txt").read_text().split()
    assert kept_out == [r.file for r in split_by_picture(OwnPeople(data / "my.json", data))[1].records]
    (out / "contact_sheet.png").write_bytes(b"the first run's")
    before = contents(out)
    assert_refused(capsys, own_command(data, out, "--epochs", 1, "--seed", 3), "seed: 0 there, 3 asked for")
    assert contents(out) == before
    assert run(*own_command(data, out, "--epochs", 2, "--save-every", 7)) == 0
    seen = capsys.readouterr()
    words = "changed: epochs 1 -> 2; the learning rate's schedule changes with it; save_every 20 -> 7\n"
    assert words in seen.out + seen.err
    assert "epoch 2.00: PCK@0.2 in percent by stage " in seen.out + seen.err
    assert run(*own_command(data, out, "--epochs", 2, "--save-every", 7)) == 0
    seen = capsys.readouterr()
    assert "changed:" not in seen.out + seen.err


def test_a_folder_in_use_is_refused_before_anything_is_drawn(tmp_path, capsys):
    pytest.importorskip("fcntl")
    data, out = write_own_data(tmp_path / "data", 10), tmp_path / "run"
    out.mkdir()
    with hold_folder(out):
        command = own_command(data, out, "--model", "lite", "--init-from", "lite")
        assert_refused(capsys, command, "another process trains in")
    assert list(contents(out)) == ["lock"]


def test_a_second_process_in_the_folder(tmp_path):
    """The holder is killed, and a child that it forked outlives it."""
    pytest.importorskip("fcntl")
    code = f"""
import os, time
from pathlib import Path
from cpm_edu.training.folder_lock import hold_folder
with hold_folder(Path({str(tmp_path)!r})):
    child = os.fork()
    if child:
        print(child, flush=True)
    time.sleep(120)
"""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    holder = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment
    )
    child = int(holder.stdout.readline())
    try:
        with pytest.raises(ValueError, match=r"another process trains in .*: wait for its end"):
            tiny_train(tmp_path, epochs=1)
        assert [path.name for path in tmp_path.iterdir()] == ["lock"]
        holder.kill()
        holder.wait(30)
        tiny_train(tmp_path, epochs=1)
    finally:
        holder.kill()
        os.kill(child, signal.SIGKILL)
        holder.stdout.close()
        holder.wait(30)


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
