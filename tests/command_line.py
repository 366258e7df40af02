"""What the tests of the command line share: run it in this process, small photos, a small model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from cpm_edu import cli
from cpm_edu.datasets.people import FirstPersons
from cpm_edu.datasets.synthetic import SyntheticPeople
from cpm_edu.models import CPM
from cpm_edu.models.checkpoints import save_checkpoint
from cpm_edu.skeletons import LSP, Skeleton


def small_model(skeleton: Skeleton = LSP, *, seed: int = 0) -> CPM:
    """Quick to run; what it predicts means nothing."""
    torch.manual_seed(seed)
    return CPM.lite(
        skeleton, num_stages=2, input_size=(64, 64), features=16, width=8, image_features=8, kernel=3
    )


def small_checkpoint(folder: Path, skeleton: Skeleton = LSP, *, seed: int = 0) -> str:
    path = folder / "small.safetensors"
    save_checkpoint(path, small_model(skeleton, seed=seed))
    return str(path)


def write_photo(path: Path, size=(96, 80), mode="RGB", **options) -> Path:
    """A picture of (width, height) with a bright corner."""
    pixels = np.full((size[1], size[0], 3), (40, 90, 160), np.uint8)
    pixels[: size[1] // 4, : size[0] // 4] = (250, 240, 30)
    image = Image.fromarray(pixels)
    (image if mode == "RGB" else image.convert(mode)).save(path, **options)
    return path


def few_people(monkeypatch, count: int = 4) -> None:
    def open_data(name, split, **_):
        return FirstPersons(
            SyntheticPeople(count, seed={"train": 0, "val": 1, "test": 2}[split], size=(64, 64))
        )

    monkeypatch.setattr("cpm_edu.commands.train.open_data", open_data)
    monkeypatch.setattr("cpm_edu.commands.evaluate_pck.open_data", open_data)
    monkeypatch.setattr("cpm_edu.commands.demo.SYNTHETIC_PEOPLE", count)
    monkeypatch.setattr("cpm_edu.commands.demo.SYNTHETIC_SHOWN", (0, 1))


def run(*arguments) -> int:
    try:
        return cli.main([str(a) for a in arguments])
    except SystemExit as stop:  # argparse leaves this way
        return stop.code


def assert_refused(capsys, arguments, *words: str, status: int = 2) -> str:
    """Exit status 2, one sentence on stderr that has the words, no traceback."""
    capsys.readouterr()
    assert run(*arguments) == status
    error = capsys.readouterr().err
    assert "Traceback" not in error
    assert error.startswith("cpm-edu"), error
    assert error.count("cpm-edu") == 1, f"more than one complaint: {error}"
    for word in words:
        assert word in error, f"{word!r} is not in: {error}"
    return error


def joints_of(folder: Path, name: str = "joints.json") -> list[dict]:
    def no_constant(text):
        raise AssertionError(f"{name} holds {text}, which is not JSON")

    return json.loads((folder / name).read_text(), parse_constant=no_constant)
