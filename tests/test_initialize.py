"""Starting a model from another's weights."""

from __future__ import annotations

import pytest
import torch

from cpm_edu.models import CPM
from cpm_edu.models.checkpoints import save_checkpoint
from cpm_edu.models.initialize import InitReport, initialize_from
from cpm_edu.skeletons import COCO, JHMDB, LSP, Skeleton

MAKERS = {
    "paper": lambda skeleton, **kw: CPM.paper(skeleton, **{"width": 4, "num_stages": 3, **kw}),
    "mmpose": lambda skeleton, **kw: CPM.mmpose(skeleton, **{"num_stages": 1, **kw}),
    "lite": lambda skeleton, **kw: CPM.lite(skeleton, **{"num_stages": 2, **kw}),
}


def paper(skeleton=LSP, seed=0, **options) -> CPM:
    torch.manual_seed(seed)
    return MAKERS["paper"](skeleton, **options)


def test_same_skeleton_carries_everything(tmp_path):
    source, model = paper(seed=1), paper(seed=2)
    save_checkpoint(tmp_path / "m", source)
    report = initialize_from(model, tmp_path / "m")
    assert report.carried == list(model.state_dict())
    assert (report.partly, report.reinitialised, report.unused) == ({}, {}, [])
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, source.state_dict()[name]), name


def test_carried_tensors_are_counted_by_layer():
    report = InitReport(carried=["trunk.0.weight", "trunk.0.bias", "stage1.weight"])
    assert report.summary() == "carried over: 3 tensors: trunk 2, stage1 1"


@pytest.mark.parametrize("kind", MAKERS)
def test_another_skeleton_keeps_outputs_and_belief_channels_fresh(kind):
    torch.manual_seed(3)
    source, model = MAKERS[kind](COCO, num_stages=3), MAKERS[kind](LSP, num_stages=3)
    fresh = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    report = initialize_from(model, source)
    assert sorted(report.reinitialised) == sorted(model.output_parameters())
    assert sorted(report.partly) == sorted(model.belief_slices())
    assert len(report.partly) == 2
    assert sorted([*report.carried, *report.partly, *report.reinitialised]) == sorted(fresh)
    given, state = source.state_dict(), model.state_dict()
    for name in report.carried:
        assert torch.equal(state[name], given[name]), name
    for name in report.reinitialised:
        assert torch.equal(state[name], fresh[name]), name
    for name in report.partly:
        own, other = model.belief_slices()[name], source.belief_slices()[name]
        assert torch.equal(state[name][:, own], fresh[name][:, own]), "belief channels stay fresh"
        assert torch.equal(state[name][:, : own.start], given[name][:, : other.start])
        assert torch.equal(state[name][:, own.stop :], given[name][:, other.stop :])
        after = state[name].shape[1] - own.stop
        assert after == {"paper": 1, "mmpose": 32, "lite": 1}[kind], "center map, or mmpose's features"
    text = str(report)
    assert text == report.summary()
    for name in [*report.partly, *report.reinitialised]:
        assert f": {name}: " in text
    listed = report.listing().splitlines()
    assert len(listed) == len(fresh) + len(report.unused)
    for name in report.carried:
        assert f"carried over: {name}" in listed
        assert name not in text


def test_equal_joint_counts_do_not_fool_it():
    """14 joints in another order: every shape agrees, and the outputs still mean something else."""
    source, model = paper(LSP, seed=1), paper(Skeleton("reversed", LSP.joints[::-1]), seed=2)
    report = initialize_from(model, source)
    assert sorted(report.reinitialised) == sorted(model.output_parameters())
    assert sorted(report.partly) == sorted(model.belief_slices())


def test_more_and_fewer_stages():
    more = initialize_from(paper(num_stages=4), paper(num_stages=2))
    assert {r for r in more.reinitialised.values()} == {"not in the source"}
    assert all(name.split(".")[1] in ("1", "2") for name in more.reinitialised)
    fewer = initialize_from(paper(num_stages=2), paper(num_stages=4))
    assert not fewer.reinitialised
    assert fewer.unused
    assert "not used from the source" in fewer.summary()


def test_another_width_says_both_shapes():
    report = initialize_from(paper(width=8), paper())
    assert (
        report.reinitialised["stage1.conv1.weight"] == "shape (4, 3, 9, 9) in the source, (8, 3, 9, 9) here"
    )
    torch.manual_seed(4)
    report = initialize_from(CPM.lite(COCO, image_features=16), CPM.lite(LSP))
    assert report.reinitialised["refinements.0.0.0.weight"].startswith(
        "shape (48, 48, 7, 7) in the source, (48, 35, "
    )


def test_an_mmpose_file_as_start(tmp_path):
    with torch.device("meta"):
        shapes = {k: v.shape for k, v in CPM.mmpose(JHMDB, num_stages=2).state_dict().items()}
    state = {f"backbone.{k}": torch.tensor(0.5).expand(shape) for k, shape in shapes.items()}
    torch.save(state, tmp_path / "m.pth")
    model = CPM.mmpose(LSP, num_stages=2)
    report = initialize_from(model, tmp_path / "m.pth")
    assert (model.stem[0].conv.weight == 0.5).all()
    assert "an output of jhmdb's joints" in report.reinitialised["stem.9.conv.weight"]


def test_another_kind_is_refused():
    model = paper()
    fresh = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(ValueError, match="nothing to carry over from a mmpose CPM into a paper CPM"):
        initialize_from(model, CPM.mmpose(LSP, num_stages=1))
    assert all(torch.equal(t, fresh[n]) for n, t in model.state_dict().items())
