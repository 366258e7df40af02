"""From MPII to JHMDB, as the published JHMDB rows were made: what --init-from prints, and that it is true."""

import re

import pytest
import torch
from command_line import run

from cpm_edu.models import CPM
from cpm_edu.models.checkpoints import load_checkpoint, save_checkpoint
from cpm_edu.skeletons import JHMDB, MPII

pytestmark = pytest.mark.realdata


def test_init_from_prints_what_is_carried_over_and_what_begins_anew(data_dir, tmp_path, capsys):
    torch.manual_seed(1)
    source = CPM.lite(MPII)
    save_checkpoint(tmp_path / "mpii.safetensors", source)
    samples = data_dir / "samples" / "mmpose_tests_data" / "jhmdb"
    file = samples / "test_jhmdb_sub1.json"
    arguments = [
        "train", "--data", "jhmdb-sub1", "--annotations", file, "--images", samples,
        "--val-annotations", file, "--val-images", samples, "--init-from", tmp_path / "mpii.safetensors",
        "--epochs", "1", "--batch-size", "3", "--lr", "1e-9", "--warmup-steps", "0", "--ema-decay", "0",
        "--device", "cpu", "--out", tmp_path / "run",
    ]  # fmt: skip
    assert run(*arguments) == 0
    text = capsys.readouterr().out
    trained = load_checkpoint(tmp_path / "run" / "best.safetensors", skeleton=JHMDB)
    state, before = trained.state_dict(), source.state_dict()
    carried = re.search(r"^carried over: (\d+) tensors: (.*)", text, re.MULTILINE)
    listed = (tmp_path / "run" / "init.txt").read_text()
    names = re.findall(r"^carried over: (\S+)$", listed, re.MULTILINE)
    partly = dict(re.findall(r"^partly carried over: (\S+): (.*)$", text, re.MULTILINE))
    anew = dict(re.findall(r"^re-initialised: (\S+): (.*)$", text, re.MULTILINE))
    assert len(names) == int(carried[1]) == sum(int(n) for n in re.findall(r"\w+ (\d+)", carried[2]))
    assert sorted([*names, *partly, *anew]) == sorted(state), "every tensor is named once"
    assert set(anew) == set(trained.output_parameters())
    assert set(anew.values()) == {"an output of mpii's joints in the source"}
    first = "refinements.0.0.0.weight"
    assert partly[first] == "input channels 32..47 (previous beliefs) re-initialised", (
        "15 joints and background"
    )
    for name in names:
        if not any(word in name for word in ("running", "num_batches")):  # those follow the pictures
            torch.testing.assert_close(state[name], before[name], rtol=0, atol=1e-5)
    torch.testing.assert_close(state[first][:, :32], before[first][:, :32], rtol=0, atol=1e-5)
    torch.testing.assert_close(state[first][:, 48:], before[first][:, 49:], rtol=0, atol=1e-5)
    assert not torch.allclose(state[first][:, 32:48], before[first][:, 32:48], atol=1e-3)
