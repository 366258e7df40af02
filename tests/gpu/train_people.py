"""Trains CPM.lite and CPM.paper on LSP + LSPET from scratch in pieces of minutes; train_people.sh says how to use it.

Each model has a budget of minutes. The first half minute of its run is timed; from that follows how many epochs fit
into the rest, and with them the schedule of the learning rate. A piece ends in time and saves; the next goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from gpu_machine import ROOT, Facts, gpu_facts
from pack_people import unpack
from people_report import read_columns, write_report

from cpm_edu.datasets.augment import Augmentation
from cpm_edu.datasets.opening import open_data
from cpm_edu.evaluation import stage_pck, two_person_pck
from cpm_edu.models import CPM
from cpm_edu.models.checkpoints import open_checkpoint, save_checkpoint, write_atomically
from cpm_edu.skeletons import LSP
from cpm_edu.training.batches import steps_per_epoch
from cpm_edu.training.loop import train
from cpm_edu.training.run import TrainingConfig, run_progress

DONE, FAILED, NO_GPU, AGAIN = 0, 1, 2, 3  # exit status
PIECE_MINUTES = 9.0
TIMED_MINUTES = 0.5  # of the run's beginning, to learn its speed
MARGIN = 0.93  # of the time that is left when the epochs are chosen: machines have slow minutes
SAVE_S = 30.0  # kept free at the end of a piece for last.pt and the report
PARTS = ("plain", "flip test", "two people")  # of the evaluation
EVALUATE_S = 60.0  # the least that a piece must have left to begin evaluating
VALIDATIONS = 20  # in a run
ENDLESS = 10**6  # epochs of a run that is still being timed: its learning rate is at the peak
LOWER_LR = 1 / 3  # of a run that begins again because its loss became NaN
PREFETCHED = 4  # batches that wait for every worker, in shared memory (crop_loader)
NOTICE = (
    "Trained on Leeds Sports Pose pictures, which are research-only data: these weights are for research and "
    "teaching and are not covered by the code's licence."
)


@dataclass(frozen=True)
class Job:
    """A model to train.

    Args:
        make: the model, with its first weights.
        data: as `open_data` names it.
        config: of the training; its epochs, workers and validations are chosen here.
        minutes: budget for timing, training and validating.
    """

    make: Callable[[], CPM]
    data: str
    config: TrainingConfig
    minutes: float


# lite: the numbers of the shipped model, in larger batches. paper: what learned best in a narrow copy of it on a CPU,
# see docs/gpu_runs.md.
JOBS = {
    "lite": Job(
        lambda: CPM.lite(LSP), "lsp+lspet+synthetic", TrainingConfig(batch_size=64, save_every=2000), 4.0
    ),
    "paper": Job(
        lambda: CPM.paper(LSP), "lsp+lspet",
        TrainingConfig(batch_size=32, sigma_cells=7 / 8, save_every=1000, augmentation=Augmentation(second_person=0.25)),
        14.0,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """What the measured speed allows: kept in plan.json, the same for all pieces of a run."""

    epochs: int
    steps: int
    seconds_per_step: float
    seconds_per_validation: float
    lr: float
    people: int
    workers: int
    device: str


class Training:
    """One model's run, over all pieces. Its folder holds `run/` (of `train`), plan.json, pieces.json, results.json."""

    def __init__(self, name: str, job: Job, folder: Path, data: Path, device: str, end: float) -> None:
        self.name, self.job, self.folder, self.device, self.end = name, job, folder, device, end
        self.people, self.validation, self.test = (
            open_data(job.data, split, folder=data) for split in ("train", "val", "test")
        )
        self.per_epoch = steps_per_epoch(len(self.people), job.config.batch_size)
        self.run = folder / "run"
        self.run.mkdir(parents=True, exist_ok=True)

    def read(self, what: str, default=None):
        path = self.folder / f"{what}.json"
        return json.loads(path.read_text()) if path.is_file() else default

    def write(self, what: str, value) -> None:
        write_atomically(self.folder / f"{what}.json", json.dumps(value, indent=1).encode())

    def left(self) -> float:
        return self.end - time.time()

    def step(self) -> int:
        """Steps that are done and saved."""
        return run_progress(self.run)[0]

    def work(self) -> bool:
        """One piece; whether the model is trained and evaluated."""
        if len(self.read("results", {})) == len(PARTS):
            return True
        pieces = self.read("pieces", [])
        if pieces and pieces[-1]["seconds"] is None:  # killed: it lived until it last wrote, at least
            pieces[-1]["seconds"] = max(0.0, last_write(self.run, pieces[-1]["began"]) - pieces[-1]["began"])
            pieces[-1]["killed"] = True
        pieces.append({"began": time.time(), "seconds": None, "from_step": self.step(), "killed": False})
        self.write("pieces", pieces)
        try:
            trained = self.train()
        finally:
            pieces[-1] |= {"seconds": time.time() - pieces[-1]["began"], "to_step": self.step()}
            self.write("pieces", pieces)
        return trained and self.evaluate()

    def train(self) -> bool:
        try:
            plan = Plan(**self.read("plan")) if self.read("plan") else self.make_plan()
            if plan is None:
                return False
            if self.step() < plan.steps:
                validate_every = max(1.0, plan.epochs / VALIDATIONS)
                self.go_on(plan.epochs, plan.lr, validate_every, (self.left() - SAVE_S) / 60)
            return self.step() >= plan.steps
        except ValueError as error:
            if "diverged" not in str(error):
                raise
            self.begin_again(str(error))
            return False

    def make_plan(self) -> Plan | None:
        """Time the run's first steps and choose the epochs; None where the piece is too short for that."""
        lr, before, rows = self.read("lr", self.job.config.lr), self.step(), []
        while not rows:  # the start alone may take all of the time
            if self.left() < 60 * TIMED_MINUTES + SAVE_S:
                return None
            self.go_on(ENDLESS, lr, ENDLESS, TIMED_MINUTES, progress=False)
            rows = [row for row in read_columns(self.run / "log.csv")[1] if row[0] > before]
        a_step = seconds_per_step([row[3] for row in rows])
        start = time.time()
        stage_pck(self.job.make().to(self.device), self.validation, device=self.device)
        validation = time.time() - start
        spent = [piece["seconds"] for piece in self.read("pieces")]
        used = sum(spent[:-1]) + time.time() - self.read("pieces")[-1]["began"]
        seconds = MARGIN * (60 * self.job.minutes - used - VALIDATIONS * validation)
        epochs = max(
            int((self.step() + seconds / a_step) / self.per_epoch), -(-self.step() // self.per_epoch), 1
        )
        plan = Plan(
            epochs, epochs * self.per_epoch, a_step, validation, lr, len(self.people),
            workers_that_fit(self.job), device_name(self.device),
        )  # fmt: skip
        self.write("plan", asdict(plan))
        crops = self.job.config.batch_size / a_step
        print(
            f"{self.name}: {crops:.0f} crops a second, so {epochs} epochs fit into {self.job.minutes:g} min"
        )
        return plan

    def go_on(
        self, epochs: int, lr: float, validate_every: float, minutes: float, *, progress: bool = True
    ) -> None:
        if minutes <= 0:
            return
        config = replace(
            self.job.config, epochs=epochs, lr=lr, validate_every=validate_every,
            workers=workers_that_fit(self.job),
        )  # fmt: skip
        torch.manual_seed(config.seed)  # the first weights
        metadata = {"notice": NOTICE, "data": self.job.data, "epochs": str(epochs)}
        train(
            self.job.make(), self.people, self.validation, config, self.run, device=self.device,
            metadata=metadata, minutes=minutes, progress=progress,
        )  # fmt: skip

    def begin_again(self, why: str) -> None:
        """After a loss that became NaN: set the run aside, keep a lower learning rate for the next."""
        lr = LOWER_LR * self.read("lr", self.job.config.lr)
        print(f"{self.name}: {why}\n{self.name}: the next piece begins again with lr {lr:.3g}")
        self.write("lr", lr)
        (self.folder / "plan.json").unlink(missing_ok=True)
        self.run.rename(self.folder / f"run-diverged-{time.time():.0f}")

    def best(self) -> CPM:
        """The best weights so far, rounded to the float16 in which they are taken home."""
        path = self.folder / "best.float16.safetensors"
        save_checkpoint(
            path,
            open_checkpoint(self.run / "best.safetensors"),
            dtype=torch.float16,
            metadata={"notice": NOTICE},
        )
        return open_checkpoint(path).to(self.device)

    def evaluate(self) -> bool:
        """LSP's test set, part by part: what is measured is kept when the time runs out."""
        results, model = self.read("results", {}), None
        for part in PARTS:
            if part in results:
                continue
            if self.left() < EVALUATE_S:
                return False
            model = model or self.best()
            if part == "two people":
                results[part] = two_person_pck(model, self.test, device=self.device)
            else:
                flip = part == "flip test"
                results[part] = joint_scores(stage_pck(model, self.test, device=self.device, flip_test=flip))
            self.write("results", results)
        return True


def joint_scores(results) -> dict[str, list[float]]:
    """Joint -> its PCK in every stage, 0..1; "all joints" comes last."""
    scores = {joint: [float(r.fractions[j]) for r in results] for j, joint in enumerate(results[0].joints)}
    return {**scores, "all joints": [float(r.mean) for r in results]}


def seconds_per_step(seconds: list[float]) -> float:
    """Speed from the log's clock, which shows tenths, after every step of a piece.

    The first third, when everything starts up, does not count where the rest is long enough for that clock.
    """
    start = len(seconds) // 3
    span = seconds[-1] - seconds[start]
    return span / (len(seconds) - 1 - start) if span > 1 else max(seconds[-1], 0.1) / len(seconds)


def last_write(folder: Path, default: float) -> float:
    return max((file.stat().st_mtime for file in folder.iterdir()), default=default)


def workers_that_fit(job: Job) -> int:
    """One process a core, fewer where the batches that wait would not fit into half of the shared memory."""
    height, width = job.make().input_size
    batch = job.config.batch_size * 3 * height * width * 4
    cores = len(os.sched_getaffinity(0))
    if job.config.workers:
        return min(job.config.workers, cores)
    shared = os.statvfs("/dev/shm")
    return max(1, min(cores, int(0.5 * shared.f_bavail * shared.f_frsize / (PREFETCHED * batch))))


def device_name(device: str) -> str:
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device


def dry_run(jobs: dict[str, Job], data: Path) -> int:
    facts = gpu_facts()
    print(f"data: {data} {'found' if data.is_file() else 'missing: run tests/gpu/pack_people.py'}")
    for name, job in jobs.items():
        config = job.config
        print(
            f"{name}: {job.minutes:g} min on {job.data}, {config.optimizer} lr {config.lr:g}, batch "
            f"{config.batch_size}, {workers_that_fit(job)} workers"
        )
    print(f"GPU: {facts if isinstance(facts, str) else facts.device}")
    return DONE


def main(arguments: list[str] | None = None, jobs: dict[str, Job] = JOBS) -> int:
    start = time.time()
    parser = argparse.ArgumentParser(prog="tests/gpu/train_people.sh", description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT / "build" / "people.zip", metavar="ZIP")
    parser.add_argument("--model", choices=[*jobs, "all"], default="all", help="default: one after the other")
    parser.add_argument(
        "--minutes", type=float, default=PIECE_MINUTES, help="of this piece (default: %(default)g)"
    )
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "train_people", metavar="DIR")
    parser.add_argument("--device", help="default: cuda")
    parser.add_argument("--append", action="store_true", help="put the report at the end of docs/gpu_runs.md")
    parser.add_argument("--dry-run", action="store_true", help="say what would run; needs no GPU")
    options = parser.parse_args(arguments)
    if options.dry_run:
        return dry_run(jobs, options.data)
    facts = gpu_facts()
    if options.device == "cpu":
        facts = Facts(time.strftime("%Y-%m-%d"), "CPU", "", f"torch {torch.__version__}")
    if isinstance(facts, str):
        print(f"tests/gpu/train_people.sh: nothing was trained: {facts}", file=sys.stderr)
        return NO_GPU
    try:
        data = unpack(options.data, options.work / "data")
    except (ValueError, OSError) as error:
        print(f"tests/gpu/train_people.sh: {error}", file=sys.stderr)
        return NO_GPU
    torch.backends.cudnn.benchmark = True  # every step has the same shapes
    out = Path(os.environ.get("OUT", options.work / "out"))
    status, touched = DONE, []
    for name, job in jobs.items():
        if options.model not in (name, "all"):
            continue
        end = start + 60 * options.minutes
        training = Training(name, job, options.work / name, data, options.device or "cuda", end)
        touched.append(training)
        try:
            if not training.work():
                status = AGAIN
                break
        except (ValueError, OSError, RuntimeError) as error:  # RuntimeError: out of the GPU's memory
            print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
            status = FAILED
            break
        finally:
            write_report(out, facts, touched, append=options.append and status == DONE)
    print(
        "all done"
        if status == DONE
        else "not done yet: run the same command again"
        if status == AGAIN
        else "failed"
    )
    return status


if __name__ == "__main__":
    sys.exit(main())
