# %% right: all images at once
def effective_field(network, images, cell):
    x, y = cell
    images = images.clone().requires_grad_(True)
    maps = network(images)
    maps[:, :, y, x].sum().backward()
    return images.grad.abs().sum(dim=1).mean(dim=0)


# %% right: loops, torch.autograd.grad
import torch


def effective_field(network, images, cell):
    height, width = images.shape[2:]
    total = torch.zeros(height, width)
    for image in images:
        image = image[None].detach().clone()
        image.requires_grad = True
        output = network(image)
        number = 0
        for channel in range(output.shape[1]):
            number = number + output[0, channel, cell[1], cell[0]]
        gradient = torch.autograd.grad(number, image)[0][0]
        for colour in gradient:
            total += colour.abs()
    return total / len(images)


# %% right: the argument itself asks for a gradient, numpy out
import numpy as np


def effective_field(network, images, cell):
    images.requires_grad_(True)
    network(images)[..., cell[1], cell[0]].sum().backward()
    return np.abs(images.grad.numpy()).sum(1).mean(0)


# %% wrong: xy-swapped
def effective_field(network, images, cell):
    x, y = cell
    images = images.clone().requires_grad_(True)
    maps = network(images)
    maps[:, :, x, y].sum().backward()
    return images.grad.abs().sum(dim=1).mean(dim=0)


# %% wrong: no-gradient
def effective_field(network, images, cell):
    x, y = cell
    maps = network(images)
    maps[:, :, y, x].sum().backward()
    return images.grad.abs().sum(1).mean(0)


# %% wrong: no-gradient | computed under no_grad
import torch


def effective_field(network, images, cell):
    x, y = cell
    images = images.clone().requires_grad_(True)
    with torch.no_grad():
        maps = network(images)
    maps[:, :, y, x].sum().backward()
    return images.grad.abs().sum(1).mean(0)


# %% wrong: no-gradient | the copy is not what the network gets
import torch


def effective_field(network, images, cell):
    x, y = cell
    followed = images.clone().requires_grad_(True)
    value = network(images.clone().requires_grad_(True))[:, :, y, x].sum()
    (gradient,) = torch.autograd.grad(value, followed)
    return gradient.abs().sum(1).mean(0)


# %% wrong: gradient-not-kept | asked first, copied afterwards
def effective_field(network, images, cell):
    x, y = cell
    images = images.requires_grad_(True).clone()
    network(images)[:, :, y, x].sum().backward()
    return images.grad.abs().sum(1).mean(0)


# %% wrong: gradient-not-kept | never gone backward
def effective_field(network, images, cell):
    x, y = cell
    images = images.clone().requires_grad_(True)
    network(images)[:, :, y, x].sum()
    return images.grad.abs().sum(1).mean(0)


# %% wrong: whole-map
def effective_field(network, images, cell):
    x, y = cell
    images = images.clone().requires_grad_(True)
    maps = network(images)
    maps.sum().backward()
    return images.grad.abs().sum(dim=1).mean(dim=0)


# %% wrong: middle-cell
def effective_field(network, images, cell):
    images = images.clone().requires_grad_(True)
    maps = network(images)
    y, x = maps.shape[2] // 2, maps.shape[3] // 2
    maps[:, :, y, x].sum().backward()
    return images.grad.abs().sum(dim=1).mean(dim=0)


# %% wrong: one-output
def effective_field(network, images, cell):
    x, y = cell
    images = images.clone().requires_grad_(True)
    maps = network(images)
    maps[:, 0, y, x].sum().backward()
    return images.grad.abs().sum(dim=1).mean(dim=0)


# %% wrong: outputs-averaged
def effective_field(network, images, cell):
    x, y = cell
    images = images.clone().requires_grad_(True)
    maps = network(images)
    maps[:, :, y, x].mean(1).sum().backward()
    return images.grad.abs().sum(dim=1).mean(dim=0)


# %% wrong: sign-kept
def effective_field(network, images, cell):
    x, y = cell
    images = images.clone().requires_grad_(True)
    maps = network(images)
    maps[:, :, y, x].sum().backward()
    return images.grad.sum(1).mean(0)


# %% wrong: sign-kept | negative gradients cut off
def effective_field(network, images, cell):
    x, y = cell
    images = images.clone().requires_grad_(True)
    maps = network(images)
    maps[:, :, y, x].sum().backward()
    return images.grad.relu().sum(1).mean(0)


# %% wrong: size-taken-late | after the colours
def effective_field(network, images, cell):
    x, y = cell
    images = images.clone().requires_grad_(True)
    maps = network(images)
    maps[:, :, y, x].sum().backward()
    return images.grad.sum(1).abs().mean(0)


# %% wrong: size-taken-late | after the images
def effective_field(network, images, cell):
    x, y = cell
    images = images.clone().requires_grad_(True)
    maps = network(images)
    maps[:, :, y, x].sum().backward()
    return images.grad.mean(0).abs().sum(0)


# %% wrong: size-taken-late | after everything
def effective_field(network, images, cell):
    x, y = cell
    images = images.clone().requires_grad_(True)
    maps = network(images)
    maps[:, :, y, x].sum().backward()
    return images.grad.sum(1).mean(0).abs()


# %% wrong: squared
def effective_field(network, images, cell):
    x, y = cell
    images = images.clone().requires_grad_(True)
    maps = network(images)
    maps[:, :, y, x].sum().backward()
    return images.grad.square().sum(1).mean(0)


# %% wrong: squared | length over the colours
def effective_field(network, images, cell):
    x, y = cell
    images = images.clone().requires_grad_(True)
    maps = network(images)
    maps[:, :, y, x].sum().backward()
    return images.grad.norm(dim=1).mean(0)


# %% wrong: support-only
def effective_field(network, images, cell):
    x, y = cell
    images = images.clone().requires_grad_(True)
    maps = network(images)
    maps[:, :, y, x].sum().backward()
    return (images.grad.abs().sum(1).mean(0) > 0).float()


# %% wrong: times-image
def effective_field(network, images, cell):
    x, y = cell
    images = images.clone().requires_grad_(True)
    maps = network(images)
    maps[:, :, y, x].sum().backward()
    return (images.grad * images.detach()).abs().sum(1).mean(0)


# %% wrong: one-image
def effective_field(network, images, cell):
    x, y = cell
    images = images.clone().requires_grad_(True)
    maps = network(images)
    maps[:, :, y, x].sum().backward()
    return images.grad[0].abs().sum(0)


# %% wrong: images-added
def effective_field(network, images, cell):
    x, y = cell
    images = images.clone().requires_grad_(True)
    maps = network(images)
    maps[:, :, y, x].sum().backward()
    return images.grad.abs().sum((0, 1))


# %% wrong: colours-averaged
def effective_field(network, images, cell):
    x, y = cell
    images = images.clone().requires_grad_(True)
    maps = network(images)
    maps[:, :, y, x].sum().backward()
    return images.grad.abs().mean((0, 1))


# %% wrong: colours-averaged | the largest colour
def effective_field(network, images, cell):
    x, y = cell
    images = images.clone().requires_grad_(True)
    maps = network(images)
    maps[:, :, y, x].sum().backward()
    return images.grad.abs().amax(1).mean(0)


# %% wrong: rescaled
def effective_field(network, images, cell):
    x, y = cell
    images = images.clone().requires_grad_(True)
    network(images)[:, :, y, x].sum().backward()
    field = images.grad.abs().sum(1).mean(0)
    return field / field.max() if field.max() > 0 else field


# %% wrong: scaled | the mean over the images is taken twice
def effective_field(network, images, cell):
    x, y = cell
    images = images.clone().requires_grad_(True)
    maps = network(images)
    maps[:, :, y, x].sum(1).mean().backward()
    return images.grad.abs().sum(dim=1).mean(dim=0)


# %% wrong: wrong-shape | one field an image
def effective_field(network, images, cell):
    x, y = cell
    images = images.clone().requires_grad_(True)
    maps = network(images)
    maps[:, :, y, x].sum().backward()
    return images.grad.abs().sum(1)


# %% wrong: rescaled | every image's field to a sum of 1
def effective_field(network, images, cell):
    x, y = cell
    images = images.clone().requires_grad_(True)
    network(images)[:, :, y, x].sum().backward()
    fields = images.grad.abs().sum(1)
    return (fields / fields.sum((1, 2), keepdim=True)).mean(0)


# %% wrong: delegates
from cpm_edu.receptive_field import effective_receptive_field


def effective_field(network, images, cell):
    give = iter(images.split(1))
    size = tuple(images.shape[1:])
    return effective_receptive_field(
        network, size, cell, num_inputs=len(images), draw=lambda shape, generator: next(give)
    )
