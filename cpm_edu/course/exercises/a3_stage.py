"""ex10: one refinement stage."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor, nn

from ...models.paper import PaperCPM
from ..exercise import Exercise, Mistake, Outcome
from ..same import as_array
from .small_networks import as_tensor, convolution

__all__ = ["EXERCISES", "FORBIDDEN_STAGES", "in_order", "joined_wrongly"]

FORBIDDEN_STAGES = (
    "cpm_edu.models.paper.PaperCPM.stages",
    "cpm_edu.models.lite.LiteCPM.stages",
    "cpm_edu.models.mmpose.MmposeCPM.stages",
    "cpm_edu.models.paper._refinement",
)

Layers = list[tuple[Tensor, Tensor]]
Network = Callable[[Tensor], Tensor]


def _machine(features: Tensor, belief_maps: Tensor, center_map: Tensor, refine: Network) -> Tensor:
    """The second stage of the library's machine, where all that stage 1 and the image give is known."""
    given = SimpleNamespace(
        num_stages=2,
        stage1=lambda images: belief_maps,
        image_features=lambda images: features,
        stage_features=[nn.Identity()],
        refinements=[refine],
        center_pool=nn.Identity(),
    )
    return PaperCPM.stages(given, torch.zeros(1, 3, 8, 8), center_map)[1]


def _network(
    layers: Layers, *, bias: bool = True, between: type[nn.Module] = nn.ReLU, at_end: bool = False
) -> nn.Sequential:
    modules: list[nn.Module] = []
    for weight, offset in layers:
        modules += [convolution(weight, offset if bias else None, padding="same"), between()]
    return nn.Sequential(*(modules if at_end else modules[:-1]))


def refinement_stage(features: Tensor, belief_maps: Tensor, center_map: Tensor, layers: Layers) -> Tensor:
    return _machine(features, belief_maps, center_map, _network(layers))


def _twisted(
    before: Callable[[Tensor, int], Tensor] = lambda joined, maps: joined,
    after: Callable[[Tensor, Tensor], Tensor] = lambda maps, earlier: maps,
    network: Callable[[Layers], Network] = _network,
) -> Callable[..., Tensor]:
    """The answer with something done before or after the layers, or with other layers.

    before(joined input, number of belief maps), after(new maps, earlier maps), network(layers).
    """

    def answer(features, belief_maps, center_map, layers):
        maps = belief_maps.shape[1]
        new = _machine(
            features, belief_maps, center_map, lambda joined: network(layers)(before(joined, maps))
        )
        return after(new, belief_maps)

    return answer


def in_order(order: str) -> Callable[[Tensor, int], Tensor]:
    """The joined input (features, beliefs, center) in another order, such as "bfc"."""

    def reorder(joined: Tensor, maps: int) -> Tensor:
        parts = dict(zip("fbc", joined.split((joined.shape[1] - maps - 1, maps, 1), 1), strict=True))
        return torch.cat([parts[key] for key in order], 1)

    return reorder


def _says(outcomes: Sequence[Outcome], pattern: str) -> list[tuple[int, ...]]:
    """The numbers that a pattern finds in torch's complaints."""
    found = [re.search(pattern, o.message) for o in outcomes if o.error == "RuntimeError"]
    return [tuple(map(int, match.groups())) for match in found if match]


def _missing(absent: Callable[[Tensor, Tensor], int]):
    """Seen where the first layer gets as many channels too few in every case as one of the inputs has."""

    def seen(cases, expected, outcomes) -> bool:
        lacking = []
        for (features, belief_maps, *_), outcome in zip(cases, outcomes, strict=True):
            counts = _says([outcome], r"to have (\d+) channels, but got (\d+)")
            if not counts:
                return False
            lacking.append(counts[0][0] - counts[0][1] == absent(features, belief_maps))
        return all(lacking)

    return seen


def joined_wrongly(cases, expected, outcomes) -> bool:
    """Torch complains that pieces of other shapes were added, or joined along an axis other than the channels."""
    added = _says(outcomes, r"size of tensor a \((\d+)\) must match the size of tensor b")
    axes = _says(outcomes, r"match except in dimension (\d+)")
    return bool(added) or any(axis != (1,) for axis in axes)


def _other_size(cases, expected, outcomes) -> bool:
    """Right number of maps, but not as many cells as came in."""
    shapes = [np.shape(as_array(o.value)) for o in outcomes if not o.error]
    wanted = [tuple(w.shape) for w, o in zip(expected, outcomes, strict=True) if not o.error]
    if not shapes or any(len(s) != 4 or s[:2] != w[:2] for s, w in zip(shapes, wanted, strict=True)):
        return False
    return any(s != w for s, w in zip(shapes, wanted, strict=True))


def _cases(rng: np.random.Generator):
    # features 1, beliefs 2 and 3, center 4: the weights write them side by side
    digits = [(as_tensor([1000, 100, 10, 1, 0, 0, 0, -1]).reshape(2, 4, 1, 1), as_tensor([0, 0.5]))]
    values = (as_tensor(v).reshape(1, -1, 1, 1) for v in ([1], [2, 3], [4]))
    yield *values, digits  # 1234 and -3.5
    # how many of the nine neighbours are on the map, less 5, cut at 0, times 2, plus 1
    count = torch.zeros(1, 3, 3, 3)
    count[:, 0] = 1
    layers = [(count, as_tensor([-5])), (as_tensor([2]).reshape(1, 1, 1, 1), as_tensor([1]))]
    yield torch.ones(1, 1, 3, 4), torch.zeros(1, 1, 3, 4), torch.zeros(1, 1, 3, 4), layers
    for people, features, maps, height, width, kernels in (
        (2, 3, 2, 5, 7, (3, 3, 1)),
        (1, 2, 4, 17, 33, (5, 1, 1)),
        (1, 4, 3, 1, 1, (3, 1)),
        (2, 2, 3, 12, 12, (11, 11, 11, 1, 1)),
    ):
        channels = (features + maps + 1, *(4,) * (len(kernels) - 1), maps)
        layers = []
        for inputs, outputs, kernel in zip(channels, channels[1:], kernels, strict=False):
            weight = rng.normal(size=(outputs, inputs, kernel, kernel)) * np.sqrt(2 / inputs) / kernel
            layers.append((as_tensor(weight), as_tensor(0.3 * rng.normal(size=outputs))))
        sizes = ((people, n, height, width) for n in (features, maps, 1))
        yield *(as_tensor(rng.normal(size=size)) for size in sizes), layers


MISTAKES = (
    Mistake(
        "beliefs-first",
        "the belief maps stand before the image features. The first layer's weights expect image features, belief maps, "
        "center map, in this order; torch cannot notice an exchange.",
        _twisted(in_order("bfc")),
    ),
    Mistake(
        "other-order",
        "the three inputs are joined in another order than the weights expect. The center map comes last.",
        tuple(_twisted(in_order(order)) for order in ("fcb", "cfb", "cbf", "bcf")),
    ),
    Mistake(
        "relu-at-the-end",
        "there is a ReLU behind the last layer. A belief may be a little below 0, and the loss has to see it.",
        _twisted(network=lambda layers: _network(layers, at_end=True)),
    ),
    Mistake(
        "last-layer-missing",
        "you return what goes into the last layer. It is the last layer that makes belief maps of it.",
        (
            _twisted(network=lambda layers: _network(layers[:-1])),
            _twisted(network=lambda layers: _network(layers[:-1], at_end=True)),
        ),
    ),
    Mistake(
        "no-relu",
        "there is no ReLU between the layers. Without it several convolutions are no more than one.",
        _twisted(network=lambda layers: _network(layers, between=nn.Identity)),
    ),
    Mistake(
        "relu-at-the-start",
        "there is a ReLU in front of the first layer. Whatever is negative in its three inputs is lost.",
        _twisted(lambda joined, maps: joined.relu()),
    ),
    Mistake(
        "squashed",
        "the maps are squeezed into 0..1 at the end. Belief maps are compared with their targets as they are.",
        (
            _twisted(after=lambda maps, earlier: maps.sigmoid()),
            _twisted(after=lambda maps, earlier: maps.softmax(1)),
            _twisted(after=lambda maps, earlier: maps.clamp(0, 1)),
        ),
    ),
    Mistake(
        "adds-earlier-beliefs",
        "the earlier belief maps are added to the result. A stage reads them and then says its own.",
        _twisted(after=lambda maps, earlier: maps + earlier),
    ),
    Mistake(
        "no-bias",
        "the biases are not used. Every layer has a weight and a bias.",
        _twisted(network=lambda layers: _network(layers, bias=False)),
    ),
    Mistake(
        "center-missing",
        "the first layer gets one channel too few: the center map is missing.",
        seen=_missing(lambda features, belief_maps: 1),
    ),
    Mistake(
        "beliefs-missing",
        "the first layer gets too few channels: the belief maps of the stage before are missing.",
        seen=_missing(lambda features, belief_maps: belief_maps.shape[1]),
    ),
    Mistake(
        "features-missing",
        "the first layer gets too few channels: the image features are missing.",
        seen=_missing(lambda features, belief_maps: features.shape[1]),
    ),
    Mistake(
        "joined-wrongly",
        "the three inputs are to lie side by side as channels, axis 1 of (N, channels, rows, columns). They are neither "
        "added nor joined along another axis.",
        seen=joined_wrongly,
    ),
    Mistake(
        "size-changed",
        "the maps come out with another number of cells than went in. How much padding keeps the size of a map, for a "
        "kernel of 1, 3, 11?",
        seen=_other_size,
    ),
)

EXERCISES = (
    Exercise(
        id="ex10",
        assignment="A3",
        name="refinement_stage",
        title="One refinement stage",
        minutes=25,
        points=4,
        asks_for="your own refinement stage",
        forbids=FORBIDDEN_STAGES,
        cases=_cases,
        reference=refinement_stage,
        mistakes=MISTAKES,
        hints=(
            "What does the stage read, and along which axis do these three lie side by side?",
            "torch.cat along axis 1, then layer by layer torch.nn.functional.conv2d. For an odd kernel, half of it "
            "(rounded down) as padding keeps the size.",
            "After every layer but the last: torch.relu. In a loop, enumerate(layers) tells which is the last.",
        ),
        engine="torch",
    ),
)
