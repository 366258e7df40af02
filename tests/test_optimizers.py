"""Optimizers, schedules and the numbers of a run."""

import math

import pytest
import torch
from tiny_people import TINY, TinyPeople, tiny_config, tiny_model, tiny_train
from torch import nn

from cpm_edu.models import CPM
from cpm_edu.models.checkpoints import read_metadata
from cpm_edu.skeletons import COCO
from cpm_edu.training.optimizers import Muon, make_optimizers, orthogonalize
from cpm_edu.training.run import Run, TrainingConfig, learning_rate_factor

# ---- schedules by hand


def test_cosine_by_hand():
    config = TrainingConfig(schedule="cosine", warmup_steps=0)
    factors = [learning_rate_factor(step, 100, 10, config) for step in (0, 25, 50, 75, 100, 120)]
    half = math.sqrt(0.5)
    assert factors == pytest.approx([1.0, (1 + half) / 2, 0.5, (1 - half) / 2, 0.0, 0.0])


def test_warm_up_by_hand():
    config = TrainingConfig(schedule="step", warmup_steps=4, step_epochs=1000.0)
    assert [learning_rate_factor(s, 100, 10, config) for s in range(6)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    config = TrainingConfig(schedule="cosine", warmup_steps=4)
    assert learning_rate_factor(1, 4, 10, config) == pytest.approx(0.5 * (1 + math.cos(math.pi / 4)) / 2)


def test_steps_by_hand():
    config = TrainingConfig(schedule="step", warmup_steps=0, step_epochs=1.5, step_gamma=0.1)
    factors = [learning_rate_factor(s, 100, 10, config) for s in (0, 14, 15, 29, 30)]
    assert factors == pytest.approx([1.0, 1.0, 0.1, 0.1, 0.01]), "x 0.1 every 15 steps"


def test_multistep_by_hand():
    """mmpose's schedule: 0.001 at first, 1 at step 499, x 0.1 from the first step of epochs 170 and 200."""
    config = TrainingConfig(
        schedule="multistep", lr_steps=(170.0, 200.0), step_gamma=0.1, warmup_steps=500, warmup_start=0.001
    )
    steps = (0, 1, 250, 499, 500, 1699, 1700, 1999, 2000)
    factors = [learning_rate_factor(s, 2100, 10, config) for s in steps]
    warm = [0.001, 0.001 + 0.999 / 499, 0.001 + 0.999 * 250 / 499]
    assert factors == pytest.approx([*warm, 1, 1, 1, 0.1, 0.1, 0.01])
    assert [
        learning_rate_factor(s, 2, 1, TrainingConfig(schedule="step", warmup_steps=1)) for s in (0, 1)
    ] == [1, 1]


# ---- optimizers


def test_adam_is_torchs():
    model = tiny_model()
    (adam,) = make_optimizers(model, "adam", 5e-4, 0.0)
    assert type(adam) is torch.optim.Adam
    (group,) = adam.param_groups
    assert (group["lr"], group["betas"], group["eps"], group["weight_decay"]) == (
        5e-4,
        (0.9, 0.999),
        1e-8,
        0.0,
    )


def test_adamw_does_not_decay_biases_and_norms():
    (adamw,) = make_optimizers(tiny_model(), "adamw", 0.1, 0.01)
    assert [(g["lr"], g["weight_decay"]) for g in adamw.param_groups] == [(0.1, 0.01), (0.1, 0.0)]
    assert all(p.ndim == 4 for p in adamw.param_groups[0]["params"])
    assert all(p.ndim == 1 for p in adamw.param_groups[1]["params"])


@pytest.mark.parametrize("name", ["adamw", "adam", "muon", "sgd"])
@pytest.mark.parametrize("kind", ["lite", "paper"])
def test_every_parameter_is_optimised_once(name, kind):
    model = tiny_model() if kind == "lite" else CPM.paper(TINY, width=4, num_stages=2)
    optimizers = make_optimizers(model, name, 0.1, 0.01)
    taken = [id(p) for o in optimizers for g in o.param_groups for p in g["params"]]
    assert sorted(taken) == sorted(id(p) for p in model.parameters())


@pytest.mark.parametrize("skeleton", [TINY, COCO], ids=lambda s: s.name)
def test_muon_takes_hidden_kernels(skeleton):
    model = tiny_model(skeleton)
    muon, adamw = make_optimizers(model, "muon", 0.02, 0.01)
    names = {id(p): n for n, p in model.named_parameters()}
    hidden = {names[id(p)] for p in muon.param_groups[0]["params"]}
    assert "trunk.1.0.weight" in hidden
    assert "refinements.0.1.0.weight" in hidden
    assert "trunk.0.0.weight" not in hidden, "the first layer reads colours"
    assert not hidden & set(model.output_parameters())
    assert [g["lr"] for g in adamw.param_groups] == pytest.approx([0.002, 0.002])


def test_sgd_lets_the_paper_model_decide():
    model = CPM.paper(TINY, width=4, num_stages=2)
    (sgd,) = make_optimizers(model, "sgd", 1e-3, 5e-4)
    rates = {g["name"]: (g["lr"], g["weight_decay"]) for g in sgd.param_groups}
    assert rates == {
        "stage 1, weights": (pytest.approx(5e-3), 5e-4),
        "stage 1, biases": (pytest.approx(1e-2), 0.0),
        "later stages, weights": (pytest.approx(1e-3), 5e-4),
        "later stages, biases": (pytest.approx(2e-3), 0.0),
    }
    assert all(g["momentum"] == 0.9 for g in sgd.param_groups)
    (sgd,) = make_optimizers(tiny_model(), "sgd", 1e-3, 5e-4)
    assert [(g["lr"], g["weight_decay"]) for g in sgd.param_groups] == [(1e-3, 5e-4)]


def test_schedule_keeps_the_ratio_of_groups(tmp_path):
    run = Run(CPM.paper(TINY, width=4, num_stages=2), tiny_config(optimizer="sgd", lr=1e-3), tmp_path)
    for factor in (0.5, 0.25):
        run.set_learning_rate(factor)
        rates = sorted(g["lr"] for g in run.optimizers[0].param_groups)
        assert rates == pytest.approx([factor * r for r in (1e-3, 2e-3, 5e-3, 1e-2)])


@pytest.mark.parametrize("shape", [(16, 16), (16, 40), (40, 16)])
def test_orthogonalize_moves_singular_values_to_one(shape):
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(shape, generator=generator)
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    matrix = u * torch.logspace(0, -1.5, 16) @ v  # singular values 1 .. 0.03
    result = orthogonalize(matrix)
    values = torch.linalg.svdvals(result)
    assert 0.5 < values.min() <= values.max() < 1.4  # the quintic's band, widened for bfloat16
    assert (torch.einsum("ij,ij->", result, u @ v) / 16).item() > 0.6, "the directions stay"


def test_muon_step_by_hand():
    kernel = nn.Parameter(torch.zeros(2, 2, 1, 1))
    muon = Muon([kernel], lr=0.1, weight_decay=0.0)
    kernel.grad = torch.tensor([[100.0, 0.0], [0.0, 100.0]]).view(2, 2, 1, 1)
    muon.step()
    step = -kernel.detach().view(2, 2) / 0.1
    assert step[0, 1].abs().item() < 1e-3
    assert step[0, 0].item() == pytest.approx(1.0, abs=0.35), "the size of the gradient does not matter"
    kernel.grad = None
    before = kernel.detach().clone()
    muon.step()
    assert torch.equal(kernel, before)


def test_muon_decays_weights():
    kernel = nn.Parameter(torch.ones(2, 2, 1, 1))
    kernel.grad = torch.zeros_like(kernel)
    Muon([kernel], lr=0.1, weight_decay=0.5).step()
    assert kernel.flatten().tolist() == pytest.approx([0.95] * 4)


def test_the_first_of_equal_scores_is_kept(tmp_path):
    run = Run(tiny_model(), tiny_config(), tmp_path)
    assert run.keep_if_best(0.0, {"step": "1"}), "even a score of 0 leaves weights to look at"
    assert not run.keep_if_best(0.0, {"step": "2"})
    assert read_metadata(tmp_path / "best.safetensors")["step"] == "1"
    assert run.keep_if_best(0.1, {"step": "3"})
    assert not run.keep_if_best(0.05, {"step": "4"})
    assert read_metadata(tmp_path / "best.safetensors")["step"] == "3"


# ---- whole runs with the other choices


@pytest.mark.parametrize(
    "options",
    [
        dict(
            optimizer="sgd",
            lr=1e-3,
            loss="euclidean",
            schedule="step",
            step_epochs=1.0,
            step_gamma=0.5,
            ema_decay=0.0,
        ),
        dict(optimizer="adamw", lr=1e-3, amp="bfloat16", augmentation=None),
    ],
    ids=["sgd", "adamw"],
)
def test_runs_and_resumes_with_other_choices(tmp_path, options):
    """The paper's recipe at a reduced width, dropout included: two epochs at once or one by one."""

    def run(folder, epochs):
        torch.manual_seed(0)
        model = CPM.paper(TINY, width=8, num_stages=2, input_size=(32, 32))
        tiny_train(
            folder, model=model, people=TinyPeople(8), epochs=epochs, **({"schedule": "step"} | options)
        )
        return model.state_dict()

    whole = run(tmp_path / "whole", 2)
    run(tmp_path / "parts", 1)
    parts = run(tmp_path / "parts", 2)
    assert all(torch.equal(whole[key], parts[key]) for key in whole)
    text = (tmp_path / "whole" / "log.csv").read_text().splitlines()
    rates = [float(line.split(",")[2]) for line in text[1:]]
    if options["optimizer"] == "sgd":
        base = rates[0] * 3  # after one of three warm-up steps
        assert rates == pytest.approx([base / 3, base * 2 / 3, base / 2, base / 2], rel=1e-4)


# ---- errors


def test_unknown_optimizer():
    with pytest.raises(ValueError, match='"muon", "adamw", "adam" or "sgd", not \'magic\''):
        make_optimizers(tiny_model(), "magic", 0.1, 0.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"schedule": "linear"}, "schedule must be one of cosine, step, multistep, not 'linear'"),
        ({"amp": "float16"}, "amp must be one of off, bfloat16, auto, not 'float16'"),
        ({"epochs": 0}, "epochs must be positive, not 0"),
        ({"batch_size": -1}, "batch_size must be positive, not -1"),
        ({"lr": math.nan}, "lr must be positive, not nan"),
        ({"save_every": 0}, "save_every must be positive, not 0"),
    ],
)
def test_wrong_numbers(options, message):
    with pytest.raises(ValueError, match=message):
        TrainingConfig(**options)
