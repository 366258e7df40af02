# %% right: a list that grows
import torch
import torch.nn.functional as F


def cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements):
    features = image_features(images)
    center = F.avg_pool2d(center_maps, 9, stride=8, ceil_mode=True)
    beliefs = [stage_1(images)]
    for reduce, refine in zip(reducers, refinements):
        joined = torch.cat([reduce(features), beliefs[-1], center], dim=1)
        beliefs.append(refine(joined))
    return torch.stack(beliefs)


# %% right: one tensor filled by index
import torch


def cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements):
    first = stage_1(images)
    stages = torch.empty(len(refinements) + 1, *first.shape)
    stages[0] = first
    center = torch.nn.AvgPool2d(9, 8, ceil_mode=True)(center_maps)
    for t in range(len(refinements)):
        told = torch.cat((reducers[t](image_features(images)), stages[t], center), 1)
        stages[t + 1] = refinements[t](told)
    return stages


# %% right: recursion, and the center map averaged by a mask
import torch
import torch.nn.functional as F


def cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements):
    ones = torch.ones_like(center_maps)
    kernel = torch.ones(1, 1, 9, 9)
    pads = (0, 1, 0, 1)
    center = F.conv2d(F.pad(center_maps, pads), kernel, stride=8) / F.conv2d(
        F.pad(ones, pads), kernel, stride=8
    )
    features = image_features(images)

    def beliefs(t):
        if t == 0:
            return [stage_1(images)]
        earlier = beliefs(t - 1)
        joined = torch.cat([reducers[t - 1](features), earlier[-1], center], 1)
        return [*earlier, refinements[t - 1](joined)]

    with torch.no_grad():
        return torch.stack(beliefs(len(refinements)))


# %% wrong: last-stage-only
import torch
import torch.nn.functional as F


def cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements):
    features = image_features(images)
    center = F.avg_pool2d(center_maps, 9, stride=8, ceil_mode=True)
    beliefs = [stage_1(images)]
    for reduce, refine in zip(reducers, refinements):
        joined = torch.cat([reduce(features), beliefs[-1], center], dim=1)
        beliefs.append(refine(joined))
    return beliefs[-1]


# %% wrong: stage-1-missing
import torch
import torch.nn.functional as F


def cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements):
    features = image_features(images)
    center = F.avg_pool2d(center_maps, 9, stride=8, ceil_mode=True)
    beliefs = [stage_1(images)]
    for reduce, refine in zip(reducers, refinements):
        joined = torch.cat([reduce(features), beliefs[-1], center], dim=1)
        beliefs.append(refine(joined))
    return torch.stack(beliefs[1:])


# %% wrong: stages-not-first
import torch
import torch.nn.functional as F


def cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements):
    features = image_features(images)
    center = F.avg_pool2d(center_maps, 9, stride=8, ceil_mode=True)
    beliefs = [stage_1(images)]
    for reduce, refine in zip(reducers, refinements):
        joined = torch.cat([reduce(features), beliefs[-1], center], dim=1)
        beliefs.append(refine(joined))
    return torch.stack(beliefs, dim=1)


# %% wrong: joined-not-stacked | as more channels
import torch
import torch.nn.functional as F


def cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements):
    features = image_features(images)
    center = F.avg_pool2d(center_maps, 9, stride=8, ceil_mode=True)
    beliefs = [stage_1(images)]
    for reduce, refine in zip(reducers, refinements):
        joined = torch.cat([reduce(features), beliefs[-1], center], dim=1)
        beliefs.append(refine(joined))
    return torch.cat(beliefs, dim=1)


# %% wrong: joined-not-stacked | as more people
import torch
import torch.nn.functional as F


def cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements):
    features = image_features(images)
    center = F.avg_pool2d(center_maps, 9, stride=8, ceil_mode=True)
    beliefs = [stage_1(images)]
    for reduce, refine in zip(reducers, refinements):
        joined = torch.cat([reduce(features), beliefs[-1], center], dim=1)
        beliefs.append(refine(joined))
    return torch.cat(beliefs)


# %% wrong: list-of-stages
import torch
import torch.nn.functional as F


def cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements):
    features = image_features(images)
    center = F.avg_pool2d(center_maps, 9, stride=8, ceil_mode=True)
    beliefs = [stage_1(images)]
    for reduce, refine in zip(reducers, refinements):
        joined = torch.cat([reduce(features), beliefs[-1], center], dim=1)
        beliefs.append(refine(joined))
    return beliefs


# %% wrong: always-stage-1
import torch
import torch.nn.functional as F


def cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements):
    features = image_features(images)
    center = F.avg_pool2d(center_maps, 9, stride=8, ceil_mode=True)
    beliefs = [stage_1(images)]
    for reduce, refine in zip(reducers, refinements):
        joined = torch.cat([reduce(features), beliefs[0], center], dim=1)
        beliefs.append(refine(joined))
    return torch.stack(beliefs)


# %% wrong: weights-shared | everything of stage 2
import torch
import torch.nn.functional as F


def cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements):
    features = image_features(images)
    center = F.avg_pool2d(center_maps, 9, stride=8, ceil_mode=True)
    beliefs = [stage_1(images)]
    for _ in refinements:
        joined = torch.cat([reducers[0](features), beliefs[-1], center], dim=1)
        beliefs.append(refinements[0](joined))
    return torch.stack(beliefs)


# %% wrong: weights-shared | the reducer of stage 2
import torch
import torch.nn.functional as F


def cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements):
    features = image_features(images)
    center = F.avg_pool2d(center_maps, 9, stride=8, ceil_mode=True)
    beliefs = [stage_1(images)]
    for refine in refinements:
        joined = torch.cat([reducers[0](features), beliefs[-1], center], dim=1)
        beliefs.append(refine(joined))
    return torch.stack(beliefs)


# %% wrong: stages-backwards
import torch
import torch.nn.functional as F


def cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements):
    features = image_features(images)
    center = F.avg_pool2d(center_maps, 9, stride=8, ceil_mode=True)
    beliefs = [stage_1(images)]
    for reduce, refine in zip(reversed(reducers), reversed(refinements)):
        joined = torch.cat([reduce(features), beliefs[-1], center], dim=1)
        beliefs.append(refine(joined))
    return torch.stack(beliefs)


# %% wrong: reducers-chained
import torch
import torch.nn.functional as F


def cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements):
    features = image_features(images)
    center = F.avg_pool2d(center_maps, 9, stride=8, ceil_mode=True)
    beliefs = [stage_1(images)]
    for reduce, refine in zip(reducers, refinements):
        features = reduce(features)
        joined = torch.cat([features, beliefs[-1], center], dim=1)
        beliefs.append(refine(joined))
    return torch.stack(beliefs)


# %% wrong: reducers-skipped
import torch
import torch.nn.functional as F


def cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements):
    features = image_features(images)
    center = F.avg_pool2d(center_maps, 9, stride=8, ceil_mode=True)
    beliefs = [stage_1(images)]
    for refine in refinements:
        joined = torch.cat([features, beliefs[-1], center], dim=1)
        beliefs.append(refine(joined))
    return torch.stack(beliefs)


# %% wrong: beliefs-first
import torch
import torch.nn.functional as F


def cpm_forward(images, center_maps, stage_1, image_features, reducers, refinements):
    features = image_features(images)
    center = F.avg_pool2d(center_maps, 9, stride=8, ceil_mode=True)
    beliefs = [stage_1(images)]
    for reduce, refine in zip(reducers, refinements):
        joined = torch.cat([beliefs[-1], reduce(features), center], dim=1)
        beliefs.append(refine(joined))
    return torch.stack(beliefs)


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
