"""Start a model from the weights of another, also one with other joints (fine-tuning)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import torch

from .checkpoints import open_checkpoint
from .cpm import CPM

__all__ = ["InitReport", "initialize_from"]


@dataclass
class InitReport:
    """What `initialize_from` did to every tensor of the model, by name.

    Attributes:
        carried: copied as a whole.
        partly: first layers of refinement stages: which input channels kept their fresh values.
        reinitialised: kept their fresh values, and why.
        unused: tensors of the source that found no place.
    """

    carried: list[str] = field(default_factory=list)
    partly: dict[str, str] = field(default_factory=dict)
    reinitialised: dict[str, str] = field(default_factory=dict)
    unused: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """Several lines for the terminal: counts, then every tensor of the model that was not carried over whole."""
        lines = [f"carried over: {_by_layer(self.carried)}"]
        lines += [f"partly carried over: {name}: {reason}" for name, reason in self.partly.items()]
        lines += [f"re-initialised: {name}: {reason}" for name, reason in self.reinitialised.items()]
        if self.unused:
            lines.append(f"not used from the source: {_by_layer(self.unused)}")
        return "\n".join(lines)

    def listing(self) -> str:
        """One line for every tensor."""
        lines = [f"carried over: {name}" for name in self.carried]
        lines += [f"partly carried over: {name}: {reason}" for name, reason in self.partly.items()]
        lines += [f"re-initialised: {name}: {reason}" for name, reason in self.reinitialised.items()]
        lines += [f"not used from the source: {name}" for name in self.unused]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.summary()


@torch.no_grad()
def initialize_from(model: CPM, source: str | Path | CPM) -> InitReport:
    """Copy into a fresh model every weight of another that means the same there.

    Tensors are matched by name and shape. If the joints differ (in name or order), two kinds keep their
    fresh values even where the shapes agree: the output layers, and in the first layer of every refinement
    stage the input channels that read the previous beliefs, background included. The rest of that layer,
    which reads image features and the center map, is carried over. Nothing is matched joint by joint,
    so the rule is the same whether or not the two skeletons share joints.

    Args:
        model: a freshly made model; changed in place.
        source: a model, or a checkpoint that `open_checkpoint` reads.

    Returns:
        The report; print its `summary()`.

    Raises:
        CheckpointError: the source cannot be read.
        ValueError: nothing could be carried over; the model is then unchanged.
    """
    if not isinstance(source, CPM):
        source = open_checkpoint(source)
    given, expected = source.state_dict(), model.state_dict()
    same_joints = source.skeleton.joints == model.skeleton.joints and source.num_maps == model.num_maps
    outputs = set() if same_joints else {*model.output_parameters(), *source.output_parameters()}
    own_slices, source_slices = ({}, {}) if same_joints else (model.belief_slices(), source.belief_slices())
    report = InitReport(unused=[name for name in given if name not in expected])
    for name, tensor in expected.items():
        if name not in given:
            report.reinitialised[name] = "not in the source"
        elif name in outputs:
            report.reinitialised[name] = f"an output of {source.skeleton.name}'s joints in the source"
        elif name in own_slices and name in source_slices:
            own, other = own_slices[name], source_slices[name]
            kept = torch.cat([given[name][:, : other.start], given[name][:, other.stop :]], 1)
            place = torch.cat([tensor[:, : own.start], tensor[:, own.stop :]], 1)
            if own.start != other.start or kept.shape != place.shape:
                report.reinitialised[name] = _shapes(given[name], tensor)
                continue
            tensor[:, : own.start] = given[name][:, : other.start].to(tensor)
            tensor[:, own.stop :] = given[name][:, other.stop :].to(tensor)
            report.partly[name] = (
                f"input channels {own.start}..{own.stop - 1} (previous beliefs) re-initialised"
            )
        elif given[name].shape != tensor.shape:
            report.reinitialised[name] = _shapes(given[name], tensor)
        else:
            tensor.copy_(given[name])
            report.carried.append(name)
    if not report.carried and not report.partly:
        raise ValueError(
            f"nothing to carry over from a {source.kind} CPM into a {model.kind} CPM: no tensor agrees in name and shape"
        )
    return report


def _by_layer(names: list[str]) -> str:
    """Such as "171 tensors: trunk 120, image_taps 18"."""
    counts = Counter(name.partition(".")[0] for name in names)
    return f"{len(names)} tensors: " + (", ".join(f"{layer} {n}" for layer, n in counts.items()) or "none")


def _shapes(given: torch.Tensor, expected: torch.Tensor) -> str:
    return f"shape {tuple(given.shape)} in the source, {tuple(expected.shape)} here"
