"""cpm-edu bench: every comparison computes the same before it is timed. Nothing here asserts a speed."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest
import torch
from command_line import assert_refused, run
from conftest import compiled_backends_only, skip_or_fail

from cpm_edu.decoding import decode_reference
from cpm_edu.kernels import bench
from cpm_edu.kernels.bench import (
    Contest,
    Contestant,
    Limit,
    Row,
    check_answers,
    judge,
    race,
)
from cpm_edu.kernels.bench_contests import LIMITS, OPS, Workload, make_contest
from cpm_edu.kernels.bench_peers import numpy_dark
from cpm_edu.kernels.libraries import load
from cpm_edu.kernels.ops import BackendUnavailable

CPU = torch.device("cpu")
ONE = (torch.ones(3),)


def contest_of(ours, *others, expected=ONE, tolerance=1e-6, floor=None) -> Contest:
    floor = floor or Contestant("zero_", lambda: None)
    return Contest("decode", (2, 3), ours, list(others), expected, tolerance, floor, 100, 100)


def right(name: str, run=lambda: torch.ones(3)) -> Contestant:
    return Contestant(name, run, lambda result: (result,))


# ---- numbers by hand


def test_medians_spread_and_ratios_of_known_times(monkeypatch):
    milliseconds = {"cpp": [2.0, 2.0, 50.0], "other": [6.0, 5.0, 9.0], "zero_": [1.0, 1.0, 1.0]}
    feed = {name: iter(values) for name, values in milliseconds.items()}
    monkeypatch.setattr(bench, "_time_on_cpu", lambda run: next(feed[run()]))
    contest = contest_of(
        right("cpp", lambda: "cpp"),
        right("other", lambda: "other"),
        floor=Contestant("zero_", lambda: "zero_"),
    )
    ours, other, floor = race(contest, rounds=3, device=CPU)
    assert (ours.median_ms, other.median_ms, floor.median_ms) == (2.0, 6.0, 1.0), (
        "a mean would read 18 for cpp"
    )
    assert (ours.ratio, other.ratio) == (1.0, 3.0)
    assert ours.of_limit == pytest.approx(0.5)
    assert other.of_limit == pytest.approx(1 / 6)
    assert math.isnan(floor.of_limit)
    assert other.spread_ms == pytest.approx(2.0)  # quartiles of 5, 6, 9: 5.5 and 7.5


def test_every_round_runs_all_in_another_order():
    calls = []
    names = ["a", "b", "c", "d"]
    contestants = [right(name, lambda name=name: calls.append(name)) for name in names]
    race(contest_of(*contestants), rounds=12, device=CPU)
    turns = calls[bench.WARM_UPS * len(names) :: 2]  # each runs twice in its turn
    rounds = [tuple(turns[i : i + 4]) for i in range(0, len(turns), 4)]
    assert len(rounds) == 12
    assert all(sorted(r) == names for r in rounds)
    assert len(set(rounds)) > 3


def row(name: str, ratio: float, of_limit: float = 0.5, size=(2, 3)) -> Row:
    return Row("decode", size, name, 1.0 * ratio, 0.0, ratio, of_limit, "")


def test_promises_kept_missed_and_not_measured():
    rows = [row("cpp", 1.0, 0.85), row("torch", 4.0), row("numpy", 0.8)]
    limits = [
        Limit("decode", ("torch",), at_least=3.0),
        Limit("decode", ("torch",), at_least=5.0),
        Limit("decode", ("numpy",), at_most=1.5),  # ours takes 1 / 0.8 = 1.25 of its time
        Limit("decode", ("numpy",), at_most=1.2),
        Limit("decode", ("mmpose", "numpy"), at_most=1.3),
        Limit("decode", ("torch.compile",), at_least=1.0),
        Limit("decode", ("memory",), at_least=0.8),
        Limit("decode", ("memory",), at_least=0.9),
        Limit("decode", ("torch",), at_least=99.0, device="cuda"),
        Limit("stage_loss", ("torch",), at_least=99.0),
    ]
    verdicts = judge(rows, limits, "cpu")
    assert [kept for _, _, kept in verdicts] == [True, False, True, False, True, False, True, False]
    assert verdicts[2][1] == "1.25 x"
    assert verdicts[5][1] == "not measured"
    assert "2 x 3" in verdicts[0][0]


def test_the_promises_name_ops_and_contestants_that_exist(monkeypatch):
    monkeypatch.setattr(
        Workload, "compiled", lambda work, name, function, *a: Contestant(name, lambda: function(*a))
    )
    for op in OPS:
        names = {c.name for c in make_contest(op, Workload(1, (9, 8), CPU), compile=True).contestants}
        for limit in LIMITS:
            if limit.op == op and limit.device == "cpu":
                assert names & set(limit.against), f"{limit} can never be measured among {sorted(names)}"
    assert {limit.op for limit in LIMITS} <= set(OPS)


# ---- the same work, checked


@compiled_backends_only
@pytest.mark.parametrize("size", [(1, 1), (17, 33), (46, 46)], ids=str)
@pytest.mark.parametrize("op", OPS)
def test_all_contestants_compute_the_same(op, size, device):
    contest = make_contest(op, Workload(2, size, device), compile=False)
    check_answers(contest)
    assert not contest.refused
    rows = race(contest, rounds=2, device=device)
    assert len(rows) == len(contest.contestants) >= 3
    assert all(r.median_ms > 0 for r in rows)


@pytest.mark.slow
@compiled_backends_only
@pytest.mark.parametrize("op", ["gaussian_targets", "decode_log_parabola", "stage_loss"])
def test_torch_compile_computes_the_same(op, device):
    contest = make_contest(op, Workload(1, (9, 8), device), compile=True)
    check_answers(contest)
    assert "torch.compile" in {c.name for c in contest.contestants}, contest.refused


@compiled_backends_only
@pytest.mark.parametrize("op", OPS)
def test_wrong_work_is_not_timed(op, device, monkeypatch):
    contest = make_contest(op, Workload(2, (9, 8), device), compile=False)
    answer = contest.ours.answer
    contest.ours.answer = lambda result: (answer(result)[0] + 0.01, *answer(result)[1:])
    with pytest.raises(ValueError, match=rf"{op} 9 x 8: {contest.ours.name} computes something else: off by"):
        check_answers(contest)


def test_numpy_dark_on_maps_with_every_rule():
    generator = torch.Generator().manual_seed(0)
    maps = torch.rand(3, 4, 12, 11, generator=generator)
    maps[0, 0] = -1.0  # no joint
    maps[1, 1] = 0.0
    maps[1, 1, 6, 5] = 1.0  # alone: its blur reaches zero
    maps[2, 2, 0, 0] = 2.0  # too close to the border for a step
    contestant = numpy_dark(maps)
    joints, _ = decode_reference(maps, "dark")
    torch.testing.assert_close(contestant.answer(contestant.run())[0], joints, rtol=1e-3, atol=1e-3)


# ---- edges


def test_other_shapes_and_not_a_number_are_wrong():
    for result in (torch.ones(2), torch.tensor([1.0, math.nan, 1.0])):
        with pytest.raises(ValueError, match="computes something else"):
            check_answers(contest_of(right("cpp", lambda result=result: result)))


def test_a_definition_of_its_own_is_compared_with_itself():
    own = Contestant("kornia", lambda: torch.zeros(3), lambda r: (r,), expected=(torch.zeros(3),))
    check_answers(contest_of(right("cpp"), own))
    own.expected = None
    with pytest.raises(ValueError, match="kornia computes something else"):
        check_answers(contest_of(right("cpp"), own))


def test_a_contestant_that_cannot_run_is_left_out_and_named():
    def broken():
        raise RuntimeError("no compiler\nlong story")

    contest = contest_of(right("cpp"), right("torch.compile", broken), right("numpy"))
    check_answers(contest)
    assert [c.name for c in contest.others] == ["numpy"]
    assert contest.refused == {"torch.compile": "RuntimeError: no compiler"}


def test_ours_that_cannot_run_is_an_error():
    def broken():
        raise RuntimeError("ours")

    with pytest.raises(RuntimeError, match="ours"):
        check_answers(contest_of(right("cpp", broken)))


PAGE_FAULTS = """
import resource, torch
from cpm_edu.kernels.bench import freed_memory_kept

def page_faults():
    torch.ones(12_000_000)  # 48 MB, more than glibc keeps of its own accord
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(12_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

before = page_faults()
with freed_memory_kept() as kept:
    meanwhile = page_faults()
print(int(kept), before, meanwhile, page_faults())
"""


def test_freed_memory_is_kept_and_only_meanwhile():
    ran = subprocess.run([sys.executable, "-c", PAGE_FAULTS], capture_output=True, text=True, check=True)
    kept, before, meanwhile, after = map(int, ran.stdout.split())
    if not kept:
        pytest.skip("this C library has no mallopt")
    assert meanwhile < 1000 < 5000 < min(before, after)  # 48 MB are 11,700 pages


# ---- the command

SMALL = ("--parts", "ops", "--sizes", "9x8", "--batch", "2", "--rounds", "2", "--device", "cpu")


@pytest.fixture
def compiled_ops():
    """What the command times on the CPU."""
    try:
        load("cpp")
    except BackendUnavailable as error:
        skip_or_fail("cpp", str(error))


@pytest.fixture
def without_compiler(monkeypatch):
    monkeypatch.setattr(
        Workload, "compiled", lambda work, name, function, *a: Contestant(name, lambda: function(*a))
    )


@pytest.mark.usefixtures("compiled_ops")
def test_table_json_and_markdown(tmp_path, capsys):
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    files = ["--json", tmp_path / "b.json", "--markdown", tmp_path / "b.md"]
    assert run("bench", *SMALL, "--no-compile", "--ops", "decode_dark,gaussian_targets", *files) == 0
    assert torch.get_num_threads() == 3, "what the command sets it takes back"
    torch.set_num_threads(before)
    text = capsys.readouterr().out
    for words in (
        "decode_dark",
        "numpy DARK",
        "9 x 8",
        "0.1 % of the time",
        "threads 1",
        torch.__version__,
        "zero_",
    ):
        assert words in text, words
    report = json.loads((tmp_path / "b.json").read_text())
    assert {r["op"] for r in report["rows"]} == {"decode_dark", "gaussian_targets"}
    assert report["settings"] == {"batch": 2, "rounds": 2}
    assert all(r["median_ms"] > 0 for r in report["rows"])
    assert [r["x_ours"] for r in report["rows"] if r["who"] == "cpp"] == [1.0, 1.0]
    assert report["limits"] == []
    lines = (tmp_path / "b.md").read_text().splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == len(report["rows"]) + 2
    assert len({line.count("|") for line in table}) == 1, "every line has as many cells as the head"
    assert "torch.compile" not in "\n".join(table)


@pytest.mark.usefixtures("compiled_ops", "without_compiler")
@pytest.mark.parametrize(("bound", "status", "word"), [(1e-9, 0, "kept"), (1e9, 1, "MISSED")])
def test_check_says_and_exits_with_what_was_missed(bound, status, word, monkeypatch, capsys, tmp_path):
    limit = Limit("gaussian_targets", ("torch separable",), at_least=bound)
    monkeypatch.setattr("cpm_edu.commands.bench.LIMITS", [limit])
    files = ["--json", tmp_path / "b.json", "--markdown", tmp_path / "b.md"]
    assert run("bench", *SMALL, "--ops", "gaussian_targets", "--check", *files) == status
    text = capsys.readouterr().out
    assert "What the project promises" in text
    assert word in text
    [verdict] = json.loads((tmp_path / "b.json").read_text())["limits"]
    assert verdict["kept"] is (status == 0)
    assert word in (tmp_path / "b.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--ops", "decode_dark,quick"], ["quick", "gaussian_targets, decode_argmax"]),
        (["--ops", ","], ["--ops"]),
        (["--sizes", "64"], ["HEIGHTxWIDTH", "'64'"]),
        (["--sizes", "64x0"], ["'64x0'"]),
        (["--sizes", "64x48x2"], ["'64x48x2'"]),
        (["--batch", "0"], ["--batch must be at least 1, not 0"]),
        (["--rounds", "0"], ["--rounds"]),
        (["--threads", "-1"], ["--threads"]),
        (["--check", "--no-compile"], ["leave out --no-compile"]),
        (["--device", "nowhere"], ["--device nowhere"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_get_a_sentence(arguments, words, capsys):
    assert_refused(capsys, ["bench", *arguments], *words)


@pytest.mark.parametrize("option", ["--json", "--markdown"])
def test_a_folder_that_is_not_there_is_told_before_the_work(option, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("cpm_edu.commands.bench.race", lambda *a, **o: pytest.fail("measured first"))
    assert_refused(capsys, ["bench", option, tmp_path / "no" / "b"], "there is no such folder")


def test_ops_that_cannot_be_built_get_a_sentence(monkeypatch, capsys):
    def load(backend):
        raise BackendUnavailable("no compiler: apt install g++")

    monkeypatch.setattr("cpm_edu.kernels.libraries.load", load)
    assert_refused(capsys, ["bench", *SMALL, "--no-compile"], "apt install g++")
