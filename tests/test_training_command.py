"""cpm-edu train: recipes and what overrides them, own data, time that is up, pictures that cannot be read."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
import torch
from command_line import assert_refused, run, small_checkpoint
from tiny_people import TinyPeople, tiny_model, tiny_train, write_own_data

from cpm_edu.commands.own_data import chosen_for_sheet
from cpm_edu.datasets.opening import open_data
from cpm_edu.images import ImageError
from cpm_edu.models import CPM
from cpm_edu.models.checkpoints import load_checkpoint, read_metadata
from cpm_edu.skeletons import COCO
from cpm_edu.training import loop
from cpm_edu.training.batches import crop_loader
from cpm_edu.training.recipes import RECIPES
from cpm_edu.training.run import TrainingConfig, run_progress

SMALL = ("--input-size", 32, 32, "--stages", 2, "--batch-size", 4, "--device", "cpu")


@pytest.fixture
def opened(monkeypatch):
    """Calls of `open_data`, which gives 8 tiny people of COCO's joints instead."""
    calls = []

    def open_data(data, split, **options):
        calls.append((str(data), split, {k: v for k, v in options.items() if v is not None}))
        return TinyPeople(8, seed=split == "val", skeleton=COCO)

    monkeypatch.setattr("cpm_edu.commands.train.open_data", open_data)
    return calls


@pytest.fixture
def own_data(tmp_path) -> Path:
    return write_own_data(tmp_path / "data", 20)


def own_command(data: Path, out: Path, *more) -> list:
    return ["train", "--data", data / "my.json", "--images", data, "--out", out, *SMALL, *more]


def steps(folder: Path) -> list[int]:
    with (folder / "log.csv").open(newline="") as file:
        return [int(row["step"]) for row in csv.DictReader(file)]


# ---- recipes


def test_a_recipe_decides_and_options_override(opened, capsys, tmp_path):
    out = tmp_path / "run"
    arguments = [
        "train", "--recipe", "coco-256x192", "--out", out, "--data-folder", tmp_path, *SMALL, "--stages", 1,
        "--epochs", 1, "--workers", 0,
    ]  # fmt: skip
    assert run(*arguments) == 0
    text = capsys.readouterr().out
    changes = "stages 6 -> 1; input size (256, 192) -> (32, 32); epochs 210 -> 1; batch_size 512 -> 4; workers 2 -> 0"
    assert f"recipe coco-256x192, but {changes}\n" in text
    assert [call[:2] for call in opened] == [("coco", "train"), ("coco", "val")]
    assert opened[0][2]["folder"] == opened[1][2]["folder"] == tmp_path
    config = json.loads((out / "config.json").read_text())
    recipe = RECIPES["coco-256x192"].training
    assert (config["optimizer"], config["lr"], config["schedule"]) == ("adam", 5e-4, "multistep")
    assert config["lr_steps"] == list(recipe.lr_steps) == [170.0, 200.0]
    assert config["augmentation"]["half_body"] == 0.3
    with (out / "log.csv").open(newline="") as file:
        rates = [float(row["lr"]) for row in csv.DictReader(file)]
    assert rates == pytest.approx([5e-7, 5e-4 * (0.001 + 0.999 / 499)], rel=1e-5), "mmengine's linear warm-up"
    best = load_checkpoint(out / "best.safetensors", skeleton=COCO)
    assert (best.kind, best.num_stages, best.input_size) == ("mmpose", 1, (32, 32))
    assert read_metadata(out / "best.safetensors")["recipe"] == "coco-256x192"
    assert "coco" in read_metadata(out / "best.safetensors")["notice"]


def test_parts_of_other_files(opened, tmp_path):
    files = ["--annotations", "a.json", "--images", "i", "--val-annotations", "b.json", "--val-images", "j"]
    run("train", "--data", "coco", "--out", tmp_path / "run", *files, *SMALL, "--epochs", 1, "--skip-bad")
    given = {"skip_bad": True}
    assert opened == [
        ("coco", "train", given | {"annotations": Path("a.json"), "images": Path("i")}),
        ("coco", "val", given | {"annotations": Path("b.json"), "images": Path("j")}),
    ]


def test_dry_run_trains_nothing(opened, capsys, tmp_path):
    out = tmp_path / "run"
    arguments = ["--stages", 1, "--input-size", 32, 32, "--device", "cpu", "--dry-run", "--batch-size", 8]
    assert run("train", "--recipe", "coco-256x192", "--out", out, *arguments) == 0
    text = capsys.readouterr().out
    for words in (
        "parameters; a step: 8 people",
        "GiB a person",
        "an epoch: 8 people",
        "210 epochs",
        "published on 8 GPUs",
    ):
        assert words in text
    assert not out.exists()


def test_lr_steps_and_compile_on_the_command_line(opened, monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr("cpm_edu.commands.train.train", lambda *a, **_: seen.append(a[3]) or Path("none"))
    arguments = ["--schedule", "multistep", "--lr-steps", 2, 3.5, "--compile", "--accumulate", 2]
    assert run("train", "--data", "coco", "--out", tmp_path, *SMALL, *arguments) == 0
    expected = TrainingConfig(
        batch_size=4, schedule="multistep", lr_steps=(2.0, 3.5), compile=True, accumulate=2
    )
    assert seen == [expected]


# ---- own data


def test_own_data_from_the_shipped_weights(own_data, capsys, tmp_path):
    out = tmp_path / "run"
    assert run("train", "--data", own_data / "my.json", "--images", own_data, "--out", out, "--epochs", 1,
               "--init-from", "lite", "--device", "cpu", "--batch-size", 8) == 0  # fmt: skip
    text = capsys.readouterr().out
    assert re.search(r"carried over: \d+ tensors: trunk \d+, ", text), "counts, not names"
    listed = (out / "init.txt").read_text()
    assert "carried over: trunk.0" in listed
    assert "re-initialised: stage1.1.weight" in listed
    assert re.search(r"contact sheet: .*\ntraining on ", text), "the line to act on is the last"
    assert "re-initialised: stage1.1.weight" in text
    assert "left_shoulder <-> right_shoulder" in text, "the flip pairs, before the first step"
    assert (out / "contact_sheet.png").is_file()
    assert f"--data {own_data / 'my.json'} --images {own_data} --split val" in text, (
        "the next command knows the pictures"
    )
    assert read_metadata(out / "best.safetensors")["notice"] == "Trained on pictures of the user's own."


# ---- time


def test_minutes_end_a_run_that_goes_on(own_data, capsys, tmp_path):
    out = tmp_path / "run"
    arguments = own_command(own_data, out, "--epochs", 2)
    assert run(*arguments, "--minutes", 1e-6) == 0
    seen = capsys.readouterr()
    assert "stopped after step 0 of 8; the same command goes on from" in seen.out + seen.err
    assert "next:" not in seen.out, "there are no weights to try yet"
    assert run_progress(out) == (0, 0)
    assert run(*arguments) == 0
    assert run_progress(out) == (8, 8)
    assert steps(out) == list(range(1, 9))


def test_minutes_in_the_middle(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(loop.time, "perf_counter", lambda: now[0])
    original = loop.train_step

    def slow(run, batch):
        now[0] += 60.0
        return original(run, batch)

    monkeypatch.setattr(loop, "train_step", slow)
    tiny_train(tmp_path / "parts", minutes=3.5)
    assert run_progress(tmp_path / "parts") == (4, 30), "the fourth step began in time"
    assert steps(tmp_path / "parts") == [1, 2, 3, 4]


# ---- pictures that cannot be read


def truncate(picture: Path) -> None:
    """Its header stays, so that only decoding it fails."""
    whole = picture.read_bytes()
    picture.write_bytes(whole[: len(whole) // 2])


def assert_stopped_by(picture: Path, arguments: list, capsys) -> None:
    """Status 2 and, below the progress bar, one sentence that names the picture."""
    capsys.readouterr()
    assert run(*arguments) == 2
    *_, sentence = capsys.readouterr().err.splitlines()
    assert sentence.startswith("cpm-edu train: ")
    assert picture.name in sentence
    assert "damaged or incomplete" in sentence


def truncate_in_the_middle(data: Path) -> tuple[Path, int]:
    """Truncate a picture that the contact sheet does not show; returns it and the step that wants it first.

    Crops are of two people at times, so that a picture may be wanted before its own turn.
    """
    people = open_data(data / "my.json", "train", images=data)
    model = CPM.lite(people.skeleton, input_size=(32, 32), num_stages=2)
    shown = {people.records[i].file for i in chosen_for_sheet(people)}
    for picture in (data / record.file for record in people.records if record.file not in shown):
        whole, made = picture.read_bytes(), 0
        truncate(picture)
        try:
            for _ in crop_loader(
                people, model, batch_size=4, steps=range(4), augmentation=TrainingConfig().augmentation
            ):
                made += 1
        except ImageError:
            if made > 0:
                return picture, made
        picture.write_bytes(whole)
    raise AssertionError("every picture is wanted by the first step or by none")


def test_a_truncated_picture_in_the_middle_of_an_epoch(own_data, capsys, tmp_path):
    out = tmp_path / "run"
    arguments = own_command(own_data, out, "--epochs", 2, "--save-every", 1000)
    bad, made = truncate_in_the_middle(own_data)
    assert_stopped_by(bad, arguments, capsys)
    assert run_progress(out) == (made, 8), "what was learnt is saved, though --save-every is far away"
    assert run(*arguments, "--skip-bad") == 0
    seen = capsys.readouterr()
    assert re.search(rf"left out as broken: 1 \(.*skipped\.txt\): .*{bad.name}", seen.out + seen.err)
    assert bad.name in (out / "skipped.txt").read_text()
    assert steps(out) == list(range(1, 9))


def test_a_truncated_picture_on_the_contact_sheet(own_data, capsys, tmp_path):
    out = tmp_path / "run"
    people = open_data(own_data / "my.json", "train", images=own_data)
    bad = own_data / people.records[chosen_for_sheet(people)[0]].file
    truncate(bad)
    arguments = own_command(own_data, out, "--epochs", 1)
    assert_stopped_by(bad, arguments, capsys)
    assert run(*arguments, "--skip-bad") == 0
    assert f"{bad.name}" in capsys.readouterr().out
    assert run_progress(out) == (4, 4)


def test_a_truncated_picture_to_validate_on(own_data, capsys, tmp_path):
    """The run is saved before the validation, and begins with it once the picture is mended."""
    out = tmp_path / "run"
    people = open_data(own_data / "my.json", "val", images=own_data)
    bad = own_data / people.records[0].file
    whole = bad.read_bytes()
    truncate(bad)
    arguments = own_command(own_data, out, "--epochs", 1, "--save-every", 1000)
    assert_stopped_by(bad, arguments, capsys)
    assert run_progress(out) == (4, 4)
    assert not (out / "best.safetensors").exists()
    bad.write_bytes(whole)
    assert run(*arguments) == 0
    assert (out / "best.safetensors").is_file()
    assert (out / "validation.csv").read_text().count("\n") == 2


# ---- refused


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--minutes", "0"], ["--minutes must be more than 0"]),
        (["--stages", "0"], ["--stages must be more than 0"]),
        (["--accumulate", "3", "--batch-size", "4"], ["batch_size 4 does not split into 3"]),
        (["--schedule", "multistep"], ["needs lr_steps"]),
        (["--lr-steps", "5", "3"], ["rising order"]),
        (["--warmup-start", "2"], ["warmup_start must be 0..1"]),
        (["--init-from", "nowhere.pth"], ["nowhere.pth"]),
    ],
)
def test_mistakes(opened, capsys, tmp_path, arguments, words):
    assert_refused(capsys, ["train", "--data", "coco", "--out", tmp_path / "run", *arguments], *words)


def test_memory_that_ends_is_one_sentence(opened, monkeypatch, capsys, tmp_path):
    def full(run, batch):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    monkeypatch.setattr(loop, "train_step", full)
    assert run("train", "--data", "coco", "--out", tmp_path / "run", *SMALL) == 2
    assert "too small for so many people at once: a larger --accumulate" in capsys.readouterr().err


def test_compile_is_asked_for_once(monkeypatch, tmp_path):
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda network: compiled.append(network) or network)
    model = tiny_model()
    tiny_train(tmp_path, model=model, epochs=1, compile=True)
    assert compiled == [model]


def test_other_joints_than_the_folders(opened, capsys, tmp_path):
    checkpoint = small_checkpoint(tmp_path)
    assert_refused(
        capsys, ["train", "--data", "coco", "--model", "mmpose", "--out", tmp_path / "run", "--init-from", checkpoint],
        "nothing to carry over from a lite CPM into a mmpose CPM",
    )  # fmt: skip


# ---- older runs


def test_a_run_of_an_older_version_goes_on(opened, tmp_path):
    """Its config.json lacks the fields that came later; their defaults are what it did."""
    out = tmp_path / "run"
    arguments = ["train", "--data", "coco", "--out", out, *SMALL]
    assert run(*arguments, "--epochs", 1) == 0
    config = json.loads((out / "config.json").read_text())
    for name in ("accumulate", "lr_steps", "warmup_start", "compile"):
        del config[name]
    (out / "config.json").write_text(json.dumps(config))
    assert run(*arguments, "--epochs", 2, "--accumulate", 2) == 0, "how a batch is made may change"
    assert steps(out) == [1, 2, 3, 4]


# ---- real pictures


@pytest.mark.realdata
def test_coco_recipe_on_the_samples(data_dir, capsys, tmp_path):
    samples = data_dir / "samples" / "mmpose_tests_data" / "coco"
    files = ["--annotations", samples / "test_coco.json", "--images", samples]
    files += ["--val-annotations", samples / "test_coco.json", "--val-images", samples]
    out = tmp_path / "run"
    arguments = ["--stages", 1, "--input-size", 64, 48, "--batch-size", 4, "--epochs", 1, "--workers", 0]
    assert run("train", "--recipe", "coco-256x192", *files, *arguments, "--device", "cpu", "--out", out) == 0
    assert run_progress(out)[0] > 0
    assert load_checkpoint(out / "best.safetensors", skeleton=COCO).kind == "mmpose"
