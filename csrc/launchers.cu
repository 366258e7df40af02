// Chooses a kernel, a grid and a block for every op of cpm_ops.h and launches it. Nothing here waits for the
// device, allocates, or ends the process.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <tuple>
#include <type_traits>

#include <cuda_runtime.h>

#include "cpm_ops.h"
#include "targets.cuh"
#include "decoding.cuh"
#include "stage_loss.cuh"

namespace {

using cpm::bfloat16;
using cpm::WARP;

// Refusals of our own, beside cudaError_t, which counts from 0.
enum Refusal { MAP_TOO_LARGE = -1, TOO_MANY_MAPS = -2, TOO_MUCH_SHARED = -3, BAD_ARGUMENT = -4 };

constexpr int64_t MOST_BLOCKS = 2147483647;  // of gridDim.x, since compute capability 3.0
constexpr int64_t MOST_SLICES = 65535;       // of gridDim.y
constexpr int64_t MOST_CELLS = 1 << 30;      // cells of a map are counted in int, with room for a step beyond
constexpr int64_t STATIC_SHARED = 4 << 10;   // bytes, no less than any kernel's own __shared__ variables
constexpr int64_t ALWAYS_SHARED = (48 << 10) - STATIC_SHARED;  // bytes that need no leave
constexpr int64_t BUSY = 512;  // blocks that fill a large GPU (an H100 has 132 multiprocessors)

int64_t round_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

int check(int64_t cells, int64_t blocks) {
  if (cells > MOST_CELLS) return MAP_TOO_LARGE;
  return blocks > MOST_BLOCKS ? int(TOO_MANY_MAPS) : int(cudaSuccess);
}

// Launches without <<< >>>, which only nvcc knows: so the tests can compile this file against the emulator.
template <class... Parameters, class... Arguments>
int launch(void (*kernel)(Parameters...), dim3 grid, int block, int64_t shared, void* stream,
           Arguments... arguments) {
  if (shared > ALWAYS_SHARED) {
    int device = 0, most = 0;
    if (cudaError_t error = cudaGetDevice(&device)) return error;
    if (cudaError_t error = cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device))
      return error;
    if (shared + STATIC_SHARED > most) return TOO_MUCH_SHARED;
    if (cudaError_t error =
            cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, int(shared)))
      return error;
  }
  std::tuple<Parameters...> values(arguments...);  // each in the type that the kernel expects
  const cudaError_t error = std::apply(
      [&](auto&... value) {
        void* pointers[] = {static_cast<void*>(&value)...};
        return cudaLaunchKernel(kernel, grid, dim3(unsigned(block)), pointers, size_t(shared),
                                cudaStream_t(stream));
      },
      values);
  if (error) cudaGetLastError();  // reported here, so that nobody finds it later
  return error;
}

// The kernel for maps of type T.
template <class T, class F32, class BF16>
auto of_type(F32 f32, BF16 bf16) {
  if constexpr (std::is_same_v<T, float>)
    return f32;
  else
    return bf16;
}

// 1 / (2 sigma^2), finite even for a sigma so small that only the centre's own cell is drawn.
float inverse_of(const CpmGaussians& g) {
  return float(std::min(0.5 / (double(g.sigma) * g.sigma), double(std::numeric_limits<float>::max())));
}

// ---- decoding: which layout the maps have

enum Layout { PLANES, CHANNELS_LAST, ANY };

// The distance between neighbouring cells if all cells of a map are evenly spaced, else 0.
int64_t spacing(const CpmMaps& m) {
  const int64_t step = m.W > 1 ? m.stride_x : m.stride_y;
  const bool even = m.W == 1 || m.H == 1 || m.stride_y == m.W * m.stride_x;
  if (m.W == 1 && m.H == 1) return 1;
  return even && step > 0 && step <= 2147483647 ? step : 0;
}

Layout layout_of(const CpmMaps& m) {
  if (spacing(m) == 1) return PLANES;
  return spacing(m) > 1 && m.stride_j == 1 ? CHANNELS_LAST : ANY;
}

// A warp a map leaves the device idle where there are few large maps.
bool suits_warps(const CpmMaps& m) { return m.N * m.J >= 8 * BUSY || int64_t(m.H) * m.W <= 8192; }

int64_t dark_bytes(const CpmDecoder& d) {
  return d.method == cpm::DARK ? 4 * cpm::dark_scratch(d.num_taps) : 0;
}

template <class T>
int decode(const CpmMaps& m, const CpmDecoder& d, float* joints, float* scores, void* stream) {
  const T* maps = static_cast<const T*>(m.data);
  const int64_t num_maps = m.N * m.J;
  const Layout layout = layout_of(m);
  if (layout == PLANES && suits_warps(m))
    return launch(of_type<T>(decode_v3_f32, decode_v3_bf16), unsigned(round_up(num_maps, 4)), 4 * WARP,
                  4 * dark_bytes(d), stream, maps, m.stride_n, m.stride_j, joints, scores, num_maps, m.J, m.H,
                  m.W, d.method, d.taps, d.num_taps);
  if (layout == CHANNELS_LAST)
    return launch(of_type<T>(decode_channels_last_f32, decode_channels_last_bf16),
                  dim3(unsigned(m.N), unsigned(round_up(m.J, 256))), 256, 256 / WARP * dark_bytes(d), stream,
                  maps, m.stride_n, int(spacing(m)), joints, scores, m.J, m.H, m.W, d.method, d.taps,
                  d.num_taps);
  return launch(of_type<T>(decode_v2_f32, decode_v2_bf16), unsigned(num_maps), 256, dark_bytes(d), stream,
                maps, m.stride_n, m.stride_j, m.stride_y, m.stride_x, joints, scores, m.J, m.H, m.W, d.method,
                d.taps, d.num_taps);
}

template <class T>
int merge_decode(const CpmMaps& m, const CpmMirrored& back, const CpmDecoder& d, float* joints, float* scores,
                 void* stream) {
  const T *maps = static_cast<const T*>(m.data), *mirrored = static_cast<const T*>(back.maps.data);
  const CpmMaps& b = back.maps;
  const int64_t num_maps = m.N * m.J;
  const Layout layout = layout_of(m) == layout_of(b) ? layout_of(m) : ANY;
  if (layout == PLANES && suits_warps(m))
    return launch(of_type<T>(merge_decode_v3_f32, merge_decode_v3_bf16), unsigned(round_up(num_maps, 4)),
                  4 * WARP, 4 * dark_bytes(d), stream, maps, m.stride_n, m.stride_j, mirrored, b.stride_n,
                  b.stride_j, back.permutation, int(back.shift), joints, scores, num_maps, m.J, m.H, m.W,
                  d.method, d.taps, d.num_taps);
  if (layout == CHANNELS_LAST)
    return launch(of_type<T>(merge_decode_channels_last_f32, merge_decode_channels_last_bf16),
                  dim3(unsigned(m.N), unsigned(round_up(m.J, 256))), 256, 256 / WARP * dark_bytes(d), stream,
                  maps, m.stride_n, int(spacing(m)), mirrored, b.stride_n, int(spacing(b)), back.permutation,
                  int(back.shift), joints, scores, m.J, m.H, m.W, d.method, d.taps, d.num_taps);
  return launch(of_type<T>(merge_decode_v2_f32, merge_decode_v2_bf16), unsigned(num_maps), 256, dark_bytes(d),
                stream, maps, m.stride_n, m.stride_j, m.stride_y, m.stride_x, mirrored, b.stride_n,
                b.stride_j, b.stride_y, b.stride_x, back.permutation, int(back.shift), joints, scores, m.J,
                m.H, m.W, d.method, d.taps, d.num_taps);
}

// ---- targets: a map is cut into slices of whole rows

template <class T>
int draw(const CpmGaussians& g, void* out, void* stream) {
  const int C = g.J + g.background;
  const int64_t num_maps = g.N * C, cells = int64_t(g.H) * g.W;
  // about 4096 cells a block; less where there are few maps, but not so little that the factors cost more
  int64_t slices = std::max(cells / 4096, std::min(BUSY / num_maps, cells / 1024));
  slices = std::clamp<int64_t>(slices, 1, std::min<int64_t>(g.H, MOST_SLICES));
  const int rows = int(round_up(g.H, slices));
  const int64_t shared = 4 * int64_t(g.background ? std::max(g.J, 1) : 1) * (g.W + rows);
  if (shared <= ALWAYS_SHARED)
    return launch(of_type<T>(gaussian_targets_v3_f32, gaussian_targets_v3_bf16),
                  dim3(unsigned(num_maps), unsigned(round_up(g.H, rows))), 128, shared, stream, g.centers,
                  g.weights, static_cast<T*>(out), g.N, g.J, C, g.H, g.W, rows, inverse_of(g), g.reach);
  const int64_t blocks = round_up(num_maps * cells, 256);  // factors of very wide maps: v1 shares none
  if (blocks > MOST_BLOCKS) return TOO_MANY_MAPS;
  return launch(of_type<T>(gaussian_targets_v1_f32, gaussian_targets_v1_bf16), unsigned(blocks), 256, 0,
                stream, g.centers, g.weights, static_cast<T*>(out), g.N, g.J, C, g.H, g.W, inverse_of(g),
                g.reach);
}

// ---- the loss: all stages of a map to one block, unless there are too few maps to fill the device

template <class T>
int compare_stages(const CpmStageLoss& l, float* partial, void* stream) {
  const int64_t num_maps = l.N * l.C;
  const int64_t parts = std::min(std::clamp<int64_t>(BUSY / num_maps, 1, l.T), MOST_SLICES);
  const dim3 grid{unsigned(num_maps), unsigned(parts)};
  const T* maps = static_cast<const T*>(l.maps);
  T* gradient = static_cast<T*>(l.gradient);
  if (l.targets)
    return launch(of_type<T>(stage_loss_tensor_v3_f32, stage_loss_tensor_v3_bf16), grid, 128, 0, stream, maps,
                  gradient, l.targets, l.target_stride_t, l.weights, l.weight_stride_t, partial, l.T,
                  num_maps, l.H * l.W, l.scale);
  const CpmGaussians& g = *l.gaussians;
  const int64_t shared = 4 * int64_t(g.background ? std::max(g.J, 1) : 1) * (l.W + l.H);
  return launch(of_type<T>(stage_loss_gaussian_v3_f32, stage_loss_gaussian_v3_bf16), grid, 128, shared,
                stream, maps, gradient, g.centers, g.weights, g.J, l.weights, l.weight_stride_t, partial, l.T,
                l.N, l.C, l.H, l.W, inverse_of(g), g.reach, l.scale);
}

template <class T>
int scale(void* maps, int64_t stages, int64_t size, const float* factors, void* stream) {
  const int64_t useful = round_up(size, 4 * 256 * cpm::VECTOR<T>);  // four vectors a thread
  const int64_t blocks = std::clamp<int64_t>(useful, 1, std::max<int64_t>(1, 4 * BUSY / stages));
  if (stages * blocks > MOST_BLOCKS) return TOO_MANY_MAPS;
  return launch(of_type<T>(scale_stages_f32, scale_stages_bf16), unsigned(stages * blocks), 256, 0, stream,
                static_cast<T*>(maps), size, factors, int(blocks));
}

}  // namespace

extern "C" {

int cpm_cuda_gaussian_targets(const CpmGaussians* g, void* out, int dtype, void* stream) {
  const int64_t cells = int64_t(g->H) * g->W, num_maps = g->N * (g->J + g->background);
  if (num_maps * cells == 0) return cudaSuccess;
  if (int refusal = check(cells, num_maps)) return refusal;
  return dtype == CPM_BFLOAT16 ? draw<bfloat16>(*g, out, stream) : draw<float>(*g, out, stream);
}

int cpm_cuda_decode(const CpmMaps* maps, const CpmMirrored* mirrored, const CpmDecoder* decoder,
                    float* joints, float* scores, void* stream) {
  const int64_t cells = int64_t(maps->H) * maps->W;
  if (maps->N * maps->J == 0) return cudaSuccess;
  if (int refusal = check(cells, maps->N * maps->J)) return refusal;
  CpmDecoder d = *decoder;
  if (d.method != cpm::DARK) d.num_taps = 0;
  if (cells == 0 || (d.method == cpm::DARK && d.num_taps < 1)) return BAD_ARGUMENT;
  const bool half = maps->dtype == CPM_BFLOAT16;
  if (!mirrored)
    return half ? decode<bfloat16>(*maps, d, joints, scores, stream)
                : decode<float>(*maps, d, joints, scores, stream);
  if (mirrored->maps.dtype != maps->dtype) return BAD_ARGUMENT;
  return half ? merge_decode<bfloat16>(*maps, *mirrored, d, joints, scores, stream)
              : merge_decode<float>(*maps, *mirrored, d, joints, scores, stream);
}

int cpm_cuda_stage_loss(const CpmStageLoss* l, float* partial, float* losses, void* stream) {
  const int64_t cells = int64_t(l->H) * l->W, num_maps = l->N * l->C;
  if (l->T == 0) return cudaSuccess;
  if (num_maps * cells == 0)
    return cudaMemsetAsync(losses, 0, size_t(l->T) * sizeof(float), cudaStream_t(stream));
  if (int refusal = check(cells, std::max(num_maps, l->T))) return refusal;
  const int error = l->dtype == CPM_BFLOAT16 ? compare_stages<bfloat16>(*l, partial, stream)
                                             : compare_stages<float>(*l, partial, stream);
  if (error) return error;
  return launch(stage_loss_reduce, unsigned(l->T), 1024, 0, stream, partial, losses, num_maps, l->scale);
}

int cpm_cuda_scale_stages(void* maps, int dtype, int64_t T, int64_t size, const float* factors,
                          void* stream) {
  if (T * size == 0) return cudaSuccess;
  return dtype == CPM_BFLOAT16 ? scale<bfloat16>(maps, T, size, factors, stream)
                               : scale<float>(maps, T, size, factors, stream);
}

const char* cpm_cuda_error(int error) {
  switch (error) {
    case MAP_TOO_LARGE:
      return "a map of more than 2^30 cells; use backend=\"torch\"";
    case TOO_MANY_MAPS:
      return "more than 2^31 - 1 maps in one call; split the batch";
    case TOO_MUCH_SHARED:
      return "maps too wide or high, or too many taps, for this device's shared memory; use "
             "backend=\"torch\"";
    case BAD_ARGUMENT:
      return "maps without cells, DARK without taps, or mirrored maps of another type";
    default:
      return cudaGetErrorString(cudaError_t(error));
  }
}
}
