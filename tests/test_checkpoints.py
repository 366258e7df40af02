"""Checkpoints of our own: saving, loading, damaged files, full disks."""

from __future__ import annotations

import errno
import os
import signal

import pytest
import torch
from safetensors.torch import load_file, save_file

from cpm_edu.models import CPM
from cpm_edu.models.checkpoints import (
    CheckpointError,
    load_checkpoint,
    load_mmpose_checkpoint,
    open_checkpoint,
    read_metadata,
    save_checkpoint,
    write_atomically,
)
from cpm_edu.skeletons import COCO, LSP, Skeleton

MAKERS = {
    "paper": lambda skeleton, **kw: CPM.paper(skeleton, **{"width": 4, "num_stages": 3, **kw}),
    "mmpose": lambda skeleton, **kw: CPM.mmpose(skeleton, **{"num_stages": 1, **kw}),
    "lite": lambda skeleton, **kw: CPM.lite(skeleton, num_stages=2, features=16, width=8),
}


def paper(skeleton=LSP, seed=0, **options) -> CPM:
    torch.manual_seed(seed)
    return MAKERS["paper"](skeleton, **options)


def assert_one_sentence(error: pytest.ExceptionInfo, path) -> None:
    text = str(error.value)
    assert str(path) in text, "the message must name the file"
    assert "\n" not in text
    assert len(text) < 400, text


# ---- our own checkpoints -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MAKERS)
def test_round_trip_is_exact(kind, tmp_path):
    torch.manual_seed(1)
    model = MAKERS[kind](LSP)
    save_checkpoint(tmp_path / "m.safetensors", model)
    again = load_checkpoint(tmp_path / "m.safetensors", skeleton=LSP)
    assert type(again) is type(model)
    assert again.config() == model.config()
    assert again.skeleton == LSP
    assert not again.training, "a loaded model is in evaluation mode"
    state = again.state_dict()
    assert list(state) == list(model.state_dict())
    for name, tensor in model.state_dict().items():
        assert torch.equal(state[name], tensor), name
        assert state[name].dtype == tensor.dtype, name
    images, centers = torch.randn(1, 3, 32, 32), torch.rand(1, 1, 32, 32)
    with torch.no_grad():
        assert torch.equal(again(images, centers), model.eval()(images, centers))
    assert os.listdir(tmp_path) == ["m.safetensors"]


def test_half_precision_file_is_half_as_big_and_loads_as_float32(tmp_path):
    model = CPM.lite(LSP, num_stages=2, features=64)
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        save_checkpoint(tmp_path / f"{dtype}", model, dtype=dtype)
    stored = load_file(tmp_path / "torch.float16")
    assert {t.dtype for t in stored.values()} == {torch.float16, torch.int64}, "batch counters stay whole"
    size = {d: (tmp_path / f"{d}").stat().st_size for d in (torch.float32, torch.float16)}
    assert size[torch.float16] < 0.55 * size[torch.float32]
    for dtype in (torch.float16, torch.bfloat16):
        for name, tensor in load_checkpoint(tmp_path / f"{dtype}").state_dict().items():
            assert tensor.dtype in (torch.float32, torch.int64), name
            torch.testing.assert_close(
                tensor, model.state_dict()[name].to(dtype).to(tensor.dtype), rtol=0, atol=0
            )


def test_a_value_too_large_for_the_type_is_refused(tmp_path):
    model = paper()
    with torch.no_grad():
        model.stage1.conv1.weight[0, 0, 0, 0] = 1e5
    with pytest.raises(CheckpointError, match=r"stage1\.conv1\.weight as torch\.float16"):
        save_checkpoint(tmp_path / "m", model, dtype=torch.float16)
    assert not os.listdir(tmp_path)


def test_metadata_is_kept(tmp_path):
    save_checkpoint(tmp_path / "m", paper(), metadata={"notice": "research data", "epoch": "7"})
    metadata = read_metadata(tmp_path / "m")
    assert (metadata["notice"], metadata["epoch"], metadata["kind"]) == ("research data", "7", "paper")
    assert metadata["cpm_edu_format"] == "1"
    save_checkpoint(tmp_path / "m", paper())
    assert read_metadata(tmp_path / "m")["notice"] == "none given"
    for bad in ({"kind": "lite"}, {"epoch": 7}):
        with pytest.raises(ValueError, match="metadata must be text"):
            save_checkpoint(tmp_path / "m", paper(), metadata=bad)


def test_a_skeleton_of_ones_own_survives(tmp_path):
    own = Skeleton("five", ("head", "left_hand", "right_hand", "left_foot", "right_foot"), ((0, 1), (0, 2)))
    with_all = Skeleton(
        "three",
        ("a", "b", "c"),
        ((0, 1),),
        upper_body=(0,),
        lower_body=(1, 2),
        oks_sigmas=(0.1,) * 3,
        torso=(0, 2),
    )
    renamed = Skeleton("coco", ("a", "b"))  # a known name must not bring the known joints
    for skeleton in (own, with_all, renamed, COCO):
        save_checkpoint(tmp_path / "m", paper(skeleton, num_stages=1))
        assert load_checkpoint(tmp_path / "m").skeleton == skeleton


def test_another_skeleton_is_refused_and_both_lists_are_named(tmp_path):
    save_checkpoint(tmp_path / "m", paper(LSP))
    with pytest.raises(ValueError, match="another skeleton") as error:
        open_checkpoint(tmp_path / "m", skeleton=COCO)
    assert ", ".join(LSP.joints) in str(error.value)
    assert ", ".join(COCO.joints) in str(error.value)
    shuffled = Skeleton("lsp", LSP.joints[::-1])
    with pytest.raises(ValueError, match="the joints differ"):
        load_checkpoint(tmp_path / "m", skeleton=shuffled)


# ---- files that are no checkpoint --------------------------------------------------------------------

DAMAGE = {
    "missing": None,
    "empty": lambda data: b"",
    "text": lambda data: b"this is not a checkpoint, it is a text file\n" * 9,
    "one byte": lambda data: b"{",
    "cut in the header": lambda data: data[:100],
    "cut in the tensors": lambda data: data[:-5],
    "huge header length": lambda data: b"\xff" * 7 + b"\x7f" + data[8:],
}


@pytest.mark.parametrize("reader", [load_checkpoint, open_checkpoint, read_metadata, load_mmpose_checkpoint])
@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_safetensors(damage, reader, tmp_path):
    path = tmp_path / "m.safetensors"
    if damage != "missing":
        save_checkpoint(path, paper())
        path.write_bytes(DAMAGE[damage](path.read_bytes()))
    with pytest.raises(CheckpointError) as error:
        reader(path)
    assert_one_sentence(error, path)


def test_a_folder_is_no_checkpoint(tmp_path):
    with pytest.raises(CheckpointError, match="folder"):
        open_checkpoint(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cpm_edu_format": None}, "no checkpoint of cpm_edu"),
        ({"cpm_edu_format": "2"}, "has format 2"),
        ({"kind": "hourglass"}, "kind 'hourglass'"),
        ({"config": "{"}, "description of the model is damaged"),
        ({"config": '{"stages": 3}'}, "description of the model is damaged"),
        ({"config": '{"num_stages": -1}'}, "description of the model is damaged"),
        ({"skeleton": "[]"}, "description of the model is damaged"),
        ({"skeleton": None}, "description of the model is damaged"),
        ({"config": '{"num_stages": 2, "width": 4}'}, "unexpected: .*refinements.1"),
        ({"config": '{"num_stages": 4, "width": 4}'}, "missing: .*refinements.2"),
        ({"config": '{"num_stages": 3, "width": 8}'}, "of another shape: .* instead of "),
    ],
)
@pytest.mark.parametrize("skeleton", [None, LSP])
def test_wrong_description(change, message, skeleton, tmp_path):
    path = tmp_path / "m"
    save_checkpoint(path, paper())
    metadata = {k: v for k, v in {**read_metadata(path), **change}.items() if v is not None}
    tensors = {k: v.clone() for k, v in load_file(path).items()}
    save_file(tensors, path, metadata)
    with pytest.raises(CheckpointError, match=message) as error:
        load_checkpoint(path, skeleton=skeleton)
    assert str(path) in str(error.value)


# ---- writing -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_full_disk_keeps_the_old_file(failing, tmp_path, monkeypatch):
    path = tmp_path / "m"
    save_checkpoint(path, paper(seed=1))
    before = path.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, failing, full)
    with pytest.raises(
        CheckpointError, match="No space left on device; the file that was there is unchanged"
    ):
        save_checkpoint(path, paper(seed=2))
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["m"]


def test_a_disk_that_really_takes_no_more_bytes(tmp_path):
    resource = pytest.importorskip("resource")
    path = tmp_path / "m"
    save_checkpoint(path, paper(num_stages=1))
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    old_handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 1000, limits[1]))
        with pytest.raises(CheckpointError, match="cannot write") as error:
            save_checkpoint(path, paper(width=16))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, old_handler)
    assert_one_sentence(error, path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["m"]


def test_interrupt_while_writing_leaves_nothing_behind(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "m", b"data")
    assert not os.listdir(tmp_path)


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "no" / "such" / "m", tmp_path / "file" / "m", tmp_path):
        with pytest.raises(CheckpointError, match="cannot write") as error:
            save_checkpoint(path, paper(num_stages=1))
        assert_one_sentence(error, path)
    assert os.listdir(tmp_path) == ["file"]
    assert os.listdir(tmp_path.parent).count(tmp_path.name) == 1


def test_a_folder_or_the_state_of_a_run_names_the_weights(tmp_path):
    (tmp_path / "best.safetensors").write_bytes(b"x")
    with pytest.raises(CheckpointError, match=r"the weights in it are best\.safetensors"):
        open_checkpoint(tmp_path)
    torch.save({"model": {}, "step": 3, "best": 0.1}, tmp_path / "last.pt")
    with pytest.raises(
        CheckpointError, match=r"last\.pt is the state of a training run.* best\.safetensors beside it"
    ):
        open_checkpoint(tmp_path / "last.pt")
