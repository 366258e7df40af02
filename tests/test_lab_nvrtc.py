"""NVRTC makes machine code without a GPU; the driver gets each argument in its parameter's type."""

from __future__ import annotations

import ctypes

import pytest
import torch
from conftest import skip_or_fail
from emulator_tools import CONSTANTS, require_compiler

from cpm_edu.kernels import nvrtc
from cpm_edu.kernels.build import BuildError, Source, shared_library
from cpm_edu.kernels.cuda_driver import Driver, pack
from cpm_edu.kernels.lab import CompileError, Kernel
from cpm_edu.kernels.signature import check_arguments
from cpm_edu.kernels.source_text import KernelSource

CELL = """// a cell as a student writes it: no include, no extern "C"
__global__ void blend(const float* x, float* out, int64_t n, float share) {
  extern __shared__ float s[];
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  s[threadIdx.x] = i < n ? x[i] : 0;
  __syncthreads();
  assert(share >= 0);
  if (i == 0) printf("%f\\n", share);
  if (i < n) out[i] = share * s[threadIdx.x] + (1 - share) * __shfl_xor_sync(0xffffffffu, s[threadIdx.x], 1);
}
"""


@pytest.fixture(scope="module")
def library():
    try:
        return nvrtc.find_nvrtc()
    except BuildError as error:
        skip_or_fail("nvrtc", str(error))


@pytest.mark.parametrize("arch", ["sm_75", "sm_80", "sm_86", "sm_90"])
def test_cell_compiles(library, arch):
    cubin = nvrtc.compile_source(KernelSource.read(CELL), arch)
    assert cubin.data.startswith(b"\x7fELF")
    assert cubin.names["blend"].startswith("_Z5blend")
    assert cubin.names["blend"].encode() in cubin.data
    assert cubin.log == ""


@pytest.mark.parametrize("file", ["targets.cuh", "stage_loss.cuh"])
def test_our_kernels_compile(library, file):
    cubin = nvrtc.compile_source(KernelSource.read(file), "sm_90")
    assert all(name == lowered for name, lowered in cubin.names.items()), 'our kernels are extern "C"'
    assert len(cubin.names) > 3


def test_errors_are_the_students_lines(library):
    with pytest.raises(CompileError) as caught:
        nvrtc.compile(CELL.replace("share * s", "part * s"), "sm_90")
    assert caught.value.errors == [("", 9, 'identifier "part" is undefined')]
    assert "    if (i < n) out[i] = part * s" in str(caught.value)


def test_constants_of_the_c_headers(library):
    body = " ".join(f"out[{i}] = {name};" for i, name in enumerate(CONSTANTS))
    source = "#include <cfloat>\n#define DBL_MAX 3.0\n__global__ void k(float* out) { %s }"
    assert nvrtc.compile(source % body, "sm_90").startswith(b"\x7fELF")


def test_error_in_a_header(library, tmp_path):
    (tmp_path / "part.h").write_text("\n__device__ float f() { return none; }\n")
    (tmp_path / "k.cu").write_text('#include "part.h"\n' + CELL)
    with pytest.raises(CompileError, match=r"part.h line 2: identifier .none. is undefined"):
        nvrtc.compile(tmp_path / "k.cu")


def test_unknown_architecture(library):
    with pytest.raises(BuildError, match="sm_11: NVRTC_ERROR_INVALID_OPTION"):
        nvrtc.compile(CELL, "sm_11")


def test_no_nvrtc_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(nvrtc, "_candidates", lambda: iter(()))
    nvrtc.find_nvrtc.cache_clear()
    try:
        with pytest.raises(BuildError, match="pip install nvidia-cuda-nvrtc"):
            nvrtc.find_nvrtc()
    finally:
        nvrtc.find_nvrtc.cache_clear()


# ---- the driver, played by a library that writes down what it is told

FAKE_DRIVER = r"""
#include <cstring>
typedef void* P;
static unsigned sizes[7];
static unsigned char values[64];
static P last_stream;
static int loads = 0, fail = 0;
extern "C" {
int cuModuleLoadData(P* module, const void*) { ++loads; *module = (P)11; return 0; }
int cuModuleGetFunction(P* function, P module, const char* name) {
  *function = (P)22;
  return module == (P)11 && !strcmp(name, "blend") ? 0 : 500;
}
int cuLaunchKernel(P f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
                   P stream, P* arguments, P* extra) {
  if (f != (P)22 || extra || fail) return fail ? fail : 1;
  const unsigned given[7] = {gx, gy, gz, bx, by, bz, shared};
  memcpy(sizes, given, sizeof sizes);
  const int bytes[5] = {8, 8, 8, 4, 1};
  for (int i = 0, at = 0; i < 5; at += bytes[i++]) memcpy(values + at, arguments[i], bytes[i]);
  last_stream = stream;
  return 0;
}
int cuGetErrorString(int error, const char** text) { *text = error == 701 ? "too many resources" : "odd"; return 0; }
const unsigned* fake_sizes() { return sizes; }
const unsigned char* fake_values() { return values; }
P fake_stream() { return last_stream; }
int fake_loads() { return loads; }
void fake_fail(int error) { fail = error; }
}
"""


@pytest.fixture
def driver(tmp_path_factory):
    require_compiler()
    from pathlib import Path

    path = shared_library("fake-driver", [Source(Path("fake.cpp"), FAKE_DRIVER)], flags=["-fPIC"])
    driver = Driver(str(path))
    driver._library.fake_sizes.restype = ctypes.POINTER(ctypes.c_uint)
    driver._library.fake_values.restype = ctypes.POINTER(ctypes.c_ubyte)
    driver._library.fake_stream.restype = ctypes.c_void_p
    yield driver
    driver._library.fake_fail(0)


SIGNATURE = Kernel(
    "__global__ void blend(const float* x, float* out, int64_t n, float share, bool deep) { }"
).signature


def test_driver_gets_the_parameters_types(driver):
    x, out = torch.zeros(3), torch.zeros(3)
    loads = driver._library.fake_loads()
    for _ in range(2):
        function = driver.function(b"cubin", "blend", 0)
    assert driver._library.fake_loads() == loads + 1, "a module is loaded once"
    values = pack(SIGNATURE, check_arguments(SIGNATURE, (x, None, 2**40, 0.25, True)))
    driver.launch(function, (4, 5, 6), (32, 2, 1), 1024, 0x77, values)
    assert driver._library.fake_sizes()[:7] == [4, 5, 6, 32, 2, 1, 1024]
    told = bytes(driver._library.fake_values()[:29])
    assert int.from_bytes(told[:8], "little") == x.data_ptr()
    assert int.from_bytes(told[8:16], "little") == 0
    assert int.from_bytes(told[16:24], "little") == 2**40
    assert told[24:28] == ctypes.string_at(ctypes.byref(ctypes.c_float(0.25)), 4), "a float, not a double"
    assert told[28] == 1
    assert driver._library.fake_stream() == 0x77
    assert out.tolist() == [0, 0, 0]


def test_driver_errors_are_told_in_words(driver):
    with pytest.raises(RuntimeError, match="cuModuleGetFunction: CUDA error 500"):
        driver.function(b"cubin", "other", 0)
    function = driver.function(b"cubin", "blend", 0)
    values = pack(SIGNATURE, check_arguments(SIGNATURE, (None, None, 1, 0.0, False)))
    driver._library.fake_fail(701)
    with pytest.raises(RuntimeError, match="cuLaunchKernel: CUDA error 701: too many resources"):
        driver.launch(function, (1, 1, 1), (1, 1, 1), 0, 0, values)
