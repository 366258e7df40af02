"""The training loop: killed, interrupted and out of disk it loses at most `save_every` steps and changes no weight."""

import csv
import errno
import os
import random
import signal
import subprocess
import sys
import threading
import time
import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_people import PAUSE_SECONDS, TINY, TinyPeople, tiny_config, tiny_model, tiny_train

from cpm_edu.evaluation import stage_pck
from cpm_edu.models.checkpoints import load_checkpoint, read_metadata
from cpm_edu.training import loop
from cpm_edu.training.stopping import stop_asked

TOTAL = 30  # steps of a tiny run
TESTS = Path(__file__).parent
needs_posix_kill = pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL and process groups")


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Sums in another order end in other bits; the program of tiny_people uses one thread too."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    """Folder of a run that nothing disturbed, made without workers."""
    folder = tmp_path_factory.mktemp("whole")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="every joint target")
        tiny_train(folder)
    return folder


def rows(folder, name="log.csv"):
    with (folder / name).open(newline="") as file:
        return list(csv.DictReader(file))


def flat(state, prefix=""):
    """{path: leaf} of nested dicts and lists."""
    items = state.items() if isinstance(state, dict) else enumerate(state)
    leaves = {}
    for key, value in items:
        inner = isinstance(value, (dict, list, tuple))
        leaves |= flat(value, f"{prefix}/{key}") if inner else {f"{prefix}/{key}": value}
    return leaves


def assert_same_run(folder, expected):
    """Every bit of the state and the best weights, and every line of the logs but the time taken."""
    found, wanted = (flat(torch.load(f / "last.pt", weights_only=True)) for f in (folder, expected))
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        same = torch.equal(found[key], value) if isinstance(value, torch.Tensor) else found[key] == value
        assert same, f"{key} differs"
    best = [f / "best.safetensors" for f in (folder, expected)]  # the order of its texts is not fixed
    weights = [load_checkpoint(path).state_dict() for path in best]
    assert all(torch.equal(weights[0][key], value) for key, value in weights[1].items())
    assert read_metadata(best[0]) == read_metadata(best[1])
    assert rows(folder, "validation.csv") == rows(expected, "validation.csv")
    logs = [[{**row, "seconds": None} for row in rows(f)] for f in (folder, expected)]
    assert [int(row["step"]) for row in logs[0]] == list(range(1, TOTAL + 1))
    assert logs[0] == logs[1]


def record_steps(monkeypatch, *, before=lambda step: None):
    """List that fills with the steps begun; `before(step)` may interfere."""
    begun, original = [], loop.train_step

    def recorded(run, batch):
        begun.append(run.step)
        before(run.step)
        return original(run, batch)

    monkeypatch.setattr(loop, "train_step", recorded)
    return begun


class Program:
    """tests/tiny_people.py, training in `folder` with two workers in a process group of its own."""

    def __init__(self, folder):
        self.steps_file, self.output = folder.with_suffix(".steps"), folder.with_suffix(".txt")
        self.number = len(self.processes_steps())
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(TESTS.parent)}
        with self.output.open("a") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(TESTS / "tiny_people.py"), str(folder), str(self.steps_file)],
                stdout=output, stderr=output, env=environment, start_new_session=True,
            )  # fmt: skip

    def processes_steps(self):
        """The steps begun, one list for each process so far."""
        text = self.steps_file.read_text() if self.steps_file.is_file() else ""
        return [[int(s) for s in part.split()] for part in text.split("start\n")[1:]]

    def wait_for(self, step):
        """Until this process has begun `step` or a later one."""
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            runs = self.processes_steps()
            if len(runs) > self.number and runs[-1] and runs[-1][-1] >= step:
                return
            assert self.process.poll() is None, f"ended before step {step}:\n{self.output.read_text()}"
            time.sleep(0.002)
        pytest.fail(f"step {step} was not reached:\n{self.output.read_text()}")

    def signal_group(self, number):
        os.killpg(self.process.pid, number)


# ---- by hand


def test_a_run_leaves_what_it_promises(whole_run):
    assert {path.name for path in whole_run.iterdir()} == {
        "last.pt",
        "best.safetensors",
        "log.csv",
        "validation.csv",
        "config.json",
        "lock",
    }
    log = rows(whole_run)
    assert list(log[0]) == ["step", "epoch", "lr", "seconds", "peak", "stage 1", "stage 2"]
    assert [int(row["step"]) for row in log] == list(range(1, TOTAL + 1))
    assert [float(row["epoch"]) for row in log[:5]] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert float(log[0]["lr"]) == pytest.approx(0.02 / 3), "first of three warm-up steps"
    losses = [sum(float(row[f"stage {t}"]) for t in (1, 2)) for row in log]
    assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:5]), "it learns something"


def test_validation_rows_hold_the_pck_of_every_stage(whole_run):
    scores = rows(whole_run, "validation.csv")
    assert [int(row["step"]) for row in scores] == [5, 10, 15, 20, 25, 30]
    model = load_checkpoint(whole_run / "best.safetensors", skeleton=TINY)
    best = max(scores, key=lambda row: float(row["stage 2"]))  # the first of equals
    assert read_metadata(whole_run / "best.safetensors")["step"] == best["step"]
    again = [r.mean for r in stage_pck(model, TinyPeople(6, seed=1))]
    assert [float(best["stage 1"]), float(best["stage 2"])] == pytest.approx(again, rel=1e-5)


# ---- killed


@needs_posix_kill
def test_killed_three_times_and_resumed(whole_run, tmp_path, monkeypatch):
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    folder, save_every = tmp_path / "killed", tiny_config().save_every
    for step in sorted(chance.sample(range(1, TOTAL - 5), 3)):
        program = Program(folder)
        program.wait_for(step)
        time.sleep(chance.uniform(0, 2 * PAUSE_SECONDS))
        program.process.kill()
        program.process.wait(30)
        program.signal_group(signal.SIGKILL)  # the workers would notice within seconds
    processes = program.processes_steps()
    begun = record_steps(monkeypatch)
    tiny_train(folder)
    processes.append(begun)
    assert len(processes) == 4
    repeated = [before[-1] + 1 - after[0] for before, after in pairwise(processes)]
    assert max(repeated) <= save_every, f"repeated {repeated} steps, seed {seed}"
    assert min(repeated) >= 0, f"steps left out: {repeated}, seed {seed}"
    assert sum(map(len, processes)) == TOTAL + sum(repeated)
    assert_same_run(folder, whole_run)


def test_killed_while_writing_the_log(whole_run, tmp_path, monkeypatch):
    """Rows past the checkpoint, and the first half of a row, do not survive."""
    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        record_steps(patch, before=lambda step: os.kill(os.getpid(), signal.SIGINT) if step == 19 else None)
        with pytest.raises(KeyboardInterrupt):
            tiny_train(folder)
    lines = (folder / "log.csv").read_text().splitlines()
    assert lines[-1].startswith("20,")
    with (folder / "log.csv").open("a") as file:
        file.write(lines[-1].replace("20,", "21,", 1) + "\n" + "2")
    tiny_train(folder)
    assert_same_run(folder, whole_run)


# ---- interrupted


@needs_posix_kill
def test_ctrl_c_to_the_whole_process_group(whole_run, tmp_path, monkeypatch):
    folder = tmp_path / "interrupted"
    program = Program(folder)
    program.wait_for(7)
    program.signal_group(signal.SIGINT)
    status = program.process.wait(60)
    # Python's own status for a KeyboardInterrupt; with torch._dynamo imported the one of any exception
    assert status in (-signal.SIGINT, 1), program.output.read_text()
    assert program.output.read_text().endswith("KeyboardInterrupt\n")
    (begun,) = program.processes_steps()
    assert torch.load(folder / "last.pt", weights_only=True)["step"] == begun[-1] + 1
    assert [int(row["step"]) for row in rows(folder)] == list(range(1, begun[-1] + 2))
    rest = record_steps(monkeypatch)
    tiny_train(folder)
    assert begun + rest == list(range(TOTAL)), "no step is repeated, none left out"
    assert_same_run(folder, whole_run)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_asked_to_stop_within_a_step(tmp_path, monkeypatch, number):
    handler = signal.getsignal(number)
    record_steps(monkeypatch, before=lambda step: os.kill(os.getpid(), number) if step == 4 else None)
    with pytest.raises(KeyboardInterrupt):
        tiny_train(tmp_path)
    assert torch.load(tmp_path / "last.pt", weights_only=True)["step"] == 5
    assert signal.getsignal(number) is handler


def test_outside_the_main_thread(tmp_path):
    thread = threading.Thread(target=tiny_train, args=(tmp_path,), kwargs={"epochs": 1})
    thread.start()
    thread.join(120)
    assert (tmp_path / "best.safetensors").is_file()


# ---- a full disk


@pytest.mark.parametrize("call", ["replace", "fsync"])
def test_full_disk_leaves_the_old_checkpoint(whole_run, tmp_path, monkeypatch, call):
    begun = []

    def full(*arguments):
        if begun and begun[-1] >= 8:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return original(*arguments)

    original = getattr(os, call)
    with monkeypatch.context() as patch:
        begun = record_steps(patch)
        patch.setattr(os, call, full)
        with pytest.raises(ValueError, match=r"cannot write .*last\.pt: No space left.*unchanged"):
            tiny_train(tmp_path)
    assert torch.load(tmp_path / "last.pt", weights_only=True)["step"] == 6, "of steps 3, 6 and 9"
    assert not list(tmp_path.glob(".*")), "no half-written file stays"
    tiny_train(tmp_path)
    assert_same_run(tmp_path, whole_run)


# ---- refused


def test_a_finished_run_stays_as_it_is(whole_run, tmp_path, monkeypatch):
    for path in whole_run.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    begun = record_steps(monkeypatch)
    model = tiny_model()
    assert tiny_train(tmp_path, model=model, workers=1, save_every=7) == tmp_path / "best.safetensors"
    assert begun == []
    assert_same_run(tmp_path, whole_run)
    last = torch.load(whole_run / "last.pt", weights_only=True)["model"]
    assert all(torch.equal(v, last[k]) for k, v in model.state_dict().items()), (
        "the model holds the last weights"
    )


def test_second_interrupt_does_not_wait():
    with stop_asked() as asked:
        signal.raise_signal(signal.SIGINT)
        assert asked.is_set(), "the first asks the loop to stop after its step"
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


# ---- warnings


class FarAway(TinyPeople):
    """Joints in other pixels than those of the picture."""

    def __getitem__(self, index):
        person = super().__getitem__(index)
        person.joints_px[:] = 1e5
        return person


@pytest.mark.parametrize("people", [FarAway(4, unlabelled=0.0), TinyPeople(4, unlabelled=1.0)])
def test_all_zero_targets_are_reported(tmp_path, people):
    with pytest.warns(UserWarning, match="every joint target of this batch is zero"):
        tiny_train(tmp_path, people=people, epochs=1, augmentation=None)


# ---- systems without fcntl and SIGALRM


def test_without_fcntl_and_sigalrm(tmp_path):
    code = f"""
import signal, sys
sys.modules["fcntl"] = None
for name in ("SIGALRM", "alarm", "setitimer", "getitimer", "ITIMER_REAL"):
    if hasattr(signal, name):
        delattr(signal, name)
sys.path.insert(0, {str(TESTS)!r})
import torch
from cpm_edu.metrics import pck
from cpm_edu.targets import belief_map_targets
from tiny_people import TinyPeople, tiny_train
targets, _ = belief_map_targets(torch.full((1, 1, 2), 3.5), torch.ones(1, 1), size=(2, 2), stride=8, sigma_cells=1)
assert targets[0, 0, 0, 0] == 1
assert pck([[[0.0, 0.0]]], [[[0.0, 1.0]]], normalizer=[10.0], threshold=0.2, comparison="<=").mean == 1.0
tiny_train({str(tmp_path)!r}, people=TinyPeople(8), epochs=1)
"""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(TESTS.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert [row["step"] for row in rows(tmp_path)] == ["1", "2"]
