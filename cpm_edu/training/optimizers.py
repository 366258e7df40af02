"""Optimizers of a run: AdamW, Adam, SGD, or Muon for the convolution kernels beside AdamW for the rest."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from ..models import CPM

__all__ = ["Muon", "make_optimizers"]

# Quintic whose repeated application drives singular values toward 1: K. Jordan et al., "Muon", 2024.
QUINTIC = (3.4445, -4.7750, 2.0315)


def orthogonalize(matrix: Tensor, iterations: int = 5) -> Tensor:
    """The (rows, columns) matrix with its singular values moved close to 1 (0.7 to 1.2); bfloat16 products."""
    a, b, c = QUINTIC
    x = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x = (x / (x.norm() + 1e-7)).bfloat16()
    for _ in range(iterations):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    x = x.float()
    return x.T if matrix.shape[0] > matrix.shape[1] else x


class Muon(torch.optim.Optimizer):
    """Momentum whose step is orthogonalised: every direction of a kernel moves equally far.

    A kernel (out, in, k, k) counts as an (out, in * k * k) matrix; torch.optim.Muon takes matrices only.

    Args:
        parameters: convolution kernels.
        lr: about the spectral norm of one step.
        weight_decay: decoupled, relative to lr.
        momentum: of the gradients, Nesterov style.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float = 0.02,
        weight_decay: float = 0.01,
        momentum: float = 0.95,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure=None) -> None:
        for group in self.param_groups:
            for kernel in group["params"]:
                if kernel.grad is None:
                    continue
                state = self.state[kernel]
                if not state:
                    state["momentum"] = torch.zeros_like(kernel)
                state["momentum"].mul_(group["momentum"]).add_(kernel.grad)
                step = orthogonalize((kernel.grad + group["momentum"] * state["momentum"]).flatten(1))
                grow = max(1.0, step.shape[0] / step.shape[1]) ** 0.5
                kernel.mul_(1 - group["lr"] * group["weight_decay"])
                kernel.add_(step.view(kernel.shape), alpha=-group["lr"] * grow)


def make_optimizers(model: CPM, name: str, lr: float, weight_decay: float) -> list[torch.optim.Optimizer]:
    """The optimizers of a run, to be stepped together.

    Args:
        name: "muon" (hidden kernels by Muon at `lr`, the rest by AdamW at lr / 10), "adamw", "adam" (torch's
            defaults, as mmpose trains), or "sgd" with momentum 0.9. A model with `parameter_groups` decides its
            own groups under "sgd".

    Raises:
        ValueError: an unknown name.
    """
    if name == "sgd":
        groups = model.parameters()
        if hasattr(model, "parameter_groups"):
            groups = model.parameter_groups(lr=lr, weight_decay=weight_decay)
        return [torch.optim.SGD(groups, lr=lr, momentum=0.9, weight_decay=weight_decay)]
    if name == "adam":
        return [torch.optim.Adam(model.parameters(), lr=lr, weight_decay=weight_decay)]
    if name not in ("adamw", "muon"):
        raise ValueError(f'optimizer must be "muon", "adamw", "adam" or "sgd", not {name!r}')
    outputs = set(model.output_parameters())
    kernels = [p for n, p in model.named_parameters() if p.ndim == 4 and n not in outputs]
    hidden = [p for p in kernels if p.shape[0] >= 16 and p.shape[1] >= 4] if name == "muon" else []
    taken = {id(p) for p in hidden}
    rest = [p for p in model.parameters() if id(p) not in taken]
    rest_lr = lr / 10 if hidden else lr
    groups = [
        {"params": [p for p in rest if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in rest if p.ndim <= 1], "weight_decay": 0.0},
    ]
    adamw = torch.optim.AdamW([g for g in groups if g["params"]], lr=rest_lr)
    return [Muon(hidden, lr=lr, weight_decay=weight_decay), adamw] if hidden else [adamw]
