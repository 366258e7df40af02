"""mmpose's variant: what the golden files do not show (they compare names and numbers)."""

from __future__ import annotations

import pytest
import torch

from cpm_edu.models import CPM
from cpm_edu.receptive_field import layers_of, paper_paths, receptive_field
from cpm_edu.skeletons import COCO, JHMDB, LSP, MPII


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return CPM.mmpose(JHMDB, num_stages=2).eval()


# ---- by hand -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("skeleton", "count"), [(COCO, 31_304_166), (MPII, 31_225_568), (JHMDB, 31_146_970)])
def test_parameter_count_of_the_docstring(skeleton, count):
    with torch.device("meta"):
        assert sum(p.numel() for p in CPM.mmpose(skeleton).parameters()) == count


def test_preprocess_by_hand(model):
    image = torch.tensor([0, 116, 255], dtype=torch.uint8)[None, :, None, None].expand(2, 3, 4, 6)
    out = model.preprocess(image)
    assert out.shape == (2, 3, 4, 6)
    assert out.dtype == torch.float32
    expected = [-123.675 / 58.395, (116 - 116.28) / 57.12, (255 - 103.53) / 57.375]
    assert out[1, :, 3, 5].tolist() == pytest.approx(expected, abs=1e-6), (
        "red, green, blue; mean and std of 0..255"
    )


def test_attributes_that_decoding_and_targets_rely_on(model):
    assert (model.has_background, model.uses_center_map) == (False, False)
    assert (model.convention, model.flip_shift, model.stride) == ("msra", True, 8)
    assert model.num_maps == 15


def test_input_size_is_that_of_mmposes_config():
    with torch.device("meta"):
        assert CPM.mmpose(COCO, num_stages=1).input_size == (256, 192)
        assert CPM.mmpose(MPII, num_stages=1).input_size == (368, 368)
        assert CPM.mmpose(COCO, num_stages=1, input_size=(384, 288)).input_size == (384, 288)


def test_initial_weights(model):
    for name, parameter in model.named_parameters():
        if name.endswith("conv.weight") and parameter.numel() > 5000:
            assert 0.00095 < parameter.std() < 0.00105, name
        elif name.endswith("bias"):
            assert (parameter == 0).all(), name
        elif name.endswith("bn.weight"):
            assert (parameter == 1).all(), name


def test_receptive_field_is_the_papers_with_3x3_pooling(model):
    stage_2 = [*layers_of(model.stem), *layers_of(model.cpm_stages[0]), *layers_of(model.out_convs[0])]
    for stage, layers in ((1, layers_of(model.stem)), (2, stage_2)):
        field, expected = receptive_field(layers), receptive_field(paper_paths(stage, 3, 1)["belief maps"])
        assert (field.size_px, field.stride_px, field.center_px) == (expected.size_px, 8, expected.center_px)
    assert receptive_field(stage_2).size_px == 407


# ---- edges -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "cells"), [((1, 1), (1, 1)), ((17, 33), (3, 5)), ((46, 46), (6, 6))])
def test_a_side_of_n_px_gives_a_cell_for_every_eight(model, size, cells):
    with torch.no_grad():
        assert model(torch.randn(1, 3, *size)).shape == (2, 1, 15, *cells)


def test_empty_batch(model):
    with torch.no_grad():
        assert model(torch.zeros(0, 3, 16, 24)).shape == (2, 0, 15, 2, 3)


def test_non_contiguous_input_changes_nothing(model):
    images = torch.randn(2, 3, 24, 16).transpose(2, 3)
    with torch.no_grad():
        torch.testing.assert_close(model(images), model(images.contiguous()))


def test_center_maps_are_ignored(model):
    images = torch.randn(1, 3, 16, 16)
    with torch.no_grad():
        assert torch.equal(model(images), model(images, torch.rand(1, 1, 16, 16)))


def test_beliefs_come_first_in_a_later_stages_input(model):
    seen = {}
    handle = model.cpm_stages[0].register_forward_pre_hook(lambda _, inputs: seen.update(joined=inputs[0]))
    with torch.no_grad():
        beliefs = model(torch.randn(1, 3, 32, 24))
    handle.remove()
    torch.testing.assert_close(seen["joined"][:, :15], beliefs[0])
    assert seen["joined"].shape[1] == 15 + 32
    assert model.belief_slices() == {"cpm_stages.0.model.0.conv.weight": slice(0, 15)}


def test_output_parameters_are_those_with_a_map_per_output(model):
    by_shape = [n for n, p in model.named_parameters() if p.shape[0] == model.num_maps]
    assert sorted(model.output_parameters()) == sorted(by_shape)


def test_other_skeletons_and_config():
    with torch.device("meta"):
        model = CPM.mmpose(LSP, num_stages=3, input_size=(128, 96))
        again = CPM.mmpose(LSP, **model.config())
    assert model.num_maps == 14
    assert again.config() == {"num_stages": 3, "input_size": [128, 96]}


# ---- errors ------------------------------------------------------------------------------------------


def test_wrong_input(model):
    with pytest.raises(ValueError, match=r"images must be \(N, 3, H_in, W_in\), not \(1, 4, 16, 16\)"):
        model(torch.zeros(1, 4, 16, 16))
    with pytest.raises(ValueError, match="at least one stage"):
        CPM.mmpose(JHMDB, num_stages=0)


# ---- gradients ---------------------------------------------------------------------------------------


def test_gradients_flow_between_stages(model):
    images = torch.randn(1, 3, 16, 16)
    model.zero_grad()
    model(images)[-1].square().sum().backward()
    assert model.stem[9].conv.weight.grad.abs().max() > 0, "the last stage's loss reaches stage 1"
    model.zero_grad()
