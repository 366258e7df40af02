"""Training CPM.lite and CPM.paper on a machine lent by the minutes: everything but the GPU."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import pack_people
import people_report
import pytest
import torch
import train_people
from gpu_report import Facts
from PIL import Image
from small_leeds import small_leeds

from cpm_edu.models import CPM
from cpm_edu.models.checkpoints import open_checkpoint
from cpm_edu.skeletons import LSP as SKELETON

GPU = Path(__file__).parent


@pytest.fixture(scope="module")
def packed(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("packed")
    pack_people.pack(small_leeds(folder), folder / "people.zip", limit_mib=10)
    return folder / "people.zip"


# ---- a whole training, in pieces

DRIVER = """
import sys
import torch
torch.set_num_threads(1)
sys.path.insert(0, {gpu!r})
import train_people as t
t.TIMED_MINUTES, t.SAVE_S, t.EVALUATE_S, t.VALIDATIONS = 0.05, 0.5, 0.5, 4
config = dict(batch_size=8, save_every=3, workers=1)
jobs = {{
    "lite": t.Job(lambda: t.CPM.lite(t.LSP, num_stages=2, input_size=(32, 32), features=8, width=8, image_features=4),
                  "lsp+lspet", t.TrainingConfig(**config), {minutes}),
    "paper": t.Job(lambda: t.CPM.paper(t.LSP, num_stages=2, width=4, input_size=(32, 32)),
                   "lsp+lspet", t.TrainingConfig(**config), {minutes}),
}}
sys.exit(t.main(sys.argv[1:], jobs))
"""


class Pieces:
    """Starts pieces of a training with tiny models, each a process of its own."""

    def __init__(self, packed: Path, folder: Path, minutes: float) -> None:
        self.packed, self.work, self.out = packed, folder / "work", folder / "out"
        self.script = folder / "driver.py"
        self.script.write_text(textwrap.dedent(DRIVER.format(gpu=str(GPU), minutes=minutes)))

    def start(self, *options: str) -> subprocess.Popen:
        words = [
            sys.executable,
            self.script,
            "--data",
            self.packed,
            "--device",
            "cpu",
            "--work",
            self.work,
            *options,
        ]
        root = str(GPU.parents[1])
        return subprocess.Popen(
            [str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "OUT": str(self.out), "PYTHONPATH": root, "OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"}, start_new_session=True,
        )  # fmt: skip

    def piece(self, *options: str) -> tuple[int, str]:
        running = self.start(*options)
        output, _ = running.communicate(timeout=120)
        return running.returncode, output

    def read(self, model: str, what: str):
        return json.loads((self.work / model / f"{what}.json").read_text())

    def steps(self, model: str) -> list[int]:
        with (self.work / model / "run" / "log.csv").open(newline="") as file:
            return [int(row["step"]) for row in csv.DictReader(file)]


def test_two_models_train_in_pieces_through_a_kill(packed, tmp_path):
    pieces = Pieces(packed, tmp_path, minutes=0.1)
    killed = pieces.start("--minutes", "1")
    log = pieces.work / "lite" / "plan.json"
    deadline = time.monotonic() + 60
    while not log.is_file() and killed.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL, "it ended before it could be killed"
    plan, saved = pieces.read("lite", "plan"), pieces.steps("lite")[-1]

    codes = [pieces.piece("--minutes", "0.15")[0] for _ in range(2)]
    while codes[-1] == train_people.AGAIN and len(codes) < 8:
        codes.append(pieces.piece("--minutes", "0.4")[0])
    assert codes[-1] == train_people.DONE, codes
    assert pieces.read("lite", "plan") == plan, "the schedule is chosen once"
    told = pieces.read("lite", "pieces")
    assert [piece["killed"] for piece in told][:2] == [True, False]
    assert told[0]["seconds"] > 0
    assert told[1]["from_step"] >= saved - 3, "it goes on from where it was saved"
    for model in ("lite", "paper"):
        plan, steps = pieces.read(model, "plan"), pieces.steps(model)
        assert steps == list(range(1, plan["steps"] + 1)), "every step once"
        assert plan["steps"] == plan["epochs"] * (plan["people"] // 8)
        results = pieces.read(model, "results")
        assert set(results) == {"plain", "flip test", "two people"}
        assert len(results["plain"]["all joints"]) == 2
    text = (pieces.out / "people.md").read_text()
    assert "CPM.paper" in text
    assert "| all joints |" in text
    assert "Not done" not in text
    assert open_checkpoint(pieces.out / "paper.safetensors").kind == "paper"
    assert Image.open(pieces.out / "people.png").size[0] > 900

    code, output = pieces.piece("--minutes", "0.4", "--model", "lite")
    assert (code, "all done" in output) == (train_people.DONE, True), "nothing is trained twice"
    assert len(pieces.steps("lite")) == pieces.read("lite", "plan")["steps"]


# ---- its parts, in this process


def tiny_job(**config) -> train_people.Job:
    def make():
        return CPM.lite(SKELETON, num_stages=2, input_size=(32, 32), features=8, width=8, image_features=4)

    return train_people.Job(
        make, "lsp+lspet", train_people.TrainingConfig(batch_size=8, workers=1, **config), 0.1
    )


@pytest.fixture
def training(packed, tmp_path) -> train_people.Training:
    data = pack_people.unpack(packed, tmp_path / "data")
    return train_people.Training("lite", tiny_job(), tmp_path / "lite", data, "cpu", time.time() + 600)


def test_speed_by_hand():
    slow_start = [10.0, 15.0, 18.0, 20.0, 22.0, 24.0, 26.0, 28.0, 30.0]  # then 2 s a step
    assert train_people.seconds_per_step(slow_start) == 2.0
    assert train_people.seconds_per_step([3.0, 3.1]) == pytest.approx(1.55), (
        "too short for its clock: all of it"
    )
    assert train_people.seconds_per_step([0.0]) == 0.1


def fake_steps(training, monkeypatch, seconds: list[float], before: int = 0) -> None:
    """A train() that only writes its log: `before` steps of an earlier piece, then one at each of `seconds`."""
    state = {"step": before}
    monkeypatch.setattr(training, "step", lambda: state["step"])

    def train(*_, **__):
        rows = [[step, 0, 0, 1e6] for step in range(1, before + 1)]
        rows += [[before + k, 0, 0, clock] for k, clock in enumerate(seconds, start=1)]
        with (training.run / "log.csv").open("w", newline="") as file:
            csv.writer(file).writerows([["step", "epoch", "lr", "seconds"], *rows])
        state["step"] = before + len(seconds)

    monkeypatch.setattr(train_people, "train", train)
    monkeypatch.setattr(train_people, "stage_pck", lambda *_, **__: None)


def test_epochs_fill_the_budget(training, monkeypatch):
    """3 s a step, 1 s a validation, 4 steps an epoch, 11 steps and 40 s spent: 0.93 (600 - 40 - 20) / 3 + 11 = 178 steps."""
    training.job = replace(training.job, minutes=10.0)
    assert training.per_epoch == 4
    training.write("pieces", [{"seconds": 40.0, "began": -9e9}, {"seconds": None, "began": 0.0}])
    fake_steps(training, monkeypatch, [3.0, 6.0, 9.0, 12.0], before=7)
    clock = iter([0.0, 0.0, 1.0, 0.0])  # left(), a second to validate, and this piece has just begun
    monkeypatch.setattr(train_people.time, "time", lambda: next(clock))
    plan = training.make_plan()
    assert (plan.epochs, plan.steps, plan.seconds_per_step) == (44, 176, 3.0)


def test_a_piece_too_short_to_time_makes_no_plan(training, monkeypatch):
    training.write("pieces", [{"seconds": None, "began": time.time()}])
    fake_steps(training, monkeypatch, [])
    training.end = time.time() + 1
    assert training.make_plan() is None
    assert training.read("plan") is None


def test_a_diverged_run_begins_again_with_a_lower_rate(training, monkeypatch, capsys):
    def diverge(*_, **__):
        raise ValueError("the loss is [nan] at step 3: the training diverged.")

    monkeypatch.setattr(train_people, "train", diverge)
    assert training.work() is False
    assert training.read("lr") == pytest.approx(0.02 / 3)
    assert not training.run.exists()
    assert len(list(training.folder.glob("run-diverged-*"))) == 1
    again = train_people.Training(
        "lite", training.job, training.folder, pack_folder(training), "cpu", time.time() + 600
    )
    fake_steps(again, monkeypatch, [1.0])
    again.work()
    assert again.read("plan")["lr"] == pytest.approx(0.02 / 3)
    assert "begins again with lr 0.00667\n" in capsys.readouterr().out


def pack_folder(training) -> Path:
    return training.people.parts[0].folder.parent


def test_other_errors_are_not_taken_for_divergence(training, monkeypatch):
    def fail(*_, **__):
        raise ValueError("another run's folder")

    monkeypatch.setattr(train_people, "train", fail)
    with pytest.raises(ValueError, match="another run"):
        training.work()
    assert training.read("pieces")[-1]["seconds"] is not None


def test_workers_fit_into_the_shared_memory(monkeypatch):
    job = replace(tiny_job(), config=train_people.TrainingConfig(batch_size=32))
    batch = 32 * 3 * 32 * 32 * 4
    monkeypatch.setattr(train_people.os, "sched_getaffinity", lambda _: range(16))

    class Shared:
        f_frsize = 1

    for free, workers in ((2 * 4 * batch * 3, 3), (10**12, 16), (0, 1)):
        Shared.f_bavail = free
        monkeypatch.setattr(train_people.os, "statvfs", lambda _: Shared)
        assert train_people.workers_that_fit(job) == workers


def test_without_a_gpu_or_data_it_says_so(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert train_people.main([]) == train_people.NO_GPU
    assert "nothing was trained" in capsys.readouterr().err
    missing = ["--device", "cpu", "--data", str(tmp_path / "x.zip"), "--work", str(tmp_path)]
    assert train_people.main(missing) == train_people.NO_GPU
    assert "make it by python tests/gpu/pack_people.py" in capsys.readouterr().err
    assert train_people.main(["--dry-run", "--data", str(tmp_path / "x.zip")]) == train_people.DONE
    told = capsys.readouterr().out
    assert "missing: run tests/gpu/pack_people.py" in told
    assert "paper: 14 min on lsp+lspet, muon" in told


def test_the_models_of_the_run_are_the_full_ones():
    lite, paper = (train_people.JOBS[name].make() for name in ("lite", "paper"))
    assert (lite.num_stages, lite.input_size) == (4, (160, 160))
    assert (paper.num_stages, paper.width, paper.input_size) == (6, 128, (368, 368))
    assert sum(job.minutes for job in train_people.JOBS.values()) < 20
    parts = sum(p.numel() for p in paper.parameters()) * 2 / people_report.LARGEST_FILE
    assert parts < 4, "with lite's weights, people.md, .png and .csv: the eight files that the docs promise"


# ---- the report


def test_report_says_what_is_not_done(training, tmp_path):
    facts = Facts("2026-01-02", "Some GPU", "abc", "torch 2")
    people_report.write_report(tmp_path / "out", facts, [training])
    assert "**Nothing was trained yet.**" in (tmp_path / "out" / "people.md").read_text()
    plan = train_people.Plan(3, 12, 0.5, 1.0, 0.02, 32, 1, "Some GPU")
    training.write("plan", train_people.asdict(plan))
    training.write("pieces", [{"seconds": 60.0, "killed": True}, {"seconds": 30.0, "killed": False}])
    training.step = lambda: 5
    text = people_report.section(facts, [training])
    assert "**Not done: step 5 of 12.**" in text
    assert "16 crops/s with 1 workers on Some GPU" in text
    assert "1.5 min in 2 pieces, 1 of them killed" in text
    training.step = lambda: 12
    assert "**Trained, not evaluated yet.**" in people_report.section(facts, [training])


def test_joint_table_by_hand():
    results = {
        "plain": {"head_top": [0.5, 1.0], "all joints": [0.25, 0.756]},
        "flip test": {"head_top": [0.6, 0.9], "all joints": [0.3, 0.8]},
    }
    assert people_report.joint_table(results).splitlines() == [
        "| joint | stage 1 | stage 2 | flip test: 1 | 2 |",
        "| --- | --- | --- | --- | --- |",
        "| head top | 50.0 | 100.0 | 60.0 | 90.0 |",
        "| all joints | 25.0 | 75.6 | 30.0 | 80.0 |",
    ]


def test_weights_in_parts_are_whole_again(tmp_path):
    (tmp_path / "a").write_bytes(bytes(range(25)))
    parts = people_report.split_file(tmp_path / "a", tmp_path / "b", largest=10)
    assert [part.name for part in parts] == ["b.00", "b.01", "b.02"]
    assert max(part.stat().st_size for part in parts) == 10
    assert people_report.join(tmp_path / "b").read_bytes() == bytes(range(25))
    assert people_report.split_file(tmp_path / "a", tmp_path / "b", largest=25) == [tmp_path / "b"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a", "b"], "no part of an older file may stay"
    with pytest.raises(ValueError, match="no parts"):
        people_report.join(tmp_path / "c")
