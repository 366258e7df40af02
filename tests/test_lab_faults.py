"""What a plain launch survives and refuses: crashes, endless loops, Ctrl-C, limits, sources that do not compile."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest
import torch
from emulator_tools import SUM, TWICE, body, compilers, launch, require_compiler
from planted_kernels import PLANTED

from cpm_edu.kernels.build import BuildError
from cpm_edu.kernels.lab import CompileError, Kernel, KernelFault

pytestmark = pytest.mark.cpp


@pytest.fixture(params=compilers() or ["no compiler"])
def compiler(request):
    require_compiler()
    return request.param


# ---- faults that launch() meets without tracing


FATAL = [case for case in PLANTED if case.kind in (
    "divergent-barrier", "barrier-after-exit", "divergent-warp", "lane-not-in-mask", "stack-overflow", "wild-pointer",
    "division-by-zero", "endless-loop", "assertion",
)]  # fmt: skip


@pytest.mark.parametrize("number", range(len(FATAL)), ids=lambda n: f"{FATAL[n].kind}-{n}")
def test_launch_reports_what_ends_it(number):
    require_compiler()
    case = FATAL[number]
    with pytest.raises(KernelFault) as caught:
        launch(case.source, case.grid, case.block, case.shared, *case.tensors(), timeout_s=case.timeout_s)
    fault = caught.value.fault
    assert (fault.kind, case.line) in {(fault.kind, fault.line), (fault.kind, fault.other_line)}, str(fault)
    assert fault.kind == case.kind
    out = torch.zeros(3)
    launch(TWICE, 1, 4, 0, torch.ones(3), out, 3)
    assert out.tolist() == [2, 2, 2], "the process goes on"


def test_launch_past_the_end_is_caught_by_the_page():
    require_compiler()
    with pytest.raises(KernelFault, match=r"writes out\[100\], but out has 100 elements"):
        launch(body("out[blockIdx.x * 64 + t] = 1;"), 2, 64, 0, torch.zeros(100))
    with pytest.raises(KernelFault, match=r"writes out\[-1500\]"):
        launch(body("out[t - 1500] = 1;"), 1, 64, 0, torch.zeros(100))


def test_write_just_behind_the_end_is_noticed():
    require_compiler()
    with pytest.raises(KernelFault, match="wrote just behind the end of `out`"):
        launch(body("if (t == 0) out[63] = 1;"), 1, 64, 0, torch.zeros(63))
    with pytest.raises(KernelFault, match="just behind the end of a shared array"):
        launch(
            body("__shared__ float s[8]; s[t] = t; __syncthreads(); out[t] = s[7 - t % 8];"),
            1,
            9,
            0,
            torch.zeros(9),
        )


def test_endless_loop_ends_in_time_and_names_a_line():
    require_compiler()
    start = time.monotonic()
    with pytest.raises(KernelFault) as caught:
        launch(
            body("\nfloat v = 0;\nwhile (v < 1) v = expf(v) * 0.5f * out[t];\nout[t] = v;"),
            1,
            1,
            0,
            torch.zeros(1),
            timeout_s=0.3,
        )
    assert time.monotonic() - start < 3
    assert caught.value.fault.kind == "endless-loop"
    assert caught.value.fault.line == 3


def launch_and_wait(kernel):
    kernel.launch(1, 1, 0, torch.zeros(1), timeout_s=20)
    time.sleep(1)  # Python raises KeyboardInterrupt at its next chance


def test_interrupt_ends_a_launch():
    require_compiler()
    kernel = Kernel(body("volatile float* o = out; while (o[0] == 0) {}"))
    kernel.launch(1, 1, 0, torch.ones(1))  # built
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    start = time.monotonic()
    with pytest.raises((KeyboardInterrupt, KernelFault)):
        launch_and_wait(kernel)
    timer.join()
    assert time.monotonic() - start < 10


def test_signal_handlers_are_given_back():
    require_compiler()
    before = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGFPE, signal.SIGURG)]
    with pytest.raises(KernelFault):
        launch(body("*(volatile float*)nullptr = 1;"), 1, 1, 0, torch.zeros(1))
    assert [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGFPE, signal.SIGURG)] == before


def test_threads_of_python_may_launch_at_once():
    require_compiler()
    kernel = Kernel(SUM)
    kernel.launch(1, 64, 256, torch.ones(10), torch.zeros(1), 10)
    results = [torch.zeros(1) for _ in range(4)]
    threads = [
        threading.Thread(
            target=kernel.launch, args=(1, 64, 256, torch.full((100,), float(i)), results[i], 100)
        )
        for i in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [r.item() for r in results] == [0, 100, 200, 300]


# ---- refusals


def test_limits_of_a_launch():
    require_compiler()
    k, out = Kernel(body("out[t] = 1;")), torch.zeros(1)
    for grid, block, message in [
        (1, 1025, "too large"), (1, (64, 32), "2048 threads"), ((1, 65536), 1, "too large"), (0, 1, "is empty"),
        (1, (1, 1, 65), "too large"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=message):
            k.launch(grid, block, 0, out)
    for wrong in (1.5, "3", (1, 2, 3, 4), (1.0,)):
        with pytest.raises(TypeError):
            k.launch(wrong, 1, 0, out)
    with pytest.raises(TypeError, match="shared"):
        k.launch(1, 1, out)
    with pytest.raises(ValueError, match="order must be one of"):
        k.launch(1, 1, 0, out, order="backwards")


def test_shared_memory_has_a_limit():
    require_compiler()
    out = torch.zeros(1)
    with pytest.raises(ValueError, match="at most 49152 bytes"):
        launch(body("out[t] = 1;"), 1, 1, 49153, out)
    large = body(
        "__shared__ float s[8192]; for (int i = 0; i < 8192; ++i) s[i] = out[0]; out[t] = s[int(s[5])];"
    )
    launch(large, 1, 1, 16384, out)
    with pytest.raises(ValueError, match="32768 bytes of static and 16388 of dynamic"):
        launch(large, 1, 1, 16388, out)


def test_launch_bounds_are_kept():
    require_compiler()
    source = 'extern "C" __global__ void __launch_bounds__(64) k(float* out) { out[threadIdx.x] = 1; }'
    launch(source, 1, 64, 0, torch.zeros(64))
    with pytest.raises(ValueError, match=r"__launch_bounds__\(64\)"):
        launch(source, 1, 65, 0, torch.zeros(65))


def test_compile_errors_show_the_students_lines(compiler):
    source = body("\nfloat v = 1;\nout[t] = v + nothing;\nout[t] = ;\n")
    with pytest.raises(CompileError) as caught:
        launch(source, 1, 1, 0, torch.zeros(1), compiler=compiler)
    assert [(file, line) for file, line, _ in caught.value.errors] == [("", 3), ("", 4)]
    assert "line 3: " in str(caught.value)
    assert "    out[t] = v + nothing;" in str(caught.value)
    assert "/tmp" not in str(caught.value)


def test_open_brace_is_blamed_on_the_source(compiler):
    with pytest.raises(CompileError, match="line 1: the source ends inside"):
        launch(body("if (t > 0) { out[t] = 1;"), 1, 1, 0, torch.zeros(1), compiler=compiler)


def test_error_in_a_header_names_it(tmp_path):
    require_compiler()
    (tmp_path / "part.h").write_text("\n__device__ float f() { return none; }\n")
    file = tmp_path / "k.cu"
    file.write_text('#include "part.h"\n' + body("out[t] = f();"))
    with pytest.raises(CompileError, match=r"part.h line 2: .*none"):
        launch(file, 1, 1, 0, torch.zeros(1))


def test_no_compiler_is_told(monkeypatch):
    monkeypatch.setenv("CXX", "none-such")
    with pytest.raises(BuildError, match="none-such"):
        launch(TWICE + "// unbuilt", 1, 1, 0, torch.zeros(1), torch.zeros(1), 1)
