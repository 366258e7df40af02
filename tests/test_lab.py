"""Kernels launched on the CPU: results, orders, limits, errors that a notebook survives, compilers."""

from __future__ import annotations

import time

import pytest
import torch
from emulator_tools import SUM, TWICE, body, compilers, launch, require_compiler
from sound_kernels import SOUND

from cpm_edu.kernels.emulated import ORDERS, EmulatedKernels
from cpm_edu.kernels.lab import Kernel, KernelFault

pytestmark = pytest.mark.cpp


@pytest.fixture(params=compilers() or ["no compiler"])
def compiler(request):
    require_compiler()
    return request.param


def test_by_hand(compiler):
    out = torch.full((3,), float("nan"))
    launch(TWICE, 1, 4, 0, torch.tensor([1.0, 2.5, -4.0]), out, 3, compiler=compiler)
    assert out.tolist() == [2.0, 5.0, -8.0]


@pytest.mark.parametrize("order", ORDERS)
def test_reduction_in_every_order(compiler, order):
    x = torch.arange(1000.0)
    out = torch.zeros(1)
    launch(SUM, 1, 128, 512, x, out, 1000, compiler=compiler, order=order, seed=5)
    assert out.item() == 499500.0


def test_three_dimensions():
    require_compiler()
    out = torch.zeros(2 * 3 * 2, 2 * 3 * 4, dtype=torch.int32)
    launch(
        body(
            "const int block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);"
            "const int thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);"
            "out[block * 24 + thread] = 1000 * block + thread;",
            "int* out",
        ),
        (2, 3, 2), (2, 3, 4), 0, out,
    )  # fmt: skip
    assert torch.equal(out, 1000 * torch.arange(12)[:, None].int() + torch.arange(24).int())


def test_order_decides_who_comes_first():
    require_compiler()
    source = body("out[t] = atomicAdd(out + 64, 1);", "int* out")
    seen = {}
    for order in ORDERS:
        out = torch.zeros(65, dtype=torch.int32)
        launch(source, 1, 64, 0, out, order=order, seed=1)
        seen[order] = out[:64].tolist()
    assert seen["forward"] == list(range(64))
    assert seen["reverse"] == list(range(63, -1, -1))
    assert sorted(seen["random"]) == list(range(64))
    assert seen["random"] not in (seen["forward"], seen["reverse"])


def test_shared_memory_starts_as_nan_in_each_block():
    require_compiler()
    out = torch.zeros(4, 2)
    source = body(
        "extern __shared__ float s[]; __shared__ float u[1]; float* o = out + 2 * blockIdx.x;"
        "o[0] = s[0]; o[1] = u[0]; s[0] = u[0] = 1;"
    )
    launch(source, 4, 1, 4, out)
    assert out.isnan().all()


def test_shared_variables_of_templates_and_helpers_are_poisoned_too(compiler):
    source = (
        "template <class T> __device__ T first() { __shared__ T s[4]; T v = s[0]; s[0] = 1; return v; }\n"
        "__device__ inline float second() { __shared__ float s[4]; float v = s[1]; s[1] = 1; return v; }\n"
        + body("out[blockIdx.x] = first<float>() + second();")
    )
    out = torch.zeros(3)
    launch(source, 3, 1, 0, out, compiler=compiler)
    assert out.isnan().all(), "a GPU gives no zeros either"


@pytest.mark.parametrize("name", SOUND)
def test_sound_kernels_give_the_same_in_every_order(name):
    require_compiler()
    sound, results = SOUND[name], []
    for order in ORDERS:
        tensors = sound.tensors()
        Kernel(sound.source).launch(sound.grid, sound.block, sound.shared, *tensors, order=order, seed=2)
        results.append([t for t in tensors if isinstance(t, torch.Tensor)])
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            if name == "lock":  # adds in the order of the threads
                torch.testing.assert_close(a, b)
            else:
                assert torch.equal(a, b) or (a.isnan() == b.isnan()).all()


def test_kernel_of_csrc_by_name():
    require_compiler()
    out = torch.full((1, 1, 3, 5), float("nan"))
    arguments = (torch.tensor([[[2.0, 1.0]]]), torch.ones(1, 1), out, 3, 5, 0.5, float("inf"))
    Kernel("targets.cuh", "gaussian_targets_v2_f32").launch(1, 32, 32, *arguments)
    assert out[0, 0, 1, 2] == 1


def test_file_and_its_headers(tmp_path):
    require_compiler()
    (tmp_path / "half.h").write_text("__device__ inline float half_of(float v) { return v / 2; }\n")
    file = tmp_path / "a kernel.cu"
    file.write_text('#include "half.h"\n' + body("out[t] = half_of(t);"))
    out = torch.zeros(4)
    launch(file, 1, 4, 0, out)
    assert out.tolist() == [0.0, 0.5, 1.0, 1.5]
    (tmp_path / "half.h").write_text("__device__ inline float half_of(float v) { return v / 4; }\n")
    launch(file, 1, 4, 0, out)
    assert out.tolist() == [0.0, 0.25, 0.5, 0.75], "a changed header makes another library"


def test_several_kernels_need_a_name():
    with pytest.raises(ValueError, match="name one of them: twice, sum"):
        Kernel(TWICE + SUM)
    with pytest.raises(ValueError, match="no kernel 'triple', only twice, sum"):
        Kernel(TWICE + SUM, "triple")
    assert Kernel(TWICE + SUM, "sum").signature.name == "sum"


def test_printf_goes_to_python(capsys):
    require_compiler()
    launch(
        body('if (t == 2) printf("thread %d of %u: %.2f\\n", t, blockDim.x, 0.125f);'),
        1,
        4,
        0,
        torch.zeros(1),
    )
    assert capsys.readouterr().out == "thread 2 of 4: 0.12\n"


def test_overlapping_tensors_share_memory():
    require_compiler()
    x = torch.arange(8.0)
    launch(body("out[t] = x[t] * 10;", "const float* x, float* out"), 1, 4, 0, x[:4], x[2:6])
    assert x.tolist() == [0, 1, 0, 10, 0, 100, 6, 7], "threads 2 and 3 read what threads 0 and 1 wrote"
    y = torch.arange(4.0)
    launch(body("out[t] += x[t];", "const float* x, float* out"), 1, 4, 0, y, y)
    assert y.tolist() == [0, 2, 4, 6]


def test_nothing_is_copied_into_inputs():
    require_compiler()
    x, out = torch.ones(8), torch.zeros(8)
    with pytest.raises(KernelFault, match="write-to-input"):
        launch(body("((float*)x)[t] = 5; out[t] = 1;", "const float* x, float* out"), 1, 8, 0, x, out)
    assert x.tolist() == [1] * 8


def test_empty_tensor_and_none():
    require_compiler()
    out = torch.zeros(2)
    source = body("out[t] = x == nullptr;", "const float* x, float* out")
    for nothing in (None, torch.zeros(0)):
        launch(source, 1, 2, 0, nothing, out.zero_())
        assert out.tolist() == [1, 1]


# ---- the other stack switch


def test_ucontext_fallback():
    require_compiler()
    compiler = compilers()[0]
    kernel = Kernel(SUM + "// ucontext", compiler=compiler)
    kernels = EmulatedKernels(
        kernel._source, traced=False, compiler=compiler, runtime_flags=["-DCPM_EMULATOR_UCONTEXT"]
    )
    kernel.__dict__["_fast"] = kernels
    out = torch.zeros(1)
    for order in ORDERS:
        kernel.launch(2, 128, 512, torch.arange(1000.0), out.zero_(), 1000, order=order)
        assert out.item() == 499500.0


def test_edit_to_result_is_quick():
    require_compiler()
    launch(TWICE, 1, 4, 0, torch.ones(3), torch.zeros(3), 3)  # the runtime is built
    start = time.perf_counter()
    launch(TWICE + f"// {time.time_ns()}", 1, 4, 0, torch.ones(3), torch.zeros(3), 3)
    assert time.perf_counter() - start < 2.0  # 0.1 s where nothing else runs
