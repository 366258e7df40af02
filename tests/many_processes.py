"""What several processes do together for tests/test_distributed.py; as a program under torchrun, rank 0 writes it down.

torchrun --nproc-per-node 2 tests/many_processes.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from tiny_people import TINY, TinyPeople, tiny_model, tiny_train

from cpm_edu.evaluation import predict_people, stage_pck
from cpm_edu.models import CPM
from cpm_edu.training import loop
from cpm_edu.training.distributed import (
    all_or_none,
    any_rank,
    copy_from_main,
    gather,
    is_main,
    mean_over_ranks,
    process_group,
    rank,
    world_size,
)

PEOPLE = 7  # cannot be shared out evenly
STEADY = dict(schedule="step", step_epochs=100.0, ema_decay=0.9, clip_norm=1.0)  # lasts as long as it likes


def no_norm_model() -> CPM:
    """The paper's network, small, without dropout: it has no batch norm, so a batch may be cut anywhere."""
    torch.manual_seed(0)
    model = CPM.paper(TINY, width=8, num_stages=2, input_size=(32, 32))
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return model


def train_somehow(folder: Path, how: str, *, optimizer: str = "sgd", **changes) -> None:
    """A run of 12 people in batches of 4: "whole", or every batch in "micro" batches of 1 or 2."""
    parts = 1 if how == "whole" else 4 // world_size()
    rate = {"sgd": 1e-3, "adam": 1e-3, "muon": 0.02}[optimizer]
    model = changes.pop("model", None) or no_norm_model()
    tiny_train(
        folder, model=model, people=TinyPeople(12), epochs=changes.pop("epochs", 4), optimizer=optimizer, lr=rate,
        accumulate=parts, **(STEADY | changes),
    )  # fmt: skip


def evaluate() -> dict:
    model, people = tiny_model(), TinyPeople(PEOPLE)
    joints, scores = predict_people(model, people, flip_test=True, batch_size=2)
    return {"joints": joints, "scores": scores, "pck": [r.mean for r in stage_pck(model, people)]}


def collectives() -> dict:
    """What the small functions answer; each process adds its rank somewhere."""
    buffer = torch.nn.BatchNorm1d(1)
    buffer.running_mean[:] = 5.0 + rank()
    copy_from_main(buffer)
    refusals = []
    for culprit in (0, 1):
        try:
            with all_or_none():
                if rank() == culprit:
                    raise ValueError(f"no {culprit}.jpg")
        except ValueError as error:
            refusals.append(str(error))
    return {
        "ranks": gather(rank()), "world": world_size(),
        "any": [any_rank(False), any_rank(rank() == 1), any_rank(True)],
        "mean": mean_over_ranks(torch.tensor([float(rank()), 2.0])).tolist(),
        "buffer": buffer.running_mean.item(), "refusals": gather(refusals),
    }  # fmt: skip


def count_people(monitored: list[int]) -> None:
    """From now on every step of this process notes how many people it learns from."""
    original = loop.train_step

    def counted(run, batch):
        monitored.append(len(batch))
        return original(run, batch)

    loop.train_step = counted


def main(folder: str) -> None:
    torch.set_num_threads(1)
    folder, learnt = Path(folder), []
    count_people(learnt)
    with process_group("cpu"):
        for optimizer in ("sgd", "adam", "muon"):
            train_somehow(folder / optimizer, "whole", optimizer=optimizer)
        train_somehow(folder / "micro", "micro")
        train_somehow(folder / "half", "whole", epochs=2)
        train_somehow(folder / "half", "whole", epochs=4)
        for epochs in (2, 4):
            train_somehow(folder / "norm in parts", "whole", model=tiny_model(), epochs=epochs)
        train_somehow(folder / "norm", "whole", model=tiny_model(), epochs=4)
        train_somehow(folder / "for one", "whole", epochs=2)
        found = collectives() | {"evaluation": evaluate(), "learnt": gather(learnt)}
        everybody = gather(found["evaluation"]["joints"])
        assert all(torch.equal(everybody[0], joints) for joints in everybody), "all have the same result"
        if is_main():
            torch.save(found, folder / "found.pt")


if __name__ == "__main__":
    main(*sys.argv[1:])
