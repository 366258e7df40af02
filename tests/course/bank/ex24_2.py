"""ex24, wrong answers, continued."""

# %% wrong: edges-changed | round the corner
RACE_KERNEL = r"""
extern "C" __global__ void smooth_rows(int n, int rounds, const float* maps, float* out) {
  __shared__ float row[256];
  int t = threadIdx.x;
  if (t < n) row[t] = maps[blockIdx.x * n + t];
  __syncthreads();
  for (int round = 0; round < rounds; ++round) {
    float mean = 0;
    if (t < n) {
      float left = row[(t + n - 1) % n], right = row[(t + 1) % n];
      mean = 0.25f * left + 0.5f * row[t] + 0.25f * right;
    }
    __syncthreads();  // all have read
    if (t < n) row[t] = mean;
    __syncthreads();  // all have written
  }
  if (t < n) out[blockIdx.x * n + t] = row[t];
}"""

# %% wrong: one-round-off
RACE_KERNEL = r"""
extern "C" __global__ void smooth_rows(int n, int rounds, const float* maps, float* out) {
  __shared__ float row[256];
  int t = threadIdx.x;
  if (t < n) row[t] = maps[blockIdx.x * n + t];
  __syncthreads();
  for (int round = 0; round <= rounds; ++round) {
    float mean = 0;
    if (t < n) {
      float left = row[max(t - 1, 0)], right = row[min(t + 1, n - 1)];
      mean = 0.25f * left + 0.5f * row[t] + 0.25f * right;
    }
    __syncthreads();  // all have read
    if (t < n) row[t] = mean;
    __syncthreads();  // all have written
  }
  if (t < n) out[blockIdx.x * n + t] = row[t];
}"""

# %% wrong: one-round-off | without the loop
RACE_KERNEL = r"""
extern "C" __global__ void smooth_rows(int n, int rounds, const float* maps, float* out) {
  __shared__ float row[256];
  int t = threadIdx.x;
  if (t < n) row[t] = maps[blockIdx.x * n + t];
  __syncthreads();
  if (rounds > 0) {
    float mean = 0;
    if (t < n) {
      float left = row[max(t - 1, 0)], right = row[min(t + 1, n - 1)];
      mean = 0.25f * left + 0.5f * row[t] + 0.25f * right;
    }
    __syncthreads();  // all have read
    if (t < n) row[t] = mean;
    __syncthreads();  // all have written
  }
  if (t < n) out[blockIdx.x * n + t] = row[t];
}"""

# %% wrong: not-smoothed
RACE_KERNEL = r"""
extern "C" __global__ void smooth_rows(int n, int rounds, const float* maps, float* out) {
  int t = threadIdx.x;
  if (t < n) out[blockIdx.x * n + t] = maps[blockIdx.x * n + t];
}"""

# %% wrong: nothing-written
RACE_KERNEL = r"""
extern "C" __global__ void smooth_rows(int n, int rounds, const float* maps, float* out) {
  __shared__ float row[256];
  int t = threadIdx.x;
  if (t < n) row[t] = maps[blockIdx.x * n + t];
  __syncthreads();
  for (int round = 0; round < rounds; ++round) {
    float mean = 0;
    if (t < n) {
      float left = row[max(t - 1, 0)], right = row[min(t + 1, n - 1)];
      mean = 0.25f * left + 0.5f * row[t] + 0.25f * right;
    }
    __syncthreads();  // all have read
    if (t < n) row[t] = mean;
    __syncthreads();  // all have written
  }
}"""

# %% wrong: array-too-small
RACE_KERNEL = r"""
extern "C" __global__ void smooth_rows(int n, int rounds, const float* maps, float* out) {
  __shared__ float row[32];
  int t = threadIdx.x;
  if (t < n) row[t] = maps[blockIdx.x * n + t];
  __syncthreads();
  for (int round = 0; round < rounds; ++round) {
    float mean = 0;
    if (t < n) {
      float left = row[max(t - 1, 0)], right = row[min(t + 1, n - 1)];
      mean = 0.25f * left + 0.5f * row[t] + 0.25f * right;
    }
    __syncthreads();  // all have read
    if (t < n) row[t] = mean;
    __syncthreads();  // all have written
  }
  if (t < n) out[blockIdx.x * n + t] = row[t];
}"""

# %% wrong: alone
RACE_KERNEL = r"""
extern "C" __global__ void smooth_rows(int n, int rounds, const float* maps, float* out) {
  __shared__ float row[256];
  if (threadIdx.x == 0) {
    for (int i = 0; i < n; ++i) row[i] = maps[blockIdx.x * n + i];
    for (int round = 0; round < rounds; ++round) {
      float before = row[0];
      for (int i = 0; i < n; ++i) {
        float mine = row[i];
        row[i] = 0.25f * before + 0.5f * mine + 0.25f * row[min(i + 1, n - 1)];
        before = mine;
      }
    }
    for (int i = 0; i < n; ++i) out[blockIdx.x * n + i] = row[i];
  }
}"""

# %% wrong: endless-loop | waits for a flag
RACE_KERNEL = r"""
extern "C" __global__ void smooth_rows(int n, int rounds, const float* maps, float* out) {
  __shared__ float row[256];
  int t = threadIdx.x;
  __shared__ volatile int ready;
  if (t == 0) ready = 0;
  while (ready < 1) { }
  if (t < n) row[t] = maps[blockIdx.x * n + t];
  __syncthreads();
  for (int round = 0; round < rounds; ++round) {
    float mean = 0;
    if (t < n) {
      float left = row[max(t - 1, 0)], right = row[min(t + 1, n - 1)];
      mean = 0.25f * left + 0.5f * row[t] + 0.25f * right;
    }
    __syncthreads();  // all have read
    if (t < n) row[t] = mean;
    __syncthreads();  // all have written
  }
  if (t < n) out[blockIdx.x * n + t] = row[t];
}"""

# %% wrong: does-not-compile | mean is gone at the end of its braces
RACE_KERNEL = r"""
extern "C" __global__ void smooth_rows(int n, int rounds, const float* maps, float* out) {
  __shared__ float row[256];
  int t = threadIdx.x;
  if (t < n) row[t] = maps[blockIdx.x * n + t];
  __syncthreads();
  for (int round = 0; round < rounds; ++round) {
    if (t < n) {
      float left = row[max(t - 1, 0)], right = row[min(t + 1, n - 1)];
      float mean = 0.25f * left + 0.5f * row[t] + 0.25f * right;
    }
    __syncthreads();  // all have read
    if (t < n) row[t] = mean;
    __syncthreads();  // all have written
  }
  if (t < n) out[blockIdx.x * n + t] = row[t];
}"""

# %% wrong: race | no barrier after loading
RACE_KERNEL = r"""
extern "C" __global__ void smooth_rows(int n, int rounds, const float* maps, float* out) {
  __shared__ float row[256];
  int t = threadIdx.x;
  if (t < n) row[t] = maps[blockIdx.x * n + t];
  for (int round = 0; round < rounds; ++round) {
    float mean = 0;
    if (t < n) {
      float left = row[max(t - 1, 0)], right = row[min(t + 1, n - 1)];
      mean = 0.25f * left + 0.5f * row[t] + 0.25f * right;
    }
    __syncthreads();  // all have read
    if (t < n) row[t] = mean;
    __syncthreads();  // all have written
  }
  if (t < n) out[blockIdx.x * n + t] = row[t];
}"""

# %% wrong: kernel-fault | a shuffle for the left neighbour
RACE_KERNEL = r"""
extern "C" __global__ void smooth_rows(int n, int rounds, const float* maps, float* out) {
  __shared__ float row[256];
  int t = threadIdx.x;
  if (t < n) row[t] = maps[blockIdx.x * n + t];
  __syncthreads();
  for (int round = 0; round < rounds; ++round) {
    float mean = 0;
    if (t < n) {
      float left = __shfl_up_sync(0xffffffffu, row[t], 1), right = row[min(t + 1, n - 1)];
      mean = 0.25f * left + 0.5f * row[t] + 0.25f * right;
    }
    __syncthreads();  // all have read
    if (t < n) row[t] = mean;
    __syncthreads();  // all have written
  }
  if (t < n) out[blockIdx.x * n + t] = row[t];
}"""

# %% wrong: no-kernel | __global__ forgotten
RACE_KERNEL = r"""
extern "C" void smooth_rows(int n, int rounds, const float* maps, float* out) {
  __shared__ float row[256];
  int t = threadIdx.x;
  if (t < n) row[t] = maps[blockIdx.x * n + t];
  __syncthreads();
  for (int round = 0; round < rounds; ++round) {
    float mean = 0;
    if (t < n) {
      float left = row[max(t - 1, 0)], right = row[min(t + 1, n - 1)];
      mean = 0.25f * left + 0.5f * row[t] + 0.25f * right;
    }
    __syncthreads();  // all have read
    if (t < n) row[t] = mean;
    __syncthreads();  // all have written
  }
  if (t < n) out[blockIdx.x * n + t] = row[t];
}"""

# %% wrong: delegates | includes the library's headers
RACE_KERNEL = r"""
#include "common.cuh"
extern "C" __global__ void smooth_rows(int n, int rounds, const float* maps, float* out) {
  __shared__ float row[256];
  int t = threadIdx.x;
  if (t < n) row[t] = maps[blockIdx.x * n + t];
  __syncthreads();
  for (int round = 0; round < rounds; ++round) {
    float mean = 0;
    if (t < n) {
      float left = row[max(t - 1, 0)], right = row[min(t + 1, n - 1)];
      mean = 0.25f * left + 0.5f * row[t] + 0.25f * right;
    }
    __syncthreads();  // all have read
    if (t < n) row[t] = mean;
    __syncthreads();  // all have written
  }
  if (t < n) out[blockIdx.x * n + t] = row[t];
}"""
