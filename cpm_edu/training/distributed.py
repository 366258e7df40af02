"""Many processes as one run: who am I, does anybody have a problem, and what has everybody found.

`torchrun` starts the processes and tells each its rank by environment variables. Without it there is one
process, every function here answers for that one, and torch.distributed stays unused.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor, nn

__all__ = [
    "ProcessLost", "all_or_none", "any_rank", "barrier", "copy_from_main", "gather", "is_main", "losing_a_process",
    "mean_over_ranks", "one_speaker", "process_group", "rank", "world_size",
]  # fmt: skip


class ProcessLost(ValueError):
    """Another process of this run has ended, so this one cannot go on."""


def _joined() -> bool:
    return dist.is_available() and dist.is_initialized()


def rank() -> int:
    """Number of this process, 0 .. world_size() - 1."""
    return dist.get_rank() if _joined() else 0


def world_size() -> int:
    """How many processes work on this run."""
    return dist.get_world_size() if _joined() else 1


def is_main() -> bool:
    """Whether this is the process that prints and writes files."""
    return rank() == 0


def gather(item) -> list:
    """The item of every process, in the order of ranks, in all of them; it must be picklable."""
    if not _joined():
        return [item]
    items = [None] * world_size()
    dist.all_gather_object(items, item)
    return items


def barrier() -> None:
    """Wait for all processes."""
    gather(None)  # dist.barrier would need to be told the GPU


def any_rank(flag: bool) -> bool:
    """Whether the flag is up in any process; about 0.1 ms on one machine, so a step can afford it."""
    if not _joined():
        return flag
    up = torch.tensor([int(flag)])  # on the CPU: gloo, which does not wait for the GPU's queue
    dist.all_reduce(up, op=dist.ReduceOp.MAX)
    return bool(up.item())


def mean_over_ranks(values: Tensor) -> Tensor:
    """Mean of a tensor over all processes."""
    if not _joined():
        return values
    total = values.detach().clone()
    dist.all_reduce(total)
    return total / world_size()


def copy_from_main(module: nn.Module) -> None:
    """Give every process rank 0's buffers (the running statistics of batch norm)."""
    if _joined():
        for buffer in module.buffers():
            dist.broadcast(buffer, src=0)


@contextmanager
def all_or_none() -> Iterator[None]:
    """A ValueError or OSError in one process becomes one in all of them, so that nobody waits for it.

    What is done inside must not talk to other processes.
    """
    problem = None
    try:
        yield
    except (ValueError, OSError) as error:
        problem = error
    sentences = gather(problem and str(problem))
    if problem is not None:
        raise problem
    for number, sentence in enumerate(sentences):
        if sentence is not None:
            raise ValueError(f"process {number} of this run: {sentence}")


@contextmanager
def losing_a_process(advice: str) -> Iterator[None]:
    """Say in one sentence that another process has ended, instead of how its connection broke.

    Args:
        advice: what to do then.

    Raises:
        ProcessLost: a connection to another process broke.
    """
    try:
        yield
    except RuntimeError as error:
        # NCCL's errors are DistErrors; gloo raises a plain RuntimeError that names its source file
        if not _joined() or not (isinstance(error, dist.DistError) or "gloo" in str(error)):
            raise
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # torchrun sends it now; the words come first
        raise ProcessLost(f"another process of this run has ended, so it cannot go on; {advice}") from error


@contextmanager
def one_speaker() -> Iterator[None]:
    """Of processes that end for the same reason one says so: the others leave quietly, with its exit status.

    They leave by SystemExit, which does not wait for those that are gone.
    """
    try:
        yield
    except KeyboardInterrupt:
        if not is_main():
            sys.exit(130)
        raise
    except (ValueError, OSError) as error:
        speakers = 2 if isinstance(error, ProcessLost) else 1  # the lost one may be rank 0
        if rank() >= speakers:
            sys.exit(2)
        raise


@contextmanager
def process_group(device: torch.device | str) -> Iterator[torch.device]:
    """Join the processes that torchrun started; a group of one where it did not.

    Args:
        device: "cpu", "cuda" or "cuda:i". Of many processes on GPUs each takes the GPU of its local rank.

    Yields:
        The device of this process.

    Raises:
        ValueError: more processes on this machine than GPUs.
    """
    device = torch.device(device)
    if "RANK" not in os.environ:
        yield device
        return
    backend = "gloo"
    if device.type == "cuda":
        local, gpus = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if local >= gpus:
            raise ValueError(
                f"torchrun started {os.environ['LOCAL_WORLD_SIZE']} processes here, but torch sees {gpus} "
                f"GPUs: use --nproc-per-node {gpus}"
            )
        device = torch.device("cuda", local)
        torch.cuda.set_device(device)
        backend = "cpu:gloo,cuda:nccl"
    dist.init_process_group(backend)
    yield device
    dist.destroy_process_group()  # not after an error: it would wait for processes that are gone
    # DistributedDataParallel keeps gloo's threads alive after this. One that lets go of its last tensor while the
    # interpreter ends aborts the process (pytorch/pytorch#179291); half a second lets it do so before.
    time.sleep(0.5)
