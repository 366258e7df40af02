"""What a training would cost: arithmetic by hand, and measurements that a real step confirms."""

import pytest
import torch
from tiny_people import TinyPeople, tiny_config, tiny_model

from cpm_edu.models import CPM
from cpm_edu.training.estimate import GIB, Estimate, _line, estimate


def by_hand(**changes) -> Estimate:
    """100 people, 10 a step in 2 micro-batches; 0.2 s a person, 0.1 s a crop; 1 GiB and 0.5 GiB a person."""
    numbers = dict(
        device="a device", parameters=1000, num_people=107, micro_batch=5, measured=5, person_s=0.2, crop_s=0.1,
        config=tiny_config(batch_size=10, accumulate=2, epochs=30), fixed_bytes=GIB, person_bytes=GIB / 2,
        available_bytes=None, gpus=0,
    )  # fmt: skip
    return Estimate(**(numbers | changes))


def test_memory_and_time_by_hand():
    cost = by_hand()
    assert cost.memory_bytes == 3.5 * GIB
    assert cost.epoch_people == 100, "the last 7 make no batch"
    assert cost.epoch_s() == pytest.approx(30.0), "one after the other without workers"
    assert by_hand(config=tiny_config(batch_size=10, workers=1)).epoch_s() == pytest.approx(20.0)
    slow = by_hand(config=tiny_config(batch_size=10, workers=2), crop_s=0.6)
    assert slow.epoch_s() == pytest.approx(30.0), "two workers make 100 crops of 0.6 s"
    assert slow.epoch_s(processes=3) == pytest.approx(10.0), "each process has its workers"
    text = str(cost)
    assert "3.50 GiB = 1.00 (weights, gradients, optimizer) + 5 x 0.500 GiB a person" in text
    assert "an epoch: 100 people, 30.0 seconds; 30 epochs: 15.0 minutes" in text
    assert "published" not in text


def test_what_does_not_fit_says_what_would():
    cost = by_hand(available_bytes=2.0 * GIB)
    assert cost.fitting_accumulate(2.0 * GIB) == 5, "2 people, 2 GiB; 3 do not divide 10"
    assert "more than the 2.0 GiB there are: --accumulate 5 would fit" in str(cost)
    assert "not even one person would fit" in str(by_hand(available_bytes=1.2 * GIB))
    assert "more than" not in str(by_hand(available_bytes=4.0 * GIB))


def test_the_published_schedule():
    text = str(by_hand(gpus=5))
    assert (
        "published on 5 GPUs, 2 people each: 1.5 GiB each; 5 devices like this one would need 3.0 minutes"
        in text
    )
    assert text.endswith("one 15.0 minutes")


def test_line_through_two_measurements():
    assert _line([(1, 9.0), (2, 14.0), (4, 22.0)], 5.0) == (6.0, 4.0)
    assert _line([(1, 9.0)], 5.0) == (5.0, 4.0), "one measurement, and what is there without people"


def test_measured_on_the_cpu(monkeypatch):
    """Memory is linear in people: weights, gradients, average and two moments, plus what each person keeps."""
    monkeypatch.setattr("cpm_edu.training.estimate.LONG_STEP_SECONDS", 1e9)  # also where the machine is busy
    model = CPM.mmpose(tiny_model().skeleton, num_stages=2, input_size=(32, 32))
    before = {name: value.clone() for name, value in model.named_parameters()}
    config = tiny_config(optimizer="adam", lr=1e-3, batch_size=4, sigma_cells=2.0)
    cost = estimate(model, TinyPeople(8), config, "cpu", gpus=2)
    assert all(torch.equal(before[name], value) for name, value in model.named_parameters()), (
        "nothing is learnt"
    )
    parameters = sum(p.numel() for p in model.parameters())
    assert cost.parameters == parameters
    assert cost.measured == cost.micro_batch == 4
    assert cost.fixed_bytes == pytest.approx(5 * 4 * parameters, rel=0.1)
    # the two image branches alone keep 4 maps of 128 x 32 x 32 float32 each
    assert 4 * 2 * 4 * 128 * 32 * 32 / 4 < cost.person_bytes < 100 * 128 * 32 * 32 * 4 / 4
    assert cost.person_s > 0
    assert cost.crop_s > 0
    assert "published on 2 GPUs, 2 people each" in str(cost)


def test_slow_steps_are_not_repeated_with_more_people(monkeypatch):
    monkeypatch.setattr("cpm_edu.training.estimate.LONG_STEP_SECONDS", 0.0)
    cost = estimate(tiny_model(), TinyPeople(8), tiny_config(batch_size=8), "cpu")
    assert (cost.micro_batch, cost.measured) == (8, 1)
    assert "from steps of 1" in str(cost)


def test_memory_that_ends_is_no_error(monkeypatch):
    def small(run, batch):
        if len(batch) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return 100.0 + 10.0 * len(batch)

    monkeypatch.setattr("cpm_edu.training.estimate.LONG_STEP_SECONDS", 1e9)
    monkeypatch.setattr("cpm_edu.training.estimate._peak_bytes", small)
    cost = estimate(tiny_model(), TinyPeople(8), tiny_config(batch_size=8), "cpu")
    assert (cost.measured, cost.fixed_bytes, cost.person_bytes) == (2, 100.0, 10.0)
    monkeypatch.setattr("cpm_edu.training.estimate._peak_bytes", lambda run, batch: small(run, range(9)))
    with pytest.raises(ValueError, match="not even one person fits into the memory of cpu"):
        estimate(tiny_model(), TinyPeople(8), tiny_config(batch_size=8), "cpu")
