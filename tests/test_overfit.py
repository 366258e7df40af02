"""Overfitting: the default lite CPM can learn one picture by heart within a minute."""

import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_people import TinyPeople, tiny_config

from cpm_edu.coords import apply_affine
from cpm_edu.datasets.augment import plain_crop
from cpm_edu.evaluation import predict_people
from cpm_edu.models import CPM
from cpm_edu.skeletons import LSP
from cpm_edu.training import loop


class OnePicture(TinyPeople):
    """A single person on smooth noise, all joints labelled, well inside."""

    def __init__(self):
        super().__init__(1, skeleton=LSP)
        rng = np.random.default_rng(0)
        coarse = torch.from_numpy(rng.uniform(0, 255, (1, 3, 20, 20)))
        self.image = torch.nn.functional.interpolate(coarse, (160, 160), mode="bicubic").clamp(0, 255)[0]
        self.joints = rng.uniform(20, 140, (14, 2)).astype(np.float32)

    def __getitem__(self, index):
        return replace(
            super().__getitem__(index), image=self.image.permute(1, 2, 0).numpy().astype(np.uint8),
            joints_px=self.joints, labelled=np.ones(14, bool), center_px=np.array([79.5, 79.5], np.float32),
            scale_px=np.array([160.0, 160.0], np.float32),
        )  # fmt: skip


@pytest.mark.slow
def test_overfit_one_image(tmp_path):
    """The default lite CPM learns one picture by heart: every joint of the last stage within 1 px (1/8 cell)."""
    torch.manual_seed(0)
    people, model = OnePicture(), CPM.lite(LSP)
    start = time.process_time()  # of all threads: what others do to the machine does not count
    config = tiny_config(
        epochs=100, batch_size=1, lr=0.01, warmup_steps=5, ema_decay=0.0, augmentation=None, clip_norm=0.0,
        save_every=1000, validate_every=1000,
    )  # fmt: skip
    loop.train(model, people, people, config, tmp_path, progress=False)
    joints, scores = predict_people(model, people)
    seconds = time.process_time() - start
    crop = plain_crop(people[0], model.input_size)
    expected = apply_affine(crop.matrix, torch.from_numpy(people.joints)).float()
    error = (joints[-1, 0] - expected).norm(dim=-1)
    assert error.max() <= 1.0, f"{error.tolist()} px after {seconds:.0f} CPU seconds"
    assert scores[-1].min() > 0.5
    assert seconds < 60
