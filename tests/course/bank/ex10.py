# %% right: loop
import torch
import torch.nn.functional as F


def refinement_stage(features, belief_maps, center_map, layers):
    x = torch.cat([features, belief_maps, center_map], dim=1)
    for k, (weight, bias) in enumerate(layers):
        x = F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)
        if k < len(layers) - 1:
            x = F.relu(x)
    return x


# %% right: modules built from the weights
import torch


def refinement_stage(features, belief_maps, center_map, layers):
    modules = []
    for weight, bias in layers:
        outputs, inputs, kernel, _ = weight.shape
        layer = torch.nn.Conv2d(inputs, outputs, kernel, padding=(kernel - 1) // 2)
        layer.weight.data, layer.bias.data = weight, bias
        modules += [layer, torch.nn.ReLU()]
    stage = torch.nn.Sequential(*modules[:-1])
    with torch.no_grad():
        return stage(torch.cat((features, belief_maps, center_map), 1))


# %% right: three first convolutions added up, no torch.cat
import torch.nn.functional as F


def refinement_stage(features, belief_maps, center_map, layers):
    first, bias = layers[0]
    x, at = bias[:, None, None], 0
    for part in (features, belief_maps, center_map):
        weight = first[:, at : at + part.shape[1]]
        x = x + F.conv2d(part, weight, padding="same")
        at += part.shape[1]
    for weight, bias in layers[1:]:
        x = F.conv2d(x.clamp(min=0), weight, bias, padding="same")
    return x


# %% wrong: beliefs-first
import torch
import torch.nn.functional as F


def refinement_stage(features, belief_maps, center_map, layers):
    x = torch.cat([belief_maps, features, center_map], dim=1)
    for k, (weight, bias) in enumerate(layers):
        x = F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)
        if k < len(layers) - 1:
            x = F.relu(x)
    return x


# %% wrong: other-order | the center map first
import torch
import torch.nn.functional as F


def refinement_stage(features, belief_maps, center_map, layers):
    x = torch.cat([center_map, features, belief_maps], dim=1)
    for k, (weight, bias) in enumerate(layers):
        x = F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)
        if k < len(layers) - 1:
            x = F.relu(x)
    return x


# %% wrong: other-order | the center map between
import torch
import torch.nn.functional as F


def refinement_stage(features, belief_maps, center_map, layers):
    x = torch.cat([features, center_map, belief_maps], dim=1)
    for k, (weight, bias) in enumerate(layers):
        x = F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)
        if k < len(layers) - 1:
            x = F.relu(x)
    return x


# %% wrong: relu-at-the-end
import torch
import torch.nn.functional as F


def refinement_stage(features, belief_maps, center_map, layers):
    x = torch.cat([features, belief_maps, center_map], dim=1)
    for weight, bias in layers:
        x = F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)
        x = F.relu(x)
    return x


# %% wrong: no-relu
import torch
import torch.nn.functional as F


def refinement_stage(features, belief_maps, center_map, layers):
    x = torch.cat([features, belief_maps, center_map], dim=1)
    for weight, bias in layers:
        x = F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)
    return x


# %% wrong: relu-at-the-start | before every layer
import torch
import torch.nn.functional as F


def refinement_stage(features, belief_maps, center_map, layers):
    x = torch.cat([features, belief_maps, center_map], dim=1)
    for weight, bias in layers:
        x = F.conv2d(F.relu(x), weight, bias, padding=weight.shape[-1] // 2)
    return x


# %% wrong: squashed | a sigmoid
import torch
import torch.nn.functional as F


def refinement_stage(features, belief_maps, center_map, layers):
    x = torch.cat([features, belief_maps, center_map], dim=1)
    for k, (weight, bias) in enumerate(layers):
        x = F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)
        if k < len(layers) - 1:
            x = F.relu(x)
    return torch.sigmoid(x)


# %% wrong: squashed | softmax over the maps
import torch
import torch.nn.functional as F


def refinement_stage(features, belief_maps, center_map, layers):
    x = torch.cat([features, belief_maps, center_map], dim=1)
    for k, (weight, bias) in enumerate(layers):
        x = F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)
        if k < len(layers) - 1:
            x = F.relu(x)
    return F.softmax(x, dim=1)


# %% wrong: adds-earlier-beliefs
import torch
import torch.nn.functional as F


def refinement_stage(features, belief_maps, center_map, layers):
    x = torch.cat([features, belief_maps, center_map], dim=1)
    for k, (weight, bias) in enumerate(layers):
        x = F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)
        if k < len(layers) - 1:
            x = F.relu(x)
    return belief_maps + x


# %% wrong: no-bias
import torch
import torch.nn.functional as F


def refinement_stage(features, belief_maps, center_map, layers):
    x = torch.cat([features, belief_maps, center_map], dim=1)
    for k, (weight, bias) in enumerate(layers):
        x = F.conv2d(x, weight, padding=weight.shape[-1] // 2)
        if k < len(layers) - 1:
            x = F.relu(x)
    return x
