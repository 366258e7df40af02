"""What figures start with: the shipped model, the paper's layers with few channels and random weights, drawn people."""

from __future__ import annotations

import torch
from torch import nn

from ...datasets.people import FirstPersons
from ...datasets.synthetic import SyntheticPeople
from ...models import CPM
from ...models.paper import WEIGHT_STD
from ...skeletons import LSP, Skeleton
from ...training.batches import Batch, crop_loader
from ...weights import load_lite

__all__ = ["drawn_batch", "example_networks", "he_weights", "narrow_paper_network"]


def example_networks(skeleton: Skeleton = LSP) -> dict[str, CPM]:
    """The shipped model, and three stages of the paper's layers, 8 channels wide with random weights, in both poolings."""
    networks = {"lite, trained": load_lite()}
    for pool, words in ((3, "paper's layers, pool 3/2"), (2, "paper's layers, pool 2/2")):
        networks[words] = he_weights(CPM.paper(skeleton, num_stages=3, width=8, pool_kernel=pool))
    return networks


def narrow_paper_network(
    *, width: int = 8, num_stages: int = 3, size: int = 64, seed: int = 0, skeleton: Skeleton = LSP
) -> CPM:
    """The paper's network with few channels, whose layers shrink signals and gradients about as the wide one's do.

    A layer of k x k x width inputs with weights of deviation s scales what passes by about s * k * sqrt(width / 2):
    with fewer channels s must grow. The belief maps do not get fewer, so the layers that read or write them shrink
    less than in the wide network. Dropout is off, so that the same call gives the same gradients.
    """
    torch.manual_seed(seed)
    model = CPM.paper(skeleton, num_stages=num_stages, width=width, input_size=(size, size)).eval()
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, std=WEIGHT_STD * (128 / width) ** 0.5)
    return model


def he_weights(model: CPM, seed: int = 0) -> CPM:
    """Redraw every convolution, in place: normal with variance 2 / inputs, which neither shrinks nor swells signals.

    Source: He et al. 2015, Delving Deep into Rectifiers, section 2.2.
    """
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            inputs = module.weight[0].numel()
            with torch.no_grad():
                module.weight.normal_(0, (2 / inputs) ** 0.5, generator=generator)
                if module.bias is not None:
                    module.bias.zero_()
    return model


def drawn_batch(model: CPM, count: int, *, seed: int = 1) -> Batch:
    """Plain crops of `count` drawn people, of the model's size."""
    return next(iter(crop_loader(FirstPersons(SyntheticPeople(count, seed=seed)), model, batch_size=count)))
