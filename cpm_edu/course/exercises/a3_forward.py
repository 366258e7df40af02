"""ex11: the whole machine, from the image to the belief maps of every stage."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from types import SimpleNamespace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...models.paper import PaperCPM
from ..exercise import Exercise, Mistake
from ..same import same_value
from .a3_stage import FORBIDDEN_STAGES, in_order, joined_wrongly
from .small_networks import as_tensor, convolution, random_convolution

__all__ = ["EXERCISES"]

Module = Callable[[Tensor], Tensor]
CENTER_POOL = nn.AvgPool2d(9, stride=8, ceil_mode=True)  # as the paper's release has it


def _stages(
    images, center_maps, stage_1, image_features, reducers, refinements, center_pool: Module = CENTER_POOL
) -> list[Tensor]:
    """Belief maps of every stage, by the library."""
    machine = SimpleNamespace(
        num_stages=1 + len(refinements),
        stage1=stage_1,
        image_features=image_features,
        stage_features=reducers,
        refinements=refinements,
        center_pool=center_pool,
    )
    return PaperCPM.stages(machine, images, center_maps)


def cpm_forward(
    images: Tensor,
    center_maps: Tensor,
    stage_1: nn.Sequential,
    image_features: nn.Sequential,
    reducers: Sequence[nn.Sequential],
    refinements: Sequence[nn.Sequential],
) -> Tensor:
    return torch.stack(_stages(images, center_maps, stage_1, image_features, reducers, refinements))


def _returned(change: Callable[[list[Tensor]], Tensor]) -> Callable[..., Tensor]:
    """The right stages, returned in another way."""
    return lambda *arguments: change(_stages(*arguments))


def _pooled(center_pool: Module) -> Callable[..., Tensor]:
    return lambda *arguments: torch.stack(_stages(*arguments, center_pool=center_pool))


def _weights(choose: Callable[[Sequence, Sequence], tuple[Sequence, Sequence]]) -> Callable[..., Tensor]:
    """The answer where stages use other reducers and refinements than their own."""

    def answer(images, center_maps, stage_1, image_features, reducers, refinements):
        return cpm_forward(
            images, center_maps, stage_1, image_features, *choose(list(reducers), list(refinements))
        )

    return answer


def _around(wrap: Callable[[Module, int], Module]) -> Callable[..., Tensor]:
    """The answer with something around every refinement: wrap(refinement, number of belief maps)."""

    def answer(images, center_maps, stage_1, image_features, reducers, refinements):
        maps = stage_1(images).shape[1]
        wrapped = [wrap(refine, maps) for refine in refinements]
        return cpm_forward(images, center_maps, stage_1, image_features, reducers, wrapped)

    return answer


def _reordered(order: str) -> Callable[..., Tensor]:
    return _around(lambda refine, maps: lambda joined: refine(in_order(order)(joined, maps)))


def _between(change: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    """The earlier belief maps are changed before a stage reads them."""

    def wrap(refine, maps):
        def refined(joined):
            features, beliefs, center = joined.split((joined.shape[1] - maps - 1, maps, 1), 1)
            return refine(torch.cat([features, change(beliefs), center], 1))

        return refined

    return _around(wrap)


def _earlier_added(refine, maps):
    return lambda joined: refine(joined) + joined[:, -1 - maps : -1]


def _always_stage_1(images, center_maps, stage_1, image_features, reducers, refinements):
    given = images, center_maps, stage_1, image_features
    first = _stages(*given, [], [])
    later = [_stages(*given, [r], [f])[1] for r, f in zip(reducers, refinements, strict=True)]
    return torch.stack(first + later)


def _chained(reducers, refinements):
    chains = [nn.Sequential(*reducers[: t + 1]) for t in range(len(reducers))]
    return chains, refinements


def _same(value, expected) -> bool:
    """One tensor or array; a list of stages is not what a loss takes."""
    return not isinstance(value, list | tuple) and same_value(value, expected)


def _is_list(cases, expected, outcomes) -> bool:
    values = [outcome.value for outcome in outcomes]
    return all(
        isinstance(v, list | tuple) and len(v) == len(w) for v, w in zip(values, expected, strict=True)
    )


def _sizes_at_center(outcomes) -> list[tuple[int, int]]:
    """(cells expected, cells found) where torch would not join maps of different sizes."""
    pattern = r"except in dimension 1\. Expected size (\d+) but got size (\d+)"
    found = [re.search(pattern, o.message) for o in outcomes if o.error == "RuntimeError"]
    return [(int(match[1]), int(match[2])) for match in found if match]


def _center_not_pooled(cases, expected, outcomes) -> bool:
    return any(found >= 8 * wanted for wanted, found in _sizes_at_center(outcomes))


def _center_other_size(cases, expected, outcomes) -> bool:
    return bool(_sizes_at_center(outcomes)) or any("Output size is too small" in o.message for o in outcomes)


def _channels(cases, expected, outcomes) -> bool:
    return any(re.search(r"to have \d+ channels, but got \d+", o.message) for o in outcomes)


def _by_hand():
    """Everything from the image is a bias: features 1, beliefs 2 and 3; the center map is 4."""
    blind = torch.zeros(2, 3, 8, 8)
    stage_1 = nn.Sequential(convolution(blind, [2, 3], stride=8))
    features = nn.Sequential(convolution(blind[:1], [1], stride=8), nn.ReLU())
    reduce = [nn.Sequential(convolution([[[[1]]]]), nn.ReLU()) for _ in range(2)]
    weights = ([1000, 100, 10, 1, 0, 0, 0, -1], [1, 1, 1, 1, 0, 1, -1, 0])
    refine = [nn.Sequential(convolution(np.reshape(w, (2, 4, 1, 1)))) for w in weights]
    return torch.zeros(1, 3, 8, 8), torch.full((1, 1, 8, 8), 4.0), stage_1, features, reduce, refine


def _random(rng: np.random.Generator, people: int, stages: int, maps: int, size, features: int, reduced: int):
    def image_layers(outputs):
        return nn.Sequential(
            random_convolution(rng, 3, 4, 8, stride=8), nn.ReLU(), random_convolution(rng, 4, outputs, 1)
        )

    reduce, refine = [], []
    for _ in range(stages - 1):
        reduce.append(nn.Sequential(random_convolution(rng, features, reduced, 3, padding=1), nn.ReLU()))
        layers = random_convolution(rng, reduced + maps + 1, 5, 3, padding=1), nn.ReLU()
        refine.append(nn.Sequential(*layers, random_convolution(rng, 5, maps, 1)))
    images, centers = (as_tensor(rng.normal(size=(people, n, *size))) for n in (3, 1))
    return images, centers, image_layers(maps), image_layers(features), reduce, refine


def _cases(rng: np.random.Generator):
    yield _by_hand()  # (2, 3), (1234, -4), (1235, 1238)
    yield _random(rng, 2, 3, 2, (16, 24), 3, 3)
    yield _random(rng, 1, 4, 3, (24, 16), 4, 2)
    yield _random(rng, 1, 2, 3, (136, 264), 2, 2)  # 17 x 33 cells
    yield _random(rng, 2, 1, 2, (16, 8), 3, 2)  # stage 1 alone


MISTAKES = (
    Mistake(
        "last-stage-only",
        "you return the last stage only. Every stage is trained and looked at: return the belief maps of all of them.",
        _returned(lambda stages: stages[-1]),
    ),
    Mistake(
        "stage-1-missing",
        "the belief maps of stage 1 are not in your result; it begins with stage 2.",
        _returned(lambda stages: torch.stack(stages[1:])),
    ),
    Mistake(
        "stages-not-first",
        "people stand before stages. The stages are the first axis: (T, N, C, H, W).",
        _returned(lambda stages: torch.stack(stages, 1)),
    ),
    Mistake(
        "joined-not-stacked",
        "the stages are joined along an axis that is there already. They want a new one in front: (T, N, C, H, W).",
        (_returned(torch.cat), _returned(lambda stages: torch.cat(stages, 1))),
    ),
    Mistake(
        "list-of-stages",
        "you return a list with one tensor a stage. Asked for is one tensor, (T, N, C, H, W).",
        seen=_is_list,
    ),
    Mistake(
        "always-stage-1",
        "every later stage reads the belief maps of stage 1. Each reads those of the stage just before it.",
        _always_stage_1,
    ),
    Mistake(
        "weights-shared",
        "later stages use stage 2's layers again. Every stage has layers of its own: the next in both lists.",
        (
            _weights(lambda r, f: (r[:1] * len(r), f[:1] * len(f))),
            _weights(lambda r, f: (r, f[:1] * len(f))),
            _weights(lambda r, f: (r[:1] * len(r), f)),
        ),
    ),
    Mistake(
        "stages-backwards",
        "the later stages run in the wrong order: the first entry of both lists belongs to stage 2.",
        _weights(lambda r, f: (r[::-1], f[::-1])),
    ),
    Mistake(
        "reducers-chained",
        "a stage's reducer reads what the reducer before it has made. Each reads the image features themselves.",
        _weights(_chained),
    ),
    Mistake(
        "reducers-skipped",
        "the image features go into the later stages as they are. Each stage has a reducer of its own for them.",
        _weights(lambda r, f: ([nn.Identity()] * len(r), f)),
    ),
    Mistake(
        "beliefs-first",
        "the belief maps stand before the image features. A refinement's weights expect image features, belief maps, "
        "center map, in this order.",
        _reordered("bfc"),
    ),
    Mistake(
        "other-order",
        "the three inputs of a refinement are joined in another order than its weights expect. The center map comes last.",
        tuple(_reordered(order) for order in ("fcb", "cfb", "cbf", "bcf")),
    ),
    Mistake(
        "beliefs-changed-between",
        "the belief maps are cut or squeezed before the next stage reads them. It reads them as they are.",
        tuple(
            _between(change)
            for change in (torch.relu, torch.sigmoid, lambda b: b.clamp(0, 1), lambda b: b.softmax(1))
        ),
    ),
    Mistake(
        "earlier-beliefs-added",
        "a stage's result is added to the belief maps before it. A stage reads them and then says its own.",
        _around(_earlier_added),
    ),
    Mistake(
        "center-not-averaged",
        "of the center map you take one pixel a cell, or the largest. It is averaged over 9 x 9 pixels, every 8 pixels.",
        (
            _pooled(lambda maps: maps[..., ::8, ::8]),
            _pooled(nn.MaxPool2d(9, stride=8, ceil_mode=True)),
            _pooled(nn.MaxPool2d(8)),
        ),
    ),
    Mistake(
        "center-8-by-8",
        "the center map is averaged over 8 x 8 pixels, as the small model does it. This is the paper's machine: 9 x 9 "
        "pixels, every 8 pixels, with a smaller window where the crop ends.",
        (
            _pooled(nn.AvgPool2d(8)),
            _pooled(lambda maps: F.interpolate(maps, scale_factor=1 / 8, mode="area")),
        ),
    ),
    Mistake(
        "center-border",
        "the cells at the border of the center map are wrong. At the far border the 9 x 9 window is cut and averages the "
        "pixels that are there; nothing is padded.",
        _pooled(nn.AvgPool2d(9, stride=8, padding=4)),
    ),
    Mistake(
        "center-not-pooled",
        "the center map still has a number a pixel when it is joined with maps that have a number a cell. It is averaged "
        "first.",
        seen=_center_not_pooled,
    ),
    Mistake(
        "center-other-size",
        "your averaged center map has fewer or more cells than the belief maps. At the far border a 9 x 9 window does not "
        "fit any more and still counts: that is the ceil mode.",
        seen=_center_other_size,
    ),
    Mistake(
        "joined-wrongly",
        "the three inputs of a refinement are to lie side by side as channels, axis 1. They are neither added nor joined "
        "along another axis.",
        seen=joined_wrongly,
    ),
    Mistake(
        "channels",
        "a layer gets another number of channels than it has weights for. A refinement reads three things: the reduced "
        "image features of its own stage, the belief maps before it, and the center map.",
        seen=_channels,
    ),
)

EXERCISES = (
    Exercise(
        id="ex11",
        assignment="A3",
        name="cpm_forward",
        title="The full forward pass",
        minutes=35,
        points=6,
        asks_for="your own forward pass",
        forbids=FORBIDDEN_STAGES,
        cases=_cases,
        reference=cpm_forward,
        mistakes=MISTAKES,
        hints=(
            "Draw it: which of these run once, and which run once a stage? What does stage 3 need that stage 2 has made?",
            "Before the loop: the belief maps of stage 1, the image features, the averaged center map. In the loop over "
            "zip(reducers, refinements): join three things, refine, keep the result for the next round.",
            "Keep a list that begins with stage_1(images); in the loop append refine(torch.cat([reduce(features), "
            "the list's last entry, center], 1)). In the end torch.stack makes one tensor of the list.",
        ),
        same=_same,
        engine="torch",
    ),
)
