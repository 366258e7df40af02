"""Predictions of a whole data set: shared out over processes, kept in a folder as they come, resumed from it.

Whoever stands in a chunk of the folder is done. A run that was stopped, by Ctrl-C, a bad picture or a power cut,
goes on with the others, with any number of processes.
"""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from ..datasets.people import PeopleDataset
from ..inference import joints_in_image, predict_crops
from ..models import CPM
from ..models.checkpoints import write_atomically
from ..training.batches import crop_loader
from ..training.distributed import all_or_none, barrier, gather, is_main, rank, world_size

__all__ = ["ChunkStore", "Predictions", "collect", "find_in_crops", "part_of"]

SECONDS_BETWEEN_CHUNKS = 20.0  # the most work that a killed run repeats


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a model finds for n people of a data set.

    Args:
        indices: (n,) int64, which people.
        joints_px: (T, n, J, 2) float32 image pixels, by every stage.
        scores: (T, n, J) float32.
        skipped: a sentence for everybody who was left out.
    """

    indices: np.ndarray
    joints_px: np.ndarray
    scores: np.ndarray
    skipped: tuple[str, ...] = ()


def find_in_crops(
    model: CPM,
    people: PeopleDataset,
    *,
    flip_test: bool = False,
    batch_size: int = 50,
    device: str | torch.device = "cpu",
    workers: int = 0,
    skip_bad: bool = False,
) -> Iterator[Predictions]:
    """Joints of everybody by their plain crops, batch by batch; the model must be on `device`."""
    device = torch.device(device)
    loader = crop_loader(
        people, model, batch_size=batch_size, workers=workers, skip_bad=skip_bad,
        paint_later=device.type == "cuda",
    )  # fmt: skip
    for batch in loader:
        indices, skipped = batch.indices.numpy(), tuple(batch.skipped)
        if len(batch) == 0:
            joints = np.zeros((model.num_stages, 0, model.skeleton.num_joints, 2), np.float32)
            yield Predictions(indices, joints, joints[..., 0], skipped)
            continue
        batch = batch.to(device)
        crop_px, scores = predict_crops(model, batch.images, batch.center_px, flip_test=flip_test)
        joints = joints_in_image(crop_px, batch.matrices).float()
        yield Predictions(indices, joints.cpu().numpy(), scores.cpu().numpy(), skipped)


def collect(
    people: PeopleDataset,
    find: Callable[[PeopleDataset], Iterable[Predictions]],
    *,
    wanted: Iterable[int] | None = None,
    store: ChunkStore | None = None,
    progress: bool = False,
) -> Predictions:
    """Run `find` on all people that no chunk of `store` holds; each process of a torchrun takes its share.

    Args:
        find: such as `find_in_crops` with a model; its indices count within the people that it is given.
        wanted: indices of the people; None: all.
        store: None keeps nothing on disk.
        progress: show a bar, of the first process.

    Returns:
        Everybody found, by rising index and nobody twice; the same in every process.

    Raises:
        ValueError: nobody could be predicted. And what `find` raises: what came before is in `store` then.
    """
    wanted = np.arange(len(people)) if wanted is None else np.unique(np.asarray(list(wanted), np.int64))
    chunks = store.load() if store else []
    # All processes must agree on what is done, though a slow file system may show them different folders.
    done = gather(np.concatenate([c.indices for c in chunks]) if chunks else np.zeros(0, np.int64))[0]
    left = wanted[~np.isin(wanted, done)]
    mine = np.array_split(left, world_size())[rank()]  # in one piece: people of one picture stay together
    of_all = f" (process 1 of {world_size()})" if world_size() > 1 else ""
    bar = tqdm(
        total=len(mine) + len(wanted) - len(left), initial=len(wanted) - len(left), unit="person",
        desc=f"predicting{of_all}", disable=not (progress and is_main()),
    )  # fmt: skip
    new = []
    with all_or_none(), bar:  # a picture that one process cannot read must not leave the others waiting
        try:
            for found in find(part_of(people, mine)) if len(mine) else ():
                found = Predictions(mine[found.indices], found.joints_px, found.scores, found.skipped)
                new.append(found)
                bar.update(len(found.indices) + len(found.skipped))
                if store:
                    store.add(found)
        finally:
            if store:
                store.flush()
    new = [found for part in gather(new) for found in part]
    return _joined([*gather(chunks if is_main() else [])[0], *new], wanted)


def _joined(parts: Sequence[Predictions], wanted: np.ndarray) -> Predictions:
    skipped = tuple(sentence for part in parts for sentence in part.skipped)
    parts = [part for part in parts if len(part.indices)]
    if not parts:
        first = f"; the first: {skipped[0]}" if skipped else ""
        raise ValueError(f"none of the {len(wanted)} people could be predicted{first}")
    indices, order = np.unique(np.concatenate([part.indices for part in parts]), return_index=True)
    order = order[np.isin(indices, wanted)]
    return Predictions(
        indices=indices[np.isin(indices, wanted)],
        joints_px=np.concatenate([part.joints_px for part in parts], 1)[:, order],
        scores=np.concatenate([part.scores for part in parts], 1)[:, order],
        skipped=skipped,
    )


class _Part(Sequence):
    """Some people of a data set."""

    def __init__(self, people: PeopleDataset, indices: np.ndarray) -> None:
        self.people, self.indices, self.skeleton = people, indices, people.skeleton

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int):
        return self.people[int(self.indices[index])]


def part_of(people: PeopleDataset, indices: np.ndarray) -> PeopleDataset:
    """Some people of a data set, in this order."""
    if len(indices) == len(people):
        return people
    return people.chosen(indices) if hasattr(people, "chosen") else _Part(people, indices)


class ChunkStore:
    """A folder of finished chunks, each an .npz that is written whole or not at all.

    Args:
        folder: made if missing.
        identity: what the predictions depend on, by name; JSON-able values.

    Raises:
        ValueError: the folder holds predictions that depend on something else; the message says on what.
        OSError: it cannot be made or written.
    """

    def __init__(self, folder: Path | str, identity: dict) -> None:
        self.folder = Path(folder)
        self._waiting: list[Predictions] = []
        self._last_write = time.monotonic()
        described = self.folder / "identity.json"
        wanted = json.loads(json.dumps(identity))
        if is_main():
            self.folder.mkdir(parents=True, exist_ok=True)
            if not described.is_file():
                if any(self.folder.glob("*.npz")):
                    raise ValueError(f"{self.folder} holds files that are not ours. Choose another --out")
                write_atomically(described, json.dumps(wanted, indent=1).encode())
        barrier()
        try:
            before = json.loads(described.read_text())
        except ValueError:
            raise ValueError(f"{described} is damaged; move {self.folder} away to begin again") from None
        changed = [key for key in {**before, **wanted} if before.get(key) != wanted.get(key)]
        if changed:
            changes = "; ".join(f"{k}: {before.get(k)} there, {wanted.get(k)} asked for" for k in changed)
            raise ValueError(
                f"{self.folder} holds predictions of another evaluation ({changes}). "
                "Choose another folder by --out, or move this one away"
            )

    def load(self) -> list[Predictions]:
        """The chunks in the folder; a damaged one is passed over, so that its people are predicted again."""
        chunks = []
        for path in sorted(self.folder.glob("*.npz")):
            try:
                with np.load(path) as arrays:
                    chunks.append(Predictions(arrays["indices"], arrays["joints_px"], arrays["scores"]))
            except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
                continue
        return chunks

    def add(self, found: Predictions) -> None:
        """Take people in; every `SECONDS_BETWEEN_CHUNKS` they are written."""
        self._waiting.append(found)
        if time.monotonic() - self._last_write >= SECONDS_BETWEEN_CHUNKS:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        waiting = [found for found in self._waiting if len(found.indices)]
        self._waiting, self._last_write = [], time.monotonic()
        if not waiting:
            return
        buffer = BytesIO()
        np.savez(
            buffer,
            indices=np.concatenate([f.indices for f in waiting]),
            joints_px=np.concatenate([f.joints_px for f in waiting], 1),
            scores=np.concatenate([f.scores for f in waiting], 1),
        )
        # Nobody is predicted twice, so the first person is a name that no other process takes.
        write_atomically(self.folder / f"people-{waiting[0].indices[0]:07d}.npz", buffer.getvalue())
