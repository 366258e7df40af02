// Stands in for CUDA's runtime where launchers.cu is compiled against the emulator
// (tests/emulated_device.py): its choice of kernel, grid, block and shared memory can then be tested without
// a GPU. Launches are counted, and each is written down by its grid, block and shared memory.
#pragma once

#include <cstring>
#include <vector>

typedef int cudaError_t;
typedef void* cudaStream_t;
enum : int { cudaSuccess = 0, cudaErrorInvalidValue = 1, cudaErrorLaunchFailure = 719 };
enum { cudaDevAttrMaxSharedMemoryPerBlockOptin = 97, cudaFuncAttributeMaxDynamicSharedMemorySize = 8 };

namespace emulated {

constexpr int STATIC_SHARED = 3 << 10;  // the most that a kernel's own __shared__ variables take
constexpr int MOST_SHARED = 227 << 10;  // of an H100
constexpr int ALWAYS_SHARED = (48 << 10) - STATIC_SHARED;

struct Launched {
  unsigned grid[3], block, shared;
  const void* kernel;
};
inline std::vector<Launched> launches;
inline const void* allowed_kernel = nullptr;
inline int allowed_shared = ALWAYS_SHARED, order = 0;
inline bool dry = false;  // choose, but do not run

}  // namespace emulated

inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaErrorLaunchFailure ? "the emulator found a fault" : "an error of the emulated runtime";
}
inline cudaError_t cudaGetDevice(int* device) { return *device = 0, cudaSuccess; }
inline cudaError_t cudaDeviceGetAttribute(int* value, int, int) {
  return *value = emulated::MOST_SHARED, cudaSuccess;
}
template <class Kernel>
cudaError_t cudaFuncSetAttribute(Kernel* kernel, int, int bytes) {
  emulated::allowed_kernel = reinterpret_cast<const void*>(kernel);
  emulated::allowed_shared = bytes;
  return bytes + emulated::STATIC_SHARED > emulated::MOST_SHARED ? cudaErrorInvalidValue : cudaSuccess;
}
inline cudaError_t cudaMemsetAsync(void* place, int value, size_t bytes, cudaStream_t) {
  return std::memset(place, value, bytes), cudaSuccess;
}

template <class... Parameters>
cudaError_t cudaLaunchKernel(void (*kernel)(Parameters...), dim3 grid, dim3 block, void** arguments,
                             size_t shared, cudaStream_t) {
  const void* address = reinterpret_cast<const void*>(kernel);
  emulated::launches.push_back({{grid.x, grid.y, grid.z}, block.x, unsigned(shared), address});
  const bool allowed = emulated::allowed_kernel == address && int(shared) <= emulated::allowed_shared;
  if (int(shared) > emulated::ALWAYS_SHARED && !allowed) return cudaErrorInvalidValue;
  // what a GPU refuses: empty or too large grids
  const bool fits = grid.x && grid.y && grid.x <= 2147483647u && grid.y <= 65535u && block.x <= 1024u;
  if (!fits) return cudaErrorInvalidValue;
  if (emulated::dry) return cudaSuccess;
  CpmLaunch how = {};
  const unsigned sizes[6] = {grid.x, grid.y, grid.z, block.x, block.y, block.z};
  std::memcpy(how.grid, sizes, sizeof how.grid);
  std::memcpy(how.block, sizes + 3, sizeof how.block);
  how.dynamic_shared = shared;
  how.most_shared = 1 << 20;  // checked above; the emulator counts the __shared__ variables of all kernels
  how.order = emulated::order;
  how.seed = 7;
  how.timeout_s = 60.0;
  return cpm_emulator::launch_kernel(kernel, &how, arguments) ? cudaErrorLaunchFailure : cudaSuccess;
}
