"""Batches: the same whoever makes them; who is learned from at which stage; weights of what is unlabelled."""

import os
import signal
import subprocess
import sys
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_people import TINY, TinyPeople, tiny_model

from cpm_edu.coords import cells_from_px
from cpm_edu.datasets.augment import Augmentation
from cpm_edu.models import CPM
from cpm_edu.targets import belief_map_targets, gaussian_targets
from cpm_edu.training.batches import (
    Batch,
    crop_loader,
    model_inputs,
    sample_rng,
    stage_targets,
    steps_per_epoch,
)

PEOPLE = TinyPeople(11)
PER_EPOCH = 2  # of 4
SIGMA = 1.0


def batches(steps, *, workers=0, seed=3, people=PEOPLE, augmentation=None):
    loader = crop_loader(
        people, tiny_model(), batch_size=4, steps=steps, seed=seed, workers=workers,
        augmentation=Augmentation() if augmentation is None else augmentation,
    )  # fmt: skip
    return list(loader)


def assert_same(found: Batch, expected: Batch):
    for name, value in vars(expected).items():
        same = torch.equal if isinstance(value, torch.Tensor) else list.__eq__
        assert same(getattr(found, name), value), f"{name} differs"


def batch_of(joints, labelled, present):
    """A Batch of 32 x 32 px whose pictures do not matter: joints (N, P, J, 2)."""
    num = len(joints)
    return Batch(
        images=torch.zeros(num, 3, 32, 32),
        joints_px=joints,
        labelled=labelled,
        present=present,
        center_px=torch.full((num, 2), 15.5),
        matrices=torch.eye(3)[:2].expand(num, 2, 3),
    )


def two_people(*, unlabelled=()):
    """One crop of two people; `unlabelled` lists (person, joint)."""
    joints = torch.rand(1, 2, 5, 2, generator=torch.Generator().manual_seed(0)) * 30
    labelled = torch.ones(1, 2, 5, dtype=torch.bool)
    for person, joint in unlabelled:
        labelled[0, person, joint] = False
    return batch_of(joints, labelled, torch.ones(1, 2, dtype=torch.bool))


# ---- by hand


def test_steps_per_epoch_by_hand():
    assert steps_per_epoch(11, 4) == 2, "training drops the last three"
    assert steps_per_epoch(11, 4, training=False) == 3
    assert steps_per_epoch(12, 4) == steps_per_epoch(12, 4, training=False) == 3
    assert steps_per_epoch(3, 4) == 1, "a data set smaller than a batch is one batch"


def test_first_stage_learns_from_everybody_and_later_ones_from_the_center_person():
    batch = two_people()
    targets, weights = stage_targets(batch, tiny_model(num_stages=3), SIGMA)
    assert targets.shape == (3, 1, 6, 4, 4)
    assert weights.tolist() == torch.ones(3, 1, 6).tolist()
    cells = cells_from_px(batch.joints_px, 8)
    own, other = (gaussian_targets(cells[0, p], (4, 4), SIGMA) for p in (0, 1))
    both = sum(maps.where(maps >= 0.01, torch.zeros(())) for maps in (own, other)).clamp(max=1)
    torch.testing.assert_close(targets[0, 0, :5], both)
    torch.testing.assert_close(targets[1, 0, :5], own)
    torch.testing.assert_close(targets[2], targets[1])
    torch.testing.assert_close(targets[0, 0, 5], (1 - both.amax(0)).clamp(min=0))
    torch.testing.assert_close(targets[1, 0, 5], 1 - own.amax(0))


def test_weights_of_unlabelled_joints():
    batch = two_people(unlabelled=[(0, 1), (1, 3)])
    targets, weights = stage_targets(batch, tiny_model(), SIGMA)
    assert weights[0, 0].tolist() == [1, 0, 1, 0, 1, 0], "stage 1 needs both people's label"
    assert weights[1, 0].tolist() == [1, 0, 1, 1, 1, 0], "later stages only the center person's"
    assert not targets[1, 0, 1].any()


def test_background_counts_where_the_person_is_labelled_whole():
    _, weights = stage_targets(two_people(unlabelled=[(1, 3)]), tiny_model(), SIGMA)
    assert weights[:, 0, -1].tolist() == [0.0, 1.0]


def test_an_absent_person_takes_no_weight():
    batch = two_people()
    batch.present[0, 1], batch.labelled[0, 1] = False, False
    targets, weights = stage_targets(batch, tiny_model(), SIGMA)
    assert weights.eq(1).all()
    cut = targets[1].where(targets[1] >= 0.01, torch.zeros(()))
    assert torch.equal(targets[0, :, :5], cut[:, :5])


def test_models_without_center_or_background():
    model = CPM.mmpose(TINY, num_stages=2, input_size=(32, 32))
    targets, weights = stage_targets(two_people(unlabelled=[(1, 2)]), model, 1)
    assert targets.shape == (2, 1, 5, 4, 4)
    assert weights.eq(1).all(), "without a center map the center person is the target of every stage"
    batch = two_people()
    own, _ = belief_map_targets(
        batch.joints_px[:, 0], batch.labelled[:, 0], size=(4, 4), stride=8, sigma_cells=1, convention="msra"
    )
    assert torch.equal(targets[0], own)
    assert torch.equal(targets[1], own)


def test_model_inputs():
    batch = two_people()
    batch.center_px = torch.tensor([[20.0, 9.0]])
    images, centers = model_inputs(batch, tiny_model())
    assert images.shape == (1, 3, 32, 32)
    assert centers.shape == (1, 1, 32, 32)
    assert centers.flatten().argmax() == 9 * 32 + 20
    assert model_inputs(batch, CPM.mmpose(TINY, num_stages=1, input_size=(32, 32)))[1] is None


# ---- the same whoever makes them


@pytest.fixture(scope="module")
def expected():
    return batches(range(7))


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_number_of_workers_changes_nothing(expected, workers):
    found = batches(range(7), workers=workers)
    assert len(found) == 7
    for k in range(7):
        assert_same(found[k], expected[k])


@pytest.mark.parametrize("first", [1, 2, 5, 6])
def test_starting_later_changes_nothing(expected, first):
    for k, batch in enumerate(batches(range(first, 7), workers=2 if first == 5 else 0), first):
        assert_same(batch, expected[k])


def test_global_random_state_changes_nothing(expected):
    torch.manual_seed(123)
    np.random.seed(123)  # noqa: NPY002 - the global state must not matter
    assert_same(batches(range(1))[0], expected[0])


def test_seed_and_epoch_change_everything(expected):
    assert not torch.equal(batches(range(1), seed=4)[0].images, expected[0].images)
    first = {tuple(m.flatten().tolist()) for b in expected[:PER_EPOCH] for m in b.matrices}
    second = {tuple(m.flatten().tolist()) for b in expected[PER_EPOCH : 2 * PER_EPOCH] for m in b.matrices}
    assert not first & second, "the same person is cropped anew in the next epoch"


def test_sample_rng_is_a_function_of_its_three_numbers():
    def draw(*key):
        return sample_rng(*key).random(3).tolist()

    keys = [(s, e, i) for s in (0, 1) for e in (0, 1) for i in (0, 1, 2**63)]
    assert draw(0, 1, 2) == draw(0, 1, 2)
    assert len({tuple(draw(*k)) for k in keys}) == len(keys)


# ---- who is visited


def seen_people(steps, num_people=12):
    """Names of the people of each step, by asking the loader's own sampler."""
    loader = crop_loader(TinyPeople(num_people), tiny_model(), batch_size=4, steps=steps, seed=3)
    return [[index for _, index in keys] for keys in loader.batch_sampler]


def test_every_person_is_visited_once_an_epoch():
    steps = seen_people(range(9))
    epochs = [list(chain(*steps[3 * e : 3 * e + 3])) for e in range(3)]
    for order in epochs:
        assert sorted(order) == list(range(12))
    assert epochs[0] != epochs[1] != epochs[2], "the order is drawn anew"
    assert seen_people(range(4, 9)) == steps[4:]


def test_incomplete_batch_is_dropped_in_training_only():
    order = list(chain(*seen_people(range(2), num_people=11)))
    assert len(set(order)) == 8
    plain = list(crop_loader(PEOPLE, tiny_model(), batch_size=4))
    assert [len(b) for b in plain] == [4, 4, 3]


def test_plain_pass_is_in_file_order_and_unchanged():
    loader = crop_loader(PEOPLE, tiny_model(), batch_size=4)
    joints = torch.cat([b.joints_px for b in loader])[:, 0]
    expected = np.stack([p.joints_px for p in PEOPLE]) * 0.8 + 0.5 * 0.8 - 0.5  # 40 px -> 32 px
    labelled = np.stack([p.labelled for p in PEOPLE])
    np.testing.assert_allclose(joints.numpy()[labelled], expected[labelled], rtol=0, atol=1e-4)
    assert all(b.present.shape == (len(b), 1) and b.present.all() for b in loader)


def test_a_data_set_smaller_than_a_batch():
    found = batches(range(3), people=TinyPeople(3))
    assert [len(b) for b in found] == [3, 3, 3]


# ---- edges


def test_crops_of_one_and_two_people_in_a_batch():
    mixed = next(b for b in batches(range(7)) if b.present.any(0).all() and not b.present.all())
    assert mixed.present.shape == (4, 2)
    assert mixed.present[:, 0].all(), "the person at the center comes first"
    assert not mixed.labelled[~mixed.present].any()
    assert not mixed.joints_px[~mixed.present].any()


def test_nan_joints_do_not_leak():
    people = TinyPeople(8, unlabelled=0.5)
    model = tiny_model()
    for batch in batches(range(4), people=people, augmentation=Augmentation(second_person=1.0)):
        assert batch.present.all()
        assert batch.joints_px.isfinite().all()
        targets, weights = stage_targets(batch, model, SIGMA)
        assert targets.isfinite().all()
        assert weights.isfinite().all()
        assert not targets[1][:, :5][weights[1][:, :5] == 0].any()


class InterruptedPeople(TinyPeople):
    """Every access finds that Ctrl-C was pressed, or that torchrun wants to end everything."""

    def __init__(self, num_people, number):
        super().__init__(num_people)
        self.number = number

    def __getitem__(self, index):
        if torch.utils.data.get_worker_info() is not None:
            os.kill(os.getpid(), self.number)
        return super().__getitem__(index)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no os.kill(SIGINT) for one process")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_of_others_do_not_stop_a_worker(expected, number):
    """A terminal sends SIGINT, torchrun SIGTERM, to every process of the run; the main one decides what to do."""
    if number == signal.SIGTERM and not hasattr(signal, "sigwaitinfo"):
        pytest.skip("this system does not say who sent a signal")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job would ignore it
    try:
        found = batches(range(2), workers=1, people=InterruptedPeople(11, number))
    finally:
        signal.signal(signal.SIGINT, before)
    assert_same(found[1], expected[1])


def test_a_failing_program_ends_although_its_workers_live():
    """What an uncaught error keeps alive ends at the exit, by SIGTERM of the main process: no worker ignores that."""
    program = (
        "from test_batches import *\n"
        "loader = iter(crop_loader(PEOPLE, tiny_model(), batch_size=4, steps=range(99), workers=2,"
        " augmentation=Augmentation()))\n"
        "next(loader)\n"
        "raise RuntimeError('of the program')"
    )
    folder = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, timeout=120, check=False,
        env=os.environ | {"PYTHONPATH": f"{folder.parent}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
    )  # fmt: skip
    assert done.returncode == 1
    assert "of the program" in done.stderr
