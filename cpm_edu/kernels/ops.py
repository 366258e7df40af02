"""The ops that torch knows as torch.ops.cpm_edu.*, and which backend runs a call.

The schemas are defined here, so that they exist (for torch.compile, and for an error in words) before anything
is built; csrc/torch_binding.cpp registers what runs on the CPU and on CUDA. The public functions of targets,
decoding and losses check what they are given and call these; nobody else should.
"""

from __future__ import annotations

import logging
import os
import re
from functools import cache

import torch
from torch import Tensor

from .toolchain import BackendUnavailable

__all__ = ["BACKENDS", "BackendUnavailable", "call", "check_counts", "resolve"]

BACKENDS = ("auto", "torch", "cpp", "cuda")
COMPILED = {"cpp": "cpu", "cuda": "cuda"}  # backend -> type of the device whose tensors it takes
MAX_COUNT = 2**31 - 1  # cells of a map, maps of a person: the ops count them in an int
NOT_FINITE = "a position that is not a finite number"  # torch_binding.cpp says so of a joint

LIBRARY = torch.library.Library("cpm_edu", "DEF")
SCHEMAS = (
    "gaussian_targets(Tensor centers, Tensor weights, SymInt height, SymInt width, float sigma, float reach, "
    "bool background, ScalarType dtype) -> Tensor",
    "gaussian_targets_out(Tensor centers, Tensor weights, float sigma, float reach, bool background, "
    "Tensor(a!) out) -> ()",
    "decode(Tensor maps, int method, Tensor taps) -> (Tensor joints, Tensor scores)",
    "merge_flip_decode(Tensor maps, Tensor mirrored, Tensor permutation, bool shift, int method, Tensor taps) "
    "-> (Tensor joints, Tensor scores)",
    "stage_loss(Tensor maps, Tensor targets, Tensor weights, float divisor, bool with_gradient) "
    "-> (Tensor losses, Tensor gradient)",
    "gaussian_stage_loss(Tensor maps, Tensor centers, Tensor drawn, Tensor weights, float sigma, float reach, "
    "bool background, float divisor, bool with_gradient) -> (Tensor losses, Tensor gradient)",
    "scale_stages_(Tensor(a!) maps, Tensor factors) -> ()",
)
for _schema in SCHEMAS:
    LIBRARY.define(_schema, tags=(torch.Tag.pt2_compliant_tag,))


# ---- which backend


def resolve(
    backend: str, device: torch.device, dtype: torch.dtype, gradient_to: str = "", argument: str = ""
) -> str:
    """Who computes: "torch", "cpp" or "cuda", loaded and ready.

    "auto" picks by device; the environment variable CPM_EDU_BACKEND may say what it picks. It takes plain
    torch for what the compiled ops do not do: other devices, other types, a gradient that they do not have.
    It also does where they cannot be built, and logs why once. A backend that is named is used or refused.

    Args:
        gradient_to: what asks for a gradient that the compiled ops lack, such as "centers_cells"; empty:
            nothing does.
        argument: what is of this type, for the refusal.

    Raises:
        ValueError: no such backend, or one that does not take this device, type or gradient.
        BackendUnavailable: it is named and cannot be built here.
    """
    if backend not in BACKENDS:
        raise ValueError(f"backend must be one of {', '.join(BACKENDS)}, not {backend!r}")
    if backend == "torch":
        return backend
    refusal = None
    if dtype not in (torch.float32, torch.bfloat16):
        refusal = f"takes float32 and bfloat16, not {str(dtype).removeprefix('torch.')} {argument}".rstrip()
    elif gradient_to:
        refusal = f"gives no gradient to {gradient_to}"
    if backend != "auto":
        if device.type != COMPILED[backend]:
            fits = next((b for b, d in COMPILED.items() if d == device.type), "torch")
            raise ValueError(
                f'backend "{backend}" takes tensors on {COMPILED[backend]!r}, not on {str(device)!r}: '
                f'move them, or choose backend "{fits}" or "auto"'
            )
        if refusal:
            raise ValueError(f'backend "{backend}" {refusal}; backend "torch" (or "auto") does')
        _load(backend)
        return backend
    asked = os.environ.get("CPM_EDU_BACKEND", "") or "auto"
    if asked not in BACKENDS:
        raise ValueError(f"CPM_EDU_BACKEND must be one of {', '.join(BACKENDS)}, not {asked!r}")
    fitting = [b for b, d in COMPILED.items() if d == device.type and asked in ("auto", b)]
    if refusal or not fitting:
        return "torch"
    return fitting[0] if _loads(fitting[0], must=asked != "auto") else "torch"


# Decided, and built, while torch.compile traces. This is what torch.compiler.assume_constant_result sets, whose
# import of the compiler would cost every `import cpm_edu.targets` a second.
resolve._dynamo_marked_constant = True


@cache
def _libraries():
    """The module, imported at the first use of a compiled op; to import it in every call would take microseconds."""
    from . import libraries

    return libraries


def _load(backend: str) -> None:
    _libraries().load(backend)


def _loads(backend: str, *, must: bool) -> bool:
    """Whether a backend that "auto" would like is there; the first time it is not, say why."""
    try:
        _load(backend)
    except BackendUnavailable as error:
        if must:
            raise
        _log_fallback(str(error))
        return False
    return True


@cache
def _log_fallback(reason: str) -> None:
    logging.getLogger("cpm_edu").warning("using plain torch, which is slower: %s", reason)


def call(name: str, *arguments):
    """`torch.ops.cpm_edu.<name>(*arguments)`; a position that is no number becomes a ValueError."""
    op = getattr(torch.ops.cpm_edu, name)
    if torch.compiler.is_compiling():
        return op(*arguments)
    try:
        return op(*arguments)
    except RuntimeError as error:
        if NOT_FINITE not in str(error):
            raise
        sentence = re.search(r"joint \d+ of person \d+ .*", str(error))
        raise ValueError(sentence[0] if sentence else str(error)) from None


def check_counts(maps: int, height: int, width: int) -> None:
    """Refuse sizes that the compiled ops cannot count; any number of people will do.

    Raises:
        ValueError: more than 2^31 - 1 cells a map, or maps a person.
    """
    if height * width > MAX_COUNT or maps > MAX_COUNT:
        raise ValueError(
            f"{maps} maps of {height} x {width} cells a person are too many: compiled ops count up to {MAX_COUNT} "
            'cells a map and maps a person; backend "torch" has no such limit'
        )


# ---- shapes of results, for torch.compile


@torch.library.register_fake("cpm_edu::gaussian_targets", lib=LIBRARY)
def _(centers, weights, height, width, sigma, reach, background, dtype):
    people, joints, _ = centers.shape
    return centers.new_empty((people, joints + int(background), height, width), dtype=dtype)


@torch.library.register_fake("cpm_edu::gaussian_targets_out", lib=LIBRARY)
def _(centers, weights, sigma, reach, background, out):
    return None


@torch.library.register_fake("cpm_edu::decode", lib=LIBRARY)
def _(maps, method, taps):
    people, joints, _, _ = maps.shape
    new = maps.new_empty
    return new((people, joints, 2), dtype=torch.float32), new((people, joints), dtype=torch.float32)


@torch.library.register_fake("cpm_edu::merge_flip_decode", lib=LIBRARY)
def _(maps, mirrored, permutation, shift, method, taps):
    people, joints, _, _ = maps.shape
    new = maps.new_empty
    return new((people, joints, 2), dtype=torch.float32), new((people, joints), dtype=torch.float32)


@torch.library.register_fake("cpm_edu::stage_loss", lib=LIBRARY)
def _(maps, targets, weights, divisor, with_gradient):
    return _losses_like(maps, with_gradient)


@torch.library.register_fake("cpm_edu::gaussian_stage_loss", lib=LIBRARY)
def _(maps, centers, drawn, weights, sigma, reach, background, divisor, with_gradient):
    return _losses_like(maps, with_gradient)


def _losses_like(maps: Tensor, with_gradient: bool) -> tuple[Tensor, Tensor]:
    gradient = torch.empty_like(maps) if with_gradient else maps.new_empty((0,))
    return maps.new_empty((maps.shape[0],), dtype=torch.float32), gradient


@torch.library.register_fake("cpm_edu::scale_stages_", lib=LIBRARY)
def _(maps, factors):
    return None


# ---- gradients of the two losses


def _keep(ctx, inputs, output) -> None:
    """Keep the gradient that the forward pass made, and what it was made of."""
    ctx.set_materialize_grads(False)  # else every backward pass makes zeros as large as the maps
    ctx.gradient = output[1]
    ctx.mark_non_differentiable(output[1])
    ctx.save_for_backward(*(value for value in inputs if isinstance(value, Tensor)))
    ctx.numbers = tuple(value for value in inputs if not isinstance(value, Tensor))


def _scaled(ctx, name: str, factors: Tensor | None) -> Tensor | None:
    """The gradient towards the maps, times one factor a stage.

    The first backward pass scales what the forward pass made, where it lies (and where the factor is 1, as
    after `losses.sum()`, the device does not even read it). It is given away, so a second one recomputes.
    """
    if factors is None:  # nothing depends on the losses
        return None
    maps, *others = ctx.saved_tensors
    *numbers, with_gradient = ctx.numbers
    if not with_gradient:
        raise RuntimeError(f"cpm_edu::{name} was called with with_gradient=False; there is no gradient")
    if type(maps) is not Tensor:  # torch.compile traces: nothing may change in place
        return ctx.gradient * factors.view(-1, 1, 1, 1, 1).to(maps.dtype)
    if torch.is_grad_enabled():  # create_graph=True: in plain torch, which can be differentiated again
        return _differentiable(name, maps, others, numbers) * factors.view(-1, 1, 1, 1, 1)
    gradient, ctx.gradient = ctx.gradient, None
    if gradient is None:
        gradient = call(name, maps, *others, *numbers, True)[1]
    torch.ops.cpm_edu.scale_stages_(gradient, factors.contiguous())
    return gradient


def _differentiable(name: str, maps: Tensor, others: list[Tensor], numbers: list) -> Tensor:
    from ..targets import gaussian_targets_reference

    targets, weights = others[0], others[-1]
    *drawing, divisor = numbers
    if name == "gaussian_stage_loss":
        centers, drawn, _ = others
        sigma, reach, background = drawing
        targets = gaussian_targets_reference(
            centers, tuple(maps.shape[-2:]), sigma,
            weights=drawn, patch_sigmas=reach / sigma, background=background,
        )  # fmt: skip
    return 2.0 / divisor * weights[..., None, None] * (maps - targets)


def _stage_loss_backward(ctx, factors: Tensor | None, _unused):
    return _scaled(ctx, "stage_loss", factors), None, None, None, None


def _gaussian_stage_loss_backward(ctx, factors: Tensor | None, _unused):
    return _scaled(ctx, "gaussian_stage_loss", factors), *(None,) * 8


torch.library.register_autograd("cpm_edu::stage_loss", _stage_loss_backward, setup_context=_keep, lib=LIBRARY)
torch.library.register_autograd(
    "cpm_edu::gaussian_stage_loss", _gaussian_stage_loss_backward, setup_context=_keep, lib=LIBRARY
)
