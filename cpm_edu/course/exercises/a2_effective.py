"""ex09: the effective receptive field of one cell."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from ...receptive_field import effective_receptive_field
from ..exercise import Exercise, Mistake
from ..same import as_array, same_value
from .small_networks import as_tensor, convolution, random_convolution

__all__ = ["EXERCISES"]


def effective_field(network: nn.Sequential, images: Tensor, cell: tuple[int, int]) -> Tensor:
    one_by_one = iter(images.split(1))
    return effective_receptive_field(
        network,
        tuple(images.shape[1:]),
        cell,
        num_inputs=len(images),
        draw=lambda shape, generator: next(one_by_one).clone(),
    )


def _pulled(
    reduce: Callable[[Tensor, Tensor], Tensor],
    weigh: Callable[[Tensor, tuple[int, int]], Tensor] | None = None,
) -> Callable[..., Tensor]:
    """An answer from the gradients with their signs, (N, C, H, W), and the images: reduce(gradients, images).

    weigh(maps, cell) says how much each of the network's outputs counts; None: those of the cell, once.
    """

    def answer(network, images, cell):
        maps, pull_back = torch.func.vjp(network, images)
        (gradients,) = pull_back((weigh or _at)(maps.detach(), cell))
        return reduce(gradients, images)

    return answer


def _at(maps: Tensor, cell: tuple[int, int]) -> Tensor:
    counts = torch.zeros_like(maps)
    counts[:, :, cell[1], cell[0]] = 1
    return counts


def _first_output(maps: Tensor, cell) -> Tensor:
    counts = _at(maps, cell)
    counts[:, 1:] = 0
    return counts


def _mean_output(maps: Tensor, cell) -> Tensor:
    return _at(maps, cell) / maps.shape[1]


def _middle_cell(maps: Tensor, cell) -> Tensor:
    return _at(maps, (maps.shape[3] // 2, maps.shape[2] // 2))


def _pull(gradients: Tensor, images: Tensor | None = None) -> Tensor:
    return gradients.abs().sum(1).mean(0)


def _rescaled(field: Tensor, by: Tensor) -> Tensor:
    return field / by if by > 0 else torch.zeros_like(field)


def _no_gradient(cases, expected, outcomes) -> bool:
    """Torch was never asked to follow the images."""
    signs = ("does not require grad", "does not have a grad_fn", "not to require grad", "used in the graph")
    return any(o.error == "RuntimeError" and any(sign in o.message for sign in signs) for o in outcomes)


def _gradient_is_none(cases, expected, outcomes) -> bool:
    return any(o.error in ("AttributeError", "TypeError") and "NoneType" in o.message for o in outcomes)


def _is_scaled(cases, expected, outcomes) -> bool:
    """Every field is the right one times a factor of its own."""
    if all(same_value(o.value, w) for o, w in zip(outcomes, expected, strict=True)):
        return False
    for wanted, outcome in zip(expected, outcomes, strict=True):
        found = as_array(outcome.value)
        if found is None or found.shape != tuple(wanted.shape) or not np.isfinite(found).all():
            return False
        wanted = wanted.numpy()
        if (found.sum() > 0) != (wanted.sum() > 0):
            return False
        if wanted.sum() > 0 and not np.allclose(found / found.sum(), wanted / wanted.sum(), atol=1e-5):
            return False
    return True


def _cases(rng: np.random.Generator):
    taps = [[[[1, 2, 3], [4, 5, 6], [7, 8, -9]]]]
    yield nn.Sequential(convolution(taps, padding=1)), torch.zeros(1, 1, 4, 5), (3, 1)
    one_in_two = nn.Sequential(convolution([[[[2.0]]]]), nn.ReLU())
    yield one_in_two, as_tensor([[[[0, 1, 0]]], [[[0, -1, 0]]]]), (1, 0)  # open, then shut: the mean is 1
    opposite = nn.Sequential(convolution([[[[1.0]], [[-3.0]]]]))
    yield opposite, torch.zeros(1, 2, 2, 3), (2, 0)  # colours of opposite sign: 4, not -2
    for number, channels, inside, outside, size in (
        (3, 3, 4, 2, (17, 33)),
        (2, 2, 3, 3, (12, 9)),
        (1, 1, 2, 1, (1, 1)),
    ):
        network = nn.Sequential(
            random_convolution(rng, channels, inside, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1),
            random_convolution(rng, inside, outside, 3, padding=2, dilation=2),
        )
        height, width = ((side + 1) // 2 for side in size)
        images = as_tensor(rng.normal(size=(number, channels, *size)))
        yield network, images, (int(rng.integers(width)), int(rng.integers(height)))


MISTAKES = (
    Mistake(
        "xy-swapped",
        "the cell is read as (row, column). It is (x, y), and maps have rows first: (N, C, rows, columns).",
        _pulled(_pull, lambda maps, cell: _at(maps, cell[::-1])),
    ),
    Mistake(
        "no-gradient",
        "torch did not follow the images, so there is no gradient with respect to them. Work on a copy of the images that "
        "asks for a gradient, and give that copy to the network.",
        seen=_no_gradient,
    ),
    Mistake(
        "gradient-not-kept",
        "the gradient that you read is None. Torch keeps it only for the very tensor that was asked to have one, not for "
        "what was computed from it afterwards, and only once you have gone backward.",
        seen=_gradient_is_none,
    ),
    Mistake(
        "whole-map",
        "you pull at the whole output map. Asked for is what one cell listens to: take its number out first.",
        _pulled(_pull, lambda maps, cell: torch.ones_like(maps)),
    ),
    Mistake(
        "middle-cell",
        "you ask the cell in the middle of the map, whatever `cell` says.",
        _pulled(_pull, _middle_cell),
    ),
    Mistake(
        "one-output",
        "you ask the first output map only. The cell has one number in every output map; pull at their sum.",
        _pulled(_pull, _first_output),
    ),
    Mistake(
        "outputs-averaged",
        "the cell's numbers are averaged over the output maps, not added up.",
        _pulled(_pull, _mean_output),
    ),
    Mistake(
        "sign-kept",
        "your field has negative numbers, or pulls of opposite sign that cancel. A pixel that pushes the cell down "
        "is listened to as well: take the size of every gradient before anything is added.",
        (
            _pulled(lambda g, images: g.sum(1).mean(0)),
            _pulled(lambda g, images: g.clamp(min=0).sum(1).mean(0)),
        ),
    ),
    Mistake(
        "size-taken-late",
        "you take the size of a gradient after adding up over colours or images. By then a push up and a push down "
        "have cancelled.",
        (
            _pulled(lambda g, images: g.sum(1).abs().mean(0)),
            _pulled(lambda g, images: g.mean(0).abs().sum(0)),
            _pulled(lambda g, images: g.sum(1).mean(0).abs()),
        ),
    ),
    Mistake(
        "squared",
        "the gradients are squared, or put together as the root of a sum of squares. Asked for is their size, the "
        "absolute value.",
        (
            _pulled(lambda g, images: g.square().sum(1).mean(0)),
            _pulled(lambda g, images: g.square().sum(1).sqrt().mean(0)),
            _pulled(lambda g, images: g.square().sum(1).mean(0).sqrt()),
        ),
    ),
    Mistake(
        "support-only",
        "you return where the gradient is not zero: what the cell can see. Asked for is how much it listens to each "
        "pixel.",
        _pulled(lambda g, images: (_pull(g) > 0).float()),
    ),
    Mistake(
        "times-image",
        "the gradient is multiplied by the image. That tells what a pixel contributed; asked for is how much it would "
        "move the cell.",
        (
            _pulled(lambda g, images: _pull(g * images)),
            _pulled(lambda g, images: (g * images).sum(1).abs().mean(0)),
        ),
    ),
    Mistake(
        "one-image",
        "only one of the images counts. Which pixels a ReLU lets through differs by image: average over all.",
        (_pulled(lambda g, images: _pull(g[:1])), _pulled(lambda g, images: _pull(g[-1:]))),
    ),
    Mistake(
        "images-added",
        "the fields of the images are added up. Asked for is their mean.",
        _pulled(lambda g, images: _pull(g) * len(g)),
    ),
    Mistake(
        "colours-averaged",
        "you average over the colours of a pixel, or take the largest. They are added up: what a pixel does, all its "
        "colours do together.",
        (_pulled(lambda g, images: g.abs().mean((0, 1))), _pulled(lambda g, images: g.abs().amax(1).mean(0))),
    ),
    Mistake(
        "rescaled",
        "the field is rescaled, to a largest value of 1 or to a sum of 1. Asked for is the gradient as it is.",
        (
            _pulled(lambda g, images: _rescaled(_pull(g), _pull(g).max())),
            _pulled(lambda g, images: _rescaled(_pull(g), _pull(g).sum())),
            _pulled(lambda g, images: (g.abs().sum(1) / g.abs().sum((1, 2, 3))[:, None, None]).mean(0)),
        ),
    ),
    Mistake(
        "scaled",
        "the field has the right shape, but its numbers are too large or too small by one factor. Over what do you add "
        "up, over what do you average?",
        seen=_is_scaled,
    ),
)

EXERCISES = (
    Exercise(
        id="ex09",
        assignment="A2",
        name="effective_field",
        title="The effective receptive field",
        minutes=30,
        points=5,
        asks_for="your own effective receptive field",
        forbids=("cpm_edu.receptive_field.effective_receptive_field",),
        cases=_cases,
        reference=effective_field,
        mistakes=MISTAKES,
        hints=(
            "What has to change a little, and what do you watch while it does? Which of the two does torch have to follow?",
            "Let a copy of the images ask for a gradient, run the network, take the cell's numbers of all output maps and "
            "all images, add them up, and go backward. Images do not disturb each other: one sum serves all of them.",
            "maps[:, :, y, x].sum() is what you go backward from. The copy's gradient is (N, C, H, W): absolute values, "
            "sum over the channels, mean over the images.",
        ),
        engine="torch",
        may_change=True,  # to ask the images themselves for a gradient is no fault
    ),
)
