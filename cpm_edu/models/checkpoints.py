"""Save and load models: our own checkpoints (safetensors) and mmpose's (.pth).

A checkpoint of ours holds its tensors and, as text, all that is needed to rebuild the model: its kind, its
options and its skeleton. It is data only; nothing in it can be executed.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors import torch as safetensors_torch
from torch import Tensor

from ..skeletons import COCO, JHMDB, MPII, SKELETONS, Skeleton
from .cpm import CPM
from .safe_pickle import CheckpointError, read_state_dict, require_content

__all__ = [
    "CheckpointError", "load_checkpoint", "load_mmpose_checkpoint", "open_checkpoint", "read_metadata",
    "save_checkpoint", "write_atomically",
]  # fmt: skip

FORMAT_VERSION = "1"
RESERVED = ("cpm_edu_format", "kind", "config", "skeleton")
MMPOSE_SKELETONS = {s.num_joints: s for s in (COCO, MPII, JHMDB)}
NAMES_SHOWN = 5


def save_checkpoint(
    path: str | Path,
    model: CPM,
    *,
    metadata: dict[str, str] | None = None,
    dtype: torch.dtype | None = None,
) -> None:
    """Write a model to a safetensors file, whole or not at all.

    Args:
        path: where to; an old file there is replaced only once the new one is safely on the disk.
        model: a CPM of any kind, on any device.
        metadata: more text to keep with the weights, by name. "notice" is the one that says what others may
            do with them; without it the file says that none was given.
        dtype: store floating point tensors as this, e.g. torch.float16 to halve the file; None keeps theirs.

    Raises:
        CheckpointError: the file cannot be written (no such folder, full disk: the old file stays and no
            rest is left), or a value does not fit `dtype`.
        ValueError: metadata that is not text or takes a name of ours.
    """
    metadata = {"notice": "none given", **(metadata or {})}
    for name, text in metadata.items():
        if name in RESERVED or not isinstance(text, str):
            raise ValueError(
                f"metadata must be text under a name other than {', '.join(RESERVED)}, not {name!r}"
            )
    header = {
        "cpm_edu_format": FORMAT_VERSION,
        "kind": model.kind,
        "config": json.dumps(model.config()),
        "skeleton": _skeleton_to_json(model.skeleton),
    }
    tensors = {}
    for name, tensor in model.state_dict().items():
        stored = tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        if dtype is not None and stored.is_floating_point():
            stored = stored.to(dtype)
            if not torch.equal(torch.isfinite(stored), torch.isfinite(tensor.cpu())):
                raise CheckpointError(f"cannot store {name} as {dtype}: its values are too large")
        tensors[name] = stored
    write_atomically(path, safetensors_torch.save(tensors, {**metadata, **header}))


def write_atomically(path: str | Path, data: bytes) -> None:
    """Write a file whole or not at all: to a temporary file beside it, which then takes its place.

    Raises:
        CheckpointError: it cannot be written; a file that was there stays as it was.
    """
    path = Path(path)
    temporary = path.parent / f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp"
    try:
        try:
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:  # Ctrl-C too must leave nothing behind
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        kept = "; the file that was there is unchanged" if path.is_file() else ""
        raise CheckpointError(f"cannot write {path}: {error.strerror or error}{kept}") from error


def read_metadata(path: str | Path) -> dict[str, str]:
    """Text kept with a checkpoint of ours: kind, config, skeleton (the last two JSON), notice and the maker's.

    Raises:
        CheckpointError: no such file, no safetensors file, or one that is not ours.
    """
    return _read_safetensors(Path(path), with_tensors=False)[0]


def load_checkpoint(
    path: str | Path, *, skeleton: Skeleton | None = None, map_location: str | torch.device = "cpu"
) -> CPM:
    """Rebuild a model from a file of `save_checkpoint`.

    Args:
        path: the safetensors file.
        skeleton: the joints that the caller works with; None accepts any.
        map_location: device of the model.

    Returns:
        The model in evaluation mode; weights stored in a smaller float type are float32 again.

    Raises:
        CheckpointError: the file cannot be read, is not ours, or does not fit its own description.
        ValueError: its joints are not those of `skeleton` (the message names both lists).
    """
    path = Path(path)
    metadata, tensors = _read_safetensors(path, with_tensors=True)
    makers = {"paper": CPM.paper, "mmpose": CPM.mmpose, "lite": CPM.lite}
    if metadata.get("kind") not in makers:
        raise CheckpointError(
            f"{path} holds a model of kind {metadata.get('kind')!r}; known: {', '.join(makers)}"
        )
    try:
        stored = _skeleton_from_json(metadata["skeleton"])
        options = json.loads(metadata["config"])
        model = makers[metadata["kind"]](stored, **options)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path}: the description of the model is damaged ({error})") from error
    if skeleton is not None:
        skeleton.require_same(stored, f"{path} was trained for another skeleton")
        model.skeleton = skeleton
    _load_strictly(model, tensors, path)
    return model.to(map_location).eval()


def load_mmpose_checkpoint(
    path: str | Path,
    *,
    skeleton: Skeleton | None = None,
    input_size: tuple[int, int] | None = None,
    map_location: str | torch.device = "cpu",
) -> CPM:
    """Load a CPM checkpoint of mmpose (.pth) without executing anything in it.

    Args:
        path: published weights or a training checkpoint of mmpose 0.x or 1.x.
        skeleton: the joints in the order of its maps. The file has their number only, so None takes COCO
            for 17, MPII for 16 and JHMDB for 15.
        input_size: (height, width) in pixels it was trained for, which the file does not say; None: see
            `MmposeCPM`. The 384 x 288 COCO weights need it.
        map_location: device of the model.

    Returns:
        A `CPM.mmpose` in evaluation mode with the file's number of stages.

    Raises:
        CheckpointError: unreadable, holding code (which is not executed), or not exactly the tensors of a
            CPM; the message names missing and unexpected ones.
        ValueError: its number of joints is not that of `skeleton`.
    """
    path = Path(path)
    tensors = {name.removeprefix("backbone."): tensor for name, tensor in read_state_dict(path).items()}
    output = tensors.get("stem.9.conv.weight")
    if output is None or output.ndim != 4:
        raise CheckpointError(
            f"{path} is no CPM of mmpose: it has no output layer backbone.stem.9.conv.weight. "
            f"It holds {_some(list(tensors))}"
        )
    num_joints = output.shape[0]
    known = MMPOSE_SKELETONS.get(num_joints)
    if skeleton is None and known is None:
        raise CheckpointError(
            f"{path} has maps of {num_joints} joints, which are not COCO's, MPII's or JHMDB's"
        )
    skeleton = skeleton or known
    if skeleton.num_joints != num_joints:
        stored = known or Skeleton(path.name, tuple(f"joint {j}" for j in range(num_joints)))
        skeleton.require_same(stored, f"{path} was trained for another skeleton")
    stages = {int(found[1]) for name in tensors if (found := re.match(r"cpm_stages\.(\d+)\.", name))}
    model = CPM.mmpose(skeleton, num_stages=len(stages) + 1, input_size=input_size)
    _load_strictly(model, tensors, path)
    return model.to(map_location).eval()


def open_checkpoint(
    path: str | Path,
    *,
    skeleton: Skeleton | None = None,
    input_size: tuple[int, int] | None = None,
    map_location: str | torch.device = "cpu",
) -> CPM:
    """Load a checkpoint of ours or of mmpose, whichever the content (not the name) of the file says it is.

    Args:
        input_size: (height, width) of the crops in pixels; None: the one that the file was made for (ours
            says it; for mmpose's see `load_mmpose_checkpoint`).

    Other arguments, result and errors: see `load_checkpoint` and `load_mmpose_checkpoint`.
    """
    path = Path(path)
    require_content(path)
    with path.open("rb") as file:
        head = file.read(9)
    # A zip or a pickle of torch.save; a safetensors file starts with the length of its JSON.
    if head.startswith((b"PK", b"\x80")) and head[8:] != b"{":
        return load_mmpose_checkpoint(
            path, skeleton=skeleton, input_size=input_size, map_location=map_location
        )
    model = load_checkpoint(path, skeleton=skeleton, map_location=map_location)
    model.input_size = input_size or model.input_size
    return model


def _read_safetensors(path: Path, *, with_tensors: bool) -> tuple[dict[str, str], dict[str, Tensor]]:
    require_content(path)
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            metadata = file.metadata() or {}
        tensors = safetensors_torch.load_file(path) if with_tensors else {}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} cannot be read as a safetensors file ({error}); it is damaged, cut short or of another kind"
        ) from error
    version = metadata.get("cpm_edu_format")
    if version is None:
        raise CheckpointError(f"{path} is a safetensors file, but no checkpoint of cpm_edu")
    if version != FORMAT_VERSION:
        raise CheckpointError(f"{path} has format {version}; this version of cpm_edu reads {FORMAT_VERSION}")
    return metadata, tensors


def _load_strictly(model: CPM, tensors: dict[str, Tensor], path: Path) -> None:
    """Fill a model; every name and shape must agree."""
    expected = model.state_dict()
    missing = [name for name in expected if name not in tensors]
    unexpected = [name for name in tensors if name not in expected]
    reshaped = [
        f"{name} {tuple(tensors[name].shape)} instead of {tuple(expected[name].shape)}"
        for name in expected
        if name in tensors and tensors[name].shape != expected[name].shape
    ]
    problems = [
        f"{len(names)} {what}: {_some(names)}"
        for what, names in (("missing", missing), ("unexpected", unexpected), ("of another shape", reshaped))
        if names
    ]
    if problems:
        raise CheckpointError(
            f"{path} does not fit a {model.num_stages}-stage {model.kind} CPM of {model.skeleton.num_joints} "
            f"joints; tensors {'; '.join(problems)}"
        )
    model.load_state_dict(tensors)


def _some(names: list[str]) -> str:
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _skeleton_to_json(skeleton: Skeleton) -> str:
    fields = asdict(skeleton)
    del fields["flip_pairs"]  # follows from the names
    return json.dumps(fields)


def _skeleton_from_json(text: str) -> Skeleton:
    fields = json.loads(text)
    ours = SKELETONS.get(fields["name"])
    if ours is not None and list(ours.joints) == fields["joints"]:
        return ours
    for name in ("joints", "upper_body", "lower_body", "oks_sigmas", "torso"):
        fields[name] = None if fields[name] is None else tuple(fields[name])
    return Skeleton(**{**fields, "limbs": tuple((a, b) for a, b in fields["limbs"])})
