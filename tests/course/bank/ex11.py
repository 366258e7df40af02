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
