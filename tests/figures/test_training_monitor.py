"""The training monitor: its line by hand, a training that learns, one that breaks, and a folder that is followed."""

import math
import shutil

import numpy as np
import pytest
import torch
from tiny_people import TINY, TinyPeople, tiny_model, tiny_train

from cpm_edu.figures.interactive.frame import Line, Raster, Texts
from cpm_edu.figures.interactive.live_training import (
    MOMENTS,
    NEW,
    FollowedRun,
    History,
    LiveTraining,
    blank_loss,
    keep_maps,
)
from cpm_edu.figures.interactive.static import frame_png
from cpm_edu.figures.interactive.training_monitor import training_monitor, training_monitor_frame
from cpm_edu.models import CPM
from cpm_edu.skeletons import LSP
from cpm_edu.targets import gaussian_targets


def panel(frame, name):
    return next(p for row in frame.rows for p in row if p.name == name)


def words(panel):
    return [text for mark in panel.marks if isinstance(mark, Texts) for text in mark.texts]


def small_figure(**options):
    """A monitor of a model that learns in milliseconds."""
    return training_monitor(tiny_model(), TinyPeople(20, unlabelled=0.1), batch_size=4, **options)


# --- numbers by hand


def test_silence_costs_the_square_of_the_target():
    """The square of a Gaussian of sigma 1.2 adds up to pi x 1.44 = 4.52; the background is wrong by as much again."""
    target = gaussian_targets(torch.tensor([[[9.5, 9.5]]]), (20, 20), 1.2, background=True)[
        None
    ]  # (1, 1, 2, 20, 20)
    joint_alone = blank_loss(target, torch.tensor([[[1.0, 0.0]]]))
    assert joint_alone.item() == pytest.approx(math.pi * 1.44 / 800, rel=1e-4)
    both = blank_loss(target, torch.ones(1, 1, 2))
    assert both.item() == pytest.approx(2 * joint_alone.item(), rel=1e-4)


def test_frame_says_the_numbers_and_draws_them():
    history = History(
        steps=[1, 2, 3], losses=[[0.1, 0.2], [0.05, 0.1], [0.01, 0.02]], rates=[0.003, 0.003, 0.03],
        trained_pck=[(0, 1.0), (3, 40.0)], new_pck=[(0, 2.0), (3, 5.0)],
    )  # fmt: skip
    frame = training_monitor_frame(history, blank=0.04, count=8)
    assert frame.status == (
        "Step 3, learning rate 0.03: loss 0.01, 0.02 by stage; maps without any joint: 0.04. "
        "PCK: 40 % of the first 8 people, 5 % of people never seen."
    )
    loss = panel(frame, "loss")
    curves = [np.asarray(m.points) for m in loss.marks if isinstance(m, Line) and len(m.points) == 4]
    assert curves[0][:3] == pytest.approx(np.array([[1, -1], [2, math.log10(0.05)], [3, -2]])), (
        "step, power of ten"
    )
    level = next(m for m in loss.marks if isinstance(m, Line) and len(m.points) == 2)
    assert np.asarray(level.points)[:, 1] == pytest.approx([math.log10(0.04)] * 2)
    assert {"no joint anywhere: 0.04", "0.03", "stage 1", "stage 2"} <= set(words(loss)), (
        "and the change of rate"
    )


def test_a_low_loss_without_joints_is_called_so():
    history = History([5], [[0.02]], [0.003], [(5, 3.0)], [(5, 1.0)])
    assert "next to nothing is found" in training_monitor_frame(history, blank=0.04).status
    assert "next to nothing" not in training_monitor_frame(history, blank=0.01).status


def test_maps_are_kept_at_the_moments_and_of_the_last_step():
    history = History()
    for step in range(0, 75, 2):
        keep_maps(history, step, np.full((1, 1, 1), step))
    assert sorted(history.maps) == [0, 10, 30, 60, 74]
    assert MOMENTS[:4] == (0, 10, 30, 60)
    assert all(maps.item() == step for step, maps in history.maps.items())


# --- a training


def test_play_trains_pause_holds_and_reset_forgets():
    figure = small_figure()
    first, said = figure.snapshot(), figure.status
    assert said.startswith("Step 0: nothing is learned yet.")
    figure.set(train=1)
    assert figure.status.startswith("Step 2, ")
    figure.set(power=-1.0)
    assert figure.status.startswith("Step 2, learning rate 0.1, "), "a rate alone does not train"
    figure.set(train=2)
    assert figure.status.startswith("Step 4, ")
    figure.reset()
    assert figure.status == said
    assert figure.snapshot() == first


def test_every_control_changes_picture_and_sentence():
    figure = small_figure(bursts=1)
    before, said = figure.snapshot(), figure.status
    for change in ({"train": 2}, {"power": -1.0}, {"people": NEW}):
        figure.set(**change)
        assert figure.snapshot() != before, change
        assert figure.status != said, change
        before, said = figure.snapshot(), figure.status


def test_it_learns_its_people_by_heart():
    live = LiveTraining(tiny_model(), TinyPeople(20, unlabelled=0.0), batch_size=4, lr=0.01)
    first = live.history.trained_pck[0][1]
    for _ in range(60):
        live.burst()
    assert live.history.step == 120
    assert live.history.losses[-1][-1] < 0.5 * live.blank < 0.5 * live.history.losses[0][-1]
    assert live.history.trained_pck[-1][1] > first + 30


def test_the_same_bursts_give_the_same_numbers():
    def losses():
        live = LiveTraining(tiny_model(), TinyPeople(20), batch_size=4)
        live.burst()
        live.burst(people=NEW)
        live.restart()
        live.burst(lr=0.02, people=NEW)
        assert live.history.rates == pytest.approx([0.02, 0.02]), "the rate that was asked for"
        return live.history.losses

    assert losses() == losses()


def test_a_training_that_breaks_says_so_and_stays():
    figure = small_figure()
    live = next(
        cell.cell_contents
        for cell in figure._draw.__closure__
        if isinstance(cell.cell_contents, LiveTraining)
    )
    with torch.no_grad():
        next(live.model.parameters()).fill_(math.nan)
    figure.set(train=1)
    assert figure.status.startswith(
        "Stopped after step 0 at learning rate 0.0032: the loss is [nan, nan] at step 0"
    )
    figure.set(train=2)
    assert figure.status.startswith("Stopped after step 0")
    figure.reset()
    figure.set(train=1)
    assert figure.status.startswith("Step 2, "), "reset puts the first weights back"


def test_other_joints_than_the_models_are_refused():
    with pytest.raises(ValueError, match="people to train on: the joints differ"):
        training_monitor(tiny_model(LSP), TinyPeople(8))


def test_strip_shows_the_person_and_its_target():
    figure = small_figure(bursts=1)
    maps = panel(figure.frame, "maps")
    rasters = [m for m in maps.marks if isinstance(m, Raster)]
    assert len(rasters) == 4, "crop, target, step 0, step 2"
    assert rasters[1].values.max() == pytest.approx(1, abs=0.3)
    assert words(maps)[:4] == ["fixed person", "target", "step 0", "step 2"]
    assert frame_png(figure.frame)[:4] == b"\x89PNG"


def test_a_model_without_background_and_center_map():
    """mmpose's: the last map is a joint like the others, so silence is zero on it too."""
    model = CPM.mmpose(TINY, num_stages=2, input_size=(64, 64))
    live = LiveTraining(model, TinyPeople(12), batch_size=2)
    assert live.blank == pytest.approx(
        float((live.targets[-1].square() * live.weights[-1, ..., None, None]).mean())
    )
    live.burst()
    assert [len(losses) for losses in live.history.losses] == [2, 2]
    assert live.history.maps[2].shape == (TINY.num_joints, 8, 8)


# --- a folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("run")
    tiny_train(place, epochs=2)
    return place


def test_a_folder_is_followed(folder, tmp_path):
    lines = (folder / "log.csv").read_text().splitlines(keepends=True)
    copied = tmp_path / "run"
    shutil.copytree(folder, copied)
    (copied / "log.csv").write_text("".join(lines[:4]) + lines[4][:7])  # a row that is just being written
    figure = training_monitor(folder=copied, people=TinyPeople(8))
    assert figure.status.startswith("Step 3, ")
    (copied / "log.csv").write_text("".join(lines))
    figure.set(follow=1)
    assert figure.status.startswith("Step 10, ")
    last = float(lines[-1].split(",")[-1])
    assert f"{last:.2g} by stage" in figure.status
    assert "of people never seen" in figure.status, "from validation.csv"
    assert words(panel(figure.frame, "maps"))[1] == "target"


def test_a_folder_without_people_has_curves_alone(folder):
    figure = training_monitor(folder=folder)
    assert [p.name for row in figure.frame.rows for p in row] == ["loss", "pck"]


def test_no_run_there(tmp_path):
    with pytest.raises(ValueError, match=r"holds no log\.csv"):
        FollowedRun(tmp_path)


def test_a_checkpoint_that_is_half_written_waits(folder, tmp_path):
    copied = tmp_path / "run"
    shutil.copytree(folder, copied)
    whole = (copied / "best.safetensors").read_bytes()
    (copied / "best.safetensors").write_bytes(whole[:100])
    run = FollowedRun(copied, TinyPeople(8))
    assert run.blank is None
    (copied / "best.safetensors").write_bytes(whole)
    run.read()
    assert run.blank is not None
    assert run.history.maps[10].shape == (TINY.num_joints, 4, 4)
