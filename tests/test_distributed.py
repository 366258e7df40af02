"""Many processes as one run: the same curve, the same evaluation, and an end that can be gone on from."""

import csv
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import run
from many_processes import evaluate, train_somehow
from tiny_people import TINY, TinyPeople, tiny_config, tiny_train, write_own_data

from cpm_edu.training import distributed
from cpm_edu.training.run import run_progress

TESTS = Path(__file__).parent
pytestmark = [
    pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch has no torch.distributed"),
    pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL"),
]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def torchrun(*arguments, processes: int = 2) -> subprocess.Popen:
    environment = os.environ | {
        "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)]),
    }  # fmt: skip
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}",
        *map(str, arguments),
    ]  # fmt: skip
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def rows(folder, name="log.csv"):
    with (folder / name).open(newline="") as file:
        return list(csv.DictReader(file))


def losses(folder) -> np.ndarray:
    return np.array([[float(row["stage 1"]), float(row["stage 2"])] for row in rows(folder)])


def weights(folder) -> dict[str, torch.Tensor]:
    return torch.load(folder / "last.pt", weights_only=True)["model"]


def assert_same_curve(folder, expected):
    """Float tolerance: sums of a batch in another order; 12 steps multiply the difference."""
    assert losses(folder).shape == (12, 2)
    np.testing.assert_allclose(losses(folder), losses(expected), rtol=2e-4, atol=1e-6)
    peaks = [[float(row["peak"]) for row in rows(f)] for f in (folder, expected)]
    np.testing.assert_allclose(*peaks, rtol=2e-3, atol=1e-5)
    found, wanted = weights(folder), weights(expected)
    for key, value in wanted.items():
        torch.testing.assert_close(found[key], value, rtol=1e-3, atol=2e-5, msg=lambda m, k=key: f"{k}: {m}")


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """Folder of what two processes did."""
    folder = tmp_path_factory.mktemp("two")
    job = torchrun(TESTS / "many_processes.py", folder)
    output, _ = job.communicate(timeout=240)
    assert job.returncode == 0, output
    return folder


# ---- by hand


def test_a_group_of_one_needs_no_torch_distributed():
    with distributed.process_group("cpu") as device:
        assert device == torch.device("cpu")
        assert not torch.distributed.is_initialized()
        assert (distributed.rank(), distributed.world_size(), distributed.is_main()) == (0, 1, True)
        assert distributed.gather("me") == ["me"]
        assert [distributed.any_rank(flag) for flag in (True, False)] == [True, False]
        assert distributed.mean_over_ranks(torch.tensor([3.0])).tolist() == [3.0]
        distributed.barrier()
        with pytest.raises(ValueError, match=r"^no 1\.jpg$"), distributed.all_or_none():
            raise ValueError("no 1.jpg")


def test_what_two_processes_tell_each_other(together):
    found = torch.load(together / "found.pt", weights_only=False)
    assert found["ranks"] == [0, 1]
    assert found["world"] == 2
    assert found["any"] == [False, True, True]
    assert found["mean"] == [0.5, 2.0]
    assert found["buffer"] == 5.0, "rank 0's"
    own, of_others = "no {}.jpg", "process {0} of this run: no {0}.jpg"
    assert found["refusals"] == [
        [own.format(0), of_others.format(1)],
        [of_others.format(0), own.format(1)],
    ], "each says its own problem as it is, and whose the other one is"


# ---- the same run


def test_each_process_learns_from_its_share(together):
    for learnt in torch.load(together / "found.pt", weights_only=False)["learnt"]:
        assert set(learnt) == {2}, "of 4"


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "muon"])
def test_two_processes_are_one_with_twice_the_batch(together, tmp_path, optimizer):
    train_somehow(tmp_path, "whole", optimizer=optimizer)
    assert_same_curve(together / optimizer, tmp_path)
    found, wanted = rows(together / optimizer, "validation.csv"), rows(tmp_path, "validation.csv")
    assert found == wanted


def test_micro_batches_are_the_whole_batch(together, tmp_path):
    train_somehow(tmp_path / "whole", "whole")
    train_somehow(tmp_path / "micro", "micro")
    assert_same_curve(tmp_path / "micro", tmp_path / "whole")
    assert_same_curve(together / "micro", tmp_path / "whole")


@pytest.mark.parametrize(("whole", "parts"), [("sgd", "half"), ("norm", "norm in parts")])
def test_resumed_by_two_processes_bit_by_bit(together, whole, parts):
    assert np.array_equal(losses(together / whole), losses(together / parts))
    found, wanted = weights(together / parts), weights(together / whole)
    assert all(torch.equal(found[key], value) for key, value in wanted.items())
    assert rows(together / parts, "validation.csv") == rows(together / whole, "validation.csv")


def test_one_process_goes_on_from_two(together, tmp_path):
    for path in (together / "for one").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    train_somehow(tmp_path, "whole", epochs=4)
    assert_same_curve(tmp_path, together / "sgd")


# ---- the same evaluation


def test_sharded_evaluation_equals_unsharded(together):
    found, wanted = torch.load(together / "found.pt", weights_only=False)["evaluation"], evaluate()
    assert found["joints"].shape == (2, 7, TINY.num_joints, 2), "nobody twice, nobody missing"
    torch.testing.assert_close(found["joints"], wanted["joints"], rtol=0, atol=1e-3)  # other batches
    torch.testing.assert_close(found["scores"], wanted["scores"], rtol=1e-5, atol=1e-6)
    assert found["pck"] == wanted["pck"]


# ---- the end


@pytest.fixture(scope="module")
def own_data(tmp_path_factory):
    """my.json and its pictures: 20 tiny people."""
    return write_own_data(tmp_path_factory.mktemp("own"), 20)


def train_command(own_data, out, *more):
    return (
        "-m", "cpm_edu", "train", "--data", own_data / "my.json", "--images", own_data, "--out", out,
        "--batch-size", 4, "--input-size", 32, 32, "--stages", 2, "--save-every", 2, "--device", "cpu", *more,
    )  # fmt: skip


def wait_for_steps(job, folder, steps):
    deadline = time.monotonic() + 120
    while run_progress(folder)[0] < steps:
        assert job.poll() is None, job.communicate()[0]
        if time.monotonic() > deadline:
            job.kill()
            raise AssertionError(f"no step {steps} within 120 s:\n{job.communicate()[0]}")
        time.sleep(0.05)


def process_of_rank(job, rank) -> int:
    children = Path(f"/proc/{job.pid}/task/{job.pid}/children").read_text().split()
    for child in children:
        if f"RANK={rank}" in Path(f"/proc/{child}/environ").read_text().split("\0"):
            return int(child)
    raise AssertionError(f"no process of rank {rank} among {children}")


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds the processes in /proc")
@pytest.mark.parametrize("victim", [0, 1])
def test_kill_9_of_one_process(own_data, capsys, tmp_path, victim):
    out = tmp_path / "run"
    job = torchrun(*train_command(own_data, out, "--epochs", 10000))
    wait_for_steps(job, out, 4)
    os.kill(process_of_rank(job, victim), signal.SIGKILL)
    output, _ = job.communicate(timeout=60)
    assert job.returncode != 0
    assert re.findall("cpm-edu train: .+", output) == [
        "cpm-edu train: another process of this run has ended, so it cannot go on; the same command goes on "
        f"from the last save in {out}"
    ], output
    done, _ = run_progress(out)
    assert done >= 4
    epochs = done // 4 + 1
    _, *arguments = train_command(own_data, out, "--epochs", epochs)[1:]
    assert run(*arguments) == 0, "one process goes on where two were"
    seen = capsys.readouterr()
    assert f"going on from step {done} of {4 * epochs}" in seen.out + seen.err
    assert [int(row["step"]) for row in rows(out)] == list(range(1, 4 * epochs + 1))


def test_sigterm_ends_all_after_a_step(own_data, tmp_path):
    """What Slurm sends at the end of the time; torchrun hands it on."""
    out = tmp_path / "run"
    job = torchrun(*train_command(own_data, out, "--epochs", 10000, "--workers", 1))
    wait_for_steps(job, out, 2)
    job.send_signal(signal.SIGTERM)
    output, _ = job.communicate(timeout=60)
    done, _ = run_progress(out)
    assert f"stopped after step {done} of 40000; the same command goes on from" in output, output
    assert [int(row["step"]) for row in rows(out)] == list(range(1, done + 1))
    assert 'Traceback (most recent call last):\n  File "' + str(TESTS.parent) not in output


def test_a_bad_picture_in_one_process(own_data, tmp_path):
    """The run is saved up to there, one sentence is said, and with --skip-bad it goes on."""
    folder, out = tmp_path / "data", tmp_path / "run"
    folder.mkdir()
    for path in own_data.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    bad = folder / "02.jpg"
    more = ("--epochs", 3, "--save-every", 100)
    bad.write_bytes(bad.read_bytes()[:1500])
    job = torchrun(*train_command(folder, out, *more))
    output, _ = job.communicate(timeout=120)
    assert job.returncode != 0
    told = re.findall("cpm-edu train: .+", output)
    assert len(told) == 1, output
    assert "02.jpg" in told[0], output


# ---- refused


def test_a_batch_that_cannot_be_shared_out(tmp_path):
    with pytest.raises(
        ValueError, match=r"a batch of 2 people cannot be shared out equally to 1 processes with"
    ):
        tiny_train(tmp_path, people=TinyPeople(2), batch_size=4, accumulate=4)
    with pytest.raises(ValueError, match="batch_size 4 does not split into 3 micro-batches"):
        tiny_config(accumulate=3)
