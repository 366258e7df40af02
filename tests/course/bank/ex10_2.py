"""ex10, wrong answers, continued."""

# %% wrong: center-missing
import torch
import torch.nn.functional as F


def refinement_stage(features, belief_maps, center_map, layers):
    x = torch.cat([features, belief_maps], dim=1)
    for k, (weight, bias) in enumerate(layers):
        x = F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)
        if k < len(layers) - 1:
            x = F.relu(x)
    return x


# %% wrong: beliefs-missing
import torch
import torch.nn.functional as F


def refinement_stage(features, belief_maps, center_map, layers):
    x = torch.cat([features, center_map], dim=1)
    for k, (weight, bias) in enumerate(layers):
        x = F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)
        if k < len(layers) - 1:
            x = F.relu(x)
    return x


# %% wrong: features-missing
import torch
import torch.nn.functional as F


def refinement_stage(features, belief_maps, center_map, layers):
    x = torch.cat([belief_maps, center_map], dim=1)
    for k, (weight, bias) in enumerate(layers):
        x = F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)
        if k < len(layers) - 1:
            x = F.relu(x)
    return x


# %% wrong: joined-wrongly | along the people
import torch
import torch.nn.functional as F


def refinement_stage(features, belief_maps, center_map, layers):
    x = torch.cat([features, belief_maps, center_map])
    for k, (weight, bias) in enumerate(layers):
        x = F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)
        if k < len(layers) - 1:
            x = F.relu(x)
    return x


# %% wrong: joined-wrongly | along the columns
import torch
import torch.nn.functional as F


def refinement_stage(features, belief_maps, center_map, layers):
    x = torch.cat([features, belief_maps, center_map], dim=-1)
    for k, (weight, bias) in enumerate(layers):
        x = F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)
        if k < len(layers) - 1:
            x = F.relu(x)
    return x


# %% wrong: joined-wrongly | added
import torch
import torch.nn.functional as F


def refinement_stage(features, belief_maps, center_map, layers):
    x = features + belief_maps + center_map
    for k, (weight, bias) in enumerate(layers):
        x = F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)
        if k < len(layers) - 1:
            x = F.relu(x)
    return x


# %% wrong: size-changed | no padding
import torch
import torch.nn.functional as F


def refinement_stage(features, belief_maps, center_map, layers):
    x = torch.cat([features, belief_maps, center_map], dim=1)
    for k, (weight, bias) in enumerate(layers):
        x = F.conv2d(x, weight, bias)
        if k < len(layers) - 1:
            x = F.relu(x)
    return x


# %% wrong: size-changed | the same padding for every kernel
import torch
import torch.nn.functional as F


def refinement_stage(features, belief_maps, center_map, layers):
    x = torch.cat([features, belief_maps, center_map], dim=1)
    for k, (weight, bias) in enumerate(layers):
        x = F.conv2d(x, weight, bias, padding=1)
        if k < len(layers) - 1:
            x = F.relu(x)
    return x


# %% wrong: last-layer-missing
import torch
import torch.nn.functional as F


def refinement_stage(features, belief_maps, center_map, layers):
    x = torch.cat([features, belief_maps, center_map], dim=1)
    for weight, bias in layers[:-1]:
        x = F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)
        x = F.relu(x)
    return x


# %% wrong: wrong-shape | without the people
import torch
import torch.nn.functional as F


def refinement_stage(features, belief_maps, center_map, layers):
    x = torch.cat([features, belief_maps, center_map], dim=1)
    for k, (weight, bias) in enumerate(layers):
        x = F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)
        if k < len(layers) - 1:
            x = F.relu(x)
    return x[0]


# %% wrong: returns-nothing
import torch
import torch.nn.functional as F


def refinement_stage(features, belief_maps, center_map, layers):
    x = torch.cat([features, belief_maps, center_map], dim=1)
    for k, (weight, bias) in enumerate(layers):
        x = F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)
        if k < len(layers) - 1:
            x = F.relu(x)
    belief_maps = x


# %% wrong: raises | layers are called as modules
import torch


def refinement_stage(features, belief_maps, center_map, layers):
    x = torch.cat([features, belief_maps, center_map], dim=1)
    for layer in layers:
        x = layer(x)
    return x


# %% wrong: delegates
import torch

from cpm_edu.models.paper import _refinement


def refinement_stage(features, belief_maps, center_map, layers):
    joined = torch.cat([features, belief_maps, center_map], dim=1)
    stage = _refinement(joined.shape[1], 128, belief_maps.shape[1])
    for module, (weight, bias) in zip([m for m in stage if hasattr(m, "weight")], layers):
        module.weight.data, module.bias.data = weight, bias
        module.padding = (weight.shape[-1] // 2,) * 2
    return stage(joined)
