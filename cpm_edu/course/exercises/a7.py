"""A7: train on people or things of your own."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..exercise import Exercise, Mistake
from ..same import brief

__all__ = ["EXERCISES"]

LEARNED = 0.1  # of silence's loss, in every image; the loop that the exercise asks for ends below 0.04
SIGMA = 1.2  # of the targets, in cells
STEPS, RATE = 60, 0.02


@dataclass(frozen=True, eq=False)
class Lesson:
    """What the answer to a case is held against: the batch, and the network as it was."""

    images: Tensor
    targets: Tensor
    before: nn.Module

    def shares(self, network: nn.Module) -> np.ndarray:
        """(N,) loss in each image, as a share of that of silence."""
        error = (answer(network, self.images) - self.targets).square().mean((1, 2, 3))
        return (error / self.targets.square().mean((1, 2, 3))).numpy()

    def __str__(self) -> str:
        return f"a network whose loss is at most {LEARNED:.0%} of silence's in every image"


def answer(network: nn.Module, images: Tensor) -> Tensor:
    """(N, J, H, W) what a network says."""
    with torch.no_grad():
        return network.eval()(images)


def _network(*weights):
    """Convolutions with these weights (outputs, inputs, k, k), no biases at first, and leaky ReLUs between."""
    layers = []
    for weight in weights:
        outputs, inputs, kernel = weight.shape[:3]
        layer = nn.utils.skip_init(nn.Conv2d, inputs, outputs, kernel, padding=kernel // 2)
        layer.weight.data = torch.tensor(weight, dtype=torch.float32)
        layer.bias.data = torch.zeros(outputs)
        layers += [layer, nn.LeakyReLU(0.1)]
    return nn.Sequential(*layers[:-1])


def _case(rng, people, cells, joints=2):
    """Noise with a disc for each joint, its belief maps, and a small network that knows nothing."""
    from ...targets import gaussian_targets

    centers = rng.uniform(1.5, cells - 2.5, (people, joints, 2)).astype(np.float32)
    targets = gaussian_targets(torch.from_numpy(centers), (cells, cells), SIGMA, backend="torch")
    images = torch.from_numpy(rng.uniform(0, 0.4, (people, 3, cells, cells)).astype(np.float32))
    images[:, :joints] += 0.6 * (targets > 0.3)
    shapes = ((12, 3, 3, 3), (12, 12, 3, 3), (joints, 12, 1, 1))
    weights = (0.7 * rng.normal(size=shape) / np.sqrt(np.prod(shape[1:])) for shape in shapes)
    return _network(*weights), images, targets, STEPS, RATE


def _cases(rng):
    # the first optimizer of a process imports for a second, which is not the student's time
    torch.optim.Adam([torch.zeros(1, requires_grad=True)])
    one = torch.ones(1, 1, 1, 1)
    yield _network(np.zeros((1, 1, 1, 1))), one, one, STEPS, RATE  # one weight, one bias: 0 must become 1
    channels = torch.eye(3)[:2, :, None, None].repeat(1, 1, 2, 2)  # two images, red and green
    wanted = channels[:, :1] + 0.5 * channels[:, 1:2]  # 1 where it is red, a half where it is green
    yield _network(np.zeros((1, 3, 1, 1))), channels, wanted, STEPS, RATE
    yield _case(np.random.default_rng(25), 2, 8)
    yield _case(rng, 3, 9)


def _reference(network, images, targets, steps, learning_rate):
    return Lesson(images, targets, deepcopy(network))


def _same(value: Any, expected: Lesson | nn.Module) -> bool:
    """Whether a network has learned the lesson, or says the same as one that made a mistake on purpose."""
    if not _fits(value, expected):
        return False
    if isinstance(expected, Lesson):
        return bool((expected.shares(value) <= LEARNED).all())
    theirs, twins = answer(value, expected.tried_on), answer(expected, expected.tried_on)
    return bool((theirs - twins).norm() <= 0.05 * twins.norm())


def _fits(value: Any, expected: Lesson | nn.Module) -> bool:
    """Whether it is a network with weights of the same shapes that answers with finite maps of the right size."""
    is_lesson = isinstance(expected, Lesson)
    network, images = (expected.before, expected.images) if is_lesson else (expected, expected.tried_on)
    if not isinstance(value, nn.Module) or _shapes(value) != _shapes(network):
        return False
    try:
        found = answer(value, images)
    except Exception:  # layers that do not fit together
        return False
    return found.shape == answer(network, images).shape and bool(found.isfinite().all())


def _shapes(network: nn.Module) -> list[tuple[int, ...]]:
    return [tuple(p.shape) for p in network.parameters()]


def _shown(value: Any) -> str:
    if isinstance(value, Lesson):
        return str(value)
    if not isinstance(value, nn.Module):
        return brief(value)
    return f"a network of {sum(p.numel() for p in value.parameters())} weights"


def _misled(network, images, targets, steps, learning_rate, *, keep=0.0, sign=1.0, by="Adam", compare=None):
    """What a wrong loop makes of the network: each gradient is added to `keep` times those before it."""
    weights = list(network.parameters())
    optimizer = getattr(torch.optim, by)(weights, lr=learning_rate)
    compare = compare or nn.functional.mse_loss
    for weight in weights:
        weight.grad = torch.zeros_like(weight)
    with torch.enable_grad():
        for _ in range(steps):
            found = torch.autograd.grad(compare(network(images), targets), weights)
            for weight, gradient in zip(weights, found, strict=True):
                weight.grad.mul_(keep).add_(sign * gradient)
            optimizer.step()
    network.tried_on = images
    return network


def _one_step(network, images, targets, steps, learning_rate):
    return _misled(network, images, targets, 1, learning_rate)


def _means(found, wanted):
    return (found.mean() - wanted.mean()) ** 2


def _networks(expected, outcomes):
    """(lesson, network) of every case; () unless all answers are networks that fit."""
    pairs = list(zip(expected, (outcome.value for outcome in outcomes), strict=False))
    return pairs if all(_fits(network, lesson) for lesson, network in pairs) else ()


def _moved(lesson: Lesson, network: nn.Module) -> list[bool]:
    """Of each parameter, whether it is another one than before."""
    pairs = zip(lesson.before.parameters(), network.parameters(), strict=True)
    return [not torch.equal(a, b) for a, b in pairs]


def _each(test):
    """A mistake that every case shows in which the network has not learned: test(lesson, network)."""

    def seen(cases, expected, outcomes):
        pairs = [pair for pair in _networks(expected, outcomes) if pair[0].shares(pair[1]).max() > LEARNED]
        return bool(pairs) and all(test(lesson, network) for lesson, network in pairs)

    return seen


def _no_network(cases, expected, outcomes):
    return any(not o.error and o.value is not None and not isinstance(o.value, nn.Module) for o in outcomes)


def _no_network_told(cases, expected, outcomes):
    value = next(o.value for o in outcomes if not o.error and not isinstance(o.value, nn.Module))
    return f"your function returns a {type(value).__name__}, asked for the network after training."


def _another(cases, expected, outcomes):
    return any(
        isinstance(o.value, nn.Module) and _shapes(o.value) != _shapes(lesson.before)
        for lesson, o in zip(expected, outcomes, strict=False)
    )


def _exploded(cases, expected, outcomes):
    return any(
        isinstance(o.value, nn.Module) and not all(p.isfinite().all() for p in o.value.parameters())
        for o in outcomes
    )


def _not_learned_told(cases, expected, outcomes):
    lesson, network = max(_networks(expected, outcomes), key=lambda pair: pair[0].shares(pair[1]).max())
    shares = lesson.shares(network)
    return (
        f"after training the loss of image {int(shares.argmax())} is {shares.max():.0%} of silence's (a map of zeros), asked "
        f"for at most {LEARNED:.0%} in every image. Print the loss of every step: does it fall, and for how long?"
    )


OVERFIT = Exercise(
    id="ex25",
    assignment="A7",
    name="overfit",
    title="One batch by heart",
    minutes=40,
    points=5,
    asks_for="your own training loop",
    forbids=(
        "cpm_edu.figures.interactive.live_training.learn",
        "cpm_edu.training.loop.train",
        "cpm_edu.training.loop.train_step",
    ),
    engine="torch",
    call_s=4.0,  # a training, on a machine that is busy
    may_change=True,
    cases=_cases,
    reference=_reference,
    same=_same,
    shows=_shown,
    mistakes=(
        Mistake("returns-something-else", _no_network_told, seen=_no_network),
        Mistake(
            "another-network",
            "the network that comes back has other layers than the one that went in. Train the one you are given.",
            seen=_another,
        ),
        Mistake(
            "exploded",
            "weights of the network are NaN or infinite: the steps were far too large. Is the learning rate the one that was "
            "given, and does every step begin with fresh gradients?",
            seen=_exploded,
        ),
        Mistake(
            "no-way-back",
            "backward() finds no way from the loss to a weight. Was it made under no_grad, detached, or turned into a plain "
            "number by .item()?",
            seen=lambda cases, expected, outcomes: any("require grad" in o.message for o in outcomes if o.error),
        ),
        Mistake(
            "not-trained",
            "the network comes back as it went in: not one weight has changed. Which line of the loop changes weights, and of "
            "which network?",
            seen=_each(lambda lesson, network: not any(_moved(lesson, network))),
        ),
        Mistake(
            "frozen-layers",
            "some layers have not changed at all. Does the optimizer know all parameters of the network?",
            seen=_each(lambda lesson, network: any(_moved(lesson, network)) and not all(_moved(lesson, network))),
        ),
        Mistake(
            "one-step",
            "the network has made a single step. Is the return inside the loop?",
            _one_step,
        ),
        Mistake(
            "gradients-add-up",
            "every step still carries the gradients of all steps before it, and the loss grows. backward() adds to what is "
            "there: who clears it?",
            partial(_misled, keep=1.0),
        ),
        Mistake(
            "uphill",
            "the loss grows with every step: the network learns to be as wrong as it can. Look at the sign of what you call "
            "backward() on.",
            (partial(_misled, sign=-1.0), partial(_misled, sign=-1.0, keep=1.0)),
        ),
        Mistake(
            "means-compared",
            "the mean of all maps is right and no map is. The error of every cell must be squared before the mean is taken.",
            partial(_misled, compare=_means),
        ),
        Mistake(
            "plain-descent",
            "this is plain gradient descent at a rate that is meant for Adam: it goes the right way, too slowly.",
            partial(_misled, by="SGD"),
        ),
        Mistake(
            "one-image",
            "one image is known by heart and the others are not. Is the whole batch in every step?",
            seen=_each(lambda lesson, network: lesson.shares(network).min() < LEARNED / 2),
        ),
        Mistake(
            "silence",
            "the network says next to nothing: its highest peak is below a third of a hill's. On most cells zero is right, so "
            "silence is cheap; go on until it is not good enough, and look at the learning rate.",
            seen=_each(lambda lesson, network: answer(network, lesson.images).max() < 1 / 3),
        ),
        Mistake(
            "not-learned",
            _not_learned_told,
            seen=lambda cases, expected, outcomes: bool(_networks(expected, outcomes)),
        ),
    ),
    hints=(
        "One step: what does the network say, how wrong is that, in which direction must each weight move, and move it. Which "
        "of the four needs the gradients of the step before? None.",
        "Before the loop: torch.optim.Adam(network.parameters(), lr=learning_rate). In it: the mean of all squared "
        "differences; clear the gradients; backward(); step(). After it: return the network.",
        "error = (network(images) - targets).square().mean(); then optimizer.zero_grad(), error.backward() and "
        "optimizer.step(), all inside for _ in range(steps).",
    ),
)  # fmt: skip

EXERCISES: tuple[Exercise, ...] = (OVERFIT,)
