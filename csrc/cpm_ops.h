// The C interface between torch_binding.cpp and the implementations: cpu_*.cpp (cpm_cpu_*) and launchers.cu
// (cpm_cuda_*). Plain pointers and sizes; the caller has checked shapes, types and devices.
#pragma once
#include <cstdint>

extern "C" {

enum CpmDtype { CPM_FLOAT32 = 0, CPM_BFLOAT16 = 1 };

// Gaussians of peak 1 around joints, described, not drawn.
struct CpmGaussians {
  const float* centers;  // (N, J, 2), (x, y) in cells
  const float* weights;  // (N, J); a joint is drawn where this is above 0
  int64_t N;
  int J, H, W;
  float sigma;      // cells
  float reach;      // cut off where |x - x0| or |y - y0| exceeds this; INFINITY: never
  bool background;  // one more map a person: max(0, 1 - largest of the J)
};

// Belief maps to read, of any stride (in elements).
struct CpmMaps {
  const void* data;
  int dtype;  // CpmDtype
  int64_t N;
  int J, H, W;
  int64_t stride_n, stride_j, stride_y, stride_x;
};

struct CpmDecoder {
  int method;         // cpm::Method
  const float* taps;  // DARK: the blur's taps, summing to 1, on the maps' device
  int num_taps;       // odd; 0 for the other methods
};

// A mirrored pass to be averaged in: the flipped map of joint permutation[j], one cell further right if
// shift.
struct CpmMirrored {
  CpmMaps maps;
  const int32_t* permutation;  // (J), on the maps' device
  bool shift;
};

// Squared error of T stages against one target, with the gradient.
struct CpmStageLoss {
  const void* maps;  // (T, N, C, H, W) contiguous
  void* gradient;    // the same shape and type, or null where none is wanted
  int dtype;
  int64_t T, N;
  int C, H, W;
  const float* targets;           // (N, C, H, W) or (T, N, C, H, W) contiguous; null: `gaussians`
  int64_t target_stride_t;        // 0 where all stages share the target
  const CpmGaussians* gaussians;  // C = J or J + 1 maps; null: `targets`
  const float* weights;           // (N, C) or (T, N, C) contiguous
  int64_t weight_stride_t;        // 0 where all stages share the weights
  float scale;                    // 1 / divisor: loss = scale * sum w (p - t)^2, gradient = 2 scale w (p - t)
};

// CPU: each call does the people `begin` <= n < `end`; calls for disjoint ranges may run at the same time.
// Every drawn joint must be finite: the first that is not is returned as n * J + j, else -1.
int64_t cpm_cpu_gaussian_targets(const CpmGaussians*, void* out, int dtype, int64_t begin, int64_t end);
// joints (N, J, 2) and scores (N, J); `mirrored` may be null.
void cpm_cpu_decode(const CpmMaps*, const CpmMirrored* mirrored, const CpmDecoder*, float* joints,
                    float* scores, int64_t begin, int64_t end);
// partial (T, N, C): the weighted sum of squares of every map, to be added up in order by the caller.
int64_t cpm_cpu_stage_loss(const CpmStageLoss*, double* partial, int64_t begin, int64_t end);
// maps (T, size) *= factors (T); a stage whose factor is 1 is not touched. Elements begin..end of each stage.
void cpm_cpu_scale_stages(void* maps, int dtype, int64_t T, int64_t size, const float* factors, int64_t begin,
                          int64_t end);

// CUDA: whole tensors on `stream`, nothing waits. Returns a cudaError_t; cpm_cuda_error says it in words.
// A drawn joint that is not finite gives a map of NaN: checking it would stall the device.
int cpm_cuda_gaussian_targets(const CpmGaussians*, void* out, int dtype, void* stream);
int cpm_cuda_decode(const CpmMaps*, const CpmMirrored* mirrored, const CpmDecoder*, float* joints,
                    float* scores, void* stream);
// partial (T, N * C) float is scratch; losses (T).
int cpm_cuda_stage_loss(const CpmStageLoss*, float* partial, float* losses, void* stream);
int cpm_cuda_scale_stages(void* maps, int dtype, int64_t T, int64_t size, const float* factors, void* stream);
const char* cpm_cuda_error(int error);
}
