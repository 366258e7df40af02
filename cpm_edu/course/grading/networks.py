"""Networks of plain layers as lists of numbers and texts, and back. Runs in the room too, alone."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

__all__ = ["built", "described"]

# name in torch.nn -> arguments of its constructor, each an attribute of the same name; a bias is added where there is one
LAYERS: dict[str, tuple[str, ...]] = {
    "Sequential": (),
    "Conv2d": (
        "in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "padding_mode",
    ),
    "Linear": ("in_features", "out_features"),
    "BatchNorm2d": ("num_features", "eps", "momentum", "affine", "track_running_stats"),
    "ReLU": (),
    "LeakyReLU": ("negative_slope",),
    "Sigmoid": (),
    "Tanh": (),
    "Identity": (),
    "Flatten": ("start_dim", "end_dim"),
    "MaxPool2d": ("kernel_size", "stride", "padding", "dilation", "ceil_mode"),
    "AvgPool2d": ("kernel_size", "stride", "padding", "ceil_mode"),
    "Dropout": ("p",),
    "Dropout2d": ("p",),
}  # fmt: skip
FRACTIONS = ("eps", "momentum", "negative_slope", "p")
WITH_BIAS = ("Conv2d", "Linear")
MOST_LAYERS = 100
MOST_CHANNELS = 4096
WIDEST = 64  # cells of a kernel, dilation included


def described(network: nn.Module) -> tuple[list, dict[str, Any]]:
    """A network as [name, arguments, in training, children], and its weights by name.

    Raises:
        TypeError: it has a layer of another kind; the message goes on from "your function returns".
    """
    return _described(network), dict(network.state_dict(keep_vars=True))


def _described(layer: nn.Module) -> list:
    name = type(layer).__name__
    if name not in LAYERS or type(layer) is not getattr(nn, name):
        raise TypeError(f"a network with a layer {name}; Sequential and torch's plain layers can be judged")
    arguments = {key: getattr(layer, key) for key in LAYERS[name]}
    if name in WITH_BIAS:
        arguments["bias"] = layer.bias is not None
    children = [[key, _described(child)] for key, child in layer.named_children()]
    return [name, arguments, bool(layer.training), children]


def built(layers: list, weights: dict[str, Any]) -> nn.Module:
    """The network of this description; it takes no memory beyond its weights, and none that they do not fill.

    Raises:
        ValueError, TypeError, KeyError, RuntimeError: not a description, or weights of other shapes.
    """
    with torch.device("meta"):
        network = _built(layers, [MOST_LAYERS])
    if not all(isinstance(weight, torch.Tensor) for weight in weights.values()):
        raise ValueError("a weight that is no tensor")
    network.load_state_dict(weights, strict=True, assign=True)
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(weights[name].requires_grad)
    return network


def _built(layer: list, left: list[int]) -> nn.Module:
    name, arguments, training, children = layer
    left[0] -= 1
    if left[0] < 0 or name not in LAYERS or (children and name != "Sequential"):
        raise ValueError(f"not a plain network: {name}")
    if set(arguments) != {*LAYERS[name], *(("bias",) if name in WITH_BIAS else ())}:
        raise ValueError(f"other arguments than those of {name}")
    _check_sizes(arguments)
    made = getattr(nn, name)(**arguments)
    for key, child in children:
        made.add_module(key, _built(child, left))
    return made.train(bool(training))


def _check_sizes(arguments: dict[str, Any]):
    """Refuse what would make an answer of some kilobytes compute for hours: maps never grow from layer to layer."""
    pairs = {key: _pair(arguments.get(key, 1)) for key in ("kernel_size", "dilation", "stride")}
    padding = arguments.get("padding", 0)
    if padding not in ("same", "valid"):
        for kernel, dilation, added in zip(
            pairs["kernel_size"], pairs["dilation"], _pair(padding), strict=True
        ):
            if not (0 <= added <= (dilation * (kernel - 1) + 2) // 2 and kernel * dilation <= WIDEST):
                raise ValueError("a padding or kernel beyond all use")
    for key, value in arguments.items():
        if key in FRACTIONS:
            if not isinstance(value, int | float) or not 0 <= value <= 1:
                raise ValueError(f"{key} = {value}")
        elif isinstance(value, str):
            if key not in ("padding", "padding_mode"):
                raise ValueError(f"{key} = {value}")
        elif not isinstance(value, tuple | list) and not -4 <= value <= MOST_CHANNELS:
            raise ValueError(f"{key} = {value}")
    if any(extent < 1 for pair in pairs.values() for extent in pair):
        raise ValueError("a stride or kernel without extent")


def _pair(value: Any) -> tuple[int, int]:
    pair = (value, value) if isinstance(value, int) else tuple(value)
    if len(pair) != 2 or not all(isinstance(v, int) and not isinstance(v, bool) for v in pair):
        raise ValueError("a size that is not one or two whole numbers")
    return pair
