"""cpm-edu evaluate without a recipe: what it prints, keeps and goes on with, and what bad files do to it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from annotation_files import coco_data, write_data
from command_line import assert_refused, run, small_checkpoint, small_model
from PIL import Image

from cpm_edu.datasets.opening import open_data
from cpm_edu.evaluation import predictions
from cpm_edu.models.checkpoints import save_checkpoint
from cpm_edu.skeletons import COCO, Skeleton

TESTS = Path(__file__).parent
BODILESS = Skeleton("mine", ("snout", "left_ear", "right_ear", "tail"), limbs=((0, 1), (1, 2)))


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("CPM_EDU_DEBUG", raising=False)
    monkeypatch.setattr(predictions, "SECONDS_BETWEEN_CHUNKS", 0.0)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> str:
    return small_checkpoint(tmp_path_factory.mktemp("weights"), COCO)


@pytest.fixture
def arguments(tmp_path, checkpoint) -> list:
    """Of an evaluation of two pictures with two people each: a fifth of ten is held out."""
    file, images = write_data(tmp_path / "mine", coco_data(num_images=10))
    return [
        "evaluate", "--data", file, "--images", images, "--checkpoint", checkpoint, "--device", "cpu",
        "--batch-size", 1,
    ]  # fmt: skip


def no_predicting(monkeypatch):
    def never(*_, **__):
        raise AssertionError("somebody was predicted again")

    monkeypatch.setattr(predictions, "predict_crops", never)


def test_writes_tables_numbers_and_the_worst_cases(arguments, capsys):
    assert run(*arguments, "--out", "out", "--json", "n.json", "--csv", "t.csv") == 0
    text = capsys.readouterr().out
    assert "PCK@0.2 in percent of small.safetensors on" in text
    assert "4 people, no flip test" in text, "two pictures of ten"
    assert sorted(p.name for p in Path("out").iterdir()) == [
        "gallery.html", "gallery.png", "joints.csv", "numbers.json", "predictions",
    ]  # fmt: skip
    assert Path("t.csv").read_text() == Path("out/joints.csv").read_text()
    numbers = json.loads(Path("n.json").read_text())
    assert numbers == json.loads(Path("out/numbers.json").read_text())
    assert numbers["people"] == 4
    assert numbers["left out"] == []
    assert len(numbers["sha256"]) == 64
    assert list(numbers["PCK by joint and stage"]) == list(COCO.joints)
    assert "the torso" in numbers["rule"]
    page = Path("out/gallery.html").read_text()
    assert page.count("<figure>") == 4
    assert "units of the torso" in page
    with Image.open("out/gallery.png") as picture:
        assert min(picture.size) > 300


def test_goes_on_where_it_was(arguments, monkeypatch, capsys):
    assert run(*arguments, "--out", "out", "--limit", 1) == 0
    assert "2 of 4 people" in capsys.readouterr().out, "whole pictures"
    assert run(*arguments, "--out", "out") == 0
    whole = capsys.readouterr().out
    no_predicting(monkeypatch)
    assert run(*arguments, "--out", "out", "--gallery", 0) == 0
    assert capsys.readouterr().out.splitlines()[:21] == whole.splitlines()[:21]
    with pytest.raises(AssertionError, match="predicted again"):
        run(*arguments, "--out", "elsewhere")


def test_other_settings_are_refused(arguments, capsys, tmp_path):
    assert run(*arguments, "--out", "out", "--limit", 1) == 0
    assert_refused(
        capsys, [*arguments, "--out", "out", "--flip-test"], "flip test: False there, True asked for"
    )
    other = small_checkpoint(tmp_path, COCO, seed=1)
    arguments[arguments.index("--checkpoint") + 1] = other
    assert_refused(capsys, [*arguments, "--out", "out"], "out/predictions", "checkpoint:", "--out")


def test_changed_labels_are_refused(arguments, capsys):
    assert run(*arguments, "--out", "out", "--limit", 1) == 0
    file = arguments[2]
    data = json.loads(file.read_text())
    for annotation in data["annotations"]:
        annotation["keypoints"][3] += 1
    file.write_text(json.dumps(data))
    assert_refused(capsys, [*arguments, "--out", "out"], "labels:")


def held_out(arguments) -> list[Path]:
    """The pictures of the held-out people, in their order."""
    people = open_data(arguments[2], "test", images=arguments[4])
    return list(dict.fromkeys(Path(arguments[4]) / record.file for record in people.records))


def test_a_bad_picture_is_one_sentence_and_costs_nothing_that_was_done(arguments, capsys):
    first, second = held_out(arguments)
    whole = second.read_bytes()
    second.write_bytes(whole[:-20])
    assert run(*arguments, "--out", "out") == 2
    *_bar, sentence = capsys.readouterr().err.strip().splitlines()
    for words in (second.name, "annotation", "--skip-bad", "2 people are done", "the same command goes on"):
        assert words in sentence
    assert sentence.startswith("cpm-edu evaluate: ")
    assert run(*arguments, "--out", "out", "--skip-bad") == 0
    seen = capsys.readouterr()
    assert "left out, as their pictures cannot be read: 2 people" in seen.err
    assert seen.err.count(second.name) >= 2
    assert "2 of 4 people" in seen.out
    numbers = json.loads(Path("out/numbers.json").read_text())
    assert len(numbers["left out"]) == 2
    second.write_bytes(whole)
    assert run(*arguments, "--out", "out") == 0, "mended, so that it goes on"
    assert " 4 people, " in capsys.readouterr().out
    assert first.is_file()


def test_a_bad_record_is_counted_and_listed(arguments, capsys):
    data = json.loads(arguments[2].read_text())
    for annotation in data["annotations"]:
        if annotation["id"] % 10 == 0:
            annotation["bbox"] = [5, 6, 0, 20]
    arguments[2].write_text(json.dumps(data))
    assert_refused(capsys, [*arguments], "people.json", "annotation", "--skip-bad")
    assert run(*arguments, "--skip-bad", "--json", "n.json") == 0
    assert "left out as broken: 10" in capsys.readouterr().err
    left_out = json.loads(Path("n.json").read_text())["left out"]
    assert len(left_out) == 10, "who did not pass the loader is listed too"
    assert "its box is 0 px wide" in left_out[0]


def test_joints_without_a_torso_are_measured_by_the_box(tmp_path, capsys):
    file, images = write_data(tmp_path / "mine", coco_data(num_images=5, joints=BODILESS.joints))
    path = small_checkpoint(tmp_path, BODILESS)
    assert run("evaluate", "--data", file, "--images", images, "--checkpoint", path, "--out", "out") == 0
    assert "by the longer side of the person's box" in capsys.readouterr().out
    assert "units of the longer side of the person" in Path("out/gallery.html").read_text()


def test_ctrl_c_says_what_is_kept(arguments, monkeypatch, capsys):
    predict, calls = predictions.predict_crops, []

    def interrupted(*given, **options):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return predict(*given, **options)

    monkeypatch.setattr(predictions, "predict_crops", interrupted)
    assert run(*arguments, "--out", "out") == 130
    error = capsys.readouterr().err
    assert "stopped; 2 people are done and kept in out/predictions" in error
    assert "interrupted" in error


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--limit", 0], ["--limit", "at least 1"]),
        (["--batch-size", -1], ["--batch-size"]),
        (["--gallery", -1], ["--gallery"]),
        (["--gallery", 3], ["--gallery needs --out"]),
        (["--boxes", "annotation"], ["--boxes needs --recipe"]),
        (["--recipe", "swimming"], ["no recipe 'swimming'", "coco-256x192"]),
        (["--json", "no/where.json"], ["no such folder"]),
        (["--out", "taken"], ["is a file"]),
        (["--annotations", "a.json"], ["annotations"]),
    ],
)  # fmt: skip
def test_mistakes_are_told_before_the_work(more, words, arguments, monkeypatch, capsys):
    Path("taken").write_text("mine")
    no_predicting(monkeypatch)
    assert_refused(capsys, [*arguments, *more], *words)


def test_left_and_right_of_another_skeleton_are_refused(arguments, tmp_path, capsys):
    arguments[arguments.index("--checkpoint") + 1] = small_checkpoint(tmp_path, BODILESS)
    assert_refused(capsys, arguments, "joints differ", "snout")


# ---- killed, and in many processes

SLOW = """
import sys, time
from cpm_edu import cli
from cpm_edu.datasets.opening import open_data
from cpm_edu.evaluation import predictions
predictions.SECONDS_BETWEEN_CHUNKS = 0.0
predict = predictions.predict_crops
def slowly(*given, **options):
    time.sleep(0.3)
    return predict(*given, **options)
predictions.predict_crops = slowly
sys.exit(cli.main(sys.argv[1:]))
"""


def environment() -> dict:
    return os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(TESTS.parent)}


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_killed_and_gone_on(arguments, capsys):
    command = [sys.executable, "-c", SLOW, *map(str, arguments), "--out", "out"]
    process = subprocess.Popen(command, env=environment(), stderr=subprocess.DEVNULL)
    chunks, deadline = Path("out/predictions"), time.monotonic() + 120
    while not list(chunks.glob("*.npz")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = len(list(chunks.glob("*.npz")))
    assert 0 < done < 4, "it was killed in the middle"
    assert run(*arguments, "--out", "out") == 0
    assert len(list(chunks.glob("*.npz"))) == 4
    after = Path("out/joints.csv").read_text()
    assert run(*arguments, "--out", "whole") == 0
    assert after == Path("whole/joints.csv").read_text()
    assert not list(chunks.glob(".*")), "nothing half-written is left"


@pytest.mark.skipif(os.name == "nt", reason="needs SIGTERM")
def test_a_schedulers_sigterm_keeps_what_is_done(arguments):
    slow = SLOW.replace("SECONDS_BETWEEN_CHUNKS = 0.0", "SECONDS_BETWEEN_CHUNKS = 1e9")
    slow = slow.replace("time.sleep(0.3)", "time.sleep(1); print('one', flush=True)")
    process = subprocess.Popen(
        [sys.executable, "-c", slow, *map(str, arguments), "--out", "out"],
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while "one" not in process.stdout.readline():
        assert process.poll() is None, process.stderr.read()
    time.sleep(0.5)  # the second person is under way
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert re.search(r"stopped; [123] people are done and kept in out/predictions", said), said
    assert len(list(Path("out/predictions").glob("*.npz"))) == 1


@pytest.mark.skipif(os.name == "nt", reason="needs torchrun with gloo")
def test_two_processes_find_the_same(arguments):
    assert run(*arguments, "--out", "one") == 0
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "cpm_edu",
        *map(str, arguments), "--out", "two",
    ]  # fmt: skip
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("PCK@0.2 in percent") == 1, "only the first process speaks"
    one, two = (json.loads(Path(f"{name}/numbers.json").read_text()) for name in ("one", "two"))
    assert one == two
    chunks = [np.load(path)["indices"] for path in sorted(Path("two/predictions").glob("*.npz"))]
    assert sorted(np.concatenate(chunks).tolist()) == [0, 1, 2, 3], "nobody twice"


def test_a_diverged_checkpoint_is_refused(arguments, tmp_path, capsys):
    model = small_model(COCO)
    model.stage1[1].bias.data.fill_(float("nan"))
    save_checkpoint(tmp_path / "nan.safetensors", model)
    arguments[arguments.index("--checkpoint") + 1] = tmp_path / "nan.safetensors"
    assert_refused(capsys, arguments, "NaN")
