// launchers.cu for the emulator. The order matters: CUDA's words are macros, which no standard header
// survives.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <tuple>
#include <type_traits>
#include <vector>

#include "emulator/cuda_emulator.h"
#include "emulator/entry.h"

#pragma GCC visibility push(default)
#include "launchers.cu"
#pragma GCC visibility pop

#define CPM_NAME(name) \
  if (launched.kernel == reinterpret_cast<const void*>(name)) return #name;

extern "C" {

CPM_EXPORTED void emulated_begin(int order, int dry) {
  emulated::launches.clear();
  emulated::order = order;
  emulated::dry = dry;
}
CPM_EXPORTED int emulated_launches() { return int(emulated::launches.size()); }
// grid x, y, z, block, bytes of dynamic shared memory
CPM_EXPORTED void emulated_launch(int i, unsigned* numbers) {
  const emulated::Launched& launched = emulated::launches[i];
  std::memcpy(numbers, launched.grid, sizeof launched.grid);
  numbers[3] = launched.block, numbers[4] = launched.shared;
}
CPM_EXPORTED const char* emulated_kernel(int i) {
  const emulated::Launched& launched = emulated::launches[i];
  CPM_NAME(gaussian_targets_v1_f32)
  CPM_NAME(gaussian_targets_v1_bf16)
  CPM_NAME(gaussian_targets_v3_f32)
  CPM_NAME(gaussian_targets_v3_bf16)
  CPM_NAME(decode_v2_f32)
  CPM_NAME(decode_v2_bf16)
  CPM_NAME(decode_v3_f32)
  CPM_NAME(decode_v3_bf16)
  CPM_NAME(decode_channels_last_f32)
  CPM_NAME(decode_channels_last_bf16)
  CPM_NAME(merge_decode_v2_f32)
  CPM_NAME(merge_decode_v2_bf16)
  CPM_NAME(merge_decode_v3_f32)
  CPM_NAME(merge_decode_v3_bf16)
  CPM_NAME(merge_decode_channels_last_f32)
  CPM_NAME(merge_decode_channels_last_bf16)
  CPM_NAME(stage_loss_gaussian_v3_f32)
  CPM_NAME(stage_loss_gaussian_v3_bf16)
  CPM_NAME(stage_loss_tensor_v3_f32)
  CPM_NAME(stage_loss_tensor_v3_bf16)
  CPM_NAME(stage_loss_reduce)
  CPM_NAME(scale_stages_f32)
  CPM_NAME(scale_stages_bf16)
  return "?";
}
}
