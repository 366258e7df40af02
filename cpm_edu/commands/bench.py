"""cpm-edu bench: how fast the compiled ops, the data pipeline and the lite model are, and compared with whom."""

from __future__ import annotations

import json
import math
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import torch
from tqdm import tqdm

from ..datasets.coco import CocoPeople
from ..kernels.bench import Row, check_answers, freed_memory_kept, judge, race
from ..kernels.bench_contests import JOINTS, LIMITS, OPS, STAGES, Workload, make_contest
from ..kernels.bench_pipeline import (
    PIPELINE_LIMITS,
    lite_contest,
    per_person,
    photo_people,
    pipeline_contests,
    stage_costs,
)
from ..metrics.table import Table
from .options import choose_device

DESCRIPTION = """\
Times every op against plain torch, torch.compile, numpy and, where they are installed, mmpose, kornia and dsntnn:
on the same data, each checked to compute the same first, in turn in one process, with equal threads.
Part "pipeline" times how fast one core makes training and testing crops of COCO's 256 x 192, against mmpose's
transforms; part "lite" the forward pass of the lite model on two cores, and what each of its stages costs.

--check also holds the numbers against what the project promises (on the CPU with --threads 1, --batch 64 and sizes
64x48 and 46x46; on a GPU of the H100 class with --batch 512 or more) and exits with status 1 where one is missed."""
EXAMPLES = """\
examples:
  cpm-edu bench
  cpm-edu bench --ops decode_dark,stage_loss --sizes 64x48 --rounds 11
  cpm-edu bench --parts pipeline --annotations person_keypoints_val2017.json --images val2017
  cpm-edu bench --check --markdown bench.md --json bench.json"""

MEANING = f"""\
median and spread (between the quartiles) in milliseconds; x ours: how many times the compiled op's time; of limit:
the time that memory alone takes for the bytes the work must move (zero_, sum or copy_ of them; on a GPU by the
speed of a copy), over the median. {JOINTS} joints, {STAGES} stages, targets of 3 sigma; stage_loss is forward and backward.
numpy and mmpose compute on one CPU thread whatever --threads says. Memory limits below some MB are those of a cache."""
PIPELINE_MEANING = """\
pipeline: milliseconds a person on one core, of pictures in the file cache; of limit: the share of decoding the
pictures. Training draws other crops in every round. Ours decodes people of one picture once in testing, and in training
decodes at a lower resolution where the crop shows no more."""
LITE_MEANING = """\
lite: a whole forward pass on two cores, from crops to the belief maps of all stages."""
PERSPECTIVE = """\
In perspective: these ops are about 0.1 % of the time of a training step of a six-stage CPM on a GPU (calculated,
not measured); the network is the rest. What they change: decoding where the maps are, making targets without a
data loader's CPU time, and memory."""
COLUMNS = ["op", "size", "who", "median ms", "spread ms", "x ours", "of limit", "note"]
PARTS = ("ops", "pipeline", "lite")
LITE_BATCHES, LITE_THREADS = (1, 16), 2
DEFAULT_BATCH = {"cpu": 64, "cuda": 512}
DEFAULT_SIZES = "64x48,46x46"


def add_arguments(parser) -> None:
    parser.add_argument("--device", help="cpu, cuda, cuda:1 ...; default: a GPU where there is one")
    parser.add_argument(
        "--threads", type=int, default=1, help="threads of torch and of the C++ ops (default: 1)"
    )
    parser.add_argument("--parts", default=",".join(PARTS), help="some of %(default)s")
    parser.add_argument(
        "--annotations",
        type=Path,
        metavar="FILE",
        help="COCO's people for the pipeline (default: the package's photos)",
    )
    parser.add_argument("--images", type=Path, metavar="DIR", help="their pictures")
    parser.add_argument("--ops", default=",".join(OPS), help="some of %(default)s")
    parser.add_argument(
        "--sizes", default=DEFAULT_SIZES, help="map sizes in cells, HxW (default: %(default)s)"
    )
    parser.add_argument(
        "--batch", type=int, help="people N (default: 64; 512 on a GPU, so that no cache holds the maps)"
    )
    parser.add_argument(
        "--rounds", type=int, default=31, help="runs of each; the median counts (default: 31)"
    )
    parser.add_argument(
        "--no-compile", action="store_true", help="leave out torch.compile (half a minute less)"
    )
    parser.add_argument("--check", action="store_true", help="exit with 1 where a promised number is missed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there too")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there too")


def run(options) -> int:
    parts = _checked_names("--parts", options.parts, PARTS, "part")
    ops, sizes = _checked_names("--ops", options.ops, OPS, "op"), _checked_sizes(options.sizes)
    if (options.annotations is None) != (options.images is None):
        raise ValueError("--annotations and --images belong together: the people and their pictures")
    device = choose_device(options.device)
    batch = DEFAULT_BATCH.get(device.type, 64) if options.batch is None else options.batch
    for name, value in {"--threads": options.threads, "--batch": batch, "--rounds": options.rounds}.items():
        if value < 1:
            raise ValueError(f"{name} must be at least 1, not {value}")
    if options.check and options.no_compile:
        raise ValueError("--check compares with torch.compile too: leave out --no-compile")
    for path in (options.json, options.markdown):  # told now, not after the work
        if path and not path.parent.is_dir():
            raise ValueError(f"{path}: there is no such folder")

    people = None
    if "pipeline" in parts:
        people = photo_people()
        if options.annotations:
            people = CocoPeople("val", annotations=options.annotations, images=options.images)
    machine = _describe(device, options.threads)
    rows, remarks, meanings = [], [], []
    if "ops" in parts:
        with _threads(options.threads), freed_memory_kept() as kept:
            rows, refused = _measure(ops, sizes, device, batch, options)
        remarks = [f"{name} took no part in {op}: {why}" for op, name, why in refused]
        if kept:
            remarks.append(
                "The process kept the memory it freed: nobody's time holds page faults of fresh results."
            )
        meanings = [MEANING, PERSPECTIVE]
    limits = judge(rows, LIMITS, device.type) if options.check else []
    if people is not None:
        with _threads(1):
            found, refused = _measure_pipeline(people, options.rounds)
        peers = {row.op for row in found if row.name == "mmpose"}
        if options.check:
            limits += judge(found, [limit for limit in PIPELINE_LIMITS if limit.op in peers], "cpu")
        remarks += [f"{name} took no part in {op}: {why}" for op, name, why in refused]
        if not peers:
            remarks.append("mmpose is not installed, or not whole: the pipeline is compared with nobody.")
        remarks.append(f"pipeline: {len(people)} people of {people.title}")
        rows += found
        meanings.append(PIPELINE_MEANING)
    if "lite" in parts:
        threads = min(LITE_THREADS, os.cpu_count() or 1)
        with _threads(threads):
            for size in LITE_BATCHES:
                rows += stage_costs(lite_contest(size), options.rounds)
        remarks.append(f"lite: {threads} threads")
        meanings.append(LITE_MEANING)
    remarks = [*meanings, *remarks]
    settings = {"batch": batch, "rounds": options.rounds}
    text = _report(machine, settings, rows, limits, remarks)
    print(text)
    if options.json:
        report = {
            "machine": machine, "settings": settings, "rows": [_as_dict(row) for row in rows], "remarks": remarks,
            "limits": [dict(zip(("promise", "measured", "kept"), limit, strict=True)) for limit in limits],
        }  # fmt: skip
        options.json.write_text(json.dumps(report, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    if options.markdown:
        options.markdown.write_text(_markdown(machine, settings, rows, limits, remarks), encoding="utf-8")
    return 0 if all(kept for _, _, kept in limits) else 1


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _measure_pipeline(people, rounds: int) -> tuple[list[Row], list[tuple[str, str, str]]]:
    rows, refused = [], []
    for contest in pipeline_contests(people):
        check_answers(contest)
        refused += [(contest.op, name, why) for name, why in contest.refused.items()]
        rows += per_person(race(contest, rounds=rounds, device=torch.device("cpu")), len(people))
    return rows, refused


def _measure(ops, sizes, device, batch: int, options) -> tuple[list[Row], list[tuple[str, str, str]]]:
    rows, refused = [], []
    total = len(ops) * len(sizes) * options.rounds
    with tqdm(total=total, unit="round", leave=False, disable=not sys.stderr.isatty()) as bar:
        for op in ops:
            for size in sizes:
                bar.set_description(f"{op} %dx%d" % size)
                contest = make_contest(op, Workload(batch, size, device), compile=not options.no_compile)
                check_answers(contest)
                refused += [(op, name, why) for name, why in contest.refused.items()]
                rows += race(contest, rounds=options.rounds, device=device, step=bar.update)
    return rows, list(dict.fromkeys(refused))


def _checked_names(option: str, text: str, known, what: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise ValueError(
            f"{option} {text}: no {what} {', '.join(unknown) or 'named'}; there are {', '.join(known)}"
        )
    return list(dict.fromkeys(names))


def _checked_sizes(text: str) -> list[tuple[int, int]]:
    sizes = []
    for part in text.split(","):
        height, _, width = part.strip().partition("x")
        if not (height.isdecimal() and width.isdecimal() and int(height) and int(width)):
            raise ValueError(
                f"--sizes {text}: a size is HEIGHTxWIDTH in cells, such as 64x48, not {part.strip()!r}"
            )
        sizes.append((int(height), int(width)))
    return list(dict.fromkeys(sizes))


def _describe(device: torch.device, threads: int) -> dict:
    machine = {
        "date": date.today().isoformat(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else str(device),
        "cpu": f"{_cpu_model()} ({os.cpu_count()} cores)",
        "threads": threads,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
    if device.type == "cuda":
        machine["cuda"] = torch.version.cuda
    return machine


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()


def _cells(row: Row) -> list:
    of_limit = None if math.isnan(row.of_limit) else row.of_limit
    return [
        row.op,
        f"{row.size[0]} x {row.size[1]}",
        row.name,
        row.median_ms,
        row.spread_ms,
        row.ratio,
        of_limit,
        row.note,
    ]


def _as_dict(row: Row) -> dict:
    return dict(zip((c.replace(" ", "_") for c in COLUMNS), _cells(row), strict=True))


def _tables(machine: dict, settings: dict, rows: list[Row], limits: list) -> list[Table]:
    caption = ", ".join(f"{name} {value}" for name, value in (machine | settings).items())
    formats = {"median ms": ".3f", "spread ms": ".3f", "x ours": ".2f", "of limit": ".0%"}
    tables = [Table(COLUMNS, [_cells(row) for row in rows], formats=formats, caption=caption)]
    if limits:
        verdicts = [[promise, measured, "kept" if kept else "MISSED"] for promise, measured, kept in limits]
        tables.append(Table(["promise", "measured", ""], verdicts, caption="What the project promises"))
    return tables


def _report(machine, settings, rows, limits, remarks) -> str:
    tables = [str(table) for table in _tables(machine, settings, rows, limits)]
    return "\n\n".join([*tables, *remarks])


def _markdown(machine, settings, rows, limits, remarks) -> str:
    parts = []
    for table in _tables(machine, settings, rows, limits):
        lines = [
            table.columns,
            ["---"] * len(table.columns),
            *([_text(c, v, table) for c, v in zip(table.columns, row, strict=True)] for row in table.rows),
        ]
        parts.append(table.caption + "\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines))
    return "\n\n".join([*parts, *remarks]) + "\n"


def _text(column: str, value, table: Table) -> str:
    return "" if value is None else format(value, table.formats.get(column, ""))
