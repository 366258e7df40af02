// The ops as torch sees them, through its stable ABI: one build serves later versions of torch too. Compiled
// with -DCPM_CPU it registers the C++ ops for the CPU, with -DCPM_CUDA the kernels for CUDA: two libraries,
// because one that needs the CUDA runtime does not load without it. The schemas are in
// cpm_edu/kernels/ops.py, which also checks what users pass; the checks here guard the memory.
#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <tuple>
#include <vector>

#include "binding_checks.h"
#include "cpm_ops.h"
#include "rules.h"

#if defined(CPM_CPU) == defined(CPM_CUDA)
#error "define one of CPM_CPU and CPM_CUDA"
#endif
#ifdef CPM_CUDA
#include <cuda_runtime_api.h>
#include <torch/csrc/stable/accelerator.h>
#endif

namespace {

using namespace cpm::binding;

// ---- what both libraries do with a device

#ifdef CPM_CPU

struct Device {
  Device(const Tensor&, const char*) {}
};

// Runs `work(begin, end)` over people in parallel, at least `enough` cells a thread.
template <class Work>
void over_people(int64_t people, int64_t cells_each, const Work& work) {
  const int64_t enough = 32768;
  torch::stable::parallel_for(0, people, std::max<int64_t>(1, enough / std::max<int64_t>(1, cells_each)),
                              work);
}

// The smallest index any thread saw of a drawn joint whose position is not finite.
struct BadJoint {
  std::atomic<int64_t> index{INT64_MAX};

  void saw(int64_t found) {
    int64_t before = index.load();
    while (found >= 0 && found < before && !index.compare_exchange_weak(before, found)) {
    }
  }
  void check(int64_t joints) const {
    const int64_t found = index.load();
    STD_TORCH_CHECK(found == INT64_MAX, "joint ", found % std::max<int64_t>(joints, 1), " of person ",
                    found / std::max<int64_t>(joints, 1),
                    " has a weight above 0 and a position that is not a finite number");
  }
};

#else

// Makes the tensor's device current, and knows its current stream.
struct Device {
  torch::stable::accelerator::DeviceGuard guard;
  const char* op;
  void* stream = nullptr;

  Device(const Tensor& tensor, const char* op) : guard(tensor.get_device_index()), op(op) {
    const int failed = aoti_torch_get_current_cuda_stream(tensor.get_device_index(), &stream);
    STD_TORCH_CHECK(failed == AOTI_TORCH_SUCCESS, "cpm_edu::", op, ": torch gives no current stream");
  }
  void check(int error) const {
    STD_TORCH_CHECK(error == 0, "cpm_edu::", op, ": ", cpm_cuda_error(error));
    const char* debug = std::getenv("CPM_EDU_DEBUG");
    if (debug == nullptr || std::strcmp(debug, "1") != 0) return;
    const int late = cudaStreamSynchronize(static_cast<cudaStream_t>(stream));
    STD_TORCH_CHECK(late == 0, "cpm_edu::", op, " failed on the device: ", cpm_cuda_error(late));
  }
};

#endif

// ---- targets

CpmGaussians gaussians_of(const Tensor& centers, const Tensor& weights, int64_t height, int64_t width,
                          double sigma, double reach, bool background) {
  STD_TORCH_CHECK(centers.dim() == 3, "centers must be (N, J, 2), not ", shape_of(centers));
  const int64_t N = centers.size(0), J = centers.size(1);
  check_map_size(J, height, width);
  CpmGaussians gaussians;
  gaussians.centers = floats(centers, centers, {N, J, 2}, "centers");
  gaussians.weights = floats(weights, centers, {N, J}, "weights");
  gaussians.N = N;
  gaussians.J = int(J);
  gaussians.H = int(height);
  gaussians.W = int(width);
  gaussians.sigma = float(sigma);
  gaussians.reach = float(reach);
  gaussians.background = background;
  return gaussians;
}

void draw(const CpmGaussians& gaussians, const Tensor& centers, const Tensor& out) {
  if (out.numel() == 0) return;
  const int dtype = map_dtype(out.scalar_type(), "out");
  void* data = out.mutable_data_ptr();
  Device device(centers, "gaussian_targets");
#ifdef CPM_CPU
  BadJoint bad;
  over_people(gaussians.N, out.numel() / gaussians.N, [&](int64_t begin, int64_t end) {
    bad.saw(cpm_cpu_gaussian_targets(&gaussians, data, dtype, begin, end));
  });
  bad.check(gaussians.J);
#else
  device.check(cpm_cuda_gaussian_targets(&gaussians, data, dtype, device.stream));
#endif
}

Tensor gaussian_targets(Tensor centers, Tensor weights, int64_t height, int64_t width, double sigma,
                        double reach, bool background, ScalarType dtype) {
  const CpmGaussians gaussians = gaussians_of(centers, weights, height, width, sigma, reach, background);
  map_dtype(dtype, "dtype");
  const std::vector<int64_t> shape{gaussians.N, gaussians.J + background, height, width};
  Tensor out = torch::stable::new_empty(centers, shape, dtype);
  draw(gaussians, centers, out);
  return out;
}

void gaussian_targets_out(Tensor centers, Tensor weights, double sigma, double reach, bool background,
                          Tensor out) {
  STD_TORCH_CHECK(out.dim() == 4, "out must be (N, C, H, W), not ", shape_of(out));
  const int64_t height = out.size(2), width = out.size(3);
  const CpmGaussians gaussians = gaussians_of(centers, weights, height, width, sigma, reach, background);
  check_device(out, centers, "out");
  check_shape(out, {gaussians.N, gaussians.J + background, height, width}, "out");
  STD_TORCH_CHECK(out.is_contiguous(), "out must be contiguous");
  draw(gaussians, centers, out);
}

// ---- decoding

CpmMaps maps_of(const Tensor& maps, const char* name) {
  STD_TORCH_CHECK(maps.dim() == 4, name, " must be (N, J, H, W), not ", shape_of(maps));
  check_map_size(maps.size(1), maps.size(2), maps.size(3));
  CpmMaps view;
  view.data = maps.const_data_ptr();
  view.dtype = map_dtype(maps.scalar_type(), name);
  view.N = maps.size(0);
  view.J = int(maps.size(1));
  view.H = int(maps.size(2));
  view.W = int(maps.size(3));
  view.stride_n = maps.stride(0);
  view.stride_j = maps.stride(1);
  view.stride_y = maps.stride(2);
  view.stride_x = maps.stride(3);
  return view;
}

std::tuple<Tensor, Tensor> decode_with(const Tensor& maps, const CpmMirrored* mirrored, int64_t method,
                                       const Tensor& taps, const char* op) {
  const CpmMaps view = maps_of(maps, "maps");
  check_device(maps, maps, "maps");
  STD_TORCH_CHECK(method >= cpm::ARGMAX && method <= cpm::DARK, "no decoding method ", method);
  STD_TORCH_CHECK(view.H > 0 && view.W > 0, "maps have no cells: ", shape_of(maps));
  STD_TORCH_CHECK(taps.dim() == 1 && (method == cpm::DARK ? taps.size(0) % 2 == 1 : taps.size(0) == 0),
                  "taps must be (K), K odd for DARK and 0 otherwise, not ", shape_of(taps));
  STD_TORCH_CHECK(taps.size(0) <= INT_MAX, "too many taps");
  CpmDecoder decoder;
  decoder.method = int(method);
  decoder.taps = floats(taps, maps, {taps.size(0)}, "taps");
  decoder.num_taps = int(taps.size(0));
  const std::vector<int64_t> per_map{view.N, view.J}, per_joint{view.N, view.J, 2};
  Tensor joints = torch::stable::new_empty(maps, per_joint, ScalarType::Float);
  Tensor scores = torch::stable::new_empty(maps, per_map, ScalarType::Float);
  if (scores.numel() == 0) return {joints, scores};
  float* joint_data = static_cast<float*>(joints.mutable_data_ptr());
  float* score_data = static_cast<float*>(scores.mutable_data_ptr());
  Device device(maps, op);
#ifdef CPM_CPU
  over_people(view.N, int64_t(view.J) * view.H * view.W, [&](int64_t begin, int64_t end) {
    cpm_cpu_decode(&view, mirrored, &decoder, joint_data, score_data, begin, end);
  });
#else
  device.check(cpm_cuda_decode(&view, mirrored, &decoder, joint_data, score_data, device.stream));
#endif
  return {joints, scores};
}

std::tuple<Tensor, Tensor> decode(Tensor maps, int64_t method, Tensor taps) {
  return decode_with(maps, nullptr, method, taps, "decode");
}

std::tuple<Tensor, Tensor> merge_flip_decode(Tensor maps, Tensor mirrored, Tensor permutation, bool shift,
                                             int64_t method, Tensor taps) {
  check_device(mirrored, maps, "mirrored");
  check_device(permutation, maps, "permutation");
  STD_TORCH_CHECK(maps.dim() == 4, "maps must be (N, J, H, W), not ", shape_of(maps));
  check_shape(mirrored, {maps.size(0), maps.size(1), maps.size(2), maps.size(3)}, "mirrored");
  STD_TORCH_CHECK(mirrored.scalar_type() == maps.scalar_type(), "mirrored must be of the maps' type");
  check_shape(permutation, {maps.size(1)}, "permutation");
  STD_TORCH_CHECK(permutation.scalar_type() == ScalarType::Int && permutation.is_contiguous(),
                  "permutation must be contiguous int32");
  CpmMirrored flipped;
  flipped.maps = maps_of(mirrored, "mirrored");
  flipped.permutation = static_cast<const int32_t*>(permutation.const_data_ptr());
  flipped.shift = shift;
#ifdef CPM_CPU
  for (int j = 0; j < flipped.maps.J; ++j)
    STD_TORCH_CHECK(flipped.permutation[j] >= 0 && flipped.permutation[j] < flipped.maps.J,
                    "permutation holds ", flipped.permutation[j], ", which is no joint");
#endif
  return decode_with(maps, &flipped, method, taps, "merge_flip_decode");
}

// ---- stage loss

std::tuple<Tensor, Tensor> loss_with(const Tensor& maps, const Tensor* targets, const CpmGaussians* gaussians,
                                     const Tensor& weights, double divisor, bool with_gradient,
                                     const char* op) {
  check_device(maps, maps, "maps");
  STD_TORCH_CHECK(maps.dim() == 5 && maps.is_contiguous(), "maps must be contiguous (T, N, C, H, W), not ",
                  shape_of(maps));
  const int64_t T = maps.size(0), N = maps.size(1), C = maps.size(2), H = maps.size(3), W = maps.size(4);
  check_map_size(C, H, W);
  STD_TORCH_CHECK(T <= INT_MAX, "too many stages");
  CpmStageLoss loss;
  loss.maps = maps.const_data_ptr();
  loss.dtype = map_dtype(maps.scalar_type(), "maps");
  loss.T = T;
  loss.N = N;
  loss.C = int(C);
  loss.H = int(H);
  loss.W = int(W);
  loss.targets = nullptr;
  loss.target_stride_t = 0;
  if (targets != nullptr) {
    const bool shared = targets->dim() == 4;
    loss.targets = shared ? floats(*targets, maps, {N, C, H, W}, "targets")
                          : floats(*targets, maps, {T, N, C, H, W}, "targets");
    loss.target_stride_t = shared ? 0 : N * C * H * W;
  }
  loss.gaussians = gaussians;
  const bool shared = weights.dim() == 2;
  loss.weights =
      shared ? floats(weights, maps, {N, C}, "weights") : floats(weights, maps, {T, N, C}, "weights");
  loss.weight_stride_t = shared ? 0 : N * C;
  loss.scale = float(1.0 / divisor);

  const std::vector<int64_t> per_stage{T}, nothing{0};
  Tensor losses = torch::stable::new_empty(maps, per_stage, ScalarType::Float);
  Tensor gradient = with_gradient ? torch::stable::empty_like(maps) : torch::stable::new_empty(maps, nothing);
  loss.gradient = with_gradient ? gradient.mutable_data_ptr() : nullptr;
  if (maps.numel() == 0) return {torch::stable::zero_(losses), gradient};
  float* result = static_cast<float*>(losses.mutable_data_ptr());
  Device device(maps, op);
#ifdef CPM_CPU
  std::vector<double> partial(T * N * C);
  BadJoint bad;
  over_people(N, T * C * H * W, [&](int64_t begin, int64_t end) {
    bad.saw(cpm_cpu_stage_loss(&loss, partial.data(), begin, end));
  });
  bad.check(gaussians ? gaussians->J : 1);
  for (int64_t t = 0; t < T; ++t) {  // in this order whatever the number of threads
    double sum = 0.0;
    for (int64_t i = 0; i < N * C; ++i) sum += partial[t * N * C + i];
    result[t] = float(sum / divisor);
  }
#else
  const std::vector<int64_t> scratch{T, N * C};
  Tensor partial = torch::stable::new_empty(maps, scratch, ScalarType::Float);
  float* partial_data = static_cast<float*>(partial.mutable_data_ptr());
  device.check(cpm_cuda_stage_loss(&loss, partial_data, result, device.stream));
#endif
  return {losses, gradient};
}

std::tuple<Tensor, Tensor> stage_loss(Tensor maps, Tensor targets, Tensor weights, double divisor,
                                      bool with_gradient) {
  return loss_with(maps, &targets, nullptr, weights, divisor, with_gradient, "stage_loss");
}

std::tuple<Tensor, Tensor> gaussian_stage_loss(Tensor maps, Tensor centers, Tensor drawn, Tensor weights,
                                               double sigma, double reach, bool background, double divisor,
                                               bool with_gradient) {
  STD_TORCH_CHECK(maps.dim() == 5, "maps must be (T, N, C, H, W), not ", shape_of(maps));
  check_device(centers, maps, "centers");
  const CpmGaussians gaussians =
      gaussians_of(centers, drawn, maps.size(3), maps.size(4), sigma, reach, background);
  STD_TORCH_CHECK(gaussians.N == maps.size(1) && gaussians.J + background == maps.size(2), "centers ",
                  shape_of(centers), " do not fit maps ", shape_of(maps));
  return loss_with(maps, nullptr, &gaussians, weights, divisor, with_gradient, "gaussian_stage_loss");
}

void scale_stages(Tensor maps, Tensor factors) {
  check_device(maps, maps, "maps");
  STD_TORCH_CHECK(maps.dim() > 0 && maps.is_contiguous(), "maps must be contiguous (T, ...)");
  const int64_t T = maps.size(0);
  const float* scales = floats(factors, maps, {T}, "factors");
  const int dtype = map_dtype(maps.scalar_type(), "maps");
  if (maps.numel() == 0) return;
  const int64_t size = maps.numel() / T;
  void* data = maps.mutable_data_ptr();
  Device device(maps, "scale_stages_");
#ifdef CPM_CPU
  over_people(size, 1, [&](int64_t begin, int64_t end) {
    cpm_cpu_scale_stages(data, dtype, T, size, scales, begin, end);
  });
#else
  device.check(cpm_cuda_scale_stages(data, dtype, T, size, scales, device.stream));
#endif
}

}  // namespace

#ifdef CPM_CPU
STABLE_TORCH_LIBRARY_IMPL(cpm_edu, CPU, library) {
#else
STABLE_TORCH_LIBRARY_IMPL(cpm_edu, CUDA, library) {
#endif
  library.impl("gaussian_targets", TORCH_BOX(&gaussian_targets));
  library.impl("gaussian_targets_out", TORCH_BOX(&gaussian_targets_out));
  library.impl("decode", TORCH_BOX(&decode));
  library.impl("merge_flip_decode", TORCH_BOX(&merge_flip_decode));
  library.impl("stage_loss", TORCH_BOX(&stage_loss));
  library.impl("gaussian_stage_loss", TORCH_BOX(&gaussian_stage_loss));
  library.impl("scale_stages_", TORCH_BOX(&scale_stages));
}
