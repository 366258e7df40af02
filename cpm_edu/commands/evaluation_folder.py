"""What `cpm-edu evaluate` keeps in its folder: predictions as they come, tables, numbers and the worst cases."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ..datasets.people import PeopleDataset
from ..evaluation.labels import Labels
from ..evaluation.predictions import ChunkStore, Predictions, collect
from ..figures.gallery import cases_of, gallery_figure, gallery_html, worst_cases
from ..images import ImageError
from ..models import CPM
from ..models.checkpoints import write_atomically
from ..training.distributed import ProcessLost, losing_a_process, rank
from .people import save_figure

__all__ = ["identity_of", "left_out", "predict_and_keep", "tell_skipped", "write_gallery", "write_json"]

SENTENCES_SHOWN = 10


def identity_of(
    model: CPM,
    digest: str,
    people: PeopleDataset,
    labels: Labels,
    *,
    data: str,
    flip_test: bool,
    zooms: Sequence[float] = (1.0,),
) -> dict:
    """What predictions depend on, for `ChunkStore`: the weights, the people and how they are shown.

    Args:
        digest: SHA-256 of the checkpoint.
        data: name and split.
    """
    pictures = getattr(people, "pictures", None)
    return {
        "checkpoint": digest[:16],
        "model": model.kind,
        "input size": list(model.input_size),
        "people": len(labels),
        "labels": labels.digest(),
        "pictures": [str(source.resolve()) for source in pictures.sources] if pictures is not None else [],
        "data": data,
        "flip test": flip_test,
        "zooms": list(zooms),
    }


def predict_and_keep(
    people: PeopleDataset,
    find: Callable[[PeopleDataset], Iterable[Predictions]],
    wanted: np.ndarray,
    folder: Path | None,
    identity: dict,
) -> Predictions:
    """`collect` with a progress bar, kept in a folder (None: nowhere).

    Raises:
        ValueError: with what is kept, and how to go on, where the work stopped at a mistake.
    """
    store = ChunkStore(folder / "predictions", identity) if folder is not None else None
    go_on = "the same command goes on" + (f" with what is kept in {folder}" if folder else "")
    try:
        with losing_a_process(go_on), _sigterm_as_ctrl_c():
            return collect(people, find, wanted=wanted, store=store, progress=True)
    except KeyboardInterrupt:
        if store is not None and rank() < 2:  # torchrun stops the others where rank 0 was killed
            print(f"\nstopped; {_kept(store)}", file=sys.stderr)
        raise
    except ProcessLost:
        raise
    except (ValueError, OSError) as error:
        advice = "; --skip-bad leaves such people out" if isinstance(error, ImageError) else ""
        kept = f"; {_kept(store)}" if store is not None else ""
        raise ValueError(f"{error}{advice}{kept}") from error


@contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    """A scheduler's end of time, or torchrun's when another process has failed, keeps what was done, as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _kept(store: ChunkStore) -> str:
    count = sum(len(chunk.indices) for chunk in store.load())
    return f"{count} people are done and kept in {store.folder}: the same command goes on with the others"


def left_out(people: PeopleDataset, found: Predictions) -> list[str]:
    """A sentence for everybody who was left out as broken: by the loader, or because of the picture."""
    bad = people.sieve.bad if hasattr(people, "sieve") else {}
    by_loader = [f"{name}: {reason}" for reason, names in bad.items() for name in names]
    return [*by_loader, *found.skipped]


def tell_skipped(people: PeopleDataset, skipped: tuple[str, ...]) -> None:
    """Count and list what was left out as broken, on stderr."""
    sieve = getattr(people, "sieve", None)
    if sieve is not None and sieve.bad:
        print(sieve.summary(), file=sys.stderr)
    if skipped:
        print(f"left out, as their pictures cannot be read: {len(skipped)} people", file=sys.stderr)
        for sentence in skipped[:SENTENCES_SHOWN]:
            print(f"  {sentence}", file=sys.stderr)
        if len(skipped) > SENTENCES_SHOWN:
            print(f"  and {len(skipped) - SENTENCES_SHOWN} more", file=sys.stderr)


def write_gallery(
    folder: Path,
    people: PeopleDataset,
    found_px: np.ndarray,
    truth_px: np.ndarray,
    labelled: np.ndarray,
    errors: np.ndarray,
    *,
    count: int,
    title: str,
    summary: str,
) -> str:
    """Write gallery.png and gallery.html of the worst `count` people.

    Args:
        found_px, truth_px, labelled, errors: of `cases_of`.
        title: of the gallery.

    Returns:
        A line that says where they are, or why there are none.
    """
    worst = worst_cases(errors, count)
    if len(worst) == 0:
        return "no gallery: nobody has a labelled joint to be judged by"
    cases = cases_of(people, worst, found_px, truth_px, labelled, errors)
    save_figure(gallery_figure(cases, people.skeleton, title), folder / "gallery.png")
    write_atomically(
        folder / "gallery.html", gallery_html(cases, people.skeleton, title, summary).encode("utf-8")
    )
    return f"the worst cases, {len(cases)}: {folder / 'gallery.html'}, {folder / 'gallery.png'}"


def write_json(path: Path, content) -> None:
    """Write JSON, whole or not at all; NaN becomes null."""
    write_atomically(path, json.dumps(_without_nan(content), indent=1).encode("utf-8"))


def _without_nan(value):
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    if isinstance(value, float) and value != value:
        return None
    return value
