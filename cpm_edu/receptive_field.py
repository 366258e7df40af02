"""Receptive field: how much of the image one cell of a belief map can see, and where.

Theoretical: followed layer by layer from kernel, stride, padding and dilation. Effective: measured, as the
mean size of the gradient that one output cell sends to every input pixel; it is zero outside the
theoretical field and mostly far smaller inside.

A network that joins several inputs, as every stage of a CPM from the second on does, has one field for each
path from the image. `paper_paths` lists the three of the paper's CPM; `union` is what they see together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

__all__ = [
    "COLUMNS", "INPUT", "Field", "Layer", "effective_receptive_field", "layers_of", "mass_share", "paper_paths",
    "paper_refinement", "paper_stage_1", "paper_trunk", "receptive_field", "rows", "support_box", "trace", "union",
]  # fmt: skip


@dataclass(frozen=True)
class Layer:
    """One convolution or pooling, the same along both axes.

    Args:
        name: shown in tables.
        kernel: size in cells of its input.
        stride: cells of its input per cell of its output. (Ceil mode adds a cell at the far end and moves none.)
        padding: cells added before the first one.
        dilation: distance of kernel taps.

    Raises:
        ValueError: a size below 1 or a negative padding.
    """

    name: str
    kernel: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1

    def __post_init__(self) -> None:
        if min(self.kernel, self.stride, self.dilation) < 1 or self.padding < 0:
            raise ValueError(f"kernel, stride and dilation must be >= 1 and padding >= 0: {self}")


@dataclass(frozen=True)
class Field:
    """What the cells of one layer see of the input, along one axis.

    Args:
        name: the layer.
        size_px: width of the field in input pixels.
        stride_px: input pixels from one cell to the next.
        center_px: middle of the field of cell 0, in input pixels; pixel centres are whole numbers.
    """

    name: str = "input"
    size_px: int = 1
    stride_px: int = 1
    center_px: float = 0.0

    @property
    def start_px(self) -> float:
        """First pixel that cell 0 sees; negative where the field reaches into the padding."""
        return self.center_px - (self.size_px - 1) / 2

    def center_of(self, cell: int) -> float:
        """Middle of a cell's field in input pixels: `center_px` + cell * `stride_px`."""
        return self.center_px + cell * self.stride_px

    def span(self, cell: int) -> tuple[int, int]:
        """First and last input pixel that a cell sees, as if the image had no end."""
        first = round(self.start_px + cell * self.stride_px)
        return first, first + self.size_px - 1

    def through(self, layer: Layer) -> Field:
        """The field one layer further on.

        With kernel k, stride s, padding p, dilation d and this field's stride j the size grows by
        (k - 1) d j, the centre moves by ((k - 1) d / 2 - p) j, and the stride becomes s j.
        """
        reach = (layer.kernel - 1) * layer.dilation
        return Field(
            name=layer.name,
            size_px=self.size_px + reach * self.stride_px,
            stride_px=self.stride_px * layer.stride,
            center_px=self.center_px + (reach / 2 - layer.padding) * self.stride_px,
        )


INPUT = Field()
COLUMNS = ("layer", "kernel", "stride", "padding", "field_px", "stride_px", "center_px")


def trace(layers: Iterable[Layer], start: Field = INPUT) -> list[Field]:
    """Field after every layer of a chain; `start` lets a chain go on from an earlier one."""
    fields = []
    for layer in layers:
        start = start.through(layer)
        fields.append(start)
    return fields


def receptive_field(layers: Iterable[Layer] | nn.Module, start: Field = INPUT) -> Field:
    """Field after the last layer of a chain, given as layers or as an nn.Sequential.

    Raises:
        ValueError: as `layers_of`.
    """
    chain = layers_of(layers) if isinstance(layers, nn.Module) else list(layers)
    return ([start, *trace(chain, start)])[-1]


def rows(layers: Iterable[Layer], start: Field = INPUT) -> list[tuple]:
    """Table of a chain: one tuple for each layer, under the headings `COLUMNS`."""
    layers = list(layers)
    return [
        (a.name, a.kernel, a.stride, a.padding, field.size_px, field.stride_px, field.center_px)
        for a, field in zip(layers, trace(layers, start), strict=True)
    ]


def union(fields: Sequence[Field], name: str = "union") -> Field:
    """Smallest field that holds those of several paths which meet in one map.

    Raises:
        ValueError: no field, or strides that differ (such maps cannot be joined cell by cell).
    """
    if not fields:
        raise ValueError("union needs at least one field")
    if len({f.stride_px for f in fields}) > 1:
        raise ValueError(f"paths of different strides do not meet: {[(f.name, f.stride_px) for f in fields]}")
    first = min(f.start_px for f in fields)
    last = max(f.start_px + f.size_px - 1 for f in fields)
    return Field(name, round(last - first) + 1, fields[0].stride_px, (first + last) / 2)


def layers_of(module: nn.Module) -> list[Layer]:
    """Convolutions and poolings of an nn.Sequential (nested ones included), in order.

    Layers that do not mix neighbouring cells (batch norm, ReLU, dropout, identity) are left out.

    Raises:
        ValueError: a layer of another type, or one that differs between the axes.
    """
    return _walk(module, "")


_POINTWISE = (
    nn.BatchNorm2d,
    nn.Dropout,
    nn.Dropout2d,
    nn.GELU,
    nn.Identity,
    nn.LeakyReLU,
    nn.ReLU,
    nn.Sigmoid,
    nn.SiLU,
)


def _walk(module: nn.Module, name: str) -> list[Layer]:
    if isinstance(module, nn.Sequential):
        return [
            x
            for key, child in module.named_children()
            for x in _walk(child, f"{name}.{key}" if name else key)
        ]
    if isinstance(module, _POINTWISE):
        return []
    kind = type(module).__name__
    if isinstance(module, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
        label = f"{name} {kind}".strip()
        kernel = _same_on_both(module.kernel_size, label)
        dilation = _same_on_both(getattr(module, "dilation", 1), label)
        padding = module.padding
        if padding == "same":
            padding = dilation * (kernel - 1) // 2  # torch puts the odd cell behind
        padding = 0 if padding == "valid" else _same_on_both(padding, label)
        return [Layer(label, kernel, _same_on_both(module.stride, label), padding, dilation)]
    where = f" ({name})" if name else ""
    raise ValueError(
        f"cannot follow a {kind}{where}: layers_of knows Sequential, Conv2d, MaxPool2d, AvgPool2d and layers "
        "that leave neighbouring cells apart; give other chains as a list of Layer"
    )


def _same_on_both(value: int | tuple[int, ...], label: str) -> int:
    if isinstance(value, int):
        return value
    if len(set(value)) != 1:
        raise ValueError(f"{label} differs between rows and columns: {tuple(value)}")
    return int(value[0])


def _conv(name: str, kernel: int) -> Layer:
    return Layer(f"{name} conv {kernel}", kernel, padding=kernel // 2)


def paper_trunk(pool_kernel: int = 3, pool_padding: int = 0, name: str = "1") -> list[Layer]:
    """conv 9 - pool - conv 9 - pool - conv 9 - pool - conv 5: image to features on stride 8.

    Args:
        pool_kernel: 2 as the paper's figure draws it, 3 as its release and mmpose have it.
        pool_padding: 0 in the release, 1 in mmpose.
        name: prefix of the layer names.

    Source: Wei et al. 2016, figure 2; the release's prototxt; mmpose 759b39c, `CPM`.
    """
    pool = Layer(f"{name} pool {pool_kernel}/2", pool_kernel, stride=2, padding=pool_padding)
    return [layer for _ in range(3) for layer in (_conv(name, 9), pool)] + [_conv(name, 5)]


def paper_stage_1(pool_kernel: int = 3, pool_padding: int = 0) -> list[Layer]:
    """Image to the belief maps of stage 1: the trunk, then conv 9 - conv 1 - conv 1."""
    return paper_trunk(pool_kernel, pool_padding) + [_conv("1", k) for k in (9, 1, 1)]


def paper_refinement(stage: int) -> list[Layer]:
    """Joined input of a stage t >= 2 to its belief maps: 11 - 11 - 11 - 1 - 1, all of stride 1."""
    return [_conv(str(stage), k) for k in (11, 11, 11, 1, 1)]


def paper_paths(stage: int, pool_kernel: int = 3, pool_padding: int = 0) -> dict[str, list[Layer]]:
    """Chains of layers from the input to the belief maps of one stage of the paper's CPM.

    Args:
        stage: t = 1, 2, ...
        pool_kernel, pool_padding: as in `paper_trunk`.

    Returns:
        "belief maps": through the beliefs of every earlier stage; at stage 1 the only path. For t >= 2 also
        "image features": through the features that the stage itself reads, and "center map": from the
        center map at input resolution, average-pooled 9/8, through stages 2 .. t.

    Raises:
        ValueError: a stage below 1.

    Source: as `paper_trunk`. The paper's figure 2 states 160 px after stage 1 and 400 after stage 2; the
    released pooling makes it 167 and 407. Each later stage adds 3 x 10 cells x 8 px = 240.
    """
    if stage < 1:
        raise ValueError(f"stages count from 1, not {stage}")
    refinements = [layer for t in range(2, stage + 1) for layer in paper_refinement(t)]
    paths = {"belief maps": paper_stage_1(pool_kernel, pool_padding) + refinements}
    if stage > 1:
        own = paper_trunk(pool_kernel, pool_padding, name=str(stage))
        paths["image features"] = own + paper_refinement(stage)
        paths["center map"] = [Layer("center pool 9/8", 9, stride=8), *refinements]
    return paths


def effective_receptive_field(
    function: Callable[[Tensor], Tensor],
    input_shape: tuple[int, int, int],
    cell: tuple[int, int],
    *,
    channel: int | None = None,
    num_inputs: int = 8,
    seed: int = 0,
    draw: Callable[..., Tensor] = torch.randn,
) -> Tensor:
    """Mean size of the gradient that one output cell sends to every input pixel.

    Args:
        function: takes (1, C, H, W) to (1, C', h, w) or to all stages (T, 1, C', h, w), of which the last
            counts. An nn.Module is run in eval mode (batch statistics would make every pixel count), then
            set back; its own gradients are left alone. Other callables get float32 on the CPU.
        input_shape: (C, H, W) of the input.
        cell: (x, y) of the output cell.
        channel: one output channel, or None for the sum of all.
        num_inputs: random inputs to average over.
        seed: of the random inputs, which are drawn on the CPU.
        draw: draw(shape, generator=...) -> Tensor; torch.randn or torch.rand.

    Returns:
        (H, W) float32 on the function's device: |d output / d input| summed over C, mean over the inputs.

    Raises:
        ValueError: the cell or channel lies outside the output, or there is no input to average over.

    Source: the gradient footprint of Luo et al. 2016 (arXiv 1701.04128), with the size taken per input.
    """
    if num_inputs < 1:
        raise ValueError(f"num_inputs must be at least 1, not {num_inputs}")
    module = function if isinstance(function, nn.Module) else None
    modes = {m: m.training for m in module.modules()} if module else {}
    like = next(module.parameters(), torch.empty(0)) if module else torch.empty(0)
    generator = torch.Generator().manual_seed(seed)
    total = 0.0
    try:
        if module:
            module.eval()
        for _ in range(num_inputs):
            image = draw((1, *input_shape), generator=generator).to(like).requires_grad_()
            with torch.enable_grad():
                value = _value_at(function(image), cell, channel)
                (gradient,) = torch.autograd.grad(value, image)
            total = total + gradient[0].abs().float().sum(0)
    finally:
        for m, training in modes.items():
            m.training = training
    return total / num_inputs


def _value_at(output: Tensor, cell: tuple[int, int], channel: int | None) -> Tensor:
    """One number of a (1, C', h, w) or (T, 1, C', h, w) output: a cell summed over the channels."""
    maps = output.flatten(0, -4)[-1]  # (C', h, w)
    (x, y), (channels, height, width) = cell, maps.shape
    if not (0 <= x < width and 0 <= y < height):
        raise ValueError(f"cell (x, y) = {tuple(cell)} lies outside the output of {width} x {height} cells")
    if channel is not None and not 0 <= channel < channels:
        raise ValueError(f"channel {channel} lies outside 0..{channels - 1}")
    return maps[:, y, x].sum() if channel is None else maps[channel, y, x]


def support_box(footprint: Tensor, threshold: float = 0.0) -> tuple[int, int, int, int] | None:
    """(x1, y1, x2, y2), both ends included, around all pixels above `threshold`; None where there are none.

    Args:
        footprint: (H, W), as from `effective_receptive_field`.
        threshold: in the footprint's unit.
    """
    above = footprint > threshold
    if not above.any():
        return None
    xs, ys = above.any(0).nonzero()[:, 0], above.any(1).nonzero()[:, 0]
    return int(xs[0]), int(ys[0]), int(xs[-1]), int(ys[-1])


def mass_share(footprint: Tensor, box: tuple[int, int, int, int]) -> float:
    """Share (0 .. 1) of a footprint's sum that lies in the box (x1, y1, x2, y2), both ends included.

    Parts of the box outside the footprint count nothing; a footprint of zeros gives 0.
    """
    x1, y1, x2, y2 = box
    inside = footprint[max(y1, 0) : max(y2 + 1, 0), max(x1, 0) : max(x2 + 1, 0)].double().sum()
    total = footprint.double().sum()
    return float(inside / total) if total > 0 else 0.0
