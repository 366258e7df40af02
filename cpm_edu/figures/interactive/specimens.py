"""Kernels for the microscope: each with what to launch it on, and recordings of some for machines without a compiler."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...kernels.build import BuildError
from ...kernels.faults import Fault
from ...kernels.lab import Kernel
from ...kernels.toolchain import GET_COMPILER, find_compiler
from ...kernels.trace import ACCESS, BARRIER, Trace

__all__ = ["EXAMPLES", "RECORDED", "Block", "Specimen", "record_examples"]

Block = int | tuple[int, ...]
RECORDED = Path(__file__).with_name("specimens_recorded.npz")


@dataclass(frozen=True, eq=False)
class Specimen:
    """A kernel, and how to launch it with any size of block.

    Args:
        source: text of a kernel, or a file such as "targets.cuh", as `kernels.lab.Kernel` takes it.
        arguments: tensors of the CPU and numbers, in the kernel's order. Tensors are copied before each launch; the
            figure draws them in rows of their last dimension.
        threads: how many threads the work needs along x, or along (x, y); the grid is rounded up to whole blocks.
        grid: number of blocks instead, whatever their size.
        shared: bytes of dynamic shared memory for each block.
        name: which kernel, where the source has several.
    """

    source: str
    arguments: Sequence
    threads: int | tuple[int, ...] = 1
    grid: Block | None = None
    shared: int = 0
    name: str | None = None

    def launch_shape(self, block: Block) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """(grid, block), as many blocks as cover the threads: 400 threads in blocks of 128 are 4 blocks."""
        block = _tuple(block)
        if self.grid is not None:
            return _tuple(self.grid), block
        needed = _tuple(self.threads)
        if len(needed) < len(block):
            needed += (1,) * (len(block) - len(needed))
        block += (1,) * (len(needed) - len(block))
        return tuple(-(-n // b) for n, b in zip(needed, block, strict=True)), block

    def trace(self, block: Block) -> tuple[Trace, bool]:
        """The launch under the microscope, and whether it is a recording.

        Raises:
            ValueError: there is neither a compiler nor a recording; or an argument does not fit.
            CompileError: the source does not compile.
        """
        kept = _read_recordings(RECORDED).get(self._key(block))
        if (
            kept is not None and _no_compiler()
        ):  # libraries of an earlier compiler may be there, but not its tools
            return kept, True
        launch = *self.launch_shape(block), self.shared
        copies = [a.clone() if isinstance(a, Tensor) else a for a in self.arguments]
        try:
            kernel = _kernel(self.source, self.name)
            return kernel.trace(*launch, *copies, timeout_s=10, most_accesses=400_000), False
        except BuildError as error:
            if kept is not None:
                return kept, True
            raise ValueError(f"this kernel cannot be built here, and is not recorded: {error}") from None

    def shapes(self) -> dict[str, tuple[int, int]]:
        """(rows, columns) of each tensor argument, by its name in the kernel."""
        names = [p.name for p in _kernel(self.source, self.name).signature.parameters]
        tensors = [(n, a) for n, a in zip(names, self.arguments, strict=False) if isinstance(a, Tensor)]
        return {
            n: (a.numel() // max(a.shape[-1], 1) if a.dim() else 1, a.shape[-1] if a.dim() else 1)
            for n, a in tensors
        }

    def _key(self, block: Block) -> str:
        """Of everything that decides what a launch touches."""
        told = [(list(a.shape), a.tolist()) if isinstance(a, Tensor) else a for a in self.arguments]
        text = json.dumps([self.source.strip(), self.name, told, self.launch_shape(block), self.shared])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@lru_cache(maxsize=64)
def _kernel(source: str, name: str | None) -> Kernel:
    return Kernel(source, name)


def _no_compiler() -> bool:
    try:
        return find_compiler() is None
    except BuildError:  # CXX names one that is not there
        return True


def _tuple(extent: Block) -> tuple[int, ...]:
    return (extent,) if isinstance(extent, int) else tuple(extent)


# ---- examples: what the figure shows where nobody brings a kernel

HEAD = 'extern "C" __global__ void'
ALONG_ROWS = (
    HEAD
    + """ draw_map(
    const float* joint, float* out, int H, int W) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= H * W) return;
  float x0 = joint[0], y0 = joint[1];
  int x = i % W, y = i / W;
  float dx = x - x0, dy = y - y0;
  out[y * W + x] = expf(-(dx * dx + dy * dy) / 4.5f);
}"""
)
DOWN_COLUMNS = ALONG_ROWS.replace("int x = i % W, y = i / W;", "int x = i / H, y = i % H;")
ROW_EACH = (
    HEAD
    + """ draw_map(
    const float* joint, float* out, int H, int W) {
  int y = blockIdx.x * blockDim.x + threadIdx.x;
  if (y >= H) return;
  float x0 = joint[0], y0 = joint[1];
  for (int x = 0; x < W; ++x) {
    float dx = x - x0, dy = y - y0;
    out[y * W + x] = expf(-(dx * dx + dy * dy) / 4.5f);
  }
}"""
)
RACING_SUM = (
    HEAD
    + """ sum(
    const float* x, float* out) {
  __shared__ float s[256];
  int t = threadIdx.x;
  s[t] = x[t];
  __syncthreads();
  for (int half = blockDim.x / 2; half > 0; half /= 2)
    if (t < half) s[t] += s[t + half];
  if (t == 0) out[0] = s[0];
}"""
)
MAP = (torch.tensor([7.2, 9.4]), torch.zeros(20, 20), 20, 20)  # a map of the lite model, sigma 1.5 cells
BLOCKS = (64, 32, 128, 256)

EXAMPLES = {
    "along the rows": Specimen(ALONG_ROWS, MAP, threads=400),
    "down the columns": Specimen(DOWN_COLUMNS, MAP, threads=400),
    "a thread a row": Specimen(ROW_EACH, MAP, threads=20),
    "a sum with a race": Specimen(RACING_SUM, (torch.ones(8, 32), torch.zeros(1)), grid=1),
}


# ---- recordings


def record_examples(path: Path = RECORDED) -> None:
    """Trace every example with every size of block and keep the traces: `python -m cpm_edu.figures.interactive.specimens`.

    Addresses are those of tensors that begin on a boundary of 128 bytes, so a recording is the same on all machines.
    """
    arrays, told = {}, {}
    for specimen in EXAMPLES.values():
        for block in BLOCKS:
            trace, recorded = specimen.trace(block)
            if recorded:
                raise BuildError(GET_COMPILER)
            trace, key = settled(trace), specimen._key(block)
            arrays[f"{key}_accesses"], arrays[f"{key}_barriers"] = trace.accesses, trace.barriers
            plain = {
                k: v for k, v in vars(trace).items() if k not in ("accesses", "barriers", "faults", "sources")
            }
            told[key] = plain | {
                "faults": [asdict(f) for f in trace.faults],
                "sources": [[*place, text] for place, text in trace.sources.items()],
            }
    np.savez_compressed(path, told=np.array(json.dumps(told)), **arrays)


def settled(trace: Trace) -> Trace:
    """The trace with addresses and places that do not depend on where the process put things."""
    accesses = trace.accesses.copy()
    _, accesses["place"] = np.unique(accesses["place"], return_inverse=True)
    of_arguments = accesses["argument"] >= 0
    item = np.array([*trace.item_bytes, 1])[np.where(of_arguments, accesses["argument"], -1)]
    start = (accesses["argument"].astype(np.int64) + 3) << 32
    accesses["address"] = np.where(of_arguments, start + accesses["index"] * item, accesses["index"])
    return replace(trace, accesses=accesses)


@lru_cache(maxsize=2)
def _read_recordings(path: Path) -> dict[str, Trace]:
    with np.load(path, allow_pickle=False) as file:
        found = {}
        for key, told in json.loads(str(file["told"])).items():
            faults = [
                Fault(**{k: tuple(v) if isinstance(v, list) else v for k, v in f.items()})
                for f in told.pop("faults")
            ]
            sources = {(file_name, line): text for file_name, line, text in told.pop("sources")}
            for name in ("grid", "block", "shared_bytes"):
                told[name] = tuple(told[name])
            found[key] = Trace(
                accesses=file[f"{key}_accesses"].astype(ACCESS), barriers=file[f"{key}_barriers"].astype(BARRIER),
                faults=faults, sources=sources, **told,
            )  # fmt: skip
    return found


if __name__ == "__main__":
    record_examples()
    print(RECORDED)
