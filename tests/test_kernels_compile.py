"""What nvcc and NVRTC make of csrc/, on machines without a GPU: it compiles, and nothing spills."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from conftest import skip_or_fail

from cpm_edu.bundle import bundled_folder
from cpm_edu.kernels.nvrtc import compile as compile_by_nvrtc
from cpm_edu.kernels.nvrtc import find_nvrtc
from cpm_edu.kernels.source_text import KernelSource
from cpm_edu.kernels.toolchain import GET_COMPILER, BuildError, find_compiler, find_cuda

ARCHITECTURES = (75, 80, 86, 90)  # T4; A100; RTX 30; H100
FILES = ("targets.cuh", "decoding.cuh", "stage_loss.cuh")

# The most registers a thread may take, on any of these architectures. nvcc 13.0 needs up to 8 fewer; a jump
# beyond means that a change costs occupancy, and should be looked at.
REGISTERS = {
    "gaussian_targets_v1_f32": 32, "gaussian_targets_v1_bf16": 32, "gaussian_targets_v2_f32": 24,
    "gaussian_targets_v3_f32": 40, "gaussian_targets_v3_bf16": 56,
    "decode_v1_f32": 72, "decode_v2_f32": 72, "decode_v2_bf16": 72, "decode_v3_f32": 72, "decode_v3_bf16": 72,
    "merge_decode_v2_f32": 72, "merge_decode_v2_bf16": 72, "merge_decode_v3_f32": 72, "merge_decode_v3_bf16": 72,
    "decode_channels_last_f32": 72, "decode_channels_last_bf16": 72,
    "merge_decode_channels_last_f32": 72, "merge_decode_channels_last_bf16": 80,
    "stage_loss_gaussian_v1_f32": 40, "stage_loss_gaussian_v2_f32": 32,
    "stage_loss_gaussian_v3_f32": 80, "stage_loss_gaussian_v3_bf16": 72,
    "stage_loss_tensor_v3_f32": 72, "stage_loss_tensor_v3_bf16": 64,
    "stage_loss_reduce": 24, "scale_stages_f32": 40, "scale_stages_bf16": 40,
}  # fmt: skip

# Kernels that read maps, their block, and the bytes a thread asks for before it looks at the first of them.
READERS = {
    "decode_v3_f32": (128, 64), "decode_v3_bf16": (128, 32), "merge_decode_v3_f32": (128, 64),
    "merge_decode_v3_bf16": (128, 32), "decode_channels_last_f32": (256, 32),
    "stage_loss_gaussian_v3_f32": (128, 64), "stage_loss_gaussian_v3_bf16": (128, 32),
    "stage_loss_tensor_v3_f32": (128, 64), "stage_loss_tensor_v3_bf16": (128, 32),
}  # fmt: skip
REGISTERS_OF_MULTIPROCESSOR = 65536  # all of these architectures
# What must be under way on each of an H100's 132 multiprocessors to use 3.35 TB/s, where memory answers after
# some 0.7 us: 3.35e12 * 0.7e-6 / 132 = 18 kB.
BYTES_UNDER_WAY = 18_000


@dataclass(frozen=True)
class Report:
    registers: int
    stack: int
    spilled: int


def kernels_of(file: str) -> list[str]:
    return [kernel.name for kernel in KernelSource.read(file).kernels]


@pytest.fixture(scope="module")
def nvcc() -> str:
    if find_compiler() is None:
        skip_or_fail("nvcc", f"nvcc needs a C++ compiler beside it; {GET_COMPILER}")
    try:
        toolkit = find_cuda()
    except BuildError as error:
        skip_or_fail("nvcc", str(error))
    if toolkit is None:
        skip_or_fail("nvcc", "there is no nvcc; install the CUDA toolkit, or set CUDA_HOME to it")
    return toolkit.nvcc


def compile_by_nvcc(nvcc: str, source: Path, *options: str) -> str:
    """nvcc's messages; fails with them where it fails."""
    command = [nvcc, "-std=c++17", f"-I{bundled_folder('csrc')}", *options, str(source)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def read_reports(messages: str) -> dict[tuple[str, int], Report]:
    """(kernel, architecture) -> what ptxas -v says of it."""
    pattern = (
        r"entry function '(\w+)' for 'sm_(\d+)'.*?(\d+) bytes stack frame, (\d+) bytes spill stores, "
        r"(\d+) bytes spill loads.*?Used (\d+) registers"
    )
    return {
        (name, int(arch)): Report(int(registers), int(stack), int(stores) + int(loads))
        for name, arch, stack, stores, loads, registers in re.findall(pattern, messages, re.DOTALL)
    }


@pytest.fixture(scope="module")
def reports(nvcc, tmp_path_factory) -> dict[tuple[str, int], Report]:
    """All kernels of csrc/ for all architectures, compiled once."""
    folder = tmp_path_factory.mktemp("cubins")
    source = folder / "all.cu"
    source.write_text("".join(f'#include "{file}"\n' for file in FILES))
    codes = [f"-gencode=arch=compute_{arch},code=sm_{arch}" for arch in ARCHITECTURES]
    return read_reports(
        compile_by_nvcc(nvcc, source, "-fatbin", "-Xptxas=-v", *codes, "-o", str(folder / "all.fatbin"))
    )


def test_reading_a_report():
    messages = (
        "ptxas info    : Compiling entry function 'fill' for 'sm_90'\n"
        "ptxas info    : Function properties for fill\n"
        "    16 bytes stack frame, 12 bytes spill stores, 8 bytes spill loads\n"
        "ptxas info    : Used 255 registers, used 0 barriers\n"
    )
    assert read_reports(messages) == {("fill", 90): Report(registers=255, stack=16, spilled=20)}


def test_every_kernel_is_compiled_for_every_architecture(reports):
    named = [name for file in FILES for name in kernels_of(file)]
    assert set(reports) == {(name, arch) for name in named for arch in ARCHITECTURES}
    assert set(named) == set(REGISTERS), "a new kernel needs a cap on its registers here"


def test_nothing_spills(reports):
    spilled = {key: report.spilled for key, report in reports.items() if report.spilled}
    assert not spilled, f"registers spilled to memory, bytes: {spilled}"
    stacks = {key: r.stack for key, r in reports.items() if r.stack and key[0] != "decode_v1_f32"}
    assert not stacks, (
        f"arrays that are not in registers, bytes: {stacks}"
    )  # v1's DARK keeps its 25 values there


def test_registers_stay_below_their_caps(reports):
    above = {key: r.registers for key, r in reports.items() if r.registers > REGISTERS[key[0]]}
    assert not above, f"more registers than planned: {above}"


@pytest.mark.parametrize("name", READERS)
def test_enough_bytes_are_under_way(reports, name):
    threads, bytes_of_thread = READERS[name]
    registers = -(-reports[name, 90].registers // 8) * 8  # allocated in steps of 8 a thread
    blocks = min(REGISTERS_OF_MULTIPROCESSOR // (registers * threads), 2048 // threads)
    assert blocks * threads * bytes_of_thread >= BYTES_UNDER_WAY


def test_planted_spill_is_seen(nvcc, tmp_path):
    """The check can fail: a kernel held to 32 registers that needs more."""
    source = tmp_path / "spill.cu"
    source.write_text("""
        extern "C" __global__ void __launch_bounds__(1024, 2) spill(float* x) {
          float v[64];
          for (int i = 0; i < 64; ++i) v[i] = x[i * 1024 + threadIdx.x];
          __syncthreads();
          for (int i = 0; i < 64; ++i) x[i * 1024 + threadIdx.x] = v[63 - i] * v[i];
        }""")
    messages = compile_by_nvcc(nvcc, source, "-cubin", "-arch=sm_90", "-Xptxas=-v", "-o", str(tmp_path / "x"))
    assert read_reports(messages)["spill", 90].spilled > 0


# ---- NVRTC: what a notebook on a GPU compiles with


@pytest.mark.parametrize("file", FILES)
def test_nvrtc_compiles_the_same_text(file):
    try:
        find_nvrtc()
    except BuildError as error:
        skip_or_fail("nvrtc", str(error))
    cubin = compile_by_nvrtc(file, "sm_90")
    assert cubin[:4] == b"\x7fELF"
    for name in kernels_of(file):
        assert name.encode() in cubin


# ---- launchers.cu without a GPU


CALL = """
import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
library.cpm_cuda_error.restype = ctypes.c_char_p

class Gaussians(ctypes.Structure):
    _fields_ = [("centers", ctypes.c_void_p), ("weights", ctypes.c_void_p), ("N", ctypes.c_int64),
                ("J", ctypes.c_int), ("H", ctypes.c_int), ("W", ctypes.c_int), ("sigma", ctypes.c_float),
                ("reach", ctypes.c_float), ("background", ctypes.c_bool)]

def draw(N, H):
    g = Gaussians(None, None, N, 1, H, 4, 1.0, 9.0, False)
    error = library.cpm_cuda_gaussian_targets(ctypes.byref(g), None, 0, None)
    return error, library.cpm_cuda_error(error).decode()

for answer in (draw(0, 4), draw(1, 4), draw(1, 2**30)):
    print(*answer, sep="|")
"""


def test_launchers_without_a_gpu_return_an_error(nvcc, tmp_path):
    if torch.cuda.is_available():
        pytest.skip(
            "this machine has a GPU, where the launch would not be refused; tests/gpu/run.sh launches for real"
        )
    library = tmp_path / "launchers.so"
    options = ("-shared", "-Xcompiler=-fPIC,-Wall,-Werror", "-arch=sm_90", "-o", str(library))
    compile_by_nvcc(nvcc, bundled_folder("csrc") / "launchers.cu", *options)
    done = subprocess.run(
        [sys.executable, "-c", CALL, str(library)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, f"the call crashed: {done.stdout}{done.stderr}"
    nothing, launched, too_large = (line.split("|") for line in done.stdout.splitlines())
    assert nothing[0] == "0", "nothing to draw needs no GPU"
    assert int(launched[0]) > 0
    assert re.search(r"driver|device", launched[1]), f"not an error in words: {launched}"
    assert int(too_large[0]) < 0
    assert "2^30 cells" in too_large[1]
