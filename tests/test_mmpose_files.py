"""mmpose's .pth files: strict loading, and nothing in them is ever executed."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import types
import warnings
import zipfile

import numpy as np
import pytest
import torch

from cpm_edu.models import CPM
from cpm_edu.models.checkpoints import CheckpointError, load_mmpose_checkpoint, open_checkpoint
from cpm_edu.models.safe_pickle import read_state_dict
from cpm_edu.skeletons import COCO, JHMDB, MPII, Skeleton


def assert_one_sentence(error: pytest.ExceptionInfo, path) -> None:
    text = str(error.value)
    assert str(path) in text, "the message must name the file"
    assert "\n" not in text
    assert len(text) < 400, text


def thin_state(skeleton, num_stages: int) -> dict[str, torch.Tensor]:
    """A state dict as mmpose names it; each tensor repeats one number of its own, so that files stay small."""
    with torch.device("meta"):
        state = CPM.mmpose(skeleton, num_stages=num_stages).state_dict()
    return {
        f"backbone.{name}": torch.tensor(0.5 + i).to(t.dtype).expand(t.shape)
        for i, (name, t) in enumerate(state.items())
    }


@pytest.fixture
def mmpose_state():
    return thin_state(JHMDB, 2)


# ---- strict loading ----------------------------------------------------------------------------------


@pytest.mark.parametrize("zipped", [True, False])
def test_mmpose_file_loads_strictly(zipped, tmp_path, mmpose_state):
    path = tmp_path / "cpm.safetensors"  # the content decides, not the name
    torch.save(
        {"meta": {"epoch": 1}, "state_dict": mmpose_state}, path, _use_new_zipfile_serialization=zipped
    )
    for reader in (load_mmpose_checkpoint, open_checkpoint):
        model = reader(path)
        assert (model.kind, model.skeleton, model.num_stages, model.training) == ("mmpose", JHMDB, 2, False)
        for name, tensor in model.state_dict().items():
            assert torch.equal(tensor, mmpose_state[f"backbone.{name}"]), name


@pytest.mark.parametrize(("skeleton", "stages"), [(COCO, 1), (MPII, 1), (JHMDB, 1), (COCO, 4)])
def test_joints_and_stages_come_from_the_tensors(skeleton, stages, tmp_path):
    torch.save(thin_state(skeleton, stages), tmp_path / "bare.pth")
    model = open_checkpoint(tmp_path / "bare.pth")
    assert (model.skeleton, model.num_stages) == (skeleton, stages)
    assert load_mmpose_checkpoint(tmp_path / "bare.pth", input_size=(384, 288)).input_size == (384, 288)


def test_half_precision_mmpose_weights_become_float32(tmp_path, mmpose_state):
    torch.save(
        {k: v.half() if v.is_floating_point() else v for k, v in mmpose_state.items()}, tmp_path / "h.pth"
    )
    state = open_checkpoint(tmp_path / "h.pth").state_dict()
    assert {t.dtype for t in state.values()} == {torch.float32, torch.int64}


def test_mmpose_file_of_another_number_of_joints(tmp_path, mmpose_state):
    path = tmp_path / "m.pth"
    torch.save(mmpose_state, path)
    with pytest.raises(ValueError, match="another skeleton") as error:
        open_checkpoint(path, skeleton=COCO)
    assert ", ".join(JHMDB.joints) in str(error.value)
    assert ", ".join(COCO.joints) in str(error.value)
    mine = Skeleton("mine", tuple(f"j{i}" for i in range(15)))
    assert open_checkpoint(path, skeleton=mine).skeleton is mine


def test_missing_and_unexpected_tensors_are_named(tmp_path, mmpose_state):
    path = tmp_path / "m.pth"
    state = dict(mmpose_state)
    for name in [n for n in state if n.startswith("backbone.middle.")]:
        del state[name]
    state["backbone.stem.4.bn.bias"] = torch.zeros(7)
    state["keypoint_head.final_layer.weight"] = torch.zeros(1)
    torch.save({"state_dict": state}, path)
    with pytest.raises(CheckpointError) as error:
        open_checkpoint(path)
    text = str(error.value)
    assert "18 missing: middle.0.conv.weight, " in text
    assert "and 13 more" in text
    assert "1 unexpected: keypoint_head.final_layer.weight" in text
    assert "1 of another shape: stem.4.bn.bias (7,) instead of (128,)" in text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"state_dict": {"backbone.conv1.weight": torch.zeros(1)}}, "no CPM of mmpose.*conv1.weight"),
        ({"state_dict": {"stem.9.conv.weight": torch.zeros(3)}}, "no CPM of mmpose"),
        ({"state_dict": {"stem.9.conv.weight": torch.zeros(21, 512, 1, 1)}}, "21 joints"),
        ({"state_dict": {}}, "no state dict"),
        ({"state_dict": [1, 2]}, "no state dict"),
        ([torch.zeros(2)], "no state dict"),
        ({"epoch": 3}, "entry 'epoch'"),
        ({5: torch.zeros(2)}, "entry 5"),
    ],
)
def test_torch_files_that_are_no_cpm(content, message, tmp_path):
    torch.save(content, tmp_path / "m.pth")
    with pytest.raises(CheckpointError, match=message):
        open_checkpoint(tmp_path / "m.pth")


@pytest.mark.parametrize("damage", ["cut short", "cut to a byte", "empty", "scrambled"])
@pytest.mark.parametrize("zipped", [True, False])
def test_damaged_torch_file(damage, zipped, tmp_path, mmpose_state):
    path = tmp_path / "m.pth"
    torch.save({"state_dict": mmpose_state}, path, _use_new_zipfile_serialization=zipped)
    data = path.read_bytes()
    broken = {
        "cut short": data[: len(data) // 2],
        "cut to a byte": data[:1],
        "empty": b"",
        "scrambled": data[:20] + bytes(200) + data[220:],
    }
    path.write_bytes(broken[damage])
    for reader in (load_mmpose_checkpoint, open_checkpoint):
        with pytest.raises(CheckpointError) as error:
            reader(path)
        assert_one_sentence(error, path)


# ---- training checkpoints, and code ------------------------------------------------------------------


class HistoryBuffer:
    """Looks to pickle like mmengine's, and keeps the same things; it must never be made while reading."""

    __module__ = "mmengine.logging.history_buffer"
    made = 0

    def __new__(cls, *args):
        cls.made += 1
        return super().__new__(cls)

    def __init__(self, values):
        self.max_length = 1000
        self._log_history, self._count_history = np.array(values), np.ones(len(values))


@pytest.mark.parametrize("zipped", [True, False])
def test_training_checkpoint_of_mmengine_is_read_without_mmengine(
    zipped, tmp_path, monkeypatch, mmpose_state
):
    package, logging, module = (
        types.ModuleType(n) for n in ("mmengine", "mmengine.logging", "mmengine.logging.history_buffer")
    )
    module.HistoryBuffer = HistoryBuffer
    with monkeypatch.context() as patch:
        for m in (package, logging, module):
            patch.setitem(sys.modules, m.__name__, m)
        content = {
            "meta": {"epoch": 3, "dataset_meta": {"sigmas": np.array([0.1, 0.2]), "num": np.int64(15)}},
            "message_hub": {"log_scalars": {"train/loss": HistoryBuffer([1.0, 0.5])}, "lr": np.float64(1e-3)},
            "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}, "param_groups": [{"lr": 1e-3}]},
            "state_dict": mmpose_state,
        }
        torch.save(content, tmp_path / "epoch_3.pth", _use_new_zipfile_serialization=zipped)
    assert "mmengine" not in sys.modules
    before, safe = HistoryBuffer.made, set(torch.serialization.get_safe_globals())
    with pytest.raises(pickle.UnpicklingError, match="Unsupported global"):
        torch.load(tmp_path / "epoch_3.pth", weights_only=True)  # so the file does need the stand-ins
    model = open_checkpoint(tmp_path / "epoch_3.pth")
    assert (model.skeleton, model.num_stages) == (JHMDB, 2)
    assert HistoryBuffer.made == before
    assert set(torch.serialization.get_safe_globals()) == safe, "the stand-ins must not outlive the call"


def test_names_of_older_numpy_are_stood_in_for(tmp_path):
    torch.save(
        {"state_dict": {"a": torch.ones(2)}, "x": np.ones(3), "y": np.float32(2)}, tmp_path / "new.pth"
    )
    renames = {b"numpy._core.multiarray": b"numpy.core.multiarray"}
    with zipfile.ZipFile(tmp_path / "new.pth") as old, zipfile.ZipFile(tmp_path / "old.pth", "w") as new:
        for entry in old.namelist():
            data = old.read(entry)
            for before, after in renames.items():
                data = data.replace(before, after)
            new.writestr(entry, data)
    for name in ("old.pth", "new.pth"):
        assert list(read_state_dict(tmp_path / name)) == ["a"]


class Payload:
    """Runs a command in whoever unpickles it carelessly."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def payloads(mark):
    return {
        "os.system": Payload(os.system, f"touch {mark}"),
        "subprocess": Payload(subprocess.check_call, ["touch", str(mark)]),
        "eval": Payload(eval, f"open({str(mark)!r}, 'w')"),
        "exec in a stand-in's state": Payload(exec, f"open({str(mark)!r}, 'w')"),
        "numpy": Payload(np.save, str(mark), [1]),
    }


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("kind", payloads(""))
def test_code_in_a_file_is_not_run_and_is_named(kind, zipped, tmp_path, monkeypatch, mmpose_state):
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")  # must not open the door
    mark = tmp_path / "executed.npy"
    path = tmp_path / "m.pth"
    content = {"state_dict": mmpose_state, "meta": payloads(mark)[kind]}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    for reader in (open_checkpoint, load_mmpose_checkpoint, read_state_dict):
        with pytest.raises(CheckpointError, match="refused, because it asks for") as error:
            reader(path)
        assert_one_sentence(error, path)
        assert not mark.exists(), "the payload ran"
    name = {"os.system": ".system,", "subprocess": ".check_call,"}.get(kind, "")
    assert name in str(error.value)
    torch.load(path, weights_only=False)
    assert mark.exists(), "the payload is a real one"


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_bare_pickle_with_code_is_not_run(protocol, tmp_path):
    mark = tmp_path / "executed"
    (tmp_path / "m.pth").write_bytes(pickle.dumps(Payload(os.system, f"touch {mark}"), protocol=protocol))
    for reader in (open_checkpoint, load_mmpose_checkpoint):
        with pytest.raises(CheckpointError) as error:
            reader(tmp_path / "m.pth")
        assert_one_sentence(error, tmp_path / "m.pth")
    assert not mark.exists()


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_a_torchscript_archive_is_refused(tmp_path):
    torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), tmp_path / "m.pt")
    with (
        warnings.catch_warnings(record=True) as warned,
        pytest.raises(CheckpointError, match="refused") as error,
    ):
        open_checkpoint(tmp_path / "m.pt")
    assert not warned, "one sentence, and no warning of torch's beside it"
    assert_one_sentence(error, tmp_path / "m.pt")
