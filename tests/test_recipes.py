"""The recipes: numbers as they are in print and in the configs, and the command that prints them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import assert_refused, run

from cpm_edu.datasets.augment import MmposeAugmentation
from cpm_edu.datasets.opening import DATA_SETS
from cpm_edu.training.recipes import JHMDB_AVERAGE, JHMDB_GROUPS, RECIPES
from cpm_edu.training.run import learning_rate_factor

# Rows as printed; AP, AP .5, AP .75, AR, AR .5 | Mean, Mean@0.1 | eight by person size, eight by torso | PCK@0.2
PRINTED = {
    "coco-256x192": [(0.623, 0.859, 0.704, 0.686, 0.903), (0.627, 0.862, 0.709, 0.689, 0.906)],
    "coco-384x288": [(0.650, 0.864, 0.725, 0.708, 0.905), (0.652, 0.865, 0.730, 0.710, 0.907)],
    "mpii-368": [(0.876, 0.285)],
    "jhmdb-sub1-368": [
        (96.1, 91.9, 81.0, 78.9, 96.6, 90.8, 87.3, 89.5, 89.0, 63.0, 54.0, 54.9, 68.2, 63.1, 61.2, 66.0)
    ],
    "jhmdb-sub2-368": [
        (98.1, 93.6, 77.1, 70.9, 94.0, 89.1, 84.7, 87.4, 90.3, 57.9, 46.8, 44.3, 60.8, 58.2, 62.4, 61.1)
    ],
    "jhmdb-sub3-368": [
        (97.9, 94.9, 87.3, 84.0, 98.6, 94.4, 86.2, 92.4, 91.0, 72.6, 59.9, 54.0, 73.2, 68.5, 65.8, 70.3)
    ],
    "lsp-368": [(84.32,), (90.50,)],
}
WEIGHTS = {
    "coco-256x192": "cpm_coco_256x192-aa4ba095_20200817.pth",
    "coco-384x288": "cpm_coco_384x288-80feb4bc_20200821.pth",
    "mpii-368": "cpm_mpii_368x368-116e62b8_20200822.pth",
    "jhmdb-sub1-368": "cpm_jhmdb_sub1_368x368-2d2585c9_20201122.pth",
    "jhmdb-sub2-368": "cpm_jhmdb_sub2_368x368-fc742f1f_20201122.pth",
    "jhmdb-sub3-368": "cpm_jhmdb_sub3_368x368-49337155_20201122.pth",
}
COCO_NAMES = ["AP", "AP .5", "AP .75", "AR", "AR .5"]
MMPOSE = [name for name in RECIPES if name != "lsp-368"]


def test_rows_are_those_in_print():
    assert list(RECIPES) == list(PRINTED)
    for name, recipe in RECIPES.items():
        assert [tuple(row.values.values()) for row in recipe.published] == PRINTED[name], name
    for name in ("coco-256x192", "coco-384x288"):
        assert all(list(row.values) == COCO_NAMES for row in RECIPES[name].published)
    assert list(RECIPES["jhmdb-sub1-368"].published[0].values) == [
        f"{group} {kind}" for kind in ("PCK", "tPCK") for group in JHMDB_GROUPS
    ]


def test_weights_are_named_with_their_hash():
    for name, checkpoint in WEIGHTS.items():
        assert RECIPES[name].checkpoint == checkpoint
        assert f"-{RECIPES[name].sha256_prefix}_" in checkpoint
        assert len(RECIPES[name].sha256_prefix) == 8


def test_nothing_counts_as_verified_yet():
    assert {recipe.verified for recipe in RECIPES.values()} == {"never"}


def test_published_averages_that_are_not_the_means_of_their_splits():
    """They are kept as printed."""
    splits = [RECIPES[f"jhmdb-sub{i}-368"].published[0].values for i in (1, 2, 3)]
    assert list(JHMDB_AVERAGE.values) == list(splits[0])
    differing = {
        name: (printed, float(np.mean([split[name] for split in splits]).round(2)))
        for name, printed in JHMDB_AVERAGE.values.items()
        if abs(np.mean([split[name] for split in splits]) - printed) > 0.05 + 1e-9
    }
    assert differing == {"Elb PCK": (81.5, 81.8), "Mean tPCK": (65.7, 65.8)}
    for printed, mean in differing.values():
        assert f"{printed}" in RECIPES["jhmdb-sub2-368"].notes
        assert f"{mean}" in RECIPES["jhmdb-sub2-368"].notes


@pytest.mark.parametrize(
    ("name", "size", "batch", "epochs", "steps", "sigma", "validate"),
    [
        ("coco-256x192", (256, 192), 8 * 64, 210, (170, 200), 2, 10),
        ("coco-384x288", (384, 288), 8 * 32, 210, (170, 200), 3, 10),
        ("mpii-368", (368, 368), 8 * 64, 210, (170, 200), 2, 10),
        ("jhmdb-sub3-368", (368, 368), 8 * 32, 40, (20, 30), 2, 1),
    ],
)
def test_schedules_of_mmpose(name, size, batch, epochs, steps, sigma, validate):
    recipe, training = RECIPES[name], RECIPES[name].training
    assert recipe.input_size == size
    assert (training.batch_size, training.epochs, training.lr_steps) == (batch, epochs, steps)
    assert (training.sigma_cells, training.validate_every) == (sigma, validate)
    assert (training.optimizer, training.lr, training.weight_decay) == ("adam", 5e-4, 0)
    assert recipe.flip_test
    assert recipe.gpus == 8
    per_epoch = 1000
    factors = [
        learning_rate_factor(step, epochs * per_epoch, per_epoch, training)
        for step in (0, 600, steps[0] * per_epoch - 1, steps[0] * per_epoch, steps[1] * per_epoch)
    ]
    assert factors == pytest.approx([0.001, 1, 1, 0.1, 0.01])


def test_crops_of_mmpose():
    coco = MmposeAugmentation(0.5, 0.3, 0.16, 0.3, (0.5, 1.5), 80.0, 0.6)
    assert RECIPES["coco-256x192"].training.augmentation == coco
    assert RECIPES["coco-384x288"].training.augmentation == coco
    jhmdb = MmposeAugmentation(0.5, 0.0, 0.16, 0.3, (0.75, 1.25), 60.0, 0.6)
    assert RECIPES["jhmdb-sub2-368"].training.augmentation == jhmdb
    mpii = RECIPES["mpii-368"].training.augmentation
    assert (mpii.shift_probability, mpii.scale, mpii.rotation_deg) == (0.0, (0.75, 1.25), 60.0)


def test_release_on_lsp():
    recipe, training = RECIPES["lsp-368"], RECIPES["lsp-368"].training
    assert recipe.test_scales == pytest.approx([0.8 * s for s in (0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3)])
    assert (training.optimizer, training.lr, training.weight_decay) == ("sgd", 8e-5, 5e-4)
    assert (training.loss, training.batch_size, training.step_gamma) == ("euclidean", 16, 0.333)
    assert training.augmentation.rotation_deg == 40
    assert training.augmentation.scale == pytest.approx((0.8 * 0.7, 0.8 * 1.3))
    people = 11_000  # LSP's 1,000 to train on and LSPET's 10,000
    assert training.step_epochs * people / 16 == pytest.approx(136_106, rel=0.001)
    assert training.epochs * people / 16 == pytest.approx(395_000, rel=0.002)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("coco-256x192", 31_304_166),
        ("coco-384x288", 31_304_166),
        ("mpii-368", 31_225_568),
        ("jhmdb-sub1-368", 31_146_970),
        ("lsp-368", 31_219_866),
    ],
)
def test_networks(name, parameters):
    recipe = RECIPES[name]
    with torch.device("meta"):
        model = recipe.make_model()
    assert sum(p.numel() for p in model.parameters()) == parameters
    assert (model.input_size, model.num_stages, model.kind) == (recipe.input_size, 6, recipe.model)


def test_data_sets_exist():
    assert {recipe.data for recipe in RECIPES.values()} <= set(DATA_SETS)


def test_command_prints_all(capsys):
    assert run("recipes") == 0
    shown = capsys.readouterr().out
    for recipe in RECIPES.values():
        assert recipe.checkpoint in shown
        assert all(row.source in " ".join(shown.split()) for row in recipe.published)
    assert shown.count("never") >= len(RECIPES)
    for number in ("0.623", "0.902", "0.876", "0.285", "89.5", "66.0", "65.7", "84.32", "90.50"):
        assert (number in shown) == (number != "0.902"), number
    assert max(map(len, shown.splitlines())) <= 130


@pytest.mark.parametrize("name", RECIPES)
def test_command_prints_every_number_of_one(name, capsys):
    assert run("recipes", name) == 0
    shown = " ".join(capsys.readouterr().out.split())
    recipe = RECIPES[name]
    decimals = {"coco": 3, "mpii": 3, "jhmdb": 1, "lsp": 2}[recipe.skeleton.name]
    for row in recipe.published:
        assert all(f"{value:.{decimals}f}" in shown for value in row.values.values())
    for text in (recipe.rule, recipe.notes, recipe.checkpoint, recipe.config, "verified never"):
        assert text in shown
    for text in (
        f"lr {recipe.training.lr:g}",
        f"batch_size {recipe.training.batch_size}",
        f"sigma_cells {recipe.training.sigma_cells:g}",
        f"epochs {recipe.training.epochs}",
        f"rotation_deg {recipe.training.augmentation.rotation_deg:g}",
    ):
        assert text in shown, text


def test_command_knows_no_other(capsys):
    assert_refused(capsys, ["recipes", "coco"], "'coco'", "coco-256x192", "lsp-368")


def test_page_has_the_same_numbers():
    page = (Path(__file__).parents[1] / "docs" / "recipes.md").read_text(encoding="utf-8")
    for recipe in RECIPES.values():
        assert f"`{recipe.name}`" in page
        for row in recipe.published:
            means = {n: v for n, v in row.values.items() if "Mean" in n or recipe.skeleton.name != "jhmdb"}
            decimals = {"coco": 3, "mpii": 3, "jhmdb": 1, "lsp": 2}[recipe.skeleton.name]
            for value in means.values():
                assert f"{value:.{decimals}f}".lstrip("0") in page, (recipe.name, value)
            if recipe.name != "lsp-368":
                assert f"`{row.checkpoint or recipe.checkpoint}`" in page
