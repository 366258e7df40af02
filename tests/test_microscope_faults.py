"""Every kind of fault is caught by name, in the right line, and sound kernels raise no alarm."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest
import torch
from emulator_tools import compilers, require_compiler
from planted_kernels import PLANTED as ALONE
from planted_teamwork import TEAMWORK
from sound_kernels import SOUND

from cpm_edu.kernels.faults import KINDS
from cpm_edu.kernels.lab import Kernel, KernelFault

PLANTED = [*ALONE, *TEAMWORK]
# kinds that a whole launch has, not a line: tested in test_lab.py
ELSEWHERE = {"interrupted", "too-much-shared"}


@cache
def kernel(source: str, compiler: str | None = None) -> Kernel:
    return Kernel(source, compiler=compiler)


def traced(planted, order="forward", compiler=None):
    return kernel(planted.source, compiler).trace(
        planted.grid, planted.block, planted.shared, *planted.tensors(), order=order, seed=3,
        timeout_s=planted.timeout_s,
    )  # fmt: skip


def case_id(number: int) -> str:
    return f"{PLANTED[number].kind}-{number}"


@pytest.mark.parametrize("order", ["forward", "reverse", "random"])
@pytest.mark.parametrize("number", range(len(PLANTED)), ids=case_id)
def test_planted_fault_is_named_with_its_line(number, order):
    require_compiler()
    planted = PLANTED[number]
    if planted.kind == "endless-loop" and order != "forward":
        pytest.skip("takes its time limit, and does not hang on the order")
    faults = traced(planted, order).faults
    found = {(fault.kind, fault.line) for fault in faults}
    found |= {(fault.kind, fault.other_line) for fault in faults}  # of a race, either side may come second
    assert (planted.kind, planted.line) in found, "\n".join(map(str, faults)) or "no fault found"
    assert {fault.kind for fault in faults} == {planted.kind}, "one fault was planted"


def test_every_kind_is_planted_in_two_kernels():
    planted = Counter(case.kind for case in PLANTED)
    assert len([kind for kind, count in planted.items() if count >= 2]) >= 20
    once = set(KINDS) - {kind for kind, count in planted.items() if count >= 2} - ELSEWHERE
    assert once <= {"stack-overflow"}, once


@pytest.mark.parametrize("order", ["forward", "reverse", "random"])
@pytest.mark.parametrize("name", SOUND)
def test_sound_kernels_raise_no_alarm(name, order):
    require_compiler()
    trace = traced(SOUND[name], order)
    assert not trace.faults, "\n".join(map(str, trace.faults))


@pytest.mark.parametrize("compiler", compilers()[1:] or ["a second compiler"])
def test_second_compiler_agrees(compiler):
    if compiler not in compilers():
        pytest.skip("only one C++ compiler is installed")
    for planted in PLANTED[::5]:
        faults = traced(planted, compiler=compiler).faults
        assert planted.kind in {fault.kind for fault in faults}, (planted.kind, faults)
    for sound in list(SOUND.values())[::5]:
        assert not traced(sound, compiler=compiler).faults


def test_fault_tells_who_where_and_what_to_do():
    require_compiler()
    planted = next(case for case in PLANTED if case.kind == "out-of-bounds-write")
    fault = traced(planted).faults[0]
    assert fault.block == (1, 0, 0)
    assert fault.thread == (36, 0, 0)  # 1 * 64 + 36 = 100, the first element that is not there
    assert "writes out[100], but out has 100 elements" in str(fault)
    assert f"line {planted.line}: if (i <= n) out[i] = 2 * x[i % n];" in str(fault)
    assert "check the index" in str(fault)


def test_race_names_both_sides_and_the_cell():
    require_compiler()
    planted = next(case for case in PLANTED if case.kind == "shared-race")
    fault = traced(planted).faults[0]
    assert "shared s[" in fault.text
    assert "thread (" in fault.text
    assert (fault.line, fault.other_line) == (4, 5)  # forward: thread 0 reads before thread 32 writes
    assert fault.source == "s[t] = x[t];"
    assert fault.other == "line 5: out[t] = s[t ^ 32];  // FAULT"


def test_faults_of_one_line_are_told_once():
    require_compiler()
    planted = next(case for case in PLANTED if case.kind == "out-of-bounds-write")
    faults = traced(planted).faults
    assert len(faults) == 1
    source = 'extern "C" __global__ void k(float* out) { out[blockIdx.x * 32 + threadIdx.x] = 1; }'
    assert [fault.count for fault in Kernel(source).trace(4, 32, 0, torch.zeros(100)).faults] == [28]


def test_check_raises_the_first_fault_and_leaves_the_tensors():
    require_compiler()
    planted = next(case for case in PLANTED if case.kind == "lost-update")
    x, out = torch.rand(64), torch.zeros(64)
    with pytest.raises(KernelFault, match="lost-update"):
        Kernel(planted.source).check(1, 64, 0, x, out, 64)
    assert not out.any()
    Kernel(SOUND["copy"].source).check(1, 64, 0, x, out, 64)
    assert not out.any()
