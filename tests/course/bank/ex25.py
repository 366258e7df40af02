# %% right: as notebook 08 has it
import torch


def overfit(network, images, targets, steps, learning_rate):
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    for _ in range(steps):
        loss = (network(images) - targets).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


# %% right: a loss module, gradients cleared at the end, a print now and then
import torch


def overfit(network, images, targets, steps, learning_rate):
    criterion = torch.nn.MSELoss()
    optimizer = torch.optim.AdamW(network.parameters(), lr=learning_rate, weight_decay=0)
    network.train()
    for step in range(steps):
        loss = criterion(network(images), targets)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if step % 20 == 0:
            print(step, loss.item())
    return network.eval()


# %% right: an image at a time, gradients summed on purpose
import torch


def overfit(network, images, targets, steps, learning_rate):
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    for _ in range(steps):
        optimizer.zero_grad()
        for image, target in zip(images, targets, strict=True):
            (torch.nn.functional.mse_loss(network(image[None]), target[None]) / len(images)).backward()
        optimizer.step()
    return network


# %% right: on a copy
import copy

import torch


def overfit(network, images, targets, steps, learning_rate):
    pupil = copy.deepcopy(network)
    optimizer = torch.optim.Adam(pupil.parameters(), lr=learning_rate)
    for _ in range(steps):
        difference = pupil(images) - targets
        loss = (difference * difference).sum() / difference.numel()
        for weight in pupil.parameters():
            weight.grad = None
        loss.backward()
        optimizer.step()
    return pupil


# %% wrong: gradients-add-up
import torch


def overfit(network, images, targets, steps, learning_rate):
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    for _ in range(steps):
        loss = (network(images) - targets).square().mean()
        loss.backward()
        optimizer.step()
    return network


# %% wrong: gradients-add-up | cleared before the loop, another loss
import torch


def overfit(network, images, targets, steps, learning_rate):
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    optimizer.zero_grad()
    for _ in range(steps):
        loss = torch.nn.functional.mse_loss(network(images), targets)
        loss.backward()
        optimizer.step()
    return network


# %% wrong: not-trained | no step
import torch


def overfit(network, images, targets, steps, learning_rate):
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    for _ in range(steps):
        loss = (network(images) - targets).square().mean()
        optimizer.zero_grad()
        loss.backward()
    return network


# %% wrong: not-trained | gradients cleared too late
import torch


def overfit(network, images, targets, steps, learning_rate):
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    for _ in range(steps):
        loss = (network(images) - targets).square().mean()
        loss.backward()
        optimizer.zero_grad()
        optimizer.step()
    return network


# %% wrong: not-trained | trains a copy, returns the other
import copy

import torch


def overfit(network, images, targets, steps, learning_rate):
    pupil = copy.deepcopy(network)
    optimizer = torch.optim.Adam(pupil.parameters(), lr=learning_rate)
    for _ in range(steps):
        loss = (pupil(images) - targets).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


# %% wrong: one-step | return inside the loop
import torch


def overfit(network, images, targets, steps, learning_rate):
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    for _ in range(steps):
        loss = (network(images) - targets).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return network


# %% wrong: uphill
import torch


def overfit(network, images, targets, steps, learning_rate):
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    for _ in range(steps):
        loss = -(network(images) - targets).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


# %% wrong: means-compared
import torch


def overfit(network, images, targets, steps, learning_rate):
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    for _ in range(steps):
        loss = (network(images).mean() - targets.mean()) ** 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


# %% wrong: plain-descent
import torch


def overfit(network, images, targets, steps, learning_rate):
    optimizer = torch.optim.SGD(network.parameters(), lr=learning_rate)
    for _ in range(steps):
        loss = (network(images) - targets).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


# %% wrong: frozen-layers | only the last layer
import torch


def overfit(network, images, targets, steps, learning_rate):
    optimizer = torch.optim.Adam(network[-1].parameters(), lr=learning_rate)
    for _ in range(steps):
        loss = (network(images) - targets).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


# %% wrong: one-image | always the first
import torch


def overfit(network, images, targets, steps, learning_rate):
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    for _ in range(steps):
        loss = (network(images[:1]) - targets[:1]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


# %% wrong: another-network
import torch


def overfit(network, images, targets, steps, learning_rate):
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 16, 5, padding=2), torch.nn.ReLU(), torch.nn.Conv2d(16, targets.shape[1], 1)
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    for _ in range(steps):
        loss = (network(images) - targets).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


# %% wrong: silence | a rate of its own, far too small
import torch


def overfit(network, images, targets, steps, learning_rate):
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-5)
    for _ in range(steps):
        loss = (network(images) - targets).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


# %% wrong: not-learned | five steps
import torch


def overfit(network, images, targets, steps, learning_rate):
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    for _ in range(5):
        loss = (network(images) - targets).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


# %% wrong: exploded | a rate of its own, far too large
import torch


def overfit(network, images, targets, steps, learning_rate):
    optimizer = torch.optim.SGD(network.parameters(), lr=100.0)
    for _ in range(steps):
        loss = (network(images) - targets).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


# %% wrong: returns-something-else | the losses
import torch


def overfit(network, images, targets, steps, learning_rate):
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    losses = []
    for _ in range(steps):
        loss = (network(images) - targets).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


# %% wrong: returns-nothing
import torch


def overfit(network, images, targets, steps, learning_rate):
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    for _ in range(steps):
        loss = (network(images) - targets).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


# %% wrong: no-way-back | without gradients
import torch


def overfit(network, images, targets, steps, learning_rate):
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    for _ in range(steps):
        with torch.no_grad():
            loss = (network(images) - targets).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


# %% wrong: raises | the batch where the network should be
import torch


def overfit(network, images, targets, steps, learning_rate):
    optimizer = torch.optim.Adam(images.parameters(), lr=learning_rate)
    for _ in range(steps):
        loss = (network(images) - targets).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


# %% wrong: delegates
import torch

from cpm_edu.figures.interactive.live_training import learn


def overfit(network, images, targets, steps, learning_rate):
    # a ready-made loop, with something that looks like a batch
    return learn(network, images, targets, torch.ones(targets.shape[:2]), steps, learning_rate)
