"""ex11, wrong answers, continued."""

# %% wrong: other-order | the center map between
import torch
import torch.nn.functional as F


def cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements):
    features = image_features(images)
    center = F.avg_pool2d(center_maps, 9, stride=8, ceil_mode=True)
    beliefs = [stage_1(images)]
    for reduce, refine in zip(reducers, refinements):
        joined = torch.cat([reduce(features), center, beliefs[-1]], dim=1)
        beliefs.append(refine(joined))
    return torch.stack(beliefs)


# %% wrong: beliefs-changed-between | negative beliefs cut off
import torch
import torch.nn.functional as F


def cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements):
    features = image_features(images)
    center = F.avg_pool2d(center_maps, 9, stride=8, ceil_mode=True)
    beliefs = [stage_1(images)]
    for reduce, refine in zip(reducers, refinements):
        joined = torch.cat([reduce(features), F.relu(beliefs[-1]), center], dim=1)
        beliefs.append(refine(joined))
    return torch.stack(beliefs)


# %% wrong: beliefs-changed-between | cut to 0..1
import torch
import torch.nn.functional as F


def cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements):
    features = image_features(images)
    center = F.avg_pool2d(center_maps, 9, stride=8, ceil_mode=True)
    beliefs = [stage_1(images)]
    for reduce, refine in zip(reducers, refinements):
        joined = torch.cat([reduce(features), beliefs[-1].clamp(0, 1), center], dim=1)
        beliefs.append(refine(joined))
    return torch.stack(beliefs)


# %% wrong: earlier-beliefs-added
import torch
import torch.nn.functional as F


def cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements):
    features = image_features(images)
    center = F.avg_pool2d(center_maps, 9, stride=8, ceil_mode=True)
    beliefs = [stage_1(images)]
    for reduce, refine in zip(reducers, refinements):
        joined = torch.cat([reduce(features), beliefs[-1], center], dim=1)
        beliefs.append(beliefs[-1] + refine(joined))
    return torch.stack(beliefs)


# %% wrong: center-not-averaged | every eighth pixel
import torch
import torch.nn.functional as F


def cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements):
    features = image_features(images)
    center = center_maps[:, :, ::8, ::8]
    beliefs = [stage_1(images)]
    for reduce, refine in zip(reducers, refinements):
        joined = torch.cat([reduce(features), beliefs[-1], center], dim=1)
        beliefs.append(refine(joined))
    return torch.stack(beliefs)


# %% wrong: center-not-averaged | the largest
import torch
import torch.nn.functional as F


def cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements):
    features = image_features(images)
    center = F.max_pool2d(center_maps, 8)
    beliefs = [stage_1(images)]
    for reduce, refine in zip(reducers, refinements):
        joined = torch.cat([reduce(features), beliefs[-1], center], dim=1)
        beliefs.append(refine(joined))
    return torch.stack(beliefs)


# %% wrong: center-8-by-8
import torch
import torch.nn.functional as F


def cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements):
    features = image_features(images)
    center = F.avg_pool2d(center_maps, 8)
    beliefs = [stage_1(images)]
    for reduce, refine in zip(reducers, refinements):
        joined = torch.cat([reduce(features), beliefs[-1], center], dim=1)
        beliefs.append(refine(joined))
    return torch.stack(beliefs)


# %% wrong: center-border | padded on all sides
import torch
import torch.nn.functional as F


def cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements):
    features = image_features(images)
    center = F.avg_pool2d(center_maps, 9, stride=8, padding=4)
    beliefs = [stage_1(images)]
    for reduce, refine in zip(reducers, refinements):
        joined = torch.cat([reduce(features), beliefs[-1], center], dim=1)
        beliefs.append(refine(joined))
    return torch.stack(beliefs)


# %% wrong: center-not-pooled
import torch
import torch.nn.functional as F


def cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements):
    features = image_features(images)
    center = center_maps
    beliefs = [stage_1(images)]
    for reduce, refine in zip(reducers, refinements):
        joined = torch.cat([reduce(features), beliefs[-1], center], dim=1)
        beliefs.append(refine(joined))
    return torch.stack(beliefs)


# %% wrong: center-other-size | no ceil mode
import torch
import torch.nn.functional as F


def cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements):
    features = image_features(images)
    center = F.avg_pool2d(center_maps, 9, stride=8)
    beliefs = [stage_1(images)]
    for reduce, refine in zip(reducers, refinements):
        joined = torch.cat([reduce(features), beliefs[-1], center], dim=1)
        beliefs.append(refine(joined))
    return torch.stack(beliefs)


# %% wrong: joined-wrongly | along the people
import torch
import torch.nn.functional as F


def cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements):
    features = image_features(images)
    center = F.avg_pool2d(center_maps, 9, stride=8, ceil_mode=True)
    beliefs = [stage_1(images)]
    for reduce, refine in zip(reducers, refinements):
        joined = torch.cat([reduce(features), beliefs[-1], center])
        beliefs.append(refine(joined))
    return torch.stack(beliefs)


# %% wrong: joined-wrongly | added
import torch
import torch.nn.functional as F


def cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements):
    features = image_features(images)
    center = F.avg_pool2d(center_maps, 9, stride=8, ceil_mode=True)
    beliefs = [stage_1(images)]
    for reduce, refine in zip(reducers, refinements):
        joined = reduce(features) + beliefs[-1] + center
        beliefs.append(refine(joined))
    return torch.stack(beliefs)


# %% wrong: channels | no center map
import torch
import torch.nn.functional as F


def cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements):
    features = image_features(images)
    center = F.avg_pool2d(center_maps, 9, stride=8, ceil_mode=True)
    beliefs = [stage_1(images)]
    for reduce, refine in zip(reducers, refinements):
        joined = torch.cat([reduce(features), beliefs[-1]], dim=1)
        beliefs.append(refine(joined))
    return torch.stack(beliefs)


# %% wrong: channels | no belief maps
import torch
import torch.nn.functional as F


def cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements):
    features = image_features(images)
    center = F.avg_pool2d(center_maps, 9, stride=8, ceil_mode=True)
    beliefs = [stage_1(images)]
    for reduce, refine in zip(reducers, refinements):
        joined = torch.cat([reduce(features), center], dim=1)
        beliefs.append(refine(joined))
    return torch.stack(beliefs)


# %% wrong: returns-nothing
import torch
import torch.nn.functional as F


def cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements):
    features = image_features(images)
    center = F.avg_pool2d(center_maps, 9, stride=8, ceil_mode=True)
    beliefs = [stage_1(images)]
    for reduce, refine in zip(reducers, refinements):
        joined = torch.cat([reduce(features), beliefs[-1], center], dim=1)
        beliefs.append(refine(joined))
    torch.stack(beliefs)


# %% wrong: raises | a list has no layers to call
import torch


def cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements):
    beliefs = stage_1(images)
    features = reducers(image_features(images))
    return refinements(torch.cat([features, beliefs, center_maps], dim=1))


# %% wrong: delegates
from types import SimpleNamespace

import torch

from cpm_edu.models.paper import PaperCPM


def cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements):
    machine = SimpleNamespace(
        num_stages=len(refinements) + 1,
        stage1=stage_1,
        image_features=image_features,
        stage_features=reducers,
        refinements=refinements,
        center_pool=torch.nn.AvgPool2d(9, 8, ceil_mode=True),
    )
    return torch.stack(PaperCPM.stages(machine, images, center_maps))
