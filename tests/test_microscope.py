"""What a trace counts: accesses, sectors, bank ways and owners, against numbers worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from emulator_tools import compilers, require_compiler

from cpm_edu.kernels.lab import Kernel
from cpm_edu.kernels.trace import ACCESS, LineStats

pytestmark = pytest.mark.cpp

COPY = r"""extern "C" __global__ void copy(const float* x, float* out, int n, int stride) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i * stride < n)
    out[i * stride] = x[i];
}"""
TILE = r"""extern "C" __global__ void tile(const float* x, float* out, int pitch) {
  __shared__ float s[32 * 33];
  const int t = threadIdx.x;
  for (int y = 0; y < 32; ++y)
    s[y * pitch + t] = x[y * 32 + t];
  __syncthreads();
  for (int y = 0; y < 32; ++y)
    out[y * 32 + t] = s[t * pitch + y];
}"""


@pytest.fixture(params=compilers() or ["no compiler"])
def compiler(request):
    require_compiler()
    return request.param


def stats(trace, line, space, action) -> LineStats:
    (found,) = (s for s in trace.lines() if (s.line, s.space, s.action) == (line, space, action))
    return found


def aligned(*shape):
    """A tensor that begins on a sector, so that counts do not hang on the allocator."""
    return torch.zeros(*shape)


def test_one_access_by_hand(compiler):
    x, out = torch.arange(4.0), torch.zeros(8)
    trace = Kernel(COPY, compiler=compiler).trace(2, 2, 0, x, out, 8, 2)
    assert out.tolist() == [0, 0, 1, 0, 2, 0, 3, 0]
    assert trace.arguments == ["x", "out"]
    assert len(trace.accesses) == 8
    one = trace.accesses[(trace.accesses["block"] == 1) & (trace.accesses["thread"] == 1)]
    assert one["argument"].tolist() == [0, 1]
    assert one["index"].tolist() == [3, 6]
    assert one["size"].tolist() == [4, 4]
    assert one["is_write"].tolist() == [False, True]
    assert one["step"].tolist() == [1, 2]
    assert one["line"].tolist() == [4, 4]
    assert trace.accesses.dtype == ACCESS
    assert not trace.faults
    assert trace.complete


@pytest.mark.parametrize(("stride", "sectors"), [(1, 4), (2, 8), (4, 16), (8, 32), (16, 32)])
def test_sectors_of_a_strided_store(compiler, stride, sectors):
    trace = Kernel(COPY, compiler=compiler).trace(
        1, 64, 0, aligned(64), aligned(64 * stride), 64 * stride, stride
    )
    store = stats(trace, 4, "global", "store")
    assert (store.requests, store.lanes, store.cost, store.ideal) == (2, 32, sectors, 4)
    assert stats(trace, 4, "global", "load").cost == 4


def test_misaligned_start_costs_one_sector_more():
    require_compiler()
    x = aligned(72)[1:65]
    trace = Kernel(COPY).trace(1, 64, 0, x, aligned(64), 64, 1)
    load = stats(trace, 4, "global", "load")
    assert (load.cost, load.ideal) == (5, 4), "32 floats that begin 4 bytes into a sector lie in 5"


def test_vector_access_is_one_request_of_sixteen_sectors(compiler):
    source = """extern "C" __global__ void k(const float4* x, float4* out) {
  out[threadIdx.x] = x[threadIdx.x];
}"""
    trace = Kernel(source, compiler=compiler).trace(1, 32, 0, aligned(128), aligned(128))
    assert len(trace.accesses) == 64
    assert set(trace.accesses["size"].tolist()) == {16}
    assert stats(trace, 2, "global", "store") == LineStats(
        "", 2, "out[threadIdx.x] = x[threadIdx.x];", "global", "store", 1, 32, 16, 16
    )
    assert trace.owners("out")[1].tolist() == [i // 4 for i in range(128)]


@pytest.mark.parametrize(("pitch", "ways"), [(32, 32), (33, 1), (16, 16)])
def test_bank_ways_of_a_column(compiler, pitch, ways):
    trace = Kernel(TILE, compiler=compiler).trace(1, 32, 0, torch.rand(32, 32), torch.zeros(32, 32), pitch)
    store, load = stats(trace, 5, "shared", "store"), stats(trace, 8, "shared", "load")
    assert (store.cost, store.ideal) == (1, 1)
    assert (load.requests, load.cost, load.ideal) == (32, ways, 1)


def test_lanes_that_want_one_word_share_it_but_atomics_do_not():
    require_compiler()
    source = """extern "C" __global__ void k(float* out) {
  __shared__ float s[32];
  s[threadIdx.x] = 0;
  __syncwarp();
  const float v = s[7];
  __syncwarp();
  atomicAdd(&s[3], v);
  out[threadIdx.x] = v;
}"""
    trace = Kernel(source).trace(1, 32, 0, torch.zeros(32))
    assert not trace.faults
    assert stats(trace, 5, "shared", "load").cost == 1
    assert stats(trace, 7, "shared", "atomic").cost == 32


def test_divergent_lanes_make_smaller_requests():
    require_compiler()
    source = """extern "C" __global__ void k(float* out) {
  if (threadIdx.x % 4 == 0)
    out[threadIdx.x] = 1;
}"""
    line = stats(Kernel(source).trace(1, 64, 0, aligned(64)), 3, "global", "store")
    assert (line.requests, line.lanes, line.cost, line.ideal) == (2, 8, 4, 1)


def test_epochs_and_barriers():
    require_compiler()
    trace = Kernel(TILE).trace(2, 32, 0, torch.rand(32, 32), torch.zeros(32, 32), 33)
    shared = trace.touching("shared")
    assert set(shared["epoch"][shared["is_write"]].tolist()) == {0}
    assert set(shared["epoch"][~shared["is_write"]].tolist()) == {1}
    assert trace.barriers["line"].tolist() == [6, 6]
    assert trace.shared_bytes == (32 * 33 * 4, 0)
    # both blocks write the same cells
    assert {fault.kind for fault in trace.faults} == {"cross-block-race"}


def test_owners_and_untouched_cells():
    require_compiler()
    trace = Kernel(COPY).trace(2, 4, 0, torch.rand(8), out := torch.zeros(20), 20, 3)
    blocks, threads = trace.owners("out")
    assert np.flatnonzero(threads >= 0).tolist() == [0, 3, 6, 9, 12, 15, 18]
    assert blocks[[0, 12]].tolist() == [0, 1]
    assert threads[[9, 12]].tolist() == [3, 0]
    assert trace.untouched("out").tolist() == [i for i in range(20) if i % 3]
    assert (trace.owners("out", write=False)[1] == -1).all()
    assert len(out) == 20
    with pytest.raises(ValueError, match="only x, out and shared"):
        trace.owners("y")


def test_limit_of_accesses_keeps_the_checks():
    require_compiler()
    source = """extern "C" __global__ void k(float* out) {
  for (int i = 0; i < 100; ++i) out[threadIdx.x] = i;
  out[threadIdx.x + 1] = 0;
}"""
    trace = Kernel(source).trace(1, 32, 0, torch.zeros(32), most_accesses=50)
    assert len(trace.accesses) == 50
    assert not trace.complete
    assert {"out-of-bounds-write", "warp-race"} <= {fault.kind for fault in trace.faults}


def test_trace_gives_the_result_of_a_launch(compiler):
    x = torch.rand(32, 32)
    kernel, traced, launched = Kernel(TILE, compiler=compiler), torch.zeros(32, 32), torch.zeros(32, 32)
    for order in ("forward", "reverse", "random"):
        kernel.trace(1, 32, 0, x, traced, 33, order=order)
        kernel.launch(1, 32, 0, x, launched, 33, order=order)
        assert torch.equal(traced, x.t())
        assert torch.equal(launched, x.t())


def test_report_reads_as_a_table():
    require_compiler()
    text = Kernel(COPY).trace(1, 64, 0, aligned(64), aligned(512), 512, 8).report()
    assert text.splitlines()[0] == "copy: 128 accesses"
    assert text.splitlines()[1] == "no fault found"
    assert "32.00 sectors (ideal 4.00)  out[i * stride] = x[i];" in text


def test_device_variables_are_no_argument():
    require_compiler()
    source = """__constant__ float taps[3] = {1, 2, 3};
extern "C" __global__ void k(float* out) {
  out[threadIdx.x] = taps[threadIdx.x % 3];
}"""
    trace = Kernel(source).trace(1, 4, 0, out := torch.zeros(4))
    assert out.tolist() == [1, 2, 3, 1]
    assert not trace.faults
    assert [s.action for s in trace.lines()] == ["store"]


def test_accesses_inside_helpers_belong_to_the_kernels_line(compiler):
    source = """#include "rules.h"
__device__ __forceinline__ float twice(const float* x) {
  return 2 * __ldg(x);
}
extern "C" __global__ void k(const float* x, float* out) {
  const float v = twice(x + threadIdx.x);
  cpm::store(out + threadIdx.x, v);
}"""
    trace = Kernel(source, compiler=compiler).trace(1, 4, 0, torch.rand(4), torch.zeros(4))
    found = {(s.file, s.line, s.action) for s in trace.lines()}
    assert found == {("", 3, "load"), ("", 7, "store")}, "the innermost line of the kernel's own text"


def test_tensors_of_a_device_are_refused():
    with pytest.raises((ValueError, TypeError), match=r"CPU|cpu"):
        Kernel(COPY).trace(1, 1, 0, torch.zeros(1, device="meta"), torch.zeros(1), 1, 1)
