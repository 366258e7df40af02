"""Synthetic scenes: the rule of (seed, index), shapes, variety, errors and speed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from synthetic_actors import xy

from cpm_edu.datasets.synthetic import SyntheticPeople, synthetic_scene
from cpm_edu.skeletons import LSP


def digest(sample) -> str:
    parts = (
        sample.image,
        sample.joints_px,
        sample.visible,
        sample.inside,
        sample.boxes_xyxy,
        sample.center_px,
    )
    return hashlib.sha256(b"".join(np.ascontiguousarray(p).tobytes() for p in parts)).hexdigest()


@pytest.mark.parametrize("size", [(192, 192), (96, 128), (33, 47)])
@pytest.mark.parametrize("people", [None, 1, 3])
def test_shapes_and_laws(size, people):
    for index in range(6):
        s = synthetic_scene(index, seed=4, size=size, people=people)
        count = len(s.joints_px)
        assert people is None or count == people
        assert s.image.shape == (*size, 3)
        assert s.image.dtype == np.uint8
        assert (s.joints_px.shape, s.joints_px.dtype) == ((count, 14, 2), np.float32)
        assert (s.visible.shape, s.visible.dtype) == ((count, 14), np.uint8)
        assert (s.inside.shape, s.inside.dtype) == ((count, 14), bool)
        assert (s.boxes_xyxy.shape, s.boxes_xyxy.dtype) == ((count, 4), np.float32)
        assert (s.center_px.shape, s.center_px.dtype) == ((2,), np.float32)
        assert np.isfinite(s.joints_px).all()
        assert not (s.visible.astype(bool) & ~s.inside).any()
        x, y = s.joints_px[..., 0], s.joints_px[..., 1]
        x0, y0, x1, y1 = (s.boxes_xyxy[:, None, i] for i in range(4))
        held = (x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)
        assert held[s.inside].all(), "a joint in the picture lies outside its own box"
        assert (s.boxes_xyxy >= -0.5).all()
        assert (s.boxes_xyxy[:, 2] <= size[1] - 0.5).all()
        assert (s.boxes_xyxy[:, 3] <= size[0] - 0.5).all()


def test_scenes_are_varied():
    samples = [synthetic_scene(i, seed=9) for i in range(150)]
    counts = np.bincount([len(s.joints_px) for s in samples], minlength=4)
    assert counts[0] == 0
    assert (counts[1:] > 15).all(), f"1, 2 and 3 people should all be common: {counts}"
    mains = np.stack([s.joints_px[0] for s in samples])
    left_right = (
        xy(mains.transpose(1, 2, 0), "left_shoulder") - xy(mains.transpose(1, 2, 0), "right_shoulder")
    )[0]
    share = (left_right > 0).mean()
    assert 0.3 < share < 0.8, f"left is image-right in {share:.0%}: it must be neither always nor never"
    heads_down = (xy(mains.transpose(1, 2, 0), "head_top") > xy(mains.transpose(1, 2, 0), "neck"))[1].mean()
    assert 0.03 < heads_down < 0.4
    visible = np.stack([s.visible[0] for s in samples])
    assert 0.6 < visible.mean() < 0.93, "hidden joints are to be common, but not the rule"
    assert (visible.sum(1) >= 3).mean() > 0.97
    height = np.array([s.boxes_xyxy[0, 3] - s.boxes_xyxy[0, 1] for s in samples])
    width = np.array([s.boxes_xyxy[0, 2] - s.boxes_xyxy[0, 0] for s in samples])
    assert (np.maximum(height, width) > 90).all(), "the person meant fills the picture"
    brightness = [s.image.mean() for s in samples]
    assert 15 < np.std(brightness) < 70


def test_wide_picture_is_used():
    hips = [synthetic_scene(i, size=(64, 256), people=3).joints_px[1:, 2:4, 0].mean(1) for i in range(20)]
    assert np.ptp(hips) > 128, "people beside the first are placed by the picture's width"


def test_same_bytes_in_every_order_and_process():
    script = (
        "import sys, hashlib, numpy as np\n"
        "from cpm_edu.datasets.synthetic import synthetic_scene\n"
        "order = [int(v) for v in sys.argv[1:]]\n"
        "for i in order:\n"
        "    s = synthetic_scene(i, seed=7)\n"
        "    parts = (s.image, s.joints_px, s.visible, s.inside, s.boxes_xyxy, s.center_px)\n"
        "    print(i, hashlib.sha256(b''.join(p.tobytes() for p in parts)).hexdigest())\n"
    )
    orders = (["0", "1", "2", "5"], ["5", "2", "0", "1"])
    root = Path(__file__).parents[1]
    runs = [
        subprocess.run(
            [sys.executable, "-c", script, *order], capture_output=True, text=True, check=True, cwd=root
        ).stdout
        for order in orders
    ]
    first, second = (dict(line.split() for line in run.splitlines()) for run in runs)
    assert first == second
    np.random.seed(1)  # noqa: NPY002 - the global state must not matter
    assert {i: digest(synthetic_scene(int(i), seed=7)) for i in first} == first


def test_seed_and_index_both_matter():
    digests = {digest(synthetic_scene(i, seed=s)) for s in (0, 1, 2**40) for i in (0, 1, 2)}
    assert len(digests) == 9


def test_data_set_and_person():
    people = SyntheticPeople(3, seed=7, size=(96, 128))
    assert len(people) == 3
    assert people.skeleton is LSP
    assert [digest(s) for s in people] == [
        digest(synthetic_scene(i, seed=7, size=(96, 128))) for i in range(3)
    ]
    text = people.describe()
    for word in ("96 x 128", "LSP", "seed", "second", "handstand"):
        assert word in text
    s = synthetic_scene(3, people=3)
    person = s.person(1)
    np.testing.assert_array_equal(person.joints_px, s.joints_px[1])
    np.testing.assert_array_equal(person.others_px, s.joints_px[[0, 2]])
    np.testing.assert_array_equal(person.labelled, s.inside[1])
    np.testing.assert_allclose(s.person().center_px, s.center_px)
    np.testing.assert_allclose(person.scale_px, 1.25 * (s.boxes_xyxy[1, 2:] - s.boxes_xyxy[1, :2]), rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"index": -1}, "index and seed"),
        ({"index": 0, "seed": -3}, "index and seed"),
        ({"index": 0, "size": (16, 192)}, "at least"),
        ({"index": 0, "people": 0}, "people must be"),
        ({"index": 0, "people": 9}, "people must be"),
    ],
)
def test_bad_arguments(arguments, words):
    with pytest.raises(ValueError, match=words):
        synthetic_scene(**arguments)


def test_bad_data_set():
    with pytest.raises(ValueError, match="length"):
        SyntheticPeople(-1)
    with pytest.raises(IndexError, match="scene 2 of 2"):
        SyntheticPeople(2)[2]


def test_speed():
    """A tenth of the speed on an idle core: catches a wrong turn, not a busy machine."""
    synthetic_scene(0)
    start = time.process_time()
    for index in range(20):
        synthetic_scene(index)
    assert (time.process_time() - start) / 20 < 0.05
