"""How large the gradient of every layer is, with a loss on some of the stages: at the start, and while training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import torch
from torch import Tensor

from ...losses import stage_loss
from ...models import CPM
from ...training.batches import Batch, model_inputs, stage_targets

__all__ = ["GradientRecord", "gradients_at_start", "gradients_while_training", "loss_groups"]

Subset = tuple[bool, ...]  # for each group of stages: whether it has a loss


@dataclass(frozen=True)
class GradientRecord:
    """Gradient norms of L convolutions at S moments.

    Args:
        name: of the network, for titles.
        layers: L names of parameters, from the image to the last maps.
        parts: for each layer the part of the network it belongs to, such as "image features" or "stage 2".
        groups: the stages that get a loss together: indices from 0.
        steps: S numbers of training steps done before the moment.
        norms: for every subset of groups (S, L) norms of the gradient of the sum of its losses; 0 where no loss
            reaches a layer.
        losses: for every subset (S, T) losses of all stages, whether they count or not.
    """

    name: str
    layers: tuple[str, ...]
    parts: tuple[str, ...]
    groups: tuple[tuple[int, ...], ...]
    steps: tuple[int, ...]
    norms: dict[Subset, np.ndarray]
    losses: dict[Subset, np.ndarray] = field(default_factory=dict)

    def by_part(self, subset: Subset, moment: int = 0) -> dict[str, float]:
        """Geometric mean of the norms in every part of the network; layers without gradient are left out."""
        found = {}
        for part in dict.fromkeys(self.parts):
            norms = self.norms[subset][moment][[p == part for p in self.parts]]
            found[part] = float(np.exp(np.log(norms[norms > 0]).mean())) if (norms > 0).any() else 0.0
        return found


def loss_groups(num_stages: int) -> tuple[tuple[int, ...], ...]:
    """The first stage, those between, the last: up to three groups of stage indices."""
    groups = ((0,), tuple(range(1, num_stages - 1)), (num_stages - 1,))
    return groups[:1] if num_stages == 1 else tuple(group for group in groups if group)


def gradients_at_start(
    model: CPM, batch: Batch, *, name: str = "", sigma_cells: float = 1.0
) -> GradientRecord:
    """Gradients of a network as it is, for every subset of losses. The network is not changed.

    A gradient of a sum is the sum of gradients: one backward pass a group of stages is enough for all subsets.

    Args:
        model: any CPM, run in its present mode.
        batch: painted crops.
        sigma_cells: width of the targets.
    """
    layers = _layers(model)
    groups = loss_groups(model.num_stages)
    losses = _losses(model, batch, sigma_cells)
    gradients = []
    for number, group in enumerate(groups):
        total = losses[list(group)].sum()
        last = number == len(groups) - 1
        found = torch.autograd.grad(total, list(layers.values()), retain_graph=not last, allow_unused=True)
        gradients.append(found)
    products = np.stack([_products(column) for column in zip(*gradients, strict=True)])  # (L, G, G)
    norms, every_loss = {}, {}
    for subset in product((False, True), repeat=len(groups)):
        chosen = np.array(subset, float)
        norms[subset] = np.sqrt(np.maximum(np.einsum("lgh,g,h->l", products, chosen, chosen), 0))[None]
        every_loss[subset] = losses.detach().double().numpy()[None]
    return GradientRecord(name, tuple(layers), _parts(layers), groups, (0,), norms, every_loss)


def gradients_while_training(
    make_model: Callable[[], CPM],
    batch: Batch,
    *,
    steps: int = 40,
    every: int = 4,
    lr: float = 1e-3,
    sigma_cells: float = 1.0,
    name: str = "",
) -> GradientRecord:
    """Train from the same start with every subset of losses (Adam, one batch again and again), looking now and then.

    Args:
        make_model: returns the same fresh network whenever it is called.
        batch: painted crops to learn by heart.
        steps: of training; the record holds 0, `every`, 2 x `every`, ...
        lr: learning rate.
        sigma_cells: width of the targets.
    """
    model = make_model()
    groups, layers = loss_groups(model.num_stages), _layers(model)
    moments = tuple(range(0, steps + 1, every))
    norms, losses = {}, {}
    for subset in product((False, True), repeat=len(groups)):
        if any(subset):
            stages = [t for group, on in zip(groups, subset, strict=True) if on for t in group]
            norms[subset], losses[subset] = _train(make_model(), batch, stages, steps, every, lr, sigma_cells)
        else:
            norms[subset] = np.zeros((len(moments), len(layers)))
    start = next(iter(losses.values()))[:1]
    losses[(False,) * len(groups)] = np.repeat(start, len(moments), 0)  # nothing is learned
    return GradientRecord(name, tuple(layers), _parts(layers), groups, moments, norms, losses)


def _train(
    model: CPM, batch: Batch, stages: Sequence[int], steps: int, every: int, lr: float, sigma_cells: float
):
    """(S, L) norms and (S, T) losses of one run with losses on `stages`."""
    layers, norms, losses = _layers(model), [], []
    optimizer = torch.optim.Adam(model.parameters(), lr)
    images, centers = model_inputs(batch, model)
    targets, weights = stage_targets(batch, model, sigma_cells)
    for step in range(steps + 1):
        loss = stage_loss(model(images, centers), targets, weights)
        optimizer.zero_grad()
        loss[list(stages)].sum().backward()
        if step % every == 0:
            gradients = [p.grad for p in layers.values()]
            norms.append([0.0 if g is None else float(g.double().norm()) for g in gradients])
            losses.append(loss.tolist())
        if step < steps:
            optimizer.step()
    return np.array(norms), np.array(losses)


def _losses(model: CPM, batch: Batch, sigma_cells: float) -> Tensor:
    targets, weights = stage_targets(batch, model, sigma_cells)
    return stage_loss(model(*model_inputs(batch, model)), targets, weights)


def _layers(model: CPM) -> dict[str, Tensor]:
    """Weights of all convolutions, from the image to the last maps."""
    named = {name: p for name, p in model.named_parameters() if p.ndim == 4}
    order = {part: number for number, part in enumerate(_part_order(model.num_stages))}
    return dict(sorted(named.items(), key=lambda item: order[_part(item[0])]))  # a stable sort


def _part_order(num_stages: int) -> list[str]:
    return ["image trunk", "stage 1", "image features", *(f"stage {t + 1}" for t in range(1, num_stages))]


def _parts(layers: dict[str, Tensor]) -> tuple[str, ...]:
    return tuple(_part(name) for name in layers)


def _part(name: str) -> str:
    """Which part of a paper, lite or mmpose CPM a parameter belongs to, by its name."""
    module, _, rest = name.partition(".")
    names = {"trunk": "image trunk", "stage1": "stage 1", "stem": "stage 1"}
    names |= {"image_features": "image features", "middle": "image features"}
    return names[module] if module in names else f"stage {int(rest.partition('.')[0]) + 2}"


def _products(gradients: Sequence[Tensor | None]) -> np.ndarray:
    """(G, G) inner products of one layer's gradients in float64, where squares of 1e-20 do not vanish."""
    flat = [None if g is None else g.detach().double().flatten() for g in gradients]
    return np.array([[0.0 if a is None or b is None else float(a @ b) for b in flat] for a in flat])
