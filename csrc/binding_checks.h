// What torch_binding.cpp checks before it hands out a pointer. Users meet the checks of
// cpm_edu/kernels/ops.py first, in words of the public functions; these guard the memory against whoever
// calls an op directly.
#pragma once
#include <torch/csrc/stable/tensor.h>

#include <climits>
#include <string>
#include <vector>

#include "cpm_ops.h"

namespace cpm::binding {

using torch::headeronly::ScalarType;
using torch::stable::Tensor;

inline std::string shape_of(const Tensor& tensor) {
  std::string text = "(";
  for (int64_t d = 0; d < tensor.dim(); ++d) text += (d ? ", " : "") + std::to_string(tensor.size(d));
  return text + ")";
}

inline void check_device(const Tensor& tensor, const Tensor& first, const char* name) {
#ifdef CPM_CPU
  STD_TORCH_CHECK(tensor.is_cpu(), name, " must be on the CPU");
  (void)first;
#else
  STD_TORCH_CHECK(tensor.is_cuda() && tensor.get_device_index() == first.get_device_index(), name,
                  " must be on the CUDA device of the other tensors");
#endif
}

inline void check_shape(const Tensor& tensor, const std::vector<int64_t>& shape, const char* name) {
  bool same = tensor.dim() == int64_t(shape.size());
  for (size_t d = 0; same && d < shape.size(); ++d) same = tensor.size(d) == shape[d];
  std::string wanted;
  for (int64_t side : shape) wanted += (wanted.empty() ? "" : ", ") + std::to_string(side);
  STD_TORCH_CHECK(same, name, " must be (", wanted, "), not ", shape_of(tensor));
}

// A contiguous float32 tensor of this shape.
inline const float* floats(const Tensor& tensor, const Tensor& first, const std::vector<int64_t>& shape,
                           const char* name) {
  check_device(tensor, first, name);
  STD_TORCH_CHECK(tensor.scalar_type() == ScalarType::Float, name, " must be float32");
  STD_TORCH_CHECK(tensor.is_contiguous(), name, " must be contiguous");
  check_shape(tensor, shape, name);
  return static_cast<const float*>(tensor.const_data_ptr());
}

inline int map_dtype(ScalarType type, const char* name) {
  STD_TORCH_CHECK(type == ScalarType::Float || type == ScalarType::BFloat16, name,
                  " must be float32 or bfloat16");
  return type == ScalarType::Float ? CPM_FLOAT32 : CPM_BFLOAT16;
}

// Offsets inside a map are ints.
inline void check_map_size(int64_t maps, int64_t height, int64_t width) {
  STD_TORCH_CHECK(maps >= 0 && height >= 0 && width >= 0, "sizes must not be negative");
  const bool fits =
      maps <= INT_MAX && height <= INT_MAX && width <= INT_MAX && (width == 0 || height <= INT_MAX / width);
  STD_TORCH_CHECK(fits, "a map may have at most 2^31 - 1 cells, not ", height, " x ", width);
}

}  // namespace cpm::binding
